//! Shapes: against the scanner, on random documents.

use super::*;
use crate::bson::element::Value;
use crate::bson::field::{Skips, locate};
use crate::bson::number::Number;
use crate::bson::test_documents::{NAMES, flat_day, hierarchical_day, random_document};
use crate::rounds::{met_more_than, rounds};
use ::bson::rawdoc;

fn path(text: &str) -> FieldPath {
    FieldPath::parse(text).unwrap()
}

/// What the shape says about `path` must be what a scan of the document says; what the scan
/// finds in the suffix the shape must know.
fn assert_agrees(shape: &Shape, doc: &[u8], path: &FieldPath) -> bool {
    let scanned = locate(doc, path, &mut Skips::default()).unwrap().found();
    // The first time by its hash, the second time remembered.
    for _ in 0..2 {
        match (shape.find(path), scanned) {
            (Some(slot), Some(span)) => {
                assert_eq!(slot.value_ofs(doc.len()), Some(span.value_ofs as usize), "{path}");
                assert_eq!(slot.ty, span.ty, "{path}");
            }
            (None, Some(span)) => {
                let start = (doc.len() - shape.suffix_len()) as u32;
                assert!(span.element_ofs < start, "{path} lies in the suffix");
            }
            (Some(_), None) => panic!("{path} is in the shape and not in the document"),
            (None, None) => {}
        }
    }
    shape.find(path).is_some()
}

fn random_path(rng: &mut oorandom::Rand32) -> FieldPath {
    let parts: Vec<_> =
        (0..rng.rand_range(1..4)).map(|_| NAMES[rng.rand_range(0..6) as usize]).collect();
    path(&parts.join("."))
}

#[test]
#[cfg_attr(miri, ignore = "too long")]
fn a_day_is_all_suffix_but_its_id_and_metadata() {
    for (doc, wanted) in [(hierarchical_day(), "minute.23.59"), (flat_day(), "minute.1439")] {
        let shape = Shape::of(&doc).unwrap().unwrap();
        assert!(shape.matches(&doc));
        for text in [wanted, "hourly.0", "hourly.23", "minute.0", "minute"] {
            assert!(assert_agrees(&shape, &doc, &path(text)), "{text}");
        }
        assert!(!assert_agrees(&shape, &doc, &path("metadata.site")));
        assert!(!assert_agrees(&shape, &doc, &path("_id")));
        assert!(!assert_agrees(&shape, &doc, &path("minute.77.1")));
    }
}

#[test]
fn other_ids_and_values_share_a_shape_and_other_layouts_do_not() {
    let shape = Shape::of(rawdoc! { "_id": "x", "m": { "s": "abc", "n": 1 }, "h": 5 }.as_bytes())
        .unwrap()
        .unwrap();
    let has = |doc: ::bson::RawDocumentBuf| shape.matches(doc.as_bytes());
    assert!(has(rawdoc! { "_id": "longer", "m": { "s": "", "n": 9 }, "h": -1 }));
    assert!(has(rawdoc! { "_id": 5_i64, "m": { "s": [1, 2], "n": 9 }, "h": -1 }));
    assert!(!has(rawdoc! { "_id": "x", "m": { "s": "abc", "n": 1 }, "h": 5.0 }));
    assert!(!has(rawdoc! { "_id": "x", "m": { "s": "abc", "n": 1 }, "i": 5 }));
    assert!(!has(rawdoc! { "_id": "x", "m": { "s": "abc", "h": 1 }, "h": 5 }));
    assert!(!has(rawdoc! { "_id": "x", "n": { "s": "abc", "n": 1 }, "h": 5 }));
    assert!(!has(rawdoc! { "_id": "x", "m": { "n": "abc", "n": 1 }, "h": 5 }));
    assert!(!has(rawdoc! { "h": "x", "m": { "s": "abc", "n": 1 }, "h": 5 }));
    assert!(!has(rawdoc! { "_id": "x", "m": { "s": "abc" }, "n": 1, "h": 5 }));
    assert!(!has(rawdoc! { "_id": "x", "m": { "s": "abc", "n": 1, "o": 2 }, "h": 5 }));
    assert!(!has(rawdoc! { "h": 5 }));
    assert!(!shape.matches(&[]));
}

#[test]
fn a_guess_is_right_where_only_the_id_has_another_length() {
    let day = hierarchical_day();
    let shape = Shape::of(&day).unwrap().unwrap();
    let own = Elements::new(&day).unwrap().next().unwrap().unwrap();
    let minute = path("minute.13.37");
    for id in ["", "x", "20991231/another-site/some/longer/page.html"] {
        let mut doc = crate::bson::builder::Builder::with_capacity(day.len() + 100);
        let value = [&(id.len() as i32 + 1).to_le_bytes(), id.as_bytes(), &[0]].concat();
        doc.value("_id", Value { ty: ty::STRING, bytes: &value });
        doc.raw(&day[own.end()..day.len() - 1]);
        let doc = doc.finish();
        assert!(shape.matches(&doc));
        let found = locate(&doc, &minute, &mut Skips::default()).unwrap().found().unwrap();
        assert_eq!(shape.guess(&minute, value.len()), Some(found.value_ofs as usize));
    }
    assert_eq!(shape.guess(&path("minute.24.0"), 10), None);
}

