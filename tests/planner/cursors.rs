//! Cursors between batches: what others change meanwhile.

use std::collections::HashMap;

use bson::{Document, RawDocumentBuf, doc, rawdoc};
use tallymap::{Collection, CollectionOptions, Error, Find, Hint, Reason, Verbosity};
use tallymap_tests::dbpath::{self, Dbpath};
use tallymap_tests::order::raw;
use tallymap_tests::seed::Seed;

use super::{found, index};

const DOCUMENTS: i32 = 900;

fn filled(collection: &Collection, seed: &mut Seed) {
    for id in 0..DOCUMENTS {
        let (a, b) = (seed.below(40) as i32, seed.below(40) as i32);
        let pad = "x".repeat(seed.below(60) as usize);
        collection.insert_one(raw(&doc! { "_id": id, "a": a, "b": b, "pad": pad })).expect("new");
    }
}

/// Removes, moves or changes a document that is not to stay as it is.
fn disturb(collection: &Collection, seed: &mut Seed) {
    // Every third one stays.
    let id = seed.below(DOCUMENTS as u32 / 3) as i32 * 3 + 1 + seed.below(2) as i32;
    let by_id = || rawdoc! { "_id": id };
    let change = match seed.below(3) {
        0 => {
            collection.delete_one(by_id()).expect("deleted");
            return;
        }
        1 => doc! { "$set": { "pad": "y".repeat(300 + seed.below(300) as usize) } },
        _ => doc! { "$set": { "a": seed.below(40) as i32, "b": seed.below(40) as i32 } },
    };
    collection.update_one(by_id(), raw(&change)).expect("valid").run().expect("updated");
}

fn stays_as_it_is(document: &RawDocumentBuf) -> bool {
    document.get_i32("_id").expect("an int32") % 3 == 0
}

fn ids(documents: &[RawDocumentBuf]) -> HashMap<i32, u32> {
    let mut ids = HashMap::new();
    for document in documents {
        *ids.entry(document.get_i32("_id").expect("an int32")).or_default() += 1;
    }
    ids
}

#[test]
fn what_stays_is_met_once() {
    let mut seed = Seed::new("cursors while documents change", 72);
    let queries: [&dyn Fn(Find) -> Find; 5] = [
        &|find| find,
        &|find| find.sort(rawdoc! { "a": 1 }),
        &|find| find.sort(rawdoc! { "b": -1 }),
        &|find| find.sort(rawdoc! { "pad": 1 }),
        &|find| find.hint(Hint::Name("a_1_b_1".into())),
    ];
    let filters = [
        rawdoc! {},
        rawdoc! { "a": { "$gte": 3 } },
        rawdoc! { "$or": [{ "a": { "$lt": 20 } }, { "b": { "$gt": 5 } }] },
        rawdoc! { "a": { "$in": [1, 2, 3, 7, 30, 31] }, "b": { "$lt": 35 } },
    ];
    for (q, query) in queries.iter().enumerate() {
        for (f, filter) in filters.iter().enumerate() {
            let dbpath = Dbpath::new();
            let engine = dbpath.open();
            let collection = engine.collection("d.c").expect("valid");
            filled(&collection, &mut seed);
            index(&collection, rawdoc! { "a": 1, "b": 1 });
            index(&collection, rawdoc! { "b": -1 });
            let find = || query(collection.find(filter.clone()));
            let expected: Vec<_> = found(find()).into_iter().filter(stays_as_it_is).collect();
            let mut cursor = find().run().expect("valid");
            let mut met = vec![];
            while !cursor.is_exhausted() {
                met.extend(cursor.next_batch(40, 1 << 20).expect("goes on"));
                (0..25).for_each(|_| disturb(&collection, &mut seed));
            }
            let met: Vec<_> = met.into_iter().filter(stays_as_it_is).collect();
            assert_eq!(ids(&met), ids(&expected), "query {q}, filter {f}");
            assert!(ids(&met).values().all(|&times| times == 1), "query {q}, filter {f}");
            drop(cursor);
            drop(collection);
            dbpath::close(engine);
        }
    }
}

