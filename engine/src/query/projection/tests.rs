//! Projections: expectations are those of 5.0.4.

use super::*;
use crate::bson::text;
use ::bson::{RawBson, RawDocumentBuf, rawdoc};

fn parse(projection: &RawDocumentBuf, policy: Policy) -> Result<Projection> {
    Projection::parse(projection.as_bytes(), policy, None, &Scope::default())
}

fn project(
    doc: &RawDocumentBuf,
    projection: &RawDocumentBuf,
    filter: RawDocumentBuf,
) -> Result<String> {
    let projection = parse(projection, Policy::Find)?;
    let filter = Filter::parse(filter.as_bytes())?;
    let matched = filter.find_match(doc.as_bytes())?.expect("it matches");
    let out = projection.apply(doc.as_bytes(), Some(&matched), &Variables::new(0))?;
    crate::bson::document::check(&out)?;
    Ok(text::document(&out))
}

#[track_caller]
fn check(doc: &RawDocumentBuf, projection: RawDocumentBuf, expected: RawDocumentBuf) {
    let projected = project(doc, &projection, rawdoc! {});
    assert_eq!(projected.unwrap(), text::document(expected.as_bytes()), "{projection:?}");
}

#[track_caller]
fn refused(projection: RawDocumentBuf, policy: Policy, code: i32, text: &str) {
    let error = parse(&projection, policy).expect_err(&format!("{projection:?}"));
    assert_eq!((error.code(), error.to_string().as_str()), (code, text), "{projection:?}");
}

fn doc() -> RawDocumentBuf {
    rawdoc! {
        "_id": 1, "a": { "b": 1, "c": { "d": 2, "e": 3 } },
        "arr": [{ "x": 1, "y": 2 }, { "x": 3 }, 5, [{ "x": 7, "y": 8 }]], "n": 5,
        "nums": [1, 2, 3, 4, 5],
    }
}

#[test]
fn inclusion() {
    for (projection, expected) in [
        (rawdoc! { "n": 1, "zz": 1 }, rawdoc! { "_id": 1, "n": 5 }),
        (rawdoc! { "n": 1, "_id": 0 }, rawdoc! { "n": 5 }),
        (rawdoc! { "nums": 1, "n": 1 }, rawdoc! { "_id": 1, "n": 5, "nums": [1, 2, 3, 4, 5] }),
        (rawdoc! { "_id": 1 }, rawdoc! { "_id": 1 }),
        (rawdoc! { "a.b": 1 }, rawdoc! { "_id": 1, "a": { "b": 1 } }),
        (rawdoc! { "a": { "b": true } }, rawdoc! { "_id": 1, "a": { "b": 1 } }),
        (
            rawdoc! { "a": { "b": 1 }, "a.c.d": 1 },
            rawdoc! { "_id": 1, "a": { "b": 1, "c": { "d": 2 } } },
        ),
        (rawdoc! { "a.zz": 1, "n.x": 1 }, rawdoc! { "_id": 1, "a": {} }),
        (
            rawdoc! { "arr.x": 1 },
            rawdoc! { "_id": 1, "arr": [{ "x": 1 }, { "x": 3 }, [{ "x": 7 }]] },
        ),
        (rawdoc! { "_id.x": 1 }, rawdoc! {}),
        (rawdoc! { "n": f64::NAN }, rawdoc! { "_id": 1, "n": 5 }),
    ] {
        check(&doc(), projection, expected);
    }
}

#[test]
fn exclusion() {
    let doc = rawdoc! { "_id": 1, "a": { "b": 1, "c": 2 }, "arr": [{ "x": 1 }, 5, [{ "x": 2 }]] };
    for (projection, expected) in [
        (rawdoc! {}, doc.clone()),
        (rawdoc! { "arr": 0 }, rawdoc! { "_id": 1, "a": { "b": 1, "c": 2 } }),
        (rawdoc! { "arr": 0, "_id": 1 }, rawdoc! { "_id": 1, "a": { "b": 1, "c": 2 } }),
        (rawdoc! { "arr": false, "_id": 0 }, rawdoc! { "a": { "b": 1, "c": 2 } }),
        (rawdoc! { "a": { "b": 0.0 }, "arr": 0 }, rawdoc! { "_id": 1, "a": { "c": 2 } }),
        (rawdoc! { "arr.x": 0, "a": 0 }, rawdoc! { "_id": 1, "arr": [{}, 5, [{}]] }),
        (
            rawdoc! { "_id": 0 },
            rawdoc! { "a": { "b": 1, "c": 2 }, "arr": [{ "x": 1 }, 5, [{ "x": 2 }]] },
        ),
        (rawdoc! { "_id.x": 0, "a.b.c": 0, "zz": 0 }, doc.clone()),
    ] {
        check(&doc, projection, expected);
    }
}

