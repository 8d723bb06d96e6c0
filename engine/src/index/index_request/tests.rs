//! Requests beside what a real mongod 5.0.4 says to them.

use bson::{Bson, Document, RawDocumentBuf, doc, rawdoc};

use super::*;
use crate::index::index_definition::IndexDefinition;

fn raw(doc: &Document) -> RawDocumentBuf {
    RawDocumentBuf::try_from(doc).expect("can be stored")
}

/// The number with which it is refused; 0 if it is not.
fn code(doc: &Document) -> i32 {
    let raw = raw(doc);
    let checked = checked(raw.as_bytes());
    let parsed = IndexDefinition::parse_new(raw.as_bytes(), "test.c");
    let code = |error: Option<Error>| error.map_or(0, |error| error.code());
    let own = code(checked.err());
    assert_eq!(own, code(parsed.err()), "{doc}");
    own
}

fn check_options(table: impl IntoIterator<Item = (&'static str, Bson, i32)>) {
    for (option, value, expected) in table {
        let mut request = doc! { "key": { "a": 1 }, "name": "a_1" };
        request.insert(option, value);
        assert_eq!(code(&request), expected, "{request}");
    }
}

#[test]
fn options_of_mongod() {
    let decimal = Bson::Decimal128("5".parse().expect("a decimal"));
    check_options([
        ("foo", Bson::Int32(1), 197),
        ("clustered", Bson::Boolean(true), 197),
        ("safe", Bson::Boolean(true), 197),
        ("", Bson::Int32(1), 197),
        ("unique", Bson::Int32(1), 0),
        ("unique", Bson::Boolean(false), 0),
        ("unique", Bson::String("x".into()), 14),
        ("unique", Bson::Null, 14),
        ("sparse", Bson::Double(1.0), 0),
        ("sparse", Bson::String("x".into()), 14),
        ("sparse", Bson::Document(doc! {}), 14),
        ("background", Bson::Int32(1), 0),
        ("background", Bson::Null, 14),
        ("dropDups", Bson::Boolean(true), 0),
        ("dropDups", Bson::String("x".into()), 14),
        ("hidden", Bson::Boolean(true), 0),
        ("hidden", Bson::Int32(1), 14),
        ("v", Bson::Int32(0), 67),
        ("v", Bson::Int32(1), 0),
        ("v", Bson::Int32(2), 0),
        ("v", Bson::Double(2.0), 0),
        ("v", Bson::Int32(3), 67),
        ("v", Bson::Int32(-1), 67),
        ("v", Bson::Double(1.5), 2),
        ("v", Bson::String("2".into()), 14),
        ("v", Bson::Null, 14),
        ("expireAfterSeconds", Bson::Int32(0), 0),
        ("expireAfterSeconds", Bson::Double(60.7), 0),
        ("expireAfterSeconds", Bson::Double(-0.5), 0),
        ("expireAfterSeconds", Bson::Double(f64::NAN), 0),
        ("expireAfterSeconds", decimal, 0),
        ("expireAfterSeconds", Bson::Int32(-1), 67),
        ("expireAfterSeconds", Bson::String("x".into()), 67),
        ("expireAfterSeconds", Bson::Boolean(true), 67),
        ("expireAfterSeconds", Bson::Null, 67),
    ]);
}

#[test]
fn options_of_mongod_that_are_documents_or_another_kind_s() {
    check_options([
        ("collation", Bson::Document(doc! { "locale": "simple" }), 0),
        ("collation", Bson::Document(doc! { "locale": "simple", "strength": 1 }), 0),
        ("collation", Bson::Document(doc! { "locale": "simple", "foo": 1 }), 40415),
        ("collation", Bson::Document(doc! { "strength": 1 }), 40414),
        ("collation", Bson::Document(doc! { "locale": 5 }), 14),
        ("collation", Bson::Document(doc! {}), 2),
        ("collation", Bson::String("x".into()), 14),
        // Refused only here.
        ("collation", Bson::Document(doc! { "locale": "en" }), 67),
        ("_id", Bson::Int32(5), 0),
        ("ns", Bson::String("test.other".into()), 0),
        ("ns", Bson::Int32(5), 0),
        ("storageEngine", Bson::Document(doc! {}), 67),
        ("storageEngine", Bson::Int32(1), 67),
        ("storageEngine", Bson::Document(doc! { "other": {} }), 72),
        ("storageEngine", Bson::Document(doc! { "wiredTiger": {}, "other": {} }), 72),
        ("storageEngine", Bson::Document(doc! { "wiredTiger": 5 }), 2),
        ("storageEngine", Bson::Document(doc! { "wiredTiger": {}, "mmapv1": {} }), 0),
        ("weights", Bson::Document(doc! { "a": 1 }), 67),
        ("weights", Bson::Array(vec![]), 67),
        ("weights", Bson::String("x".into()), 67),
        ("weights", Bson::Int32(1), 14),
        ("weights", Bson::Null, 14),
        ("default_language", Bson::String("en".into()), 0),
        ("default_language", Bson::Int32(5), 14),
        ("language_override", Bson::Int32(5), 14),
        ("textIndexVersion", Bson::String("x".into()), 14),
        ("2dsphereIndexVersion", Bson::Int32(3), 0),
        ("bits", Bson::String("x".into()), 14),
        ("min", Bson::Int32(1), 0),
        ("max", Bson::String("x".into()), 14),
        ("bucketSize", Bson::Int32(1), 67),
        ("coarsestIndexedLevel", Bson::Int32(5), 0),
        ("wildcardProjection", Bson::Document(doc! { "a": 1 }), 2),
        ("partialFilterExpression", Bson::Int32(1), 14),
        ("partialFilterExpression", Bson::Array(vec![]), 14),
        ("partialFilterExpression", Bson::Document(doc! {}), 0),
    ]);
}

#[test]
fn keys_of_mongod() {
    let decimal = Bson::Decimal128("1".parse().expect("a decimal"));
    for (key, expected) in [
        (doc! {}, 67),
        (doc! { "": 1 }, 67),
        (doc! { "a..b": 1 }, 67),
        (doc! { "a.": 1 }, 67),
        (doc! { ".a": 1 }, 67),
        (doc! { "$a": 1 }, 67),
        (doc! { "a.$b": 1 }, 67),
        (doc! { "a.$id": 1 }, 0),
        (doc! { "$id": 1 }, 67),
        (doc! { "a": 0 }, 67),
        (doc! { "a": -0.0 }, 67),
        (doc! { "a": 0.5 }, 0),
        (doc! { "a": -5_i64 }, 0),
        (doc! { "a": f64::NAN }, 67),
        (doc! { "a": f64::INFINITY }, 0),
        (doc! { "a": true }, 67),
        (doc! { "a": Bson::Null }, 67),
        (doc! { "a": { "b": 1 } }, 67),
        (doc! { "a": [1] }, 67),
        (doc! { "a": "" }, 67),
        (doc! { "a": "asc" }, 67),
        (doc! { "a": "geoHaystack" }, 67),
        (doc! { "a": "wildcard" }, 67),
        (doc! { "a": "2d", "b": "hashed" }, 67),
        (doc! { "a": Bson::MaxKey }, 67),
        (doc! { "a": "hashed" }, 0),
        (doc! { "a": "hashed", "b": "hashed" }, 31303),
        (doc! { "*": 1 }, 0),
        (doc! { "a".repeat(3000): 1 }, 67),
        (doc! { "_id": "hashed" }, 0),
        (doc! { "_id": 1, "a": 1 }, 0),
        // Refused only here.
        (doc! { "a": "hashed", "b": 1 }, 16763),
        (doc! { "a": "2d" }, 67),
        (doc! { "a": "2dsphere" }, 67),
        (doc! { "a": "text" }, 67),
        (doc! { "$**": 1 }, 67),
        (doc! { "a.$**": 1 }, 67),
        (doc! { "a": decimal }, 67),
    ] {
        assert_eq!(code(&doc! { "key": key.clone(), "name": "n" }), expected, "{key}");
    }
    let fields =
        |count| -> Document { (0..count).map(|n| (format!("f{n}"), Bson::Int32(n + 1))).collect() };
    assert_eq!(code(&doc! { "key": fields(31), "name": "n" }), 0);
    assert_eq!(code(&doc! { "key": fields(32), "name": "n" }), 13103);
}

#[test]
fn names_and_combinations_of_mongod() {
    for (request, expected) in [
        (doc! { "name": "x" }, 9),
        (doc! { "key": "x", "name": "n" }, 14),
        (doc! { "key": ["a"], "name": "n" }, 14),
        (doc! { "key": { "a": 1 }, "name": "" }, 67),
        (doc! { "key": { "a": 1 }, "name": "a\0b" }, 67),
        (doc! { "key": { "a": 1 }, "name": 5 }, 14),
        (doc! { "key": { "a": 1 }, "name": "*" }, 2),
        (doc! { "key": { "a": 1 }, "name": "_id_" }, 2),
        (doc! { "key": { "a": 1 }, "name": "$x" }, 0),
        (doc! { "key": { "_id": 1 }, "name": "foo" }, 0),
        (doc! { "key": { "_id": 1 }, "name": "*" }, 0),
        (doc! { "key": { "_id": 1 }, "name": "" }, 67),
        (doc! { "key": { "_id": -1 }, "name": "foo" }, 2),
        (doc! { "key": { "_id": 1.5 }, "name": "foo" }, 2),
        (doc! { "key": { "_id": 1.0 }, "name": "foo", "v": 1, "ns": "a.b" }, 0),
        (doc! { "key": { "_id": 1 }, "name": "_id_", "unique": true }, 197),
        (doc! { "key": { "_id": 1 }, "name": "_id_", "sparse": true }, 197),
        (doc! { "key": { "_id": 1 }, "name": "_id_", "background": true }, 197),
        (doc! { "key": { "_id": 1 }, "name": "_id_", "hidden": false }, 197),
        (doc! { "key": { "_id": 1 }, "name": "_id_", "expireAfterSeconds": 5 }, 197),
        (doc! { "key": { "_id": -1 }, "name": "q", "sparse": true }, 197),
        (doc! { "key": { "_id": 1 }, "collation": { "locale": "simple" } }, 0),
        (doc! { "key": { "a": 1, "b": 1 }, "name": "x", "expireAfterSeconds": 5 }, 67),
        (doc! { "key": { "a": "hashed" }, "name": "x", "expireAfterSeconds": 5 }, 0),
        (doc! { "key": { "a": "hashed" }, "name": "x", "unique": true }, 0),
        (doc! { "key": { "a": "hashed", "b": 1 }, "name": "x", "unique": true }, 16764),
        (doc! { "key": { "a": "hashed", "b": "hashed" }, "name": "x", "unique": true }, 16764),
        (doc! { "key": { "a": "hashed" }, "name": "x", "sparse": true }, 0),
        (doc! { "key": { "a": 1 }, "sparse": true, "partialFilterExpression": { "a": 1 } }, 67),
        (doc! { "key": { "a": 1 }, "sparse": false, "partialFilterExpression": { "a": 1 } }, 0),
        // Which of two faults is named.
        (doc! { "key": { "a": 1 }, "unique": "x", "foo": 1 }, 197),
        (doc! { "name": "n", "foo": 1 }, 197),
        (doc! { "key": { "a": 0 }, "name": 5 }, 67),
        (doc! { "name": 5, "key": { "a": 0 } }, 14),
        (doc! { "key": { "a": 1 }, "name": "*", "expireAfterSeconds": 1 }, 2),
    ] {
        assert_eq!(code(&request), expected, "{request}");
    }
}

#[test]
fn texts_of_mongod() {
    let text = |doc: Document| checked(raw(&doc).as_bytes()).expect_err("refused").to_string();
    assert_eq!(
        text(doc! { "key": { "a": 1 }, "name": "a_1", "foo": 1 }),
        "Error in specification { key: { a: 1 }, name: \"a_1\", foo: 1 } :: caused by :: The field \
         'foo' is not valid for an index specification. Specification: { key: { a: 1 }, name: \
         \"a_1\", foo: 1 }"
    );
    assert_eq!(
        text(doc! { "key": { "a": 1 }, "name": "a_1", "v": 0 }),
        "Error in specification { key: { a: 1 }, name: \"a_1\", v: 0 } :: caused by :: Invalid \
         index specification { key: { a: 1 }, name: \"a_1\", v: 0 }; cannot create an index with \
         v=0"
    );
    assert_eq!(
        text(doc! { "key": { "a": 1 }, "name": "a_1", "expireAfterSeconds": -1 }),
        "TTL index 'expireAfterSeconds' option cannot be less than 0index spec: { key: { a: 1 }, \
         name: \"a_1\", expireAfterSeconds: -1 }"
    );
    assert_eq!(
        text(doc! { "key": { "a": 1 }, "name": "_id_" }),
        "The index name '_id_' is reserved for the _id index, which must have key pattern {_id: \
         1}, found key: { a: 1 }"
    );
}

#[test]
fn what_says_nothing_is_not_kept() {
    let request = rawdoc! {
        "name": "n", "v": 2, "unique": 1, "background": 1, "sparse": false, "hidden": false,
        "ns": "x", "_id": 1, "dropDups": true, "expireAfterSeconds": 60.7, "key": { "a": 1 },
        "collation": { "locale": "simple" }, "bits": 26,
    };
    let expected = rawdoc! {
        "key": { "a": 1 }, "name": "n", "unique": true, "background": true, "sparse": false,
        "expireAfterSeconds": 60, "bits": 26,
    };
    assert_eq!(checked(request.as_bytes()).expect("a request"), expected.as_bytes());
    let named = rawdoc! { "key": { "a": 1, "b": -1.0, "c": "hashed" } };
    let name = request_key::name(named.as_bytes(), named.get_document("key").unwrap().as_bytes());
    assert_eq!(name.expect("sound"), "a_1_b_-1_c_hashed");
}

#[test]
fn damaged_requests_are_errors() {
    let request = rawdoc! {
        "key": { "a": 1, "b": "hashed" }, "name": "n", "unique": true, "expireAfterSeconds": 5,
        "collation": { "locale": "simple" }, "partialFilterExpression": { "a": { "$gt": 1 } },
    };
    let mut rng = oorandom::Rand32::new(14);
    for _ in 0..crate::rounds::rounds(20_000) {
        let mut bytes = request.as_bytes().to_vec();
        for _ in 0..rng.rand_range(1..4) {
            let at = rng.rand_range(0..bytes.len() as u32) as usize;
            bytes[at] = rng.rand_u32() as u8;
        }
        let _ = IndexDefinition::parse_new(&bytes, "test.c");
    }
}
