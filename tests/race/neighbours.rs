//! Collections of one database share files, extents and the journal, and nothing else.

use std::sync::atomic::{AtomicBool, Ordering};

use bson::rawdoc;
use tallymap::{CollectionOptions, Engine, FieldPath, IndexSpec};

use crate::support::{assert_valid, counter, documents, pressed, reopen_and};

const COUNTED: i64 = 3_000;

fn count(engine: &Engine, thread: usize) {
    let collection = engine.collection(&format!("race.c{thread}")).expect("named");
    collection.create_index(IndexSpec::new(&[("kind", 1)])).expect("indexed");
    let n = FieldPath::parse("n").expect("a path");
    for i in 0..COUNTED {
        let id = i % 50;
        if i < 50 {
            let new = rawdoc! { "_id": id, "kind": id % 7, "n": 0i64 };
            collection.insert_one(new).expect("inserted");
        }
        collection.increment(id, &[(&n, 1)]).expect("counted");
        if i % 100 == 0 {
            // Takes extents while others take them.
            let big = rawdoc! { "_id": format!("big-{i}"), "n": 0, "pad": "x".repeat(60_000) };
            collection.insert_one(big).expect("inserted");
        }
        if i % 250 == 0 {
            collection.delete_one(rawdoc! { "_id": format!("big-{i}") }).expect("deleted");
        }
        if i % 1000 == 999 {
            collection.compact().expect("compacted");
        }
    }
}

#[test]
fn collections_come_and_go_beside_those_that_count() {
    let (dir, engine) = pressed();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let counting: Vec<_> = (0..4)
            .map(|thread| {
                let engine = &engine;
                scope.spawn(move || count(engine, thread))
            })
            .collect();
        let (engine, stop) = (&engine, &stop);
        scope.spawn(move || {
            let database = engine.database("race").expect("named");
            let mut round = 0;
            while !stop.load(Ordering::Relaxed) || round < 5 {
                let name = format!("passing-{}", round % 3);
                let options = CollectionOptions::default().template(rawdoc! { "n": 0 });
                let passing = database.create_collection(&name, options).expect("created");
                for i in 0..40 {
                    let document = rawdoc! { "_id": i, "pad": "y".repeat(3_000) };
                    passing.insert_one(document).expect("inserted");
                }
                database.rename_collection(&name, "renamed").expect("renamed");
                let renamed = database.collection("renamed").expect("named");
                assert_eq!((renamed.count().expect("counts"), passing.exists()), (40, false));
                assert!(database.drop_collection("renamed").expect("dropped"));
                round += 1;
            }
            println!("{round} collections came and went");
        });
        // One that is dropped while it is written: each write finds it or creates it anew.
        scope.spawn(move || {
            let database = engine.database("race").expect("named");
            while !stop.load(Ordering::Relaxed) {
                database.drop_collection("contested").expect("dropped");
            }
        });
        scope.spawn(move || {
            let contested = engine.collection("race.contested").expect("named");
            let mut i = 0;
            while !stop.load(Ordering::Relaxed) {
                let update = rawdoc! { "$inc": { "n": 1 } };
                let request = contested.update_one(rawdoc! { "_id": i % 5 }, update);
                request.and_then(|request| request.upsert(true).run()).expect("counted");
                i += 1;
            }
        });
        let joined: Vec<_> = counting.into_iter().map(|counting| counting.join()).collect();
        stop.store(true, Ordering::Relaxed);
        joined.into_iter().for_each(|joined| joined.expect("a writer"));
    });
    reopen_and(&dir, engine, |engine| {
        let database = engine.database("race").expect("named");
        for name in database.collection_names().expect("read") {
            assert_valid(&database.collection(&name).expect("named"));
        }
        for thread in 0..4 {
            let collection = engine.collection(&format!("race.c{thread}")).expect("named");
            let found = documents(&collection);
            let sum: i64 = found.iter().map(|document| counter(document, "n")).sum();
            assert_eq!((sum, found.len()), (COUNTED, 50 + 30 - 6), "c{thread}");
        }
        let names = database.collection_names().expect("read");
        assert!(!names.iter().any(|name| name.starts_with("passing") || name == "renamed"));
    });
}

#[test]
fn databases_beside_each_other() {
    let (dir, engine) = pressed();
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let engine = &engine;
            scope.spawn(move || {
                let doomed = engine.database(&format!("doomed{thread}")).expect("named");
                for round in 0..4 {
                    let collection = doomed.collection("c").expect("named");
                    for i in 0..50 {
                        collection.insert_one(rawdoc! { "_id": i }).expect("inserted");
                    }
                    engine.wait_durable().expect("durable");
                    if round < 3 {
                        assert!(doomed.drop().expect("dropped"));
                    }
                }
            });
        }
        let engine = &engine;
        scope.spawn(move || count(engine, 9));
    });
    reopen_and(&dir, engine, |engine| {
        assert_eq!(engine.database_names(), ["doomed0", "doomed1", "doomed2", "race"]);
        for name in ["doomed0.c", "doomed1.c", "doomed2.c", "race.c9"] {
            let collection = engine.collection(name).expect("named");
            assert_valid(&collection);
            let expected = if name == "race.c9" { 50 + 30 - 6 } else { 50 };
            assert_eq!(collection.count().expect("counts"), expected);
        }
    });
}
