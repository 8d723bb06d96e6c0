//! Files with what other servers, or damage, have left in them.

use std::sync::Arc;

use bson::{RawBson, RawDocument, rawdoc};

use super::{assert_valid, open};
use crate::disk::{Edit, HeapDisk};
use crate::store::NewNamespace;
use crate::{Collection, Direction, Engine, Error, IndexSpec};

fn fresh() -> (Engine, Collection) {
    let engine = open(Arc::new(HeapDisk::new()));
    let collection = engine.collection("d.c").expect("a name");
    (engine, collection)
}

/// Stores a document as MongoDB 2.4 did: whose keys for an index but that of `_id` are too long
/// has no entry there.
fn insert_as_2_4(collection: &Collection, document: &RawDocument) {
    let inserted = collection.change(|open, unit| {
        let loc = open.store.insert(unit, document.as_bytes())?;
        let index = open.id_index().expect("made with the collection");
        let keys = index.keys_of(document.as_bytes())?;
        index.insert_keys(unit, &collection.core.ns, open.details(), &keys, loc)
    });
    inserted.expect("inserted");
}

#[test]
#[cfg_attr(miri, ignore = "too long")]
fn documents_whose_keys_are_too_long_can_be_mended_and_deleted() {
    let (_engine, collection) = fresh();
    collection.create_index(IndexSpec::new(&[("a", 1)])).expect("an index");
    for n in 0..4 {
        insert_as_2_4(&collection, &rawdoc! { "_id": n, "a": "x".repeat(1100) });
    }
    let mend = |id: i32, a: RawBson| {
        let update = rawdoc! { "$set": { "a": a } };
        collection.update_one(rawdoc! { "_id": id }, update).expect("an update").run()
    };
    // The key of null is one that the document has not had, though it has had none.
    assert_eq!(mend(0, RawBson::Null).expect("shorter").modified, 1);
    let moved =
        mend(3, RawBson::Array(["x", "y", "z"].map(|text| text.repeat(900)).into_iter().collect()));
    assert!(moved.expect("three keys").moved.is_some());
    let longer = RawBson::String("z".repeat(5000));
    assert!(matches!(mend(1, longer), Err(Error::KeyTooLong { .. })));
    assert_eq!(collection.delete_one(rawdoc! { "_id": 1 }).expect("deleted"), 1);
    assert_eq!(collection.delete_many(rawdoc! { "_id": { "$gt": 1, "$lt": 3 } }).expect("gone"), 1);
    assert_eq!(collection.count().expect("readable"), 2);
    assert_valid(&collection);
}

#[test]
fn a_namespace_that_is_in_the_way_is_an_error() {
    let (engine, collection) = fresh();
    collection.insert_one(rawdoc! { "_id": 0 }).expect("inserted");
    let mut held = collection.database.hold(&collection.core).expect("held");
    let left = held.unit(|database, _, unit| {
        let nodes = database.catalog.nodes();
        nodes.add(unit, "d.later.$_id_", NewNamespace::default()).map(|_| ())
    });
    left.expect("room for a node");
    drop(held);

    let later = engine.collection("d.later").expect("a name");
    let refused = later.insert_one(rawdoc! { "_id": 0 });
    assert!(matches!(refused, Err(Error::NamespaceExists { .. })), "{refused:?}");
}

/// A specification that cannot be read keeps its own collection closed, and no other one.
#[test]
fn an_unreadable_specification_stops_nobody_else() {
    let disk = HeapDisk::new();
    let engine = open(Arc::new(disk.clone()));
    for name in ["a", "damaged", "z"] {
        let collection = engine.collection(&format!("d.{name}")).expect("a name");
        collection.insert_one(rawdoc! { "_id": 0, "n": 1 }).expect("inserted");
        collection.create_index(IndexSpec::new(&[("n", 1)])).expect("an index");
    }
    let collection = engine.collection("d.damaged").expect("a name");
    let mut held = collection.database.hold(&collection.core).expect("held");
    let damaged = held.unit(|_, open, unit| {
        let details = open.expect("is there").details();
        let info = crate::disk_loc::RecordLoc(details.index_slot(unit, 1)?.info);
        unit.write(info.data(), &[0xff; 4])
    });
    damaged.expect("inside of the file");
    drop(held);
    drop(collection);
    engine.close().expect("closes");

    let engine = open(Arc::new(disk));
    for name in ["d.a", "d.z"] {
        let collection = engine.collection(name).expect("opens");
        collection.insert_one(rawdoc! { "_id": 1, "n": 2 }).expect("inserted");
        assert_valid(&collection);
    }
    let refused = engine.collection("d.damaged");
    assert!(matches!(refused, Err(Error::Corrupt { .. })), "{refused:?}");
    assert_eq!(engine.expire_now().expect("runs"), 0);
}

#[test]
fn a_walk_gives_what_comes_before_damage_then_the_error_then_nothing() {
    let (_engine, collection) = fresh();
    for n in 0..20 {
        collection.insert_one(rawdoc! { "_id": n }).expect("inserted");
    }
    let found = collection.scan(Direction::Forward).expect("scans").nth(12);
    let loc = found.expect("is there").expect("sound").loc;
    let damaged = collection.change(|_, unit| unit.write(loc.data(), &[0xff; 4]));
    damaged.expect("inside of the file");

    let mut scan = collection.scan(Direction::Forward).expect("scans");
    assert!(scan.by_ref().take(12).all(|located| located.is_ok()));
    assert!(matches!(scan.next(), Some(Err(Error::Corrupt { .. }))));
    assert!(scan.next().is_none());
}
