//! The hit, and nothing but the hit: how near it comes to what memory allows.
//!
//! Variants are a store, then how it is hit: `increment` (prepared paths), `update-one` (the same
//! in BSON that was built before), `bare-map` (a map of the same counters, nothing kept),
//! `map-log` (that map, and a log with a record per hit); then `in-order` (each minute of the day
//! after the other, instead of any at random) or `many` (more pages than caches hold).

pub mod maps;
pub mod store;
pub mod tallymap;
pub mod views;

use std::time::Duration;

use serde::Deserialize;

use super::Variant;
use crate::bench::Bench;
use crate::case::Case;
use crate::error::{Error, Result};
use crate::figures::Round;
use maps::{BareMap, MapLog};
use store::{Size, round};
use tallymap::{Increment, Pages, UpdateOne};
use views::Views;

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Workload {
    pages: usize,
    /// Pages of the variants with `many`.
    many_pages: usize,
    /// Views that are drawn, and then counted again and again; in order of time: in each minute.
    views: usize,
    views_of_minute: usize,
    /// How long views are counted: first without, then with measuring.
    warm_up_milliseconds: u64,
    milliseconds: u64,
    charts: usize,
}

#[derive(Debug, Clone, Copy)]
enum How {
    Increment,
    UpdateOne,
    BareMap,
    MapLog,
}

/// Reads a case for one of its variants.
pub fn variant(case: &Case, name: &str) -> Result<Variant> {
    let workload: Workload = case.workload()?;
    if [workload.pages, workload.many_pages, workload.views, workload.views_of_minute].contains(&0)
    {
        return Err(Error::case(&case.name, "without pages or views"));
    }
    let (store, order) = name.split_once('/').unwrap_or((name, "at-random"));
    let how = match store {
        "increment" => How::Increment,
        "update-one" => How::UpdateOne,
        "bare-map" => How::BareMap,
        "map-log" => How::MapLog,
        _ => return Err(case.no_variant(name)),
    };
    let (pages, count, in_order) = match order {
        "at-random" => (workload.pages, workload.views, false),
        "in-order" => (workload.pages, workload.views_of_minute, true),
        "many" => (workload.many_pages, workload.views, false),
        _ => return Err(case.no_variant(name)),
    };
    let size = Size {
        warm_up: Duration::from_millis(workload.warm_up_milliseconds),
        time: Duration::from_millis(workload.milliseconds),
        grouped: false,
        charts: workload.charts,
    };
    Ok(Box::new(move |bench| {
        let views = Views::new(pages, count, in_order, &mut bench.random());
        run(bench, how, page_names(pages), views, size)
    }))
}

/// Pages as the articles name the documents of a day.
pub fn page_names(count: usize) -> Vec<String> {
    (0..count).map(|page| format!("20101010/site-1/page-{page:07}.html")).collect()
}

fn run(bench: &Bench<'_>, how: How, pages: Vec<String>, views: Views, size: Size) -> Result<Round> {
    match how {
        How::Increment => round(Pages::<Increment>::create(bench, pages)?, views, size),
        How::UpdateOne => round(Pages::<UpdateOne>::create(bench, pages)?, views, size),
        How::BareMap => round(BareMap::new(pages), views, size),
        How::MapLog => round(MapLog::create(bench.folder, pages)?, views, size),
    }
}
