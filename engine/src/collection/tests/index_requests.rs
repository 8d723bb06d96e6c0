//! Requests for indexes, and for changes of them, beside what a real mongod 5.0.4 says.

use std::sync::Arc;

use bson::{Bson, Document, RawDocumentBuf, doc, rawdoc};

use super::{assert_valid, open};
use crate::disk::HeapDisk;
use crate::{Collection, Engine, Error, IndexSpec, ModifiedIndex};

fn raw(doc: &Document) -> RawDocumentBuf {
    RawDocumentBuf::try_from(doc).expect("can be stored")
}

fn empty() -> (Engine, Collection) {
    let engine = open(Arc::new(HeapDisk::new()));
    let collection = engine.collection("d.c").expect("a name");
    (engine, collection)
}

fn names(c: &Collection) -> Vec<String> {
    c.indexes().expect("reads").into_iter().map(|index| index.name).collect()
}

fn code<R>(done: Result<R, Error>) -> i32 {
    done.map_or_else(|error| error.code(), |_| 0)
}

fn regex() -> Bson {
    let [pattern, options] = ["x", ""].map(|text| text.try_into().expect("no zero"));
    Bson::RegularExpression(bson::Regex { pattern, options })
}

#[test]
fn filters_of_partial_indexes() {
    let (_engine, c) = empty();
    for (filter, expected) in [
        (doc! {}, 0),
        (doc! { "a": 1 }, 0),
        (doc! { "a": { "$gt": 1, "$lt": 5 } }, 0),
        (doc! { "a": { "$eq": { "$gt": 1 } } }, 0),
        (doc! { "a": { "$type": "int" } }, 0),
        (doc! { "a": { "$type": ["int", "string"] } }, 0),
        (doc! { "a": { "$type": 99 } }, 2),
        (doc! { "a": { "$all": [1] } }, 0),
        (doc! { "a": regex() }, 67),
        (doc! { "a": { "$gt": regex() } }, 2),
        (doc! { "a": { "$eq": regex() } }, 0),
        (doc! { "$alwaysTrue": 1 }, 67),
        (doc! { "a": { "$exists": true } }, 0),
        (doc! { "a": { "$exists": "x" } }, 0),
        (doc! { "a": { "$exists": false } }, 67),
        (doc! { "a": { "$exists": Bson::Null } }, 67),
        (doc! { "a": { "$ne": 1 } }, 67),
        (doc! { "a": { "$in": [1] } }, 67),
        (doc! { "a": { "$nin": [1] } }, 67),
        (doc! { "$and": [{ "a": 1 }, { "b": 1 }] }, 0),
        (doc! { "$and": [{ "$and": [{ "a": 1 }] }] }, 67),
        (doc! { "$and": [{ "a": { "$gt": 1 } }, { "a": { "$lt": 1 }, "b": 3 }] }, 67),
        (doc! { "$and": [{ "a": 1, "$comment": "x" }] }, 0),
        (doc! { "$and": [] }, 2),
        (doc! { "$or": [{ "a": 1 }] }, 67),
        (doc! { "$nor": [{ "a": 1 }] }, 67),
        (doc! { "a": { "$not": { "$gt": 1 } } }, 67),
        (doc! { "a": { "$regex": "x" } }, 67),
        (doc! { "a": { "$mod": [2, 1] } }, 67),
        (doc! { "a": { "$size": 1 } }, 67),
        (doc! { "a": { "$elemMatch": { "$gt": 1 } } }, 67),
        (doc! { "a": { "$bitsAllSet": 1 } }, 67),
        (doc! { "a": { "$geoWithin": { "$center": [[1, 1], 1] } } }, 67),
        (doc! { "$expr": { "$eq": ["$a", 1] } }, 224),
        (doc! { "$jsonSchema": {} }, 224),
        (doc! { "$where": "1" }, 2),
        (doc! { "$text": { "$search": "x" } }, 2),
        (doc! { "$comment": "x" }, 0),
        (doc! { "a": { "$foo": 1 } }, 2),
        (doc! { "$foo": 1 }, 2),
        (doc! { "a": Bson::Null }, 0),
        (doc! { "a": { "b": 1 } }, 0),
        (doc! { "a": [1] }, 0),
        (doc! { "a": {} }, 0),
        (doc! { "a.b": 1, "_id": 1 }, 0),
    ] {
        let request = doc! {
            "key": { "a": 1 }, "name": "n", "partialFilterExpression": filter.clone(),
        };
        assert_eq!(code(c.create_index_from(raw(&request))), expected, "{filter}");
        if expected == 0 {
            c.drop_index("n").expect("is there");
        }
    }
}

#[test]
fn several_at_once_are_all_made_or_none() {
    let (_engine, c) = empty();
    assert_eq!(code(c.create_indexes([])), 2);
    assert!(!c.exists());
    let (a, b) = (IndexSpec::new(&[("a", 1)]), IndexSpec::new(&[("b", 1)]));
    let created = c.create_indexes([a.clone(), b.clone()]).expect("made");
    assert_eq!((created.before, created.after, created.created_collection), (1, 3, true));
    assert_eq!(created.names, ["a_1", "b_1"]);
    let again = c.create_indexes([a.clone(), a.clone(), b.clone()]).expect("there");
    assert_eq!((again.before, again.after, again.created_collection), (3, 3, false));
    let x = IndexSpec::new(&[("x", 1)]);
    assert_eq!(code(c.create_indexes([x.clone(), x.clone()])), 68);
    assert_eq!(code(c.create_indexes([x.clone(), x.clone().name("other")])), 85);
    assert_eq!(code(c.create_indexes([x.clone(), IndexSpec::new(&[("y", 1)]).name("x_1")])), 86);
    assert_eq!(code(c.create_indexes([x.clone(), IndexSpec::new(&[("y", 0)])])), 67);
    for n in 0..20 {
        c.insert_one(rawdoc! { "_id": n, "twice": n / 2 }).expect("inserts");
    }
    let twice = IndexSpec::new(&[("twice", 1)]).unique(true);
    assert_eq!(code(c.create_indexes([x, b, twice])), 11000);
    assert_eq!(names(&c), ["_id_", "a_1", "b_1"]);
    assert_valid(&c);
    for n in 0..61 {
        c.create_index(IndexSpec::new(&[(&format!("f{n}"), 1)])).expect("made");
    }
    assert_eq!(code(c.create_index(IndexSpec::new(&[("g", 1)]))), 67);
    assert_eq!(code(c.create_index(IndexSpec::new(&[("f1", 1)]))), 0);
    c.drop_index("*").expect("drops");
    assert_eq!(names(&c), ["_id_"]);
    let far = IndexSpec::new(&[("d", 1)]).expire_after_seconds(i32::MAX);
    assert_eq!(code(c.create_index(far)), 67);
    assert_valid(&c);
}

