//! Creating and dropping indexes: conflicts, failures that leave nothing, and reopening.

use bson::{doc, rawdoc};
use tallymap::{Collection, Error, IndexSpec, Reason};
use tallymap_tests::dbpath::{self, Dbpath};
use tallymap_tests::order::raw;

use crate::{reason, reopen};

fn index_names(collection: &Collection) -> Vec<String> {
    collection.indexes().expect("indexes").into_iter().map(|index| index.name).collect()
}

#[test]
fn conflicts_with_what_is_there() {
    let dbpath = Dbpath::new();
    let engine = dbpath.open();
    let c = engine.collection("d.c").expect("valid");
    let name = c.create_index(IndexSpec::new(&[("a", 1), ("b.c", -1)])).expect("an index");
    assert_eq!(name, "a_1_b.c_-1");
    assert!(c.exists(), "the collection was made for it");
    let same = [("a", 1), ("b.c", -1)];
    assert_eq!(c.create_index(IndexSpec::new(&same)).expect("is there"), name);
    // 85: the same index, by another name.
    let renamed = IndexSpec::new(&same).name("other");
    assert_eq!(reason(c.create_index(renamed)), Reason::IndexOptionsConflict);
    // 86: the same name, another index.
    for other in [IndexSpec::new(&same).unique(true), IndexSpec::new(&same).sparse(true)] {
        assert_eq!(reason(c.create_index(other)), Reason::IndexKeySpecsConflict);
    }
    for fields in [&[("a", 1)][..], &[("a", -1), ("b.c", -1)], &[("b.c", -1), ("a", 1)]] {
        let other = IndexSpec::new(fields).name(&name);
        assert_eq!(reason(c.create_index(other)), Reason::IndexKeySpecsConflict);
    }
    for bad in [
        IndexSpec::new(&[]),
        IndexSpec::new(&[("a..b", 1)]),
        IndexSpec::new(&[("", 1)]),
        IndexSpec::new(&[("$a", 1)]),
        IndexSpec::new(&[("x", 1)]).name(""),
    ] {
        assert_eq!(reason(c.create_index(bad.clone())), Reason::CannotCreateIndex, "{bad:?}");
    }
    assert_eq!(reason(c.drop_index("_id_")), Reason::InvalidOptions);
    assert!(matches!(c.drop_index("no"), Err(Error::NotFound { .. })));
    assert_eq!(index_names(&c), ["_id_", "a_1_b.c_-1"]);
    c.drop_index(&name).expect("drops");
    c.create_index(IndexSpec::new(&same).unique(true)).expect("the options are free again");
    drop(c);
    let engine = reopen(&dbpath, engine);
    let c = engine.collection("d.c").expect("valid");
    let specification = &c.indexes().expect("indexes")[1].specification;
    assert_eq!(specification.get_bool("unique").ok(), Some(true));
    drop(c);
    dbpath::close(engine);
}

#[test]
fn a_build_that_fails_leaves_no_index() {
    let dbpath = Dbpath::new();
    let engine = dbpath.open();
    let c = engine.collection("d.c").expect("valid");
    for n in 0..2000 {
        let doc = doc! { "_id": n, "v": n % 1999, "a": [n], "b": [n, 2], "n": n };
        c.insert_one(raw(&doc)).expect("inserts");
    }
    c.create_index(IndexSpec::new(&[("n", 1)]).unique(true)).expect("an index");
    let nodes = |c: &Collection| c.stats().expect("stats").index_sizes.len();
    for _ in 0..3 {
        let twice = c.create_index(IndexSpec::new(&[("v", 1)]).unique(true));
        assert!(matches!(twice, Err(Error::DuplicateKey { .. })), "{twice:?}");
        let parallel = c.create_index(IndexSpec::new(&[("a", 1), ("b", 1)]));
        assert_eq!(reason(parallel), Reason::CannotIndexParallelArrays);
        assert_eq!(index_names(&c), ["_id_", "n_1"]);
        assert_eq!(nodes(&c), 2);
    }
    c.insert_one(rawdoc! { "_id": "long", "s": "x".repeat(1100) }).expect("inserts");
    let long = c.create_index(IndexSpec::new(&[("s", 1)]));
    assert!(matches!(long, Err(Error::KeyTooLong { .. })), "{long:?}");
    c.delete_one(rawdoc! { "_id": "long" }).expect("deletes");
    c.delete_one(rawdoc! { "v": 0 }).expect("deletes");
    c.create_index(IndexSpec::new(&[("v", 1)]).unique(true)).expect("no two are equal now");
    // Kept by every write from now on.
    let twice = c.insert_one(rawdoc! { "_id": "x", "v": 7 });
    assert!(matches!(twice, Err(Error::DuplicateKey { .. })));
    let twice = c.update_one(rawdoc! { "_id": 8 }, rawdoc! { "$set": { "v": 9 } });
    assert!(matches!(twice.expect("valid").run(), Err(Error::DuplicateKey { .. })));
    c.create_index(IndexSpec::new(&[("s", 1)])).expect("an index");
    let long = c.insert_one(rawdoc! { "_id": "long", "v": -1, "s": "x".repeat(1100) });
    assert!(matches!(long, Err(Error::KeyTooLong { .. })), "{long:?}");
    assert_eq!(c.count().expect("count"), 1999);
    drop(c);
    let engine = reopen(&dbpath, engine);
    let c = engine.collection("d.c").expect("valid");
    assert_eq!(index_names(&c), ["_id_", "n_1", "v_1", "s_1"]);
    drop(c);
    dbpath::close(engine);
}

#[test]
fn indexes_dropped_in_the_middle_keep_the_others_in_order() {
    let dbpath = Dbpath::new();
    let engine = dbpath.open();
    let c = engine.collection("d.c").expect("valid");
    let fields: Vec<String> = (0..44).map(|n| format!("f{n}")).collect();
    for n in 0..30 {
        let doc = doc! { "_id": n, "f3": [n, n + 1], "f20": n, "f43": [1, n] };
        c.insert_one(raw(&doc)).expect("inserts");
    }
    for field in &fields {
        c.create_index(IndexSpec::new(&[(field, 1)])).expect("an index");
    }
    let multikey = |c: &Collection| -> Vec<String> {
        let all = c.indexes().expect("indexes").into_iter();
        all.filter(|index| index.is_multikey).map(|index| index.name).collect()
    };
    assert_eq!(multikey(&c), ["f3_1", "f43_1"]);
    for n in [0, 9, 10, 11, 38, 39, 40, 2] {
        c.drop_index(&format!("f{n}_1")).expect("drops");
        assert_eq!(multikey(&c), ["f3_1", "f43_1"], "after f{n}");
        dbpath::check(&engine);
    }
    let names = index_names(&c);
    drop(c);
    let engine = reopen(&dbpath, engine);
    let c = engine.collection("d.c").expect("valid");
    assert_eq!((index_names(&c), multikey(&c).len()), (names, 2));
    drop(c);
    dbpath::close(engine);
}
