//! The language of filters: what is refused, what an upsert copies.

use super::*;
use crate::bson::text;
use ::bson::{RawBson, RawDocumentBuf, rawdoc};

fn parse(filter: RawDocumentBuf) -> Result<Filter> {
    Filter::parse(filter.as_bytes())
}

fn regex(pattern: &str, options: &str) -> RawBson {
    let (pattern, options) = (pattern.try_into().unwrap(), options.try_into().unwrap());
    RawBson::RegularExpression(::bson::Regex { pattern, options })
}

#[track_caller]
fn refused(filter: RawDocumentBuf, code: i32, text: &str) {
    let shown = format!("{filter:?}");
    match parse(filter) {
        Err(error) => {
            assert_eq!(error.code(), code, "{shown}: {error}");
            assert!(error.to_string().starts_with(text), "{shown}: {error}");
        }
        Ok(_) => panic!("{shown} is not refused"),
    }
}

fn equalities(filter: RawDocumentBuf) -> Result<String> {
    let filter = parse(filter)?;
    let shown = filter.equalities()?;
    let shown = shown.iter().map(|(path, v)| format!("{path}={}", text::value(*v)));
    Ok(shown.collect::<Vec<_>>().join(" "))
}

#[test]
fn equalities_for_upserts() {
    let copied = equalities(rawdoc! {
        "b": 1, "m": { "x": 1, "y": 2 }, "n.z": { "$eq": 3 }, "a": { "$in": [5, 5.0] },
        "$and": [{ "c": 4 }, { "$and": [{ "d": "q" }] }], "_id": "k",
        "e": { "$gt": 1 }, "f": { "$in": [1, 2] }, "g": { "$exists": true },
    });
    assert_eq!(copied.unwrap(), "b=1 m={ x: 1, y: 2 } n.z=3 a=5 c=4 d=\"q\" _id=\"k\"");
    for (filter, copied) in [
        (rawdoc! { "a": { "$all": [1] } }, "a=1"),
        (rawdoc! { "a": { "$all": [[1]] } }, "a=[ 1 ]"),
        (rawdoc! { "a": { "$all": [regex("a", "")] } }, ""),
        (rawdoc! { "a": { "$all": [{ "$elemMatch": { "b": 1 } }] } }, ""),
        (rawdoc! { "a": { "$elemMatch": { "b": 1 } } }, ""),
        (rawdoc! { "a": { "$elemMatch": { "$eq": 1 } } }, ""),
        (rawdoc! { "$or": [{ "a": 1, "b": 2 }] }, "a=1 b=2"),
        (rawdoc! { "$or": [{ "$or": [{ "a": 1 }] }], "b": 2 }, "a=1 b=2"),
        (rawdoc! { "$or": [{ "a": 1 }, { "b": 1 }] }, ""),
        (rawdoc! { "$or": [{ "a": 1 }, { "a": 1 }] }, ""),
        (rawdoc! { "$or": [{ "a": 1 }, { "$alwaysFalse": 1 }] }, "a=1"),
        (rawdoc! { "a": 1, "b": { "$all": [] } }, ""),
        (rawdoc! { "a": 1, "$alwaysFalse": 1 }, ""),
        (rawdoc! { "a": 1, "$and": [{ "a": 2 }, { "b": { "$all": [] } }] }, ""),
        (rawdoc! { "a": 1, "$or": [{ "b": { "$all": [] } }, { "c": 2 }] }, "a=1 c=2"),
        (rawdoc! { "a": 1, "$or": [{ "b": { "$all": [] } }, { "$alwaysFalse": 1 }] }, ""),
        (rawdoc! { "a": 1, "$nor": [{ "b": { "$all": [] } }] }, "a=1"),
        (rawdoc! { "a": 1, "b": { "$in": [] } }, "a=1"),
        (rawdoc! { "$nor": [{ "$nor": [{ "a": 1 }] }] }, ""),
        (rawdoc! { "a": { "$not": { "$eq": 1 } }, "b": { "$ne": 1 } }, ""),
        (rawdoc! { "a": { "$in": [1.0, 1] } }, "a=1.0"),
        (rawdoc! { "a": { "$in": [regex("a", "")] } }, ""),
        (rawdoc! { "a": { "$in": [1, regex("a", "")] } }, ""),
        (rawdoc! { "a": { "$eq": regex("a", "") }, "b": regex("a", "") }, "a=/a/"),
        (rawdoc! { "a": { "$gte": 1, "$lte": 1 }, "$comment": 1 }, ""),
        (rawdoc! { "a": { "$ref": "c", "$id": 1 }, "$ref": 7 }, "a={ $ref: \"c\", $id: 1 } $ref=7"),
    ] {
        assert_eq!(equalities(filter.clone()).unwrap(), copied, "{filter:?}");
    }
}

