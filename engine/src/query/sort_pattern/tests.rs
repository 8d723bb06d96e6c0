//! Sorts: expectations are those of 5.0.4.

use super::*;
use ::bson::{RawBson, RawDocumentBuf, rawdoc};

fn pattern(pattern: RawDocumentBuf) -> Result<SortPattern> {
    SortPattern::parse(pattern.as_bytes())
}

/// The numbers of the documents in the order of the pattern.
fn sorted(docs: &[RawDocumentBuf], by: RawDocumentBuf) -> Result<Vec<usize>> {
    let pattern = pattern(by)?;
    let keys = docs.iter().map(|doc| pattern.key(doc.as_bytes())).collect::<Result<Vec<_>>>()?;
    let mut order: Vec<usize> = (0..docs.len()).collect();
    order.sort_by(|a, b| pattern.compare(&keys[*a], &keys[*b]));
    Ok(order)
}

fn docs() -> Vec<RawDocumentBuf> {
    vec![
        rawdoc! { "a": 1 },
        rawdoc! { "a": [2, 0] },
        rawdoc! { "a": [] },
        rawdoc! { "a": null },
        rawdoc! {},
        rawdoc! { "a": [[]] },
        rawdoc! { "a": [[1]] },
        rawdoc! { "a": "x" },
        rawdoc! { "a": { "b": 1 } },
        rawdoc! { "a": RawBson::MinKey },
        rawdoc! { "a": RawBson::MaxKey },
        rawdoc! { "a": [null] },
        rawdoc! { "a": f64::NAN },
        rawdoc! { "a": [5, "z"] },
        rawdoc! { "a": true },
        rawdoc! { "a": [{ "b": 3 }, { "b": -1 }] },
        rawdoc! { "a": [{ "b": [] }] },
        rawdoc! { "a": { "b": [4, 9] } },
        rawdoc! { "a": [{ "c": 1 }] },
        rawdoc! { "a": [{ "b": [[]] }] },
        rawdoc! { "a": [1, [2]] },
        rawdoc! { "a": { "b": { "c": 1 } } },
        rawdoc! { "a": [{ "b": [1, 2] }, { "b": [0] }] },
        rawdoc! { "a": [{ "b": [] }, { "b": [7] }] },
    ]
}

#[test]
fn orders() {
    for (by, expected) in [
        (
            rawdoc! { "a": 1 },
            [9, 2, 3, 4, 11, 12, 1, 0, 20, 13, 7, 15, 8, 18, 21, 16, 23, 22, 17, 19, 5, 6, 14, 10],
        ),
        (
            rawdoc! { "a": -1 },
            [10, 14, 20, 6, 5, 19, 23, 17, 22, 16, 21, 18, 15, 8, 13, 7, 1, 0, 12, 3, 4, 11, 2, 9],
        ),
        (
            rawdoc! { "a.b": 1 },
            [16, 23, 0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 18, 20, 15, 22, 8, 17, 21, 19],
        ),
        (
            rawdoc! { "a.b": -1 },
            [19, 21, 17, 23, 15, 22, 8, 0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 18, 20, 16],
        ),
        (
            rawdoc! { "a.0": 1 },
            [5, 0, 2, 3, 4, 7, 8, 9, 10, 11, 12, 14, 17, 21, 20, 1, 13, 15, 18, 16, 23, 22, 19, 6],
        ),
        (
            rawdoc! { "a.0": -1 },
            [6, 19, 22, 16, 23, 18, 15, 13, 1, 20, 0, 2, 3, 4, 7, 8, 9, 10, 11, 12, 14, 17, 21, 5],
        ),
        (
            rawdoc! { "a.b.0": 1 },
            [19, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 20, 21, 23, 22, 17],
        ),
        (
            rawdoc! { "a.0.b": 1 },
            [16, 23, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 17, 18, 20, 21, 22, 15, 19],
        ),
        (
            rawdoc! { "a.0.b": -1 },
            [19, 15, 22, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 17, 18, 20, 21, 16, 23],
        ),
    ] {
        assert_eq!(sorted(&docs(), by.clone()).unwrap(), expected, "{by:?}");
    }
}

#[test]
fn an_array_is_one_value_as_the_id_alone() {
    let id = |id: RawBson| rawdoc! { "_id": id };
    let array = |values: &[i32]| RawBson::Array(values.iter().copied().collect());
    let docs = [id(array(&[1, 5])), id(2.into()), id("z".into()), id(array(&[0])), id(1.into())];
    assert_eq!(sorted(&docs, rawdoc! { "_id": 1 }).unwrap(), [4, 1, 2, 3, 0]);
    assert_eq!(sorted(&docs, rawdoc! { "_id": -1 }).unwrap(), [0, 3, 2, 1, 4]);
    assert_eq!(sorted(&docs, rawdoc! { "_id": 1, "x": 1 }).unwrap(), [3, 0, 4, 1, 2]);
}

#[test]
fn fields_that_share_an_array_share_its_elements() {
    let docs = [
        rawdoc! { "a": [{ "b": 1, "c": 2 }, { "b": 1, "c": 5 }] },
        rawdoc! { "a": [{ "b": 1, "c": 3 }] },
        rawdoc! { "a": [{ "b": 0, "c": 1 }, { "b": 2 }] },
    ];
    assert_eq!(sorted(&docs, rawdoc! { "a.b": 1, "a.c": -1 }).unwrap(), [2, 0, 1]);
    let docs = [rawdoc! { "a": [{ "b": 1 }] }, rawdoc! { "a": [{ "b": 0, "x": 1 }] }];
    assert_eq!(sorted(&docs, rawdoc! { "a": 1, "a.b": 1 }).unwrap(), [1, 0]);
    let docs = [rawdoc! { "a": [1, 2] }, rawdoc! { "a": [1, 1] }];
    assert_eq!(sorted(&docs, rawdoc! { "a.0": 1, "a.1": 1 }).unwrap(), [1, 0]);
    assert_eq!(sorted(&docs, rawdoc! {}).unwrap(), [0, 1]);
}

