//! The same hits on ever more documents, up to more than should be resident.
//!
//! Variants say how many of the workload's documents there are: `all`, a `tenth`, a `hundredth`,
//! a `thousandth`. Each is hit by Zipf's law first, then evenly, which no cache is good for.

use std::time::Instant;

use serde::Deserialize;
use tallymap::Engine;

use super::Variant;
use crate::bench::Bench;
use crate::case::Case;
use crate::daily::{self, Choice, Daily, Hit};
use crate::error::{Error, Result};
use crate::figures::Round;
use crate::load;
use crate::memory;
use crate::rate::{micros, written};

const MIB: f64 = (1 << 20) as f64;

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Workload {
    documents: usize,
    /// Of each kind.
    hits: usize,
    /// How often they are counted.
    times: usize,
}

/// Reads a case for one of its variants.
pub fn variant(case: &Case, name: &str) -> Result<Variant> {
    let workload: Workload = case.workload()?;
    let share = match name {
        "all" => 1,
        "tenth" => 10,
        "hundredth" => 100,
        "thousandth" => 1000,
        _ => return Err(case.no_variant(name)),
    };
    if workload.documents < share || workload.hits == 0 || workload.times == 0 {
        return Err(Error::case(&case.name, "documents, hits and times are too few"));
    }
    Ok(Box::new(move |bench| round(bench, workload, workload.documents / share)))
}

fn round(bench: &Bench<'_>, workload: Workload, documents: usize) -> Result<Round> {
    let random = &mut bench.random();
    let hits = |choice, random: &mut _| daily::hits(documents, workload.hits, choice, random);
    let (zipf, even) = (hits(Choice::Zipf, random), hits(Choice::Even, random));
    let engine = bench.builder().open()?;
    let daily = Daily::empty(&engine.database("stats")?, documents)?;
    let start = Instant::now();
    daily.fill()?;
    engine.sync()?;
    let seconds = start.elapsed().as_secs_f64();
    let mut figures: Vec<(&'static str, f64)> = vec![
        ("documents", documents as f64),
        ("load_s", seconds),
        ("documents_loaded_per_s", documents as f64 / seconds),
        ("file_mib", bench.file_bytes()? as f64 / MIB),
    ];
    figures.extend(count(bench, &engine, &daily, &zipf, workload.times, &BY_ZIPF)?);
    figures.extend(count(bench, &engine, &daily, &even, workload.times, &EVENLY)?);
    let times = workload.times as i64;
    let mut round = Round::new(daily.verify(&[(&zipf, times), (&even, times)])?);
    figures.into_iter().for_each(|(name, value)| round.figure(name, value));
    engine.close()?;
    Ok(round)
}

/// Names of the figures of a load.
type Names = [&'static str; 8];

const BY_ZIPF: Names = [
    "hits_per_s",
    "cpu_ns_per_hit",
    "journal_bytes_per_hit",
    "written_bytes_per_hit",
    "hold_p999_us",
    "private_mib",
    "shared_mib",
    "resident_mib",
];

const EVENLY: Names = [
    "even_hits_per_s",
    "even_cpu_ns_per_hit",
    "even_journal_bytes_per_hit",
    "even_written_bytes_per_hit",
    "even_hold_p999_us",
    "even_private_mib",
    "even_shared_mib",
    "even_resident_mib",
];

/// Counts the hits so many times, until they are durable.
fn count(
    bench: &Bench<'_>,
    engine: &Engine,
    daily: &Daily,
    hits: &[Hit],
    times: usize,
    names: &Names,
) -> Result<Vec<(&'static str, f64)>> {
    let journaled = || engine.counters().journal_bytes.get();
    let (holds, wrote, journal) = (engine.holds(), written("self")?, journaled());
    let rate = load::whole(bench.case.threads, hits, times, |hit| daily.count(hit))?;
    let memory = memory::of_maps(bench.folder).map_err(Error::io(bench.folder))?;
    engine.wait_durable()?;
    let (counted, seconds) = (rate.hits as f64, rate.wall.as_secs_f64());
    let held = engine.holds().gathers.since(&holds.gathers).quantile(0.999);
    let values = [
        counted / seconds,
        rate.cpu.as_nanos() as f64 / counted,
        (journaled() - journal) as f64 / counted,
        (written("self")? - wrote) as f64 / counted,
        micros(held),
        memory.private as f64 / MIB,
        memory.shared as f64 / MIB,
        memory.resident as f64 / MIB,
    ];
    Ok(names.iter().copied().zip(values).collect())
}
