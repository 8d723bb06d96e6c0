//! Covered reads of an index where fields may be arrays, of one element or none too: documents
//! come and change by every way there is, and each read is compared with the documents.

use std::sync::Arc;

use bson::{Document, RawBson, RawDocumentBuf, doc, rawbson, rawdoc};

use super::{assert_valid, open};
use crate::disk::HeapDisk;
use crate::format::namespace::details::MULTIKEY_BITS;
use crate::rounds::rounds;
use crate::{Collection, Engine, Hint, IndexSpec, Verbosity};

fn fresh(disk: &HeapDisk) -> (Engine, Collection) {
    let engine = open(Arc::new(disk.clone()));
    let collection = engine.collection("d.c").expect("a name");
    (engine, collection)
}

/// What `a` is in each document, read by the index alone if that can be.
fn read_covered(c: &Collection) -> Vec<RawBson> {
    let found = c.find(rawdoc! {});
    let found = found.projection(rawdoc! { "a": 1, "_id": 0 }).hint(Hint::Name("a_1".into()));
    values(found.run().expect("runs"))
}

fn values(found: impl Iterator<Item = crate::Result<RawDocumentBuf>>) -> Vec<RawBson> {
    let field = |doc: RawDocumentBuf| doc.get("a").expect("sound").map(Into::into);
    let mut all: Vec<RawBson> = found.filter_map(|doc| field(doc.expect("found"))).collect();
    all.sort_by_key(|value| format!("{value:?}"));
    all
}

fn stored(c: &Collection) -> Vec<RawBson> {
    values(c.find(rawdoc! {}).run().expect("runs"))
}

fn is_covered(c: &Collection) -> bool {
    let found = c.find(rawdoc! { "a": { "$gt": 0 } }).projection(rawdoc! { "a": 1, "_id": 0 });
    let said = found.explain(Verbosity::ExecutionStats).expect("explains");
    let said = Document::try_from(said).expect("sound");
    let stats = said.get_document("executionStats").expect("run");
    let looked = |name: &str| stats[name].to_string();
    assert_ne!(looked("totalKeysExamined"), "0", "{said}");
    looked("totalDocsExamined") == "0"
}

fn is_multikey(c: &Collection) -> bool {
    let indexes = c.indexes().expect("indexes");
    indexes.iter().any(|index| index.name == "a_1" && index.is_multikey)
}

/// The index by `a`, over whatever is there.
fn index_a(c: &Collection, in_background: bool) {
    let index = IndexSpec::new(&[("a", 1)]).background(in_background);
    c.create_index(index).expect("an index");
}

#[test]
fn an_array_of_one_is_one_to_whoever_reads_it_covered() {
    for array in [rawbson!([5]), rawbson!([]), rawbson!([[5]])] {
        let document = rawdoc! { "_id": 1, "a": array.clone() };
        // The index is there before, or is built beside others, or while nobody writes.
        for built in ["before", "beside", "held", "compacted", "set", "replaced", "upserted"] {
            let (_engine, c) = fresh(&HeapDisk::new());
            c.insert_one(rawdoc! { "_id": 0, "a": 1 }).expect("inserted");
            match built {
                "beside" | "held" => {
                    c.insert_one(&document).expect("inserted");
                    index_a(&c, built == "beside");
                }
                _ => index_a(&c, true),
            }
            assert_eq!(is_covered(&c), !matches!(built, "beside" | "held"));
            match built {
                "before" => drop(c.insert_one(&document).expect("inserted")),
                "compacted" => {
                    c.insert_one(&document).expect("inserted");
                    c.compact().expect("compacts");
                }
                "set" | "replaced" => {
                    // The key stays the same.
                    let first = array.as_array().and_then(|array| array.into_iter().next());
                    let before =
                        first.map_or(RawBson::Undefined, |first| first.expect("sound").into());
                    c.insert_one(rawdoc! { "_id": 1, "a": before }).expect("inserted");
                    let set = rawdoc! { "$set": { "a": array.clone() } };
                    match built {
                        "set" => c.update_one(rawdoc! { "_id": 1 }, set),
                        _ => c.replace_one(rawdoc! { "_id": 1 }, &document),
                    }
                    .and_then(|update| update.run())
                    .expect("updated");
                }
                "upserted" => {
                    let set = rawdoc! { "$set": { "a": array.clone() } };
                    let update = c.update_one(rawdoc! { "_id": 1 }, set).expect("an update");
                    update.upsert(true).run().expect("upserted");
                }
                _ => {}
            }
            assert!(is_multikey(&c), "{built}");
            assert_eq!(read_covered(&c), stored(&c), "{built}");
            assert_valid(&c);
        }
    }
}

