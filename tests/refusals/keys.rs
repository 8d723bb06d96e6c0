//! Index keys of more than 1,024 bytes: 17280, as in the versions that had them, whatever would
//! make the key. (mongod has had no such limit since 4.2.)

use bson::{RawDocumentBuf, doc, rawdoc};
use tallymap::{Error, FieldPath, IndexSpec, UpdateRequest};
use tallymap_tests::order::raw;

use crate::world::World;

/// A long key is a document of one string without a name, and a byte that says so: so much longer
/// than the text.
const AROUND: usize = 13;
const TOO_LONG: i32 = 17280;

fn text(key_len: usize) -> String {
    "x".repeat(key_len - AROUND)
}

fn run(request: Result<UpdateRequest<'_>, Error>, upsert: bool) -> Result<(), Error> {
    request.and_then(|request| request.upsert(upsert).run()).map(drop)
}

#[test]
fn a_key_of_1024_bytes_is_not_too_long() {
    let world = World::new();
    let c = world.collection("c");
    let longest = |id: &str| rawdoc! { "_id": id, "k": text(1024) };
    c.insert_one(longest("inserted")).expect("inserts");
    let one = rawdoc! { "_id": 1 };
    run(c.update_one(one, rawdoc! { "$set": { "k": text(1024) } }), false).expect("updates");
    c.insert_one(rawdoc! { "_id": text(1024) }).expect("inserts");
    tallymap_tests::dbpath::check(&world.engine);
}

/// Documents with a key that is a byte too long: of text, of an element of an array, of a
/// document, of the `_id`.
fn too_long(id: &str) -> [RawDocumentBuf; 5] {
    let long = text(1025);
    [
        rawdoc! { "_id": id, "k": long.as_str() },
        rawdoc! { "_id": id, "tags": ["a", long.as_str(), "b"] },
        rawdoc! { "_id": id, "k": { "inner": "x".repeat(1024) } },
        rawdoc! { "_id": id, "k": "short", "tags": [{ "t": "x".repeat(1024) }] },
        rawdoc! { "_id": id, "k": bson::Binary { subtype: 0x80.into(), bytes: vec![1; 1024] } },
    ]
}

#[test]
fn inserted_replaced_and_upserted() {
    let world = World::new();
    let c = world.collection("c");
    let id_too_long = rawdoc! { "_id": text(1025) };
    for document in too_long("new").iter().chain([&id_too_long]) {
        world.refused(document, c.insert_one(document), TOO_LONG);
        let many = c.insert_many([document, &rawdoc! { "_id": "good" }]);
        world.refused(document, many.map_err(|(_, error)| error), TOO_LONG);
        let upsert = c.replace_one(rawdoc! { "a": 99 }, document);
        world.refused(document, run(upsert, true), TOO_LONG);
    }
    let upsert = c.update_one(&id_too_long, rawdoc! { "$set": { "a": 1 } });
    world.refused("an upsert's _id", run(upsert, true), TOO_LONG);
    let n = FieldPath::parse("n").expect("a path");
    let long = text(1025);
    let counted = world.collection("t").increment(long.as_str(), &[(&n, 1)]);
    world.refused("a template's _id", counted, TOO_LONG);
    for document in too_long("new") {
        let fields = document.iter().map(|field| field.expect("valid")).skip(1);
        let mut set = RawDocumentBuf::new();
        fields.for_each(|(name, value)| set.append(name, value));
        let (set, one) = (rawdoc! { "$set": set.clone() }, rawdoc! { "_id": 1 });
        world.refused(&set, run(c.replace_one(&one, set_of(&set)), false), TOO_LONG);
        world.refused(&set, run(c.update_one(&one, &set), false), TOO_LONG);
        world.refused(&set, run(c.update_one(rawdoc! { "a": 99 }, &set), true), TOO_LONG);
        world.refused(&set, run(c.update_many(rawdoc! {}, &set), false), TOO_LONG);
    }
    world.unchanged();
}

/// The fields that a `$set` sets.
fn set_of(update: &RawDocumentBuf) -> RawDocumentBuf {
    update.get_document("$set").expect("a $set").to_owned()
}

#[test]
fn documents_before_the_one_that_is_refused_stay() {
    let world = World::new();
    let c = world.collection("c");
    let [long, ..] = too_long("long");
    let before = [rawdoc! { "_id": "p" }, rawdoc! { "_id": "q" }];
    before.iter().for_each(|document| drop(c.insert_one(document).expect("inserts")));
    world.settle();
    before.iter().for_each(|document| {
        assert_eq!(
            c.delete_one(rawdoc! { "_id": document.get_str("_id").expect("text") }).ok(),
            Some(1)
        );
    });
    let refused = c.insert_many([&before[0], &before[1], &long, &rawdoc! { "_id": "r" }]);
    let (count, error) = refused.expect_err("one is too long");
    assert_eq!(count, 2);
    assert!(matches!(error, Error::KeyTooLong { .. }), "{error}");
    assert_eq!(c.count().expect("count"), 10);
    assert!(c.find_by_id("r").expect("read").is_none());
    tallymap_tests::dbpath::check(&world.engine);
}

/// Building an index works in several steps; when it fails they are taken back.
#[test]
fn an_index_over_a_key_that_is_too_long() {
    let world = World::new();
    let c = world.collection("c");
    let text = "x".repeat(1024);
    c.insert_one(raw(&doc! { "_id": "long", "s": text.as_str(), "l": [1, text.as_str()] }))
        .expect("is in no index");
    world.settle();
    for fields in [&[("s", 1)][..], &[("s", -1), ("a", 1)], &[("a", 1), ("l", 1)], &[("l", 1)]] {
        for unique in [false, true] {
            let spec = IndexSpec::new(fields).unique(unique);
            world.refused_unseen(&spec, c.create_index(spec.clone()), TOO_LONG);
        }
    }
    world.unchanged();
}
