//! Queries while others change what they read: documents, indexes, what an index knows.

use std::sync::Arc;

use bson::{RawDocumentBuf, rawdoc};

use super::super::execute::{Cx, Member};
use super::super::locate::{Holding, question};
use super::super::query_run::{Query, QueryRun};
use super::super::search::Search;
use super::{assert_valid, open};
use crate::disk::HeapDisk;
use crate::expression::Variables;
use crate::query::Filter;
use crate::{Collection, Engine, Error, Hint, IndexSpec, Reason, Result};

fn filled(documents: impl IntoIterator<Item = RawDocumentBuf>) -> (Engine, Collection) {
    let engine = open(Arc::new(HeapDisk::new()));
    let collection = engine.collection("d.c").expect("a name");
    for document in documents {
        collection.insert_one(document).expect("inserted");
    }
    (engine, collection)
}

fn index(collection: &Collection, field: &str) {
    collection.create_index(IndexSpec::new(&[(field, 1)])).expect("an index");
}

/// The query that walks take to what they change.
fn query(collection: &Collection, filter: &RawDocumentBuf, hint: Option<&Hint>) -> Query {
    let filter = Filter::parse(filter.as_bytes()).expect("a filter");
    let search = Search { hint, ..Search::of(&filter) };
    collection.existing(|_, open| Ok(Query::of(question(open, &search)?))).expect("a query")
}

fn start(collection: &Collection, query: Query) -> Result<QueryRun> {
    QueryRun::new(collection.core.clone(), collection.database.shared.clone(), query)
}

/// Looks on once, as far as one hold of the collection goes.
fn look_on(collection: &Collection, run: &mut QueryRun) -> Vec<Member> {
    let counters = &*collection.database.shared.counters;
    let variables = &Variables::new(0);
    let found = collection.existing(|view, open| {
        let holding = Holding::EachRecord(&collection.core);
        run.look_on(&Cx { open, view, holding, counters, variables })
    });
    found.expect("readable").into()
}

/// What plans on trial have found is kept while others have their turn: a record that goes then
/// is none that a walk may change.
#[test]
fn a_trial_gives_no_record_that_has_gone() {
    let document = |n: i32| rawdoc! { "_id": n, "a": n, "b": n, "c": i32::from(n < 5) };
    let (_engine, collection) = filled((0..3000).map(document));
    index(&collection, "a");
    index(&collection, "b");
    let wanted = rawdoc! { "a": { "$gte": 0 }, "b": { "$gte": 0 }, "c": 1 };
    for trial in ["a contest", "a winner of before"] {
        let mut run = start(&collection, query(&collection, &wanted, None)).expect("planned");
        assert!(look_on(&collection, &mut run).is_empty(), "{trial}: not decided yet");
        for n in [1, 3] {
            assert_eq!(collection.delete_one(rawdoc! { "_id": n }).expect("deleted"), 1);
        }
        let mut given = vec![];
        while !run.is_over() {
            given.extend(look_on(&collection, &mut run));
        }
        let read = |member: &Member| collection.read_at(member.loc).is_ok();
        assert_eq!((given.len(), given.iter().all(read)), (3, true), "{trial}");
        for n in [1, 3] {
            collection.insert_one(document(n)).expect("inserted");
        }
    }
    assert_valid(&collection);
}

/// An index that is hinted may go, or another one take its place, before the query is planned.
#[test]
fn a_hint_is_not_taken_for_another_index() {
    let (_engine, collection) = filled((0..10).map(|n| rawdoc! { "_id": n, "a": n, "b": -n }));
    index(&collection, "b");
    index(&collection, "a");
    let hint = Hint::Keys(rawdoc! { "a": 1 }.into_bytes());
    let hinted = || query(&collection, &rawdoc! { "a": { "$gt": 5 } }, Some(&hint));
    let (of_two, of_one) = (hinted(), hinted());
    collection.drop_index("b_1").expect("dropped");
    let mut run = start(&collection, of_two).expect("the index is still there");
    let first = run.next().expect("found").expect("one");
    let document = collection.read_at(first.loc).expect("there");
    assert_eq!(document.get_i32("a").expect("a"), 6, "by the index that was hinted");
    collection.drop_index("a_1").expect("dropped");
    let refused = start(&collection, of_one).map(|_| ()).expect_err("there is no such index");
    assert!(matches!(refused, Error::Refused { reason: Reason::QueryPlanKilled, .. }));
}

