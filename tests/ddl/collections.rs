//! Creating, dropping and renaming databases and collections; what is refused.

use bson::{doc, rawdoc};
use tallymap::{CollectionOptions, Error, IndexSpec, Reason, SizingPolicy};
use tallymap_tests::dbpath::{self, Dbpath};

use crate::{names, reason, reopen};

#[test]
fn collections_come_go_and_change_names() {
    let dbpath = Dbpath::new();
    let engine = dbpath.open();
    let database = engine.database("d").expect("valid");
    assert!(!database.exists() && engine.database_names().is_empty());
    assert_eq!(database.collection_names().expect("none"), Vec::<String>::new());
    assert!(!database.drop_collection("a").expect("nothing to drop"));
    assert!(!database.drop().expect("nothing to drop"));
    assert!(!database.exists(), "asking creates nothing");

    database.create_collection("a", CollectionOptions::default()).expect("creates");
    database.collection("b.c").expect("valid").insert_one(rawdoc! { "_id": 1 }).expect("inserts");
    let again = database.create_collection("a", CollectionOptions::default());
    assert!(matches!(again, Err(Error::NamespaceExists { .. })));
    assert!(matches!(database.rename_collection("a", "b.c"), Err(Error::NamespaceExists { .. })));
    assert!(matches!(database.rename_collection("no", "x"), Err(Error::NotFound { .. })));
    assert_eq!(reason(database.rename_collection("a", "a")), Reason::IllegalOperation);
    assert_eq!(names(&engine, "d"), ["a", "b.c"]);

    database.rename_collection("b.c", "e").expect("renames");
    let old = database.collection("b.c").expect("valid");
    assert!(!old.exists() && old.find_by_id(1).expect("nothing").is_none());
    old.insert_one(rawdoc! { "_id": 2 }).expect("a new one of the old name");
    assert!(database.drop_collection("a").expect("drops"));
    drop((old, database));
    let engine = reopen(&dbpath, engine);
    assert_eq!(names(&engine, "d"), ["b.c", "e"]);
    let e = engine.collection("d.e").expect("valid");
    assert_eq!(e.find_by_id(1).expect("a lookup"), Some(rawdoc! { "_id": 1 }));
    assert_eq!(e.indexes().expect("indexes")[0].specification.get_str("ns").ok(), Some("d.e"));
    drop(e);
    dbpath::close(engine);
}

#[test]
fn names_that_are_refused() {
    let dbpath = Dbpath::new();
    let engine = dbpath.open();
    for name in ["", "a.b", "a b", "a/b", "a\\b", "a\"b", "a$b", "a\0b", &"x".repeat(65)] {
        assert!(matches!(engine.database(name), Err(Error::InvalidNamespace { .. })), "{name:?}");
    }
    let database = engine.database("d").expect("valid");
    for name in ["", ".a", "a.", "a$b", "a\0b", &"x".repeat(119)] {
        let refused = database.collection(name);
        assert!(matches!(refused, Err(Error::InvalidNamespace { .. })), "{name:?}");
    }
    assert!(!database.exists());

    // 120 bytes with the database's name; the name of the index on _id still fits.
    let longest = "x".repeat(118);
    let collection = database.collection(&longest).expect("valid");
    collection.insert_one(rawdoc! { "_id": 1 }).expect("inserts");
    let long = collection.create_index(IndexSpec::new(&[("a_long_name", 1)]));
    assert_eq!(reason(long), Reason::CannotCreateIndex);
    assert_eq!(collection.indexes().expect("indexes").len(), 1);
    assert!(database.rename_collection(&longest, &"y".repeat(119)).is_err());
    // A rename that would make the name of an index too long changes nothing.
    let short = database.collection("s").expect("valid");
    short.create_index(IndexSpec::new(&[("a", 1)]).name("i".repeat(100))).expect("an index");
    assert_eq!(reason(database.rename_collection("s", &"z".repeat(60))), Reason::InvalidNamespace);
    assert!(short.exists() && short.indexes().expect("indexes").len() == 2);
    drop((short, collection, database));
    let engine = reopen(&dbpath, engine);
    assert_eq!(names(&engine, "d"), ["s", &longest]);
    dbpath::close(engine);
}

#[test]
fn the_catalogues_own_collections_are_left_alone() {
    let dbpath = Dbpath::new();
    let engine = dbpath.open();
    let database = engine.database("d").expect("valid");
    database.create_collection("c", CollectionOptions::default()).expect("creates");
    for name in ["system.namespaces", "system.indexes"] {
        let collection = database.collection(name).expect("readable");
        assert!(collection.exists() && collection.count().expect("count") > 0);
        let refused = Reason::IllegalOperation;
        assert_eq!(reason(database.drop_collection(name)), refused);
        assert_eq!(reason(database.rename_collection(name, "x")), refused);
        assert_eq!(reason(database.rename_collection("c", name)), refused);
        let created = database.create_collection(name, CollectionOptions::default());
        assert_eq!(reason(created), refused);
        let before = collection.count().expect("count");
        assert!(collection.insert_one(rawdoc! { "name": "d.x" }).is_err(), "insert into {name}");
        assert!(collection.delete_many(rawdoc! {}).is_err(), "delete from {name}");
        assert!(collection.delete_one(rawdoc! {}).is_err(), "delete from {name}");
        let grow = rawdoc! { "$set": { "more": "x".repeat(500) } };
        let grown = collection.update_one(rawdoc! {}, grow).and_then(|request| request.run());
        assert!(grown.is_err(), "grow a document of {name}");
        assert!(collection.truncate().is_err(), "truncate {name}");
        assert!(collection.compact().is_err(), "compact {name}");
        assert!(collection.create_index(IndexSpec::new(&[("a", 1)])).is_err(), "index {name}");
        assert_eq!(collection.count().expect("count"), before);
    }
    drop(database);
    let engine = reopen(&dbpath, engine);
    dbpath::close(engine);
}