#[test]
fn slices() {
    let doc =
        rawdoc! { "_id": 1, "nums": [1, 2, 3, 4, 5], "n": 5, "d": { "l": [1, 2, 3], "q": 1 } };
    for (operand, expected) in [
        (RawBson::from(2), vec![1, 2]),
        (RawBson::from(-2), vec![4, 5]),
        (RawBson::from(0), vec![]),
        (RawBson::from(1.7), vec![1]),
        (RawBson::from(-10), vec![1, 2, 3, 4, 5]),
        (RawBson::from(f64::NAN), vec![]),
        (RawBson::from(1e300), vec![1, 2, 3, 4, 5]),
        (RawBson::from(1_i64 << 40), vec![1, 2, 3, 4, 5]),
        (RawBson::Array([1, 2].into_iter().collect()), vec![2, 3]),
        (RawBson::Array([-3, 2].into_iter().collect()), vec![3, 4]),
        (RawBson::Array([10, 2].into_iter().collect()), vec![]),
        (RawBson::Array([-10, 2].into_iter().collect()), vec![1, 2]),
        (RawBson::Array([1.5, 2.9].into_iter().collect()), vec![2, 3]),
    ] {
        let projection = rawdoc! { "nums": { "$slice": operand }, "_id": 1 };
        let expected: ::bson::RawArrayBuf = expected.into_iter().collect();
        check(&doc, projection, rawdoc! { "_id": 1, "nums": expected });
    }
    for (projection, expected) in [
        (
            rawdoc! { "nums": { "$slice": 1 } },
            rawdoc! { "_id": 1, "nums": [1], "n": 5, "d": { "l": [1, 2, 3], "q": 1 } },
        ),
        (rawdoc! { "nums": { "$slice": 1 }, "n": 1 }, rawdoc! { "_id": 1, "nums": [1], "n": 5 }),
        (rawdoc! { "_id": 0, "nums": { "$slice": 1 }, "d": 0 }, rawdoc! { "nums": [1], "n": 5 }),
        (
            rawdoc! { "d.l": { "$slice": 1 }, "d.q": 1 },
            rawdoc! { "_id": 1, "d": { "l": [1], "q": 1 } },
        ),
        (
            rawdoc! { "d": { "l": { "$slice": 1 } }, "n": 1 },
            rawdoc! { "_id": 1, "n": 5, "d": { "l": [1] } },
        ),
        (rawdoc! { "n": { "$slice": 1 }, "d": 0, "nums": 0 }, rawdoc! { "_id": 1, "n": 5 }),
        (rawdoc! { "s": "$n", "nums": { "$slice": 1 } }, rawdoc! { "_id": 1, "nums": [1], "s": 5 }),
    ] {
        check(&doc, projection, expected);
    }
    let nested = rawdoc! { "_id": 1, "arr": [{ "l": [1, 2] }, { "l": 5 }, [{ "l": [7, 8] }], 6] };
    let expected = rawdoc! { "_id": 1, "arr": [{ "l": [1] }, { "l": 5 }, [{ "l": [7, 8] }], 6] };
    check(&nested, rawdoc! { "arr.l": { "$slice": 1 } }, expected);
}

#[test]
fn elem_match() {
    let x3 = || rawdoc! { "$elemMatch": { "x": 3 } };
    for (projection, expected) in [
        (rawdoc! { "arr": x3() }, rawdoc! { "_id": 1, "arr": [{ "x": 3 }] }),
        (rawdoc! { "arr": x3(), "_id": 0 }, rawdoc! { "arr": [{ "x": 3 }] }),
        (rawdoc! { "arr": { "$elemMatch": { "x": 9 } } }, rawdoc! { "_id": 1 }),
        (rawdoc! { "n": { "$elemMatch": { "x": 9 } } }, rawdoc! { "_id": 1 }),
        (rawdoc! { "nums": { "$elemMatch": { "$gt": 2 } } }, rawdoc! { "_id": 1, "nums": [3] }),
        (
            rawdoc! { "arr": { "$elemMatch": {} } },
            rawdoc! { "_id": 1, "arr": [{ "x": 1, "y": 2 }] },
        ),
        // It comes behind what is included, and stays in place if others are excluded.
        (rawdoc! { "arr": x3(), "n": 1 }, rawdoc! { "_id": 1, "n": 5, "arr": [{ "x": 3 }] }),
        (rawdoc! { "s": "$n", "arr": x3() }, rawdoc! { "_id": 1, "s": 5, "arr": [{ "x": 3 }] }),
        (
            rawdoc! { "arr": x3(), "a": 0, "nums": 0 },
            rawdoc! { "_id": 1, "arr": [{ "x": 3 }], "n": 5 },
        ),
        (
            rawdoc! { "arr": x3(), "nums": { "$slice": 1 } },
            rawdoc! {
                "_id": 1, "a": { "b": 1, "c": { "d": 2, "e": 3 } }, "arr": [{ "x": 3 }], "n": 5,
                "nums": [1],
            },
        ),
    ] {
        check(&doc(), projection, expected);
    }
}