#[test]
fn documents_that_cannot_be_sorted() {
    let parallel = "cannot sort with keys that are parallel arrays";
    for (doc, by) in [
        (rawdoc! { "a": [1], "b": [2] }, rawdoc! { "a": 1, "b": 1 }),
        (rawdoc! { "a": [], "b": [] }, rawdoc! { "a": 1, "b": 1 }),
        (rawdoc! { "a": [{ "b": [1], "c": [2] }] }, rawdoc! { "a.b": 1, "a.c": 1 }),
        (rawdoc! { "a": [{ "b": 1 }], "c": [2] }, rawdoc! { "a.b": 1, "c": 1 }),
        (rawdoc! { "a": [1, 2], "b": [3] }, rawdoc! { "a.0": 1, "b": 1 }),
        (rawdoc! { "a": [{ "b": 1 }], "b": [3] }, rawdoc! { "a.0.b": 1, "b": 1 }),
    ] {
        let refused = sorted(&[doc], by).unwrap_err();
        assert_eq!((refused.code(), refused.to_string().as_str()), (2, parallel));
    }
    let doc = rawdoc! { "a": [{ "0": 5 }, { "b": 1 }] };
    for by in [rawdoc! { "a.0": 1 }, rawdoc! { "a.0.b": 1 }] {
        let refused = sorted(std::slice::from_ref(&doc), by).unwrap_err();
        assert_eq!(refused.code(), 16746);
        let end = "field: '0' for array: { 0: { 0: 5 }, 1: { b: 1 } }";
        assert!(refused.to_string().ends_with(end), "{refused}");
    }
}

#[test]
fn refusals() {
    let ordering = "$sort key ordering must be 1 (for ascending) or -1 (for descending)";
    let dollar = "FieldPath field names may not start with '$'. Consider using $getField or \
                  $setField.";
    for (by, code, text) in [
        (rawdoc! { "a": 0 }, 15975, ordering),
        (rawdoc! { "a": 2 }, 15975, ordering),
        (rawdoc! { "a": f64::NAN }, 15975, ordering),
        (rawdoc! { "a": 1_i64 << 40 }, 15975, ordering),
        (rawdoc! { "a": "x" }, 15974, "Illegal key in $sort specification: a: \"x\""),
        (rawdoc! { "a": true }, 15974, "Illegal key in $sort specification: a: true"),
        (rawdoc! { "a": {} }, 17312, "$meta is the only expression supported by $sort right now"),
        (
            rawdoc! { "a": { "$meta": "textScore" } },
            40218,
            "query requires text score metadata, but it is not available",
        ),
        (rawdoc! { "a": { "$meta": "foo" } }, 31138, "Illegal $meta sort: $meta: \"foo\""),
        (rawdoc! { "": 1 }, 40352, "FieldPath cannot be constructed with empty string"),
        (rawdoc! { "a.": 1 }, 40353, "FieldPath must not end with a '.'."),
        (rawdoc! { "a..b": 1 }, 15998, "FieldPath field names may not be empty strings."),
        (rawdoc! { "$a": 1 }, 16410, dollar),
        (rawdoc! { "a.$": 1 }, 16410, dollar),
        (rawdoc! { "$natural": 1 }, 16410, dollar),
    ] {
        let refused = pattern(by.clone()).unwrap_err();
        assert_eq!((refused.code(), refused.to_string().as_str()), (code, text), "{by:?}");
    }
    for (by, descending) in [
        (rawdoc! { "a": 1.5 }, false),
        (rawdoc! { "a": -1_i64 }, true),
        (rawdoc! { "a.$id": 1.0 }, false),
        (rawdoc! { "$ref": -1.0 }, true),
    ] {
        assert_eq!(pattern(by).unwrap().parts()[0].descending, descending);
    }
    let mut wide = RawDocumentBuf::new();
    (0..33).for_each(|i| wide.append(::bson::raw::CString::try_from(format!("x{i}")).unwrap(), 1));
    assert_eq!(pattern(wide).unwrap_err().code(), 13103);
}

#[test]
fn natural_order() {
    let natural = |by: RawDocumentBuf| SortPattern::natural(by.as_bytes());
    assert_eq!(natural(rawdoc! { "a": 1 }).unwrap(), None);
    assert_eq!(natural(rawdoc! { "$natural": 1 }).unwrap(), Some(true));
    assert_eq!(natural(rawdoc! { "$natural": "x" }).unwrap(), Some(true));
    assert_eq!(natural(rawdoc! { "$natural": -1 }).unwrap(), Some(false));
    let refused = natural(rawdoc! { "a": 1, "$natural": 1 }).unwrap_err();
    let text = "Cannot include '$natural' in compound sort: { a: 1, $natural: 1 }";
    assert_eq!((refused.code(), refused.to_string().as_str()), (2, text));
}

#[test]
fn values_of_keys() {
    let pattern = pattern(rawdoc! { "a": 1, "b": 1 }).unwrap();
    let key = pattern.key(rawdoc! { "b": "text", "a": [3, 2] }.as_bytes()).unwrap();
    let shown: Vec<String> = key.values().map(text::value).collect();
    assert_eq!(shown, ["2", "\"text\""]);
}
