//! The first hit on a page, which makes its document from the collection's template.
//!
//! Variants say how many pages are new: a `burst`, that fits between two commits, or `sustained`,
//! where the disk has its say.

use serde::Deserialize;

use super::Variant;
use crate::bench::{Bench, Work};
use crate::case::Case;
use crate::daily::{Daily, Hit};
use crate::error::{Error, Result};
use crate::figures::Round;
use crate::load;
use crate::workload;

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Workload {
    /// New pages at once.
    burst: usize,
    /// New pages one after the other.
    sustained: usize,
}

/// Reads a case for one of its variants.
pub fn variant(case: &Case, name: &str) -> Result<Variant> {
    let workload: Workload = case.workload()?;
    let pages = match name {
        "burst" => workload.burst,
        "sustained" => workload.sustained,
        _ => return Err(case.no_variant(name)),
    };
    if pages == 0 {
        return Err(Error::case(&case.name, "burst and sustained are at least 1"));
    }
    Ok(Box::new(move |bench| round(bench, pages)))
}

fn round(bench: &Bench<'_>, pages: usize) -> Result<Round> {
    let engine = bench.builder().open()?;
    // One more, whose first hit makes the first data file.
    let daily = Daily::empty(&engine.database("stats")?, pages + 1)?;
    let random = &mut bench.random();
    let mut order: Vec<u32> = (1..=pages as u32).collect();
    workload::shuffle(&mut order, random);
    let any = |page| Hit { page, minute: random.rand_range(0..1440) as u32 };
    let hits: Vec<Hit> = std::iter::once(0).chain(order).map(any).collect();
    let (opening, new) = hits.split_at(1);
    daily.count(&opening[0])?;
    engine.sync()?;
    let work = Work::so_far(engine.counters());
    let count = |(): &mut (), hit: &Hit| daily.count(hit).map(|()| 0);
    let (first, _) = load::run(bench.case.threads, new, 1, count)?;
    engine.wait_durable()?;
    let again = load::whole(bench.case.threads, new, 1, |hit| daily.count(hit))?;
    engine.wait_durable()?;
    let mut round = Round::new(daily.verify(&[(opening, 1), (new, 2)])?);
    let micros = |time: std::time::Duration| time.as_secs_f64() * 1e6 / new.len() as f64;
    round.figure("first_us", micros(first.rate.wall));
    round.figure("first_cpu_us", micros(first.rate.cpu));
    round.figure("second_us", micros(again.wall));
    first.figures(&mut round);
    work.figures(&engine, new.len(), &mut round)?;
    engine.close()?;
    Ok(round)
}
