//! What a positional `$` stands for: expectations are those of 5.0.4.

use super::*;
use ::bson::{RawDocumentBuf, rawdoc};

#[track_caller]
fn check(doc: &RawDocumentBuf, filter: RawDocumentBuf, expected: Option<u32>) {
    let parsed = Filter::parse(filter.as_bytes()).unwrap();
    let matched = parsed.find_match(doc.as_bytes()).unwrap();
    assert_eq!(matched, Some(Matched { position: expected }), "{filter:?} on {doc:?}");
}

fn two_arrays() -> RawDocumentBuf {
    rawdoc! { "a": [1, 2, 3], "b": [1, 2, 3] }
}

#[test]
fn one_condition() {
    for (filter, expected) in [
        (rawdoc! {}, None),
        (rawdoc! { "a": 2 }, Some(1)),
        (rawdoc! { "a": [1, 2, 3] }, None),
        (rawdoc! { "a": { "$gt": 1 } }, Some(1)),
        (rawdoc! { "a": { "$in": [3, 2] } }, Some(1)),
        (rawdoc! { "a": { "$elemMatch": { "$gt": 1, "$lt": 3 } } }, Some(1)),
        (rawdoc! { "a": { "$size": 3 } }, None),
        (rawdoc! { "a": { "$ne": 5 } }, None),
        (rawdoc! { "a": { "$not": { "$gt": 5 } } }, None),
        (rawdoc! { "a": { "$not": { "$ne": 2 } } }, None),
        (rawdoc! { "a": { "$exists": true } }, Some(0)),
        (rawdoc! { "a": { "$type": "int" } }, Some(0)),
        (rawdoc! { "a": { "$type": "array" } }, None),
        (rawdoc! { "a.1": 2 }, None),
        (rawdoc! { "a": { "$all": [3, 2] } }, Some(1)),
        (rawdoc! { "a": { "$all": [1, 2] } }, Some(1)),
        (
            rawdoc! { "a": { "$all": [
                { "$elemMatch": { "$lt": 2 } }, { "$elemMatch": { "$gt": 2 } },
            ] } },
            Some(2),
        ),
    ] {
        check(&two_arrays(), filter, expected);
    }
}

#[test]
fn the_last_condition_wins_by_operator_and_path() {
    for (filter, expected) in [
        (rawdoc! { "a": 2, "b": 3 }, Some(2)),
        (rawdoc! { "b": 3, "a": 2 }, Some(2)),
        (rawdoc! { "a": { "$gt": 1 }, "b": 3 }, Some(1)),
        (rawdoc! { "b": { "$gt": 1 }, "a": 3 }, Some(1)),
        (rawdoc! { "a": { "$gt": 2, "$lt": 2 } }, Some(2)),
        (rawdoc! { "a": { "$lt": 2, "$gt": 2 } }, Some(2)),
        (rawdoc! { "a": { "$gte": 2, "$lt": 2 } }, Some(1)),
        (rawdoc! { "a": { "$elemMatch": { "$gt": 1 } }, "b": 3 }, Some(2)),
        (rawdoc! { "b": { "$elemMatch": { "$gt": 1 } }, "a": 3 }, Some(2)),
        (rawdoc! { "$and": [{ "a": 3 }, { "a": 2 }] }, Some(1)),
        (rawdoc! { "$and": [{ "a": 2 }, { "a": 3 }] }, Some(2)),
        (rawdoc! { "$nor": [{ "a": 9 }], "a": 2 }, Some(1)),
        (rawdoc! { "a": 2, "b": { "$ne": 9 } }, Some(1)),
        (rawdoc! { "a": 2, "b": { "$nin": [9] } }, Some(1)),
        (rawdoc! { "a": 2, "b": [1, 2, 3] }, Some(1)),
        (rawdoc! { "a": 2, "b": { "$exists": true } }, Some(0)),
        (rawdoc! { "a": 2, "b.0": 1 }, Some(1)),
        (rawdoc! { "a": { "$in": [2], "$gt": 2 } }, Some(2)),
        (rawdoc! { "a": { "$in": [1, 7], "$gt": 1 } }, Some(0)),
        (rawdoc! { "a": { "$mod": [2, 0] }, "b": { "$exists": true } }, Some(0)),
        (rawdoc! { "a": { "$bitsAllSet": 2 }, "b": { "$in": [1, 7] } }, Some(1)),
    ] {
        check(&two_arrays(), filter, expected);
    }
}

