//! Views whose definitions another wrote, and who comes in between.

use std::sync::Arc;

use ::bson::{RawDocumentBuf, rawdoc};

use super::open;
use crate::disk::HeapDisk;
use crate::{Class, Collection, CollectionOptions, Database, Engine, Error, View};

fn view(name: &str, on: &str, pipeline: Vec<RawDocumentBuf>) -> View {
    View { name: name.into(), on: on.into(), pipeline, collation: None }
}

fn database(disk: &Arc<HeapDisk>) -> (Engine, Database) {
    let engine = open(disk.clone());
    let database = engine.database("d").expect("a name");
    (engine, database)
}

fn found(collection: &Collection) -> Result<Vec<RawDocumentBuf>, Error> {
    collection.find(rawdoc! {}).run()?.collect()
}

/// Writes a definition that nobody has checked.
fn forge(database: &Database, name: &str, on: &str, pipeline: Vec<RawDocumentBuf>) {
    let pipeline: ::bson::RawArrayBuf = pipeline.iter().map(|stage| stage.as_ref()).collect();
    let id = format!("d.{name}");
    let views = database.collection("system.views").expect("a name");
    views.insert_one(rawdoc! { "_id": id, "viewOn": on, "pipeline": pipeline }).expect("stored");
}

#[test]
fn a_view_outlives_the_engine_and_is_no_collection() {
    let disk = Arc::new(HeapDisk::new());
    let (engine, db) = database(&disk);
    let collection = db.collection("c").expect("a name");
    for n in 0..10 {
        collection.insert_one(rawdoc! { "_id": n, "n": n }).expect("inserted");
    }
    let large = rawdoc! { "$match": { "n": { "$gte": 7 } } };
    db.create_view(view("v", "c", vec![large])).expect("made");
    engine.close().expect("closed");
    let (_engine, db) = database(&disk);
    let v = db.collection("v").expect("a name");
    assert!(!v.exists() && v.view().expect("read").is_some());
    assert_eq!(found(&v).expect("found").len(), 3);
    assert_eq!(v.count_documents(rawdoc! { "n": 8 }).run().expect("counted"), 1);
    assert_eq!(v.distinct("n", rawdoc! {}).run().expect("found").len(), 3);
    let n = crate::FieldPath::parse("n").expect("a path");
    for refused in [
        v.insert_one(rawdoc! {}).map(drop),
        v.update_one(rawdoc! {}, rawdoc! { "$set": { "a": 1 } }).and_then(|it| it.run()).map(drop),
        v.update_many(rawdoc! {}, rawdoc! { "$set": { "a": 1 } }).and_then(|it| it.run()).map(drop),
        v.delete_many(rawdoc! {}).map(drop),
        v.increment("x", &[(&n, 1)]).map(drop),
        db.create_collection("v", CollectionOptions::default()).map(drop),
        db.rename_collection("c", "v"),
    ] {
        let error = refused.expect_err("a view");
        assert!([166, 48].contains(&error.code()) && error.class() == Class::Caller, "{error}");
    }
    assert!(db.drop_view("v").expect("dropped") && !db.drop_view("v").expect("looked"));
    assert!(v.view().expect("read").is_none() && found(&v).expect("nothing").is_empty());
    v.insert_one(rawdoc! { "_id": 1 }).expect("the name is free");
}

#[test]
fn definitions_of_others_lead_nowhere_and_end() {
    let disk = Arc::new(HeapDisk::new());
    let (_engine, db) = database(&disk);
    let collection = db.collection("c").expect("a name");
    collection.insert_one(rawdoc! { "_id": 1 }).expect("inserted");
    forge(&db, "a", "b", vec![]);
    forge(&db, "b", "a", vec![]);
    let looked = |name: &str| found(&db.collection(name).expect("a name"));
    assert_eq!(looked("a").expect_err("a circle").code(), 165);
    // A circle by the stages, not by what they are views of.
    let lookup = |from: &str| {
        rawdoc! { "$lookup": { "from": from, "pipeline": [], "as": "x" } }
    };
    forge(&db, "p", "c", vec![lookup("q")]);
    forge(&db, "q", "c", vec![lookup("p")]);
    assert_eq!(looked("p").expect_err("a circle").code(), 165);
    assert_eq!(db.create_view(view("r", "p", vec![])).expect_err("a circle").code(), 5);
    let views = db.collection("system.views").expect("a name");
    views.insert_one(rawdoc! { "_id": "d.bad", "viewOn": 1 }).expect("stored");
    assert_eq!(looked("bad").expect_err("none").code(), 182);
    assert_eq!(looked("c").expect("a collection").len(), 1, "others are not concerned");
}

#[test]
fn many_ways_between_views_are_each_walked_once() {
    let disk = Arc::new(HeapDisk::new());
    let (_engine, db) = database(&disk);
    let union = |of: &str| rawdoc! { "$unionWith": of };
    db.create_view(view("v0", "c", vec![])).expect("made");
    // 2^19 ways lead from the last to the first.
    for n in 1..20 {
        let (name, below) = (format!("v{n}"), format!("v{}", n - 1));
        db.create_view(view(&name, &below, vec![union(&below)])).expect("made");
    }
    let above = view("v20", "v19", vec![]);
    assert_eq!(db.create_view(above).expect_err("too deep").code(), 165);
    // Below what is there already, too.
    forge(&db, "x", "v0", vec![]);
    let deeper = db.modify_view("v0", Some("x0".into()), None);
    deeper.expect("no deeper");
    db.create_view(view("x1", "c", vec![])).expect("made");
    assert_eq!(db.modify_view("v0", Some("x1".into()), None).expect_err("too deep").code(), 165);
}

#[test]
fn views_come_to_no_pipeline_that_is_longer_than_may_be() {
    let (_engine, db) = database(&Arc::new(HeapDisk::new()));
    let stage = |len: usize| vec![rawdoc! { "$match": { "a": "x".repeat(len) } }];
    let code = |made: Result<(), Error>| made.map_or_else(|error| error.code(), |()| 0);
    assert_eq!(code(db.create_view(view("v1", "c", stage(6_000_000)))), 0);
    assert_eq!(code(db.create_view(view("v2", "v1", stage(6_000_000)))), 0);
    assert_eq!(code(db.create_view(view("v3", "v2", stage(6_000_000)))), 195);
    assert_eq!(code(db.create_view(view("v3", "v2", stage(1_000_000)))), 0);
    // With those above it.
    assert_eq!(code(db.modify_view("v1", None, Some(stage(10_000_000)))), 195);
    assert_eq!(code(db.modify_view("v3", Some("c".into()), None)), 0);
    assert_eq!(code(db.modify_view("v1", None, Some(stage(9_900_000)))), 0);
}
