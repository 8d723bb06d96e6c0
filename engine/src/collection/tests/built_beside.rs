//! Indexes that are built while threads count, insert, move and delete.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bson::{RawArrayBuf, RawDocumentBuf, rawdoc};

use super::{assert_valid, open};
use crate::collection::building::Building;
use crate::disk::HeapDisk;
use crate::rounds::rounds;
use crate::{Collection, Direction, Error, FieldPath, IndexSpec};

const DOCUMENTS: i32 = 3_000;

fn document(id: i32, k: i32) -> RawDocumentBuf {
    let tags: RawArrayBuf = (0..id % 4).map(|n| id + n).collect();
    rawdoc! { "_id": id, "k": k, "tags": tags, "on": id % 2 == 0, "hits": 0_i64, "pad": "" }
}

/// Tells threads to stop, also where an assertion fails before they were told.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Works on the collection until it is told to stop, by a seed of its own. Answers its hits.
fn work(c: &Collection, stop: &AtomicBool, seed: u64) -> u64 {
    let mut rng = oorandom::Rand32::new(seed);
    let hits = FieldPath::parse("hits").expect("a path");
    let mut counted = 0;
    while !stop.load(Ordering::Relaxed) {
        let id = rng.rand_range(0..DOCUMENTS as u32) as i32;
        let filter = rawdoc! { "_id": id };
        let update = |update: RawDocumentBuf| {
            c.update_one(filter.clone(), update).expect("an update").run().expect("runs");
        };
        match rng.rand_range(0..40) {
            0 => update(rawdoc! { "$set": { "k": rng.rand_u32() as i32 } }),
            1 => update(rawdoc! { "$set": { "pad": "p".repeat(rng.rand_range(0..900) as usize) } }),
            2 => update(rawdoc! { "$set": { "tags": [id, 1], "on": true } }),
            3 => update(rawdoc! { "$set": { "on": false } }),
            4 => {
                let id = DOCUMENTS + (rng.rand_u32() >> 8) as i32;
                // Two threads may choose one.
                if c.insert_one(document(id, id)).is_ok() && rng.rand_range(0..2) == 0 {
                    assert_eq!(c.delete_one(rawdoc! { "_id": id }).expect("deletes"), 1);
                }
            }
            _ => {
                c.increment(id, &[(&hits, 1)]).expect("counts");
                counted += 1;
            }
        }
    }
    counted
}

fn sum_of_hits(c: &Collection) -> u64 {
    let scan = c.scan(Direction::Forward).expect("scans");
    scan.map(|it| it.expect("sound").document.get_i64("hits").expect("a counter") as u64).sum()
}

#[test]
#[cfg_attr(miri, ignore = "too long")]
fn hits_and_structural_changes_go_on_beside_a_build() {
    let engine = open(Arc::new(HeapDisk::new()));
    let c = engine.collection("d.c").expect("a name");
    for id in 0..DOCUMENTS {
        c.insert_one(document(id, id)).expect("inserts");
    }
    let stop = AtomicBool::new(false);
    let counted = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let _stop = Stop(&stop);
        for seed in 0..3 {
            let (c, stop, counted) = (&c, &stop, &counted);
            scope.spawn(move || counted.fetch_add(work(c, stop, seed), Ordering::Relaxed));
        }
        for _ in 0..rounds(6) {
            let specs = [
                IndexSpec::new(&[("k", 1)]),
                IndexSpec::new(&[("tags", -1), ("k", 1)]),
                IndexSpec::hashed("k"),
                IndexSpec::new(&[("k", -1)]).partial_filter(rawdoc! { "on": true }),
                IndexSpec::new(&[("pad", 1), ("_id", 1)]).unique(true),
            ];
            c.create_indexes(specs).expect("built");
            assert_valid(&c);
            c.drop_index("*").expect("drops");
        }
        let last = [IndexSpec::new(&[("k", 1)]), IndexSpec::new(&[("tags", 1)]).sparse(true)];
        c.create_indexes(last).expect("built");
    });
    assert_valid(&c);
    assert_eq!(sum_of_hits(&c), counted.load(Ordering::Relaxed));
    engine.wait_durable().expect("durable");
}

/// What such an index cannot have, it may be rid of while it is built.
#[test]
fn a_document_without_keys_can_go_during_a_build() {
    let engine = open(Arc::new(HeapDisk::new()));
    let (c, other) = (engine.collection("d.c").unwrap(), engine.collection("d.other").unwrap());
    let mut names = vec![];
    for spec in [IndexSpec::new(&[("a", 1), ("b", 1)]), IndexSpec::hashed("a")] {
        names.push(other.create_index(spec).expect("an index"));
    }
    for name in names {
        for id in 0..3 {
            c.insert_one(rawdoc! { "_id": id, "a": [1, 2], "b": [3, 4] }).expect("inserts");
        }
        let index = {
            let guard = other.core.shared();
            guard.open().unwrap().unwrap().index_named(&name).unwrap().clone()
        };
        let building = Arc::new(Building::new(index));
        c.core.exclusive().open_mut().unwrap().unwrap().start_build(building.clone()).unwrap();
        assert_eq!(c.delete_one(rawdoc! { "_id": 0 }).expect("deletes"), 1);
        let mended = rawdoc! { "$set": { "a": 1 } };
        let updated = c.update_one(rawdoc! { "_id": 1 }, mended).and_then(|update| update.run());
        assert_eq!(updated.expect("updates").modified, 1);
        let longer = rawdoc! { "a": 2, "b": "x".repeat(900) };
        let moved = c.replace_one(rawdoc! { "_id": 2 }, longer).and_then(|update| update.run());
        assert!(moved.expect("replaces").moved.is_some());
        let notes = building.oldest(100);
        assert!(notes.len() >= 2 && notes.iter().all(|note| note.comes), "{notes:?}");
        c.core.exclusive().open_mut().unwrap().unwrap().building = None;
        c.delete_many(rawdoc! {}).expect("deletes");
    }
}