#[test]
fn equalities_that_exclude_each_other() {
    for (filter, paths) in [
        (rawdoc! { "m": 1, "a": 1, "m.b": 2 }, "both paths 'm.b' and 'm' are matched"),
        (rawdoc! { "m.b.c": 1, "mm": 0, "m.b": 2 }, "both paths 'm.b.c' and 'm.b' are"),
        (rawdoc! { "$and": [{ "a": 1 }, { "a": 1 }] }, "path 'a' is matched twice"),
        (rawdoc! { "a": { "$all": [1, 1] } }, "path 'a' is matched twice"),
        (rawdoc! { "a": 1, "$or": [{ "a": 2 }] }, "path 'a' is matched twice"),
    ] {
        match equalities(filter) {
            Err(Error::Refused { reason: Reason::NotSingleValueField, message }) => {
                assert!(message.contains(paths), "{message}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(equalities(rawdoc! { "$expr": 1 }).unwrap_err().code(), 224);
    assert!(equalities(rawdoc! { "a": 1, "a!": 1, "a.b": 1 }).is_err());
    assert!(equalities(rawdoc! { "a!": 1, "ab": 1, "a.b": 1, "a.bb": 1 }).is_ok());
}

#[test]
fn id_equality() {
    let id = |filter| parse(filter).unwrap().id_equality().map(text::value);
    assert_eq!(id(rawdoc! { "x": 1, "_id": "k" }).as_deref(), Some("\"k\""));
    assert_eq!(id(rawdoc! { "_id": { "$in": [7] } }).as_deref(), Some("7"));
    assert_eq!(id(rawdoc! { "$and": [{ "_id": { "$eq": 7 } }] }).as_deref(), Some("7"));
    assert_eq!(id(rawdoc! { "_id": { "$gt": 7 } }), None);
    assert_eq!(id(rawdoc! { "_id": { "$in": [7, 8] } }), None);
    assert_eq!(id(rawdoc! { "_id.x": 1 }), None);
    assert_eq!(id(rawdoc! {}), None);
}

/// Refuses operators on a field `a` with the code and the text of 5.0.4.
#[track_caller]
fn refused_operators<const N: usize>(cases: [(RawDocumentBuf, i32, &str); N]) {
    for (operators, code, text) in cases {
        refused(rawdoc! { "a": operators }, code, text);
    }
}

#[test]
fn refusals_of_what_compares() {
    refused_operators([
        (rawdoc! { "$foo": 1 }, 2, "unknown operator: $foo"),
        (rawdoc! { "$gt": 1, "b": 2 }, 2, "unknown operator: b"),
        (rawdoc! { "$comment": 1 }, 2, "unknown operator: $comment"),
        (rawdoc! { "$expr": 1 }, 2, "unknown operator: $expr"),
        (rawdoc! { "$id": 1 }, 2, "unknown operator: $id"),
        (rawdoc! { "$ref": 1, "x": 2 }, 2, "unknown operator: $ref"),
        (rawdoc! { "$eq": RawBson::Undefined }, 2, "cannot compare to undefined"),
        (rawdoc! { "$gt": RawBson::Undefined }, 2, "cannot compare to undefined"),
        (rawdoc! { "$ne": regex("a", "") }, 2, "Can't have regex as arg to $ne."),
        (
            rawdoc! { "$lt": regex("a", "") },
            2,
            "Can't have RegEx as arg to predicate over field 'a'.",
        ),
        (rawdoc! { "$in": 1 }, 2, "$in needs an array"),
        (rawdoc! { "$nin": 1 }, 2, "$nin needs an array"),
        (rawdoc! { "$in": [{ "$gt": 1 }] }, 2, "cannot nest $ under $in"),
        (rawdoc! { "$in": [{ "$ref": 1 }] }, 2, "cannot nest $ under $in"),
        (
            rawdoc! { "$in": [RawBson::Undefined] },
            2,
            "InMatchExpression equality cannot be undefined",
        ),
        (rawdoc! { "$not": 1 }, 2, "$not needs a regex or a document"),
        (rawdoc! { "$not": {} }, 2, "$not cannot be empty"),
        (rawdoc! { "$not": { "b": 1 } }, 2, "unknown operator: b"),
    ]);
}

#[test]
fn refusals_of_types_and_numbers() {
    let nan = f64::NAN;
    refused_operators([
        (rawdoc! { "$type": "foo" }, 2, "Unknown type name alias: foo"),
        (rawdoc! { "$type": "unknown" }, 2, "Unknown type name alias: unknown"),
        (rawdoc! { "$type": 99 }, 2, "Invalid numerical type code: 99"),
        (rawdoc! { "$type": 255 }, 2, "Invalid numerical type code: 255"),
        (rawdoc! { "$type": 1.5 }, 2, "Invalid numerical type code: 1.5"),
        (rawdoc! { "$type": 1e300 }, 2, "Invalid numerical type code: 1e+300"),
        (rawdoc! { "$type": nan }, 2, "Invalid numerical type code: nan"),
        (rawdoc! { "$type": 0 }, 2, "Invalid numerical type code: 0. Instead use {$exists:false}."),
        (
            rawdoc! { "$type": "missing" },
            2,
            "'missing' is not a legal type name. To query for non-existence of a field, use \
             {$exists:false}.",
        ),
        (rawdoc! { "$type": true }, 14, "type must be represented as a number or a string"),
        (rawdoc! { "$type": [] }, 9, "a must match at least one type"),
        (rawdoc! { "$mod": 1 }, 2, "malformed mod, needs to be an array"),
        (rawdoc! { "$mod": [1] }, 2, "malformed mod, not enough elements"),
        (rawdoc! { "$mod": [1, 2, 3] }, 2, "malformed mod, too many elements"),
        (rawdoc! { "$mod": [0.5, 0] }, 2, "divisor cannot be 0"),
        (rawdoc! { "$mod": ["a", 1] }, 2, "malformed mod, divisor not a number"),
        (rawdoc! { "$mod": [1, true] }, 2, "malformed mod, remainder not a number"),
        (
            rawdoc! { "$mod": [nan, 0] },
            2,
            "malformed mod, divisor value is invalid :: caused by :: Unable to coerce NaN/Inf \
             to integral type",
        ),
        (
            rawdoc! { "$mod": [1, 1e300] },
            2,
            "malformed mod, remainder value is invalid :: caused by :: Out of bounds coercing \
             to integral value",
        ),
    ]);
}

#[test]
fn refusals_of_patterns_and_arrays() {
    refused_operators([
        (rawdoc! { "$regex": 1 }, 2, "$regex has to be a string"),
        (rawdoc! { "$regex": "a", "$options": 1 }, 2, "$options has to be a string"),
        (rawdoc! { "$options": "i" }, 2, "$options needs a $regex"),
        (
            rawdoc! { "$regex": "a\0b" },
            2,
            "Regular expression cannot contain an embedded null byte",
        ),
        (rawdoc! { "$regex": "(" }, 51091, "Regular expression is invalid: missing )"),
        (rawdoc! { "$in": [regex("a)", "")] }, 51091, "Regular expression is invalid: unm"),
        (
            rawdoc! { "$regex": regex("a", "i"), "$options": "" },
            51075,
            "options set in both $regex and $options",
        ),
        (
            rawdoc! { "$options": "m", "$regex": regex("a", "i") },
            51074,
            "options set in both $regex and $options",
        ),
        (rawdoc! { "$all": 1 }, 2, "$all needs an array"),
        (rawdoc! { "$all": [1, { "$gt": 1 }] }, 2, "no $ expressions in $all"),
        (
            rawdoc! { "$all": [{ "$elemMatch": { "b": 1 } }, 1] },
            2,
            "$all/$elemMatch has to be consistent",
        ),
        (rawdoc! { "$elemMatch": [1] }, 2, "$elemMatch needs an Object"),
        (rawdoc! { "$elemMatch": { "$gt": 1, "b": 1 } }, 2, "unknown operator: b"),
        (rawdoc! { "$elemMatch": { "b": 1, "$gt": 1 } }, 2, "unknown top level operator: $gt"),
        (rawdoc! { "$elemMatch": { "$eq": 1, "$or": [] } }, 2, "unknown operator: $or"),
        (
            rawdoc! { "$elemMatch": { "$expr": 1 } },
            2,
            "$expr can only be applied to the top-level document",
        ),
    ]);
}

#[test]
fn refusals_of_sizes_and_bits() {
    let nan = f64::NAN;
    let decimal = |text: &str| RawBson::Decimal128(text.parse().unwrap());
    refused_operators([
        (rawdoc! { "$size": "a" }, 2, "$size needs a number"),
        (rawdoc! { "$size": 1.5 }, 2, "$size must be a whole number"),
        (rawdoc! { "$size": 1_i64 << 40 }, 2, "$size must be representable as a 32-bit integer"),
        (rawdoc! { "$size": -1 }, 2, "$size may not be negative"),
        (rawdoc! { "$bitsAllSet": -1 }, 9, "Expected a positive number in: $bitsAllSet: -1"),
        (rawdoc! { "$bitsAnySet": 1.5 }, 9, "Expected an integer: $bitsAnySet: 1.5"),
        (
            rawdoc! { "$bitsAllClear": decimal("1E30") },
            9,
            "Cannot represent as a 64-bit integer: $bitsAllClear: ",
        ),
        (rawdoc! { "$bitsAllSet": nan }, 9, "Expected an integer, but found NaN in: "),
        (
            rawdoc! { "$bitsAnyClear": "x" },
            2,
            "a takes an Array, a number, or a BinData but received: $bitsAnyClear: \"x\"",
        ),
        (rawdoc! { "$bitsAllSet": [1.5] }, 2, "bit positions must be an integer but got: 0: 1.5"),
        (rawdoc! { "$bitsAllSet": [0, -1] }, 2, "bit positions must be >= 0 but got: 1: -1"),
        (
            rawdoc! { "$bitsAllSet": [1_i64 << 40] },
            2,
            "bit positions cannot be represented as a 32-bit signed integer: 0: 1099511627776",
        ),
        (rawdoc! { "$geoWithin": 1 }, 2, "unsupported operator: $geoWithin"),
        (rawdoc! { "$near": 1 }, 2, "unsupported operator: $near"),
    ]);
}

#[test]
fn refusals_at_the_top_level() {
    let unknown = "unknown top level operator: $foo. If you have a field name that starts with a \
                   '$' symbol, consider using $getField or $setField.";
    for (filter, code, text) in [
        (rawdoc! { "$foo": 1 }, 2, unknown),
        (rawdoc! { "$not": { "a": 1 } }, 2, "unknown top level operator: $not."),
        (rawdoc! { "$and": [] }, 2, "$and/$or/$nor must be a nonempty array"),
        (rawdoc! { "$or": { "a": 1 } }, 2, "$or must be an array"),
        (rawdoc! { "$nor": [1] }, 2, "$or/$and/$nor entries need to be full objects"),
        (rawdoc! { "$alwaysTrue": 2 }, 9, "$alwaysTrue must be an integer value of 1"),
        (rawdoc! { "$alwaysFalse": "x" }, 9, "Expected a number in: $alwaysFalse: \"x\""),
        (rawdoc! { "$where": "1" }, 2, "unsupported operator: $where"),
        (rawdoc! { "$text": {} }, 2, "unsupported operator: $text"),
        (rawdoc! { "$jsonSchema": 1 }, 14, "$jsonSchema must be an object"),
        (rawdoc! { "a": RawBson::Undefined }, 2, "cannot compare to undefined"),
        (rawdoc! { "a": regex("(", "") }, 51091, "Regular expression is invalid: missing )"),
    ] {
        refused(filter, code, text);
    }
    let nested = |levels, wrap: fn(RawDocumentBuf) -> RawDocumentBuf| {
        (0..levels).fold(rawdoc! { "a": 1 }, |inner, _| wrap(inner))
    };
    let too_deep = "exceeded maximum query tree depth of 100";
    refused(nested(DEPTH_MAX, |inner| rawdoc! { "$and": [inner] }), 2, too_deep);
    refused(nested(DEPTH_MAX, |inner| rawdoc! { "a": { "$elemMatch": inner } }), 2, too_deep);
    let not = nested(DEPTH_MAX, |inner| rawdoc! { "$not": inner });
    refused(rawdoc! { "a": not }, 2, too_deep);
    assert!(parse(nested(DEPTH_MAX - 1, |inner| rawdoc! { "$or": [inner] })).is_ok());
    assert!(parse(rawdoc! { "": 1, "a..b": 1, "r": { "$ref": "c", "$id": 1 } }).is_ok());
    assert!(parse(rawdoc! { "a": { "$id": 1, "$ref": "c" }, "$comment": [1] }).is_ok());
    assert!(parse(rawdoc! { "a": { "$regex": "a", "$options": "qi" } }).is_ok());
}

#[test]
#[cfg_attr(miri, ignore = "too long")]
fn hostile_patterns_are_refused() {
    for pattern in ["(".repeat(100_000), "((a{1000}){1000}){1000}".to_owned(), "\\x{".to_owned()] {
        assert!(Pattern::new(&pattern, "").is_err());
    }
    let nested = format!("{}a{}", "(".repeat(10_000), ")".repeat(10_000));
    assert!(Pattern::new(&nested, "").is_err());
    assert!(Pattern::new(&"[".repeat(100_000), "x").is_err());
}

#[test]
fn prefixes_of_patterns() {
    for (pattern, flags, expected) in [
        ("^abc", "", Some(("abc", true))),
        ("^abc", "s", Some(("abc", true))),
        ("^abc", "i", None),
        ("^abc", "m", None),
        ("abc", "", None),
        ("^abc$", "", Some(("abc", false))),
        ("^abc.*", "", Some(("abc", false))),
        ("^abc*", "", Some(("ab", false))),
        ("^a{2}", "", None),
        ("^a|b", "", None),
        ("\\Aa\\.b\\d", "", Some(("a.b", false))),
    ] {
        let prefix = Pattern::new(pattern, flags).unwrap().prefix();
        let prefix = prefix.as_ref().map(|(prefix, exact)| (prefix.as_str(), *exact));
        assert_eq!(prefix, expected, "/{pattern}/{flags}");
    }
}

#[test]
fn schemas_within_schemas_are_read_once() {
    let mut like = rawdoc! { "description": "x".repeat(1 << 20), "bsonType": "string" };
    for _ in 0..55 {
        like = rawdoc! { "patternProperties": { "^a": like }, "additionalProperties": false };
    }
    let filter = rawdoc! { "$jsonSchema": like };
    let filter = Filter::parse(filter.as_bytes()).expect("a schema");
    let holds = |doc: RawDocumentBuf| filter.matches(doc.as_bytes()).expect("looked");
    assert!(holds(rawdoc! { "a": { "ab": {} } }));
    assert!(!holds(rawdoc! { "a": { "b": 1 } }));
    assert!(!holds(rawdoc! { "b": 1 }));
}
