//! A scan holds no lock between its batches: what stays where it is, is seen exactly once.

use std::collections::{HashMap, HashSet};

use bson::{RawDocumentBuf, doc};
use tallymap::{Collection, Direction};
use tallymap_tests::dbpath::{self, Dbpath};
use tallymap_tests::order::raw;
use tallymap_tests::seed::Seed;

const DOCUMENTS: i32 = 3000;

fn id(document: &RawDocumentBuf) -> i32 {
    document.get_i32("_id").expect("an int32")
}

/// Deletes or moves a random document; notes it.
fn disturb(collection: &Collection, seed: &mut Seed, disturbed: &mut HashSet<i32>) {
    let n = seed.below(DOCUMENTS as u32) as i32;
    let by_id = raw(&doc! { "_id": n });
    if seed.one_in(2) {
        collection.delete_one(by_id).expect("deletes");
        disturbed.insert(n);
    } else {
        let grow = raw(&doc! { "$set": { "pad": "y".repeat(400 + seed.below(400) as usize) } });
        let report = collection.update_one(by_id, grow).expect("valid").run().expect("updates");
        disturbed.extend(report.moved.map(|_| n));
    }
}

#[test]
fn documents_that_stay_are_met_once() {
    let mut seed = Seed::new("scans while documents go away", 500);
    for direction in [Direction::Forward, Direction::Backward] {
        let dbpath = Dbpath::new();
        let engine = dbpath.open();
        let collection = engine.collection("d.c").expect("valid");
        for n in 0..DOCUMENTS {
            let doc = doc! { "_id": n, "pad": "x".repeat(seed.below(100) as usize) };
            collection.insert_one(raw(&doc)).expect("inserts");
        }
        let mut disturbed = HashSet::new();
        let mut seen: HashMap<i32, u32> = HashMap::new();
        for located in collection.scan(direction).expect("a scan") {
            *seen.entry(id(&located.expect("sound").document)).or_default() += 1;
            disturb(&collection, &mut seed, &mut disturbed);
        }
        for n in (0..DOCUMENTS).filter(|n| !disturbed.contains(n)) {
            assert_eq!(seen.get(&n), Some(&1), "{n} stayed, {direction:?}");
        }
        assert!(disturbed.len() > 500 && seen.len() > 1000);
        drop(collection);
        dbpath::close(engine);
    }
}

/// The batch ends on a document; that document and many after it go away at once.
#[test]
fn the_record_that_a_scan_stands_on_goes_away() {
    let dbpath = Dbpath::new();
    let engine = dbpath.open();
    let collection = engine.collection("d.c").expect("valid");
    for n in 0..DOCUMENTS {
        collection.insert_one(raw(&doc! { "_id": n })).expect("inserts");
    }
    let mut scan = collection.scan(Direction::Forward).expect("a scan");
    let mut seen = vec![id(&scan.next().expect("a document").expect("sound").document)];
    for n in 1..2000 {
        collection.delete_one(raw(&doc! { "_id": n })).expect("deletes");
    }
    seen.extend(scan.map(|located| id(&located.expect("sound").document)));
    let batch = seen.iter().take_while(|n| **n < 2000).count() as i32;
    let expected: Vec<i32> = (0..batch).chain(2000..DOCUMENTS).collect();
    assert_eq!(seen, expected, "the first batch had been read; the rest was gone");
    drop(collection);
    dbpath::close(engine);
}

/// Entries of an index, while the documents that they lead to go away and others come.
#[test]
fn index_entries_that_stay_are_met_once_and_in_order() {
    let mut seed = Seed::new("index scans while documents go away", 501);
    for direction in [Direction::Forward, Direction::Backward] {
        let dbpath = Dbpath::new();
        let engine = dbpath.open();
        let collection = engine.collection("d.c").expect("valid");
        for n in 0..DOCUMENTS {
            let doc = doc! { "_id": n, "pad": "x".repeat(seed.below(100) as usize) };
            collection.insert_one(raw(&doc)).expect("inserts");
        }
        let mut disturbed = HashSet::new();
        let mut seen = Vec::new();
        for entry in collection.index_scan("_id_", direction).expect("an index") {
            seen.push(entry.expect("sound").key.get_i32("").expect("an int32"));
            for _ in 0..2 {
                disturb(&collection, &mut seed, &mut disturbed);
            }
        }
        if direction == Direction::Backward {
            seen.reverse();
        }
        let stayed: Vec<i32> = (0..DOCUMENTS).filter(|n| !disturbed.contains(n)).collect();
        seen.retain(|n| !disturbed.contains(n));
        assert_eq!(seen, stayed, "{direction:?}");
        drop(collection);
        dbpath::close(engine);
    }
}

#[test]
fn emptying_ends_a_scan_and_dropping_does_too() {
    let dbpath = Dbpath::new();
    let engine = dbpath.open();
    let database = engine.database("d").expect("valid");
    let collection = database.collection("c").expect("valid");
    let fill = || {
        for n in 0..DOCUMENTS {
            collection.insert_one(raw(&doc! { "_id": n })).expect("inserts");
        }
    };
    fill();
    let mut scan = collection.scan(Direction::Forward).expect("a scan");
    assert!(scan.next().is_some_and(|located| located.is_ok()));
    collection.truncate().expect("truncates");
    assert_eq!(scan.filter(Result::is_err).count(), 1, "one error, then the end");

    fill();
    let mut scan = collection.scan(Direction::Forward).expect("a scan");
    assert!(scan.next().is_some_and(|located| located.is_ok()));
    assert!(database.drop_collection("c").expect("drops"));
    assert!(scan.count() < DOCUMENTS as usize, "it ends early");
    drop(collection);
    dbpath::close(engine);
}
