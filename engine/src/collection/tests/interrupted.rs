//! Work that is ended before its time, and walks whose collection goes away.

use std::sync::Arc;
use std::time::Duration;

use bson::rawdoc;

use super::{assert_valid, open};
use crate::disk::HeapDisk;
use crate::{Collection, Engine, IndexSpec, Interrupt};

const DOCUMENTS: i32 = 3000;

fn filled(engine: &Engine) -> Collection {
    let collection = engine.collection("d.c").expect("a name");
    for id in 0..DOCUMENTS {
        collection.insert_one(rawdoc! { "_id": id, "a": 0 }).expect("inserted");
    }
    collection
}

/// What an operation fails with that was asked to end before it began to look.
fn asked<R>(work: impl FnOnce() -> crate::Result<R>) -> i32 {
    let interrupt = Interrupt::new();
    interrupt.ask();
    interrupt.run(None, work).map_or_else(|error| error.code(), |_| 0)
}

#[test]
fn long_work_ends_when_it_is_asked_to() {
    let engine = open(Arc::new(HeapDisk::new()));
    let c = filled(&engine);
    let inc = rawdoc! { "$inc": { "a": 1 } };
    assert_eq!(asked(|| c.update_many(rawdoc! {}, &inc)?.run()), 11601);
    assert_eq!(asked(|| c.update_one(rawdoc! { "b": 1 }, &inc)?.run()), 11601);
    assert_eq!(asked(|| c.delete_many(rawdoc! { "a": 0 })), 11601);
    assert_eq!(asked(|| c.count_documents(rawdoc! { "b": 1 }).run()), 11601);
    assert_eq!(asked(|| c.find(rawdoc! {}).run()?.collect::<Result<Vec<_>, _>>()), 11601);
    assert_eq!(asked(|| c.create_index(IndexSpec::new(&[("a", 1)]))), 11601);
    assert_eq!(c.indexes().expect("listed").len(), 1, "the index is not half there");
    let changed = c.count_documents(rawdoc! { "a": 1 }).run().expect("counted");
    assert_eq!((changed, c.count().expect("counted")), (0, DOCUMENTS as u64));
    // What lies by its _id is at hand at once.
    assert_eq!(asked(|| c.update_one(rawdoc! { "_id": 5 }, &inc)?.run()), 0);
    assert_valid(&c);
}

#[test]
fn who_is_ended_while_he_moves_a_collection_leaves_nothing_elsewhere() {
    let engine = open(Arc::new(HeapDisk::new()));
    let c = filled(&engine);
    let target = engine.collection("e.c").expect("a name");
    assert_eq!(asked(|| c.move_to(&target, false)), 11601);
    let names = engine.database("e").and_then(|e| e.collection_names()).expect("listed");
    assert!(names.iter().all(|name| name.starts_with("system.")), "{names:?}");
    assert_eq!(c.count().expect("counted"), DOCUMENTS as u64);
    c.move_to(&target, false).expect("moved");
    assert_eq!((c.exists(), target.count().expect("counted")), (false, DOCUMENTS as u64));
    assert_valid(&target);
}

#[test]
fn what_was_done_before_the_end_stays() {
    let engine = open(Arc::new(HeapDisk::new()));
    let c = filled(&engine);
    let inc = rawdoc! { "$inc": { "a": 1 } };
    let late = Interrupt::new().run(Some(Duration::from_millis(1)), || {
        // The time is over before the last of them: it is looked at before each.
        std::thread::sleep(Duration::from_millis(2));
        c.update_many(rawdoc! {}, &inc).and_then(|update| update.run())
    });
    assert_eq!(late.map_or_else(|error| error.code(), |_| 0), 50);
    let counts = [0, 1].map(|a| c.count_documents(rawdoc! { "a": a }).run().expect("counted"));
    assert_eq!(counts, [DOCUMENTS as u64, 0]);
    let interrupt = Interrupt::new();
    let (asking, other) = (interrupt.clone(), c.clone());
    let ended = std::thread::scope(|s| {
        s.spawn(move || {
            while other.count_documents(rawdoc! { "a": 1 }).limit(1).run().expect("counted") == 0 {
                std::thread::yield_now();
            }
            asking.ask();
        });
        interrupt.run(None, || c.update_many(rawdoc! {}, &inc).and_then(|update| update.run()))
    });
    let [left, changed] =
        [0, 1].map(|a| c.count_documents(rawdoc! { "a": a }).run().expect("counted"));
    assert_eq!(left + changed, DOCUMENTS as u64);
    match ended {
        Ok(report) => assert_eq!(report.modified, changed),
        Err(error) => assert_eq!(error.code(), 11601),
    }
    assert!(changed > 0);
    assert_valid(&c);
}

/// Who reads on is told that there was more, not that this was all.
#[test]
fn a_walk_whose_collection_is_dropped_is_no_end() {
    let engine = open(Arc::new(HeapDisk::new()));
    let c = filled(&engine);
    let mut begun = c.find(rawdoc! {}).run().expect("runs");
    let mut fresh = c.find(rawdoc! {}).run().expect("runs");
    assert!(begun.next().is_some_and(|first| first.is_ok()));
    assert!(engine.database("d").expect("named").drop_collection("c").expect("dropped"));
    let end = begun.find_map(|document| document.err()).expect("an error");
    assert_eq!(end.code(), 175, "{end}");
    assert_eq!(fresh.find_map(|document| document.err()).map(|error| error.code()), Some(175));
    assert!(c.find(rawdoc! {}).run().expect("runs").next().is_none(), "there is none to walk");
}

#[test]
fn indexes_are_built_anew_with_what_they_had() {
    let engine = open(Arc::new(HeapDisk::new()));
    let c = filled(&engine);
    c.create_index(IndexSpec::new(&[("a", 1)])).expect("built");
    c.delete_many(rawdoc! { "_id": { "$lt": 1000 } }).expect("deleted");
    assert_eq!(c.rebuild_indexes().expect("rebuilt"), 2);
    assert_valid(&c);
    let entries = c.index_scan("a_1", crate::Direction::Forward).expect("scanned").count();
    assert_eq!(entries as i32, DOCUMENTS - 1000);
    let missing = engine.collection("d.none").expect("a name").rebuild_indexes();
    assert_eq!(missing.map_or_else(|error| error.code(), |_| 0), 26);
}
