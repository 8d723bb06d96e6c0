//! What a hit costs at each minute of the day: fields and bytes skipped, and time.
//!
//! Variants are `layout/how[/detail]`: `flat` (0 to 1439 in a row) or `nested` (24 × 60);
//! `scan` or `memo`; then `int64` or `double` counters, or the order of the top-level fields:
//! `metadata-last`, or twenty more fields, `crowd-first` or `crowd-last`.

use bson::{RawDocumentBuf, rawdoc};
use serde::Deserialize;
use tallymap::{Collection, CollectionOptions, Engine, FieldPath, LocatedBy};

use super::Variant;
use crate::bench::Bench;
use crate::case::Case;
use crate::error::{Error, Result};
use crate::figures::Round;
use crate::median::Spread;
use crate::rate::processor_time;
use crate::tally::Tally;

const PAGE: &str = "20001010/site-1/apache_pb.gif";

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Workload {
    /// Hits at each minute.
    hits: u32,
    /// Minutes from one that is measured to the next.
    every: usize,
}

#[derive(Debug, Clone, Copy)]
struct Document {
    nested: bool,
    memos: bool,
    number: &'static str,
    /// What stands before the counters, and what behind.
    before: &'static [Other],
    behind: &'static [Other],
}

/// What a document has beside counters.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Other {
    Metadata,
    /// [`CROWD`] fields.
    Crowd,
}

const CROWD: usize = 20;

/// Reads a case for one of its variants.
pub fn variant(case: &Case, name: &str) -> Result<Variant> {
    let workload: Workload = case.workload()?;
    if workload.hits == 0 || workload.every == 0 {
        return Err(Error::case(&case.name, "hits and every are at least 1"));
    }
    let mut words = name.split('/');
    let nested = match words.next() {
        Some("flat") => false,
        Some("nested") => true,
        _ => return Err(case.no_variant(name)),
    };
    let memos = match words.next() {
        Some("scan") => false,
        Some("memo") => true,
        _ => return Err(case.no_variant(name)),
    };
    let before = &[Other::Metadata];
    let mut document = Document { nested, memos, number: "int32", before, behind: &[] };
    match words.next() {
        None => {}
        Some("int64") => document.number = "int64",
        Some("double") => document.number = "double",
        Some("metadata-last") => (document.before, document.behind) = (&[], &[Other::Metadata]),
        Some("crowd-first") => document.before = &[Other::Metadata, Other::Crowd],
        Some("crowd-last") => document.behind = &[Other::Crowd],
        Some(_) => return Err(case.no_variant(name)),
    }
    Ok(Box::new(move |bench| round(bench, workload, document)))
}

impl Document {
    /// Makes the collection, whose only document is made by its first hit.
    fn create(self, engine: &Engine) -> Result<Collection> {
        let minutes = match self.nested {
            true => rawdoc! { "$grid": [24, 60], "type": self.number },
            false => rawdoc! { "$grid": [1440], "type": self.number },
        };
        let hours = rawdoc! { "$grid": [24], "type": self.number };
        let mut template = RawDocumentBuf::new();
        self.before.iter().for_each(|other| other.append(&mut template));
        template.append(bson::cstr!("hourly"), hours);
        template.append(bson::cstr!("minute"), minutes);
        self.behind.iter().for_each(|other| other.append(&mut template));
        let database = engine.database("stats")?;
        let options = CollectionOptions::default().template(template);
        Ok(database.create_collection("daily", options)?)
    }

    /// Fields before `minute`: `_id`, `hourly`, and what else there is.
    fn fields_before(self) -> u32 {
        let fields = |other: &Other| if *other == Other::Crowd { CROWD as u32 } else { 1 };
        2 + self.before.iter().map(fields).sum::<u32>()
    }

    fn path(self, minute: usize) -> String {
        match self.nested {
            true => format!("minute.{}.{}", minute / 60, minute % 60),
            false => format!("minute.{minute}"),
        }
    }
}

impl Other {
    fn append(&self, document: &mut RawDocumentBuf) {
        if *self == Other::Metadata {
            let metadata = rawdoc! { "site": "site-1", "page": "/apache_pb.gif" };
            document.append(bson::cstr!("metadata"), metadata);
            return;
        }
        for number in 0..CROWD {
            let name = bson::raw::CString::try_from(format!("field{number}"));
            document.append(name.expect("a name without zeros"), "of varying length");
        }
    }
}

/// What one minute gave.
struct AtMinute {
    minute: f64,
    skipped: u32,
    bytes: u32,
    nanoseconds: f64,
    by_memo: bool,
}