#[test]
fn branches() {
    for (filter, expected) in [
        (rawdoc! { "$or": [{ "a": 9 }, { "a": 2 }] }, Some(1)),
        (rawdoc! { "$or": [{ "a": 3 }, { "a": 2 }] }, Some(1)),
        (rawdoc! { "$or": [{ "a": 2 }, { "a": { "$in": [3] } }] }, Some(1)),
        (rawdoc! { "$or": [{ "a": 2 }, { "a": { "$gt": 3 } }] }, None),
        (rawdoc! { "$or": [{ "b": 3 }, { "a": 2 }] }, None),
        (rawdoc! { "$or": [{ "b": 3, "a": 2 }, { "c": 1 }] }, None),
        (rawdoc! { "a": 2, "$or": [{ "b": 3 }] }, Some(2)),
        (rawdoc! { "a": 2, "$or": [{ "b": 3 }, { "b": 1 }] }, Some(0)),
        (rawdoc! { "a": 2, "$or": [{ "b": 3 }, { "c": 1 }] }, Some(1)),
        (rawdoc! { "$nor": [{ "a": 9 }] }, None),
    ] {
        check(&two_arrays(), filter, expected);
    }
}

#[test]
fn the_outermost_array_that_the_path_does_not_name_a_place_of() {
    let doc = rawdoc! { "a": [{ "b": [9, 9, 4, 5] }, { "b": [1, 2, 3, 7] }] };
    for (filter, expected) in [
        (rawdoc! { "a.b": 3 }, Some(1)),
        (rawdoc! { "a.0.b": 4 }, Some(2)),
        (rawdoc! { "a.1.b": 1 }, Some(0)),
        (rawdoc! { "a.b.2": 3 }, Some(1)),
        (rawdoc! { "a.b": { "$size": 4 } }, Some(0)),
        (rawdoc! { "a.b": { "$elemMatch": { "$eq": 1 } } }, Some(1)),
        (rawdoc! { "a.0.b": { "$elemMatch": { "$eq": 5 } } }, Some(3)),
        (rawdoc! { "a": { "$elemMatch": { "b": { "$elemMatch": { "$eq": 1 } } } } }, Some(1)),
        (rawdoc! { "a.c": null }, Some(0)),
    ] {
        check(&doc, filter, expected);
    }
    let nested = rawdoc! { "a": [[1, 2], [3, 4]] };
    check(&nested, rawdoc! { "a": [3, 4] }, Some(1));
    check(&nested, rawdoc! { "a.1": [3, 4] }, None);
    check(&nested, rawdoc! { "a.1.1": 4 }, None);
    let inner = rawdoc! { "$elemMatch": { "$elemMatch": { "$eq": 3 } } };
    check(&nested, rawdoc! { "a": inner }, Some(1));
}

#[test]
fn for_a_projection_the_last_condition_as_written_wins() {
    let check = |doc: &RawDocumentBuf, filter: RawDocumentBuf, expected: Option<u32>| {
        let parsed = Filter::parse(filter.as_bytes()).unwrap();
        let matched = parsed.find_shown_with(doc.as_bytes(), &Variables::new(0)).unwrap();
        assert_eq!(matched, Some(Matched { position: expected }), "{filter:?}");
    };
    let elements = |first: i32, second: i32| {
        rawdoc! { "$all": [
            { "$elemMatch": { "$eq": first } }, { "$elemMatch": { "$eq": second } },
        ] }
    };
    for (filter, expected) in [
        (rawdoc! { "a": { "$gte": 2, "$lt": 2 } }, Some(0)),
        (rawdoc! { "a": { "$lt": 2, "$gte": 2 } }, Some(1)),
        (rawdoc! { "b": { "$in": [3] }, "a": 2 }, Some(1)),
        (rawdoc! { "$or": [{ "b": 3 }, { "b": 1 }], "a": 2 }, Some(1)),
        (rawdoc! { "a": 2, "$or": [{ "b": 3 }, { "b": 1 }] }, Some(0)),
        (rawdoc! { "a": 2, "$or": [{ "b": 3 }, { "c": 1 }] }, Some(1)),
        (rawdoc! { "$or": [{ "b": 3, "a": 2 }] }, Some(1)),
        (rawdoc! { "a": { "$all": [2, 3] }, "b": { "$size": 3 } }, Some(2)),
        (rawdoc! { "a": elements(3, 1) }, Some(0)),
        (rawdoc! { "b": { "$exists": true }, "a": 2 }, Some(1)),
        (rawdoc! { "a": { "$size": 3 } }, None),
    ] {
        check(&two_arrays(), filter, expected);
    }
}
