//! A reader never sees half of an update: not by `_id`, not in a scan, not through an index.

use std::sync::atomic::{AtomicBool, Ordering};

use bson::{RawDocument, rawdoc};
use tallymap::{Direction, FieldPath, IndexSpec};

use crate::support::{assert_valid, counter, pressed};

/// Counters on lines far apart, which one call adds to.
const FAR_APART: usize = 4;
const ROUNDS: i64 = 6_000;

fn assert_whole(document: &RawDocument) -> i64 {
    let first = counter(document, "c0");
    for i in 1..FAR_APART {
        assert_eq!(counter(document, &format!("c{i}")), first, "torn: {document:?}");
    }
    first
}

#[test]
fn counters_that_are_incremented_together_are_read_together() {
    let (_dir, engine) = pressed();
    let collection = engine.collection("race.torn").expect("named");
    collection.create_index(IndexSpec::new(&[("kind", 1)])).expect("indexed");
    let pad = "x".repeat(500);
    for id in 0..3i32 {
        let document = rawdoc! {
            "_id": id, "kind": "k", "c0": 0i64, "p0": &*pad, "c1": 0i64, "p1": &*pad,
            "c2": 0i64, "p2": &*pad, "c3": 0i64,
        };
        collection.insert_one(document).expect("inserted");
    }
    let paths: Vec<_> =
        (0..FAR_APART).map(|i| FieldPath::parse(&format!("c{i}")).expect("a path")).collect();
    let increments: Vec<_> = paths.iter().map(|path| (path, 1)).collect();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..2)
            .map(|writer| {
                let (collection, increments) = (&collection, &increments);
                scope.spawn(move || {
                    for round in 0..ROUNDS {
                        let id = (round % 3) as i32;
                        if writer == 1 && round % 5 == 0 {
                            let all = rawdoc! { "$inc": { "c0": 1, "c1": 1, "c2": 1, "c3": 1 } };
                            let update = collection.update_one(rawdoc! { "_id": id }, all);
                            update.and_then(|update| update.run()).expect("counted");
                        } else {
                            collection.increment(id, increments).expect("counted");
                        }
                    }
                })
            })
            .collect();
        for reader in 0..2 {
            let (collection, stop) = (&collection, &stop);
            scope.spawn(move || {
                let mut reads = 0;
                while !stop.load(Ordering::Relaxed) || reads < 10 {
                    let id = reads % 3;
                    let document = collection.find_by_id(id).expect("read").expect("there");
                    assert_whole(&document);
                    let found = collection.find_one(rawdoc! { "kind": "k", "_id": id });
                    assert_whole(&found.expect("read").expect("there"));
                    if reads % 20 == reader {
                        for located in collection.scan(Direction::Backward).expect("scans") {
                            assert_whole(&located.expect("a document").document);
                        }
                        let entries = collection.index_scan("kind_1", Direction::Forward);
                        for entry in entries.expect("scans") {
                            let loc = entry.expect("an entry").loc;
                            assert_whole(&collection.read_at(loc).expect("read"));
                        }
                    }
                    reads += 1;
                }
            });
        }
        let joined: Vec<_> = writers.into_iter().map(|writer| writer.join()).collect();
        stop.store(true, Ordering::Relaxed);
        joined.into_iter().for_each(|joined| joined.expect("a writer"));
    });
    for id in 0..3i32 {
        let document = collection.find_by_id(id).expect("read").expect("there");
        assert_eq!(assert_whole(&document), 2 * ROUNDS / 3);
    }
    assert_valid(&collection);
}
