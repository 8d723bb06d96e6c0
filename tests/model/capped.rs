//! Capped collections against a queue: what is in them is the newest, in order of insertion.

use std::collections::VecDeque;

use bson::{Bson, Document, doc};
use tallymap::{Collection, CollectionOptions, Direction, Engine, Error, IndexSpec, Reason};
use tallymap_tests::dbpath::{self, Dbpath};
use tallymap_tests::order::raw;
use tallymap_tests::seed::Seed;

fn documents(collection: &Collection, direction: Direction) -> Vec<Document> {
    let scan = collection.scan(direction).expect("a scan");
    scan.map(|d| Document::try_from(&*d.expect("sound").document).expect("BSON")).collect()
}

/// The collection holds the last of what was inserted: nothing is missing in between, and never
/// more than `max`. Drops from the queue what the collection dropped.
fn compare(collection: &Collection, inserted: &mut VecDeque<Document>, max: Option<usize>) {
    let found = documents(collection, Direction::Forward);
    assert!(found.len() <= inserted.len() && max.is_none_or(|max| found.len() <= max));
    inserted.drain(..inserted.len() - found.len());
    assert_eq!(found, Vec::from(inserted.clone()));
    let mut backward = documents(collection, Direction::Backward);
    backward.reverse();
    assert_eq!(backward, found);
    assert_eq!(collection.count().expect("count"), found.len() as u64);
}

fn run(what: &str, options: CollectionOptions, max: Option<usize>, seed: u64) {
    let mut seed = Seed::new(what, seed);
    let dbpath = Dbpath::new();
    let open = |dbpath: &Dbpath| -> (Engine, Collection) {
        let engine = dbpath.open();
        let collection = engine.collection("d.log").expect("valid");
        (engine, collection)
    };
    let (mut engine, mut collection) = open(&dbpath);
    engine.database("d").expect("valid").create_collection("log", options).expect("creates");
    collection.create_index(IndexSpec::new(&[("n", -1)])).expect("an index");
    let mut inserted = VecDeque::new();
    let mut dropped = 0;
    for n in 0..1500_i32 {
        let doc = doc! { "_id": n, "n": n / 3, "pad": "x".repeat(seed.below(300) as usize) };
        collection.insert_one(raw(&doc)).expect("inserts");
        inserted.push_back(doc);
        if n % 100 == 99 {
            let before = inserted.len();
            compare(&collection, &mut inserted, max);
            dropped += before - inserted.len();
            // Values of the same width may change; lengths may not.
            let update = raw(&doc! { "$set": { "n": -1 } });
            let last = raw(&doc! { "_id": n });
            collection.update_one(&last, update).expect("valid").run().expect("the same width");
            inserted.back_mut().expect("just inserted").insert("n", -1);
        }
        if n % 500 == 250 {
            compare(&collection, &mut inserted, max);
            drop(collection);
            dbpath::close(engine);
            (engine, collection) = open(&dbpath);
        }
    }
    compare(&collection, &mut inserted, max);
    assert!(dropped > 500, "{what}: it went round, {dropped}");
    refuses(&collection);
    collection.truncate().expect("truncates");
    compare(&collection, &mut VecDeque::new(), max);
    collection.insert_one(raw(&doc! { "_id": 1 })).expect("inserts");
    compare(&collection, &mut VecDeque::from([doc! { "_id": 1 }]), max);
    drop(collection);
    dbpath::close(engine);
}

fn refuses(collection: &Collection) {
    let reason = |error: Error| match error {
        Error::Refused { reason, .. } => reason,
        other => panic!("{other}"),
    };
    let any = raw(&doc! { "_id": Bson::Int32(1499) });
    let deleted = collection.delete_one(&any);
    assert_eq!(deleted.map_err(reason), Err(Reason::IllegalOperation));
    let grow = raw(&doc! { "$set": { "more": 1 } });
    let grown = collection.update_one(&any, grow).expect("valid").run();
    let expected = Reason::CannotGrowDocumentInCappedNamespace;
    assert_eq!(grown.map(|_| ()).map_err(reason), Err(expected));
    let big = raw(&doc! { "pad": "x".repeat(2_000_000) });
    let inserted = collection.insert_one(big).map(|_| ());
    assert_eq!(inserted.map_err(reason), Err(Reason::DocTooLargeForCapped));
}

#[test]
fn by_size() {
    for (n, size) in [4096, 20_000, 65_536].into_iter().enumerate() {
        let what = format!("capped at {size} bytes");
        run(&what, CollectionOptions::default().capped(size), None, 300 + n as u64);
    }
}

#[test]
fn by_number() {
    for (n, max) in [1, 7, 100].into_iter().enumerate() {
        let options = CollectionOptions::default().capped(100_000).max_documents(max);
        run(&format!("capped at {max} documents"), options, Some(max as usize), 400 + n as u64);
    }
}
