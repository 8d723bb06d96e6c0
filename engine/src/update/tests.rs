//! What updates do, case by case; at random against a model in [`model`].

mod model;
mod mongod;

use super::upsert::{Upsert, prepare_insert};
use super::{Applied, Context, IndexedPaths, Mutation, Update};
use crate::bson::field::{FieldPath, Skips};
use crate::bson::test_documents::hierarchical_day;
use crate::error::{Error, Reason, Result};
use crate::query::Filter;
use ::bson::{RawBson, RawDocumentBuf, rawdoc};

fn apply_indexed(doc: &[u8], update: &RawDocumentBuf, indexed: &IndexedPaths) -> Result<Applied> {
    let context = Context { timestamp: 77, ..Context::new(indexed) };
    Update::parse(update.as_bytes())?.apply(doc, &context)
}

fn apply(doc: &RawDocumentBuf, update: RawDocumentBuf) -> Result<Applied> {
    apply_indexed(doc.as_bytes(), &update, &IndexedPaths::NONE)
}

/// The document after the update, and whether it was changed in place.
#[track_caller]
fn after(doc: &RawDocumentBuf, update: RawDocumentBuf) -> (RawDocumentBuf, &'static str) {
    let applied = apply(doc, update).unwrap();
    let how = match &applied.mutation {
        Mutation::Nothing => "nothing",
        Mutation::InPlace(damages) if damages.changes_layout() => "in place, new layout",
        Mutation::InPlace(_) => "in place",
        Mutation::Regrow(_) => "regrow",
    };
    let new = applied.mutation.into_document(doc.as_bytes().to_vec());
    (RawDocumentBuf::from_bytes(new).unwrap(), how)
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T>, reason: Reason, text: &str) {
    match result {
        Err(Error::Refused { reason: found, message }) => {
            assert_eq!(found, reason, "{message}");
            assert!(message.contains(text), "{message:?} does not say {text:?}");
        }
        other => panic!("{other:?} instead of {reason:?}"),
    }
}

#[test]
fn same_size_stays_in_place() {
    let doc = rawdoc! { "_id": 1, "i": 1, "l": 2_i64, "d": 1.5, "s": "abc", "m": { "x": 1 } };
    let cases = [
        (rawdoc! { "$inc": { "i": 1, "m.x": 2 } }, "in place"),
        (rawdoc! { "$inc": { "l": 1, "d": 1 } }, "in place"),
        (rawdoc! { "$set": { "s": "xyz" } }, "in place"),
        (rawdoc! { "$set": { "l": 1.0 } }, "in place, new layout"),
        (rawdoc! { "$set": { "d": ::bson::DateTime::MIN } }, "in place, new layout"),
        (rawdoc! { "$set": { "m": { "y": 1 } } }, "in place, new layout"),
        (rawdoc! { "$mul": { "i": 3 } }, "in place"),
        (rawdoc! { "$max": { "i": 9 }, "$min": { "l": -9_i64 } }, "in place"),
        (rawdoc! { "$inc": { "i": 1_i64 } }, "regrow"),
        (rawdoc! { "$inc": { "i": i32::MAX } }, "regrow"),
        (rawdoc! { "$inc": { "i": 0.5 } }, "regrow"),
        (rawdoc! { "$inc": { "new": 1 } }, "regrow"),
        (rawdoc! { "$set": { "s": "longer" } }, "regrow"),
        (rawdoc! { "$unset": { "i": 1 } }, "regrow"),
        (rawdoc! { "$inc": { "i": 1 }, "$set": { "s": "" } }, "regrow"),
    ];
    for (update, expected) in cases {
        let (_, how) = after(&doc, update.clone());
        assert_eq!(how, expected, "{update:?}");
    }
}

#[test]
fn no_change_is_nothing() {
    let doc = rawdoc! { "_id": 1, "i": 1, "z": -0.0, "a": [null, 1], "m": { "x": 1 } };
    for update in [
        rawdoc! { "$inc": { "i": 0 } },
        rawdoc! { "$mul": { "i": 1 } },
        rawdoc! { "$set": { "i": 1, "m": { "x": 1 }, "z": -0.0 } },
        rawdoc! { "$set": { "_id": 1 } },
        rawdoc! { "$unset": { "missing": 1, "i.x": 1, "a.7": 1, "a.x": 1 } },
        rawdoc! { "$setOnInsert": { "i": 2, "i2.x": 3 } },
        rawdoc! { "$max": { "i": 0 } },
        rawdoc! { "$min": { "i": "text" } },
        rawdoc! { "_id": 1, "i": 1, "z": -0.0, "a": [null, 1], "m": { "x": 1 } },
    ] {
        let (new, how) = after(&doc, update.clone());
        assert_eq!((new, how), (doc.clone(), "nothing"), "{update:?}");
    }
}

