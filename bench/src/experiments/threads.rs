//! Threads that count at the same time.
//!
//! Variants are `whose/threads`: `own` (each thread has documents that no other hits) or `same`
//! (all hit one document); 1 to 64 threads, which share the hits.

use serde::Deserialize;

use super::Variant;
use crate::bench::{Bench, Work};
use crate::case::Case;
use crate::daily::{self, Choice, Daily};
use crate::error::{Error, Result};
use crate::figures::Round;
use crate::load;

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Workload {
    pages: usize,
    hits: usize,
    /// How often the hits are counted, after once that is not measured.
    times: usize,
}

/// Reads a case for one of its variants.
pub fn variant(case: &Case, name: &str) -> Result<Variant> {
    let workload: Workload = case.workload()?;
    let (whose, threads) = name.split_once('/').ok_or_else(|| case.no_variant(name))?;
    let threads = threads.parse().ok().filter(|threads| (1..=64).contains(threads));
    let threads: usize = threads.ok_or_else(|| case.no_variant(name))?;
    if workload.pages == 0 || !workload.pages.is_multiple_of(threads) {
        return Err(Error::case(&case.name, "pages, that the threads can share"));
    }
    let apart = match whose {
        "own" => true,
        "same" => false,
        _ => return Err(case.no_variant(name)),
    };
    Ok(Box::new(move |bench| round(bench, workload, apart, threads)))
}

fn round(bench: &Bench<'_>, workload: Workload, apart: bool, threads: usize) -> Result<Round> {
    let engine = bench.builder().open()?;
    let daily = Daily::empty(&engine.database("stats")?, workload.pages)?;
    daily.fill()?;
    let random = &mut bench.random();
    let mut hits = daily::hits(workload.pages, workload.hits, Choice::Zipf, random);
    for (number, hit) in hits.iter_mut().enumerate() {
        // A thread takes every n-th hit: those of pages whose number has one remainder.
        let shared = hit.page as usize / threads * threads;
        hit.page = if apart { (shared + number % threads) as u32 } else { 0 };
    }
    load::whole(threads, &hits, 1, |hit| daily.count(hit))?;
    engine.sync()?;
    let work = Work::so_far(engine.counters());
    let rate = load::whole(threads, &hits, workload.times, |hit| daily.count(hit))?;
    engine.wait_durable()?;
    let mut round = Round::new(daily.verify(&[(&hits, workload.times as i64 + 1)])?);
    round.figure("threads", threads as f64);
    rate.figures(&mut round);
    work.figures(&engine, rate.hits, &mut round)?;
    engine.close()?;
    Ok(round)
}
