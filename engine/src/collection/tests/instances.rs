//! The first hit on a page: what it makes of a template, beside what an upsert makes of it.

use std::sync::Arc;

use bson::{RawDocumentBuf, doc, rawdoc};

use super::{assert_valid, open};
use crate::disk::HeapDisk;
use crate::{Collection, CollectionOptions, Engine, Error, FieldPath, IndexSpec};

fn templated(template: RawDocumentBuf) -> (Engine, Collection) {
    let engine = open(Arc::new(HeapDisk::new()));
    let options = CollectionOptions::default().template(template);
    let database = engine.database("d").expect("named");
    let collection = database.create_collection("c", options).expect("made");
    (engine, collection)
}

/// The document that comes of a first hit, or why none does.
fn first(collection: &Collection, done: Result<(), Error>) -> Result<RawDocumentBuf, String> {
    let document = collection.find_by_id("page").expect("sound");
    assert_eq!(document.is_some(), done.is_ok());
    assert_eq!(collection.count().expect("counted"), u64::from(done.is_ok()));
    assert_valid(collection);
    done.map(|()| document.expect("made")).map_err(|error| error.to_string())
}

#[test]
fn a_first_hit_makes_what_an_upsert_makes() {
    let template = rawdoc! {
        "meta": { "site": "s" },
        "i": { "0": 0, "1": i32::MAX - 1 },
        "l": { "$grid": [4], "type": "int64" },
        "big": i64::MAX,
        "d": 1.5,
        "text": "x",
    };
    let hits: [&[(&str, i64)]; 14] = [
        &[("i.0", 1), ("l.3", 2)],
        &[("i.1", 1)],
        &[("i.1", 2)],
        &[("i.0", 1 << 40)],
        &[("i.0", 0)],
        &[("l.0", -5), ("d", 3)],
        &[("big", 1)],
        &[("d", 0)],
        &[("missing.x", 7), ("i.0", 1)],
        &[("text", 1)],
        &[("meta.site.x", 1)],
        &[("i.0", 1), ("i.0", 1)],
        &[("i", 1), ("i.0", 1)],
        &[("_id", 1)],
    ];
    let mut made = 0;
    for hit in hits {
        let paths: Vec<_> = hit.iter().map(|(path, _)| FieldPath::parse(path).unwrap()).collect();
        let amounts: Vec<_> = paths.iter().zip(hit).map(|(path, (_, by))| (path, *by)).collect();
        let (_engine, by_increment) = templated(template.clone());
        let done = by_increment.increment("page", &amounts).map(|report| {
            assert_eq!((report.matched, report.upserted), (0, Some("page".into())), "{hit:?}");
        });
        let by_increment = first(&by_increment, done);
        made += usize::from(by_increment.is_ok());
        if amounts.len() == 2 && amounts[0].0.overlaps(amounts[1].0) {
            assert!(by_increment.is_err(), "{hit:?}");
            continue;
        }
        let (_engine, by_upsert) = templated(template.clone());
        let inc: bson::Document = hit
            .iter()
            .map(|(path, by)| {
                (path.to_string(), i32::try_from(*by).map_or((*by).into(), Into::into))
            })
            .collect();
        let update = RawDocumentBuf::try_from(&doc! { "$inc": inc }).expect("a document");
        // Not an `_id` alone: the general path.
        let request = by_upsert.update_one(rawdoc! { "_id": { "$eq": "page" } }, update);
        let done = request.and_then(|request| request.upsert(true).run()).map(|_| ());
        assert_eq!(by_increment, first(&by_upsert, done), "{hit:?}");
    }
    assert_eq!(made, 8);
}

#[test]
fn another_unique_index_refuses_the_second() {
    let (_engine, collection) = templated(rawdoc! { "k": 1, "n": 0 });
    collection.create_index(IndexSpec::new(&[("k", 1)]).unique(true)).expect("built");
    let path = FieldPath::parse("n").expect("a path");
    collection.increment("one", &[(&path, 1)]).expect("made");
    let second = collection.increment("two", &[(&path, 1)]);
    assert!(matches!(second, Err(Error::DuplicateKey { .. })), "{second:?}");
    assert_eq!(collection.count().expect("counted"), 1);
    collection.increment("one", &[(&path, 1)]).expect("there");
    let one = collection.find_by_id("one").expect("sound").expect("there");
    assert_eq!(one.get_i32("n").expect("a counter"), 2);
    assert_valid(&collection);
}