#[test]
fn dropped_by_name_or_key() {
    let (_engine, c) = empty();
    assert_eq!(code(c.drop_index("x")), 26);
    c.create_indexes([
        IndexSpec::new(&[("a", 1)]),
        IndexSpec::new(&[("a", 1)]).name("a_sparse").sparse(true),
        IndexSpec::new(&[("b", 1)]).name("bb"),
        IndexSpec::new(&[("c", 1)]),
    ])
    .expect("made");
    assert_eq!(code(c.drop_index("x")), 27);
    assert_eq!(code(c.drop_index("")), 27);
    assert_eq!(code(c.drop_index("_id_")), 72);
    assert_eq!(code(c.drop_indexes(&["bb", "x"])), 27);
    assert_eq!(code(c.drop_index_by_key(rawdoc! { "a": 1 })), 181);
    assert_eq!(code(c.drop_index_by_key(rawdoc! { "b": -1 })), 27);
    assert_eq!(code(c.drop_index_by_key(rawdoc! { "_id": 1 })), 72);
    assert_eq!(code(c.drop_index_by_key(rawdoc! {})), 27);
    assert_eq!(names(&c), ["_id_", "a_1", "a_sparse", "bb", "c_1"]);
    assert_eq!(c.drop_index_by_key(rawdoc! { "b": 1.0 }).expect("drops"), 5);
    assert_eq!(c.drop_indexes(&["c_1", "a_1"]).expect("drops"), 4);
    assert_eq!(c.drop_indexes(&[]).expect("none"), 2);
    assert_eq!(names(&c), ["_id_", "a_sparse"]);
    assert_valid(&c);
}

#[test]
fn seconds_and_hiding_change() {
    let disk = HeapDisk::new();
    let engine = open(Arc::new(disk.clone()));
    let c = engine.collection("d.c").expect("a name");
    c.create_indexes([
        IndexSpec::new(&[("a", 1)]).expire_after_seconds(60),
        IndexSpec::new(&[("b", 1)]),
        IndexSpec::new(&[("h", 1)]).hidden(true),
    ])
    .expect("made");
    let double = rawdoc! { "key": { "d": 1 }, "name": "d_1", "expireAfterSeconds": 60.0 };
    c.create_index_from(double).expect("made");
    c.insert_one(rawdoc! { "_id": 1, "a": 1, "b": 2, "h": 3 }).expect("inserts");
    let modify = |name, seconds, hidden| c.modify_index(name, seconds, hidden);
    let report = |seconds, hidden| ModifiedIndex { expire_after_seconds: seconds, hidden };
    assert_eq!(code(modify("x", Some(1), None)), 27);
    assert_eq!(code(modify("b_1", Some(1), None)), 72);
    assert_eq!(code(modify("_id_", Some(5), None)), 72);
    assert_eq!(code(modify("_id_", None, Some(true))), 2);
    assert_eq!(code(modify("a_1", None, None)), 72);
    assert_eq!(code(c.modify_index_by_key(rawdoc! { "x": 1 }, Some(1), None)), 27);
    assert_eq!(modify("a_1", Some(30), None).expect("done"), report(Some((60, 30)), None));
    assert_eq!(modify("h_1", None, Some(true)).expect("done"), report(None, None));
    assert_eq!(modify("h_1", None, Some(false)).expect("done"), report(None, Some((true, false))));
    let both = c.modify_index_by_key(rawdoc! { "a": 1 }, Some(-1), Some(true)).expect("done");
    assert_eq!(both, report(Some((30, -1)), Some((false, true))));
    modify("b_1", None, Some(true)).expect("done");
    modify("d_1", Some(7), None).expect("done");
    assert_valid(&c);
    let of_catalogue = engine.collection("d.system.indexes").expect("a name");
    assert_valid(&of_catalogue);
    drop((c, of_catalogue));
    engine.close().expect("closes");
    let engine = open(Arc::new(disk));
    let c = engine.collection("d.c").expect("a name");
    let indexes = c.indexes().expect("reads");
    let specification = |name: &str| {
        let index = indexes.iter().find(|index| index.name == name).expect("is there");
        index.specification.clone()
    };
    let a = specification("a_1");
    assert_eq!(a.get("expireAfterSeconds"), Some(&Bson::Int32(-1)));
    assert_eq!(a.get("hidden"), Some(&Bson::Boolean(true)));
    assert_eq!(specification("b_1").get("hidden"), Some(&Bson::Boolean(true)));
    assert!(specification("h_1").get("hidden").is_none());
    assert_eq!(specification("d_1").get("expireAfterSeconds"), Some(&Bson::Double(7.0)));
    assert_valid(&c);
    c.drop_index("*").expect("drops");
}
