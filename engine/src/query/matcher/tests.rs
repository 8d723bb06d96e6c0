//! Filters on documents, operator by operator.

use super::*;
use crate::error::Error;
use ::bson::{RawBson, RawDocumentBuf, rawdoc};

#[track_caller]
fn check(doc: &RawDocumentBuf, filter: RawDocumentBuf, expected: bool) {
    let parsed = Filter::parse(filter.as_bytes()).unwrap();
    assert_eq!(parsed.matches(doc.as_bytes()).unwrap(), expected, "{filter:?} on {doc:?}");
}

#[test]
fn equality() {
    let doc = rawdoc! { "a": 1, "m": { "x": 1, "y": "z" }, "n": null };
    check(&doc, rawdoc! {}, true);
    check(&doc, rawdoc! { "a": 1.0 }, true);
    check(&doc, rawdoc! { "a": 2 }, false);
    check(&doc, rawdoc! { "a": "1" }, false);
    check(&doc, rawdoc! { "m": { "x": 1_i64, "y": "z" } }, true);
    check(&doc, rawdoc! { "m": { "y": "z", "x": 1 } }, false);
    check(&doc, rawdoc! { "m": { "x": 1 } }, false);
    check(&doc, rawdoc! { "m.x": 1, "m.y": { "$eq": "z" } }, true);
    check(&doc, rawdoc! { "m.x": 1, "a": 3 }, false);
    check(&doc, rawdoc! { "$and": [{ "a": 1 }, { "m.x": 1 }] }, true);
    check(&doc, rawdoc! { "$and": [{ "a": 1 }, { "m.x": 2 }] }, false);
}

#[test]
fn null_matches_what_is_missing() {
    let doc = rawdoc! { "a": 1, "n": null, "u": RawBson::Undefined };
    for name in ["n", "u", "missing", "missing.below", "a.below"] {
        let mut filter = RawDocumentBuf::new();
        filter.append(::bson::raw::CString::try_from(name).unwrap(), RawBson::Null);
        check(&doc, filter, true);
    }
    check(&doc, rawdoc! { "a": null }, false);
    check(&doc, rawdoc! { "missing": { "$gte": null } }, true);
    check(&doc, rawdoc! { "missing": { "$gt": null } }, false);
    check(&doc, rawdoc! { "missing": { "$in": [1, null] } }, true);
}

#[test]
fn order_within_a_type() {
    let doc = rawdoc! { "a": 5, "s": "m", "nan": f64::NAN };
    check(&doc, rawdoc! { "a": { "$gt": 4, "$lt": 5.5 } }, true);
    check(&doc, rawdoc! { "a": { "$gt": 5 } }, false);
    check(&doc, rawdoc! { "a": { "$gte": 5, "$lte": 5 } }, true);
    check(&doc, rawdoc! { "a": { "$lt": "z" } }, false);
    check(&doc, rawdoc! { "s": { "$gt": 1 } }, false);
    check(&doc, rawdoc! { "s": { "$gte": "m", "$lt": "n" } }, true);
    check(&doc, rawdoc! { "s": { "$gt": RawBson::MinKey, "$lt": RawBson::MaxKey } }, true);
    check(&doc, rawdoc! { "nan": { "$lt": 5 } }, false);
    check(&doc, rawdoc! { "nan": { "$gte": f64::NAN } }, true);
    check(&doc, rawdoc! { "nan": { "$lt": RawBson::MaxKey } }, true);
    check(&doc, rawdoc! { "a": { "$gt": f64::NAN } }, false);
}

#[test]
fn arrays() {
    let doc = rawdoc! { "a": [1, [2, 3]], "d": [{ "b": 1 }, { "c": 2 }, 7], "e": [] };
    check(&doc, rawdoc! { "a": 1 }, true);
    check(&doc, rawdoc! { "a": [2, 3] }, true);
    check(&doc, rawdoc! { "a": [1, [2, 3]] }, true);
    check(&doc, rawdoc! { "a": 2 }, false);
    check(&doc, rawdoc! { "a.1": 2 }, false);
    check(&doc, rawdoc! { "a.1": [2, 3] }, true);
    check(&doc, rawdoc! { "a.1.0": 2 }, true);
    check(&doc, rawdoc! { "a.0": 1 }, true);
    check(&doc, rawdoc! { "a.00": 1 }, false);
    check(&doc, rawdoc! { "d.b": 1 }, true);
    check(&doc, rawdoc! { "d.0.b": 1 }, true);
    check(&doc, rawdoc! { "d.1.b": 1 }, false);
    check(&doc, rawdoc! { "d.b": null }, true);
    check(&doc, rawdoc! { "a.0.b": null }, false);
    check(&doc, rawdoc! { "a.x": null }, false);
    check(&doc, rawdoc! { "d.2": { "$gt": 6 } }, true);
    check(&doc, rawdoc! { "e": [] }, true);
    check(&doc, rawdoc! { "e.x": 1 }, false);
    check(&doc, rawdoc! { "a": { "$gt": 0, "$lt": 2 } }, true);
}

