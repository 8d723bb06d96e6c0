//! Updates and filters that are sound BSON and mean nothing, or nothing that can be done.

use bson::{RawDocumentBuf, rawdoc};
use tallymap::{Error, FieldPath, UpdateRequest};

use crate::world::World;

fn run(request: Result<UpdateRequest<'_>, Error>, upsert: bool) -> Result<(), Error> {
    request.and_then(|request| request.upsert(upsert).run()).map(drop)
}

/// Updates with their codes, whichever document they meet.
fn updates() -> Vec<(RawDocumentBuf, i32)> {
    vec![
        (rawdoc! { "$bad": { "a": 1 } }, 9),
        (rawdoc! { "$set": { "a": 1 }, "b": 1 }, 9),
        (rawdoc! { "$set": 5 }, 9),
        (rawdoc! { "$set": [1] }, 9),
        (rawdoc! { "$inc": { "a": "x" } }, 14),
        (rawdoc! { "$inc": { "a": bson::RawBson::Null } }, 14),
        (rawdoc! { "$mul": { "a": [1] } }, 14),
        (rawdoc! { "$set": { "b": 1, "b.c": 1 } }, 40),
        (rawdoc! { "$set": { "b.c": 1 }, "$unset": { "b": 1 } }, 40),
        (rawdoc! { "$set": { "b": 1 }, "$inc": { "b": 1 } }, 40),
    ]
}

#[test]
fn updates_that_mean_nothing() {
    let world = World::new();
    let c = world.collection("c");
    for (update, code) in updates() {
        for filter in [rawdoc! { "_id": 1 }, rawdoc! { "_id": "nowhere" }] {
            for upsert in [false, true] {
                world.refused(&update, run(c.update_one(&filter, &update), upsert), code);
                world.refused(&update, run(c.update_many(&filter, &update), upsert), code);
            }
        }
        // That it is none is the first thing wrong with a document to put in place.
        world.refused(&update, run(c.replace_one(rawdoc! { "_id": 1 }, &update), false), 9);
    }
    let (one, all) = (rawdoc! { "_id": 1 }, rawdoc! {});
    let operator = rawdoc! { "$set": { "a": 1 } };
    world.refused("an operator to replace", run(c.replace_one(&one, operator), false), 9);
    world.refused("a replacement of many", run(c.update_many(all, rawdoc! { "a": 1 }), false), 9);
    // Since 5.0 an operator may have no fields, and does nothing.
    run(c.update_one(&one, rawdoc! { "$set": {} }), false).expect("does nothing");
    world.unchanged();
}

#[test]
fn updates_that_cannot_be_done_to_the_document() {
    let world = World::new();
    let c = world.collection("c");
    c.insert_one(rawdoc! { "_id": "n", "big": i64::MAX, "s": "text", "l": [1] }).expect("inserts");
    world.settle();
    let filter = rawdoc! { "_id": "n" };
    for (update, code) in [
        (rawdoc! { "$inc": { "big": 1 } }, 2),
        (rawdoc! { "$mul": { "big": 2 } }, 2),
        (rawdoc! { "$inc": { "s": 1 } }, 14),
        (rawdoc! { "$mul": { "l": 1 } }, 14),
        (rawdoc! { "$set": { "s.x": 1 } }, 28),
        (rawdoc! { "$inc": { "big.x": 1 } }, 28),
        (rawdoc! { "$set": { "l.x": 1 } }, 28),
        // The first operator could be done: none is.
        (rawdoc! { "$set": { "new": 1, "s.x": 1 } }, 28),
        (rawdoc! { "$inc": { "l.0": 1, "s": 1 } }, 14),
    ] {
        world.refused(&update, run(c.update_one(&filter, &update), false), code);
        world.refused(&update, run(c.update_one(&filter, &update), true), code);
        world.refused(&update, run(c.update_many(&filter, &update), false), code);
    }
    let path = |text| FieldPath::parse(text).expect("a path");
    let (n, s, below, big) = (path("n"), path("s"), path("n.x"), path("big"));
    world.refused("increment", c.increment("n", &[(&n, 1), (&s, 1)]), 14);
    world.refused("increment", c.increment("n", &[(&n, 1), (&below, 1)]), 40);
    world.refused("increment", c.increment("n", &[(&n, 1), (&big, 1)]), 2);
    world.unchanged();
}

#[test]
fn filters_that_mean_nothing() {
    let world = World::new();
    let c = world.collection("c");
    let set = rawdoc! { "$set": { "a": 9 } };
    for filter in [
        rawdoc! { "$bad": 1 },
        rawdoc! { "a": { "$bad": 1 } },
        rawdoc! { "a": { "$gt": 1, "b": 2 } },
        rawdoc! { "$and": 5 },
        rawdoc! { "$and": [] },
        rawdoc! { "$and": [1] },
        rawdoc! { "a": { "$in": 5 } },
        rawdoc! { "a": { "$in": [{ "$gt": 1 }] } },
        rawdoc! { "a": bson::RawBson::Undefined },
    ] {
        world.refused(&filter, c.find(&filter).run(), 2);
        world.refused(&filter, c.find_one(&filter), 2);
        world.refused(&filter, c.delete_one(&filter), 2);
        world.refused(&filter, c.delete_many(&filter), 2);
        world.refused(&filter, run(c.update_one(&filter, &set), false), 2);
        world.refused(&filter, run(c.update_one(&filter, &set), true), 2);
        world.refused(&filter, run(c.update_many(&filter, &set), false), 2);
        world.refused(&filter, run(c.replace_one(&filter, rawdoc! { "a": 1 }), true), 2);
    }
    for filter in [
        rawdoc! { "m": 1, "m.b": 2 },
        rawdoc! { "$and": [{ "m": 1 }, { "m": 2 }] },
        rawdoc! { "$and": [{ "_id": "p" }, { "_id": "q" }] },
    ] {
        world.refused(&filter, run(c.update_one(&filter, &set), true), 54);
    }
    world.unchanged();
}

/// An `_id` that looks like an operator is a value to those who give an `_id`.
#[test]
fn an_id_is_never_an_operator() {
    let world = World::new();
    let c = world.collection("c");
    let operator = rawdoc! { "$gte": 0 };
    let id = bson::RawBsonRef::Document(&operator);
    assert_eq!(c.find_by_id(id).expect("read"), None);
    let field = FieldPath::parse("tags.x").expect("a path");
    let report = c.increment(id, &[(&field, 1)]).expect("nothing matches");
    assert_eq!(report.matched, 0);
    let n = FieldPath::parse("n").expect("a path");
    world.refused("a template's _id", world.collection("t").increment(id, &[(&n, 1)]), 52);
    world.unchanged();
}

#[test]
fn what_a_capped_collection_refuses() {
    let world = World::new();
    let z = world.collection("z");
    let one = rawdoc! { "_id": 1 };
    world.refused("delete", z.delete_one(&one), 20);
    world.refused("delete", z.delete_many(&one), 20);
    for update in [
        rawdoc! { "$set": { "text": "x".repeat(500) } },
        rawdoc! { "$set": { "new": 1 } },
        rawdoc! { "text": "x".repeat(500) },
    ] {
        world.refused(&update, run(z.update_one(&one, &update), false), 10003);
    }
    world.refused("compact", z.compact(), 115);
    world.unchanged();
}
