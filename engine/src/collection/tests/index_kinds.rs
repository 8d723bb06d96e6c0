//! Indexes of every kind beside documents that come, change, move and go.

use std::sync::Arc;

use bson::{Bson, Document, RawDocumentBuf, doc, rawdoc};

use super::{assert_valid, open};
use crate::disk::HeapDisk;
use crate::rounds::rounds;
use crate::{Collection, Direction, Error, FieldPath, IndexSpec};

fn raw(doc: &Document) -> RawDocumentBuf {
    RawDocumentBuf::try_from(doc).expect("can be stored")
}

fn entries(collection: &Collection, index: &str) -> usize {
    let scan = collection.index_scan(index, Direction::Forward).expect("an index");
    let all: Vec<_> = scan.map(|entry| entry.expect("sound")).collect();
    all.len()
}

fn kinds() -> Vec<IndexSpec> {
    vec![
        IndexSpec::new(&[("a", 1)]),
        IndexSpec::new(&[("a", -1), ("b.c", 1)]),
        IndexSpec::new(&[("b.c", 1)]).sparse(true),
        IndexSpec::new(&[("u", 1)]).sparse(true).unique(true),
        IndexSpec::new(&[("many", -1), ("a", 1)]),
        IndexSpec::hashed("h"),
        IndexSpec::hashed("b.c").sparse(true).name("sparse hash"),
        IndexSpec::new(&[("a", 1)]).partial_filter(rawdoc! { "n": { "$gt": 5 } }).name("partial"),
        IndexSpec::new(&[("b.c", 1)])
            .partial_filter(
                rawdoc! { "$and": [{ "n": { "$gte": 2 } }, { "b": { "$exists": true } }] },
            )
            .name("two conditions"),
        IndexSpec::hashed("h").partial_filter(rawdoc! { "many": 3 }).name("partial hash"),
        IndexSpec::new(&[("n", 1)])
            .unique(true)
            .partial_filter(rawdoc! { "n": { "$gt": 1_000_000 } })
            .name("unique partial"),
        IndexSpec::new(&[("d", 1)]).hidden(true).expire_after_seconds(5),
    ]
}

fn value(rng: &mut oorandom::Rand32) -> Bson {
    match rng.rand_range(0..8) {
        0 => Bson::Null,
        1 => Bson::Double(f64::from(rng.rand_range(0..40)) / 4.0),
        2 => Bson::String("x".repeat(rng.rand_range(0..60) as usize)),
        3 => Bson::Document(doc! { "x": rng.rand_range(0..3) as i32 }),
        4 => Bson::Int64(i64::from(rng.rand_range(0..10))),
        _ => Bson::Int32(rng.rand_range(0..10) as i32),
    }
}

fn document(rng: &mut oorandom::Rand32, id: i32) -> Document {
    let mut doc = doc! { "_id": id, "n": rng.rand_range(0..12) as i32 };
    for name in ["a", "h", "d"] {
        if rng.rand_range(0..4) > 0 {
            doc.insert(name, value(rng));
        }
    }
    if rng.rand_range(0..3) > 0 {
        doc.insert("b", doc! { "c": value(rng) });
    }
    if rng.rand_range(0..2) > 0 {
        let count = rng.rand_range(0..5);
        let many: Vec<_> = (0..count).map(|_| Bson::Int32(rng.rand_range(0..6) as i32)).collect();
        doc.insert("many", many);
    }
    if rng.rand_range(0..3) == 0 {
        doc.insert("u", id);
    }
    doc
}

/// A change of one document; what the engine refuses changes nothing.
fn change(c: &Collection, rng: &mut oorandom::Rand32, id: i32) {
    let filter = rawdoc! { "_id": id };
    let set = |path: &str, value: Bson| raw(&doc! { "$set": { path: value } });
    let update = match rng.rand_range(0..6) {
        0 => rawdoc! { "$inc": { "n": 1 } },
        1 => set("n", Bson::Int32(rng.rand_range(0..12) as i32)),
        2 => set("a", value(rng)),
        3 => set("b.c", value(rng)),
        4 => rawdoc! { "$unset": { "h": 1 } },
        _ => set("pad", Bson::String("p".repeat(rng.rand_range(0..400) as usize))),
    };
    let _ = c.update_one(filter, update).and_then(|update| update.run());
}

#[test]
#[cfg_attr(miri, ignore = "too long")]
fn every_kind_is_one_to_one_with_the_documents() {
    for seed in [21, 22] {
        let engine = open(Arc::new(HeapDisk::new()));
        let c = engine.collection("d.c").expect("a name");
        let mut rng = oorandom::Rand32::new(seed);
        for id in 0..150 {
            c.insert_one(raw(&document(&mut rng, id))).expect("inserts");
        }
        // Half of them are built of what is there, half filled from the start.
        let (built, filled) = (kinds(), engine.collection("d.filled").expect("a name"));
        filled.create_indexes(kinds()).expect("of every kind");
        assert_eq!(c.create_indexes(built).expect("of every kind").after, 13);
        for document in c.scan(Direction::Forward).expect("scans") {
            filled.insert_one(document.expect("sound").document).expect("inserts");
        }
        for c in [&c, &filled] {
            assert_valid(c);
            for _ in 0..rounds(600) {
                let id = rng.rand_range(0..200) as i32;
                match rng.rand_range(0..10) {
                    0 => drop(c.insert_one(raw(&document(&mut rng, id)))),
                    1 => drop(c.delete_one(rawdoc! { "_id": id }).expect("deletes")),
                    2 => {
                        let n = FieldPath::parse("n").expect("a path");
                        let _ = c.increment(id, &[(&n, 1)]);
                    }
                    _ => change(c, &mut rng, id),
                }
            }
            assert_valid(c);
        }
        let over_five = |document: &RawDocumentBuf| {
            document.get_i32("n").is_ok_and(|n| n > 5) || document.get_i64("n").is_ok_and(|n| n > 5)
        };
        let expected = c.scan(Direction::Forward).expect("scans");
        let expected = expected.filter(|it| over_five(&it.as_ref().expect("sound").document));
        assert_eq!(entries(&c, "partial"), expected.count(), "seed {seed}");
        for name in ["two conditions", "partial hash", "sparse hash", "b.c_1"] {
            assert!(entries(&c, name) > 0, "{name}");
        }
        c.compact().expect("compacts");
        assert_valid(&c);
        let with_hash = entries(&c, "h_hashed");
        assert_eq!(with_hash as u64, c.count().expect("counts"));
        c.truncate().expect("truncates");
        assert_eq!((entries(&c, "partial"), entries(&c, "h_hashed")), (0, 0));
        assert_valid(&c);
    }
}

