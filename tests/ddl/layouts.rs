//! Other layouts of the directory: one folder per database, large files; several data files.

use bson::rawdoc;
use tallymap::{CollectionOptions, Direction};
use tallymap_tests::dbpath::{self, Dbpath};

use crate::{names, reopen};

#[test]
fn one_folder_per_database() {
    let dbpath = Dbpath::new();
    let mut engine = dbpath.builder().directory_per_db(true).open().expect("opens");
    for round in 0..3 {
        for name in ["one", "two"] {
            let database = engine.database(name).expect("valid");
            let collection = database.collection(&format!("c{round}")).expect("valid");
            collection.insert_one(rawdoc! { "_id": round }).expect("inserts");
            assert!(dbpath.file(&format!("{name}/{name}.ns")).exists());
        }
        engine.wait_durable().expect("durable");
        let crashed = dbpath.crashed();
        let recovered = crashed.builder().directory_per_db(true).open().expect("recovers");
        assert_eq!(names(&recovered, "two").len(), round as usize + 1);
        dbpath::close(recovered);
        engine = reopen(&dbpath, engine);
        assert_eq!(engine.database_names(), ["one", "two"]);
    }
    assert!(engine.database("two").expect("valid").drop().expect("drops"));
    assert!(!dbpath.file("two/two.ns").exists());
    dbpath::close(engine);
    // The directory says how it is laid out: opened otherwise, it is refused.
    assert!(dbpath.builder().directory_per_db(false).open().is_err());
    let engine = dbpath.builder().directory_per_db(true).open().expect("opens");
    assert_eq!(names(&engine, "one"), ["c0", "c1", "c2"]);
    dbpath::close(engine);
}

#[test]
fn large_files() {
    let dbpath = Dbpath::new();
    let engine = dbpath.builder().small_files(false).open().expect("opens");
    engine.collection("d.c").expect("valid").insert_one(rawdoc! { "_id": 1 }).expect("inserts");
    let len = dbpath.file("d.0").metadata().expect("a file").len();
    assert_eq!(len, 64 << 20);
    let engine = reopen(&dbpath, engine);
    assert_eq!(names(&engine, "d"), ["c"]);
    dbpath::close(engine);
    // Files of either size may be opened under the other rule.
    let engine = dbpath.open();
    assert_eq!(names(&engine, "d"), ["c"]);
    dbpath::close(engine);
}

#[test]
fn more_than_one_data_file() {
    let dbpath = Dbpath::new();
    let engine = dbpath.open();
    let database = engine.database("d").expect("valid");
    let options = CollectionOptions::default().capped(12 << 20);
    database.create_collection("first", options.clone()).expect("creates");
    database.create_collection("second", options).expect("creates");
    assert!(dbpath.file("d.1").exists(), "the second has no room in the first file");
    let collection = database.collection("c").expect("valid");
    let pad = "x".repeat(1 << 20);
    for n in 0..30 {
        collection.insert_one(rawdoc! { "_id": n, "pad": pad.as_str() }).expect("inserts");
    }
    assert_eq!(dbpath.file("d.1").metadata().expect("a file").len(), 32 << 20);
    engine.wait_durable().expect("durable");
    let crashed = dbpath.crashed();
    drop((collection, database));
    let engine = reopen(&dbpath, engine);
    for engine in [engine, crashed.open()] {
        let collection = engine.collection("d.c").expect("valid");
        assert_eq!(collection.scan(Direction::Backward).expect("a scan").count(), 30);
        let files = collection.stats().expect("stats").extents;
        assert!(files.iter().any(|(loc, _)| loc.0.file > 0), "{files:?}");
        drop(collection);
        dbpath::close(engine);
    }
}
