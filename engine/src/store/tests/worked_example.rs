//! The first insert into `test.c` of an empty directory, location by location (format, §14).

use super::support::TestDb;
use crate::disk::View;
use crate::disk_loc::{DiskLoc, FileNo, RecordLoc};
use crate::format::namespace::details::{CAP_EXTENT, CAP_FIRST_NEW, LAST_EXTENT_SIZE};
use crate::store::data_file::DataFile;
use crate::store::index_slots::IndexSlot;
use crate::store::namespace_details::Stats;
use crate::store::{NewNamespace, RecordStore, StoreOptions, check};

/// `{name: <name>}`, as bytes.
fn catalogue_document(name: &str) -> Vec<u8> {
    let mut bytes = (17 + name.len() as i32 - 1).to_le_bytes().to_vec();
    bytes.extend(b"\x02name\0");
    bytes.extend((name.len() as i32 + 1).to_le_bytes());
    bytes.extend(name.as_bytes());
    bytes.extend([0, 0]);
    bytes
}

/// The specification of the `_id` index of `test.c`: 61 bytes.
const ID_SPEC: &[u8] = b"\x3d\0\0\0\x10v\0\x01\0\0\0\x03key\0\x0e\0\0\0\x10_id\0\x01\0\0\0\0\
    \x02name\0\x05\0\0\0_id_\0\x02ns\0\x07\0\0\0test.c\0\0";

fn at(loc: RecordLoc) -> String {
    loc.to_string()
}

fn assert_clean(db: &TestDb, store: &RecordStore) {
    let report = check(&db.files, store, |_, _| {});
    assert!(report.findings.is_empty(), "{}: {:?}", store.ns(), report.findings);
}

#[test]
fn locations_are_mongods() {
    let mut db = TestDb::new(16 << 20);
    assert_eq!(ID_SPEC.len(), 61);
    let document = catalogue_document("test.system.indexes");
    assert_eq!((document.len(), document[0]), (35, 35));
    let files = &mut db.files;
    assert_eq!(at(db.namespaces.insert(files, &document).expect("room")), "0:40b0");

    // create test.c
    let document = catalogue_document("test.c");
    assert_eq!((document.len(), document[0]), (22, 22));
    assert_eq!(at(db.namespaces.insert(files, &document).expect("room")), "0:40f0");
    let new = NewNamespace { user_flags: 1, ..NewNamespace::default() };
    let details = db.index.add(files, "test.c", new).expect("room");
    let collection = RecordStore::new(details, "test.c", StoreOptions::default());
    collection.create_first_extent(files).expect("room");

    // its _id index
    let spec = db.indexes.insert(files, ID_SPEC).expect("room");
    assert_eq!(at(spec), "0:70b0");
    let slot = details.begin_index_build(files, &db.index, "test.c", spec).expect("room");
    let document = catalogue_document("test.c.$_id_");
    assert_eq!(at(db.namespaces.insert(files, &document).expect("room")), "0:4130");
    let index = db.index.add(files, "test.c.$_id_", NewNamespace::default()).expect("room");
    let buckets = RecordStore::new(index, "test.c.$_id_", StoreOptions::default());
    let root = buckets.insert_len(files, 8176, &[0; 22]).expect("room");
    assert_eq!(at(root), "0:a000");
    details.put_index_slot(files, slot, IndexSlot { head: root.0, info: spec.0 }).expect("sound");
    assert_eq!(details.finish_index_build(files, slot).expect("building"), 0);

    // the first document
    assert_eq!(at(collection.insert(files, &[7; 40]).expect("room")), "0:50b0");

    let extent = DiskLoc { file: 0, ofs: 0x5000 };
    assert_eq!(details.first_extent(&db.files).expect("read").expect("there").0, extent);
    assert_eq!(details.last_extent(&db.files).expect("read").expect("there").0, extent);
    assert_eq!(details.get(&db.files, CAP_EXTENT).expect("read"), extent);
    assert_eq!(details.get(&db.files, LAST_EXTENT_SIZE).expect("read"), 8192);
    assert_eq!(details.get(&db.files, CAP_FIRST_NEW).expect("read"), DiskLoc::INVALID);
    assert_eq!(details.user_flags(&db.files).expect("read"), 1);
    assert_eq!(details.index_counts(&db.files).expect("read").completed, 1);
    let stats = Stats { data_size: 48, records: 1 };
    assert_eq!(collection.details().stats(&db.files).expect("read"), stats);
    let hole = details.deleted_list(&db.files, 8).expect("read");
    assert_eq!(hole, DiskLoc { file: 0, ofs: 0x50f0 });
    let header = db.files.bytes(hole, 8).expect("inside");
    assert_eq!(header, [0x10, 0x1f, 0, 0, 0, 0x50, 0, 0], "7952 bytes of the extent at 5000");

    let stats = Stats { data_size: 8176, records: 1 };
    assert_eq!(buckets.details().stats(&db.files).expect("read"), stats);
    assert_eq!(index.deleted_list(&db.files, 12).expect("read"), DiskLoc { file: 0, ofs: 0xc000 });
    let report = check(&db.files, &buckets, |_, _| {});
    assert_eq!((report.deleted_count, report.deleted_size), (1, 118_784));
    let file = DataFile::read(&db.files, FileNo::FIRST).expect("sound");
    assert_eq!(file.unused_len, (16 << 20) - 0x29000 - 16);

    for store in [&db.namespaces, &db.indexes, &collection, &buckets] {
        assert_clean(&db, store);
    }
    db.assert_extents_tile(&[&collection, &buckets]);
}

#[test]
fn a_dropped_index_leaves_zeros() {
    let mut db = TestDb::new(16 << 20);
    let first = db.indexes.insert(&mut db.files, ID_SPEC).expect("room");
    let second = db.indexes.insert(&mut db.files, ID_SPEC).expect("room");
    db.indexes.remove(&mut db.files, first).expect("live");
    assert_eq!(db.files.bytes(first.0, 128).expect("inside"), [0; 128]);
    let third = db.indexes.insert(&mut db.files, ID_SPEC).expect("room");
    assert_eq!(third.0, second.0.add(128), "the place is not used again");
    assert_clean(&db, &db.indexes);
}