/// The second document on has arrays: what held of an index without them holds no longer.
#[test]
fn an_index_becomes_multikey_under_a_walk() {
    for (filter, others) in
        [(rawdoc! { "a": { "$ne": 5 } }, 0), (rawdoc! { "a": { "$gte": 0 } }, 1)]
    {
        let (_engine, collection) = filled((0..600).map(|n| rawdoc! { "_id": n, "a": n }));
        index(&collection, "a");
        let mut cursor = collection.find(&filter).run().expect("valid");
        assert!(cursor.next().expect("one").is_ok());
        collection.insert_one(rawdoc! { "_id": -1, "a": [5, 5000, 5001] }).expect("inserted");
        let found = cursor.map(|document| document.expect("found").get_i32("_id").expect("an id"));
        let count = found.filter(|id| *id == -1).count();
        assert_eq!(count, others, "{filter:?}");
    }
}

/// Without its documents nobody can say of a covered plan what arrays have made of it.
#[test]
fn an_index_becomes_multikey_under_a_covered_walk() {
    let (_engine, collection) = filled((0..600).map(|n| rawdoc! { "_id": n, "a": n }));
    index(&collection, "a");
    let query = collection.find(rawdoc! { "a": { "$ne": 5 } });
    let mut cursor = query.projection(rawdoc! { "_id": 0, "a": 1 }).run().expect("valid");
    assert!(cursor.next().expect("one").is_ok());
    collection.insert_one(rawdoc! { "_id": -1, "a": [5, 5000] }).expect("inserted");
    let end = cursor.find_map(Result::err);
    assert!(matches!(end, Some(Error::Refused { reason: Reason::QueryPlanKilled, .. })), "{end:?}");
}

/// An index of the same name and fields that lacks documents is another one.
#[test]
fn a_walk_does_not_go_on_in_an_index_that_lacks_documents() {
    type Made = fn(IndexSpec) -> IndexSpec;
    let sparse: Made = |spec| spec.sparse(true);
    let partial: Made = |spec| spec.partial_filter(rawdoc! { "a": { "$lt": 0 } });
    for made in [sparse, partial] {
        let (_engine, collection) = filled((0..600).map(|n| rawdoc! { "_id": n, "a": n }));
        index(&collection, "a");
        let mut cursor = collection.find(rawdoc! { "a": { "$gte": 0 } }).run().expect("valid");
        assert!(cursor.next().expect("one").is_ok());
        collection.drop_index("a_1").expect("dropped");
        collection.create_index(made(IndexSpec::new(&[("a", 1)]))).expect("an index");
        let end = cursor.find_map(Result::err);
        let refused = matches!(end, Some(Error::Refused { reason: Reason::QueryPlanKilled, .. }));
        assert!(refused, "{end:?}");
    }
}

/// A plan that won with few documents to sort has too many of them for other values.
#[test]
fn a_winner_that_fails_gives_way() {
    let text = "x".repeat(1 << 20);
    let document = |n: i32| match n {
        0..3 => rawdoc! { "_id": n, "a": 1, "s": n },
        _ => rawdoc! { "_id": n, "a": 2, "s": n, "text": text.as_str() },
    };
    let (_engine, collection) = filled((0..43).map(document));
    index(&collection, "a");
    index(&collection, "s");
    let find = |a: i32| {
        let found = collection.find(rawdoc! { "a": a }).sort(rawdoc! { "s": -1 }).run();
        found.expect("valid").collect::<Result<Vec<_>>>().map(|found| found.len())
    };
    assert_eq!(find(1).expect("sorted"), 3);
    assert_eq!(find(2).expect("by the other plan"), 40);
    assert_eq!(find(1).expect("sorted"), 3);
    let job = collection.find_one_and_delete(rawdoc! { "a": 2 }).sort(rawdoc! { "s": 1 });
    let deleted = job.run().expect("by the other plan").value.expect("one");
    assert_eq!(deleted.get_i32("s").expect("s"), 3);
}

#[test]
fn a_tail_passes_over_and_stops() {
    let engine = open(Arc::new(HeapDisk::new()));
    let options = crate::CollectionOptions::default().capped(1 << 16);
    let database = engine.database("d").expect("named");
    let log = database.create_collection("log", options).expect("created");
    let add = |n: i32| drop(log.insert_one(rawdoc! { "_id": n }).expect("inserted"));
    (0..4).for_each(add);
    let tail = log.find(rawdoc! { "_id": { "$ne": 0 } }).tailable(true).skip(1).limit(3);
    let mut tail = tail.run().expect("valid");
    let mut next = || tail.next_batch(0, 1 << 20).expect("there").len();
    assert_eq!(next(), 2);
    (4..9).for_each(add);
    assert_eq!((next(), next()), (1, 0));
    assert!(!tail.is_exhausted(), "it waits, as 5.0 does");
}

