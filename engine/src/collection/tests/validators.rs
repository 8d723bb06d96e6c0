//! Validators on disk, and what they let in.

use std::sync::Arc;

use ::bson::{RawDocumentBuf, rawdoc};

use super::{assert_valid, open};
use crate::disk::HeapDisk;
use crate::{
    Collection, CollectionOptions, Engine, FieldPath, ValidationAction, ValidationLevel,
    ValidationRules,
};

fn rules(validator: RawDocumentBuf) -> ValidationRules {
    ValidationRules { validator: Some(validator), ..ValidationRules::default() }
}

fn collection(engine: &Engine, name: &str) -> Collection {
    engine.collection(&format!("d.{name}")).expect("a name")
}

fn code<T: std::fmt::Debug>(result: Result<T, crate::Error>) -> i32 {
    result.map_or_else(|error| error.code(), |_| 0)
}

#[test]
fn every_way_to_write_asks_and_after_the_next_opening_too() {
    let disk = Arc::new(HeapDisk::new());
    for (name, validator) in [
        ("native", rawdoc! { "n": { "$gte": 0 } }),
        ("newer", rawdoc! { "$jsonSchema": { "properties": { "n": { "minimum": 0 } } } }),
    ] {
        let engine = open(disk.clone());
        let database = engine.database("d").expect("a name");
        let options = CollectionOptions::default().validation(rules(validator.clone()));
        database.create_collection(name, options).expect("created");
        collection(&engine, name).insert_one(rawdoc! { "_id": "a", "n": 1 }).expect("valid");
        engine.close().expect("closed");

        let engine = open(disk.clone());
        let c = collection(&engine, name);
        assert_eq!(c.validation().expect("read").validator, Some(validator));
        let native = c
            .options()
            .expect("read")
            .is_some_and(|it| it.get("validator").is_ok_and(|it| it.is_some()));
        assert_eq!(native, name == "native", "3.2 is shown no more than it reads");
        let n = FieldPath::parse("n").expect("a path");
        let set = |to: i32| rawdoc! { "$set": { "n": to } };
        assert_eq!(code(c.insert_one(rawdoc! { "_id": "b", "n": -1 })), 121);
        assert_eq!(
            code(c.update_one(rawdoc! { "_id": "a" }, set(-1)).and_then(|it| it.run())),
            121
        );
        assert_eq!(code(c.update_many(rawdoc! {}, set(-1)).and_then(|it| it.run())), 121);
        assert_eq!(code(c.increment("a", &[(&n, -5)])), 121);
        assert_eq!(
            code(c.replace_one(rawdoc! {}, rawdoc! { "n": -1 }).and_then(|it| it.run())),
            121
        );
        let upsert = c.update_one(rawdoc! { "_id": "z" }, set(-1)).expect("an update").upsert(true);
        assert_eq!(code(upsert.run()), 121);
        let modified = c.find_one_and_update(rawdoc! {}, set(-1)).expect("an update");
        assert_eq!(code(modified.run()), 121);
        assert_eq!(code(c.increment("a", &[(&n, 5)])), 0);
        assert_eq!(c.find_by_id("a").expect("found"), Some(rawdoc! { "_id": "a", "n": 6 }));
        let free = c.clone().bypassing_validation(true);
        assert_eq!(code(free.insert_one(rawdoc! { "_id": "b", "n": -1 })), 0);
        assert_valid(&c);
    }
}

#[test]
fn levels_and_actions() {
    let engine = open(Arc::new(HeapDisk::new()));
    let c = collection(&engine, "c");
    c.insert_one(rawdoc! { "_id": 1, "n": -1 }).expect("not asked yet");
    c.set_validation(rules(rawdoc! { "n": { "$gte": 0 } })).expect("set");
    let set = |to: i32| c.update_one(rawdoc! { "_id": 1 }, rawdoc! { "$set": { "n": to } });
    assert_eq!(code(set(-2).and_then(|it| it.run())), 121);
    let level = |level| ValidationRules { level: Some(level), ..ValidationRules::default() };
    c.set_validation(level(ValidationLevel::Moderate)).expect("set");
    assert_eq!(code(set(-2).and_then(|it| it.run())), 0, "it was not valid before");
    assert_eq!(code(set(3).and_then(|it| it.run())), 0);
    assert_eq!(code(set(-2).and_then(|it| it.run())), 121, "now it was");
    c.set_validation(level(ValidationLevel::Off)).expect("set");
    assert_eq!(code(c.insert_one(rawdoc! { "n": -1 })), 0);
    let action = Some(ValidationAction::Warn);
    let warn = ValidationRules { action, ..level(ValidationLevel::Strict) };
    c.set_validation(warn).expect("set");
    assert_eq!(code(c.insert_one(rawdoc! { "n": -1 })), 0);
    assert_eq!(code(c.set_validation(rules(rawdoc! { "$nope": 1 }))), 2);
    assert_eq!(c.validation().expect("read").validator, Some(rawdoc! { "n": { "$gte": 0 } }));
    c.set_validation(rules(rawdoc! {})).expect("unset");
    assert_eq!(c.validation().expect("read").validator, None);
}

#[test]
fn a_collation_holds_for_whoever_says_nothing() {
    let disk = Arc::new(HeapDisk::new());
    let engine = open(disk.clone());
    let by_letters =
        CollectionOptions::default().collation(rawdoc! { "locale": "en", "strength": 2 });
    engine.database("d").expect("a name").create_collection("c", by_letters).expect("created");
    let c = collection(&engine, "c");
    c.insert_one(rawdoc! { "_id": "a", "n": 0 }).expect("inserted");
    engine.close().expect("closed");
    let engine = open(disk);
    let c = collection(&engine, "c");
    let n = FieldPath::parse("n").expect("a path");
    assert_eq!(c.increment("A", &[(&n, 2)]).expect("found by another text").modified, 1);
    assert_eq!(c.count_documents(rawdoc! { "_id": "A" }).run().expect("counted"), 1);
    let bytes = rawdoc! { "locale": "simple" };
    assert_eq!(
        c.count_documents(rawdoc! { "_id": "A" }).collation(bytes).run().expect("counted"),
        0
    );
    assert!(c.find_one(rawdoc! { "_id": "A" }).expect("looked").is_some());
    assert_eq!(c.delete_many(rawdoc! { "_id": { "$in": ["A"] } }).expect("deleted"), 1);
}
