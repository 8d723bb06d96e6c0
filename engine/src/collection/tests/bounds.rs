//! What an index gives is what the collection gives: every operator with operands of every type,
//! on documents with values of every type, arrays and nothing at all.

use std::sync::Arc;

use bson::{RawBson, RawDocumentBuf, rawdoc};

use super::open;
use crate::disk::HeapDisk;
use crate::{Collection, Hint, IndexSpec};

fn values() -> Vec<RawBson> {
    let decimal = |text: &str| RawBson::from(text.parse::<bson::Decimal128>().expect("a decimal"));
    let list = |values: &[RawBson]| RawBson::Array(values.iter().cloned().collect());
    let regex = |pattern: &str| {
        let (pattern, options) = (pattern.try_into().expect("no NUL"), bson::cstr!("").into());
        RawBson::RegularExpression(bson::Regex { pattern, options })
    };
    let binary = |subtype: u8, bytes: &[u8]| {
        RawBson::Binary(bson::Binary { subtype: subtype.into(), bytes: bytes.to_vec() })
    };
    vec![
        RawBson::MinKey,
        RawBson::MaxKey,
        RawBson::Null,
        f64::NAN.into(),
        decimal("NaN"),
        f64::NEG_INFINITY.into(),
        decimal("Infinity"),
        (-0.0).into(),
        5.into(),
        decimal("5"),
        5.5.into(),
        i64::MAX.into(),
        (-(i64::MIN as f64)).into(),
        "".into(),
        "a".into(),
        "a\u{10ffff}".into(),
        "ab".into(),
        "b".into(),
        RawBson::Symbol("ab".into()),
        rawdoc! {}.into(),
        rawdoc! { "a": 5 }.into(),
        rawdoc! { "a": [] }.into(),
        rawdoc! { "a": [5, { "a": 1 }] }.into(),
        list(&[]),
        list(&[5.into()]),
        list(&[5.into(), "ab".into()]),
        list(&[list(&[])]),
        list(&[list(&[5.into()]), RawBson::Null]),
        list(&[RawBson::MaxKey]),
        list(&[RawBson::MinKey, RawBson::Undefined]),
        list(&[rawdoc! { "a": 5 }.into(), 7.into()]),
        list(&[rawdoc! { "a": RawBson::Null }.into(), rawdoc! {}.into()]),
        binary(0, &[]),
        binary(5, &[1, 2]),
        bson::oid::ObjectId::from_bytes([0xff; 12]).into(),
        true.into(),
        false.into(),
        bson::DateTime::from_millis(i64::MIN).into(),
        bson::DateTime::from_millis(0).into(),
        bson::Timestamp { time: u32::MAX, increment: 1 }.into(),
        bson::Timestamp { time: 1, increment: u32::MAX }.into(),
        regex("^a"),
        RawBson::JavaScriptCode("f".into()),
    ]
}

fn filters() -> Vec<RawDocumentBuf> {
    let mut all = vec![];
    let mut add = |test: RawBson| {
        for path in [bson::cstr!("a"), bson::cstr!("a.a"), bson::cstr!("a.0")] {
            let mut filter = RawDocumentBuf::new();
            filter.append(path, test.clone());
            all.push(filter);
        }
    };
    for value in values() {
        let is_regex = matches!(value, RawBson::RegularExpression(_));
        add(rawdoc! { "$in": [value.clone(), 7] }.into());
        add(rawdoc! { "$nin": [value.clone(), 7] }.into());
        add(rawdoc! { "$all": [value.clone()] }.into());
        add(rawdoc! { "$eq": value.clone() }.into());
        add(rawdoc! { "$not": { "$eq": value.clone() } }.into());
        add(rawdoc! { "$elemMatch": { "$eq": value.clone() } }.into());
        add(rawdoc! { "$elemMatch": { "a": value.clone() } }.into());
        for name in ["$gt", "$gte", "$lt", "$lte", "$ne"].iter().filter(|_| !is_regex) {
            let name: bson::raw::CString = (*name).try_into().expect("no NUL");
            let mut test = RawDocumentBuf::new();
            test.append(&name, value.clone());
            add(test.clone().into());
            add(rawdoc! { "$not": test.clone() }.into());
            add(rawdoc! { "$elemMatch": test }.into());
        }
    }
    for ty in (1..=19).chain([-1, 127]) {
        add(rawdoc! { "$type": ty }.into());
        add(rawdoc! { "$not": { "$type": ty } }.into());
    }
    for pattern in ["^a", "^ab\\E*$", "^ab(?#or not)*$", "^ab\\Q\\E*$", "a", "^a\u{10ffff}", "^"] {
        add(rawdoc! { "$regex": pattern }.into());
        add(rawdoc! { "$not": { "$regex": pattern } }.into());
    }
    for exists in [true, false] {
        add(rawdoc! { "$exists": exists }.into());
        add(rawdoc! { "$not": { "$exists": exists } }.into());
    }
    add(rawdoc! { "$mod": [5, 0] }.into());
    add(rawdoc! { "$gte": 5, "$lte": 5 }.into());
    add(rawdoc! { "$gt": 5, "$lt": 7 }.into());
    add(rawdoc! { "$ne": RawBson::Null, "$lt": 7 }.into());
    all
}

fn ids(collection: &Collection, filter: &RawDocumentBuf, natural: bool) -> Vec<i32> {
    let mut find = collection.find(filter);
    if natural {
        find = find.hint(Hint::Keys(rawdoc! { "$natural": 1 }.into_bytes()));
    }
    let found = find.run().expect("valid").map(|document| document.expect("found"));
    let mut ids: Vec<_> = found.map(|document| document.get_i32("_id").expect("an id")).collect();
    ids.sort_unstable();
    ids
}

/// By indexes whose documents are all, and by such as some of them make multikey.
#[test]
#[cfg_attr(miri, ignore = "too long")]
fn indexes_give_what_the_collection_gives() {
    let is_single = |value: &RawBson| !matches!(value, RawBson::Array(list) if !list.is_empty());
    let single: Vec<_> = values().into_iter().filter(is_single).collect();
    for values in [single, values()] {
        let engine = open(Arc::new(HeapDisk::new()));
        let collection = engine.collection("d.c").expect("a name");
        collection.insert_one(rawdoc! { "_id": -1 }).expect("inserted");
        for (id, value) in (0..).zip(values) {
            collection.insert_one(rawdoc! { "_id": id, "a": value }).expect("inserted");
        }
        let specs = ["a", "a.a", "a.0"].map(|path| {
            [
                IndexSpec::new(&[(path, 1)]),
                IndexSpec::new(&[(path, -1), ("_id", 1)]),
                IndexSpec::new(&[(path, 1), ("_id", 1)]).sparse(true),
            ]
        });
        let filters = filters();
        let expected: Vec<_> = filters.iter().map(|one| ids(&collection, one, true)).collect();
        for spec in specs.into_iter().flatten() {
            let shown = format!("{spec:?}");
            let name = collection.create_index(spec).expect("an index");
            for (filter, expected) in filters.iter().zip(&expected) {
                assert_eq!(&ids(&collection, filter, false), expected, "{filter:?} by {shown}");
            }
            collection.drop_index(&name).expect("dropped");
        }
    }
}
