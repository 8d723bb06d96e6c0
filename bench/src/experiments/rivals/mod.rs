//! The hit in other stores: each with the layout of counters that suits it best, each as durable
//! as the others where it can be.
//!
//! Variants are a store, its layout if there are several, and the hits of one call: `1` or
//! `1000`. `increment` and `update-one`, `bare-map` and `map-log` are those of the case `hit`.

mod app_sums;
mod fjall;
mod key_value;
mod lmdb;
mod mongodb;
mod redb;
mod redis;
#[cfg(feature = "rocksdb")]
mod rocksdb;
mod sqlite;

use std::env;
use std::fmt::Display;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use super::Variant;
use super::hit::maps::{BareMap, MapLog};
use super::hit::page_names;
use super::hit::store::{Size, round};
use super::hit::tallymap::{Increment, Pages, UpdateOne};
use super::hit::views::Views;
use crate::bench::Bench;
use crate::case::Case;
use crate::error::{Error, Result};
use crate::figures::Round;
use crate::run::SERVERS;
use key_value::{Keyed, Layout};

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Workload {
    pages: usize,
    /// Views that are drawn, and then counted again and again.
    views: usize,
    /// How long views are counted: first without, then with measuring.
    warm_up_milliseconds: u64,
    milliseconds: u64,
    charts: usize,
}

#[derive(Debug, Clone, Copy)]
enum Rival {
    Increment,
    UpdateOne,
    BareMap,
    MapLog,
    AppSums,
    Lmdb(Layout),
    Redb(Layout),
    Fjall(Layout),
    SqliteRows,
    Sqlite(Layout),
    Rocks(Layout),
    Redis(redis::Page),
    MongoDb,
}

impl Rival {
    fn of(name: &str) -> Option<Rival> {
        Some(match name.split_once('/').unwrap_or((name, "")) {
            ("increment", "") => Rival::Increment,
            ("update-one", "") => Rival::UpdateOne,
            ("bare-map", "") => Rival::BareMap,
            ("map-log", "") => Rival::MapLog,
            ("app-sums", "") => Rival::AppSums,
            ("lmdb", layout) => Rival::Lmdb(Layout::of(layout)?),
            ("redb", layout) => Rival::Redb(Layout::of(layout)?),
            ("fjall", layout) => Rival::Fjall(Layout::of(layout)?),
            ("sqlite", "row") => Rival::SqliteRows,
            ("sqlite", layout) => Rival::Sqlite(Layout::of(layout)?),
            ("rocksdb", layout) => Rival::Rocks(Layout::of(layout)?),
            ("redis", "bits") => Rival::Redis(redis::Page::Bits),
            ("redis", "hash") => Rival::Redis(redis::Page::Hash),
            ("mongodb", "") => Rival::MongoDb,
            _ => return None,
        })
    }

    fn is_ours(self) -> bool {
        matches!(self, Rival::Increment | Rival::UpdateOne)
    }

    fn run(self, bench: &Bench<'_>, pages: Vec<String>, views: Views, size: Size) -> Result<Round> {
        let folder = bench.folder;
        match self {
            Rival::Increment => round(Pages::<Increment>::create(bench, pages)?, views, size),
            Rival::UpdateOne => round(Pages::<UpdateOne>::create(bench, pages)?, views, size),
            Rival::BareMap => round(BareMap::new(pages), views, size),
            Rival::MapLog => round(MapLog::create(folder, pages)?, views, size),
            Rival::AppSums => round(app_sums::AppSums::create(folder, pages)?, views, size),
            Rival::Lmdb(layout) => {
                round(Keyed::create(lmdb::Lmdb::create(folder)?, layout, pages)?, views, size)
            }
            Rival::Redb(layout) => {
                round(Keyed::create(redb::Redb::create(folder)?, layout, pages)?, views, size)
            }
            Rival::Fjall(layout) => {
                round(Keyed::create(fjall::Fjall::create(folder)?, layout, pages)?, views, size)
            }
            Rival::Sqlite(layout) => {
                round(Keyed::create(sqlite::Values::create(folder)?, layout, pages)?, views, size)
            }
            Rival::SqliteRows => round(sqlite::Rows::create(folder, pages)?, views, size),
            Rival::Rocks(layout) => rocks(folder, layout, pages, views, size),
            Rival::Redis(page) => {
                let uri = uri(SERVERS[0])?;
                round(redis::Redis::create(&uri, page, &pages)?, views, size)
            }
            Rival::MongoDb => {
                let uri = uri(SERVERS[1])?;
                round(mongodb::MongoDb::create(&uri, pages)?, views, size)
            }
        }
    }
}

/// Reads a case for one of its variants.
pub fn variant(case: &Case, name: &str) -> Result<Variant> {
    let workload: Workload = case.workload()?;
    if workload.pages == 0 || workload.views == 0 {
        return Err(Error::case(&case.name, "without pages or views"));
    }
    let (rival, hits) = name.rsplit_once('/').ok_or_else(|| case.no_variant(name))?;
    let grouped = match hits {
        "1" => false,
        "1000" => true,
        _ => return Err(case.no_variant(name)),
    };
    let rival = Rival::of(rival).ok_or_else(|| case.no_variant(name))?;
    let size = Size {
        warm_up: Duration::from_millis(workload.warm_up_milliseconds),
        time: Duration::from_millis(workload.milliseconds),
        grouped,
        charts: workload.charts,
    };
    Ok(Box::new(move |bench| {
        let views = Views::new(workload.pages, workload.views, false, &mut bench.random());
        let outcome = rival.run(bench, page_names(workload.pages), views, size);
        outcome.map_err(|error| if rival.is_ours() { error } else { left_out(error) })
    }))
}

#[cfg(feature = "rocksdb")]
fn rocks(
    folder: &Path,
    layout: Layout,
    pages: Vec<String>,
    views: Views,
    size: Size,
) -> Result<Round> {
    round(rocksdb::Rocks::create(folder, layout, pages)?, views, size)
}

#[cfg(not(feature = "rocksdb"))]
fn rocks(_: &Path, _: Layout, _: Vec<String>, _: Views, _: Size) -> Result<Round> {
    Err(Error::LeftOut("not in this build: --features rocksdb".to_owned()))
}

/// A rival that fails does not end the run.
fn left_out(error: Error) -> Error {
    Error::LeftOut(error.to_string())
}

/// The server that an environment variable names.
fn uri(variable: &str) -> Result<String> {
    let none = |_| Error::LeftOut(format!("no server: set {variable} to the URI of one"));
    env::var(variable).map_err(none)
}

/// The process of a server, which has to be on this machine: else it would work for nothing.
fn local_process(store: &'static str, process: i64, name: &str) -> Result<u32> {
    let command = fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
    match u32::try_from(process) {
        Ok(process) if command.starts_with(name) => Ok(process),
        _ => Err(Error::Store { store, problem: "the server is not on this machine".to_owned() }),
    }
}

/// The error of the store of this name.
fn failed<E: Display>(store: &'static str) -> impl Fn(E) -> Error {
    move |problem| Error::of(store, problem)
}
