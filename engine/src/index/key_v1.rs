//! KeyV1: the keys of V1 indexes (format, §10.4–§10.5).
//!
//! A key is compact, a tag and a payload per value, if every one of its values has a compact
//! form; else traditional: 0xff and a BSON object with empty names.
//!
//! Y1. Whether a value has a compact form is decided exactly as mongod does: the length limit
//!     applies to the form, and the bytes stand in files that it reads.
//! Y2. Compact keys and their traditional forms are in the same order.

use std::cmp::Ordering;

use crate::bson::builder::Builder;
use crate::bson::compare::compare_keys;
use crate::bson::document::doc_len;
use crate::bson::element::Value;
use crate::bson::number::Number;
use crate::bson::ty;
use crate::format::Wire;
use crate::index::key::KeyOrder;

/// First byte of a traditional key.
const TRADITIONAL: u8 = 0xff;
/// Bit of a tag: another value follows.
const MORE: u8 = 0x40;
/// Bits of a tag that compare: the canonical type.
const TYPE: u8 = 0x0f;

/// Tags: type in bits 0–3, int32 in bit 4, int64 in bit 5. On disk; never renumber.
mod tag {
    pub const MIN_KEY: u8 = 0x01;
    pub const NULL: u8 = 0x02;
    pub const DOUBLE: u8 = 0x04;
    pub const INT32: u8 = 0x14;
    pub const INT64: u8 = 0x24;
    pub const STRING: u8 = 0x06;
    pub const BINARY: u8 = 0x07;
    pub const OBJECT_ID: u8 = 0x08;
    pub const FALSE: u8 = 0x0a;
    pub const TRUE: u8 = 0x0b;
    pub const DATE: u8 = 0x0c;
    pub const MAX_KEY: u8 = 0x0e;
}

/// Lengths of binary data that have a code, which is the place here.
const BINARY_LENS: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 32];
/// Integers from here on are not exact as doubles.
const INT64_LIMIT: u64 = 1 << 53;

/// Appends the key of these values to `out`, of any length.
pub fn encode(values: &[Value<'_>], out: &mut Vec<u8>) {
    let start = out.len();
    for (i, value) in values.iter().enumerate() {
        let at = out.len();
        if encode_compact(*value, out).is_none() {
            out.truncate(start);
            out.push(TRADITIONAL);
            return append_object(values, out);
        }
        if i + 1 < values.len() {
            out[at] |= MORE;
        }
    }
}

/// Appends the values as a BSON object with empty names.
pub(super) fn append_object(values: &[Value<'_>], out: &mut Vec<u8>) {
    let mut object = Builder::new();
    for value in values {
        object.value("", *value);
    }
    out.extend_from_slice(&object.finish());
}

/// Appends one value, or nothing if it has no compact form (Y1).
fn encode_compact(value: Value<'_>, out: &mut Vec<u8>) -> Option<()> {
    let bytes = value.bytes;
    match value.ty {
        ty::MIN_KEY => out.push(tag::MIN_KEY),
        ty::NULL => out.push(tag::NULL),
        ty::MAX_KEY => out.push(tag::MAX_KEY),
        ty::BOOL => out.push(if bytes == [0] { tag::FALSE } else { tag::TRUE }),
        ty::DOUBLE | ty::INT32 | ty::INT64 => {
            let number = Number::read(value.ty, bytes)?;
            let tag = match number {
                Number::Double(value) if value.is_nan() => return None,
                Number::Int64(value) if value.unsigned_abs() >= INT64_LIMIT => return None,
                Number::Double(_) => tag::DOUBLE,
                Number::Int32(_) => tag::INT32,
                Number::Int64(_) => tag::INT64,
            };
            out.push(tag);
            out.extend_from_slice(&number.to_f64().to_le_bytes());
        }
        ty::STRING => {
            let text = bytes.get(4..)?.split_last()?.1;
            let len = u8::try_from(text.len()).ok()?;
            out.extend_from_slice(&[tag::STRING, len]);
            out.extend_from_slice(text);
        }
        ty::BINARY => {
            let (subtype, data) = bytes.get(4..)?.split_first()?;
            let code = binary_code(*subtype, data.len())?;
            out.extend_from_slice(&[tag::BINARY, code]);
            out.extend_from_slice(data);
        }
        ty::OBJECT_ID => {
            out.push(tag::OBJECT_ID);
            out.extend_from_slice(bytes);
        }
        ty::DATE => {
            out.push(tag::DATE);
            out.extend_from_slice(bytes);
        }
        _ => return None,
    }
    Some(())
}

/// High nibble: length; low nibble: subtype 0–7 (but 2, whose bytes repeat the length), or 8 +
/// the user's subtypes from 0x80 on.
fn binary_code(subtype: u8, len: usize) -> Option<u8> {
    let low = match subtype {
        0..=7 if subtype != 2 => subtype,
        0x80..=0x87 => 8 + (subtype - 0x80),
        _ => return None,
    };
    let high = BINARY_LENS.iter().position(|&l| usize::from(l) == len)?;
    Some((high as u8) << 4 | low)
}

/// The first value of a compact key.
struct Part<'k> {
    /// Its tag without [`MORE`].
    tag: u8,
    payload: &'k [u8],
    /// The bytes behind it, if another value follows.
    more: Option<&'k [u8]>,
}

/// Splits the first value off a compact key. None if it is malformed.
fn split(bytes: &[u8]) -> Option<Part<'_>> {
    let (&first, rest) = bytes.split_first()?;
    let tag = first & !MORE;
    let len = match tag {
        tag::MIN_KEY | tag::NULL | tag::FALSE | tag::TRUE | tag::MAX_KEY => 0,
        tag::DOUBLE | tag::INT32 | tag::INT64 | tag::DATE => 8,
        tag::OBJECT_ID => 12,
        tag::STRING => 1 + usize::from(*rest.first()?),
        tag::BINARY => 1 + usize::from(BINARY_LENS[usize::from(*rest.first()? >> 4)]),
        _ => return None,
    };
    let (payload, rest) = rest.split_at_checked(len)?;
    Some(Part { tag, payload, more: (first & MORE != 0).then_some(rest) })
}