#[test]
fn existence() {
    let doc = rawdoc! { "a": [{ "b": null }], "n": null };
    check(&doc, rawdoc! { "n": { "$exists": true } }, true);
    check(&doc, rawdoc! { "a.b": { "$exists": 1 } }, true);
    check(&doc, rawdoc! { "a.c": { "$exists": true } }, false);
    check(&doc, rawdoc! { "z": { "$exists": false } }, true);
    check(&doc, rawdoc! { "n": { "$exists": 0 } }, false);
}

#[test]
#[cfg_attr(miri, ignore = "too long")]
fn the_ways_through_nested_arrays_are_bounded() {
    let levels = 60;
    let doc = (0..levels).fold(rawdoc! { "0": 1 }, |inner, _| rawdoc! { "0": [inner] });
    let path = ["0"; 90].join(".");
    let mut filter = RawDocumentBuf::new();
    filter.append(::bson::raw::CString::try_from(path).unwrap(), 7);
    let filter = Filter::parse(filter.as_bytes()).unwrap();
    assert!(matches!(filter.matches(doc.as_bytes()), Err(Error::Refused { .. })));
}

#[test]
fn broken_documents_are_errors() {
    let filter = Filter::parse(rawdoc! { "zz.q": 1 }.as_bytes()).unwrap();
    let mut doc = rawdoc! { "a": 1, "zz": { "q": 1 } }.into_bytes();
    doc[4] = 0x66;
    assert!(filter.matches(&doc).is_err());
}

fn regex(pattern: &str, options: &str) -> RawBson {
    let (pattern, options) = (pattern.try_into().unwrap(), options.try_into().unwrap());
    RawBson::RegularExpression(::bson::Regex { pattern, options })
}

/// The numbers of the values, each in a document of its own, that pass the operators.
#[track_caller]
fn check_values(values: &[RawBson], operators: RawDocumentBuf, expected: &[usize]) {
    let filter = rawdoc! { "a": operators };
    let parsed = Filter::parse(filter.as_bytes()).unwrap();
    let passed: Vec<usize> = (0..values.len())
        .filter(|i| parsed.matches(rawdoc! { "a": values[*i].clone() }.as_bytes()).unwrap())
        .collect();
    assert_eq!(passed, expected, "{filter:?}");
}

