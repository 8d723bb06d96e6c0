//! Reading at places that come from outside.

use std::collections::BTreeMap;
use std::sync::Arc;

use bson::{Binary, RawDocumentBuf, rawdoc, spec::BinarySubtype};

use super::open;
use crate::disk::HeapDisk;
use crate::disk_loc::{DiskLoc, RecordLoc};
use crate::format::record;
use crate::{Collection, Direction, Error};

/// The documents of a collection by their places.
fn places(collection: &Collection) -> BTreeMap<RecordLoc, RawDocumentBuf> {
    let scan = collection.scan(Direction::Forward).expect("scans");
    scan.map(|located| located.map(|it| (it.loc, it.document)).expect("sound")).collect()
}

/// Every place where a record might be, and many where none can: what a scan finds is read, and
/// nothing else is, whatever is there.
#[test]
fn only_what_a_scan_finds_is_read() {
    let engine = open(Arc::new(HeapDisk::new()));
    let collection = |name: &str| engine.collection(name).expect("a name");
    let (mine, others, old) = (collection("d.mine"), collection("d.others"), collection("d.old"));
    for n in 0..60 {
        for collection in [&mine, &others, &old] {
            let text = "x".repeat(n as usize * 7);
            collection.insert_one(rawdoc! { "_id": n, "text": text }).expect("inserted");
        }
    }
    // Holes, one of them where a record was; and extents that were once another collection's.
    for n in (0..60).step_by(3) {
        mine.delete_one(rawdoc! { "_id": n }).expect("deleted");
    }
    engine.database("d").expect("named").drop_collection("old").expect("dropped");
    let files = mine.existing(|_, open| Ok(open.files.count())).expect("exists");

    let found = places(&mine);
    assert_eq!(found.len(), 40);
    let mut read = 0;
    let ends = [i32::MIN, -4, -1, (16 << 20) - 4, (16 << 20) - 1, 16 << 20, i32::MAX - 3, i32::MAX];
    for file in [i32::MIN, -2, -1, 0, files, 15_999, i32::MAX] {
        let grain = if file == 0 { 4 } else { 4096 };
        let near = found.keys().flat_map(|loc| loc.0.ofs - 3..loc.0.ofs);
        for ofs in (0..1 << 20).step_by(grain).chain(near).chain(ends) {
            let loc = RecordLoc(DiskLoc { file, ofs });
            match (mine.read_at(loc), found.get(&loc)) {
                (Ok(document), Some(there)) => {
                    assert_eq!(document, *there);
                    read += 1;
                }
                (Err(Error::Corrupt { .. }), None) => {}
                (answer, there) => panic!("{loc}: {answer:?}, not {there:?}"),
            }
        }
    }
    assert_eq!(read, found.len(), "the range holds them all");
}

/// The bytes of a document may look like a record.
#[test]
fn a_record_within_a_record_is_none() {
    let engine = open(Arc::new(HeapDisk::new()));
    let collection = engine.collection("d.c").expect("a name");
    let binary = |bytes| Binary { subtype: BinarySubtype::Generic, bytes };
    for n in 0..3 {
        let document = rawdoc! { "_id": n, "a": binary(vec![0; 400]) };
        collection.insert_one(document).expect("inserted");
    }
    let locs: Vec<_> = places(&collection).into_keys().collect();
    let extent_ofs = collection
        .existing(|view, open| Ok(open.store.read(view, locs[1])?.extent_ofs))
        .expect("sound");
    // The value begins 21 bytes behind the document's beginning.
    let forged = RecordLoc(locs[1].data().add(24));
    let links = [record::NO_OFS, locs[0].0.ofs, locs[1].0.ofs, locs[2].0.ofs];
    for (prev_ofs, next_ofs) in links.iter().flat_map(|a| links.iter().map(move |b| (*a, *b))) {
        let document = rawdoc! { "forged": true };
        let mut bytes = vec![0; 3 + record::LEN];
        let header = &mut bytes[3..];
        record::LENGTH.put(header, 64);
        record::EXTENT_OFS.put(header, extent_ofs);
        record::NEXT_OFS.put(header, next_ofs);
        record::PREV_OFS.put(header, prev_ofs);
        bytes.extend_from_slice(document.as_bytes());
        bytes.resize(400, 0);
        let set = rawdoc! { "$set": { "a": binary(bytes) } };
        let update = collection.update_one(rawdoc! { "_id": 1 }, set).expect("an update");
        assert!(update.run().expect("updated").moved.is_none());
        let header = collection.existing(|view, open| open.store.read(view, forged).map(|_| ()));
        assert!(header.is_ok(), "it looks like one: {header:?}");
        let read = collection.read_at(forged);
        assert!(matches!(read, Err(Error::Corrupt { .. })), "{prev_ofs} {next_ofs}: {read:?}");
    }
}
