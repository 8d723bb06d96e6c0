//! What waiting for an answer, or for the journal, costs a hit.
//!
//! Variants are `concern/interval/threads`: `w0` (handed to another thread, nobody looks at the
//! answer), `w1` (the call returns), `j` (the journal has it), `unjournaled` (there is none); the
//! commit interval, as `100ms`; threads that count.

use std::sync::mpsc;
use std::time::Duration;

use serde::Deserialize;
use tallymap::{Collection, CollectionOptions, Durability, Engine, FieldPath};

use super::Variant;
use crate::bench::{Bench, Work};
use crate::case::Case;
use crate::error::{Error, Result};
use crate::figures::Round;
use crate::load::{self, Load};
use crate::tally::Tally;
use crate::workload::{self, Hit};

/// Hits that may wait for the thread of `w0`.
const QUEUE: usize = 1024;

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Workload {
    pages: usize,
    /// Hits of each page.
    hits: usize,
    /// The same where every hit waits for the disk, and by each thread.
    hits_j: usize,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Concern {
    W0,
    W1,
    J,
    Unjournaled,
}

/// Reads a case for one of its variants.
pub fn variant(case: &Case, name: &str) -> Result<Variant> {
    let workload: Workload = case.workload()?;
    let mut words = name.split('/');
    let concern = match words.next() {
        Some("w0") => Concern::W0,
        Some("w1") => Concern::W1,
        Some("j") => Concern::J,
        Some("unjournaled") => Concern::Unjournaled,
        _ => return Err(case.no_variant(name)),
    };
    let number = |word: Option<&str>| word.and_then(|word| word.parse::<u64>().ok());
    let interval = number(words.next().and_then(|word| word.strip_suffix("ms")));
    let threads = number(words.next()).filter(|threads| (1..=64).contains(threads));
    let (Some(interval), Some(threads)) = (interval, threads) else {
        return Err(case.no_variant(name));
    };
    let interval = Duration::from_millis(interval);
    Ok(Box::new(move |bench| round(bench, workload, concern, interval, threads as usize)))
}

fn round(
    bench: &Bench<'_>,
    workload: Workload,
    concern: Concern,
    interval: Duration,
    threads: usize,
) -> Result<Round> {
    let durability = match concern {
        Concern::Unjournaled => Durability::None,
        _ => Durability::Journaled,
    };
    let engine = bench.builder().durability(durability).commit_interval(interval).open()?;
    let hourly = bson::rawdoc! { "hourly": { "$grid": [24] } };
    let options = CollectionOptions::default().template(hourly);
    let daily = engine.database("stats")?.create_collection("daily", options)?;
    let counters = Counters {
        pages: workload::pages(workload.pages),
        hours: workload::paths((0..24).map(|hour| format!("hourly.{hour}")))?,
        daily,
    };
    let per_page = match concern {
        Concern::J => (workload.hits_j * threads).div_ceil(workload.pages.max(1)),
        _ => workload.hits,
    };
    let hits = workload::scattered(workload.pages, per_page, 1440, &mut bench.random());
    engine.wait_durable()?;
    let work = Work::so_far(engine.counters());
    let load = match concern {
        Concern::W0 => counters.hand_over(threads, &hits)?,
        _ => counters.wait(&engine, concern == Concern::J, threads, &hits)?,
    };
    engine.wait_durable()?;
    let mut tally = Tally::default();
    for hit in &hits {
        let hour = &counters.hours[hit.minute as usize / 60];
        tally.add(&counters.pages[hit.page as usize], hour.as_str());
    }
    let mut round = Round::new(tally.verify(&counters.daily)?);
    load.figures(&mut round);
    work.figures(&engine, hits.len(), &mut round)?;
    engine.close()?;
    Ok(round)
}

/// What is counted.
struct Counters {
    pages: Vec<String>,
    hours: Vec<FieldPath>,
    daily: Collection,
}

impl Counters {
    fn count(&self, hit: &Hit) -> Result<()> {
        let hour = &self.hours[hit.minute as usize / 60];
        self.daily.increment(self.pages[hit.page as usize].as_str(), &[(hour, 1)])?;
        Ok(())
    }

    /// Every hit waits for its call, and for the journal if asked to.
    fn wait(&self, engine: &Engine, journal: bool, threads: usize, hits: &[Hit]) -> Result<Load> {
        let (load, _) = load::run(threads, hits, 1, |(): &mut (), hit| {
            self.count(hit)?;
            if journal {
                engine.wait_durable()?;
            }
            Ok(0)
        })?;
        Ok(load)
    }

    /// Every hit is handed to a thread that counts it some time.
    fn hand_over(&self, threads: usize, hits: &[Hit]) -> Result<Load> {
        let (hand, handed) = mpsc::sync_channel::<Hit>(QUEUE);
        std::thread::scope(|scope| {
            let counting = scope.spawn(move || handed.iter().try_for_each(|hit| self.count(&hit)));
            let load = load::run(threads, hits, 1, |(): &mut (), hit| {
                let gone = |_| Error::WrongSum("the thread that counts ended early".to_owned());
                hand.send(*hit).map_err(gone)?;
                Ok(0)
            });
            drop(hand);
            counting.join().expect("the thread that counts")?;
            Ok(load?.0)
        })
    }
}