/// As MongoDB counts it: the field was there and was unset.
#[test]
fn null_in_the_place_of_null_is_a_change() {
    let doc = rawdoc! { "_id": 1, "a": [null, 1] };
    assert_eq!(after(&doc, rawdoc! { "$unset": { "a.0": 1 } }), (doc, "in place"));
}

#[test]
fn indexed_paths_are_never_changed_in_place() {
    let doc = rawdoc! { "_id": 1, "m": { "site": 1, "n": 2 }, "a": [5] };
    let indexed = IndexedPaths::new(["_id", "m.site", "a"].map(|p| FieldPath::parse(p).unwrap()));
    let how = |update| {
        let applied = apply_indexed(doc.as_bytes(), &update, &indexed).unwrap();
        (matches!(applied.mutation, Mutation::Regrow(_)), applied.touches_indexes)
    };
    assert_eq!(how(rawdoc! { "$inc": { "m.n": 1 } }), (false, false));
    assert_eq!(how(rawdoc! { "$inc": { "m.n": 1, "m.site": 1 } }), (true, true));
    assert_eq!(how(rawdoc! { "$inc": { "m.n": 1, "m.site": 0 } }), (false, false));
    assert_eq!(how(rawdoc! { "$inc": { "a.0": 1 } }), (true, true));
    assert_eq!(how(rawdoc! { "$inc": { "new": 1 } }), (true, false));
}

#[test]
fn new_fields_follow_in_the_order_written() {
    let doc = rawdoc! { "_id": 1, "b": { "x": 1 }, "z": 0 };
    let update = rawdoc! {
        "$unset": { "q.gone": 1 }, "$inc": { "y": 1, "b.w": 1, "q.r.s": 2 },
        "$set": { "a": "t", "b.a": 1, "q.a": null }, "$mul": { "m": 2_i64 },
    };
    let expected = rawdoc! {
        "_id": 1, "b": { "x": 1, "w": 1, "a": 1 }, "z": 0,
        "y": 1, "q": { "r": { "s": 2 }, "a": null }, "a": "t", "m": 0_i64,
    };
    assert_eq!(after(&doc, update), (expected, "regrow"));
}

#[test]
#[cfg_attr(miri, ignore = "too long")]
fn arrays_are_filled_and_numbered_anew() {
    let doc = rawdoc! { "a": [1, { "x": 1 }], "e": [], "k": [7] };
    let update = rawdoc! {
        "$set": { "a.4": 5, "e.1.y": 2 }, "$inc": { "a.1.x": 1 }, "$unset": { "k.0": 1 },
        "$min": { "a.2": 3 },
    };
    let expected =
        rawdoc! { "a": [1, { "x": 2 }, 3, null, 5], "e": [null, { "y": 2 }], "k": [null] };
    assert_eq!(after(&doc, update).0, expected);
    // Elements that some old writer named otherwise.
    let mut odd = rawdoc! { "a": [1, 2] }.into_bytes();
    let name_at = odd.iter().position(|byte| *byte == b'1').unwrap();
    odd[name_at] = b'9';
    let odd = RawDocumentBuf::from_bytes(odd).unwrap();
    assert_eq!(after(&odd, rawdoc! { "$set": { "a.2": 3 } }).0, rawdoc! { "a": [1, 2, 3] });
    assert_eq!(after(&odd, rawdoc! { "$set": { "a.1": 4 } }).1, "in place");
    let too_far = apply(&doc, rawdoc! { "$set": { "e.1500001": 1 } });
    refused(too_far, Reason::CannotBackfillArray, "can't backfill more than 1500000 elements");
    assert!(apply(&doc, rawdoc! { "$set": { "e.1500000": 1 } }).is_ok());
}

