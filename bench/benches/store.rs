//! Whole documents, and what makes them durable: inserts, a scan with a filter, a commit.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bson::{RawDocument, RawDocumentBuf, rawdoc};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tallymap::disk::HeapDisk;
use tallymap::{Collection, CollectionOptions, Engine, FieldPath};

/// Documents that are inserted before the collection is emptied again.
const BATCH: u64 = 1_000;

fn engine() -> Engine {
    let builder = Engine::builder("ram").disk(Arc::new(HeapDisk::new())).ns_size_mib(1);
    builder.background(false).open().expect("opens")
}

/// A collection whose documents begin as zeroed days.
fn days(engine: &Engine, documents: usize) -> (Collection, Vec<String>) {
    let template = rawdoc! { "hourly": { "$grid": [24] }, "minute": { "$grid": [24, 60] } };
    let options = CollectionOptions::default().template(template);
    let database = engine.database("stats").expect("named");
    let daily = database.create_collection("daily", options).expect("created");
    let ids: Vec<String> = (0..documents).map(|n| format!("/page-{n:05}")).collect();
    let first = FieldPath::parse("hourly.0").expect("a path");
    for id in &ids {
        daily.increment(id.as_str(), &[(&first, 1)]).expect("made");
    }
    (daily, ids)
}

/// The time of so many calls of `insert`, the collection emptied in between.
fn timed(engine: &Engine, into: &Collection, count: u64, insert: impl Fn(u64)) -> Duration {
    let mut time = Duration::ZERO;
    for first in (0..count).step_by(BATCH as usize) {
        if into.exists() {
            into.truncate().expect("emptied");
        }
        engine.sync().expect("synced");
        let start = Instant::now();
        (first..count.min(first + BATCH)).for_each(&insert);
        time += start.elapsed();
    }
    time
}

fn insert(c: &mut Criterion) {
    let mut group = c.benchmark_group("insert");
    let zeroed: RawDocumentBuf = {
        let (daily, ids) = days(&engine(), 1);
        daily.find_by_id(ids[0].as_str()).expect("read").expect("there")
    };
    let event = rawdoc! { "site": "site-1", "page": "/apache_pb.gif", "status": 200 };
    for (name, document) in [("event", &event), ("day", &zeroed)] {
        let engine = engine();
        let into = engine.collection("stats.inserted").expect("named");
        group.bench_function(name, |b| {
            b.iter_custom(|count| {
                timed(&engine, &into, count, |number| {
                    let mut with_id = rawdoc! { "_id": number as i64 };
                    rest(document).for_each(|(name, value)| with_id.append(name, value));
                    into.insert_one(with_id).expect("inserted");
                })
            });
        });
    }
    let engine = engine();
    let (daily, _) = days(&engine, 0);
    let first = FieldPath::parse("hourly.0").expect("a path");
    group.bench_function("first-hit-of-a-template", |b| {
        b.iter_custom(|count| {
            timed(&engine, &daily, count, |number| {
                daily.increment(number as i64, &[(&first, 1)]).expect("made");
            })
        });
    });
}

/// What a document has beside its `_id`.
fn rest(document: &RawDocument) -> impl Iterator<Item = (&bson::raw::CStr, bson::RawBsonRef<'_>)> {
    document.iter().flatten().filter(|(name, _)| name.as_str() != "_id")
}

fn scan(c: &mut Criterion) {
    let engine = engine();
    let (daily, ids) = days(&engine, 1_000);
    let mut group = c.benchmark_group("scan");
    group.throughput(Throughput::Elements(ids.len() as u64));
    for (name, filter) in
        [("first-field", rawdoc! { "hourly.0": 7 }), ("last-field", rawdoc! { "minute.23.59": 7 })]
    {
        group.bench_function(name, |b| {
            b.iter(|| daily.find(&filter).run().expect("a filter").count());
        });
    }
}

fn commit(c: &mut Criterion) {
    let mut group = c.benchmark_group("commit");
    for documents in [1, 1_000] {
        let engine = engine();
        let (daily, ids) = days(&engine, documents);
        engine.sync().expect("synced");
        let minute = FieldPath::parse("minute.13.37").expect("a path");
        group.throughput(Throughput::Elements(documents as u64));
        group.bench_function(format!("{documents}-lines"), |b| {
            b.iter_custom(|count| {
                let mut time = Duration::ZERO;
                for _ in 0..count {
                    for id in &ids {
                        daily.increment(id.as_str(), &[(&minute, 1)]).expect("counted");
                    }
                    let start = Instant::now();
                    engine.wait_durable().expect("durable");
                    time += start.elapsed();
                }
                // The journal is cut short before it fills memory.
                engine.sync().expect("synced");
                time
            });
        });
    }
}

criterion_group!(benches, insert, scan, commit);
criterion_main!(benches);
