//! Aggregations over a collection: what is pushed down, what others of the database give, what
//! is written.

mod merge;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bson::{DateTime, Document, RawDocumentBuf, doc, rawdoc};
use oorandom::Rand32;

use crate::disk::HeapDisk;
use crate::{
    Clock, Collection, CollectionOptions, Engine, FieldOrder, IndexSpec, Result, SizingPolicy,
    Verbosity,
};

fn engine() -> Engine {
    let builder = Engine::builder("heap").disk(Arc::new(HeapDisk::new())).background(false);
    builder.ns_size_mib(1).open().expect("opens")
}

fn insert(collection: &Collection, docs: impl IntoIterator<Item = Document>) {
    for doc in docs {
        collection.insert_one(RawDocumentBuf::try_from(&doc).unwrap()).unwrap();
    }
}

fn run(collection: &Collection, pipeline: Vec<Document>) -> Result<Vec<Document>> {
    let stages = pipeline.iter().map(|stage| RawDocumentBuf::try_from(stage).unwrap());
    let found = collection.aggregate(stages).run()?;
    found.map(|doc| Ok(Document::try_from(doc?).unwrap())).collect()
}

fn all(collection: &Collection) -> Vec<Document> {
    let found = collection.find(rawdoc! {}).run().unwrap();
    found.map(|doc| Document::try_from(doc.unwrap()).unwrap()).collect()
}

/// Hits by page, year, month, day.
type Hits = BTreeMap<(String, i32, i32, i32), i32>;

/// Events of October 2000 and around it, as the book has them.
fn events(engine: &Engine) -> (Collection, Hits) {
    const HOUR_MS: i64 = 3_600_000;
    let events = engine.collection("stats.events").unwrap();
    let mut rng = Rand32::new(4);
    let mut expected = BTreeMap::new();
    for _ in 0..2000 {
        // From 2000-09-20 on, for 50 days.
        let hours = i64::from(rng.rand_range(0..50 * 24));
        let time = DateTime::from_millis(969_408_000_000 + hours * HOUR_MS);
        let path = format!("/page-{}", rng.rand_range(0..5));
        insert(&events, [doc! { "path": &path, "time": time, "host": "127.0.0.1" }]);
        let day = (969_408_000_000 + hours * HOUR_MS).div_euclid(24 * HOUR_MS);
        // 2000-10-01 is day 11231.
        if (11_231..11_262).contains(&day) {
            *expected.entry((path, 2000, 10, (day - 11_230) as i32)).or_default() += 1;
        }
    }
    (events, expected)
}

fn requests_by_day_and_page() -> Vec<Document> {
    let day = |text: &str| DateTime::parse_rfc3339_str(text).unwrap();
    vec![
        doc! { "$match": { "time": {
            "$gte": day("2000-10-01T00:00:00Z"), "$lt": day("2000-11-01T00:00:00Z"),
        } } },
        doc! { "$project": { "path": 1, "date": {
            "y": { "$year": "$time" }, "m": { "$month": "$time" }, "d": { "$dayOfMonth": "$time" },
        } } },
        doc! { "$group": {
            "_id": { "p": "$path", "y": "$date.y", "m": "$date.m", "d": "$date.d" },
            "hits": { "$sum": 1 },
        } },
    ]
}

#[test]
fn requests_by_day_and_page_as_the_book_counts_them() {
    let engine = engine();
    let (events, expected) = events(&engine);
    for indexed in [false, true] {
        if indexed {
            events.create_index(IndexSpec::new(&[("time", 1)])).unwrap();
        }
        let found = run(&events, requests_by_day_and_page()).unwrap();
        let found: Hits = found
            .iter()
            .map(|group| {
                let id = group.get_document("_id").unwrap();
                let part = |name: &str| id.get_i32(name).unwrap();
                let path = id.get_str("p").unwrap().to_owned();
                ((path, part("y"), part("m"), part("d")), group.get_i32("hits").unwrap())
            })
            .collect();
        assert_eq!(found, expected);
        let stages = requests_by_day_and_page();
        let stages = stages.iter().map(|stage| RawDocumentBuf::try_from(stage).unwrap());
        let shown = events.aggregate(stages).explain(Verbosity::QueryPlanner).unwrap();
        let shown = Document::try_from(shown).unwrap();
        let stages = shown.get_array("stages").unwrap();
        assert_eq!(stages.len(), 3);
        let first = stages[0].as_document().unwrap().get_document("$cursor").unwrap();
        assert_eq!(first.to_string().contains("IXSCAN"), indexed, "{first}");
        assert_eq!(stages[2].as_document().unwrap(), &requests_by_day_and_page()[2]);
    }
}

