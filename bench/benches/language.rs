//! What the query language costs: filters over whole collections, plans, updates, aggregations.
//!
//! Documents are pre-aggregated days of 24 × 60 minutes (11.8 kB) or single events (100 bytes).

use std::sync::Arc;

use bson::{RawDocumentBuf, rawdoc};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tallymap::disk::HeapDisk;
use tallymap::{Collection, CollectionOptions, Engine, FieldPath, IndexSpec};

const DAYS: usize = 1_000;
const EVENTS: usize = 100_000;

fn engine() -> Engine {
    let builder = Engine::builder("ram").disk(Arc::new(HeapDisk::new())).ns_size_mib(1);
    builder.background(false).open().expect("opens")
}

/// Zeroed days of some pages.
fn days(engine: &Engine) -> Collection {
    let template = rawdoc! {
        "site": "s", "hourly": { "$grid": [24] }, "minute": { "$grid": [24, 60] }, "last": 0,
    };
    let options = CollectionOptions::default().template(template);
    let database = engine.database("stats").expect("named");
    let daily = database.create_collection("daily", options).expect("created");
    let first = FieldPath::parse("hourly.0").expect("a path");
    for n in 0..DAYS {
        daily.increment(format!("/page-{n:05}").as_str(), &[(&first, 1)]).expect("made");
    }
    daily
}

/// Events of ten sites and a hundred hosts, one a second.
fn events(engine: &Engine) -> Collection {
    let events = engine.collection("stats.events").expect("named");
    for n in 0..EVENTS as i64 {
        let event = rawdoc! {
            "_id": n, "time": bson::DateTime::from_millis(1_000 * n), "site": (n % 10) as i32,
            "host": (n * 7919 % 100) as i32, "path": "/apache_pb.gif", "size": (n % 5000) as i32,
        };
        events.insert_one(event).expect("inserted");
    }
    events
}

fn bytes(collection: &Collection) -> u64 {
    let documents = collection.find(rawdoc! {}).run().expect("reads");
    documents.map(|document| document.expect("read").as_bytes().len() as u64).sum()
}

fn matches(collection: &Collection, filter: &RawDocumentBuf) -> usize {
    collection.find(filter).run().expect("a filter").count()
}

fn filters(c: &mut Criterion) {
    let engine = engine();
    let mut group = c.benchmark_group("filter");
    let daily = days(&engine);
    group.throughput(Throughput::Bytes(bytes(&daily)));
    for (name, filter) in [
        ("days/first-field", rawdoc! { "site": "other" }),
        ("days/last-field", rawdoc! { "last": 7 }),
        ("days/missing-field", rawdoc! { "nowhere": 7 }),
        ("days/last-minute", rawdoc! { "minute.23.59": 7 }),
    ] {
        group.bench_function(name, |b| b.iter(|| matches(&daily, &filter)));
    }
    let events = events(&engine);
    group.throughput(Throughput::Bytes(bytes(&events)));
    for (name, filter) in [
        ("events/equality", rawdoc! { "path": "/nowhere" }),
        ("events/range", rawdoc! { "size": { "$gte": 5000, "$lt": 6000 } }),
        ("events/two-fields", rawdoc! { "site": 3, "size": 5000 }),
        ("events/in", rawdoc! { "host": { "$in": [100, 101, 102, 103] } }),
        ("events/regex", rawdoc! { "path": { "$regex": "png$" } }),
        ("events/or", rawdoc! { "$or": [{ "size": 5000 }, { "host": 100 }] }),
    ] {
        group.bench_function(name, |b| b.iter(|| matches(&events, &filter)));
    }
}

fn plans(c: &mut Criterion) {
    let engine = engine();
    let events = events(&engine);
    let spec = IndexSpec::new(&[("site", 1), ("host", 1), ("time", 1)]);
    events.create_index(spec).expect("built");
    let mut group = c.benchmark_group("plan");
    let range = rawdoc! { "site": 3, "host": { "$lt": 20 } };
    group.bench_function("range-by-index", |b| b.iter(|| matches(&events, &range)));
    let one = rawdoc! { "site": 3, "host": 7, "time": bson::DateTime::from_millis(13_000) };
    group.bench_function("one-by-index", |b| {
        b.iter(|| events.find_one(&one).expect("reads"));
    });
    let sorted = rawdoc! { "site": 3, "host": 27 };
    group.bench_function("sorted-by-index", |b| {
        b.iter(|| {
            let found = events.find(&sorted).sort(rawdoc! { "time": -1 }).limit(10).run();
            found.expect("reads").count()
        });
    });
    group.bench_function("sorted-in-memory", |b| {
        b.iter(|| {
            let found = events.find(rawdoc! {}).sort(rawdoc! { "size": -1 }).limit(10).run();
            found.expect("reads").count()
        });
    });
}

fn updates(c: &mut Criterion) {
    let engine = engine();
    let daily = days(&engine);
    let mut group = c.benchmark_group("update");
    let id = rawdoc! { "_id": "/page-00007" };
    for (name, update) in [
        ("inc", rawdoc! { "$inc": { "hourly.13": 1, "minute.13.37": 1 } }),
        ("set-in-place", rawdoc! { "$set": { "last": 7 }, "$inc": { "hourly.13": 1 } }),
        ("bit", rawdoc! { "$bit": { "last": { "xor": 1 } } }),
    ] {
        group.bench_function(name, |b| {
            b.iter(|| daily.update_one(&id, &update).expect("parsed").run().expect("runs"));
        });
    }
    group.throughput(Throughput::Elements(DAYS as u64));
    let every = rawdoc! { "$inc": { "last": 1 } };
    group.bench_function("many", |b| {
        b.iter(|| daily.update_many(rawdoc! {}, &every).expect("parsed").run().expect("runs"));
    });
}

fn aggregations(c: &mut Criterion) {
    let engine = engine();
    let events = events(&engine);
    let mut group = c.benchmark_group("aggregate");
    group.throughput(Throughput::Elements(EVENTS as u64));
    for (name, pipeline) in [
        ("count-by-site", vec![rawdoc! { "$group": { "_id": "$site", "n": { "$sum": 1 } } }]),
        (
            "bytes-by-day-and-host",
            vec![
                rawdoc! { "$project": {
                    "host": 1, "size": 1,
                    "day": { "y": { "$year": "$time" }, "d": { "$dayOfYear": "$time" } },
                } },
                rawdoc! { "$group": {
                    "_id": { "host": "$host", "day": "$day" }, "bytes": { "$sum": "$size" },
                } },
            ],
        ),
    ] {
        group.bench_function(name, |b| {
            b.iter(|| events.aggregate(&pipeline).run().expect("runs").count());
        });
    }
}

criterion_group!(benches, filters, plans, updates, aggregations);
criterion_main!(benches);
