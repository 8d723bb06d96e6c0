//! How the documents of the next day come to be, and what their coming costs the hits around
//! midnight.
//!
//! Variants: `none` (they grow), `at-once` (a job at midnight makes them all), `dice/k` (each hit
//! of the day makes its page's document of tomorrow, with the probability k/h for h hits a day),
//! `template`, `template/ahead` (a thread makes them in the hour before midnight).

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::mpsc;

use serde::Deserialize;
use tallymap::reports::{Growth, PageViews};

use super::Variant;
use super::growth::verify;
use crate::bench::Bench;
use crate::case::Case;
use crate::error::{Error, Result};
use crate::figures::Round;
use crate::load::{self, Load};
use crate::rate::micros;
use crate::workload::{self, Hit, SITE};

const MIDNIGHT: u32 = 1440;
/// Minutes before midnight that are looked at closely.
const BEFORE: u32 = 60;
/// Minutes of a part of these.
const PART: u32 = 10;

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Workload {
    pages: usize,
    /// Hits of a page in a day.
    hits: usize,
    /// Minutes of the second day.
    after: u32,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    None,
    AtOnce,
    /// k
    Dice(f64),
    Template,
    Ahead,
}

/// Reads a case for one of its variants.
pub fn variant(case: &Case, name: &str) -> Result<Variant> {
    let workload: Workload = case.workload()?;
    if workload.after < PART || workload.hits == 0 {
        return Err(Error::case(&case.name, "too few hits, or minutes after midnight"));
    }
    let way = match name {
        "none" => Way::None,
        "at-once" => Way::AtOnce,
        "template" => Way::Template,
        "template/ahead" => Way::Ahead,
        _ => {
            let k = name.strip_prefix("dice/").and_then(|k| k.parse::<u32>().ok());
            Way::Dice(f64::from(k.ok_or_else(|| case.no_variant(name))?))
        }
    };
    Ok(Box::new(move |bench| round(bench, workload, way)))
}

/// Everything that a hit needs.
struct Scene {
    views: PageViews,
    pages: Vec<String>,
    workload: Workload,
    way: Way,
    /// The job at midnight was done.
    job_done: AtomicBool,
    /// Pages whose documents of tomorrow the other thread was asked for.
    asked: AtomicU32,
}

/// What a thread saw.
#[derive(Default)]
struct Seen {
    prepared: u64,
    moves: u64,
}

fn round(bench: &Bench<'_>, workload: Workload, way: Way) -> Result<Round> {
    let engine = bench.builder().open()?;
    let growth = match way {
        Way::Template | Way::Ahead => Growth::Template,
        _ => Growth::Grow,
    };
    let scene = Scene {
        views: PageViews::builder(&engine, "stats").growth(growth).open()?,
        pages: workload::pages(workload.pages),
        workload,
        way,
        job_done: AtomicBool::new(way != Way::AtOnce),
        asked: AtomicU32::new(0),
    };
    if !matches!(way, Way::None | Way::Template) {
        scene.pages.iter().try_for_each(|page| scene.make(page, 0))?;
    }
    let end = MIDNIGHT + workload.after;
    let per_page = workload.hits * end as usize / MIDNIGHT as usize;
    let hits = workload::scattered(workload.pages, per_page, end, &mut bench.random());
    let (today, tomorrow) = hits.split_at(hits.partition_point(|hit| hit.minute < MIDNIGHT));
    let (mut load, mut seen) = scene.first_day(bench.case.threads, today)?;
    let mut covered = 0;
    for page in &scene.pages {
        covered += u32::from(scene.views.has_day(workload::day().plus(1), SITE, page)?);
    }
    let (second, of_second) = scene.count(bench.case.threads, tomorrow, None)?;
    let moves: u64 = of_second.iter().map(|seen| seen.moves).sum();
    let after = second.parts_from(part(MIDNIGHT));
    load.absorb(&second);
    seen.extend(of_second);
    let mut round = Round::new(verify(&scene.views, &hits, &scene.pages)?);
    load.figures(&mut round);
    let pages = workload.pages as f64;
    round.figure("covered_percent", f64::from(covered) / pages * 100.0);
    if let Way::Dice(k) = way {
        let missed = (1.0 - k / workload.hits as f64).powf(workload.hits as f64);
        round.figure("expected_percent", (1.0 - missed) * 100.0);
    }
    let prepared: u64 = seen.iter().map(|seen| seen.prepared).sum();
    round.figure("calls_per_page", prepared as f64 / pages);
    round.figure("moves_per_page_after", moves as f64 / pages);
    round.figure("p99_us_after", micros(after.quantile(0.99)));
    round.figure("max_us_after", micros(after.max()));
    let x = |part: usize| f64::from(part as u32 * PART) - f64::from(BEFORE + PART);
    for (name, share) in [("p99_us", 0.99), ("max_us", 1.0)] {
        let points = load.over(x, |times| micros(times.quantile(share)));
        // The first part is the whole day before.
        round.series(name, points.into_iter().skip(1).collect());
    }
    engine.close()?;
    Ok(round)
}

