//! What a hit waits for under full load: the time of each, and how long commits hold writers.
//!
//! Variants are `threads[/budget]`: `one-thread` or `two-threads` that count; the private memory
//! that is allowed, as `64-mib`; 256 unless told.

use std::time::Instant;

use serde::Deserialize;
use tallymap::Lengths;

use super::Variant;
use crate::bench::{Bench, Work};
use crate::case::Case;
use crate::daily::{self, Choice, Daily};
use crate::error::{Error, Result};
use crate::figures::{Points, Round};
use crate::load::{self, Load};
use crate::memory::{self, Memory};
use crate::rate::{micros, written};

const MIB: f64 = (1 << 20) as f64;
const PAGE: u64 = 4096;
/// One hit in so many takes longer.
const ONE_IN: [f64; 13] =
    [2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1e3, 3e3, 1e4, 1e5, 1e6];

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Workload {
    pages: usize,
    /// Hits of each part of the run.
    hits: usize,
    parts: usize,
}

#[derive(Debug, Clone, Copy)]
struct Settings {
    threads: usize,
    budget_mib: u64,
}

/// Reads a case for one of its variants.
pub fn variant(case: &Case, name: &str) -> Result<Variant> {
    let workload: Workload = case.workload()?;
    if workload.pages == 0 || workload.hits == 0 || workload.parts == 0 {
        return Err(Error::case(&case.name, "pages, hits and parts are at least 1"));
    }
    let (threads, budget) = name.split_once('/').unwrap_or((name, "256-mib"));
    let threads = match threads {
        "one-thread" => 1,
        "two-threads" => 2,
        _ => return Err(case.no_variant(name)),
    };
    let budget_mib = budget.strip_suffix("-mib").and_then(|mib| mib.parse().ok());
    let settings = Settings { threads, budget_mib: budget_mib.ok_or(case.no_variant(name))? };
    Ok(Box::new(move |bench| round(bench, workload, settings)))
}

fn round(bench: &Bench<'_>, workload: Workload, settings: Settings) -> Result<Round> {
    let engine = bench.builder().private_budget(settings.budget_mib << 20).open()?;
    let daily = Daily::empty(&engine.database("stats")?, workload.pages)?;
    daily.fill()?;
    engine.sync()?;
    let hits = daily::hits(workload.pages, workload.hits, Choice::Zipf, &mut bench.random());
    let memory = || memory::of_maps(bench.folder).map_err(Error::io(bench.folder));
    let dropped = || engine.counters().pages_dropped.get();
    let (work, holds) = (Work::so_far(engine.counters()), engine.holds());
    let (first, written_before, dropped_before) = (memory()?, written("self")?, dropped());
    let mut seen = vec![(holds.clone(), first)];
    let mut load: Option<Load> = None;
    for part in 0..workload.parts {
        let count = |(): &mut (), hit: &daily::Hit| daily.count(hit).map(|()| part);
        let (of_part, _) = load::run(settings.threads, &hits, workload.parts, count)?;
        match &mut load {
            Some(load) => load.absorb(&of_part),
            None => load = Some(of_part),
        }
        seen.push((engine.holds(), memory()?));
    }
    let Some(load) = load else { return Err(Error::WrongSum("nothing was counted".to_owned())) };
    engine.wait_durable()?;
    let (end, copied) = (memory()?, dropped() - dropped_before);
    let written = written("self")? - written_before;
    let mut round = Round::new(daily.verify(&[(&hits, workload.parts as i64)])?);
    load.figures(&mut round);
    work.figures(&engine, load.rate.hits, &mut round)?;
    let holds_now = engine.holds();
    hold_figures(&mut round, &holds_now.gathers.since(&holds.gathers));
    let slices = holds_now.slices.since(&holds.slices);
    round.figure("give_back_p999_us", micros(slices.quantile(0.999)));
    memory_figures(&mut round, settings, &seen, end);
    let copied = copied + end.private.saturating_sub(first.private) / PAGE;
    round.figure("pages_copied", copied as f64);
    round.figure("pages_copied_per_hit", copied as f64 / load.rate.hits as f64);
    round.figure("written_bytes_per_hit", written as f64 / load.rate.hits as f64);
    round.figure("clock_ns", clock_ns());
    let all = load.parts_from(0);
    let one_in = ONE_IN.map(|n| (n, micros(all.quantile(1.0 - 1.0 / n))));
    round.series("one_in_us", one_in.to_vec());
    let percent = |part: usize| (part + 1) as f64 * 100.0 / workload.parts as f64;
    let over = |share| load.over(percent, |times| micros(times.quantile(share)));
    round.series("p999_us", over(0.999));
    let held = seen.windows(2).map(|pair| pair[1].0.gathers.since(&pair[0].0.gathers));
    // A part that is shorter than a commit may have none: then the last one counts.
    let held = held.scan(0.0, |last, held| {
        *last = if held.count() > 0 { micros(held.max()) } else { *last };
        Some(*last)
    });
    round.series("hold_us", numbered(held, percent));
    let private = seen[1..].iter().map(|(_, memory)| memory.private as f64 / MIB);
    round.series("private_mib", numbered(private, percent));
    engine.close()?;
    Ok(round)
}

fn numbered(values: impl Iterator<Item = f64>, x: impl Fn(usize) -> f64) -> Points {
    values.enumerate().map(|(part, value)| (x(part), value)).collect()
}

fn hold_figures(round: &mut Round, held: &Lengths) {
    round.figure("gathers", held.count() as f64);
    round.figure("hold_p50_us", micros(held.quantile(0.5)));
    round.figure("hold_p99_us", micros(held.quantile(0.99)));
    round.figure("hold_p999_us", micros(held.quantile(0.999)));
    round.figure("hold_max_us", micros(held.max()));
}

fn memory_figures<H>(round: &mut Round, settings: Settings, seen: &[(H, Memory)], end: Memory) {
    let most = seen.iter().map(|(_, memory)| memory.private).max().unwrap_or(0);
    round.figure("budget_mib", settings.budget_mib as f64);
    round.figure("private_max_mib", most as f64 / MIB);
    round.figure("private_end_mib", end.private as f64 / MIB);
    round.figure("shared_mib", end.shared as f64 / MIB);
    round.figure("resident_mib", end.resident as f64 / MIB);
}

/// What it costs to ask for the time, which is in the time of each hit once.
fn clock_ns() -> f64 {
    const TIMES: u32 = 100_000;
    let start = Instant::now();
    for _ in 0..TIMES {
        std::hint::black_box(Instant::now());
    }
    start.elapsed().as_nanos() as f64 / f64::from(TIMES)
}
