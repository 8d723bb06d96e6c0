//! The canonical order of values, as far as the tests' documents need it, and bytes of documents.

use std::cmp::Ordering;

use bson::{Bson, Document, RawDocumentBuf};

/// The place of a value's type among the types.
pub fn rank(value: &Bson) -> i16 {
    match value {
        Bson::MinKey => -1,
        Bson::Undefined => 0,
        Bson::Null => 5,
        Bson::Int32(_) | Bson::Int64(_) | Bson::Double(_) | Bson::Decimal128(_) => 10,
        Bson::String(_) => 15,
        Bson::Document(_) => 20,
        Bson::Array(_) => 25,
        Bson::Binary(_) => 30,
        Bson::ObjectId(_) => 35,
        Bson::Boolean(_) => 40,
        Bson::DateTime(_) => 45,
        Bson::Timestamp(_) => 47,
        Bson::RegularExpression(_) => 50,
        Bson::MaxKey => 127,
        other => panic!("the model has no place for {other}"),
    }
}

/// The number in a value, if it is one.
pub fn float(value: &Bson) -> Option<f64> {
    match value {
        Bson::Int32(value) => Some(f64::from(*value)),
        Bson::Int64(value) => Some(*value as f64),
        Bson::Double(value) => Some(*value),
        // Good enough for the few and short ones of the tests.
        Bson::Decimal128(value) => value.to_string().parse().ok(),
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
        (Bson::Undefined | Bson::Null | Bson::MinKey | Bson::MaxKey, _) => Ordering::Equal,
        (Bson::Binary(a), Bson::Binary(b)) => {
            // Subtype 2 stores its length a second time.
            let len = |b: &bson::Binary| b.bytes.len() + 4 * usize::from(u8::from(b.subtype) == 2);
            let parts = |b: &bson::Binary| (len(b), u8::from(b.subtype), b.bytes.clone());
            parts(a).cmp(&parts(b))
        }
        (Bson::DateTime(a), Bson::DateTime(b)) => a.cmp(b),
        (Bson::Timestamp(a), Bson::Timestamp(b)) => {
            // Signed in 3.2: the seconds after 2038 come first.
            (a.time as i32, a.increment).cmp(&(b.time as i32, b.increment))
        }
        (Bson::RegularExpression(a), Bson::RegularExpression(b)) => {
            let parts = |r: &bson::Regex| (r.pattern.to_string(), r.options.to_string());
            parts(a).cmp(&parts(b))
        }
        _ => compare_numbers(a, b),
    })
}

/// NaN is below all numbers, and equal to itself. An int64 and a double are compared exactly.
fn compare_numbers(a: &Bson, b: &Bson) -> Ordering {
    match (a, b) {
        (Bson::Int64(a), Bson::Int64(b)) => return a.cmp(b),
        (Bson::Int64(a), Bson::Double(b)) => return compare_exactly(*a, *b),
        (Bson::Double(a), Bson::Int64(b)) => return compare_exactly(*b, *a).reverse(),
        _ => {}
    }
    let (a, b) = (float(a).expect("a number"), float(b).expect("a number"));
    a.partial_cmp(&b).unwrap_or_else(|| b.is_nan().cmp(&a.is_nan()))
}

fn compare_exactly(a: i64, b: f64) -> Ordering {
    if b.is_nan() {
        return Ordering::Greater;
    }
    // Beyond 2^64 every double is beyond every int64; up to there its whole part is exact.
    let whole = b.clamp(-2e19, 2e19).floor();
    i128::from(a).cmp(&(whole as i128)).then(if whole < b {
        Ordering::Less
    } else {
        Ordering::Equal
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
