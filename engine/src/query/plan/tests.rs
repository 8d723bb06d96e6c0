//! Tables of plans: which bounds a filter gives an index, which plans there are. The expectations
//! are those of a mongod 5.0, but where a comment says otherwise.

use std::sync::Arc;

use ::bson::{Bson, Document, RawDocument, RawDocumentBuf, rawdoc};

use super::*;

fn facts(name: &str, key: &RawDocumentBuf) -> IndexFacts {
    let names = key.iter().flatten().map(|(name, _)| name.to_string());
    let descending = key.iter().flatten().map(|(_, value)| value.as_i32() == Some(-1));
    IndexFacts {
        name: name.into(),
        paths: names.collect(),
        descending: descending.collect(),
        pattern: key.as_bytes().to_vec(),
        is_unique: false,
        is_sparse: false,
        is_hidden: false,
        is_usable: true,
        is_multikey: false,
        notes_arrays: true,
        hash: None,
        partial: None,
        knows_positions: true,
    }
}

fn question(filter: &RawDocumentBuf) -> Question {
    Question::of(Arc::new(Filter::parse(filter.as_bytes()).expect("a filter")))
}

/// The plan of a node, in short: stages, with their bounds; `?` where something is filtered.
fn show(node: &PlanNode) -> String {
    let filtered = |filter: &Option<Arc<Filter>>| if filter.is_some() { "?" } else { "" };
    match node {
        PlanNode::Eof => "eof".into(),
        PlanNode::IdHack => "id".into(),
        PlanNode::CollScan { .. } => "all".into(),
        PlanNode::Fetch { filter, input } => format!("fetch{} {}", filtered(filter), show(input)),
        PlanNode::Sort { input } => format!("sort {}", show(input)),
        PlanNode::Or(inputs) => format!("or({})", shown_all(inputs)),
        PlanNode::Merge { inputs, .. } => format!("merge({})", shown_all(inputs)),
        PlanNode::IndexScan(scan) => {
            let bounds = shown::bounds(scan);
            let bounds = RawDocument::from_bytes(&bounds).expect("sound");
            let bounds = Document::try_from(bounds).expect("sound");
            let field = |values: &Bson| {
                let texts = values.as_array().into_iter().flatten();
                texts.map(|text| text.as_str().unwrap_or_default()).collect::<Vec<_>>().join(" ")
            };
            let fields: Vec<_> = bounds.values().map(field).collect();
            format!("{}{} {{{}}}", scan.index.name, filtered(&scan.filter), fields.join("; "))
        }
    }
}

fn shown_all(nodes: &[PlanNode]) -> String {
    nodes.iter().map(show).collect::<Vec<_>>().join(", ")
}

fn plans(question: &Question, indexes: &[IndexFacts]) -> Vec<String> {
    let indexes: Vec<_> = indexes.iter().cloned().map(Arc::new).collect();
    candidates(question, &indexes).iter().map(|plan| show(&plan.root)).collect()
}

fn a_b() -> IndexFacts {
    facts("ab", &rawdoc! { "a": 1, "b": -1 })
}