#[test]
fn the_beginning_is_a_query() {
    let engine = engine();
    let collection = engine.collection("d.c").unwrap();
    insert(&collection, (0..50).map(|n| doc! { "_id": n, "a": n % 7, "b": 50 - n }));
    collection.create_index(IndexSpec::new(&[("a", 1), ("b", 1)])).unwrap();
    let pipeline = vec![
        doc! { "$match": { "a": { "$lt": 2 } } },
        doc! { "$sort": { "a": -1, "b": -1 } },
        doc! { "$match": { "b": { "$gt": 3 } } },
        doc! { "$skip": 1 },
        doc! { "$limit": 2 },
    ];
    let found = run(&collection, pipeline.clone()).unwrap();
    assert_eq!(found, [doc! { "_id": 8, "a": 1, "b": 42 }, doc! { "_id": 15, "a": 1, "b": 35 }]);
    let stages = pipeline.iter().map(|stage| RawDocumentBuf::try_from(stage).unwrap());
    let shown = collection.aggregate(stages).explain(Verbosity::QueryPlanner).unwrap();
    let shown = Document::try_from(shown).unwrap().to_string();
    assert!(shown.contains("queryPlanner") && !shown.contains("$cursor"), "{shown}");
    assert!(shown.contains("IXSCAN"), "{shown}");
    // What a group reads is in the index: no document is looked at.
    let stages = [
        rawdoc! { "$match": { "a": 3 } },
        rawdoc! { "$group": { "_id": "$a", "most": { "$max": "$b" } } },
    ];
    let shown = collection.aggregate(&stages).explain(Verbosity::ExecutionStats).unwrap();
    let shown = Document::try_from(shown).unwrap();
    let cursor = shown.get_array("stages").unwrap()[0].as_document().unwrap().clone();
    assert_eq!(cursor["nReturned"].to_string(), "7", "{cursor}");
    let stats = cursor.get_document("$cursor").unwrap().get_document("executionStats").unwrap();
    assert_eq!(stats.get_i32("totalDocsExamined").unwrap(), 0, "{stats}");
    let found: Vec<_> = collection.aggregate(&stages).run().unwrap().collect();
    assert_eq!(found.len(), 1);
    assert_eq!(*found[0].as_ref().unwrap(), rawdoc! { "_id": 3, "most": 47 });
}

#[test]
fn a_sort_may_take_more_than_that_of_a_find() {
    let engine = engine();
    let collection = engine.collection("d.c").unwrap();
    let long = "x".repeat(1 << 20);
    insert(&collection, (0..40).map(|n| doc! { "_id": n, "n": (n * 7) % 40, "s": &long }));
    let stages = [
        rawdoc! { "$sort": { "n": 1 } },
        rawdoc! { "$skip": 38 },
        rawdoc! { "$limit": 5 },
        rawdoc! { "$project": { "n": 1, "_id": 0 } },
    ];
    let found: Result<Vec<_>> = collection.aggregate(&stages).run().unwrap().collect();
    assert_eq!(found.unwrap(), [rawdoc! { "n": 38 }, rawdoc! { "n": 39 }]);
}