/// Length of the key at the start of `bytes`; none if it is malformed.
pub fn len(bytes: &[u8]) -> Option<usize> {
    if bytes.first() == Some(&TRADITIONAL) {
        return Some(1 + object_len(&bytes[1..])?);
    }
    let mut rest = bytes;
    let mut len = 0;
    loop {
        let part = split(rest)?;
        len += 1 + part.payload.len();
        match part.more {
            Some(next) => rest = next,
            None => return Some(len),
        }
    }
}

/// Length of a BSON key: an object that ends where it says. What is in it is checked where it
/// is read: comparison falls back on bytes.
pub(super) fn object_len(bytes: &[u8]) -> Option<usize> {
    let len = doc_len(bytes).ok()?;
    (bytes[len - 1] == 0).then_some(len)
}

/// How two keys are ordered (format, §10.5).
pub fn compare(a: &[u8], b: &[u8], order: KeyOrder) -> Ordering {
    let is_traditional = |key: &[u8]| key.first() == Some(&TRADITIONAL);
    match (is_traditional(a), is_traditional(b)) {
        (false, false) => compare_compact(a, b, order),
        (true, true) => compare_keys(&a[1..], &b[1..], order.bits()),
        (true, false) => compare_keys(&a[1..], &decode(b), order.bits()),
        (false, true) => compare_keys(&decode(a), &b[1..], order.bits()),
    }
}

fn compare_compact(mut a: &[u8], mut b: &[u8], order: KeyOrder) -> Ordering {
    for field in 0.. {
        let (Some(left), Some(right)) = (split(a), split(b)) else { break };
        let (type_bits, by_type) = (left.tag & TYPE, (left.tag & TYPE).cmp(&(right.tag & TYPE)));
        let by_value =
            by_type.then_with(|| compare_payloads(type_bits, left.payload, right.payload));
        if by_value.is_ne() {
            return order.apply(field, by_value);
        }
        (a, b) = match (left.more, right.more) {
            (Some(a), Some(b)) => (a, b),
            (a, b) => return a.is_some().cmp(&b.is_some()),
        };
    }
    Ordering::Equal
}

/// Compares the payloads of two values of one canonical type.
fn compare_payloads(type_bits: u8, a: &[u8], b: &[u8]) -> Ordering {
    match type_bits {
        tag::DOUBLE => f64::from_wire(a).partial_cmp(&f64::from_wire(b)).unwrap_or(Ordering::Equal),
        tag::DATE => i64::from_wire(a).cmp(&i64::from_wire(b)),
        tag::STRING => a[1..].cmp(&b[1..]),
        // Length first, then the code, whose high nibble is equal then, then the data.
        tag::BINARY => a.len().cmp(&b.len()).then_with(|| a.cmp(b)),
        _ => a.cmp(b),
    }
}

/// The key as a BSON object with empty names.
pub fn decode(key: &[u8]) -> Vec<u8> {
    if let Some((&TRADITIONAL, object)) = key.split_first() {
        return object.to_vec();
    }
    let mut object = Builder::with_capacity(key.len() + 16);
    let mut rest = Some(key);
    while let Some(part) = rest.and_then(split) {
        append_value(&mut object, part.tag, part.payload);
        rest = part.more;
    }
    object.finish()
}

