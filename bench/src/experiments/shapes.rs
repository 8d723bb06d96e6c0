//! How much one document holds: a counter, an hour, a day or a month of one page.
//!
//! Every hit counts its hour and its minute. A chart is the minutes of one day of one page.

use std::time::Duration;

use bson::{RawBsonRef, RawDocument, rawdoc};
use serde::Deserialize;
use tallymap::{Collection, CollectionOptions, Engine, FieldPath};

use super::Variant;
use crate::bench::{Bench, Work};
use crate::case::Case;
use crate::error::{Error, Result};
use crate::figures::Round;
use crate::load;
use crate::memory;
use crate::rate::processor_time;
use crate::tally::Tally;
use crate::workload::{self, Hit};

/// Days of a month's document.
const DAYS: usize = 31;
const MIB: f64 = (1 << 20) as f64;

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Workload {
    pages: usize,
    days: usize,
    /// Hits of each page and day.
    hits: usize,
    charts: usize,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Shape {
    Counter,
    Hour,
    Day,
    Month,
}

/// Reads a case for one of its variants.
pub fn variant(case: &Case, name: &str) -> Result<Variant> {
    let workload: Workload = case.workload()?;
    if !(1..=DAYS).contains(&workload.days) || workload.pages == 0 {
        return Err(Error::case(&case.name, "pages, and 1 to 31 days"));
    }
    let shape = match name {
        "per-counter" => Shape::Counter,
        "per-hour" => Shape::Hour,
        "per-day" => Shape::Day,
        "per-month" => Shape::Month,
        _ => return Err(case.no_variant(name)),
    };
    Ok(Box::new(move |bench| round(bench, workload, shape)))
}

/// A collection of documents of one shape, and the paths of their counters.
struct Store {
    shape: Shape,
    collection: Collection,
    pages: Vec<String>,
    hours: Vec<FieldPath>,
    minutes: Vec<FieldPath>,
}

fn round(bench: &Bench<'_>, workload: Workload, shape: Shape) -> Result<Round> {
    let engine = bench.builder().open()?;
    let store = Store::open(&engine, shape, workload.pages)?;
    let end = 1440 * workload.days as u32;
    let per_page = workload.hits * workload.days;
    let hits = workload::scattered(workload.pages, per_page, end, &mut bench.random());
    let work = Work::so_far(engine.counters());
    let (load, writes) = load::run(bench.case.threads, &hits, 1, |writes: &mut u64, hit| {
        *writes += store.count(hit)?;
        Ok(0)
    })?;
    let memory = memory::of_maps(bench.folder).map_err(Error::io(bench.folder))?;
    engine.wait_durable()?;
    let mut round = Round::new(store.tally(&hits).verify(&store.collection)?);
    load.figures(&mut round);
    work.figures(&engine, hits.len(), &mut round)?;
    let writes: u64 = writes.iter().sum();
    round.figure("writes_per_hit", writes as f64 / hits.len() as f64);
    store.charts(bench, workload, &hits, &mut round)?;
    let stats = store.collection.stats()?;
    let bytes = (stats.storage_size() + stats.total_index_size()) as f64;
    round.figure("documents", stats.count as f64);
    round.figure("disk_bytes_per_page_and_day", bytes / (workload.pages * workload.days) as f64);
    round.figure("private_mib", memory.private as f64 / MIB);
    engine.close()?;
    Ok(round)
}

impl Store {
    fn open(engine: &Engine, shape: Shape, pages: usize) -> Result<Store> {
        let template = match shape {
            Shape::Counter => rawdoc! { "n": 0 },
            Shape::Hour => rawdoc! { "n": 0, "minute": { "$grid": [60] } },
            Shape::Day => rawdoc! { "hourly": { "$grid": [24] }, "minute": { "$grid": [24, 60] } },
            Shape::Month => rawdoc! {
                "hourly": { "$grid": [DAYS as i32, 24] },
                "minute": { "$grid": [DAYS as i32, 24, 60] },
            },
        };
        let hour = |hour: usize| match shape {
            Shape::Counter | Shape::Hour => "n".to_owned(),
            Shape::Day => format!("hourly.{hour}"),
            Shape::Month => format!("hourly.{}.{}", hour / 24, hour % 24),
        };
        let minute = |minute: usize| match shape {
            Shape::Counter => "n".to_owned(),
            Shape::Hour => format!("minute.{minute}"),
            Shape::Day => format!("minute.{}.{}", minute / 60, minute % 60),
            Shape::Month => {
                format!("minute.{}.{}.{}", minute / 1440, minute / 60 % 24, minute % 60)
            }
        };
        let (hours, minutes) = match shape {
            Shape::Counter => (1, 1),
            Shape::Hour => (1, 60),
            Shape::Day => (24, 1440),
            Shape::Month => (24 * DAYS, 1440 * DAYS),
        };
        let options = CollectionOptions::default().template(template);
        Ok(Store {
            shape,
            collection: engine.database("stats")?.create_collection("hits", options)?,
            pages: workload::pages(pages),
            hours: workload::paths((0..hours).map(hour))?,
            minutes: workload::paths((0..minutes).map(minute))?,
        })
    }

    /// The document and path of each counter that a hit adds to: its hour's and its minute's.
    fn places(&self, page: u32, at: usize) -> [(String, &FieldPath); 2] {
        let page = &self.pages[page as usize];
        let hour = &self.hours[at / 60 % self.hours.len()];
        let minute = &self.minutes[at % self.minutes.len()];
        let id = |part: String| format!("200010{part}{page}");
        match self.shape {
            Shape::Counter => [(id(format!("h{}", at / 60)), hour), (id(format!("m{at}")), minute)],
            Shape::Hour => [(id(format!("h{}", at / 60)), hour), (String::new(), minute)],
            Shape::Day => [(id(format!("d{}", at / 1440)), hour), (String::new(), minute)],
            Shape::Month => [(id(String::new()), hour), (String::new(), minute)],
        }
    }

    /// Counts a hit. Answers how many updates that took.
    fn count(&self, hit: &Hit) -> Result<u64> {
        let [(first, hour), (second, minute)] = self.places(hit.page, hit.minute as usize);
        if second.is_empty() {
            self.collection.increment(first.as_str(), &[(hour, 1), (minute, 1)])?;
            return Ok(1);
        }
        self.collection.increment(first.as_str(), &[(hour, 1)])?;
        self.collection.increment(second.as_str(), &[(minute, 1)])?;
        Ok(2)
    }

    fn tally(&self, hits: &[Hit]) -> Tally {
        let mut tally = Tally::default();
        for hit in hits {
            let [(first, hour), (second, minute)] = self.places(hit.page, hit.minute as usize);
            tally.add(&first, hour.as_str());
            tally.add(if second.is_empty() { &first } else { &second }, minute.as_str());
        }
        tally
    }

    /// Reads some charts, and compares each with the hits.
    fn charts(
        &self,
        bench: &Bench<'_>,
        workload: Workload,
        hits: &[Hit],
        round: &mut Round,
    ) -> Result<()> {
        let mut random = bench.random();
        let (mut reads, mut time) = (0, Duration::ZERO);
        for _ in 0..workload.charts.max(1) {
            let page = random.rand_range(0..workload.pages as u64) as u32;
            let day = random.rand_range(0..workload.days as u64) as usize;
            let start = processor_time();
            let mut sum = 0;
            reads += self.chart(page, day, |count| sum += count)?;
            time += processor_time() - start;
            let of = |hit: &&Hit| hit.page == page && hit.minute as usize / 1440 == day;
            let counted = hits.iter().filter(of).count() as i64;
            if sum != counted {
                return Err(Error::WrongSum(format!("a chart of {sum} hits, not {counted}")));
            }
        }
        let charts = workload.charts.max(1) as f64;
        round.figure("reads_per_chart", f64::from(reads) / charts);
        round.figure("chart_cpu_us", time.as_secs_f64() * 1e6 / charts);
        Ok(())
    }

    /// The minutes of one day of a page. Answers how many documents were asked for.
    fn chart(&self, page: u32, day: usize, mut each: impl FnMut(i64)) -> Result<u32> {
        let step = match self.shape {
            Shape::Counter => 1,
            Shape::Hour => 60,
            Shape::Day | Shape::Month => 1440,
        };
        let mut reads = 0;
        for at in (day * 1440..(day + 1) * 1440).step_by(step) {
            let [(first, _), (second, _)] = self.places(page, at);
            let id = if second.is_empty() { first } else { second };
            reads += 1;
            let Some(document) = self.collection.find_by_id(id.as_str())? else { continue };
            if self.shape == Shape::Counter {
                document.get_i32("n").into_iter().for_each(|n| each(i64::from(n)));
                continue;
            }
            let mut minutes = document.get_document("minute").ok();
            if self.shape == Shape::Month {
                minutes = minutes.and_then(|days| days.get_document(day.to_string()).ok());
            }
            minutes.into_iter().for_each(|minutes| each_count(minutes, &mut each));
        }
        Ok(reads)
    }
}

/// Every counter, however deep.
fn each_count(counters: &RawDocument, each: &mut impl FnMut(i64)) {
    for (_, value) in counters.iter().flatten() {
        match value {
            RawBsonRef::Int32(n) => each(i64::from(n)),
            RawBsonRef::Document(inner) => each_count(inner, each),
            _ => {}
        }
    }
}