/// A document whose first entry lies outside of the ends comes by another one, but where the
/// first one puts it.
#[test]
fn ends_of_a_multikey_index_give_no_order() {
    let (_engine, collection) =
        filled([rawdoc! { "_id": 1, "a": [1, 10] }, rawdoc! { "_id": 2, "a": [5] }]);
    index(&collection, "a");
    let hint = Hint::Keys(rawdoc! { "a": 1 }.into_bytes());
    let find = collection.find(rawdoc! {}).min(rawdoc! { "a": 4 }).hint(hint);
    let found = find.sort(rawdoc! { "a": 1 }).run().expect("valid");
    let ids: Vec<_> = found.map(|doc| doc.expect("found").get_i32("_id").expect("an id")).collect();
    assert_eq!(ids, [1, 2]);
}

/// Elements of arrays that are arrays themselves are values of entries, and no arrays there.
#[test]
fn merged_walks_compare_arrays_whole() {
    let document = |n: i32| rawdoc! { "_id": n, "a": n % 2, "b": [[n, -n]] };
    let (_engine, collection) = filled((1..8).map(document));
    collection.create_index(IndexSpec::new(&[("a", 1), ("b", 1)])).expect("an index");
    let find = collection.find(rawdoc! { "a": { "$in": [0, 1] } }).sort(rawdoc! { "b": 1 });
    let found = find.run().expect("valid");
    let ids: Vec<_> = found.map(|doc| doc.expect("found").get_i32("_id").expect("an id")).collect();
    assert_eq!(ids, [1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn the_variables_of_every_request_know_the_time() {
    let engine = crate::Engine::builder("heap")
        .disk(Arc::new(HeapDisk::new()))
        .background(false)
        .ns_size_mib(1)
        .open()
        .expect("opens");
    let c = engine.collection("t.c").expect("named");
    c.insert_one(rawdoc! { "_id": 1 }).expect("inserted");
    let variables = rawdoc! { "year": { "$year": "$$NOW" }, "same": "$$year" };
    let recent = rawdoc! { "$expr": { "$gt": ["$$same", 2000] } };
    let found = c.find(&recent).variables(&variables).run().expect("a find");
    assert_eq!(found.count(), 1);
    let matched = c.aggregate([rawdoc! { "$match": recent.clone() }]);
    assert_eq!(matched.variables(&variables).run().expect("an aggregation").count(), 1);
    let increment = rawdoc! { "$inc": { "n": 1 } };
    let update = c.update_one(&recent, increment).expect("parsed").variables(&variables);
    assert_eq!(update.run().expect("updated").modified, 1);
    for (wrong, code) in [(rawdoc! { "Year": 1 }, 9), (rawdoc! { "y": "$a" }, 4890500)] {
        let refused = c.find(&recent).variables(&wrong).run().expect_err("no variable");
        assert_eq!(refused.code(), code, "{wrong:?}");
        let refused = c.aggregate([rawdoc! { "$limit": 1 }]).variables(&wrong).run();
        assert_eq!(refused.expect_err("no variable").code(), code, "{wrong:?}");
    }
    assert_eq!(c.delete(&recent).variables(&variables).run().expect("deleted"), 1);
}

#[test]
fn a_batch_has_what_was_found_before_an_error_and_no_more() {
    let (_engine, docs) = filled((0..100).map(|n| rawdoc! { "_id": n, "a": n }));
    docs.update_one(rawdoc! { "_id": 7 }, rawdoc! { "$set": { "a": "x" } }).unwrap().run().unwrap();
    let sum = rawdoc! { "sum": { "$add": ["$a", 1] } };
    let mut cursor = docs.find(rawdoc! {}).projection(&sum).run().unwrap();
    assert_eq!(cursor.next_batch(5, 1 << 20).unwrap().len(), 5);
    assert!(!cursor.is_exhausted());
    assert_eq!(cursor.next_batch(0, 1 << 20).unwrap_err().code(), 16554);
    assert!(cursor.is_exhausted());
    let mut cursor = docs.find(rawdoc! {}).projection(&sum).run().unwrap();
    let found: Vec<_> = cursor.by_ref().map(|found| found.map_err(|error| error.code())).collect();
    assert_eq!(found.len(), 8, "seven documents and the error");
    assert_eq!(found[7], Err(16554));
}

#[test]
fn a_batch_sees_what_was_changed_after_the_one_before_it() {
    let (_engine, docs) = filled((0..100).map(|n| rawdoc! { "_id": n, "a": n }));
    let mut cursor = docs.find(rawdoc! {}).run().unwrap();
    assert_eq!(cursor.next_batch(10, 1 << 20).unwrap().len(), 10);
    docs.update_many(rawdoc! {}, rawdoc! { "$inc": { "a": 1000 } }).unwrap().run().unwrap();
    let rest = cursor.next_batch(0, 1 << 20).unwrap();
    let seen: Vec<i32> = rest.iter().map(|found| found.get_i32("a").unwrap()).collect();
    assert_eq!(seen, (1010..1100).collect::<Vec<_>>());
}