#[test]
#[cfg_attr(miri, ignore = "too long")]
fn what_the_document_refuses() {
    let doc = rawdoc! { "_id": 5, "s": "t", "n": null, "l": i64::MAX, "a": [1], "i": 1 };
    let check = |update, reason, text| refused(apply(&doc, update), reason, text);
    check(
        rawdoc! { "$inc": { "s": 1 } },
        Reason::TypeMismatch,
        "Cannot apply $inc to a value of non-numeric type. {_id: 5} has the field 's' of \
         non-numeric type string",
    );
    check(rawdoc! { "$inc": { "n": 1 } }, Reason::TypeMismatch, "non-numeric type null");
    check(rawdoc! { "$mul": { "a": 1 } }, Reason::TypeMismatch, "$mul");
    check(
        rawdoc! { "$inc": { "l": 1 } },
        Reason::BadValue,
        "Failed to apply $inc operations to current value ((NumberLong)9223372036854775807) for \
         document {_id: 5}",
    );
    check(
        rawdoc! { "$inc": { "s.x.y": 1 } },
        Reason::PathNotViable,
        "Cannot create field 'x' in element {s: \"t\"}",
    );
    check(rawdoc! { "$set": { "a.x": 1 } }, Reason::PathNotViable, "'x' in element {a: [ 1 ]}");
    check(rawdoc! { "$set": { "_id": 6 } }, Reason::ImmutableField, "'_id'");
    check(rawdoc! { "$inc": { "_id": 1 } }, Reason::ImmutableField, "'_id'");
    check(rawdoc! { "$unset": { "_id": 1 } }, Reason::ImmutableField, "'_id'");
    check(rawdoc! { "_id": 6, "x": 1 }, Reason::ImmutableField, "altered to _id: 6");
    let large = rawdoc! { "$set": { "x": "y".repeat(16 << 20) } };
    refused(apply(&doc, large), Reason::Location(17419), "larger than 16777216");
}

#[test]
fn what_is_refused_whatever_the_document() {
    let check = |update: RawDocumentBuf, reason, text| {
        refused(Update::parse(update.as_bytes()), reason, text)
    };
    check(rawdoc! { "$foo": { "a": 1 } }, Reason::FailedToParse, "Unknown modifier: $foo");
    check(rawdoc! { "$set": { "a": 1 }, "b": 1 }, Reason::FailedToParse, "Unknown modifier: b");
    check(rawdoc! { "b": 1, "$set": { "a": 1 } }, Reason::DollarPrefixedFieldName, "'$set'");
    check(rawdoc! { "$inc": 5 }, Reason::FailedToParse, "instead. For example: {$mod: {<field>");
    check(
        rawdoc! { "$inc": { "a": "x" } },
        Reason::TypeMismatch,
        "Cannot increment with non-numeric argument: {a: \"x\"}",
    );
    check(rawdoc! { "$mul": { "a": null } }, Reason::TypeMismatch, "Cannot multiply with");
    check(rawdoc! { "$set": { "a..b": 1 } }, Reason::EmptyFieldName, "'a..b'");
    check(rawdoc! { "$set": { "": 1 } }, Reason::EmptyFieldName, "An empty update path");
    for (update, at) in [
        (rawdoc! { "$inc": { "a": 1 }, "$set": { "a": 1 } }, "'a' would create a conflict at 'a'"),
        (
            rawdoc! { "$inc": { "a.b": 1 }, "$set": { "a": 1 } },
            "'a' would create a conflict at 'a'",
        ),
        (
            rawdoc! { "$setOnInsert": { "h": 1 }, "$inc": { "h.1": 1 } },
            "'h.1' would create a conflict at 'h'",
        ),
        (rawdoc! { "$inc": { "a.b.c": 1, "a.b": 1 } }, "conflict at 'a.b'"),
    ] {
        check(update, Reason::ConflictingUpdateOperators, at);
    }
}

#[test]
fn many_fields_of_one_level_conflict_and_apply_as_few_do() {
    let mut fields = RawDocumentBuf::new();
    for i in 0..100 {
        fields.append(::bson::raw::CString::try_from(format!("f{i}")).unwrap(), i);
    }
    let (new, _) = after(&rawdoc! { "_id": 1 }, rawdoc! { "$set": fields.clone() });
    assert_eq!(new.get_i32("f99").unwrap(), 99);
    let conflict = rawdoc! { "$set": fields, "$inc": { "f60": 1 } };
    refused(apply(&new, conflict), Reason::ConflictingUpdateOperators, "'f60'");
}

#[test]
#[cfg_attr(miri, ignore = "too long")]
fn nesting_stays_within_its_limit() {
    let doc = rawdoc! { "_id": 1 };
    let at = |path: &str, value: RawBson| {
        let mut fields = RawDocumentBuf::new();
        fields.append(::bson::raw::CString::try_from(path).unwrap(), value);
        apply(&doc, rawdoc! { "$set": fields })
    };
    let path = |components: usize| vec!["x"; components].join(".");
    let limit = crate::limits::NESTING_MAX;
    assert!(at(&path(limit), 1.into()).is_ok());
    assert!(at(&path(limit - 2), rawdoc! { "y": { "z": 1 } }.into()).is_ok());
    refused(at(&path(limit - 1), rawdoc! { "y": { "z": 1 } }.into()), Reason::Overflow, "nesting");
    refused(at(&path(limit + 1), 1.into()), Reason::Overflow, "components");
}