#[test]
fn bounds_of_operators() {
    let rest = "[MaxKey, MinKey]";
    for (condition, fetch, scan) in [
        (rawdoc! { "a": 5 }, "fetch", "[5, 5]"),
        (rawdoc! { "a": null }, "fetch?", "[undefined, undefined] [null, null]"),
        (rawdoc! { "a": [1, 2] }, "fetch?", "[1, 1] [[ 1, 2 ], [ 1, 2 ]]"),
        (rawdoc! { "a": [] }, "fetch?", "[undefined, undefined] [[], []]"),
        (rawdoc! { "a": { "$gt": 5 } }, "fetch", "(5, inf.0]"),
        (rawdoc! { "a": { "$lt": "x" } }, "fetch", "[\"\", \"x\")"),
        (rawdoc! { "a": { "$gt": { "x": 1 } } }, "fetch", "({ x: 1 }, [])"),
        (rawdoc! { "a": { "$gt": true } }, "fetch", ""),
        (rawdoc! { "a": { "$gt": f64::NAN } }, "fetch", ""),
        (rawdoc! { "a": { "$gt": 5, "$lt": 9 } }, "fetch", "(5, 9)"),
        (rawdoc! { "a": { "$gt": 9, "$lt": 5 } }, "fetch", ""),
        (rawdoc! { "a": { "$lte": null } }, "fetch?", "[undefined, undefined] [null, null]"),
        (
            rawdoc! { "a": { "$in": [1, "x", null] } },
            "fetch?",
            "[undefined, undefined] [null, null] [1, 1] [\"x\", \"x\"]",
        ),
        (rawdoc! { "a": { "$ne": 5 } }, "fetch", "[MinKey, 5) (5, MaxKey]"),
        (rawdoc! { "a": { "$nin": [1, 2] } }, "fetch", "[MinKey, 1) (1, 2) (2, MaxKey]"),
        (rawdoc! { "a": { "$not": { "$gt": 5 } } }, "fetch", "[MinKey, 5] (inf.0, MaxKey]"),
        // Here an index may have an empty array without being multikey.
        (rawdoc! { "a": { "$ne": null } }, "fetch?", "[MinKey, null) (null, MaxKey]"),
        (rawdoc! { "a": { "$exists": true } }, "fetch?", "[MinKey, MaxKey]"),
        (rawdoc! { "a": { "$exists": false } }, "fetch?", "[null, null]"),
        (rawdoc! { "a": { "$regex": "^ab" } }, "fetch", "[\"ab\", \"ac\") [/^ab/, /^ab/]"),
        (rawdoc! { "a": { "$elemMatch": { "$gt": 1, "$lt": 3 } } }, "fetch?", "(1, 3)"),
    ] {
        let expected = format!("{fetch} ab {{{scan}; {rest}}}");
        assert_eq!(plans(&question(&condition), &[a_b()]), [expected], "{condition:?}");
    }
    for (condition, scan) in [
        (rawdoc! { "a": { "$regex": "ab" } }, "[\"\", {}) [/ab/, /ab/]"),
        (rawdoc! { "a": { "$mod": [2, 1] } }, "[nan.0, inf.0]"),
        (rawdoc! { "a": { "$type": "string" } }, "[\"\", {})"),
    ] {
        let expected = format!("fetch ab? {{{scan}; {rest}}}");
        assert_eq!(plans(&question(&condition), &[a_b()]), [expected], "{condition:?}");
    }
    for condition in [rawdoc! { "a": { "$size": 2 } }, rawdoc! { "b": 1 }, rawdoc! {}] {
        assert_eq!(plans(&question(&condition), &[a_b()]), ["all"], "{condition:?}");
    }
    assert_eq!(plans(&question(&rawdoc! { "$alwaysFalse": 1 }), &[a_b()]), ["eof"]);
}

#[test]
fn bounds_where_documents_have_several_entries() {
    let multikey = |facts: IndexFacts| IndexFacts { is_multikey: true, ..facts };
    let rest = "[MaxKey, MinKey]";
    for (condition, expected) in [
        (rawdoc! { "a": { "$gt": 5, "$lt": 9 } }, format!("fetch? ab {{(5, inf.0]; {rest}}}")),
        (
            rawdoc! { "a": { "$elemMatch": { "$gt": 1, "$lt": 3 } } },
            format!("fetch? ab {{(1, 3); {rest}}}"),
        ),
        (rawdoc! { "a": { "$all": [1, 2] } }, format!("fetch? ab {{[1, 1]; {rest}}}")),
        (rawdoc! { "a": 1, "b": 2 }, "fetch ab {[1, 1]; [2, 2]}".into()),
        (rawdoc! { "a": { "$ne": 1 } }, format!("fetch? ab {{[MinKey, 1) (1, MaxKey]; {rest}}}")),
    ] {
        assert_eq!(plans(&question(&condition), &[multikey(a_b())]), [expected], "{condition:?}");
    }
    let inner = multikey(facts("xy", &rawdoc! { "d.x": 1, "d.y": 1 }));
    for (condition, expected) in [
        (rawdoc! { "d.x": 1, "d.y": 2 }, "fetch? xy {[1, 1]; [MinKey, MaxKey]}"),
        (rawdoc! { "d": { "$elemMatch": { "x": 1, "y": 2 } } }, "fetch? xy {[1, 1]; [2, 2]}"),
    ] {
        let plans = plans(&question(&condition), std::slice::from_ref(&inner));
        assert_eq!(plans, [expected], "{condition:?}");
    }
}

