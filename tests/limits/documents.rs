//! Documents and names at the limits of BSON and of the format. What is beyond them: `refusals`.

use bson::{RawDocumentBuf, rawdoc};
use tallymap::{Direction, IndexSpec};
use tallymap_tests::dbpath::{self, Dbpath};
use tallymap_tests::every_type::values;

const LEN_MAX: usize = 16 * 1024 * 1024;

/// A document of exactly `len` bytes.
fn of_len(len: usize) -> RawDocumentBuf {
    let empty = rawdoc! { "_id": 1, "text": "" };
    let document = rawdoc! { "_id": 1, "text": "x".repeat(len - empty.as_bytes().len()) };
    assert_eq!(document.as_bytes().len(), len);
    document
}

#[test]
fn sixteen_mebibytes() {
    let dbpath = Dbpath::new();
    let engine = dbpath.open();
    let collection = engine.collection("test.c").expect("a name");
    let largest = of_len(LEN_MAX);
    collection.insert_one(&largest).expect("room");
    assert_eq!(collection.find_by_id(1).expect("read").as_ref(), Some(&largest));
    dbpath::close(engine);
    let engine = dbpath.open();
    let found = engine.collection("test.c").expect("a name").find_by_id(1).expect("read");
    assert_eq!(found, Some(largest));
    dbpath::close(engine);
}

fn document_of(id: i32, ty: u8, value: &[u8]) -> RawDocumentBuf {
    let mut bytes = vec![0; 4];
    bytes.extend(b"\x10_id\0");
    bytes.extend(id.to_le_bytes());
    bytes.extend([ty, b'v', 0]);
    bytes.extend(value);
    bytes.push(0);
    let len = (bytes.len() as i32).to_le_bytes();
    bytes[..4].copy_from_slice(&len);
    RawDocumentBuf::from_bytes(bytes).expect("a document")
}

#[test]
fn every_type_is_kept_and_indexed() {
    let dbpath = Dbpath::new();
    let engine = dbpath.open();
    let collection = engine.collection("test.types").expect("a name");
    let documents: Vec<_> =
        (0..).zip(values()).map(|(id, (ty, value))| document_of(id, ty, &value)).collect();
    let (before, after) = documents.split_at(documents.len() / 2);
    before.iter().for_each(|document| drop(collection.insert_one(document).expect("room")));
    collection.create_index(IndexSpec::new(&[("v", 1)])).expect("built");
    collection.create_index(IndexSpec::new(&[("v", -1), ("_id", 1)])).expect("built");
    after.iter().for_each(|document| drop(collection.insert_one(document).expect("room")));
    dbpath::close(engine);

    let engine = dbpath.open();
    let collection = engine.collection("test.types").expect("a name");
    let found: Vec<_> = collection
        .scan(Direction::Forward)
        .expect("a scan")
        .map(|found| found.expect("readable").document)
        .collect();
    assert_eq!(found.len(), documents.len());
    for (found, document) in found.iter().zip(&documents) {
        assert_eq!(found.as_bytes(), document.as_bytes());
    }
    for index in ["v_1", "v_-1__id_1"] {
        let entries = collection.index_scan(index, Direction::Forward).expect("an index");
        assert_eq!(entries.count(), documents.len(), "{index}");
    }
    dbpath::close(engine);
}

#[test]
fn names_at_their_limits() {
    let dbpath = Dbpath::new();
    let engine = dbpath.open();
    let database = "d".repeat(64);
    let longest = "c".repeat(120 - database.len() - 1);
    let db = engine.database(&database).expect("64 bytes");
    let collection = db.collection(&longest).expect("120 bytes");
    collection.insert_one(rawdoc! { "_id": 1, "k": 1 }).expect("room");
    // 120 + ".$" + 5 bytes is all that a node can name.
    collection.create_index(IndexSpec::new(&[("k", 1)]).name("12345")).expect("127 bytes");
    dbpath::close(engine);
}
