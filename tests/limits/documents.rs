//! Documents at the limits of BSON and of the format.

use bson::{RawDocumentBuf, rawdoc};
use tallymap::{Direction, Error, IndexSpec, Reason};
use tallymap_tests::dbpath::{self, Dbpath};

const LEN_MAX: usize = 16 * 1024 * 1024;

/// A document of exactly `len` bytes.
fn of_len(len: usize) -> RawDocumentBuf {
    let empty = rawdoc! { "_id": 1, "text": "" };
    let document = rawdoc! { "_id": 1, "text": "x".repeat(len - empty.as_bytes().len()) };
    assert_eq!(document.as_bytes().len(), len);
    document
}

#[test]
fn sixteen_mebibytes_and_not_a_byte_more() {
    let dbpath = Dbpath::new();
    let engine = dbpath.open();
    let collection = engine.collection("test.c").expect("a name");
    let refused = collection.insert_one(of_len(LEN_MAX + 1));
    assert!(matches!(refused, Err(Error::DocumentTooLarge { .. })), "{refused:?}");
    assert_eq!(collection.count().expect("counted"), 0);
    let largest = of_len(LEN_MAX);
    collection.insert_one(&largest).expect("room");
    let grown = collection.update_one(rawdoc! { "_id": 1 }, rawdoc! { "$set": { "n": 1 } });
    assert!(matches!(grown.expect("valid").run(), Err(Error::DocumentTooLarge { .. })));
    assert_eq!(collection.find_by_id(1).expect("read").as_ref(), Some(&largest));
    dbpath::close(engine);
    let engine = dbpath.open();
    let found = engine.collection("test.c").expect("a name").find_by_id(1).expect("read");
    assert_eq!(found, Some(largest));
    dbpath::close(engine);
}

/// Every type with one value, as its type byte and the value's bytes.
fn values() -> Vec<(u8, Vec<u8>)> {
    let text =
        |text: &str| [&(text.len() as i32 + 1).to_le_bytes(), text.as_bytes(), b"\0"].concat();
    let empty = vec![5, 0, 0, 0, 0];
    let code_with_scope = {
        let inner = [text("x"), empty.clone()].concat();
        let len = (4 + inner.len() as i32).to_le_bytes();
        [len.to_vec(), inner].concat()
    };
    vec![
        (0x01, 1.5f64.to_le_bytes().to_vec()),
        (0x02, text("text")),
        (0x03, empty.clone()),
        (0x04, empty),
        (0x05, [&3i32.to_le_bytes()[..], &[0x80, 1, 2, 3]].concat()),
        (0x06, vec![]),
        (0x07, vec![7; 12]),
        (0x08, vec![1]),
        (0x09, (-1i64).to_le_bytes().to_vec()),
        (0x0a, vec![]),
        (0x0b, b"a.b\0i\0".to_vec()),
        (0x0c, [text("a.b"), vec![9; 12]].concat()),
        (0x0d, text("f()")),
        (0x0e, text("symbol")),
        (0x0f, code_with_scope),
        (0x10, 5i32.to_le_bytes().to_vec()),
        (0x11, u64::MAX.to_le_bytes().to_vec()),
        (0x12, i64::MAX.to_le_bytes().to_vec()),
        (0x13, vec![0; 16]),
        (0x7f, vec![]),
        (0xff, vec![]),
    ]
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
    assert!(matches!(engine.database(&"d".repeat(65)), Err(Error::InvalidNamespace { .. })));
    let too_long = db.collection(&format!("{longest}c"));
    assert!(matches!(too_long, Err(Error::InvalidNamespace { .. })));
    let collection = db.collection(&longest).expect("120 bytes");
    collection.insert_one(rawdoc! { "_id": 1, "k": 1 }).expect("room");
    // 120 + ".$" + 5 bytes is all that a node can name.
    collection.create_index(IndexSpec::new(&[("k", 1)]).name("12345")).expect("127 bytes");
    let refused = collection.create_index(IndexSpec::new(&[("l", 1)]).name("123456"));
    assert!(
        matches!(refused, Err(Error::Refused { reason: Reason::CannotCreateIndex, .. })),
        "{refused:?}"
    );
    dbpath::close(engine);
}