#[test]
fn sorts_by_the_order_of_an_index() {
    let sorted = |filter: RawDocumentBuf, sort: RawDocumentBuf, index: IndexFacts| {
        let sort = SortPattern::parse(sort.as_bytes()).expect("a sort");
        let question = Question { sort: Some(sort), ..question(&filter) };
        plans(&question, &[index]).join(" | ")
    };
    let above = || rawdoc! { "a": { "$gt": 1 } };
    let ab = |a: i32, b: i32| rawdoc! { "a": a, "b": b };
    assert_eq!(sorted(above(), ab(-1, 1), a_b()), "fetch ab {[inf.0, 1); [MinKey, MaxKey]}");
    let unsorted = "sort fetch ab {(1, inf.0]; [MaxKey, MinKey]}";
    assert_eq!(sorted(above(), ab(1, 1), a_b()), unsorted);
    let by_b = || rawdoc! { "b": 1 };
    let equal = "fetch ab {[1, 1]; [MinKey, MaxKey]}";
    assert_eq!(sorted(rawdoc! { "a": 1 }, by_b(), a_b()), equal);
    assert_eq!(sorted(rawdoc! { "a": 1 }, ab(1, 1), a_b()), equal);
    let merged = "fetch merge(ab {[1, 1]; [MinKey, MaxKey]}, ab {[2, 2]; [MinKey, MaxKey]})";
    assert_eq!(sorted(rawdoc! { "a": { "$in": [1, 2] } }, by_b(), a_b()), merged);
    // Without conditions the order alone is worth a walk.
    let walk = "fetch? ab {[MinKey, MaxKey]; [MaxKey, MinKey]}";
    assert_eq!(sorted(rawdoc! { "x": 1 }, rawdoc! { "a": 1 }, a_b()), walk);
    assert_eq!(sorted(rawdoc! { "x": 1 }, by_b(), a_b()), "sort all");
    let sparse = IndexFacts { is_sparse: true, ..a_b() };
    assert_eq!(sorted(rawdoc! { "x": 1 }, rawdoc! { "a": 1 }, sparse), "sort all");
    // A part of a document's entries says nothing of its first one.
    let multikey = || IndexFacts { is_multikey: true, ..a_b() };
    let unsorted = "sort fetch ab {(1, inf.0]; [MaxKey, MinKey]}";
    assert_eq!(sorted(above(), rawdoc! { "a": 1 }, multikey()), unsorted);
    assert_eq!(sorted(rawdoc! { "a": 1 }, by_b(), multikey()), equal);
}

#[test]
fn branches_take_an_index_each() {
    let c = || facts("c", &rawdoc! { "c": 1 });
    let either = rawdoc! { "$or": [{ "a": 3 }, { "c": "x", "z": 1 }], "y": 4 };
    let expected = "fetch? or(ab {[3, 3]; [MaxKey, MinKey]}, fetch? c {[\"x\", \"x\"]})".to_owned();
    assert_eq!(plans(&question(&either), &[a_b(), c()]), [expected]);
    assert_eq!(plans(&question(&either), &[a_b()]), ["all"]);
}