#[test]
fn others_of_the_database() {
    let engine = engine();
    let (orders, items) = (engine.collection("d.orders"), engine.collection("d.items"));
    let (orders, items) = (orders.unwrap(), items.unwrap());
    insert(&orders, [doc! { "_id": 1, "item": "a" }, doc! { "_id": 2, "item": "b" }]);
    insert(&items, [doc! { "_id": "a", "price": 5 }, doc! { "_id": "c", "price": 9 }]);
    let lookup = doc! { "$lookup": {
        "from": "items", "localField": "item", "foreignField": "_id", "as": "items",
    } };
    let found = run(&orders, vec![lookup, doc! { "$sort": { "_id": 1 } }]).unwrap();
    let a = doc! { "_id": "a", "price": 5 };
    let expected =
        [doc! { "_id": 1, "item": "a", "items": [a] }, doc! { "_id": 2, "item": "b", "items": [] }];
    assert_eq!(found, expected);
    let union = vec![doc! { "$unionWith": "items" }, doc! { "$count": "n" }];
    assert_eq!(run(&orders, union).unwrap(), [doc! { "n": 4 }]);
    let cheaper = doc! { "$lookup": {
        "from": "items", "let": { "max": { "$multiply": ["$_id", 5] } },
        "pipeline": [
            { "$match": { "$expr": { "$lte": ["$price", "$$max"] } } }, { "$count": "n" },
        ],
        "as": "cheaper",
    } };
    let found = run(&orders, vec![cheaper, doc! { "$project": { "cheaper": 1, "_id": 0 } }]);
    assert_eq!(
        found.unwrap(),
        [doc! { "cheaper": [{ "n": 1 }] }, doc! { "cheaper": [{ "n": 2 }] }]
    );
}

#[test]
fn out_replaces_a_collection_or_leaves_it() {
    let engine = engine();
    let (source, target) = (engine.collection("d.s").unwrap(), engine.collection("d.t").unwrap());
    insert(&source, (0..5).map(|n| doc! { "_id": n, "u": n / 2 }));
    insert(&target, [doc! { "_id": "old", "u": 7 }]);
    target.create_index(IndexSpec::new(&[("u", 1)]).unique(true)).unwrap();
    let database = engine.database("d").unwrap();
    let names = || database.collection_names().unwrap();
    let before = names();
    // Two documents have the same key: nothing changes.
    let refused = run(&source, vec![doc! { "$out": "t" }]).unwrap_err();
    assert_eq!(refused.code(), 11000, "{refused}");
    assert_eq!(all(&target), [doc! { "_id": "old", "u": 7 }]);
    assert_eq!(names(), before, "nothing is left over");
    // A stage fails in the middle: nothing changes.
    let failing = doc! { "$project": { "u": { "$divide": [1, { "$subtract": ["$_id", 3] }] } } };
    assert_eq!(run(&source, vec![failing, doc! { "$out": "t" }]).unwrap_err().code(), 2);
    assert_eq!(all(&target), [doc! { "_id": "old", "u": 7 }]);
    assert_eq!(names(), before, "nothing is left over");
    let distinct = vec![
        doc! { "$group": { "_id": "$u", "u": { "$first": "$u" } } },
        doc! { "$out": { "db": "d", "coll": "t" } },
    ];
    assert_eq!(run(&source, distinct).unwrap(), []);
    assert_eq!(all(&target).len(), 3);
    let indexes = target.indexes().unwrap();
    assert_eq!(indexes.iter().map(|index| &*index.name).collect::<Vec<_>>(), ["_id_", "u_1"]);
    assert_eq!(target.insert_one(rawdoc! { "_id": 9, "u": 1 }).unwrap_err().code(), 11000);
    // Onto itself.
    run(&source, vec![doc! { "$match": { "_id": { "$gt": 2 } } }, doc! { "$out": "s" }]).unwrap();
    assert_eq!(all(&source).len(), 2);
    let elsewhere = doc! { "$out": { "db": "other", "coll": "t" } };
    let refused = run(&source, vec![elsewhere]).unwrap_err();
    assert!(refused.to_string().contains("another database"), "{refused}");
    for (stage, count) in [
        (doc! { "$out": { "db": "other", "coll": "t" } }, 2),
        (doc! { "$merge": { "into": { "db": "other", "coll": "t" } } }, 2),
    ] {
        let there = engine.collection("other.t").unwrap();
        let aggregate =
            source.aggregate([RawDocumentBuf::try_from(&stage).unwrap()]).writes_to(there.clone());
        assert_eq!(aggregate.run().unwrap().count(), 0);
        assert_eq!(all(&there).len(), count);
    }
    let special = run(&source, vec![doc! { "$out": "system.users" }]).unwrap_err();
    assert_eq!(special.code(), 17385);
}