#[test]
fn names_that_hide_names_have_no_place() {
    let doc =
        rawdoc! { "s": "x", "h": "hidden", "h": 1, "n": 2, "n": 3, "a.b": 4, "a": { "b": 5 } };
    let doc = doc.as_bytes();
    let shape = Shape::of(doc).unwrap().unwrap();
    assert!(!assert_agrees(&shape, doc, &path("h")));
    assert!(assert_agrees(&shape, doc, &path("n")));
    assert!(assert_agrees(&shape, doc, &path("a.b")));
}

#[test]
fn no_suffix_no_shape() {
    assert!(Shape::of(rawdoc! {}.as_bytes()).unwrap().is_none());
    assert!(Shape::of(rawdoc! { "a": 1, "s": "x" }.as_bytes()).unwrap().is_none());
    assert!(Shape::of(rawdoc! { "a": { "s": "x" } }.as_bytes()).unwrap().is_none());
    assert!(Shape::of(&[1, 2, 3]).is_err());
    let deep = (0..NESTING_MAX + 1).fold(rawdoc! { "x": 1 }, |inner, _| rawdoc! { "d": inner });
    assert!(Shape::of(deep.as_bytes()).is_err());
}

#[test]
fn random_shapes_agree_with_the_scan() {
    let mut rng = oorandom::Rand32::new(6);
    let mut known = 0;
    for _ in 0..rounds(3_000) {
        let doc = random_document(&mut rng);
        let Some(shape) = Shape::of(&doc).unwrap() else { continue };
        assert!(shape.matches(&doc));
        for _ in 0..20 {
            known += u32::from(assert_agrees(&shape, &doc, &random_path(&mut rng)));
        }
    }
    assert!(met_more_than(2_000, known), "{known}");
}

#[test]
fn whatever_matches_a_shape_agrees_with_the_scan() {
    let mut rng = oorandom::Rand32::new(7);
    let mut matched = 0;
    for _ in 0..rounds(800) {
        let count = if cfg!(miri) { 8 } else { 40 };
        let docs: Vec<_> = (0..count).map(|_| random_document(&mut rng)).collect();
        for doc in &docs {
            let Some(shape) = Shape::of(doc).unwrap() else { continue };
            for other in docs.iter().filter(|other| shape.matches(other)) {
                matched += u32::from(other != doc);
                for _ in 0..10 {
                    assert_agrees(&shape, other, &random_path(&mut rng));
                }
            }
        }
    }
    assert!(met_more_than(100, matched), "{matched}");
}

#[test]
fn changed_bytes_match_only_if_the_scan_still_agrees() {
    let mut rng = oorandom::Rand32::new(8);
    let (mut matched, mut refused) = (0, 0);
    for _ in 0..rounds(4_000) {
        let doc = random_document(&mut rng);
        let Some(shape) = Shape::of(&doc).unwrap() else { continue };
        let mut other = doc.clone();
        for _ in 0..rng.rand_range(1..3) {
            let at = rng.rand_range(4..doc.len() as u32 - 1) as usize;
            other[at] = if rng.rand_range(0..2) == 0 { 0x10 } else { b'a' };
        }
        // Only what is still BSON can be a document of a collection.
        if crate::bson::document::check(&other).is_err() {
            continue;
        }
        if !shape.matches(&other) {
            refused += 1;
            continue;
        }
        matched += 1;
        for _ in 0..10 {
            assert_agrees(&shape, &other, &random_path(&mut rng));
        }
    }
    assert!(met_more_than(300, matched) && met_more_than(100, refused), "{matched} {refused}");
}

#[test]
fn a_path_remembers_one_shape_and_is_not_misled_by_another() {
    let (a, b) = (rawdoc! { "x": 1, "y": 2 }, rawdoc! { "y": 2, "x": 1.5 });
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let (of_a, of_b) = (Shape::of(a).unwrap().unwrap(), Shape::of(b).unwrap().unwrap());
    let x = path("x");
    for _ in 0..3 {
        for (doc, shape, value) in [(a, &of_a, Number::Int32(1)), (b, &of_b, Number::Double(1.5))] {
            let slot = shape.find(&x).unwrap();
            let value_ofs = slot.value_ofs(doc.len()).unwrap();
            assert_eq!(Number::read(slot.ty, &doc[value_ofs..]), Some(value));
        }
    }
}