impl AtMinute {
    /// One hit, and so many more whose time is taken.
    fn measure(daily: &Collection, path: &FieldPath, minute: usize, hits: u32) -> Result<AtMinute> {
        let increments = [(path, 1)];
        let mut report = daily.increment(PAGE, &increments)?;
        let start = processor_time();
        for _ in 0..hits {
            report = daily.increment(PAGE, &increments)?;
        }
        let nanoseconds = (processor_time() - start).as_nanos() as f64 / f64::from(hits);
        Ok(AtMinute {
            minute: minute as f64,
            skipped: report.fields_skipped,
            bytes: report.bytes_skipped,
            nanoseconds,
            by_memo: report.located_by == LocatedBy::Memo,
        })
    }
}

/// Batches of hits of the first and of the last minute, in turn.
const BATCHES: usize = 11;
/// Hits of a batch for each that a minute of the day gets.
const BATCH: u32 = 10;

/// The time of a hit of the first minute of the day, and of one of the last: of each the median
/// batch, so that a commit that falls into one does not count.
fn ends(daily: &Collection, document: Document, hits: u32, tally: &mut Tally) -> Result<[f64; 2]> {
    let hits = BATCH * hits;
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..BATCHES {
        for (minute, times) in [0, 1439].into_iter().zip(&mut times) {
            let path = FieldPath::parse(&document.path(minute))?;
            times.push(AtMinute::measure(daily, &path, minute, hits)?.nanoseconds);
            tally.add_many(PAGE, path.as_str(), i64::from(hits) + 1);
        }
    }
    Ok(times.map(|mut times| Spread::of(&mut times).map_or(0.0, |spread| spread.median)))
}

fn round(bench: &Bench<'_>, workload: Workload, document: Document) -> Result<Round> {
    let engine = bench.builder().memos(document.memos).open()?;
    let daily = document.create(&engine)?;
    let mut tally = Tally::default();
    // The first hit makes the document; the second remembers it, if that is allowed.
    let first = FieldPath::parse(&document.path(0))?;
    for _ in 0..2 {
        daily.increment(PAGE, &[(&first, 1)])?;
        tally.add(PAGE, first.as_str());
    }
    let mut minutes = Vec::new();
    for minute in (0..1440).step_by(workload.every) {
        let path = FieldPath::parse(&document.path(minute))?;
        minutes.push(AtMinute::measure(&daily, &path, minute, workload.hits)?);
        tally.add_many(PAGE, path.as_str(), i64::from(workload.hits) + 1);
    }
    let ends = ends(&daily, document, workload.hits, &mut tally)?;
    let mut round = Round::new(tally.verify(&daily)?);
    figures(&mut round, &minutes, document.fields_before());
    round.figure("ns_first_minute", ends[0]);
    round.figure("ns_last_minute", ends[1]);
    let stored = daily.find_by_id(PAGE)?.map_or(0, |stored| stored.as_bytes().len());
    round.figure("document_bytes", stored as f64);
    let record = daily.stats()?.size as f64 + 16.0;
    round.figure("record_bytes", record);
    round.figure("padding_percent", (record - 16.0 - stored as f64) / stored as f64 * 100.0);
    engine.close()?;
    Ok(round)
}

fn figures(round: &mut Round, minutes: &[AtMinute], before: u32) {
    let count = minutes.len().max(1) as f64;
    let mean = |of: &dyn Fn(&AtMinute) -> f64| minutes.iter().map(of).sum::<f64>() / count;
    let most = |of: &dyn Fn(&AtMinute) -> f64| minutes.iter().map(of).fold(0.0, f64::max);
    let skipped = |at: &AtMinute| f64::from(at.skipped);
    // What the articles count: the fields of `minute` only.
    let inside = |at: &AtMinute| f64::from(at.skipped.saturating_sub(before));
    round.figure("skips_mean", mean(&skipped));
    round.figure("skips_max", most(&skipped));
    round.figure("inside_mean", mean(&inside));
    round.figure("inside_max", most(&inside));
    round.figure("bytes_skipped_mean", mean(&|at| f64::from(at.bytes)));
    round.figure("ns_mean", mean(&|at| at.nanoseconds));
    round.figure("by_memo_percent", mean(&|at| f64::from(u8::from(at.by_memo)) * 100.0));
    round.series("skips", minutes.iter().map(|at| (at.minute, skipped(at))).collect());
    // Every fifth will do: time is smoother than it is certain.
    let some = minutes.iter().step_by((minutes.len() / 288).max(1));
    round.series("ns", some.map(|at| (at.minute, at.nanoseconds)).collect());
}
