//! A day, hit by hit in order of time: moves, bytes copied, holes, files, and the time of a hit.
//!
//! Variants are `growth/policy`: `grow`, `template` or `preallocated`; and one of [`POLICIES`].

use std::time::Instant;

use serde::Deserialize;
use tallymap::SizingPolicy;
use tallymap::reports::{Growth, PageViews};

use super::Variant;
use crate::bench::{Bench, Work};
use crate::case::Case;
use crate::error::Result;
use crate::figures::Round;
use crate::load;
use crate::rate::micros;
use crate::tally::{Tally, Verified};
use crate::workload::{self, Hit, SITE};

/// Sizing policies by the name that the cases give them.
const POLICIES: [(&str, SizingPolicy); 5] = [
    ("power-of-2", SizingPolicy::PowerOf2),
    ("no-padding", SizingPolicy::Exact),
    ("padding-2.2", SizingPolicy::PaddingFactor { quantized: false }),
    ("padding-2.4", SizingPolicy::PaddingFactor { quantized: true }),
    ("power-of-2-v2.4", SizingPolicy::PowerOf2V2_4),
];

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Workload {
    pages: usize,
    /// Minutes from one hit of a page to the next.
    every: usize,
}

/// What a thread saw in the reports of its hits.
#[derive(Default)]
struct Seen {
    /// Moves by hour.
    moves: [u64; 24],
    copied: u64,
}

/// Reads a case for one of its variants.
pub fn variant(case: &Case, name: &str) -> Result<Variant> {
    let workload: Workload = case.workload()?;
    let none = || case.no_variant(name);
    let (growth, policy) = name.split_once('/').ok_or_else(none)?;
    let growth = match growth {
        "grow" => Growth::Grow,
        "template" => Growth::Template,
        "preallocated" => Growth::Preallocate,
        _ => return Err(none()),
    };
    let policy = POLICIES.iter().find(|(known, _)| *known == policy).ok_or_else(none)?.1;
    Ok(Box::new(move |bench| round(bench, workload, growth, policy)))
}

fn round(
    bench: &Bench<'_>,
    workload: Workload,
    growth: Growth,
    policy: SizingPolicy,
) -> Result<Round> {
    let engine = bench.builder().open()?;
    let views = PageViews::builder(&engine, "stats").growth(growth).policy(policy).open()?;
    let (pages, day) = (workload::pages(workload.pages), workload::day());
    let hits = workload::pulse(workload.pages, workload.every, &mut bench.random());
    let start = Instant::now();
    if growth == Growth::Preallocate {
        for page in &pages {
            views.preallocate(day, SITE, page)?;
        }
    }
    let prepared = start.elapsed();
    engine.wait_durable()?;
    let work = Work::so_far(engine.counters());
    let (load, seen) = load::run(bench.case.threads, &hits, 24, |seen: &mut Seen, hit: &Hit| {
        let at = day.start().plus(i64::from(hit.minute));
        let daily = views.log_hit(at, SITE, &pages[hit.page as usize])?.daily;
        let hour = at.hour() as usize;
        if daily.moved.is_some() {
            seen.moves[hour] += 1;
            seen.copied += u64::from(daily.bytes_written);
        }
        Ok(hour)
    })?;
    engine.wait_durable()?;
    let mut round = Round::new(verify(&views, &hits, &pages)?);
    load.figures(&mut round);
    work.figures(&engine, hits.len(), &mut round)?;
    round.figure("prepare_ms", prepared.as_secs_f64() * 1e3);
    let documents = pages.len() as f64;
    let moves = |hour: usize| seen.iter().map(|seen| seen.moves[hour]).sum::<u64>() as f64;
    let copied: u64 = seen.iter().map(|seen| seen.copied).sum();
    round.figure("moves_per_document", (0..24).map(moves).sum::<f64>() / documents);
    round.figure("bytes_copied_per_document", copied as f64 / documents);
    space(bench, &engine, documents, &mut round)?;
    let mut sum = 0.0;
    let so_far = (0..24).map(|hour| {
        sum += moves(hour) / documents;
        ((hour + 1) as f64, sum)
    });
    round.series("moves", std::iter::once((0.0, 0.0)).chain(so_far).collect());
    for (name, share) in [("p50_us", 0.5), ("p99_us", 0.99)] {
        let over_the_day = load.over(|hour| hour as f64, |times| micros(times.quantile(share)));
        round.series(name, over_the_day);
    }
    engine.close()?;
    Ok(round)
}

/// How the bytes of the daily documents' extents are used at the end of the day.
fn space(
    bench: &Bench<'_>,
    engine: &tallymap::Engine,
    documents: f64,
    round: &mut Round,
) -> Result<()> {
    let map = engine.database("stats")?.map()?;
    let usage = map.namespaces.iter().find(|it| it.ns == "stats.daily").map(|it| it.usage);
    let usage = usage.unwrap_or_default();
    round.figure("holes_per_document", usage.holes as f64 / documents);
    round.figure("hole_bytes_per_document", usage.hole_bytes as f64 / documents);
    round.figure("padding_bytes_per_document", usage.padding_bytes as f64 / documents);
    round.figure("extent_bytes_per_document", usage.extent_bytes as f64 / documents);
    round.figure("file_mib", bench.file_bytes()? as f64 / f64::from(1 << 20));
    Ok(())
}

/// Compares both collections with the hits.
pub fn verify(views: &PageViews, hits: &[Hit], pages: &[String]) -> Result<Verified> {
    let (mut daily, mut monthly) = (Tally::default(), Tally::default());
    for hit in hits {
        let at = workload::day().start().plus(i64::from(hit.minute));
        let ((year, month, of_month), page) = (at.day().civil(), &pages[hit.page as usize]);
        let id = format!("{year:04}{month:02}{of_month:02}/{SITE}{page}");
        daily.add(&id, &format!("hourly.{}", at.hour()));
        daily.add(&id, &format!("minute.{}.{}", at.hour(), at.minute()));
        monthly.add(&format!("{year:04}{month:02}/{SITE}{page}"), &format!("daily.{of_month}"));
    }
    Ok(daily.verify(views.daily())?.and(monthly.verify(views.monthly())?))
}