#[test]
fn positional() {
    let doc = rawdoc! {
        "_id": 1, "arr": [{ "x": 1 }, 5, { "x": 3, "y": 4 }], "n": 5,
        "d": { "q": 1, "l": [1, 2, 3] }, "m": [[1, 2], [3, 4]],
    };
    for (projection, filter, expected) in [
        (rawdoc! { "d.l.$": 1 }, rawdoc! { "d.l": 2 }, rawdoc! { "_id": 1, "d": { "l": [2] } }),
        (
            rawdoc! { "arr.$": 1, "n": 1 },
            rawdoc! { "arr.x": 3 },
            rawdoc! { "_id": 1, "arr": [{ "x": 3, "y": 4 }], "n": 5 },
        ),
        (
            rawdoc! { "arr.x.$": 1, "_id": 0 },
            rawdoc! { "arr.x": 3 },
            rawdoc! { "arr": [{ "x": 3 }] },
        ),
        (
            rawdoc! { "arr.x.$": true, "arr.y": 1 },
            rawdoc! { "arr.x": 3 },
            rawdoc! { "_id": 1, "arr": [{ "x": 3, "y": 4 }] },
        ),
        (rawdoc! { "arr.$": 1 }, rawdoc! { "d.l": 2 }, rawdoc! { "_id": 1, "arr": [5] }),
        (rawdoc! { "m.$": 1 }, rawdoc! { "m": [3, 4] }, rawdoc! { "_id": 1, "m": [[3, 4]] }),
        (rawdoc! { "n.$": 1 }, rawdoc! { "n": 5 }, rawdoc! { "_id": 1, "n": 5 }),
        (rawdoc! { "zz.$": 1 }, rawdoc! {}, rawdoc! { "_id": 1 }),
        (
            rawdoc! { "d": { "l.$": 1 } },
            rawdoc! { "d.l": 3 },
            rawdoc! { "_id": 1, "d": { "l": [3] } },
        ),
        (
            rawdoc! { "d.l.$": 1, "k": "$n" },
            rawdoc! { "d.l": 3 },
            rawdoc! { "_id": 1, "d": { "l": [3] }, "k": 5 },
        ),
    ] {
        let projected = project(&doc, &projection, filter).unwrap();
        assert_eq!(projected, text::document(expected.as_bytes()), "{projection:?}");
        assert!(parse(&projection, Policy::Find).unwrap().needs_match());
    }
    let error = |filter| project(&doc, &rawdoc! { "m.$": 1 }, filter).unwrap_err();
    let nothing = error(rawdoc! { "n": 5 });
    assert_eq!(nothing.code(), 51246);
    let text = "positional operator '.$' couldn't find a matching element in the array";
    assert_eq!(nothing.to_string(), text);
    let beyond = error(rawdoc! { "d.l": 3 });
    assert_eq!(beyond.code(), 51247);
    assert_eq!(beyond.to_string(), "positional operator '.$' element mismatch");
}

#[test]
fn computed() {
    for (projection, expected) in [
        (rawdoc! { "new": "$n", "n": 1 }, rawdoc! { "_id": 1, "n": 5, "new": 5 }),
        (rawdoc! { "n": "lit", "zz": "$missing" }, rawdoc! { "_id": 1, "n": "lit" }),
        (rawdoc! { "_id": "$n", "n": 1 }, rawdoc! { "n": 5, "_id": 5 }),
        (rawdoc! { "zz": { "y": { "q": "$n" } } }, rawdoc! { "_id": 1, "zz": { "y": { "q": 5 } } }),
        (rawdoc! { "n.q": "$n" }, rawdoc! { "_id": 1, "n": { "q": 5 } }),
        (
            rawdoc! { "a": { "b": "$n", "c.d": 1 } },
            rawdoc! { "_id": 1, "a": { "c": { "d": 2 }, "b": 5 } },
        ),
        (
            rawdoc! { "arr.x": 1, "arr.q": "$n" },
            rawdoc! {
                "_id": 1,
                "arr": [{ "x": 1, "q": 5 }, { "x": 3, "q": 5 }, { "q": 5 }, [{ "x": 7, "q": 5 }]],
            },
        ),
        (
            rawdoc! { "k.b": "$n", "z": "$n", "k.c": 1 },
            rawdoc! { "_id": 1, "k": { "b": 5 }, "z": 5 },
        ),
    ] {
        check(&doc(), projection, expected);
    }
}

