//! BSON: the engine accepts what the `bson` crate can walk to the end, and sees the same names,
//! types and values in it. Whatever the bytes are, nothing panics.

use tallymap::bson::builder::Builder;
use tallymap::bson::compare::{Names, compare_documents, compare_values};
use tallymap::bson::element::{Element, Elements, get};
use tallymap::bson::field::{Skips, locate};
use tallymap::bson::shape::Shape;
use tallymap::bson::{document, text, ty};
use tallymap::{FieldPath, limits};

use crate::bson_walk::{Item, walk};

/// Runs one input: the bytes of a document.
pub fn run(input: &[u8]) {
    tolerate(input);
    match (document::check(input), walk(input)) {
        (Ok(()), Ok(items)) => {
            assert_eq!(ours(input), items, "the walk of the bson crate");
            assert!(document::depth(input) <= limits::NESTING_MAX);
            let mut builder = Builder::new();
            rewrite(input, &mut builder);
            assert_eq!(builder.finish(), input, "written again");
            find_fields(input);
            compare(input);
        }
        (Ok(()), Err(error)) => panic!("accepted, but the bson crate says: {error}"),
        (Err(error), Ok(_)) => {
            let deep = document::depth(input) > limits::NESTING_MAX;
            assert!(deep, "refused ({error}), but the bson crate walks it");
        }
        (Err(_), Err(_)) => {}
    }
}

/// What is done to bytes that may be no BSON, such as those of a damaged record.
fn tolerate(bytes: &[u8]) {
    assert!(compare_documents(bytes, bytes, Names::Compared).is_eq());
    text::document(bytes);
    text::key(bytes);
    document::depth(bytes);
    if let Ok(elements) = Elements::new(bytes) {
        assert!(elements.count() <= bytes.len() / 2);
    }
    if let Ok(Some(shape)) = Shape::of(bytes) {
        assert!(shape.matches(bytes));
    }
}

/// Every element at every level, as the engine's walk finds them.
fn ours(bytes: &[u8]) -> Vec<Item> {
    let (mut items, mut rest) = (Vec::new(), vec![bytes]);
    while let Some(doc) = rest.pop() {
        for element in Elements::new(doc).expect("checked") {
            let element = element.expect("checked");
            rest.extend(inner(&element));
            items.push((element.ty, element.name.to_vec(), element.value.to_vec()));
        }
    }
    items
}

/// The document within an element.
fn inner<'a>(element: &Element<'a>) -> Option<&'a [u8]> {
    if element.ty != ty::CODE_WITH_SCOPE {
        return element.val().as_document();
    }
    let code_len = i32::from_le_bytes(*element.value[4..].first_chunk().expect("a length"));
    Some(&element.value[8 + code_len as usize..])
}

fn rewrite(doc: &[u8], builder: &mut Builder) {
    for element in Elements::new(doc).expect("checked").map(|element| element.expect("checked")) {
        match element.val().as_document() {
            Some(inner) => {
                builder.begin(element.ty, element.name);
                rewrite(inner, builder);
                builder.end();
            }
            None => drop(builder.element(&element)),
        }
    }
}

/// A path leads to the first field of each name, by the scan and by the shape.
fn find_fields(doc: &[u8]) {
    let shape = Shape::of(doc).expect("checked");
    let found = |path: &str, expected: &Element<'_>| {
        let path = FieldPath::parse(path).expect("names without dots");
        let found = locate(doc, &path, &mut Skips::default()).expect("checked").found();
        assert_eq!(found.map(|span| span.value(doc)), Some(expected.value), "{path:?}");
        if let Some(slot) = shape.as_ref().and_then(|shape| shape.find(&path)) {
            let at = slot.value_ofs(doc.len()).expect("it has the shape");
            assert_eq!(&doc[at..at + expected.value.len()], expected.value, "{path:?}, shape");
        }
    };
    let name = |element: &Element<'_>| {
        let name = String::from_utf8(element.name.to_vec()).expect("checked");
        (!name.is_empty() && !name.contains('.')).then_some(name)
    };
    for outer in Elements::new(doc).expect("checked").flatten() {
        let Some(outer_name) = name(&outer) else { continue };
        if get(doc, &outer_name).expect("checked") != Some(outer) {
            continue;
        }
        found(&outer_name, &outer);
        let Some(inner) = outer.val().as_document().filter(|_| outer.ty == ty::DOCUMENT) else {
            continue;
        };
        for element in Elements::new(inner).expect("checked").flatten().take(40) {
            let Some(name) = name(&element) else { continue };
            if get(inner, &name).expect("checked") == Some(element) {
                found(&format!("{outer_name}.{name}"), &element);
            }
        }
    }
}

/// The order of values is one: C1 of the engine's `compare`.
fn compare(doc: &[u8]) {
    let values: Vec<_> = Elements::new(doc).expect("checked").flatten().map(|e| e.val()).collect();
    let values = &values[..values.len().min(7)];
    for &a in values {
        assert!(compare_values(a, a).is_eq(), "{a:?}");
        for &b in values {
            let order = compare_values(a, b);
            assert_eq!(compare_values(b, a), order.reverse(), "{a:?} {b:?}");
            for &c in values {
                if order.is_le() && compare_values(b, c).is_le() {
                    assert!(compare_values(a, c).is_le(), "{a:?} {b:?} {c:?}");
                }
            }
        }
    }
}