/// An update moves entries ahead in the very index by which it finds documents.
#[test]
fn an_update_changes_each_document_once() {
    let mut seed = Seed::new("updates along an index", 73);
    let dbpath = Dbpath::new();
    let engine = dbpath.open();
    let collection = engine.collection("d.c").expect("valid");
    filled(&collection, &mut seed);
    index(&collection, rawdoc! { "a": 1 });
    let before: HashMap<i32, i32> = found(collection.find(rawdoc! {}))
        .iter()
        .map(|doc| (doc.get_i32("_id").expect("an id"), doc.get_i32("a").expect("a number")))
        .collect();
    let grow = rawdoc! { "$inc": { "a": 3 }, "$set": { "pad": "z".repeat(200) } };
    let all = rawdoc! { "a": { "$gte": 10 } };
    let report = collection.update_many(all, grow).expect("valid").run().expect("updated");
    assert_eq!(report.matched, before.values().filter(|a| **a >= 10).count() as u64);
    for doc in found(collection.find(rawdoc! {})) {
        let old = before[&doc.get_i32("_id").expect("an id")];
        let expected = if old >= 10 { old + 3 } else { old };
        assert_eq!(doc.get_i32("a").expect("a number"), expected);
    }
    let gone = collection.delete_many(rawdoc! { "a": { "$lt": 30 } }).expect("deleted");
    assert_eq!(gone, before.values().filter(|a| **a < 27).count() as u64);
    drop(collection);
    dbpath::close(engine);
}

#[test]
fn a_tail_waits_for_more_and_says_when_it_was_overtaken() {
    let dbpath = Dbpath::new();
    let engine = dbpath.open();
    let database = engine.database("d").expect("valid");
    let options = CollectionOptions::default().capped(8192);
    let log = database.create_collection("log", options).expect("created");
    let add = |from: i32, to: i32| {
        for n in from..to {
            let doc = doc! { "_id": n, "pad": "x".repeat(300) };
            log.insert_one(raw(&doc)).expect("inserted");
        }
    };
    let tail = |filter| log.find(filter).tailable(true).run();
    assert!(tail(rawdoc! {}).expect("valid").is_exhausted(), "nothing to come back to");
    add(0, 5);
    let mut cursor = tail(rawdoc! { "_id": { "$ne": 3 } }).expect("valid");
    let next = |cursor: &mut tallymap::Cursor| -> Vec<i32> {
        let batch = cursor.next_batch(0, 1 << 20).expect("there");
        batch.iter().map(|doc| doc.get_i32("_id").expect("an id")).collect()
    };
    assert_eq!(next(&mut cursor), [0, 1, 2, 4]);
    assert_eq!(next(&mut cursor), [0; 0]);
    assert!(!cursor.is_exhausted());
    add(5, 9);
    assert_eq!(next(&mut cursor), [5, 6, 7, 8]);
    add(9, 60);
    let lost = cursor.next().expect("an answer").expect_err("overtaken");
    assert!(matches!(lost, Error::Refused { reason: Reason::CappedPositionLost, .. }), "{lost}");
    assert!(cursor.is_exhausted() && cursor.next().is_none());
    let sorted = log.find(rawdoc! {}).tailable(true).sort(rawdoc! { "_id": 1 }).run();
    assert_eq!(sorted.expect_err("sorted").code(), 2);
    let plain = engine.collection("d.plain").expect("valid");
    plain.insert_one(rawdoc! { "_id": 1 }).expect("inserted");
    assert_eq!(plain.find(rawdoc! {}).tailable(true).run().expect_err("not capped").code(), 2);
    drop((log, plain, cursor));
    dbpath::close(engine);
}

/// What a query is refused with, and what its ends leave of it.
#[test]
fn hints_and_ends() {
    let dbpath = Dbpath::new();
    let engine = dbpath.open();
    let collection = engine.collection("d.c").expect("valid");
    for id in 0..20 {
        collection.insert_one(rawdoc! { "_id": id, "a": id % 4, "b": id }).expect("inserted");
    }
    index(&collection, rawdoc! { "b": 1 });
    index(&collection, rawdoc! { "a": 1, "b": -1 });
    let all = || collection.find(rawdoc! {});
    let by = |name: &str| Hint::Name(name.into());
    let code = |find: Find| find.run().expect_err("refused").code();
    assert_eq!(code(all().hint(by("nope"))), 2);
    assert_eq!(code(all().hint(Hint::Keys(rawdoc! { "z": 1 }.into_bytes()))), 2);
    assert_eq!(code(all().min(rawdoc! { "b": 5 })), 51173);
    assert_eq!(code(all().min(rawdoc! { "a": 5 }).hint(by("b_1"))), 51174);
    let ends = |min: i32, max: i32| all().min(rawdoc! { "b": min }).max(rawdoc! { "b": max });
    assert_eq!(code(ends(5, 5).hint(by("b_1"))), 51175);
    assert_eq!(code(all().min(rawdoc! { "b": 1 }).max(rawdoc! { "c": 2 }).hint(by("b_1"))), 51176);
    let natural = |n: i32| Hint::Keys(rawdoc! { "$natural": n }.into_bytes());
    assert_eq!(code(all().min(rawdoc! { "b": 1 }).hint(natural(1))), 291);
    assert_eq!(code(all().sort(rawdoc! { "$natural": 1 }).hint(by("b_1"))), 2);
    let ids = |find: Find| -> Vec<i32> {
        found(find).iter().map(|doc| doc.get_i32("b").expect("a number")).collect()
    };
    assert_eq!(ids(ends(5, 8).hint(by("b_1"))), [5, 6, 7]);
    assert_eq!(ids(ends(5, 8).hint(by("b_1")).sort(rawdoc! { "b": -1 })), [7, 6, 5]);
    assert_eq!(ids(all().hint(natural(-1)).limit(2)), [19, 18]);
    assert_eq!(ids(all().sort(rawdoc! { "$natural": -1 }).skip(1).limit(1)), [18]);
    let shown = |find: Find| -> Vec<Document> {
        found(find).iter().map(|doc| Document::try_from(&**doc).expect("sound")).collect()
    };
    let three = || collection.find(rawdoc! { "a": 3 }).limit(1);
    assert_eq!(shown(three().return_key(true)), [doc! { "a": 3, "b": 19 }]);
    let with_id = shown(three().show_record_id(true));
    assert!(with_id[0].get_i64("$recordId").expect("an int64") > 0);
    drop(collection);
    dbpath::close(engine);
}