#[test]
fn fields_that_an_index_has_to_hold() {
    let fields = |projection: RawDocumentBuf| {
        let projection = parse(&projection, Policy::Find).unwrap();
        projection.fields().map(|fields| fields.join(" "))
    };
    assert_eq!(fields(rawdoc! { "a": 1, "b.c": 1 }).as_deref(), Some("a b.c _id"));
    assert_eq!(fields(rawdoc! { "_id": 0, "b": { "c": 1 } }).as_deref(), Some("b.c"));
    assert_eq!(fields(rawdoc! {}), None);
    assert_eq!(fields(rawdoc! { "a": 0 }), None);
    assert_eq!(fields(rawdoc! { "a": 1, "b": "$c" }), None);
    assert_eq!(fields(rawdoc! { "a.$": 1 }), None);
    assert_eq!(fields(rawdoc! { "a": { "$slice": 1 }, "b": 1 }), None);
    assert!(parse(&rawdoc! {}, Policy::Find).unwrap().is_identity());
}

#[test]
fn many_names() {
    let mut projection = RawDocumentBuf::new();
    let mut doc = rawdoc! { "_id": 1 };
    for i in 0..300 {
        let name = ::bson::raw::CString::try_from(format!("f{i}")).unwrap();
        doc.append(name.clone(), i);
        projection.append(name, 1);
    }
    check(&doc, projection, doc.clone());
}

#[test]
fn refusals_in_a_find() {
    let dollar = "FieldPath field names may not start with '$'. Consider using $getField or \
                  $setField.";
    for (projection, code, text) in [
        (
            rawdoc! { "a": 1, "n": 0 },
            31254,
            "Cannot do exclusion on field n in inclusion projection",
        ),
        (
            rawdoc! { "a": 0, "n": 1 },
            31253,
            "Cannot do inclusion on field n in exclusion projection",
        ),
        (
            rawdoc! { "a": { "b": 1, "c": 0 } },
            31254,
            "Cannot do exclusion on field c in inclusion projection",
        ),
        (
            rawdoc! { "a": 0, "_id.x": 1 },
            31253,
            "Cannot do inclusion on field _id.x in exclusion projection",
        ),
        (rawdoc! { "a": 1, "a.b": 1 }, 31249, "Path collision at a.b remaining portion b"),
        (rawdoc! { "a": 1, "a.b.c": 1 }, 31249, "Path collision at a.b.c remaining portion b.c"),
        (rawdoc! { "a": { "b": 1, "b.c": 1 } }, 31249, "Path collision at b.c remaining portion c"),
        (rawdoc! { "_id": 0, "_id.x": 1 }, 31249, "Path collision at _id.x remaining portion x"),
        (rawdoc! { "a.b": 1, "a": 1 }, 31250, "Path collision at a"),
        (rawdoc! { "a.b": 1, "a": { "b": 1 } }, 31250, "Path collision at b"),
        (rawdoc! { "a.b": 1, "a": { "b": { "c": 1 } } }, 31250, "Path collision at b"),
        (rawdoc! { "": 1 }, 40352, "FieldPath cannot be constructed with empty string"),
        (rawdoc! { "a.": 1 }, 40353, "FieldPath must not end with a '.'."),
        (rawdoc! { "a..b": 1 }, 15998, "FieldPath field names may not be empty strings."),
        (rawdoc! { "$a": 1 }, 16410, dollar),
        (rawdoc! { "$": 1 }, 16410, dollar),
        (rawdoc! { "a": { "$add": [1, 1], "b": 1 } }, 16410, dollar),
        (
            rawdoc! { "a": {} },
            51270,
            "An empty sub-projection is not a valid value. Found empty object at path",
        ),
        (
            rawdoc! { "s": 0, "a": "$n" },
            31310,
            "Cannot use an expression a: \"$n\" in an exclusion projection",
        ),
        (
            rawdoc! { "s": 0, "a": { "$add": [1, 2] } },
            31252,
            "Cannot use expression other than $meta in exclusion projection",
        ),
    ] {
        refused(projection, Policy::Find, code, text);
    }
}