fn append_value(object: &mut Builder, tag: u8, payload: &[u8]) {
    let value = |ty, bytes| Value { ty, bytes };
    match tag {
        tag::MIN_KEY => object.value("", value(ty::MIN_KEY, &[])),
        tag::NULL => object.null(""),
        tag::MAX_KEY => object.value("", value(ty::MAX_KEY, &[])),
        tag::FALSE => object.value("", value(ty::BOOL, &[0])),
        tag::TRUE => object.value("", value(ty::BOOL, &[1])),
        tag::DOUBLE => object.value("", value(ty::DOUBLE, payload)),
        tag::INT32 => object.number("", Number::Int32(f64::from_wire(payload) as i32)),
        tag::INT64 => object.number("", Number::Int64(f64::from_wire(payload) as i64)),
        tag::DATE => object.value("", value(ty::DATE, payload)),
        tag::OBJECT_ID => object.value("", value(ty::OBJECT_ID, payload)),
        tag::STRING => {
            let mut bytes = (payload.len() as i32).to_le_bytes().to_vec();
            bytes.extend_from_slice(&payload[1..]);
            bytes.push(0);
            object.value("", value(ty::STRING, &bytes))
        }
        tag::BINARY => {
            let low = payload[0] & 0x0f;
            let subtype = if low < 8 { low } else { 0x80 + (low - 8) };
            let mut bytes = (payload.len() as i32 - 1).to_le_bytes().to_vec();
            bytes.push(subtype);
            bytes.extend_from_slice(&payload[1..]);
            object.value("", value(ty::BINARY, &bytes))
        }
        _ => unreachable!("split() knows the tags"),
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::index_version::IndexVersion;
    use crate::index::test_index::{encode, values};
    use crate::rounds::rounds;
    use bson::spec::BinarySubtype;
    use bson::{Binary, RawBson, RawDocument, RawDocumentBuf, Timestamp, rawdoc};

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn binary(subtype: u8, bytes: Vec<u8>) -> RawBson {
        RawBson::Binary(Binary { subtype: BinarySubtype::from(subtype), bytes })
    }

    fn v1(doc: &RawDocument) -> Vec<u8> {
        encode(IndexVersion::V1, doc)
    }

    #[test]
    fn vectors_of_the_format() {
        let date = bson::DateTime::from_millis(-1);
        for (doc, expected) in [
            (rawdoc! { "": 5 }, "140000000000001440"),
            (rawdoc! { "": "abc", "": -1.5 }, "460361626304000000000000f8bf"),
            (rawdoc! { "": true, "": null, "": RawBson::MaxKey }, "4b420e"),
            (rawdoc! { "": 1_i64 << 40 }, "240000000000007042"),
            (rawdoc! { "": date }, "0cffffffffffffffff"),
            (rawdoc! { "": binary(0, vec![1, 2, 3]) }, "0730010203"),
            (rawdoc! { "": binary(0x80, vec![0xaa; 16]) }, &format!("07c8{}", "aa".repeat(16))),
            (rawdoc! { "": false, "": RawBson::MinKey }, "4a01"),
            (rawdoc! { "": i64::MAX }, "ff0f0000001200ffffffffffffff7f00"),
        ] {
            let key = v1(&doc);
            assert_eq!(hex(&key), expected);
            assert_eq!(len(&key), Some(key.len()));
            let mut longer = key.clone();
            longer.extend_from_slice(&[0xee; 5]);
            assert_eq!(len(&longer), Some(key.len()));
            assert!((0..key.len()).all(|short| len(&key[..short]).is_none()), "{expected}");
        }
    }

    #[test]
    fn decoding_restores_types() {
        let id = bson::oid::ObjectId::from_bytes([7; 12]);
        let doc = rawdoc! {
            "": 5, "": 5_i64, "": 5.0, "": "", "": "a\0b", "": id, "": true, "": false, "": null,
            "": RawBson::MinKey, "": RawBson::MaxKey, "": bson::DateTime::from_millis(1 << 50),
            "": binary(0, vec![]), "": binary(5, vec![1; 32]), "": binary(0x87, vec![2; 10]),
        };
        let key = v1(&doc);
        assert_ne!(key[0], TRADITIONAL);
        assert_eq!(decode(&key), doc.as_bytes());
        let doc = rawdoc! { "": 1, "": { "a": 1 } };
        let key = v1(&doc);
        assert_eq!(key[0], TRADITIONAL);
        assert_eq!(decode(&key), doc.as_bytes());
    }

    #[test]
    fn one_value_without_compact_form_makes_the_key_traditional() {
        let without: Vec<RawBson> = vec![
            f64::NAN.into(),
            (1_i64 << 53).into(),
            (-(1_i64 << 53)).into(),
            "x".repeat(256).as_str().into(),
            RawBson::Undefined,
            RawBson::Document(rawdoc! {}),
            RawBson::Array(bson::RawArrayBuf::new()),
            RawBson::Timestamp(Timestamp { time: 1, increment: 1 }),
            RawBson::Symbol("s".into()),
            RawBson::JavaScriptCode("f".into()),
            binary(2, vec![1]),
            binary(0, vec![1; 9]),
            binary(8, vec![1]),
            binary(0x88, vec![1]),
        ];
        for value in without {
            let key = v1(&rawdoc! { "": 1, "": value.clone(), "": 2 });
            assert_eq!(key[0], TRADITIONAL, "{value:?}");
            assert_eq!(len(&key), Some(key.len()));
        }
        for value in [(1_i64 << 53) - 1, 1 - (1 << 53)] {
            assert_eq!(v1(&rawdoc! { "": value })[0], tag::INT64);
        }
        assert_eq!(v1(&rawdoc! { "": "x".repeat(255) })[0], tag::STRING);
    }

    /// Y2: whatever the forms, keys compare as their values do.
    #[test]
    #[cfg_attr(miri, ignore = "too long")]
    fn compares_as_the_values_do() {
        let singles: Vec<RawBson> = vec![
            RawBson::MinKey,
            RawBson::Undefined,
            RawBson::Null,
            f64::NAN.into(),
            f64::NEG_INFINITY.into(),
            (i64::MIN).into(),
            (-1_i32).into(),
            (-1_i64).into(),
            (-0.0).into(),
            0_i32.into(),
            0.5.into(),
            1_i32.into(),
            1.0.into(),
            ((1_i64 << 53) - 1).into(),
            (1_i64 << 53).into(),
            ((1_i64 << 53) + 1).into(),
            ((1_i64 << 53) as f64).into(),
            "".into(),
            "a".into(),
            "a\0b".into(),
            "ab".into(),
            "b".into(),
            "x".repeat(300).as_str().into(),
            RawBson::Symbol("aa".into()),
            RawBson::Document(rawdoc! { "a": 1 }),
            RawBson::Array(bson::RawArrayBuf::new()),
            binary(0, vec![]),
            binary(5, vec![1]),
            binary(0x80, vec![1]),
            binary(0, vec![2]),
            binary(0, vec![1; 9]),
            bson::oid::ObjectId::from_bytes([1; 12]).into(),
            bson::oid::ObjectId::from_bytes([2; 12]).into(),
            false.into(),
            true.into(),
            bson::DateTime::from_millis(-5).into(),
            bson::DateTime::from_millis(5).into(),
            RawBson::Timestamp(Timestamp { time: 1, increment: 1 }),
            RawBson::MaxKey,
        ];
        let docs: Vec<RawDocumentBuf> = singles
            .iter()
            .flat_map(|a| {
                let seconds = [0, 17, 23, 12].map(|i| singles[i].clone());
                seconds.into_iter().map(|b| rawdoc! { "": a.clone(), "": b })
            })
            .collect();
        let order = KeyOrder::new([false, true]);
        for a in &docs {
            for b in &docs {
                let by_values =
                    values(a).iter().zip(values(b)).enumerate().find_map(|(i, (a, b))| {
                        let ordering = crate::bson::compare::compare_values(*a, b);
                        Some(if i == 1 { ordering.reverse() } else { ordering })
                            .filter(|o| o.is_ne())
                    });
                let by_keys = compare(&v1(a), &v1(b), order);
                assert_eq!(by_keys, by_values.unwrap_or(Ordering::Equal), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn a_key_that_ends_comes_before_one_that_goes_on() {
        let (short, long) = (v1(&rawdoc! { "": 1 }), v1(&rawdoc! { "": 1, "": RawBson::MinKey }));
        assert_eq!(compare(&short, &long, KeyOrder::ASCENDING), Ordering::Less);
        assert_eq!(compare(&long, &short, KeyOrder::new([true])), Ordering::Greater);
    }

    #[test]
    fn garbage_has_no_length_beyond_its_bytes() {
        let mut rng = oorandom::Rand32::new(9);
        for _ in 0..rounds(50_000) {
            let bytes: Vec<u8> =
                (0..rng.rand_range(0..40)).map(|_| rng.rand_u32() as u8 & 0x7f | 2).collect();
            if let Some(len) = len(&bytes) {
                assert!(len <= bytes.len());
                let _ =
                    (decode(&bytes[..len]), compare(&bytes[..len], &bytes, KeyOrder::ASCENDING));
            }
        }
    }
}