/// A document that comes to have several entries, of which only one is new.
#[test]
fn a_document_is_found_once_by_all_its_entries() {
    let dbpath = Dbpath::new();
    let engine = dbpath.open();
    let collection = engine.collection("d.c").expect("valid");
    collection.insert_one(rawdoc! { "_id": 1, "a": 1 }).expect("inserted");
    index(&collection, rawdoc! { "a": 1 });
    let grow = rawdoc! { "$set": { "a": [1, 5] } };
    collection.update_one(rawdoc! { "_id": 1 }, grow).expect("valid").run().expect("updated");
    assert_eq!(found(collection.find(rawdoc! { "a": { "$gte": 1 } })).len(), 1);
    assert_eq!(found(collection.find(rawdoc! { "a": { "$gt": 3, "$lt": 2 } })).len(), 1);
    let many = collection.count_documents(rawdoc! { "a": { "$gte": 1 } }).run().expect("counted");
    assert_eq!(many, 1);
    let values = collection.distinct("a", rawdoc! {}).run().expect("listed");
    assert_eq!(values, [bson::RawBson::Int32(1), bson::RawBson::Int32(5)]);
    drop(collection);
    dbpath::close(engine);
}

/// An explanation says what a write would do, and does not do it.
#[test]
fn explained_writes_change_nothing() {
    let dbpath = Dbpath::new();
    let engine = dbpath.open();
    let collection = engine.collection("d.c").expect("valid");
    for id in 0..20 {
        collection.insert_one(rawdoc! { "_id": id, "a": id % 4 }).expect("inserted");
    }
    index(&collection, rawdoc! { "a": 1 });
    let three = || rawdoc! { "a": 3 };
    let grow = rawdoc! { "$set": { "pad": "x".repeat(500) } };
    let stage = |write: tallymap::ExplainWrite| {
        let shown = write.run(Verbosity::ExecutionStats).expect("explained");
        let shown = Document::try_from(&*shown).expect("sound");
        let stats = shown.get_document("executionStats").expect("run");
        stats.get_document("executionStages").expect("shown").clone()
    };
    let update = stage(collection.explain_update(three(), grow).many(true));
    let count = |stage: &Document, name: &str| stage.get_i32(name).expect("a count");
    assert_eq!(update.get_str("stage").expect("named"), "UPDATE");
    assert_eq!((count(&update, "nMatched"), count(&update, "nWouldModify")), (5, 5));
    let ours = update.get_document("tallymap").expect("ours");
    assert_eq!((count(ours, "nWouldMove"), count(ours, "nWouldStayInPlace")), (5, 0));
    let one = stage(collection.explain_update(three(), rawdoc! { "$inc": { "a": 1 } }));
    let ours = one.get_document("tallymap").expect("ours");
    assert_eq!((count(&one, "nMatched"), count(ours, "nWouldMove")), (1, 0));
    // The keys of an index change with it, so the document is written anew where it lies.
    let parts = ["nWouldModify", "nWouldBeRewritten", "nWouldStayInPlace"];
    let [all, parts @ ..] =
        parts.map(|name| one.get_i32(name).or(ours.get_i32(name)).expect("a count"));
    assert_eq!((all, parts), (1, [1, 0]));
    // As in 5.0 no limit stands between.
    let inner = one.get_document("inputStage").expect("below");
    assert_eq!(inner.get_str("stage").expect("named"), "FETCH");
    let delete = stage(collection.explain_delete(rawdoc! { "_id": 3 }));
    assert_eq!(count(&delete, "nWouldDelete"), 1);
    let inner = delete.get_document("inputStage").expect("below");
    assert!(inner.to_string().contains("IDHACK"), "{inner}");
    assert_eq!(found(collection.find(three())).len(), 5);
    drop(collection);
    dbpath::close(engine);
}
