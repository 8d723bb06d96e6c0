//! The canonical order of values, as far as the tests' documents need it, and bytes of documents.

use std::cmp::Ordering;

use bson::{Bson, Document, RawDocumentBuf};

fn rank(value: &Bson) -> u8 {
    match value {
        Bson::Undefined => 0,
        Bson::Null => 5,
        Bson::Int32(_) | Bson::Int64(_) | Bson::Double(_) => 10,
        Bson::String(_) => 15,
        Bson::Document(_) => 20,
        Bson::Array(_) => 25,
        Bson::ObjectId(_) => 35,
        Bson::Boolean(_) => 40,
        other => panic!("the model has no place for {other}"),
    }
}

/// The number in a value, if it is one. The tests' numbers are exact in a double.
pub fn float(value: &Bson) -> Option<f64> {
    match value {
        Bson::Int32(value) => Some(f64::from(*value)),
        Bson::Int64(value) => Some(*value as f64),
        Bson::Double(value) => Some(*value),
        _ => None,
    }
}

/// Compares two values.
pub fn compare(a: &Bson, b: &Bson) -> Ordering {
    rank(a).cmp(&rank(b)).then_with(|| match (a, b) {
        (Bson::String(a), Bson::String(b)) => a.cmp(b),
        (Bson::ObjectId(a), Bson::ObjectId(b)) => a.cmp(b),
        (Bson::Boolean(a), Bson::Boolean(b)) => a.cmp(b),
        (Bson::Document(a), Bson::Document(b)) => {
            let fields = |d: &Document| -> Vec<(String, Bson)> { d.clone().into_iter().collect() };
            compare_fields(&fields(a), &fields(b))
        }
        (Bson::Array(a), Bson::Array(b)) => {
            let fields = |a: &[Bson]| -> Vec<(String, Bson)> {
                a.iter().map(|value| (String::new(), value.clone())).collect()
            };
            compare_fields(&fields(a), &fields(b))
        }
        (Bson::Undefined, _) | (Bson::Null, _) => Ordering::Equal,
        (Bson::Int64(a), Bson::Int64(b)) => a.cmp(b),
        _ => float(a).partial_cmp(&float(b)).expect("no NaN"),
    })
}

fn compare_fields(a: &[(String, Bson)], b: &[(String, Bson)]) -> Ordering {
    for ((name_a, a), (name_b, b)) in a.iter().zip(b) {
        let order =
            rank(a).cmp(&rank(b)).then_with(|| name_a.cmp(name_b)).then_with(|| compare(a, b));
        if order.is_ne() {
            return order;
        }
    }
    a.len().cmp(&b.len())
}

/// Compares keys field by field; `directions` are 1 or −1.
pub fn compare_keys(a: &[Bson], b: &[Bson], directions: &[i32]) -> Ordering {
    for ((a, b), direction) in a.iter().zip(b).zip(directions) {
        let order = compare(a, b);
        if order.is_ne() {
            return if *direction < 0 { order.reverse() } else { order };
        }
    }
    Ordering::Equal
}

/// The bytes of a document.
pub fn raw(document: &Document) -> RawDocumentBuf {
    RawDocumentBuf::try_from(document).expect("BSON can hold it")
}