#[test]
fn skips_are_those_of_a_scan_for_each_field() {
    let doc = RawDocumentBuf::from_bytes(hierarchical_day()).unwrap();
    let applied = apply(&doc, rawdoc! { "$inc": { "hourly.13": 1, "minute.13.37": 1 } }).unwrap();
    assert_eq!(applied.skips.fields, (2 + 13) + (3 + 13 + 37));
    let Mutation::InPlace(damages) = applied.mutation else { panic!("not in place") };
    assert_eq!(damages.iter().count(), 2);
}

#[test]
fn replacement_keeps_the_id_and_fills_timestamps() {
    let doc = rawdoc! { "a": 1, "_id": 7_i64, "b": 2 };
    let empty = ::bson::Timestamp { time: 0, increment: 0 };
    let now = ::bson::Timestamp { time: 0, increment: 77 };
    let update = rawdoc! { "c": 1, "_id": 7, "t": empty, "in": { "t": empty } };
    let expected = rawdoc! { "_id": 7_i64, "c": 1, "t": now, "in": { "t": empty } };
    assert_eq!(after(&doc, update), (expected, "regrow"));
    assert_eq!(after(&doc, rawdoc! {}).0, rawdoc! { "_id": 7_i64 });
}

#[test]
fn a_replacement_changes_nothing_if_it_is_the_document_itself() {
    let doc = rawdoc! { "_id": 7, "a": 1 };
    let cases = [
        (rawdoc! { "_id": 7, "a": 1 }, "nothing"),
        (rawdoc! { "a": 1 }, "in place"),
        (rawdoc! { "a": 1, "_id": 7 }, "in place"),
        (rawdoc! { "_id": 7, "a": 1_i64 }, "regrow"),
    ];
    for (update, expected) in cases {
        let (new, how) = after(&doc, update.clone());
        assert_eq!(how, expected, "{update:?}");
        assert!(expected == "regrow" || new == doc, "{update:?}");
    }
}

#[track_caller]
fn upsert(
    filter: RawDocumentBuf,
    update: RawDocumentBuf,
    template: Option<&RawDocumentBuf>,
) -> Result<RawDocumentBuf> {
    let filter = Filter::parse(filter.as_bytes())?;
    let upsert = Upsert {
        equalities: &filter.equalities()?,
        update: &Update::parse(update.as_bytes())?,
        template: template.map(|template| template.as_bytes()),
        new_id: [9; 12],
        timestamp: 77,
        now_ms: 0,
        field_order: Default::default(),
        variables: &[],
    };
    Ok(RawDocumentBuf::from_bytes(upsert.document()?).unwrap())
}

#[test]
fn upserts_start_from_the_filter() {
    let made = upsert(
        rawdoc! {
            "metadata": { "site": "s", "page": "p" }, "n.x": 5, "r": { "$gt": 1 }, "_id": "k",
        },
        rawdoc! { "$inc": { "hourly.13": 1, "n.x": 2 }, "$setOnInsert": { "v": 1 } },
        None,
    );
    let expected = rawdoc! {
        "_id": "k", "metadata": { "site": "s", "page": "p" }, "n": { "x": 7 },
        "hourly": { "13": 1 }, "v": 1,
    };
    assert_eq!(made.unwrap(), expected);
    let id = ::bson::oid::ObjectId::from_bytes([9; 12]);
    let made = upsert(rawdoc! { "a": 1 }, rawdoc! { "$unset": { "a": 1 } }, None);
    assert_eq!(made.unwrap(), rawdoc! { "_id": id });
    let made = upsert(rawdoc! { "a": 1 }, rawdoc! { "$setOnInsert": { "_id": 3 } }, None);
    assert_eq!(made.unwrap(), rawdoc! { "_id": 3, "a": 1 });
    let made = upsert(rawdoc! { "_id": 4, "a": 1 }, rawdoc! { "b": 2 }, None);
    assert_eq!(made.unwrap(), rawdoc! { "_id": 4, "b": 2 });
    let made = upsert(rawdoc! { "a": 1 }, rawdoc! { "b": 2, "_id": 5 }, None);
    assert_eq!(made.unwrap(), rawdoc! { "_id": 5, "b": 2 });
}

