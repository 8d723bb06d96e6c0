//! Creating at once what can be created once.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};

use bson::rawdoc;
use tallymap::{CollectionOptions, Error, IndexSpec};

use crate::support::{assert_valid, pressed};

const THREADS: usize = 6;

#[test]
fn a_collection_is_created_by_one() {
    let (_dir, engine) = pressed();
    for round in 0..10 {
        let created = AtomicU64::new(0);
        let start = Barrier::new(THREADS);
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    let database = engine.database("race").expect("named");
                    start.wait();
                    let options = CollectionOptions::default();
                    match database.create_collection(&format!("c{round}"), options) {
                        Ok(_) => drop(created.fetch_add(1, Ordering::Relaxed)),
                        Err(Error::NamespaceExists { .. }) => {}
                        Err(error) => panic!("{error}"),
                    }
                });
            }
        });
        assert_eq!(created.into_inner(), 1);
    }
}

#[test]
fn an_index_is_built_once_and_holds_what_is_inserted_meanwhile() {
    let (_dir, engine) = pressed();
    let collection = engine.collection("race.indexed").expect("named");
    for i in 0..500i32 {
        collection.insert_one(rawdoc! { "_id": i, "k": i % 10 }).expect("inserted");
    }
    let start = Barrier::new(THREADS);
    std::thread::scope(|scope| {
        for thread in 0..THREADS as i32 {
            let (start, collection) = (&start, &collection);
            scope.spawn(move || {
                start.wait();
                for i in 0..200 {
                    let id = 1_000 * (thread + 1) + i;
                    collection.insert_one(rawdoc! { "_id": id, "k": i % 10 }).expect("inserted");
                    if i == 20 {
                        collection.create_index(IndexSpec::new(&[("k", 1)])).expect("indexed");
                    }
                }
            });
        }
    });
    assert_eq!(collection.indexes().expect("read").len(), 2);
    let entries = collection.index_scan("k_1", tallymap::Direction::Forward).expect("scans");
    let entries: Vec<_> = entries.map(|entry| entry.expect("an entry")).collect();
    assert_eq!(entries.len(), 500 + THREADS * 200);
    assert_valid(&collection);
}

#[test]
fn of_equal_unique_keys_one_gets_in() {
    let (_dir, engine) = pressed();
    let collection = engine.collection("race.unique").expect("named");
    collection.create_index(IndexSpec::new(&[("k", 1)]).unique(true)).expect("indexed");
    let inserted = AtomicU64::new(0);
    let start = Barrier::new(THREADS);
    std::thread::scope(|scope| {
        for thread in 0..THREADS as i32 {
            let (start, collection, inserted) = (&start, &collection, &inserted);
            scope.spawn(move || {
                start.wait();
                for k in 0..200 {
                    match collection.insert_one(rawdoc! { "k": k, "by": thread }) {
                        Ok(_) => drop(inserted.fetch_add(1, Ordering::Relaxed)),
                        Err(Error::DuplicateKey { index, .. }) => assert_eq!(index, "k_1"),
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
    });
    assert_eq!(inserted.into_inner(), 200);
    assert_eq!(collection.count().expect("counts"), 200);
    assert_valid(&collection);
}
