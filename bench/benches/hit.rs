//! One counter of one document: the walk to it, the memo of its layout, the look-up by `_id`,
//! the same as an update in BSON. In memory, with no thread but this.

use std::hint::black_box;
use std::sync::Arc;

use bson::{RawDocumentBuf, rawdoc};
use criterion::{Criterion, criterion_group, criterion_main};
use tallymap::disk::HeapDisk;
use tallymap::{Collection, CollectionOptions, Engine, FieldPath};

const PAGE: &str = "20001010/site-1/apache_pb.gif";
/// Documents that a look-up chooses from: three levels of the b-tree.
const DOCUMENTS: usize = 100_000;

fn engine(memos: bool) -> Engine {
    let builder = Engine::builder("ram").disk(Arc::new(HeapDisk::new())).ns_size_mib(1);
    builder.background(false).memos(memos).open().expect("opens")
}

fn path(text: &str) -> FieldPath {
    FieldPath::parse(text).expect("a path")
}

/// A collection whose only document has the minutes of a day, flat or in hours.
fn day(engine: &Engine, flat: bool) -> Collection {
    let minutes = if flat {
        rawdoc! { "$grid": [1440] }
    } else {
        rawdoc! { "$grid": [24, 60] }
    };
    let template = rawdoc! { "hourly": { "$grid": [24] }, "minute": minutes };
    let options = CollectionOptions::default().template(template);
    let database = engine.database("stats").expect("named");
    let daily = database.create_collection("daily", options).expect("created");
    daily.increment(PAGE, &[(&path("hourly.0"), 1)]).expect("made");
    daily
}

fn increment(c: &mut Criterion) {
    let mut group = c.benchmark_group("increment");
    for (how, memos) in [("scan", false), ("memo", true)] {
        for (layout, flat, ends) in [
            ("flat", true, ["minute.0", "minute.1439"]),
            ("nested", false, ["minute.0.0", "minute.23.59"]),
        ] {
            let engine = engine(memos);
            let daily = day(&engine, flat);
            for counter in ends {
                let prepared = path(counter);
                group.bench_function(format!("{how}/{layout}/{counter}"), |b| {
                    b.iter(|| daily.increment(black_box(PAGE), &[(&prepared, 1)]));
                });
            }
        }
    }
    let engine = engine(true);
    let daily = day(&engine, false);
    let (hour, minute) = (path("hourly.13"), path("minute.13.37"));
    group.bench_function("memo/nested/hour-and-minute", |b| {
        b.iter(|| daily.increment(black_box(PAGE), &[(&hour, 1), (&minute, 1)]));
    });
}

fn update_one(c: &mut Criterion) {
    let engine = engine(true);
    let daily = day(&engine, false);
    let filter = rawdoc! { "_id": PAGE };
    let update: RawDocumentBuf = rawdoc! { "$inc": { "hourly.13": 1, "minute.13.37": 1 } };
    c.bench_function("update_one/hour-and-minute", |b| {
        b.iter(|| daily.update_one(black_box(&filter), &update).and_then(|update| update.run()));
    });
}

fn find_by_id(c: &mut Criterion) {
    let mut group = c.benchmark_group("find_by_id");
    for (how, memos) in [("b-tree", false), ("memo", true)] {
        let engine = engine(memos);
        let pages = engine.collection("stats.pages").expect("named");
        let ids: Vec<String> = (0..DOCUMENTS).map(|n| format!("/page-{n:06}")).collect();
        for id in &ids {
            pages.insert_one(rawdoc! { "_id": id.as_str(), "n": 0 }).expect("inserted");
        }
        let mut at = 0;
        group.bench_function(how, |b| {
            b.iter(|| {
                // A step that meets all of them, far from each other.
                at = (at + 61_803) % DOCUMENTS;
                pages.find_by_id(ids[at].as_str())
            });
        });
    }
}

criterion_group!(benches, increment, update_one, find_by_id);
criterion_main!(benches);
