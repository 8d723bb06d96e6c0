//! Documents that are BSON and cannot be stored: too long, too deep, with names that may not be.

use bson::{RawDocumentBuf, doc, rawdoc};
use tallymap::{Error, UpdateRequest};
use tallymap_tests::dbpath::check;
use tallymap_tests::order::raw;

use crate::world::{World, every_request};

const LEN_MAX: usize = 16 * 1024 * 1024;
const DEPTH_MAX: usize = 180;

/// A document of exactly `len` bytes.
fn of_len(len: usize) -> RawDocumentBuf {
    let empty = rawdoc! { "text": "" };
    rawdoc! { "text": "x".repeat(len - empty.as_bytes().len()) }
}

/// A document of so many levels.
fn of_depth(levels: usize) -> RawDocumentBuf {
    (1..levels).fold(rawdoc! { "x": 1 }, |inner, _| rawdoc! { "d": inner })
}

fn run(request: Result<UpdateRequest<'_>, Error>, upsert: bool) -> Result<(), Error> {
    request.and_then(|request| request.upsert(upsert).run()).map(drop)
}

#[test]
fn a_byte_more_than_16_mebibytes() {
    let world = World::new();
    for (request, done) in every_request(&world, &of_len(LEN_MAX + 1)) {
        world.refused(request, done, 2);
    }
    world.unchanged();
    // An `_id` is added to what is inserted.
    let c = world.collection("c");
    world.refused("with an _id", c.insert_one(of_len(LEN_MAX)), 2);
    let replaced = run(c.replace_one(rawdoc! { "_id": 1 }, of_len(LEN_MAX)), false);
    world.refused("with the old _id", replaced, 17419);
    let text = of_len(LEN_MAX - 100);
    let set = rawdoc! { "$set": { "one": text, "two": "x".repeat(100) } };
    world.refused("$set", run(c.update_one(rawdoc! { "_id": 1 }, &set), false), 2);
    world.refused("$set, upsert", run(c.update_one(rawdoc! { "_id": 99 }, &set), true), 2);
    world.refused("$set, many", run(c.update_many(rawdoc! {}, &set), false), 2);
    let half = "x".repeat(LEN_MAX / 2);
    let filter = rawdoc! { "_id": 99, "half": half.as_str() };
    let other = rawdoc! { "$set": { "other": half.as_str() } };
    world.refused("filter and $set", run(c.update_one(filter, other), true), 17420);
    world.unchanged();
}

#[test]
fn a_level_more_than_180() {
    let world = World::new();
    let c = world.collection("c");
    for (request, done) in every_request(&world, &of_depth(DEPTH_MAX + 1)) {
        world.refused(request, done, 15);
    }
    let (one, nowhere) = (rawdoc! { "_id": 1 }, rawdoc! { "_id": 99 });
    // Within the update it is allowed, in its place it is not.
    let deep = rawdoc! { "$set": { "p.q.r": of_depth(DEPTH_MAX - 2) } };
    let path = |parts: usize| raw(&doc! { "$set": { vec!["p"; parts].join("."): 1 } });
    for (what, update) in [("a value", deep), ("a path", path(DEPTH_MAX + 1))] {
        world.refused(what, run(c.update_one(&one, &update), false), 15);
        world.refused(what, run(c.update_one(&nowhere, &update), true), 15);
        world.refused(what, run(c.update_many(rawdoc! {}, &update), false), 15);
    }
    world.unchanged();
    run(c.update_one(&one, path(DEPTH_MAX)), false).expect("180 levels");
}

#[test]
fn names_of_fields() {
    let world = World::new();
    let c = world.collection("c");
    let (one, nowhere) = (rawdoc! { "_id": 1 }, rawdoc! { "_id": 99 });
    let refused = |what: &RawDocumentBuf, done, code| world.refused(what, done, code);
    // An operator's name makes no document to put in place, and an `_id` has none inside.
    let (operator, id) = (rawdoc! { "$a": 1 }, rawdoc! { "_id": { "$a": 1 } });
    let behind = rawdoc! { "z": 1, "$set": { "a": 1 } };
    for (document, code) in [(&operator, 9), (&id, 52), (&behind, 52)] {
        refused(document, run(c.replace_one(&one, document), false), code);
    }
    // The filter's _id is another, whatever may be stored.
    for (document, code) in [(&operator, 9), (&id, 66)] {
        refused(document, run(c.replace_one(&nowhere, document), true), code);
    }
    world.refused(&id, c.insert_one(&id), 52);
    world.refused(&id, c.insert_many([&id]).map_err(|(_, error)| error), 52);
    for (path, code) in [("$x", 52), ("", 56), ("a..b", 56), (".a", 56), ("a.", 56)] {
        let update = raw(&doc! { "$set": { path: 1 } });
        refused(&update, run(c.update_one(&one, &update), false), code);
        // Since 5.0 a document that comes into being may have any name.
        if code != 52 {
            refused(&update, run(c.update_one(&nowhere, &update), true), code);
        }
    }
    world.unchanged();
    // All others are names like any other since then.
    for document in [operator, rawdoc! { "a.b": 1 }, rawdoc! { "z": { "$a": [{ "a.b": 1 }] } }] {
        c.insert_one(&document).expect("inserts");
        if !document.iter().any(|field| field.is_ok_and(|(name, _)| name.as_str() == "$a")) {
            run(c.replace_one(&one, &document), false).expect("replaces");
        }
    }
    for update in [rawdoc! { "$set": { "z.$x": 1 } }, rawdoc! { "$set": { "z": { "$x": 1 } } }] {
        run(c.update_one(&one, &update), false).expect("updates");
        run(c.update_one(&nowhere, &update), true).expect("upserts");
    }
    check(&world.engine);
}

#[test]
fn values_of_id() {
    let world = World::new();
    let c = world.collection("c");
    let regex = bson::Regex { pattern: bson::cstr!("a").into(), options: bson::cstr!("").into() };
    for (document, as_upsert) in [
        (rawdoc! { "_id": [1] }, 54),
        (rawdoc! { "_id": regex }, 53),
        (rawdoc! { "_id": bson::RawBson::Undefined }, 53),
    ] {
        world.refused(&document, c.insert_one(&document), 53);
        let upsert = c.replace_one(rawdoc! { "a": 99 }, &document);
        world.refused(&document, run(upsert, true), as_upsert);
        let set = rawdoc! { "$setOnInsert": document.clone() };
        world.refused(&set, run(c.update_one(rawdoc! { "a": 99 }, &set), true), 53);
    }
    // The _id of a document never changes.
    let one = rawdoc! { "_id": 1 };
    world.refused("another _id", run(c.replace_one(&one, rawdoc! { "_id": 2 }), false), 66);
    for (update, code) in [
        (rawdoc! { "$set": { "_id": 2 } }, 66),
        (rawdoc! { "$inc": { "_id": 1 } }, 66),
        (rawdoc! { "$unset": { "_id": 1 } }, 66),
        (rawdoc! { "$set": { "_id.x": 1 } }, 28),
    ] {
        world.refused(&update, run(c.update_one(&one, &update), false), code);
    }
    let two = rawdoc! { "_id": 1, "a": 5 };
    world.refused("an _id that is there", c.insert_one(&two), 11000);
    let elsewhere = c.update_one(rawdoc! { "_id": 1, "a": 99 }, rawdoc! { "$set": { "b": 1 } });
    world.refused("upsert of one that is there", run(elsewhere, true), 11000);
    world.unchanged();
}
