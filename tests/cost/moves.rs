//! What a report says of an update that stays, that fits, and that moves.

use bson::rawdoc;
use tallymap::{CollectionOptions, SizingPolicy, UpdateReport};

use crate::support::{assert_valid, operator, place_of, quiet};

/// Length of a record's header, bytes.
const HEADER: u32 = 16;

fn engine_and_collection() -> (tempfile::TempDir, tallymap::Engine, tallymap::Collection) {
    let dir = tempfile::tempdir().expect("a directory");
    let engine = quiet(&dir).open().expect("opens");
    let collection = engine.collection("cost.documents").expect("named");
    (dir, engine, collection)
}

fn update(collection: &tallymap::Collection, update: bson::RawDocumentBuf) -> UpdateReport {
    let request = collection.update_one(rawdoc! { "_id": "a" }, update).expect("an update");
    request.run().expect("runs")
}

#[test]
fn a_value_of_the_same_width_is_written_where_it_lies() {
    let (_dir, engine, collection) = engine_and_collection();
    collection.insert_one(rawdoc! { "_id": "a", "n": 1i32, "l": 1i64 }).expect("inserted");
    let before = place_of(&collection, "a").expect("there");
    engine.sync().expect("synced");
    let report = update(&collection, rawdoc! { "$inc": { "n": 5i32 } });
    assert_eq!((report.matched, report.modified, report.upserted.clone()), (1, 1, None));
    assert_eq!((report.in_place, report.moved), (true, None));
    assert_eq!((report.bytes_written, report.lines_dirtied), (4, 1));
    // 34 bytes of document and 16 of header lie in a record of 64.
    assert_eq!(before.1.as_bytes().len(), 34);
    assert_eq!(report.padding_left, 64 - HEADER - 34);
    // The line is dirty already, and changed again.
    let again = update(&collection, rawdoc! { "$inc": { "n": 5i32 } });
    assert_eq!((again.bytes_written, again.lines_dirtied), (4, 1));
    let after = place_of(&collection, "a").expect("there");
    assert_eq!(after.0, before.0);
    assert_eq!(after.1, rawdoc! { "_id": "a", "n": 11i32, "l": 1i64 });
    // Nothing to do is nothing written.
    let none = update(&collection, rawdoc! { "$inc": { "n": 0i32 } });
    assert_eq!((none.matched, none.modified, none.bytes_written), (1, 0, 0));
    assert_eq!(engine.counters().moves.get(), 0);
}

#[test]
fn a_document_that_still_fits_is_rewritten_where_it_lies() {
    let (_dir, engine, collection) = engine_and_collection();
    collection.insert_one(rawdoc! { "_id": "a", "n": 1i32 }).expect("inserted");
    let before = place_of(&collection, "a").expect("there").0;
    let report = update(&collection, rawdoc! { "$set": { "m": 1i32 } });
    let (after, document) = place_of(&collection, "a").expect("there");
    assert_eq!(after, before);
    assert_eq!((report.matched, report.modified, report.in_place), (1, 1, false));
    assert_eq!(report.moved, None);
    let len = document.as_bytes().len() as u32;
    assert_eq!((report.bytes_written, report.padding_left), (len, 64 - HEADER - len));
    assert_eq!(engine.counters().moves.get(), 0);
}

#[test]
fn a_document_without_room_moves_to_where_a_scan_finds_it() {
    let (_dir, engine, collection) = engine_and_collection();
    collection.insert_one(rawdoc! { "_id": "a", "n": 1i32 }).expect("inserted");
    collection.insert_one(rawdoc! { "_id": "b", "n": 1i32 }).expect("inserted");
    let before = place_of(&collection, "a").expect("there").0;
    let report = update(&collection, rawdoc! { "$set": { "text": "x".repeat(100) } });
    let (after, document) = place_of(&collection, "a").expect("there");
    let moved = report.moved.expect("moved");
    assert_eq!((moved.from, moved.to), (before, after));
    assert!(!report.in_place);
    let len = document.as_bytes().len() as u32;
    assert_eq!((report.bytes_written, report.padding_left), (len, 256 - HEADER - len));
    assert!(report.lines_dirtied >= len.div_ceil(64), "{report:?}");
    assert_eq!(engine.counters().moves.get(), 1);
    assert_eq!(collection.read_at(after).expect("read"), document);
    assert_valid(&collection);
}

#[test]
fn without_padding_nothing_is_left() {
    let (_dir, engine, _) = engine_and_collection();
    let options = CollectionOptions::default().policy(SizingPolicy::Exact);
    let database = engine.database("cost").expect("named");
    let collection = database.create_collection("exact", options).expect("created");
    for round in 0..40 {
        // A multiple of 4 in any case, as records are.
        let set = operator("$set", &format!("f{round:02}"), round);
        let request = collection.update_one(rawdoc! { "_id": "a" }, set).expect("an update");
        let report = request.upsert(true).run().expect("runs");
        let (loc, document) = place_of(&collection, "a").expect("there");
        assert!(report.padding_left < 4, "{report:?}");
        assert_eq!(report.bytes_written as usize, document.as_bytes().len());
        assert_eq!(report.moved.map(|moved| moved.to), (round > 0).then_some(loc));
    }
    assert_valid(&collection);
}

#[test]
fn an_upsert_says_what_it_inserted() {
    let (_dir, _engine, collection) = engine_and_collection();
    let inc = rawdoc! { "$inc": { "n": 1i32 } };
    let request = collection.update_one(rawdoc! { "_id": "a" }, inc).expect("an update");
    let report = request.upsert(true).run().expect("runs");
    let (_, document) = place_of(&collection, "a").expect("there");
    assert_eq!(report.upserted, Some("a".into()));
    assert_eq!((report.matched, report.modified, report.in_place), (0, 0, false));
    assert_eq!(report.bytes_written as usize, document.as_bytes().len());
    assert_eq!(report.padding_left, 64 - HEADER - document.as_bytes().len() as u32);
}