#[test]
fn a_filter_s_field_is_never_changed_in_place() {
    let engine = open(Arc::new(HeapDisk::new()));
    let c = engine.collection("d.c").expect("a name");
    let spec = IndexSpec::new(&[("a", 1)]).partial_filter(rawdoc! { "s.n": { "$gt": 5 } });
    c.create_index(spec.name("p")).expect("an index");
    for id in 0..10 {
        c.insert_one(rawdoc! { "_id": id, "a": 1, "s": { "n": id }, "hits": 0 }).expect("inserts");
    }
    assert_eq!(entries(&c, "p"), 4);
    let n = FieldPath::parse("s.n").expect("a path");
    for id in 0..10 {
        c.increment(id, &[(&n, 3)]).expect("counts");
    }
    assert_eq!(entries(&c, "p"), 7);
    let set = rawdoc! { "$set": { "s.n": 0 } };
    c.update_many(rawdoc! {}, set).expect("an update").run().expect("runs");
    assert_eq!(entries(&c, "p"), 0);
    let hits = rawdoc! { "$inc": { "hits": 1 } };
    let report = c.update_one(rawdoc! { "_id": 1 }, hits).expect("an update").run();
    assert!(report.expect("runs").in_place);
    assert_valid(&c);
}

#[test]
fn hashed_indexes_take_no_arrays() {
    let engine = open(Arc::new(HeapDisk::new()));
    let c = engine.collection("d.c").expect("a name");
    let code = |done: Result<(), Error>| done.expect_err("refused").code();
    c.create_index(IndexSpec::hashed("a.b")).expect("an index");
    let insert = |doc: RawDocumentBuf| c.insert_one(doc).map(drop);
    for doc in [rawdoc! { "a": [1] }, rawdoc! { "a": { "b": [] } }, rawdoc! { "a": [{ "b": 1 }] }] {
        assert_eq!(code(insert(doc)), 16766);
    }
    insert(rawdoc! { "_id": 1, "a": { "b": { "c": [1] } }, "x": [1] }).expect("no array there");
    let update = c.update_one(rawdoc! { "_id": 1 }, rawdoc! { "$set": { "a.b": [1] } });
    assert_eq!(code(update.expect("an update").run().map(drop)), 16766);
    assert_eq!(code(c.create_index(IndexSpec::hashed("x")).map(drop)), 16766);
    assert_eq!(c.indexes().expect("reads").len(), 2);
    assert_valid(&c);
}

#[test]
fn unique_keys_and_null_duplicates() {
    let engine = open(Arc::new(HeapDisk::new()));
    let c = engine.collection("d.c").expect("a name");
    c.create_index(IndexSpec::new(&[("u", 1)]).unique(true)).expect("an index");
    let live = IndexSpec::new(&[("p", 1)]).partial_filter(rawdoc! { "live": true });
    c.create_index(live.unique(true)).expect("an index");
    let sparse = IndexSpec::new(&[("s", 1)]).sparse(true);
    c.create_index(sparse.unique(true)).expect("an index");
    let insert = |doc: RawDocumentBuf| c.insert_one(doc).map(drop);
    let is_duplicate = |done| matches!(done, Err(Error::DuplicateKey { .. }));
    insert(rawdoc! { "_id": 1 }).expect("the first null");
    assert!(is_duplicate(insert(rawdoc! { "_id": 2 })), "missing is null");
    assert!(is_duplicate(insert(rawdoc! { "_id": 2, "u": null })));
    insert(rawdoc! { "_id": 2, "u": 2, "p": 7 }).expect("not sparse, but another");
    insert(rawdoc! { "_id": 3, "u": 3, "p": 7, "live": true }).expect("the other is not live");
    assert!(is_duplicate(insert(rawdoc! { "_id": 4, "u": 4, "p": 7.0, "live": true })));
    let revive = rawdoc! { "$set": { "live": true } };
    let revived = c.update_one(rawdoc! { "_id": 2 }, revive).expect("an update").run();
    assert!(is_duplicate(revived.map(drop)), "it would be live with an equal key");
    insert(rawdoc! { "_id": 5, "u": [5, 6, 5] }).expect("one document may say it twice");
    assert!(is_duplicate(insert(rawdoc! { "_id": 6, "u": [7, 6] })));
    insert(rawdoc! { "_id": 7, "u": 7, "s": null }).expect("null is there");
    assert!(is_duplicate(insert(rawdoc! { "_id": 8, "u": 8, "s": null })));
    assert_valid(&c);
}
