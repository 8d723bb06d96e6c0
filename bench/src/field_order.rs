//! Field order: skips and time of one hit at chosen minutes of the day.

use std::path::Path;
use std::time::Instant;

use clap::Args;
use tallymap::reports::{Day, Minute, MinuteLayout, PageViews};
use tallymap::{Engine, Error, FieldPath};

use crate::median::Spread;

const SITE: &str = "site-1";
const PAGE: &str = "/apache_pb.gif";

/// Options of the experiment.
#[derive(Args)]
pub struct FieldOrder {
    /// Hits of one round
    #[arg(long, default_value_t = 200_000)]
    hits: u32,
    /// Rounds of each case, interleaved
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
}

/// One layout at one minute, with or without memos.
struct Case {
    name: &'static str,
    views: PageViews,
    hour: u32,
    minute: u32,
    /// Fields passed over by each hit, both counters together.
    skips: u32,
    nanoseconds: Vec<f64>,
    expected: i64,
}

impl FieldOrder {
    /// Runs it and prints a table.
    pub fn run(&self) -> Result<(), Error> {
        let folder = tempfile::tempdir().map_err(|source| Error::Io {
            file: std::env::temp_dir(),
            op: "create",
            source,
        })?;
        let day = Day::new(2000, 10, 10).ok_or_else(no_such_time)?;
        let scanned = open(folder.path(), "scanned", false)?;
        let remembered = open(folder.path(), "remembered", true)?;
        let mut cases = Vec::new();
        for (name, engine, layout) in [
            ("0 … 1439, scanned", &scanned, MinuteLayout::Flat),
            ("24 × 60, scanned", &scanned, MinuteLayout::Hierarchical),
            ("0 … 1439, remembered", &remembered, MinuteLayout::Flat),
            ("24 × 60, remembered", &remembered, MinuteLayout::Hierarchical),
        ] {
            for (hour, minute) in [(0, 0), (13, 37), (23, 59)] {
                cases.push(Case::new(name, engine, layout, day, hour, minute)?);
            }
        }
        for _ in 0..self.rounds {
            for case in &mut cases {
                case.round(day, self.hits)?;
            }
        }
        println!(
            "{:<22} {:>6} {:>7} {:>9} {:>19}",
            "minutes", "minute", "skips", "ns/hit", "min … max"
        );
        for case in &mut cases {
            case.verify(day)?;
            let Some(spread) = Spread::of(&mut case.nanoseconds) else { continue };
            println!(
                "{:<22} {:>3}.{:02} {:>7} {:>9.0} {:>8.0} … {:>8.0}",
                case.name,
                case.hour,
                case.minute,
                case.skips,
                spread.median,
                spread.min,
                spread.max,
            );
        }
        println!(
            "\n{} hits of two counters in each of {} rounds; sums verified.",
            self.hits, self.rounds
        );
        scanned.close()?;
        remembered.close()
    }
}

fn open(folder: &Path, name: &str, memos: bool) -> Result<Engine, Error> {
    Engine::builder(folder.join(name)).ns_size_mib(1).memos(memos).open()
}

fn no_such_time() -> Error {
    Error::NotFound { what: "time", name: "of the experiment".into() }
}

impl Case {
    fn new(
        name: &'static str,
        engine: &Engine,
        layout: MinuteLayout,
        day: Day,
        hour: u32,
        minute: u32,
    ) -> Result<Case, Error> {
        let database = match layout {
            MinuteLayout::Flat => format!("flat{hour}"),
            MinuteLayout::Hierarchical => format!("hier{hour}"),
        };
        let views = PageViews::builder(engine, &database).layout(layout).open()?;
        views.preallocate(day, SITE, PAGE)?;
        Ok(Case { name, views, hour, minute, skips: 0, nanoseconds: Vec::new(), expected: 0 })
    }

    /// Counts `hits` hits, with paths and `_id` prepared as a counting program would.
    fn round(&mut self, day: Day, hits: u32) -> Result<(), Error> {
        let (year, month, of_month) = day.civil();
        let id = format!("{year:04}{month:02}{of_month:02}/{SITE}{PAGE}");
        let hour = FieldPath::parse(&format!("hourly.{}", self.hour))?;
        let minute = FieldPath::parse(&match self.name.starts_with('0') {
            true => format!("minute.{}", self.hour * 60 + self.minute),
            false => format!("minute.{}.{}", self.hour, self.minute),
        })?;
        let increments = [(&hour, 1), (&minute, 1)];
        let start = Instant::now();
        for _ in 0..hits {
            self.skips = self.views.daily().increment(id.as_str(), &increments)?.fields_skipped;
        }
        self.nanoseconds.push(start.elapsed().as_nanos() as f64 / f64::from(hits.max(1)));
        self.expected += i64::from(hits);
        Ok(())
    }

    /// Compares what is stored with what was counted.
    fn verify(&self, day: Day) -> Result<(), Error> {
        let at = Minute::new(day, self.hour, self.minute).ok_or_else(no_such_time)?;
        let minutes = self.views.minutes(SITE, PAGE, at..at.plus(1))?;
        let hours = self.views.hourly(SITE, PAGE, at..at.plus(1))?;
        for counts in [minutes.counts, hours.counts] {
            assert_eq!(counts, [self.expected], "a wrong answer is not timed: {}", self.name);
        }
        Ok(())
    }
}
