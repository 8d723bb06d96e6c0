//! Names that stand twice in a document: stored as they are, as mongod does; paths lead to the
//! first of them, in updates, filters and indexes alike. Only `_id` may not stand twice.

use bson::{RawDocumentBuf, rawdoc};
use tallymap::{Collection, Direction, IndexSpec};

use crate::world::World;

/// `{_id: id, a: 1, b: 7, a: 2}`, with this for the first `a` if it is there.
fn twice(id: i32, first: Option<i32>) -> RawDocumentBuf {
    let mut document = rawdoc! { "_id": id };
    for (name, value) in [(bson::cstr!("a"), first), (bson::cstr!("b"), Some(7))] {
        if let Some(value) = value {
            document.append(name, value);
        }
    }
    document.append(bson::cstr!("a"), 2);
    document
}

fn stored(collection: &Collection, id: i32) -> RawDocumentBuf {
    collection.find_by_id(id).expect("read").expect("there")
}

#[test]
fn are_stored_and_the_first_one_counts() {
    let world = World::new();
    let c = world.collection("new");
    c.create_index(IndexSpec::new(&[("a", 1)])).expect("an index");
    for (n, (update, first)) in [
        (rawdoc! { "$inc": { "a": 10 } }, Some(11)),
        (rawdoc! { "$set": { "a": 2 } }, Some(2)),
        (rawdoc! { "$max": { "a": 5 } }, Some(5)),
        (rawdoc! { "$unset": { "a": 1 } }, None),
    ]
    .into_iter()
    .enumerate()
    {
        let id = n as i32;
        c.insert_one(twice(id, Some(1))).expect("inserts");
        assert_eq!(stored(&c, id), twice(id, Some(1)));
        for (value, matched) in [(1, true), (2, false)] {
            let found = c.find_one(rawdoc! { "_id": id, "a": value }).expect("read");
            assert_eq!(found.is_some(), matched, "a: {value}");
        }
        let one = rawdoc! { "_id": id };
        c.update_one(&one, &update).and_then(|request| request.run()).expect("updates");
        assert_eq!(stored(&c, id), twice(id, first), "{update:?}");
    }
    let entries = c.index_scan("a_1", Direction::Forward).expect("an index");
    let keys = entries.map(|entry| {
        let entry = entry.expect("sound");
        let value = entry.key.iter().next().expect("a field").expect("valid").1;
        value.as_i32()
    });
    assert_eq!(keys.collect::<Vec<_>>(), [Some(2), Some(2), Some(5), Some(11)]);
    tallymap_tests::dbpath::check(&world.engine);
}

#[test]
fn twice_in_a_request() {
    let world = World::new();
    let c = world.collection("c");
    let mut set = rawdoc! { "x": 1 };
    set.append(bson::cstr!("x"), 2);
    let (one, twice) = (rawdoc! { "_id": 1 }, rawdoc! { "$set": set.clone() });
    let run = |request: Result<tallymap::UpdateRequest<'_>, _>, upsert| {
        request.and_then(|request| request.upsert(upsert).run())
    };
    world.refused("$set of x twice", run(c.update_one(&one, &twice), false), 40);
    let upsert = c.update_one(&set, rawdoc! { "$set": { "w": 1 } });
    world.refused("a filter's x twice", run(upsert, true), 54);
    let mut ids = rawdoc! { "_id": 21 };
    ids.append(bson::cstr!("_id"), 22);
    world.refused("_id twice", c.insert_one(&ids), 2);
    let mut apart = rawdoc! { "_id": 21, "q": 1 };
    apart.append(bson::cstr!("_id"), 21);
    world.refused("_id twice", c.insert_one(&apart), 2);
    let many = c.insert_many([&apart]).map_err(|(_, error)| error);
    world.refused("_id twice", many, 2);
    world.unchanged();
}