#[test]
fn indexes_that_lack_documents() {
    let sparse = || IndexFacts { is_sparse: true, ..a_b() };
    let some =
        |filter: RawDocumentBuf, index: IndexFacts| plans(&question(&filter), &[index])[0] != "all";
    assert!(some(rawdoc! { "a": 1 }, sparse()) && !some(rawdoc! { "a": null }, sparse()));
    assert!(some(rawdoc! { "a": { "$exists": true } }, sparse()));
    assert!(!some(rawdoc! { "a": { "$ne": 1 } }, sparse()));
    let partial = |filter: RawDocumentBuf| {
        let filter = Filter::parse(filter.as_bytes()).expect("a filter");
        IndexFacts { partial: Some(Arc::new(filter)), ..a_b() }
    };
    let adult = || partial(rawdoc! { "age": { "$gte": 18 } });
    assert!(some(rawdoc! { "a": 1, "age": { "$gt": 18 } }, adult()));
    assert!(some(rawdoc! { "a": 1, "age": { "$in": [20, 30.5] } }, adult()));
    assert!(!some(rawdoc! { "a": 1, "age": { "$gte": 17 } }, adult()));
    assert!(!some(rawdoc! { "a": 1 }, adult()));
    let named = || partial(rawdoc! { "name": { "$exists": true } });
    assert!(some(rawdoc! { "a": 1, "name": "x" }, named()));
    assert!(!some(rawdoc! { "a": 1, "name": null }, named()));
    let hidden = IndexFacts { is_hidden: true, ..a_b() };
    assert!(!some(rawdoc! { "a": 1 }, hidden));
    let hash = |value: crate::bson::element::Value<'_>| i64::from(value.ty);
    let hashed = || IndexFacts { hash: Some(hash), ..facts("h", &rawdoc! { "a": 1 }) };
    assert_eq!(plans(&question(&rawdoc! { "a": "x" }), &[hashed()]), ["fetch? h {[2, 2]}"]);
    assert!(!some(rawdoc! { "a": { "$gt": 1 } }, hashed()));
}

#[test]
fn what_is_covered_is_not_read() {
    let covered = |filter: RawDocumentBuf, wanted: &[&str], index: IndexFacts| {
        let wanted = Some(wanted.iter().map(|path| (*path).to_owned()).collect());
        plans(&Question { wanted, ..question(&filter) }, &[index]).join(" | ")
    };
    let scan = "ab {[1, 1]; [MaxKey, MinKey]}";
    assert_eq!(covered(rawdoc! { "a": 1 }, &["b"], a_b()), scan);
    assert_eq!(covered(rawdoc! { "a": 1 }, &["b", "_id"], a_b()), format!("fetch {scan}"));
    assert_eq!(covered(rawdoc! { "a": 1, "c": 1 }, &["b"], a_b()), format!("fetch? {scan}"));
    let of_others = || IndexFacts { notes_arrays: false, ..a_b() };
    let multikey = || IndexFacts { is_multikey: true, ..a_b() };
    for index in [of_others(), multikey()] {
        let fetched = covered(rawdoc! { "a": 1 }, &["b"], index.clone());
        assert_eq!(fetched, format!("fetch {scan}"));
        assert_eq!(covered(rawdoc! { "a": 1 }, &[], index), scan);
    }
}

#[test]
fn shapes_have_no_values() {
    let shape = |filter: RawDocumentBuf| shape::shape(&question(&filter));
    let base = shape(rawdoc! { "a": 1, "b": { "$gt": 1 } });
    assert_eq!(base, shape(rawdoc! { "b": { "$gt": "x" }, "a": { "$eq": 7 } }));
    for other in [
        rawdoc! { "a": 1, "b": { "$gte": 1 } },
        rawdoc! { "a": 1 },
        rawdoc! { "$or": [{ "a": 1 }, { "b": { "$gt": 1 } }] },
        rawdoc! { "a": 1, "b.c": { "$gt": 1 } },
        rawdoc! { "b": 1, "a": { "$gt": 1 } },
    ] {
        assert_ne!(base, shape(other.clone()), "{other:?}");
    }
    let sorted = Question {
        sort: Some(SortPattern::parse(rawdoc! { "a": 1 }.as_bytes()).expect("a sort")),
        ..question(&rawdoc! { "a": 1, "b": { "$gt": 1 } })
    };
    assert_ne!(base, shape::shape(&sorted));
}
