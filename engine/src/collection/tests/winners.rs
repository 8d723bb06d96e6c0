//! What is remembered of trials: which plan won, for how long.

use std::sync::Arc;

use bson::{RawDocumentBuf, rawdoc};

use super::open;
use crate::disk::HeapDisk;
use crate::query::Filter;
use crate::query::plan::{Question, shape::shape};
use crate::{Collection, IndexSpec};

/// The plan that is remembered for filters of this shape.
fn winner(collection: &Collection, filter: &RawDocumentBuf) -> Option<String> {
    let filter = Filter::parse(filter.as_bytes()).expect("a filter");
    let shape = shape(&Question::of(Arc::new(filter)));
    let found = collection.read(None, |_, open| Ok(open.plans.winner(&shape)));
    found.expect("readable").map(|winner| winner.id)
}

#[test]
fn a_winner_serves_until_it_does_badly_or_the_indexes_change() {
    let engine = open(Arc::new(HeapDisk::new()));
    let collection = engine.collection("d.c").expect("a name");
    // Of each half one field tells records apart, the other one does not.
    for n in 0..4000 {
        let (a, b) = if n < 2000 { (n, -1) } else { (-1, n) };
        collection.insert_one(rawdoc! { "_id": n, "a": a, "b": b }).expect("inserted");
    }
    for field in ["a", "b"] {
        collection.create_index(IndexSpec::new(&[(field, 1)])).expect("an index");
    }
    let by_a = rawdoc! { "a": 7, "b": -1 };
    let by_b = rawdoc! { "a": -1, "b": 3007 };
    let find = |filter: &RawDocumentBuf| collection.find(filter).run().expect("valid").count();
    assert_eq!((winner(&collection, &by_a), find(&by_a)), (None, 1));
    assert_eq!(winner(&collection, &by_a).as_deref(), Some("a_1 +"));
    // The same shape: the winner needs much longer for these values, and loses.
    assert_eq!(find(&by_b), 1);
    assert_eq!(winner(&collection, &by_a).as_deref(), Some("b_1 +"));
    collection.create_index(IndexSpec::new(&[("a", 1), ("b", 1)])).expect("an index");
    assert_eq!(winner(&collection, &by_a), None);
    assert_eq!(find(&by_a), 1);
    assert_eq!(winner(&collection, &by_a).as_deref(), Some("a_1 +"));
}