/// As mongod leaves them: noted are documents with several keys only.
#[test]
fn files_of_others_may_have_arrays_of_one_that_are_not_noted() {
    let disk = HeapDisk::new();
    let (engine, c) = fresh(&disk);
    index_a(&c, true);
    c.insert_one(rawdoc! { "_id": 0, "a": 1 }).expect("inserted");
    assert!(is_covered(&c));
    for (n, array) in [rawbson!([5]), rawbson!([])].into_iter().enumerate() {
        c.insert_one(rawdoc! { "_id": n as i32 + 1, "a": array }).expect("inserted");
    }
    let forgotten = c.change(|open, unit| open.details().put(unit, MULTIKEY_BITS, 0));
    forgotten.expect("inside of the file");
    drop(c);
    engine.close().expect("closes");

    let (engine, c) = fresh(&disk);
    assert!(!is_multikey(&c));
    assert_eq!(read_covered(&c), stored(&c));
    let in_order = c.aggregate([
        rawdoc! { "$sort": { "a": 1 } },
        rawdoc! { "$group": { "_id": null, "all": { "$push": "$a" } } },
    ]);
    let found = in_order.run().expect("runs").next().expect("one").expect("found");
    let found = Document::try_from(found).expect("sound");
    assert_eq!(found, doc! { "_id": null, "all": [[], 1, [5]] });
    assert_eq!(c.count_documents(rawdoc! { "a": 5 }).run().expect("counts"), 1);
    // Dropping another one does not make it known, nor looking through it as it is.
    assert_valid(&c);
    assert!(!is_covered(&c));
    c.create_index(IndexSpec::new(&[("b", 1)])).expect("an index");
    c.delete_many(rawdoc! { "_id": { "$gt": 0 } }).expect("deleted");
    // Building it anew does.
    c.drop_index("b_1").expect("dropped");
    assert!(!is_covered(&c));
    c.compact().expect("compacts");
    assert!(is_covered(&c) && !is_multikey(&c));
    // It stays known with another name of the collection, and when it is changed.
    c.modify_index("a_1", None, Some(true)).expect("hidden");
    c.modify_index("a_1", None, Some(false)).expect("shown");
    drop(c);
    engine.database("d").and_then(|d| d.rename_collection("c", "other")).expect("renamed");
    let c = engine.collection("d.other").expect("a name");
    assert!(is_covered(&c));
    // Nor is there anything of others in what was emptied.
    drop(c);
    engine.close().expect("closes");
    let engine = open(Arc::new(disk.clone()));
    let c = engine.collection("d.other").expect("a name");
    assert!(!is_covered(&c));
    assert_valid(&c);
    assert!(is_covered(&c), "looked through");
    drop(c);
    engine.close().expect("closes");
    let engine = open(Arc::new(disk.clone()));
    let c = engine.collection("d.other").expect("a name");
    assert!(!is_covered(&c));
    c.truncate().expect("emptied");
    c.insert_one(rawdoc! { "_id": 0, "a": 1 }).expect("inserted");
    assert!(is_covered(&c));
}

#[test]
#[cfg_attr(miri, ignore = "too long")]
fn whatever_comes_and_goes() {
    let mut rng = oorandom::Rand32::new(41);
    for seed in 0..rounds(40) {
        let (_engine, c) = fresh(&HeapDisk::new());
        index_a(&c, true);
        for n in 0..30 {
            let number = rng.rand_range(0..3) as i32;
            // Few arrays: a collection without one is read by its index alone.
            let value: RawBson = match rng.rand_range(0..60) {
                0 => rawbson!([number]),
                1 => rawbson!([]),
                2 => rawbson!([number, 1]),
                _ => number.into(),
            };
            let id = rng.rand_range(0..12) as i32;
            match rng.rand_range(0..3) {
                0 if n > 3 => drop(c.delete_one(rawdoc! { "_id": id }).expect("deleted")),
                1 => {
                    let doc = rawdoc! { "_id": id, "a": value };
                    let update = c.replace_one(rawdoc! { "_id": id }, doc).expect("an update");
                    update.upsert(true).run().expect("updated");
                }
                _ => {
                    let set = rawdoc! { "$set": { "a": value } };
                    let update = c.update_one(rawdoc! { "_id": id }, set).expect("an update");
                    update.upsert(true).run().expect("updated");
                }
            }
            assert_eq!(read_covered(&c), stored(&c), "round {seed}, step {n}");
        }
        assert_valid(&c);
    }
}