#[test]
fn out_keeps_what_the_target_was_created_with() {
    let engine = engine();
    let source = engine.collection("d.s").unwrap();
    insert(&source, [doc! { "_id": 1 }]);
    let options = CollectionOptions::default()
        .template(rawdoc! { "n": 0, "m": 0 })
        .policy(SizingPolicy::Exact)
        .field_order(FieldOrder::Lexicographic);
    let target = engine.database("d").unwrap().create_collection("t", options).unwrap();
    for _ in 0..2 {
        run(&source, vec![doc! { "$out": "t" }]).unwrap();
        assert_eq!(all(&target), [doc! { "_id": 1 }]);
        let set = rawdoc! { "$set": { "z": 1, "y": 1 } };
        target.update_one(rawdoc! { "_id": 2 }, set).unwrap().upsert(true).run().unwrap();
        let expected = doc! { "_id": 2, "n": 0, "m": 0, "y": 1, "z": 1 };
        assert_eq!(all(&target), [doc! { "_id": 1 }, expected]);
        let guard = target.core.shared();
        let policy = guard.open().unwrap().unwrap().store.options().policy;
        assert_eq!(policy, SizingPolicy::Exact);
    }
}

#[test]
fn what_an_out_has_left_goes_with_the_next_opening() {
    let disk = Arc::new(HeapDisk::new());
    let open = || {
        let builder = Engine::builder("heap").disk(disk.clone()).background(false);
        builder.ns_size_mib(1).open().expect("opens")
    };
    let engine = open();
    insert(&engine.collection("d.c").unwrap(), [doc! { "_id": 1 }]);
    insert(&engine.collection("d.tmp.agg_out.7").unwrap(), [doc! { "_id": 1 }]);
    drop(engine);
    let names = open().database("d").unwrap().collection_names().unwrap();
    assert!(names.contains(&"c".to_owned()) && !names.iter().any(|name| name.contains("agg_out")));
}

#[test]
fn figures() {
    let engine = engine();
    let collection = engine.collection("d.c").unwrap();
    let count = doc! { "$collStats": { "count": {}, "storageStats": { "scale": 1024 } } };
    assert_eq!(run(&collection, vec![count.clone()]).unwrap_err().code(), 26);
    assert_eq!(run(&collection, vec![doc! { "$indexStats": {} }]).unwrap(), []);
    insert(&collection, (0..50).map(|n| doc! { "_id": n }));
    collection.create_index(IndexSpec::new(&[("a", 1)])).unwrap();
    let found = run(&collection, vec![count]).unwrap();
    assert_eq!(found[0].get_i32("count").unwrap(), 50);
    assert_eq!(found[0].get_str("ns").unwrap(), "d.c");
    let stats = found[0].get_document("storageStats").unwrap();
    assert_eq!(stats.get_i32("count").unwrap(), 50);
    assert_eq!(stats.get_i32("scaleFactor").unwrap(), 1024);
    let names = vec![doc! { "$indexStats": {} }, doc! { "$project": { "name": 1 } }];
    let names = run(&collection, names).unwrap();
    assert_eq!(names, [doc! { "name": "_id_" }, doc! { "name": "a_1" }]);
}

#[test]
fn the_old_form_has_the_result_inline_and_is_bounded() {
    let engine = engine();
    let collection = engine.collection("d.c").unwrap();
    insert(&collection, (0..3).map(|n| doc! { "_id": n }));
    let stages = [rawdoc! { "$sort": { "_id": -1 } }, rawdoc! { "$limit": 2 }];
    let found = collection.aggregate(&stages).run_inline().unwrap();
    let found = Document::try_from(found).unwrap();
    assert_eq!(found, doc! { "result": [{ "_id": 2 }, { "_id": 1 }], "ok": 1.0 });
    let long = "x".repeat(6 << 20);
    let wide = [rawdoc! { "$addFields": { "s": { "$literal": long } } }];
    let refused = collection.aggregate(&wide).run_inline().unwrap_err();
    assert_eq!(refused.code(), 16389, "{refused}");
    assert_eq!(collection.aggregate(&wide).run().unwrap().count(), 3);
}

#[test]
fn variables_are_constants_that_every_stage_knows() {
    let engine = engine();
    let collection = engine.collection("d.c").unwrap();
    insert(&collection, (0..5).map(|n| doc! { "_id": n }));
    let stages = [
        rawdoc! { "$match": { "$expr": { "$gte": ["$_id", "$$least"] } } },
        rawdoc! { "$project": { "more": { "$subtract": ["$_id", "$$least"] } } },
    ];
    let given = rawdoc! { "least": { "$add": [1, 2] } };
    let found = collection.aggregate(&stages).variables(given).run().unwrap();
    let found: Vec<_> = found.map(|doc| Document::try_from(doc.unwrap()).unwrap()).collect();
    assert_eq!(found, [doc! { "_id": 3, "more": 0 }, doc! { "_id": 4, "more": 1 }]);
    assert_eq!(collection.aggregate(&stages).run().unwrap_err().code(), 17276);
    let refused = collection.aggregate(&stages).variables(rawdoc! { "Least": 1 }).run();
    assert_eq!(refused.unwrap_err().code(), 9);
}

