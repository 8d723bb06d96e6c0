//! Work that fails half-way, or finds that others have been there.

use std::sync::Arc;

use bson::{RawArrayBuf, rawdoc};

use super::{assert_valid, open};
use crate::disk::{Edit, HeapDisk};
use crate::disk_loc::RecordLoc;
use crate::{Collection, Engine, Error, IndexSpec};

fn fresh() -> (Engine, Collection) {
    let engine = open(Arc::new(HeapDisk::new()));
    let collection = engine.collection("d.c").expect("a name");
    (engine, collection)
}

#[test]
#[cfg_attr(miri, ignore = "too long")]
fn what_is_rolled_back_is_not_counted() {
    let (engine, collection) = fresh();
    collection.create_index(IndexSpec::new(&[("many", 1)])).expect("an index");
    collection.create_index(IndexSpec::new(&[("one", 1)]).unique(true)).expect("an index");
    for n in 0..2 {
        collection.insert_one(rawdoc! { "_id": n, "one": n }).expect("inserted");
    }
    let many: RawArrayBuf = (0..2000).collect();
    let worked = || {
        let counters = engine.counters();
        [counters.moves.get(), counters.bucket_splits.get(), counters.extents_allocated.get()]
    };
    let before = worked();
    let set = rawdoc! { "$set": { "many": many.clone(), "one": 0 } };
    let update = collection.update_one(rawdoc! { "_id": 1 }, set).expect("an update");
    assert!(matches!(update.run(), Err(Error::DuplicateKey { .. })));
    let twice = collection.insert_one(rawdoc! { "_id": 2, "many": many.clone(), "one": 0 });
    assert!(matches!(twice, Err(Error::DuplicateKey { .. })));
    assert_eq!(worked(), before);

    let set = rawdoc! { "$set": { "many": many, "one": 2 } };
    let update = collection.update_one(rawdoc! { "_id": 1 }, set).expect("an update");
    assert!(update.run().expect("unique").moved.is_some());
    let after = worked();
    assert!(after[0] == before[0] + 1 && after[1] > before[1] && after[2] > before[2], "{after:?}");
    assert_valid(&collection);
}

/// Between two attempts of an insert, which holds no lock then, its database may be dropped.
#[test]
fn a_database_that_was_dropped_in_between_is_made_anew() {
    let (engine, collection) = fresh();
    collection.insert_one(rawdoc! { "_id": 0 }).expect("inserted");
    let files = collection.core.shared().as_ref().map(|open| open.files.clone());
    let files = files.expect("exists");
    engine.database("d").expect("named").drop().expect("dropped");
    // What an insert gets that needed a data file and comes too late.
    let mut attempts = 0;
    let inserted = collection.or_create(|| {
        attempts += 1;
        match attempts {
            1 => files.add_data_file(4096, 0),
            _ => collection.change(|_, _| Ok(())),
        }
    });
    inserted.expect("made anew");
    assert_eq!(attempts, 2);
    assert!(collection.exists());
    assert_valid(&collection);
}

/// What was known of it holds no longer: nobody may write by it.
#[test]
fn a_collection_whose_catalogue_was_damaged_is_not_written_any_more() {
    let (_engine, collection) = fresh();
    for name in ["a", "b"] {
        collection.create_index(IndexSpec::new(&[(name, 1)])).expect("an index");
    }
    let damaged = collection.change(|open, unit| {
        let info = open.details().index_slot(unit, 1)?.info;
        // The type of its first field.
        unit.write(RecordLoc(info).data().add(4), &[0x63])
    });
    damaged.expect("inside of the file");
    assert!(matches!(collection.drop_index("b_1"), Err(Error::Corrupt { .. })));
    let refused = collection.insert_one(rawdoc! { "_id": 0 });
    assert!(matches!(refused, Err(Error::NamespaceExists { .. })), "{refused:?}");
}
