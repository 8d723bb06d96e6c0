//! What a chart costs to read, through the reports.
//!
//! Variants are what is read of a page: the `hours` of a day, the minutes of an `hour` or of a
//! `day`, the hours of a `month`, which are in as many documents as it has days.

use std::ops::Range;
use std::sync::atomic::{AtomicI64, Ordering};

use oorandom::Rand64;
use serde::Deserialize;
use tallymap::reports::{Minute, PageViews, Series};

use super::Variant;
use crate::bench::Bench;
use crate::case::Case;
use crate::error::{Error, Result};
use crate::figures::Round;
use crate::load;
use crate::tally::Tally;
use crate::workload::{self, SITE};

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Workload {
    /// Documents in all: of pages for a day, or of fewer for a month.
    documents: usize,
    /// Hits of each document.
    hits: usize,
    charts: usize,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Chart {
    HoursOfDay,
    MinutesOfHour,
    MinutesOfDay,
    HoursOfMonth,
}

/// Reads a case for one of its variants.
pub fn variant(case: &Case, name: &str) -> Result<Variant> {
    let workload: Workload = case.workload()?;
    if workload.documents == 0 || workload.charts == 0 {
        return Err(Error::case(&case.name, "documents and charts are at least 1"));
    }
    let chart = match name {
        "hours" => Chart::HoursOfDay,
        "hour" => Chart::MinutesOfHour,
        "day" => Chart::MinutesOfDay,
        "month" => Chart::HoursOfMonth,
        _ => return Err(case.no_variant(name)),
    };
    Ok(Box::new(move |bench| round(bench, workload, chart)))
}

impl Chart {
    /// Days of each page that have a document.
    fn days(self) -> usize {
        if self == Chart::HoursOfMonth { 31 } else { 1 }
    }

    /// What one chart covers, as minutes since the first day.
    fn range(self, random: &mut Rand64) -> Range<usize> {
        match self {
            Chart::MinutesOfHour => {
                let hour = random.rand_range(0..24) as usize;
                hour * 60..(hour + 1) * 60
            }
            _ => 0..self.days() * 1440,
        }
    }

    fn read(self, views: &PageViews, page: &str, range: Range<Minute>) -> Result<Series> {
        Ok(match self {
            Chart::HoursOfDay | Chart::HoursOfMonth => views.hourly(SITE, page, range)?,
            Chart::MinutesOfHour | Chart::MinutesOfDay => views.minutes(SITE, page, range)?,
        })
    }
}

/// A chart to be read, and the sum of what it has to show.
struct Wanted<'a> {
    page: &'a str,
    range: Range<Minute>,
    sum: i64,
}

fn round(bench: &Bench<'_>, workload: Workload, chart: Chart) -> Result<Round> {
    let engine = bench.builder().open()?;
    let views = PageViews::open(&engine, "stats")?;
    let first = workload::day().first_of_month();
    let days = chart.days();
    let pages = workload::pages((workload.documents / days).max(1));
    for page in &pages {
        (0..days).try_for_each(|day| views.preallocate(first.plus(day as i32), SITE, page))?;
    }
    let random = &mut bench.random();
    let end = 1440 * days as u32;
    let hits = workload::scattered(pages.len(), workload.hits * days, end, random);
    let mut counts = vec![0i64; pages.len() * end as usize];
    let mut tally = Tally::default();
    for hit in &hits {
        let (page, minute) = (&pages[hit.page as usize], i64::from(hit.minute));
        let at = first.start().plus(minute);
        views.log_hit(at, SITE, page)?;
        counts[hit.page as usize * end as usize + hit.minute as usize] += 1;
        let (year, month, day) = at.day().civil();
        let id = format!("{year:04}{month:02}{day:02}/{SITE}{page}");
        tally.add(&id, &format!("hourly.{}", at.hour()));
        tally.add(&id, &format!("minute.{}.{}", at.hour(), at.of_day() % 60));
    }
    let wanted: Vec<Wanted<'_>> = (0..workload.charts.min(10_000))
        .map(|_| {
            let page = random.rand_range(0..pages.len() as u64) as usize;
            let range = chart.range(random);
            let counted = &counts[page * end as usize..][range.clone()];
            let minute = |at: usize| first.start().plus(at as i64);
            let (sum, range) = (counted.iter().sum(), minute(range.start)..minute(range.end));
            Wanted { page: pages[page].as_str(), range, sum }
        })
        .collect();
    let read = |wanted: &Wanted<'_>| chart.read(&views, wanted.page, wanted.range.clone());
    // All of them once, so that all is in memory; and each is compared.
    for one in &wanted {
        let series = read(one)?;
        if series.total() != one.sum {
            let what = format!("a chart of {} hits, not {}", series.total(), one.sum);
            return Err(Error::WrongSum(what));
        }
    }
    engine.sync()?;
    let total = AtomicI64::new(0);
    let lookups = || {
        let counters = engine.counters();
        counters.record_memo_hits.get() + counters.record_memo_misses.get()
    };
    let before = lookups();
    let times = workload.charts.div_ceil(wanted.len());
    let rate = load::whole(bench.case.threads, &wanted, times, |wanted| {
        total.fetch_add(read(wanted)?.total(), Ordering::Relaxed);
        Ok(())
    })?;
    let read_documents = (lookups() - before) as f64;
    let sum = wanted.iter().map(|wanted| wanted.sum).sum::<i64>() * times as i64;
    if total.into_inner() != sum {
        return Err(Error::WrongSum("charts that changed while they were read".to_owned()));
    }
    let mut round = Round::new(tally.verify(views.daily())?);
    let charts = rate.hits as f64;
    round.figure("chart_us", rate.wall.as_secs_f64() * 1e6 / charts);
    round.figure("chart_cpu_us", rate.cpu.as_secs_f64() * 1e6 / charts);
    round.figure("charts_per_s", charts / rate.wall.as_secs_f64());
    round.figure("documents_per_chart", read_documents / charts);
    engine.close()?;
    Ok(round)
}