#[test]
fn options_stay_with_their_collection() {
    let dbpath = Dbpath::new();
    let engine = dbpath.open();
    let database = engine.database("d").expect("valid");
    for options in [
        CollectionOptions::default().capped(0),
        CollectionOptions::default().max_documents(5),
        CollectionOptions::default().capped(1 << 20).max_documents(1 << 31),
        CollectionOptions::default().capped(4096).template(rawdoc! { "a": 1 }),
    ] {
        assert_eq!(reason(database.create_collection("x", options)), Reason::InvalidOptions);
    }
    let template = rawdoc! { "hourly": { "$grid": [24] } };
    let options = CollectionOptions::default()
        .policy(SizingPolicy::PaddingFactor { quantized: true })
        .template(template);
    database.create_collection("t", options).expect("creates");
    let options = CollectionOptions::default().policy(SizingPolicy::Exact);
    database.create_collection("exact", options).expect("creates");
    database.rename_collection("t", "renamed").expect("renames");
    database.rename_collection("exact", "e2").expect("renames");
    drop(database);

    let engine = reopen(&dbpath, engine);
    let renamed = engine.collection("d.renamed").expect("valid");
    let inc = rawdoc! { "$inc": { "hourly.13": 1 } };
    let request = renamed.update_one(rawdoc! { "_id": 1 }, inc).expect("valid");
    request.upsert(true).run().expect("instantiates");
    let found = renamed.find_by_id(1).expect("a lookup").expect("instantiated");
    let found = bson::Document::try_from(&*found).expect("BSON");
    assert_eq!(found.get_document("hourly").expect("hourly").len(), 24);
    let exact = engine.collection("d.e2").expect("valid");
    exact.insert_one(rawdoc! { "_id": 1 }).expect("inserts");
    assert_eq!(exact.stats().expect("stats").size, 16, "14 bytes, rounded up to 4");

    // Dropped with it: a new collection of that name starts without.
    let database = engine.database("d").expect("valid");
    assert!(database.drop_collection("renamed").expect("drops"));
    let inc = rawdoc! { "$inc": { "n": 1 } };
    let request = renamed.update_one(rawdoc! { "_id": 1 }, inc).expect("valid");
    request.upsert(true).run().expect("inserts");
    let found = renamed.find_by_id(1).expect("a lookup").expect("inserted");
    assert_eq!(bson::Document::try_from(&*found).ok(), Some(doc! { "_id": 1, "n": 1 }));
    drop((renamed, exact, database));
    dbpath::close(engine);
}

#[test]
fn a_database_is_dropped_and_made_again() {
    let dbpath = Dbpath::new();
    let mut engine = dbpath.open();
    for round in 0..4 {
        let keeps = engine.collection("other.c").expect("valid");
        keeps.insert_one(rawdoc! { "_id": round }).expect("inserts");
        let collection = engine.collection("d.c").expect("valid");
        for n in 0..50 {
            collection.insert_one(rawdoc! { "_id": n, "round": round }).expect("inserts");
        }
        collection.create_index(IndexSpec::new(&[("round", 1)])).expect("an index");
        let database = engine.database("d").expect("valid");
        assert!(database.drop().expect("drops") && !database.exists() && !collection.exists());
        assert_eq!(engine.database_names(), ["other"]);
        assert!(!dbpath.file("d.ns").exists() && !dbpath.file("d.0").exists());
        assert_eq!(collection.count().expect("nothing"), 0);
        // The handle of before creates it anew.
        collection.insert_one(rawdoc! { "_id": "new" }).expect("inserts");
        assert_eq!(collection.indexes().expect("indexes").len(), 1);
        engine.wait_durable().expect("durable");
        let crashed = dbpath.crashed();
        let recovered = crashed.open();
        assert_eq!(recovered.collection("d.c").expect("valid").count().expect("count"), 1);
        let other = recovered.collection("other.c").expect("valid");
        assert_eq!(other.count().expect("count"), round as u64 + 1);
        drop(other);
        dbpath::close(recovered);
        assert!(database.drop().expect("drops"));
        drop((keeps, collection, database));
        engine = reopen(&dbpath, engine);
        assert_eq!(engine.database_names(), ["other"]);
    }
    dbpath::close(engine);
}

#[test]
fn the_namespace_file_is_full() {
    let dbpath = Dbpath::new();
    let engine = dbpath.open();
    let database = engine.database("d").expect("valid");
    // 1669 nodes; each collection needs two, each within 83 of its home.
    let mut made = 0;
    let error = loop {
        let name = format!("collection_{made}");
        match database.create_collection(&name, CollectionOptions::default()) {
            Ok(_) => made += 1,
            Err(error) => break error,
        }
        assert!(made < 900, "more than can fit");
    };
    assert!(matches!(error, Error::TooManyNamespaces { .. }), "{error}");
    assert!(made > 600, "{made}");
    assert_eq!(names(&engine, "d").len(), made, "nothing of the last one is left");
    assert!(database.drop_collection("collection_7").expect("drops"));
    database.create_collection("collection_7", CollectionOptions::default()).expect("fits again");
    drop(database);
    let engine = reopen(&dbpath, engine);
    assert_eq!(names(&engine, "d").len(), made);
    dbpath::close(engine);
}