/// Keys that are there once at any time are unique, even if a walk meets one in two places.
#[test]
#[cfg_attr(miri, ignore = "too long")]
fn a_key_that_wanders_is_unique() {
    let engine = open(Arc::new(HeapDisk::new()));
    let c = engine.collection("d.c").expect("a name");
    for id in 0..DOCUMENTS {
        c.insert_one(rawdoc! { "_id": id, "u": id }).expect("inserts");
    }
    let stop = AtomicBool::new(false);
    let built = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut rng = oorandom::Rand32::new(5);
            while !stop.load(Ordering::Relaxed) {
                let id = rng.rand_range(0..DOCUMENTS as u32) as i32;
                let found = c.find_by_id(id).expect("sound").expect("there");
                let u = found.get_i32("u").expect("a number");
                c.delete_one(rawdoc! { "_id": id }).expect("deletes");
                c.insert_one(rawdoc! { "_id": id, "u": u, "pad": "x".repeat(u as usize % 300) })
                    .expect("inserts");
            }
        });
        let _stop = Stop(&stop);
        let built: Vec<_> = (0..rounds(5))
            .map(|_| {
                let name = c.create_index(IndexSpec::new(&[("u", 1)]).unique(true))?;
                c.drop_index(&name)
            })
            .collect();
        built
    });
    built.into_iter().for_each(|built| built.expect("unique"));
    // One that is there twice is found, whoever wrote it when.
    c.insert_one(rawdoc! { "_id": -1, "u": 7 }).expect("inserts");
    let twice = c.create_index(IndexSpec::new(&[("u", 1)]).unique(true));
    assert!(matches!(twice, Err(Error::DuplicateKey { .. })), "{twice:?}");
    assert_eq!(c.indexes().expect("reads").len(), 1);
    c.delete_one(rawdoc! { "_id": -1 }).expect("deletes");
    c.create_index(IndexSpec::new(&[("u", 1)]).unique(true)).expect("unique again");
    assert_valid(&c);
}

#[test]
fn what_goes_wrong_leaves_the_collection_as_it_was() {
    let disk = HeapDisk::new();
    let engine = open(Arc::new(disk.clone()));
    let c = engine.collection("d.c").expect("a name");
    for id in 0..600 {
        c.insert_one(rawdoc! { "_id": id, "a": [id], "b": [id, 1] }).expect("inserts");
    }
    for _ in 0..3 {
        let parallel = c.create_index(IndexSpec::new(&[("a", 1), ("b", 1)]));
        assert_eq!(parallel.expect_err("refused").code(), 171);
        c.insert_one(rawdoc! { "a": [1], "b": [2] }).expect("nothing refuses it");
        let report = c.update_one(rawdoc! { "_id": 5 }, rawdoc! { "$set": { "x": 5 } });
        assert_eq!(report.expect("an update").run().expect("runs").matched, 1);
    }
    assert_eq!(c.indexes().expect("reads").len(), 1);
    assert_valid(&c);
    c.create_index(IndexSpec::new(&[("a", 1)])).expect("built");
    drop(c);
    engine.close().expect("closes");
    let engine = open(Arc::new(disk));
    let c = engine.collection("d.c").expect("a name");
    assert_eq!(c.indexes().expect("reads").len(), 2);
    assert_valid(&c);
}

#[test]
#[cfg_attr(miri, ignore = "too long")]
fn a_dropped_database_ends_a_build() {
    for _ in 0..rounds(10) {
        let engine = open(Arc::new(HeapDisk::new()));
        let c = engine.collection("d.c").expect("a name");
        for id in 0..DOCUMENTS {
            c.insert_one(document(id, id)).expect("inserts");
        }
        let database = engine.database("d").expect("named");
        let built = std::thread::scope(|scope| {
            let built = scope.spawn(|| c.create_index(IndexSpec::new(&[("k", 1)])));
            database.drop().expect("drops");
            built.join().expect("no panic")
        });
        // Whichever came first: what the build created anew is sound.
        if c.exists() {
            built.expect("on a new collection");
            assert_valid(&c);
        } else if let Err(error) = built {
            assert!(matches!(error, Error::NotFound { .. }), "{error}");
        }
        c.insert_one(document(1, 1)).expect("inserts");
        assert_valid(&c);
    }
}
