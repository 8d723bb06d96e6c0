//! `$merge`: what becomes of its target, as a MongoDB 5.0.4 leaves it.

use super::*;

/// A source of three documents, and a target that has the first one's like.
fn collections(engine: &Engine) -> (Collection, Collection) {
    let (source, target) = (engine.collection("d.s").unwrap(), engine.collection("d.t").unwrap());
    for (id, k) in [(1, "x"), (2, "y"), (3, "z")] {
        insert(&source, [doc! { "_id": id, "a": id, "k": k }]);
    }
    insert(&target, [doc! { "_id": 1, "b": 10, "k": "x" }, doc! { "_id": 5, "b": 50, "k": "q" }]);
    (source, target)
}

/// The target after a `$merge`, by `_id`; or the number of the refusal, and the target.
fn merged(before: &[Document], merge: Document) -> (i32, Vec<Document>) {
    merged_with(before, merge, |_| {})
}

fn merged_with(
    before: &[Document],
    merge: Document,
    prepare: impl FnOnce(&Collection),
) -> (i32, Vec<Document>) {
    let engine = engine();
    let (source, target) = collections(&engine);
    prepare(&target);
    let pipeline = before.iter().cloned().chain([doc! { "$merge": merge }]).collect();
    let code = match run(&source, pipeline) {
        Ok(given) => {
            assert!(given.is_empty());
            0
        }
        Err(error) => error.code(),
    };
    assert!(target.validate(true).unwrap().is_valid());
    let found = target.find(rawdoc! {}).sort(rawdoc! { "_id": 1 }).run().unwrap();
    (code, found.map(|doc| Document::try_from(doc.unwrap()).unwrap()).collect())
}

fn unique_k(target: &Collection) {
    target.create_index(IndexSpec::new(&[("k", 1)]).unique(true)).unwrap();
}

#[test]
fn a_document_meets_its_like() {
    let old = doc! { "_id": 1, "b": 10, "k": "x" };
    let rest = doc! { "_id": 5, "b": 50, "k": "q" };
    let new = |id: i32, k: &str| doc! { "_id": id, "a": id, "k": k };
    let inserted = |first: Document| vec![first, new(2, "y"), new(3, "z"), rest.clone()];
    let both = doc! { "_id": 1, "b": 10, "k": "x", "a": 1 };
    assert_eq!(merged(&[], doc! { "into": "t" }), (0, inserted(both.clone())));
    for (when_matched, first) in
        [("replace", new(1, "x")), ("merge", both.clone()), ("keepExisting", old.clone())]
    {
        let merge = doc! { "into": "t", "whenMatched": when_matched };
        assert_eq!(merged(&[], merge), (0, inserted(first)), "{when_matched}");
    }
    // The others of the batch are written before the refusal is told.
    let fail = doc! { "into": "t", "whenMatched": "fail" };
    assert_eq!(merged(&[], fail), (11000, inserted(old.clone())));
    let kept = |first: &Document| vec![first.clone(), rest.clone()];
    let discard = doc! { "into": "t", "whenNotMatched": "discard" };
    assert_eq!(merged(&[], discard), (0, kept(&both)));
    let fail = doc! { "into": "t", "whenNotMatched": "fail" };
    assert_eq!(merged(&[], fail), (13113, kept(&both)));
}

#[test]
fn its_like_goes_through_a_pipeline() {
    let first = |merge: Document| {
        let (code, documents) = merged(&[], merge);
        (code, documents[0].clone(), documents.len())
    };
    let set = |z: bson::Bson| {
        let mut expected = doc! { "_id": 1, "b": 10, "k": "x" };
        expected.insert("z", z);
        (0, expected, 4)
    };
    let merge = |stage: Document| doc! { "into": "t", "whenMatched": [stage] };
    assert_eq!(first(merge(doc! { "$set": { "z": "$$new.a" } })), set(1.into()));
    let mut named = merge(doc! { "$set": { "z": { "$add": ["$b", "$$v"] } } });
    named.insert("let", doc! { "v": { "$add": ["$a", 1] } });
    assert_eq!(first(named), set(12.into()));
    let (code, unchanged, count) = first(merge(doc! { "$set": { "_id": 9 } }));
    assert_eq!((code, unchanged.get_i32("b").ok(), count), (66, Some(10), 4));
    assert_eq!(first(merge(doc! { "$set": { "z": "$$w" } })).0, 17276);
    let mut missing = merge(doc! { "$set": { "z": "$$v" } });
    missing.insert("let", doc! { "v": "$none" });
    assert_eq!(first(missing).0, 17276);
    assert_eq!(first(merge(doc! { "$match": {} })).0, 72);
}

#[test]
fn other_fields_than_the_id_have_a_unique_index() {
    let on = |on: &str| doc! { "into": "t", "on": on };
    let code =
        |before: &[Document], prepare: fn(&Collection)| merged_with(before, on("k"), prepare).0;
    assert_eq!(code(&[], |_| {}), 51183);
    let plain = |target: &Collection| {
        target.create_index(IndexSpec::new(&[("k", 1)])).map(drop).unwrap();
    };
    assert_eq!(code(&[], plain), 51183);
    let (done, documents) = merged_with(&[], on("k"), unique_k);
    let expected = doc! { "_id": 2, "k": "y", "a": 2 };
    assert_eq!((done, &documents[1], documents.len()), (0, &expected, 4));
    let keys = |document: &Document| document.keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&documents[1]), ["_id", "k", "a"]);
    assert_eq!(code(&[doc! { "$unset": "_id" }], unique_k), 0);
    assert_eq!(code(&[doc! { "$unset": "k" }], unique_k), 51132);
    assert_eq!(code(&[doc! { "$set": { "k": bson::Bson::Null } }], unique_k), 51132);
    assert_eq!(code(&[doc! { "$set": { "k": ["x"] } }], unique_k), 51185);
    // Its like has another _id.
    assert_eq!(code(&[doc! { "$set": { "_id": 7 } }, doc! { "$limit": 1 }], unique_k), 66);
}

#[test]
fn targets_that_are_refused() {
    for (into, code) in [
        (bson::bson!(""), 73),
        (bson::bson!("system.foo"), 31319),
        (bson::bson!({ "db": "other", "coll": "t" }), 115),
    ] {
        assert_eq!(merged(&[], doc! { "into": into.clone() }).0, code, "{into}");
    }
    let engine = engine();
    let (source, _) = collections(&engine);
    assert!(run(&source, vec![doc! { "$merge": "made" }]).unwrap().is_empty());
    assert_eq!(engine.collection("d.made").unwrap().count().unwrap(), 3);
    // Into the source itself.
    let more = doc! { "$set": { "a": { "$add": ["$a", 100] } } };
    run(&source, vec![more, doc! { "$merge": "s" }]).unwrap();
    let sum: i32 = all(&source).iter().map(|doc| doc.get_i32("a").unwrap()).sum();
    assert_eq!((sum, source.count().unwrap()), (306, 3));
}