/// The part of the time around midnight that a minute falls into; 0 if it is long before.
fn part(minute: u32) -> usize {
    (minute + BEFORE + PART).saturating_sub(MIDNIGHT).div_euclid(PART) as usize
}

impl Scene {
    /// Makes the document of a page, of today or some days later.
    fn make(&self, page: &str, later: i32) -> Result<()> {
        Ok(self.views.preallocate(workload::day().plus(later), SITE, page)?)
    }

    /// Counts the first day; where documents are made ahead, beside a thread that makes them.
    fn first_day(&self, threads: usize, hits: &[Hit]) -> Result<(Load, Vec<Seen>)> {
        if self.way != Way::Ahead {
            return self.count(threads, hits, None);
        }
        let (asks, asked) = mpsc::channel();
        std::thread::scope(|scope| {
            let making = scope.spawn(|| {
                asked.into_iter().try_for_each(|page: u32| self.make(&self.pages[page as usize], 1))
            });
            let counted = self.count(threads, hits, Some(&asks))?;
            for page in self.asked.load(Relaxed)..self.workload.pages as u32 {
                let _ = asks.send(page);
            }
            drop(asks);
            making.join().expect("the thread that makes documents")?;
            Ok(counted)
        })
    }

    fn count(
        &self,
        threads: usize,
        hits: &[Hit],
        asks: Option<&mpsc::Sender<u32>>,
    ) -> Result<(Load, Vec<Seen>)> {
        let parts = part(MIDNIGHT + self.workload.after - 1) + 1;
        load::run(threads, hits, parts, |seen: &mut Seen, hit: &Hit| {
            if let Some(asks) = asks {
                self.ask(asks, hit.minute);
            }
            if hit.minute >= MIDNIGHT && !self.job_done.swap(true, Relaxed) {
                self.pages.iter().try_for_each(|page| self.make(page, 1))?;
                seen.prepared += self.pages.len() as u64;
            }
            let page = &self.pages[hit.page as usize];
            let at = workload::day().start().plus(i64::from(hit.minute));
            let report = self.views.log_hit(at, SITE, page)?.daily;
            seen.moves += u64::from(report.moved.is_some());
            if let Way::Dice(k) = self.way
                && hit.minute < MIDNIGHT
                && hit.dice * (self.workload.hits as f64) < k
            {
                self.make(page, 1)?;
                seen.prepared += 1;
            }
            Ok(part(hit.minute))
        })
    }

    /// Asks for as many documents of tomorrow as are due at `minute`.
    fn ask(&self, asks: &mpsc::Sender<u32>, minute: u32) {
        let late = (minute + BEFORE + 1).saturating_sub(MIDNIGHT).min(BEFORE);
        let due = self.workload.pages as u32 * late / BEFORE;
        let asked = self.asked.fetch_max(due, Relaxed);
        for page in asked..due {
            // It ends early only if it failed, which is told when it is joined.
            let _ = asks.send(page);
        }
    }
}