/// One on which every look takes a second.
#[derive(Debug)]
struct SlowClock(AtomicU64);

impl Clock for SlowClock {
    fn unix_ms(&self) -> i64 {
        0
    }

    fn uptime_ms(&self) -> u64 {
        self.0.fetch_add(1000, Ordering::Relaxed)
    }
}

#[test]
fn time_is_limited() {
    let builder = Engine::builder("heap").disk(Arc::new(HeapDisk::new())).background(false);
    let clock = Arc::new(SlowClock(AtomicU64::new(0)));
    let engine = builder.ns_size_mib(1).clock(clock).open().unwrap();
    let collection = engine.collection("d.c").unwrap();
    insert(&collection, (0..2000).map(|n| doc! { "_id": n }));
    let stages = [rawdoc! { "$group": { "_id": "$_id" } }];
    let aggregate = collection.aggregate(&stages).max_time(Duration::from_secs(4));
    let ended = aggregate.run().and_then(|mut found| found.next().expect("an answer").map(drop));
    assert_eq!(ended.unwrap_err().code(), 50);
    // One document that becomes very many takes its time, too.
    let numbers: Vec<i32> = (0..1000).collect();
    insert(&engine.collection("d.wide").unwrap(), [doc! { "a": &numbers, "b": &numbers }]);
    let wide = engine.collection("d.wide").unwrap();
    let unwound =
        [rawdoc! { "$unwind": "$a" }, rawdoc! { "$unwind": "$b" }, rawdoc! { "$count": "n" }];
    let aggregate = wide.aggregate(unwound).max_time(Duration::from_secs(60));
    let ended = aggregate.run().and_then(|mut found| found.next().expect("an answer").map(drop));
    assert_eq!(ended.unwrap_err().code(), 50);
    let mut unlimited = collection.aggregate(&stages).run().unwrap();
    assert_eq!(
        unlimited.next().unwrap().unwrap().get("_id").ok().flatten().unwrap().as_i32(),
        Some(0)
    );
}

#[test]
#[cfg_attr(miri, ignore = "too long")]
fn a_sort_that_a_find_does_is_bounded_as_an_aggregation() {
    let engine = engine();
    let c = engine.collection("d.large").unwrap();
    let by_n = || vec![doc! { "$sort": { "n": -1 } }];
    let text = "x".repeat(15 << 20);
    for n in 0..4 {
        insert(&c, [doc! { "_id": n, "n": n, "text": &text }]);
    }
    let refused = c
        .find(rawdoc! {})
        .sort(rawdoc! { "n": -1 })
        .run()
        .and_then(|found| found.collect::<Result<Vec<_>>>());
    assert_eq!(refused.unwrap_err().code(), 96);
    // More than a find may sort. It reads each document once.
    let said = c.aggregate([rawdoc! { "$sort": { "n": -1 } }]);
    let said = Document::try_from(said.explain(Verbosity::ExecutionStats).unwrap()).unwrap();
    let stats = said.get_document("executionStats").unwrap();
    assert_eq!(stats["totalDocsExamined"].to_string(), "4", "{stats}");
    let sort = stats.get_document("executionStages").unwrap();
    assert_eq!(sort["memLimit"].to_string(), (100 << 20).to_string());
    let found: Vec<_> = run(&c, by_n()).unwrap().iter().map(|doc| doc["_id"].clone()).collect();
    assert_eq!(found, [3, 2, 1, 0].map(Into::into));
    for n in 4..7 {
        insert(&c, [doc! { "_id": n, "n": n, "text": &text }]);
    }
    assert_eq!(run(&c, by_n()).unwrap_err().code(), 292);
    let first = run(&c, vec![doc! { "$sort": { "n": -1 } }, doc! { "$limit": 2 }]).unwrap();
    assert_eq!(first.len(), 2);
}
