//! Changing one document and giving it back.

use std::sync::Arc;

use bson::{RawDocumentBuf, rawdoc};

use super::{assert_valid, open};
use crate::disk::HeapDisk;
use crate::{Collection, Engine, Error, FoundAndModified, IndexSpec, Reason};

fn filled() -> (Engine, Collection) {
    let engine = open(Arc::new(HeapDisk::new()));
    let collection = engine.collection("d.c").expect("named");
    collection.create_index(IndexSpec::new(&[("k", 1)])).expect("built");
    for i in 1..=3 {
        collection.insert_one(rawdoc! { "_id": i, "k": i, "n": 0 }).expect("inserted");
    }
    (engine, collection)
}

fn value(found: &FoundAndModified) -> RawDocumentBuf {
    found.value.clone().expect("a document")
}

#[test]
fn before_or_after_in_place_or_not() {
    let (_engine, collection) = filled();
    let updates = [
        (rawdoc! { "$inc": { "n": 1 } }, true, rawdoc! { "_id": 2, "k": 2, "n": 1 }),
        (rawdoc! { "$set": { "n": 5_i64 } }, false, rawdoc! { "_id": 2, "k": 2, "n": 5_i64 }),
        (rawdoc! { "$set": { "k": 9 } }, false, rawdoc! { "_id": 2, "k": 9, "n": 5_i64 }),
        (rawdoc! { "$set": { "k": 9 } }, false, rawdoc! { "_id": 2, "k": 9, "n": 5_i64 }),
    ];
    let mut before = rawdoc! { "_id": 2, "k": 2, "n": 0 };
    for (i, (update, in_place, after)) in updates.into_iter().enumerate() {
        let request = collection.find_one_and_update(rawdoc! { "_id": 2 }, update);
        let request = request.expect("operators").return_new(i % 2 == 1);
        let found = request.run().expect("done");
        assert_eq!(value(&found), if i % 2 == 1 { after.clone() } else { before });
        assert_eq!((found.report.in_place, found.report.matched), (in_place, 1));
        assert_eq!(collection.find_by_id(2).expect("sound").expect("there"), after);
        before = after;
    }
    assert_valid(&collection);
}

#[test]
fn replacing_and_deleting() {
    let (_engine, collection) = filled();
    let replace = |new: bool| {
        let by = rawdoc! { "k": 7 };
        let request = collection.find_one_and_replace(rawdoc! { "_id": 1 }, by).expect("plain");
        value(&request.return_new(new).run().expect("done"))
    };
    assert_eq!(replace(false), rawdoc! { "_id": 1, "k": 1, "n": 0 });
    assert_eq!(replace(true), rawdoc! { "_id": 1, "k": 7 });
    let found = collection.find_one_and_delete(rawdoc! { "k": 7 }).run().expect("done");
    assert_eq!((value(&found), found.report.matched), (rawdoc! { "_id": 1, "k": 7 }, 1));
    let none = collection.find_one_and_delete(rawdoc! { "k": 7 }).run().expect("done");
    assert_eq!((none.value, none.report.matched), (None, 0));
    assert_eq!(collection.count().expect("counted"), 2);
    assert_valid(&collection);
}

#[test]
fn upserting() {
    let (_engine, collection) = filled();
    let upsert = |id: i32, new: bool| {
        let (filter, update) = (rawdoc! { "_id": id }, rawdoc! { "$set": { "x": 1 } });
        let request = collection.find_one_and_update(filter, update).expect("operators");
        request.upsert(true).return_new(new).run().expect("done")
    };
    let found = upsert(7, false);
    assert_eq!((&found.value, &found.report.upserted), (&None, &Some(7.into())));
    assert_eq!(value(&upsert(8, true)), rawdoc! { "_id": 8, "x": 1 });
    assert_eq!(value(&upsert(8, true)), rawdoc! { "_id": 8, "x": 1 });
    let request = collection.find_one_and_update(rawdoc! { "_id": 9 }, rawdoc! { "$inc": {} });
    let none = request.expect("operators").return_new(true).run().expect("done");
    assert_eq!(none.value, None);
    assert_eq!(collection.count().expect("counted"), 5);
}

#[test]
fn a_collection_that_is_missing() {
    let engine = open(Arc::new(HeapDisk::new()));
    let collection = engine.collection("d.none").expect("named");
    let update = rawdoc! { "$set": { "x": 1 } };
    let request = collection.find_one_and_update(rawdoc! {}, &update).expect("operators");
    assert_eq!(request.run().expect("done").value, None);
    assert_eq!(collection.find_one_and_delete(rawdoc! {}).run().expect("done").value, None);
    assert!(!collection.exists());
    let request = collection.find_one_and_update(rawdoc! { "_id": 1 }, update).expect("operators");
    let found = request.upsert(true).return_new(true).run().expect("done");
    assert_eq!(value(&found), rawdoc! { "_id": 1, "x": 1 });
}

#[test]
fn what_contradicts_itself_is_refused() {
    let (_engine, collection) = filled();
    let delete = || collection.find_one_and_delete(rawdoc! { "_id": 1 });
    for request in [
        delete().upsert(true),
        delete().return_new(true),
        delete().array_filters([rawdoc! { "e": 1 }]),
    ] {
        let refused = request.run();
        assert!(matches!(refused, Err(Error::Refused { reason: Reason::FailedToParse, .. })));
    }
    let filter = || rawdoc! { "_id": 1 };
    assert!(collection.find_one_and_update(filter(), rawdoc! { "a": 1 }).is_err());
    let operators = rawdoc! { "$set": { "a": 1 } };
    assert!(collection.find_one_and_replace(filter(), &operators).is_err());
    let unused = collection.find_one_and_update(filter(), operators).expect("operators");
    let unused = unused.array_filters([rawdoc! { "e": 1 }]).run();
    assert!(matches!(unused, Err(Error::Refused { reason: Reason::FailedToParse, .. })));
    assert_eq!(collection.count().expect("counted"), 3);
}

#[test]
fn the_first_by_a_sort() {
    let (_engine, collection) = filled();
    let taken = |direction: i32| {
        let update = rawdoc! { "$inc": { "n": 1 } };
        let request = collection.find_one_and_update(rawdoc! { "n": { "$gte": 0 } }, update);
        let request = request.expect("operators").sort(rawdoc! { "k": direction });
        value(&request.return_new(true).run().expect("done"))
    };
    assert_eq!(taken(-1), rawdoc! { "_id": 3, "k": 3, "n": 1 });
    assert_eq!(taken(1), rawdoc! { "_id": 1, "k": 1, "n": 1 });
    let delete = collection.find_one_and_delete(rawdoc! {}).sort(rawdoc! { "n": 1 });
    let found = delete.projection(rawdoc! { "k": 1 }).run().expect("done");
    assert_eq!(value(&found), rawdoc! { "_id": 2, "k": 2 });
    assert_valid(&collection);
}
