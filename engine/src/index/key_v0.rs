//! Keys of V0 indexes: BSON objects with empty names, and their order (format, §10.3).
//!
//! The order is that of the servers that made such indexes: dates and timestamps unsigned,
//! strings to their first NUL, mixed numbers as doubles of which no finite one is below a
//! non-finite one. Inside of nested objects it is today's.

use std::cmp::Ordering;

use crate::bson::compare::compare_values as compare_today;
use crate::bson::element::{Elements, Value};
use crate::bson::number::Number;
use crate::bson::ty;
use crate::format::Wire;
use crate::index::key::KeyOrder;
use crate::index::key_v1::{append_object, object_len};

/// Appends the key of these values to `out`, of any length.
pub fn encode(values: &[Value<'_>], out: &mut Vec<u8>) {
    append_object(values, out);
}

/// Length of the key at the start of `bytes`; none if it is malformed.
pub fn len(bytes: &[u8]) -> Option<usize> {
    object_len(bytes)
}

/// How two keys are ordered.
pub fn compare(a: &[u8], b: &[u8], order: KeyOrder) -> Ordering {
    let (mut a, mut b) = (values(a), values(b));
    for field in 0.. {
        let by_value = match (a.next(), b.next()) {
            (Some(a), Some(b)) => order.apply(field, compare_values(a, b)),
            (a, b) => return a.is_some().cmp(&b.is_some()),
        };
        if by_value.is_ne() {
            return by_value;
        }
    }
    Ordering::Equal
}

/// The values of a key. A malformed element ends it.
fn values(key: &[u8]) -> impl Iterator<Item = Value<'_>> {
    let elements = Elements::new(key).into_iter().flatten();
    elements.map_while(Result::ok).map(|element| element.val())
}

fn compare_values(a: Value<'_>, b: Value<'_>) -> Ordering {
    let by_type = ty::canonical(a.ty).cmp(&ty::canonical(b.ty));
    by_type.then_with(|| match (Number::read(a.ty, a.bytes), Number::read(b.ty, b.bytes)) {
        (Some(a), Some(b)) => compare_numbers(a, b),
        _ => compare_others(a, b),
    })
}

fn compare_others(a: Value<'_>, b: Value<'_>) -> Ordering {
    match a.ty {
        ty::DATE | ty::TIMESTAMP => u64::from_wire(a.bytes).cmp(&u64::from_wire(b.bytes)),
        ty::STRING | ty::SYMBOL => c_string(a).cmp(c_string(b)),
        _ => compare_today(a, b),
    }
}

fn compare_numbers(a: Number, b: Number) -> Ordering {
    match (a, b) {
        (Number::Int32(a), Number::Int32(b)) => a.cmp(&b),
        (Number::Int64(a), Number::Int64(b)) => a.cmp(&b),
        _ => {
            let (a, b) = (a.to_f64(), b.to_f64());
            match (a.is_finite(), b.is_finite()) {
                (true, true) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
                (a, b) => a.cmp(&b),
            }
        }
    }
}

/// The bytes of a string before its first NUL.
fn c_string(value: Value<'_>) -> &[u8] {
    let text = value.bytes.get(4..).unwrap_or(&[]);
    text.split(|&byte| byte == 0).next().unwrap_or(&[])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::index_version::IndexVersion;
    use crate::index::test_index::encode;
    use bson::{RawBson, RawDocumentBuf, Timestamp, rawdoc};

    fn assert_order(a: RawDocumentBuf, expected: Ordering, b: RawDocumentBuf) {
        let (a, b) = (encode(IndexVersion::V0, &a), encode(IndexVersion::V0, &b));
        assert_eq!(compare(&a, &b, KeyOrder::ASCENDING), expected);
        assert_eq!(compare(&b, &a, KeyOrder::ASCENDING), expected.reverse());
        assert_eq!(compare(&a, &b, KeyOrder::new([true])), expected.reverse());
    }

    #[test]
    fn keeps_the_order_of_its_time() {
        use Ordering::{Equal, Less};
        let date = bson::DateTime::from_millis;
        assert_order(rawdoc! { "": date(5) }, Less, rawdoc! { "": date(-5) });
        let ts = |time| RawBson::Timestamp(Timestamp { time, increment: 0 });
        assert_order(rawdoc! { "": ts(1) }, Less, rawdoc! { "": ts(u32::MAX) });
        assert_order(rawdoc! { "": "a\0b" }, Equal, rawdoc! { "": "a\0c" });
        assert_order(rawdoc! { "": "a" }, Less, rawdoc! { "": "ab" });
        assert_order(rawdoc! { "": f64::NAN }, Equal, rawdoc! { "": f64::INFINITY });
        assert_order(rawdoc! { "": f64::INFINITY }, Less, rawdoc! { "": -1e300 });
        assert_order(rawdoc! { "": i64::MAX - 1 }, Less, rawdoc! { "": i64::MAX });
        assert_order(rawdoc! { "": i64::MAX }, Equal, rawdoc! { "": i64::MAX as f64 });
        assert_order(rawdoc! { "": 1 }, Equal, rawdoc! { "": 1.0 });
        assert_order(rawdoc! { "": null }, Less, rawdoc! { "": 0 });
    }

    #[test]
    fn is_the_object_itself() {
        let doc = rawdoc! { "": 1, "": "x" };
        let key = encode(IndexVersion::V0, &doc);
        assert_eq!(key, doc.as_bytes());
        assert_eq!(len(&key), Some(key.len()));
        assert_eq!(len(&key[..key.len() - 1]), None);
    }
}