#[test]
fn upserts_that_are_refused() {
    let check = |filter, update, reason, text| refused(upsert(filter, update, None), reason, text);
    let inc = || rawdoc! { "$inc": { "x": 1 } };
    check(rawdoc! { "m": 1, "m.b": 2 }, inc(), Reason::NotSingleValueField, "'m.b' and 'm'");
    check(rawdoc! { "x": "s" }, inc(), Reason::TypeMismatch, "'x'");
    check(rawdoc! { "": 1 }, inc(), Reason::IllegalOperation, "the root object");
    check(rawdoc! { "_id.x": 1 }, rawdoc! { "a": 1 }, Reason::NotExactValueField, "'_id.x'");
    check(rawdoc! { "_id": 1 }, rawdoc! { "$set": { "_id": 2 } }, Reason::ImmutableField, "'_id'");
    check(rawdoc! { "_id": 1 }, rawdoc! { "_id": 2 }, Reason::ImmutableField, "_id: 2");
    check(rawdoc! { "_id": { "$in": [[1]] } }, inc(), Reason::InvalidIdField, "type array");
}

#[test]
fn upserts_from_a_template() {
    let template = rawdoc! {
        "metadata": { "site": "", "page": "" }, "daily": 0, "hourly": { "0": 0, "1": 0 },
    };
    let update = || rawdoc! { "$inc": { "hourly.1": 1, "daily": 1, "new": 1 } };
    let made = upsert(
        rawdoc! { "zone": "utc", "_id": "k", "metadata.page": "/x", "o.p": 1 },
        update(),
        Some(&template),
    );
    let expected = rawdoc! {
        "_id": "k", "zone": "utc", "o": { "p": 1 }, "metadata": { "site": "", "page": "/x" },
        "daily": 1, "hourly": { "0": 0, "1": 1 }, "new": 1,
    };
    assert_eq!(made.unwrap(), expected);
    let made = upsert(rawdoc! { "_id": 1, "metadata": "m" }, update(), Some(&template)).unwrap();
    let expected = rawdoc! {
        "_id": 1, "metadata": "m", "daily": 1, "hourly": { "0": 0, "1": 1 }, "new": 1,
    };
    assert_eq!(made, expected);
    let blocked = upsert(rawdoc! { "daily.x": 1 }, update(), Some(&template));
    refused(blocked, Reason::PathNotViable, "'daily.x'");
    let replaced = upsert(rawdoc! { "_id": 1 }, rawdoc! { "a": 1 }, Some(&template)).unwrap();
    assert_eq!(replaced, rawdoc! { "_id": 1, "a": 1 });
}

#[test]
fn documents_are_readied_for_insertion() {
    let prepare = |doc: RawDocumentBuf| {
        let bytes = prepare_insert(doc.as_bytes(), [9; 12], 77)?.into_owned();
        Ok(RawDocumentBuf::from_bytes(bytes).unwrap())
    };
    let id = ::bson::oid::ObjectId::from_bytes([9; 12]);
    let empty = ::bson::Timestamp { time: 0, increment: 0 };
    let now = ::bson::Timestamp { time: 0, increment: 77 };
    let untouched = rawdoc! { "_id": 1, "b": 2 };
    assert_eq!(prepare(untouched.clone()).unwrap(), untouched);
    assert_eq!(prepare(rawdoc! { "a": 1, "_id": 2 }).unwrap(), rawdoc! { "_id": 2, "a": 1 });
    assert_eq!(prepare(rawdoc! { "a": 1 }).unwrap(), rawdoc! { "_id": id, "a": 1 });
    let stamped = prepare(rawdoc! { "_id": 1, "t": empty, "d": { "t": empty } }).unwrap();
    assert_eq!(stamped, rawdoc! { "_id": 1, "t": now, "d": { "t": empty } });
    let odd = rawdoc! { "_id": { "$ref": "c", "$id": 1 }, "$a": 1, "a.b": { "$c": 1, "": 2 } };
    assert_eq!(prepare(odd.clone()).unwrap(), odd);
    refused(prepare(rawdoc! { "_id": [1] }), Reason::InvalidIdField, "cannot be of type array");
    let undefined = rawdoc! { "_id": RawBson::Undefined };
    refused(prepare(undefined), Reason::InvalidIdField, "cannot be of type undefined");
    for id in [rawdoc! { "$x": 1 }, rawdoc! { "a": [{ "$x": 1 }] }, rawdoc! { "$id": 1 }] {
        let text = "_id fields may not contain '$'-prefixed fields: $";
        refused(prepare(rawdoc! { "_id": id }), Reason::DollarPrefixedFieldName, text);
    }
}

#[test]
fn nothing_is_skipped_for_a_replacement() {
    let applied = apply(&rawdoc! { "_id": 1 }, rawdoc! { "a": 1 }).unwrap();
    assert_eq!((applied.skips, applied.touches_indexes), (Skips::default(), true));
}