#[test]
fn refusals_of_operators() {
    for (projection, code, text) in [
        (rawdoc! { "a": { "$foo": 1 } }, 31325, "Unknown expression $foo"),
        (rawdoc! { "s": 0, "a": { "$foo": 1 } }, 31325, "Unknown expression $foo"),
        (
            rawdoc! { "b": 0, "a": { "$slice": ["$zz", 1] } },
            31252,
            "Invalid $slice syntax. The given syntax { $slice: [ \"$zz\", 1 ] } did not match the \
             find() syntax because :: Location31257: $slice expects the skip argument to be a \
             number, got string :: The given syntax did not match the expression $slice syntax. \
             :: caused by :: Cannot use expression other than $meta in exclusion projection",
        ),
        (
            rawdoc! { "a": { "$slice": "x" } },
            28667,
            "Invalid $slice syntax. The given syntax { $slice: \"x\" } did not match the find() \
             syntax because :: Location31273: $slice only supports numbers and [skip, limit] \
             arrays :: The given syntax did not match the expression $slice syntax. :: caused by \
             :: Expression $slice takes at least 2 arguments, and at most 3, but 1 were passed in.",
        ),
        (rawdoc! { "a": { "$meta": 1 } }, 17307, "$meta only supports string arguments"),
        (rawdoc! { "a": { "$meta": "foo" } }, 17308, "Unsupported argument to $meta: foo"),
        (
            rawdoc! { "a": { "$slice": [1, 0] } },
            28724,
            "First argument to $slice must be an array, but is of type: int",
        ),
        (
            rawdoc! { "a": { "$slice": [true, 2, 3] } },
            28724,
            "First argument to $slice must be an array, but is of type: bool",
        ),
    ] {
        refused(projection, Policy::Find, code, text);
    }
}

#[test]
fn refusals_of_elem_match_and_positional() {
    let literal = "positional projection cannot be used with a literal";
    for (projection, code, text) in [
        (
            rawdoc! { "a": { "$elemMatch": 1 } },
            31274,
            "elemMatch: Invalid argument, object required, but got int",
        ),
        (
            rawdoc! { "a.b": { "$elemMatch": {} } },
            31275,
            "Cannot use $elemMatch projection on a nested field.",
        ),
        (rawdoc! { "a": { "$elemMatch": { "$foo": 1 } } }, 2, "unknown operator: $foo"),
        (
            rawdoc! { "a": { "$elemMatch": { "$expr": 1 } } },
            2,
            "$expr can only be applied to the top-level document",
        ),
        (rawdoc! { "a.$": 0 }, 31395, "positional projection cannot be used with exclusion"),
        (rawdoc! { "a.$": "x" }, 31308, literal),
        (
            rawdoc! { "a.$": { "$slice": 1 } },
            31271,
            "positional projection cannot be used with an expression or sub object",
        ),
        (
            rawdoc! { "a.$": 1, "b.$": 1 },
            31276,
            "Cannot specify more than one positional projection per query.",
        ),
        (
            rawdoc! { "a.$": 1, "b": { "$elemMatch": {} } },
            31255,
            "Cannot specify positional operator and $elemMatch.",
        ),
        (
            rawdoc! { "b": { "$elemMatch": {} }, "a.$": 1 },
            31256,
            "Cannot specify positional operator and $elemMatch.",
        ),
    ] {
        refused(projection, Policy::Find, code, text);
    }
    let middle = parse(&rawdoc! { "a.$.b": 1 }, Policy::Find).unwrap_err();
    assert_eq!(middle.code(), 31394);
}

#[test]
fn refusals_in_an_aggregation() {
    for (projection, code, text) in [
        (rawdoc! {}, 51272, "projection specification must have at least one field"),
        (rawdoc! { "a.$": 1 }, 31324, "Cannot use positional projection in aggregation projection"),
        (rawdoc! { "a": { "$elemMatch": {} } }, 168, "Cannot use $elemMatch in this context"),
        (
            rawdoc! { "a": 1, "n": 0 },
            31254,
            "Cannot do exclusion on field n in inclusion projection",
        ),
    ] {
        refused(projection, Policy::Aggregate, code, text);
    }
    let deep = (0..300).fold(rawdoc! { "a": 1 }, |inner, _| rawdoc! { "a": inner });
    assert_eq!(parse(&deep, Policy::Find).unwrap_err().code(), 15);
}
