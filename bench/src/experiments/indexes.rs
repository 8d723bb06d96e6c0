//! What an index costs: keys that come in order or in none, and moves that every index follows.
//!
//! Variants: `insert/right-aligned`, `insert/random` (of `_id`); `move/n` (every update moves the
//! document, which n indexes beside that of `_id` lead to).

use bson::{RawDocumentBuf, rawdoc};
use serde::Deserialize;
use tallymap::{Collection, CollectionOptions, Engine, IndexSpec, SizingPolicy};

use super::Variant;
use crate::bench::{Bench, Work};
use crate::case::Case;
use crate::error::Result;
use crate::figures::Round;
use crate::load;
use crate::tally::Tally;

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Workload {
    /// Documents that are inserted.
    documents: u64,
    /// Documents that are moved.
    movers: usize,
    /// How often each is.
    moves: usize,
}

/// Fields that may be indexed; no update changes them.
const INDEXED: [&str; 3] = ["site", "page", "agent"];

/// Reads a case for one of its variants.
pub fn variant(case: &Case, name: &str) -> Result<Variant> {
    let workload: Workload = case.workload()?;
    let index_count = |n: &str| n.parse::<usize>().ok().filter(|n| *n <= INDEXED.len());
    match (name, name.strip_prefix("move/").and_then(index_count)) {
        ("insert/right-aligned", _) => Ok(Box::new(move |bench| inserts(bench, workload, |n| n))),
        ("insert/random", _) => Ok(Box::new(move |bench| inserts(bench, workload, scramble))),
        (_, Some(indexes)) => Ok(Box::new(move |bench| moves(bench, workload, indexes))),
        _ => Err(case.no_variant(name)),
    }
}

/// Another number for each, in no order (the finalizer of SplitMix64).
fn scramble(n: u64) -> u64 {
    let n = (n ^ (n >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    n ^ (n >> 31)
}

fn inserts(bench: &Bench<'_>, workload: Workload, key: fn(u64) -> u64) -> Result<Round> {
    let engine = bench.builder().open()?;
    let documents =
        engine.database("stats")?.create_collection("documents", CollectionOptions::default())?;
    // Not from 0, which scrambles to 0.
    let numbers: Vec<u64> = (bench.seed..bench.seed + workload.documents).collect();
    let id = |n: &u64| format!("{:016x}", key(*n));
    let work = Work::so_far(engine.counters());
    let splits = engine.counters().bucket_splits.get();
    let (load, _) = load::run(bench.case.threads, &numbers, 1, |(): &mut (), n| {
        documents.insert_one(rawdoc! { "_id": id(n), "n": 1 })?;
        Ok(0)
    })?;
    engine.wait_durable()?;
    let mut tally = Tally::default();
    numbers.iter().for_each(|n| tally.add(&id(n), "n"));
    let mut round = Round::new(tally.verify(&documents)?);
    load.figures(&mut round);
    work.figures(&engine, numbers.len(), &mut round)?;
    let count = numbers.len().max(1) as f64;
    let splits = engine.counters().bucket_splits.get() - splits;
    round.figure("splits_per_1000", splits as f64 / count * 1e3);
    round.figure("index_bytes_per_key", documents.stats()?.total_index_size() as f64 / count);
    engine.close()?;
    Ok(round)
}

/// What the reports of updates said.
#[derive(Default)]
struct Seen {
    moves: u64,
    lines: u64,
}

fn moves(bench: &Bench<'_>, workload: Workload, indexes: usize) -> Result<Round> {
    let engine = bench.builder().open()?;
    let movers = prepare(&engine, workload, indexes)?;
    // Each in turn, so that no document finds the hole that it left.
    let updates: Vec<(usize, usize)> = (0..workload.moves)
        .flat_map(|number| (0..workload.movers).map(move |mover| (mover, number)))
        .collect();
    engine.wait_durable()?;
    let work = Work::so_far(engine.counters());
    let (load, seen) = load::run(bench.case.threads, &updates, 1, |seen: &mut Seen, update| {
        let (mover, number) = *update;
        let mut counters = RawDocumentBuf::new();
        let field = format!("n{number}");
        counters.append(bson::raw::CString::try_from(field).expect("no zeros"), 1i32);
        let filter = rawdoc! { "_id": id(mover) };
        let report = movers.update_one(filter, rawdoc! { "$inc": counters })?.run()?;
        seen.moves += u64::from(report.moved.is_some());
        seen.lines += u64::from(report.lines_dirtied);
        Ok(0)
    })?;
    engine.wait_durable()?;
    let mut tally = Tally::default();
    updates.iter().for_each(|(mover, number)| tally.add(&id(*mover), &format!("n{number}")));
    let mut round = Round::new(tally.verify(&movers)?);
    load.figures(&mut round);
    work.figures(&engine, updates.len(), &mut round)?;
    let count = updates.len().max(1) as f64;
    let sum = |of: fn(&Seen) -> u64| seen.iter().map(of).sum::<u64>() as f64;
    round.figure("moves_per_hit", sum(|seen| seen.moves) / count);
    round.figure("lines_per_hit", sum(|seen| seen.lines) / count);
    engine.close()?;
    Ok(round)
}

fn id(mover: usize) -> String {
    format!("page-{mover:06}")
}

/// Documents that outgrow their record with every field.
fn prepare(engine: &Engine, workload: Workload, indexes: usize) -> Result<Collection> {
    let options = CollectionOptions::default().policy(SizingPolicy::Exact);
    let movers = engine.database("stats")?.create_collection("movers", options)?;
    for field in &INDEXED[..indexes] {
        movers.create_index(IndexSpec::new(&[(field, 1)]))?;
    }
    for mover in 0..workload.movers {
        let of = |what: &str| format!("{what}-{:016x}", scramble(mover as u64 + 1));
        let (site, page, agent) = (of("site"), of("page"), of("agent"));
        movers
            .insert_one(rawdoc! { "_id": id(mover), "site": site, "page": page, "agent": agent })?;
    }
    Ok(movers)
}
