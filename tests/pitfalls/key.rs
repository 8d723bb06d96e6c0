//! Item 40: keys of version 1, compact and traditional, to values and back (format, §10.4).

use bson::spec::BinarySubtype;
use bson::{Binary, Bson, DateTime, Document, RawDocument};

use crate::reader::Numbers;

const MORE: u8 = 0x40;
const BINARY_LENS: [usize; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 32];

/// Length of the payload of a compact element, tag excluded.
fn payload_len(tag: u8, rest: &[u8]) -> usize {
    match tag & 0x3f {
        0x01 | 0x02 | 0x0a | 0x0b | 0x0e => 0,
        0x04 | 0x14 | 0x24 | 0x0c => 8,
        0x06 => 1 + usize::from(rest[0]),
        0x07 => 1 + BINARY_LENS[usize::from(rest[0] >> 4)],
        0x08 => 12,
        other => panic!("item 40: tag {other:#x}"),
    }
}

/// Length of the key that `bytes` begin with.
pub fn len(bytes: &[u8]) -> usize {
    if bytes[0] == 0xff {
        return 1 + bytes.i32_at(1) as usize;
    }
    let mut at = 0;
    loop {
        let tag = bytes[at];
        at += 1 + payload_len(tag, &bytes[at + 1..]);
        if tag & MORE == 0 {
            return at;
        }
    }
}

/// The values of a key.
pub fn decode(key: &[u8]) -> Vec<Bson> {
    if key[0] == 0xff {
        let document = RawDocument::from_bytes(&key[1..]).expect("item 40: a traditional key");
        let value = |field: bson::error::Result<(&bson::raw::CStr, bson::RawBsonRef<'_>)>| {
            let (name, value) = field.expect("valid");
            assert_eq!(name.as_str(), "", "fields of keys have no names");
            Bson::try_from(value).expect("valid")
        };
        return document.iter().map(value).collect();
    }
    let mut values = Vec::new();
    let mut at = 0;
    while at < key.len() {
        let (tag, rest) = (key[at], &key[at + 1..]);
        let len = payload_len(tag, rest);
        values.push(element(tag & 0x3f, &rest[..len]));
        at += 1 + len;
    }
    values
}

fn element(tag: u8, payload: &[u8]) -> Bson {
    let number = || f64::from_bits(payload.u64_at(0));
    match tag {
        0x01 => Bson::MinKey,
        0x02 => Bson::Null,
        0x04 => Bson::Double(number()),
        0x14 => Bson::Int32(number() as i32),
        0x24 => Bson::Int64(number() as i64),
        0x06 => std::str::from_utf8(&payload[1..]).expect("text").into(),
        0x07 => {
            let code = payload[0] & 15;
            let subtype = if code < 8 { code } else { 0x80 + code - 8 };
            let subtype = BinarySubtype::from(subtype);
            Bson::Binary(Binary { subtype, bytes: payload[1..].to_vec() })
        }
        0x08 => bson::oid::ObjectId::from_bytes(payload.bytes_at(0)).into(),
        0x0a | 0x0b => Bson::Boolean(tag == 0x0b),
        0x0c => DateTime::from_millis(payload.i64_at(0)).into(),
        0x0e => Bson::MaxKey,
        other => panic!("item 40: tag {other:#x}"),
    }
}

/// The one encoding that a key of these values has.
pub fn encode(values: &[Bson]) -> Vec<u8> {
    let mut out = Vec::new();
    for (i, value) in values.iter().enumerate() {
        let Some((tag, payload)) = compact(value) else { return traditional(values) };
        out.push(if i + 1 < values.len() { tag | MORE } else { tag });
        out.extend(payload);
    }
    out
}

fn compact(value: &Bson) -> Option<(u8, Vec<u8>)> {
    let number = |tag, value: f64| Some((tag, value.to_le_bytes().to_vec()));
    match value {
        Bson::MinKey => Some((0x01, vec![])),
        Bson::Null => Some((0x02, vec![])),
        Bson::Double(value) if !value.is_nan() => number(0x04, *value),
        Bson::Int32(value) => number(0x14, f64::from(*value)),
        Bson::Int64(value) if value.unsigned_abs() < 1 << 53 => number(0x24, *value as f64),
        Bson::String(text) if text.len() <= 255 && !text.contains('\0') => {
            Some((0x06, [&[text.len() as u8], text.as_bytes()].concat()))
        }
        Bson::Binary(binary) => {
            let code = match u8::from(binary.subtype) {
                2 => return None,
                subtype @ 0..8 => subtype,
                subtype @ 0x80..0x88 => 8 + subtype - 0x80,
                _ => return None,
            };
            let len = BINARY_LENS.iter().position(|len| *len == binary.bytes.len())?;
            Some((0x07, [&[(len as u8) << 4 | code], &binary.bytes[..]].concat()))
        }
        Bson::ObjectId(id) => Some((0x08, id.bytes().to_vec())),
        Bson::Boolean(value) => Some((0x0a + u8::from(*value), vec![])),
        Bson::DateTime(date) => Some((0x0c, date.timestamp_millis().to_le_bytes().to_vec())),
        Bson::MaxKey => Some((0x0e, vec![])),
        _ => None,
    }
}

fn traditional(values: &[Bson]) -> Vec<u8> {
    let mut elements = Vec::new();
    for value in values {
        let mut document = Document::new();
        document.insert("", value.clone());
        let bytes = bson::serialize_to_vec(&document).expect("BSON");
        elements.extend(&bytes[4..bytes.len() - 1]);
    }
    let len = elements.len() as i32 + 5;
    [&[0xff], &len.to_le_bytes()[..], &elements, &[0]].concat()
}

#[test]
fn item_40_known_keys() {
    let hex = crate::files::hex;
    let binary = Binary { subtype: BinarySubtype::Generic, bytes: vec![1, 2, 3] };
    for (values, expected) in [
        (vec![Bson::Int32(5)], "14 0000000000001440"),
        (vec!["abc".into(), Bson::Double(-1.5)], "46 03 616263 04 000000000000f8bf"),
        (vec![Bson::Boolean(true), Bson::Null, Bson::MaxKey], "4b 42 0e"),
        (vec![Bson::Int64(1 << 40)], "24 0000000000007042"),
        (vec![DateTime::from_millis(-1).into()], "0c ffffffffffffffff"),
        (vec![binary.into()], "07 30 010203"),
    ] {
        assert_eq!(encode(&values), hex(expected));
        assert_eq!(decode(&hex(expected)), values);
        assert_eq!(len(&hex(expected)), hex(expected).len());
    }
}
