//! Walks that change what they meet, while the collection's indexes come and go.

use bson::rawdoc;
use tallymap::{Error, IndexSpec, Reason};
use tallymap_tests::dbpath::{self, Dbpath};

const DOCUMENTS: i64 = 3000;

#[test]
fn update_many_goes_on_while_indexes_come_and_go() {
    let dbpath = Dbpath::new();
    let engine = dbpath.builder().open().expect("opens");
    let collection = engine.collection("test.c").expect("a name");
    for n in 0..DOCUMENTS {
        collection.insert_one(rawdoc! { "_id": n, "n": 0, "k": n % 7 }).expect("room");
    }
    std::thread::scope(|scope| {
        let indexing = scope.spawn(|| {
            for _ in 0..5 {
                let name = collection.create_index(IndexSpec::new(&[("k", 1)])).expect("built");
                collection.drop_index(&name).expect("dropped");
            }
        });
        let update = rawdoc! { "$inc": { "n": 1 } };
        let report = collection.update_many(rawdoc! {}, update).expect("valid").run();
        assert_eq!(report.expect("runs").modified, DOCUMENTS as u64);
        indexing.join().expect("no panic");
    });
    let updated = collection.find(rawdoc! { "n": 1 }).run().expect("a scan").count();
    assert_eq!(updated as i64, DOCUMENTS);
    dbpath::close(engine);
}

#[test]
fn a_walk_over_an_index_ends_with_an_error_when_the_index_goes() {
    let dbpath = Dbpath::new();
    let engine = dbpath.builder().open().expect("opens");
    let collection = engine.collection("test.c").expect("a name");
    for n in 0..1000 {
        collection.insert_one(rawdoc! { "_id": n, "k": n }).expect("room");
    }
    let name = collection.create_index(IndexSpec::new(&[("k", 1)])).expect("built");
    let mut walk = collection.index_scan(&name, tallymap::Direction::Forward).expect("an index");
    let mut records = collection.scan(tallymap::Direction::Forward).expect("a scan");
    assert!(walk.next().is_some_and(|entry| entry.is_ok()));
    assert!(records.next().is_some_and(|found| found.is_ok()));
    collection.drop_index(&name).expect("dropped");
    let ended = walk.find_map(Result::err).expect("an error");
    assert!(matches!(ended, Error::Refused { reason: Reason::CursorNotFound, .. }), "{ended}");
    assert_eq!(records.filter(|found| found.is_ok()).count(), 999);
    dbpath::close(engine);
}
