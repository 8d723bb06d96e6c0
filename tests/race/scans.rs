//! A walk over a collection that changes under it: what stays is met once, in order; what moves
//! or goes may be met twice or not at all, but never half.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use bson::rawdoc;
use oorandom::Rand64;
use tallymap::{Collection, CollectionOptions, Direction, FieldPath, IndexSpec};

use crate::support::{assert_valid, counter, pressed};

/// Even numbers stay as they are; odd ones grow, go, and come again.
const NUMBERS: i64 = 1_200;

fn document(number: i64, len: usize) -> bson::RawDocumentBuf {
    rawdoc! { "_id": number, "turn": (number * 7) % 10, "pad": "x".repeat(len), "len": len as i64 }
}

fn assert_whole(document: &bson::RawDocument) -> i64 {
    let pad = document.get_str("pad").expect("text");
    assert_eq!(pad.len() as i64, counter(document, "len"), "torn");
    counter(document, "_id")
}

fn change(collection: &Collection, seed: u128, stop: &AtomicBool) {
    let mut rng = Rand64::new(seed);
    let mut changed = 0;
    while !stop.load(Ordering::Relaxed) {
        // Each writer has odd numbers of its own.
        let number = (rng.rand_range(0..NUMBERS as u64 / 4) as i64) * 4 + 1 + 2 * seed as i64;
        let key = rawdoc! { "_id": number };
        let len = rng.rand_range(0..400) as usize;
        if changed % 5 == 0 {
            collection.delete_one(&key).expect("deleted");
        } else {
            let request = collection.replace_one(&key, document(number, len));
            request.and_then(|request| request.upsert(true).run()).expect("replaced");
        }
        changed += 1;
    }
    assert!(changed > 100, "{changed} changes");
}

/// The even numbers of a walk: each once.
fn assert_all_even(met: impl Iterator<Item = i64>, name: &str) -> Vec<i64> {
    let even: Vec<i64> = met.filter(|number| number % 2 == 0).collect();
    let distinct: BTreeSet<i64> = even.iter().copied().collect();
    assert_eq!(distinct.len(), even.len(), "{name}: a document that stays is met twice");
    assert_eq!(distinct.len() as i64, NUMBERS / 2, "{name}: a document that stays is missed");
    even
}

fn walk(collection: &Collection, first: &[i64]) {
    for direction in [Direction::Forward, Direction::Backward] {
        let scan = collection.scan(direction).expect("scans");
        let met = scan.map(|located| assert_whole(&located.expect("a document").document));
        let mut even = assert_all_even(met, "natural order");
        if direction == Direction::Backward {
            even.reverse();
        }
        assert!(even == first, "what stays keeps its natural order");
        let entries = collection.index_scan("turn_1__id_-1", direction).expect("scans");
        let keys = entries.map(|entry| {
            let key = entry.expect("an entry").key;
            let values: Vec<_> = key.iter().map(|field| field.expect("BSON").1).collect();
            let number = |value: bson::RawBsonRef<'_>| value.as_i64().expect("a number");
            (number(values[0]), number(values[1]))
        });
        let even: Vec<_> = keys.filter(|(_, number)| number % 2 == 0).collect();
        assert_all_even(even.iter().map(|(_, number)| *number), "an index");
        let in_order = |pair: &[(i64, i64)]| match direction {
            Direction::Forward => (pair[0].0, -pair[0].1) < (pair[1].0, -pair[1].1),
            Direction::Backward => (pair[0].0, -pair[0].1) > (pair[1].0, -pair[1].1),
        };
        assert!(even.windows(2).all(in_order), "the index is walked in its order");
    }
}

#[test]
fn what_stays_is_met_once_while_the_rest_moves() {
    let (_dir, engine) = pressed();
    let collection = engine.collection("race.walked").expect("named");
    collection.create_index(IndexSpec::new(&[("turn", 1), ("_id", -1)])).expect("indexed");
    for number in 0..NUMBERS {
        collection.insert_one(document(number, 50)).expect("inserted");
    }
    let first: Vec<i64> = (0..NUMBERS).step_by(2).collect();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for seed in 0..2 {
            let (collection, stop) = (&collection, &stop);
            scope.spawn(move || change(collection, seed, stop));
        }
        let readers = [0, 1].map(|_| {
            let (collection, first) = (&collection, &first);
            scope.spawn(move || (0..20).for_each(|_| walk(collection, first)))
        });
        let joined = readers.map(|reader| reader.join());
        stop.store(true, Ordering::Relaxed);
        joined.into_iter().for_each(|joined| joined.expect("a reader"));
    });
    assert!(engine.counters().moves.get() > 0, "documents moved");
    walk(&collection, &first);
    assert_valid(&collection);
}

#[test]
fn a_capped_collection_stays_in_order_of_insertion() {
    const INSERTED: i64 = 3_000;
    let (_dir, engine) = pressed();
    let database = engine.database("race").expect("named");
    let options = CollectionOptions::default().capped(64 << 10);
    let log = database.create_collection("log", options).expect("created");
    let n = FieldPath::parse("n").expect("a path");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..3i64)
            .map(|writer| {
                let (log, n) = (&log, &n);
                scope.spawn(move || {
                    for i in 0..INSERTED / 3 {
                        let id = writer * INSERTED + i;
                        let entry = rawdoc! { "_id": id, "by": writer, "i": i, "n": 0i64 };
                        log.insert_one(entry).expect("inserted");
                        log.increment(id, &[(n, 1)]).expect("counted");
                    }
                })
            })
            .collect();
        let (log, stop) = (&log, &stop);
        scope.spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                // Each writer's entries are met in the order in which it inserted them, however
                // many fall off the end meanwhile.
                let mut last = [-1; 3];
                for located in log.scan(Direction::Forward).expect("scans") {
                    let entry = located.expect("a document").document;
                    let (by, i) = (counter(&entry, "by") as usize, counter(&entry, "i"));
                    assert!(i > last[by], "{i} after {}", last[by]);
                    last[by] = i;
                }
            }
        });
        let joined: Vec<_> = writers.into_iter().map(|writer| writer.join()).collect();
        stop.store(true, Ordering::Relaxed);
        joined.into_iter().for_each(|joined| joined.expect("a writer"));
    });
    let count = log.count().expect("counts");
    assert!(count > 100 && count < INSERTED as u64, "{count} are left");
    assert_valid(&log);
}