#[test]
fn patterns() {
    let strings = ["abc", "ABC\n", "é1", "[x", "a{b", "x\nabc", "٣", "a<b", "a\0b"];
    let mut values: Vec<RawBson> = strings.iter().map(|text| RawBson::from(*text)).collect();
    values.push(RawBson::Symbol("abc".into()));
    values.push(RawBson::JavaScriptCode("abc".into()));
    values.push(regex("abc", "i"));
    // Symbols and the expression itself too: 9 is a symbol, 11 an expression.
    for (pattern, options, expected) in [
        ("A", "i", &[0, 1, 4, 5, 7, 8, 9][..]),
        ("abc", "i", &[0, 1, 5, 9, 11]),
        ("^abc$", "", &[0, 9]),
        ("^ABC$", "", &[1]),
        ("c$", "", &[0, 5, 9]),
        ("C$", "", &[1]),
        ("^a", "m", &[0, 4, 5, 7, 8, 9]),
        ("^\\w", "", &[0, 1, 4, 5, 7, 8, 9]),
        ("\\d", "", &[2]),
        ("[[]", "", &[3]),
        ("a{b", "", &[4]),
        ("[^\\W]1", "", &[]),
        ("É", "i", &[2]),
        ("a b", "x", &[0, 5, 9]),
        ("x.a", "s", &[5]),
        ("x.a", "", &[]),
        ("\\<", "", &[7]),
        ("(?i)ABC", "", &[0, 1, 5, 9]),
        ("(?<!x)b", "", &[0, 4, 5, 7, 8, 9]),
        ("\\Aabc\\z", "", &[0, 9]),
        ("\\Qa{b\\E", "", &[4]),
        ("a++b", "", &[0, 5, 9]),
        ("[[:alpha:]]1", "", &[]),
        ("\\x61b", "", &[0, 5, 9]),
        ("a\\/?b", "", &[0, 5, 9]),
        ("", "", &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ("\\p{L}1", "", &[2]),
        ("\\R", "", &[1, 5]),
        ("\\h", "", &[]),
        ("a(?#note)b", "", &[0, 5, 9]),
        ("(a)\\1", "", &[]),
    ] {
        let operators = rawdoc! { "$regex": pattern, "$options": options };
        check_values(&values, operators, expected);
        let both = rawdoc! { "$in": [regex(pattern, options)] };
        check_values(&values, both, expected);
    }
    check_values(&values, rawdoc! { "$eq": regex("abc", "i") }, &[11]);
    check_values(&values, rawdoc! { "$eq": "abc" }, &[0, 9]);
    check_values(&values, rawdoc! { "$not": regex("a|A|1", "") }, &[3, 6, 10, 11]);
}

#[test]
fn a_pattern_that_takes_too_long_is_an_error() {
    let filter = rawdoc! { "a": { "$regex": "(a*)*\\1b" } };
    let filter = Filter::parse(filter.as_bytes()).unwrap();
    let doc = rawdoc! { "a": "a".repeat(40) };
    assert_eq!(filter.matches(doc.as_bytes()).unwrap_err().code(), 51156);
}

fn numbers() -> Vec<RawBson> {
    let decimal = |text: &str| RawBson::Decimal128(text.parse().unwrap());
    let binary =
        |bytes: &[u8]| RawBson::Binary(::bson::Binary { subtype: 0.into(), bytes: bytes.to_vec() });
    vec![
        7.into(),
        (-7).into(),
        ((1_i64 << 40) + 1).into(),
        2.9.into(),
        (-2.9).into(),
        f64::INFINITY.into(),
        f64::NAN.into(),
        decimal("4.9"),
        decimal("1E40"),
        "x".into(),
        RawBson::Null,
        RawBson::Array([4, 5].into_iter().collect()),
        1e30.into(),
        i64::MIN.into(),
        (-0.0).into(),
        binary(&[5]),
        binary(&[]),
        binary(&[1, 2, 3, 4, 5, 6, 7, 8, 255]),
        (-1).into(),
        decimal("5"),
        5.5.into(),
        true.into(),
        decimal("NaN"),
        decimal("0"),
    ]
}

#[test]
#[cfg_attr(miri, ignore = "bitvec, by which `bson` parses decimals, breaks stacked borrows")]
fn remainders_and_bits() {
    let check = |operators, expected| check_values(&numbers(), operators, expected);
    check(rawdoc! { "$mod": [2, 1] }, &[0, 2, 11, 19, 20]);
    check(rawdoc! { "$mod": [2.9, 0] }, &[3, 4, 7, 11, 13, 14, 23]);
    check(rawdoc! { "$mod": [2, -1] }, &[1, 18]);
    check(rawdoc! { "$mod": [-1, 0] }, &[0, 1, 2, 3, 4, 7, 11, 13, 14, 18, 19, 20, 23]);
    check(rawdoc! { "$mod": [3, 1] }, &[0, 7, 11]);
    let binary = |bytes: &[u8]| ::bson::Binary { subtype: 0.into(), bytes: bytes.to_vec() };
    for set in [RawBson::from(5), RawBson::Binary(binary(&[5, 0, 0]))] {
        check(rawdoc! { "$bitsAllSet": set }, &[0, 7, 11, 15, 18, 19]);
    }
    check(rawdoc! { "$bitsAllClear": 5 }, &[8, 13, 14, 16, 22, 23]);
    check(rawdoc! { "$bitsAnySet": [1] }, &[0, 18]);
    check(rawdoc! { "$bitsAnyClear": 4 }, &[1, 2, 8, 13, 14, 16, 17, 22, 23]);
    check(rawdoc! { "$bitsAllSet": [70] }, &[1, 8, 13, 17, 18, 22]);
    check(rawdoc! { "$bitsAllClear": [70] }, &[0, 2, 7, 11, 14, 15, 16, 19, 23]);
    check(rawdoc! { "$bitsAnySet": [63] }, &[1, 8, 13, 18, 22]);
    check(rawdoc! { "$bitsAnySet": 0 }, &[]);
}

#[test]
fn operators_on_arrays_and_types() {
    let doc = rawdoc! { "a": [1, 2, { "b": 1 }], "n": [[1]], "e": [], "z": [null], "u": "x" };
    for (filter, expected) in [
        (rawdoc! { "a": { "$all": [1, 2] } }, true),
        (rawdoc! { "a": { "$all": [1, 3] } }, false),
        (rawdoc! { "a": { "$all": [] } }, false),
        (rawdoc! { "a": { "$all": [[1, 2, { "b": 1 }]] } }, true),
        (rawdoc! { "a": { "$all": [{ "$elemMatch": { "$gt": 1 } }] } }, true),
        (rawdoc! { "u": { "$all": ["x"] } }, true),
        (rawdoc! { "missing": { "$all": [null] } }, true),
        (rawdoc! { "a": { "$elemMatch": {} } }, true),
        (rawdoc! { "z": { "$elemMatch": {} } }, false),
        (rawdoc! { "n": { "$elemMatch": { "0": 1 } } }, true),
        (rawdoc! { "n": { "$elemMatch": { "b": null } } }, true),
        (rawdoc! { "z": { "$elemMatch": { "b": null } } }, false),
        (rawdoc! { "n": { "$elemMatch": { "$elemMatch": { "$eq": 1 } } } }, true),
        (rawdoc! { "n": { "$elemMatch": { "$eq": 1 } } }, false),
        (rawdoc! { "a": { "$elemMatch": { "$not": { "$lt": 5 } } } }, true),
        (rawdoc! { "a": { "$elemMatch": { "$or": [{ "b": 2 }, { "b": 1 }] } } }, true),
        (rawdoc! { "a": { "$elemMatch": { "$nor": [{ "b": 1 }] } } }, false),
        (rawdoc! { "u": { "$elemMatch": { "$eq": "x" } } }, false),
        (rawdoc! { "u": { "$not": { "$elemMatch": { "$eq": "x" } } } }, true),
        (rawdoc! { "a": { "$size": 3 } }, true),
        (rawdoc! { "a": { "$size": 2 } }, false),
        (rawdoc! { "e": { "$size": 0 } }, true),
        (rawdoc! { "n.0": { "$size": 1 } }, true),
        (rawdoc! { "u": { "$size": 1 } }, false),
        (rawdoc! { "a": { "$type": "array" } }, true),
        (rawdoc! { "a": { "$type": ["string", 3] } }, true),
        (rawdoc! { "a": { "$type": "number" } }, true),
        (rawdoc! { "z": { "$type": 10 } }, true),
        (rawdoc! { "missing": { "$type": 10 } }, false),
        (rawdoc! { "a": { "$nin": [5, 6] } }, true),
        (rawdoc! { "a": { "$nin": [5, 1] } }, false),
        (rawdoc! { "missing": { "$nin": [null] } }, false),
        (rawdoc! { "a": { "$ne": 1 } }, false),
        (rawdoc! { "n": { "$gt": [0] } }, true),
        (rawdoc! { "n": { "$lt": [1] } }, false),
        (rawdoc! { "z": { "$gt": [] } }, true),
        (rawdoc! { "e": { "$gte": [] } }, true),
        (rawdoc! { "a.": 2 }, true),
        (rawdoc! { "a": { "$not": { "$gt": 1, "$lt": 0 } } }, true),
        (rawdoc! { "a": { "$not": { "$gt": 1, "$lt": 2 } } }, false),
        (rawdoc! { "$or": [{ "u": 1 }, { "u": "x" }] }, true),
        (rawdoc! { "$nor": [{ "u": 1 }, { "u": "x" }] }, false),
        (rawdoc! { "$alwaysTrue": 1 }, true),
        (rawdoc! { "$alwaysFalse": 1.0 }, false),
        (rawdoc! { "$comment": "why" }, true),
        (rawdoc! { "$expr": "$u" }, true),
        (rawdoc! { "$nor": [{ "$expr": "$missing" }] }, true),
    ] {
        check(&doc, filter, expected);
    }
}
