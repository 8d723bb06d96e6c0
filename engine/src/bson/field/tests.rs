//! Finding fields: against a naive walk, and the skips of the articles' documents.

use super::*;
use crate::bson::element::Elements;
use crate::bson::test_documents::{flat_day, hierarchical_day, random_document};
use crate::rounds::{met_more_than, rounds};

fn find(doc: &[u8], path: &str) -> (Location, Skips) {
    let mut skips = Skips::default();
    let location = locate(doc, &FieldPath::parse(path).unwrap(), &mut skips).unwrap();
    (location, skips)
}

fn fields_skipped(doc: &[u8], path: &str) -> u32 {
    let (location, skips) = find(doc, path);
    assert!(matches!(location, Location::Found(FieldSpan { ty: ty::INT32, .. })), "{path}");
    skips.fields
}

/// `minute` is the fourth field: three are passed over before it, whatever is wanted inside.
const BEFORE_MINUTE: u32 = 3;

#[test]
fn hierarchy_of_hours_skips_at_most_82_fields_inside_minute() {
    let doc = hierarchical_day();
    assert_eq!(fields_skipped(&doc, "minute.0.0"), BEFORE_MINUTE);
    assert_eq!(fields_skipped(&doc, "minute.13.37"), BEFORE_MINUTE + 13 + 37);
    assert_eq!(fields_skipped(&doc, "minute.23.59"), BEFORE_MINUTE + 23 + 59);
}

#[test]
fn flat_minutes_skip_up_to_1439_fields_inside_minute() {
    let doc = flat_day();
    assert_eq!(fields_skipped(&doc, "minute.0"), BEFORE_MINUTE);
    assert_eq!(fields_skipped(&doc, "minute.817"), BEFORE_MINUTE + 817);
    assert_eq!(fields_skipped(&doc, "minute.1439"), BEFORE_MINUTE + 1439);
}

#[test]
fn skipped_bytes_and_skipped_headers_make_up_the_offset() {
    // Up to the field wanted lie: what was skipped, and per level a length word and, below the
    // top level, the type and name of the document gone into.
    let doc = hierarchical_day();
    let (location, skips) = find(&doc, "minute.23.59");
    let headers = 4 + ("\x03minute\0".len() + 4) + ("\x0323\0".len() + 4);
    let span = location.found().unwrap();
    assert_eq!(span.element_ofs as usize, skips.bytes as usize + headers);
}

#[test]
fn missing_and_blocked() {
    let doc = ::bson::rawdoc! { "a": { "b": 1 }, "l": [7, { "x": 8 }], "s": "t" };
    let doc = doc.as_bytes();
    let a_ofs = 4 + 3;
    assert!(matches!(
        find(doc, "a.c.d"),
        (Location::Missing { parent_ofs, parent_ty: ty::DOCUMENT, siblings: 1, depth: 1 }, _)
            if parent_ofs == a_ofs
    ));
    assert!(matches!(
        find(doc, "z"),
        (
            Location::Missing { parent_ofs: 0, siblings: 3, depth: 0, .. },
            Skips { fields: 3, bytes },
        ) if bytes as usize == doc.len() - 5
    ));
    assert!(matches!(
        find(doc, "l.5"),
        (Location::Missing { parent_ty: ty::ARRAY, siblings: 2, depth: 1, .. }, _)
    ));
    assert!(matches!(
        find(doc, "l.x"),
        (Location::Blocked { by: FieldSpan { ty: ty::ARRAY, .. }, depth: 1 }, _)
    ));
    assert!(matches!(
        find(doc, "a.b.c.d"),
        (Location::Blocked { by: FieldSpan { ty: ty::INT32, .. }, depth: 2 }, _)
    ));
    assert_eq!(find(doc, "l.1.x").0.found().unwrap().value(doc), [8, 0, 0, 0]);
}

#[test]
fn the_first_of_two_equal_names_counts() {
    let doc = ::bson::rawdoc! { "a": 1, "a": 2, "longer_name": 3, "longer_name": 4 };
    let doc = doc.as_bytes();
    assert_eq!(find(doc, "a").0.found().unwrap().value(doc), [1, 0, 0, 0]);
    assert_eq!(find(doc, "longer_name").0.found().unwrap().value(doc), [3, 0, 0, 0]);
    assert!(find(doc, "longer_nam").0.found().is_none());
}

/// The rule, told plainly: the first element of the name, or the element at the place.
fn locate_naively(doc: &[u8], ofs: usize, ty: u8, path: &[&str]) -> (Option<FieldSpan>, u32) {
    let index = path[0].parse::<usize>().ok().filter(|i| i.to_string() == path[0]);
    let mut passed = 0;
    for (i, element) in Elements::new(doc).unwrap().enumerate() {
        let element = element.unwrap();
        let is_it = match ty {
            ty::ARRAY => index == Some(i),
            _ => element.name == path[0].as_bytes(),
        };
        if is_it && path.len() == 1 {
            let span = FieldSpan {
                element_ofs: (ofs + element.ofs) as u32,
                value_ofs: (ofs + element.value_ofs) as u32,
                value_len: element.value.len() as u32,
                ty: element.ty,
            };
            return (Some(span), passed);
        }
        if is_it {
            if !ty::is_container(element.ty) {
                return (None, passed);
            }
            let below = ofs + element.value_ofs;
            let (span, more) = locate_naively(element.value, below, element.ty, &path[1..]);
            return (span, passed + more);
        }
        passed += 1;
    }
    (None, if ty == ty::ARRAY && index.is_none() { 0 } else { passed })
}

#[test]
fn random_documents_and_paths_agree_with_the_plain_rule() {
    let mut rng = oorandom::Rand32::new(3);
    let mut found = 0;
    for round in 0..rounds(3_000) {
        let doc = random_document(&mut rng);
        for _ in 0..10 {
            let parts: Vec<_> = (0..rng.rand_range(1..4))
                .map(|_| {
                    ["a", "b", "c", "0", "1", "long_name_of_a_field"][rng.rand_range(0..6) as usize]
                })
                .collect();
            let (location, skips) = find(&doc, &parts.join("."));
            let expected = locate_naively(&doc, 0, ty::DOCUMENT, &parts);
            assert_eq!((location.found(), skips.fields), expected, "round {round} {parts:?}");
            found += u32::from(location.found().is_some());
        }
    }
    assert!(met_more_than(1_000, found), "{found}");
}

#[test]
fn garbage_never_panics() {
    let mut rng = oorandom::Rand32::new(4);
    let paths = ["a", "a.b", "b.0.c", "c.1", "long_name_of_a_field.a"];
    let paths = paths.map(|path| FieldPath::parse(path).unwrap());
    for _ in 0..rounds(20_000) {
        let mut doc = random_document(&mut rng);
        for _ in 0..rng.rand_range(1..4) {
            let at = rng.rand_range(0..doc.len() as u32) as usize;
            doc[at] = rng.rand_u32() as u8;
        }
        for path in &paths {
            if let Ok(Location::Found(span)) = locate(&doc, path, &mut Skips::default()) {
                assert!(span.value(&doc).len() == span.value_len as usize);
            }
        }
    }
}
