//! Values as text, for messages: as mongod shows them, cut short where they are long.

use std::fmt::Write;

use super::element::{Elements, Value, name_end, read_i64, value_len};
use super::ty;

/// Characters after which a message's value is cut.
const TEXT_LEN_MAX: usize = 1024;
/// Characters after which one string of it is cut.
const STRING_LEN_MAX: usize = 150;
/// Levels that are shown.
const DEPTH_MAX: usize = 20;

/// An index key, without names: `{ : "abc", : 5 }`.
pub fn key(key: &[u8]) -> String {
    let mut out = String::new();
    container(&mut out, Value { ty: ty::DOCUMENT, bytes: key }, false, DEPTH_MAX);
    out
}

/// A document: `{ a: 1, b: "x" }`.
pub fn document(doc: &[u8]) -> String {
    value(Value { ty: ty::DOCUMENT, bytes: doc })
}

/// A value: `"abc"`, `5`, `ObjectId('…')`.
pub fn value(value: Value<'_>) -> String {
    let mut out = String::new();
    append(&mut out, value, DEPTH_MAX);
    out
}

/// A value with its name: `_id: 5`.
pub fn named(name: &[u8], val: Value<'_>) -> String {
    format!("{}: {}", String::from_utf8_lossy(name), value(val))
}

/// The document's `_id`: `_id: 5`, or what mongod says if it has none.
pub fn id_of(doc: &[u8]) -> String {
    match super::element::get(doc, "_id") {
        Ok(Some(id)) => named(b"_id", id.val()),
        _ => "no id".to_owned(),
    }
}

fn container(out: &mut String, container: Value<'_>, with_names: bool, depth: usize) {
    let is_array = container.ty == ty::ARRAY;
    let (open, close) = if is_array { ("[", "]") } else { ("{", "}") };
    out.push_str(open);
    let elements = Elements::new(container.bytes).ok().filter(|_| depth > 0);
    let mut before = " ";
    for element in elements.into_iter().flatten().map_while(Result::ok) {
        out.push_str(before);
        before = ", ";
        if out.len() > TEXT_LEN_MAX {
            out.push_str("...");
            break;
        }
        if with_names && !is_array {
            out.push_str(&element.name_lossy());
        }
        if !is_array {
            out.push_str(": ");
        }
        append(out, element.val(), depth - 1);
    }
    if before != " " {
        out.push(' ');
    }
    out.push_str(close);
}

/// A finite double as C's `%g` shows it with so many digits.
pub fn general(number: f64, digits: usize) -> String {
    let scientific = format!("{number:.*e}", digits - 1);
    let (shown, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let strip = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    let digits = digits as i32;
    if (-4..digits).contains(&exponent) {
        return strip(&format!("{number:.*}", (digits - 1 - exponent) as usize));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", strip(shown), exponent.abs())
}

fn append(out: &mut String, value: Value<'_>, depth: usize) {
    // Bytes that are not what their type says show as nothing but the type's name.
    if scalar(out, value, depth).is_none() {
        out.push_str(ty::name(value.ty));
    }
}

fn scalar(out: &mut String, value: Value<'_>, depth: usize) -> Option<()> {
    let bytes = value.bytes;
    // Writing to a string does not fail.
    let _ = match value.ty {
        ty::DOCUMENT | ty::ARRAY => {
            container(out, value, true, depth);
            Ok(())
        }
        ty::STRING | ty::SYMBOL => write!(out, "\"{}\"", string(bytes)?),
        ty::CODE => write!(out, "{}", string(bytes)?),
        ty::INT32 | ty::INT64 => write!(out, "{}", value.as_number()?.to_i64()?),
        ty::DOUBLE => match value.as_number()?.to_f64() {
            number if number.is_nan() => write!(out, "nan.0"),
            number if number.is_infinite() => write!(out, "{number}.0"),
            number => {
                let shown = general(number, 16);
                write!(out, "{shown}{}", if shown.contains('.') { "" } else { ".0" })
            }
        },
        ty::MIN_KEY => write!(out, "MinKey"),
        ty::MAX_KEY => write!(out, "MaxKey"),
        ty::DECIMAL128 => {
            let decimal = ::bson::Decimal128::from_bytes(*bytes.first_chunk()?);
            write!(out, "{decimal}")
        }
        ty::OBJECT_ID => write!(out, "ObjectId('{}')", hex(bytes, 12, Case::Lower)),
        ty::BOOL => write!(out, "{}", bytes != [0]),
        ty::DATE => write!(out, "new Date({})", read_i64(bytes)?),
        ty::TIMESTAMP => {
            let word = read_i64(bytes)? as u64;
            write!(out, "Timestamp({}, {})", word >> 32, word as u32)
        }
        ty::BINARY => {
            let (subtype, data) = bytes.get(4..)?.split_first()?;
            write!(out, "BinData({subtype}, {})", hex(data, STRING_LEN_MAX, Case::Upper))
        }
        ty::REGEX => {
            let pattern_end = name_end(bytes, 0)?;
            let flags_end = name_end(bytes, pattern_end + 1)?;
            let pattern = String::from_utf8_lossy(&bytes[..pattern_end]);
            let flags = String::from_utf8_lossy(&bytes[pattern_end + 1..flags_end]);
            write!(out, "/{pattern}/{flags}")
        }
        ty::DB_POINTER => {
            let ns_len = value_len(ty::STRING, bytes)?;
            let id = hex(bytes.get(ns_len..)?, 12, Case::Lower);
            write!(out, "DBRef('{}', {id})", string(&bytes[..ns_len])?)
        }
        _ => write!(out, "{}", ty::name(value.ty)),
    };
    Some(())
}

/// The text of a value that starts as a string does.
fn string(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes.get(4..bytes.len().checked_sub(1)?)?);
    Some(match text.char_indices().nth(STRING_LEN_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.into_owned(),
    })
}

#[derive(Clone, Copy)]
enum Case {
    Lower,
    Upper,
}

fn hex(bytes: &[u8], len_max: usize, case: Case) -> String {
    let mut out = String::new();
    for byte in bytes.iter().take(len_max) {
        let _ = match case {
            Case::Lower => write!(out, "{byte:02x}"),
            Case::Upper => write!(out, "{byte:02X}"),
        };
    }
    if bytes.len() > len_max {
        out.push_str("...");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rounds::rounds;
    use ::bson::{RawBson, rawdoc};

    #[test]
    fn keys_and_documents() {
        let key_doc = rawdoc! { "": "abc", "": 5 };
        assert_eq!(key(key_doc.as_bytes()), "{ : \"abc\", : 5 }");
        let doc = rawdoc! {
            "a": { "b": [1, 2.0, 1.5] }, "e": {}, "t": true, "n": null, "u": RawBson::Undefined,
            "o": ::bson::oid::ObjectId::from_bytes([0xab; 12]),
            "d": ::bson::DateTime::from_millis(7),
            "ts": ::bson::Timestamp { time: 3, increment: 4 },
            "bin": ::bson::Binary { subtype: 0.into(), bytes: vec![1, 0xff] },
        };
        assert_eq!(
            document(doc.as_bytes()),
            "{ a: { b: [ 1, 2.0, 1.5 ] }, e: {}, t: true, n: null, u: undefined, \
             o: ObjectId('abababababababababababab'), d: new Date(7), ts: Timestamp(3, 4), \
             bin: BinData(0, 01FF) }"
        );
        assert_eq!(id_of(rawdoc! { "x": 1, "_id": 5_i64 }.as_bytes()), "_id: 5");
        assert_eq!(id_of(&[]), "no id");
    }

    #[test]
    fn doubles_have_16_digits() {
        for (number, shown) in [
            (1e300, "1e+300.0"),
            (1.5e300, "1.5e+300"),
            (1e-7, "1e-07.0"),
            (1e-5, "1e-05.0"),
            (0.000_123_45, "0.00012345"),
            (123_456_789.123_456_79, "123456789.1234568"),
            (1e15 + 0.5, "1000000000000000.0"),
            (5e-324, "4.940656458412465e-324"),
            (-1e22, "-1e+22.0"),
            (-2.5, "-2.5"),
            (100.0, "100.0"),
        ] {
            let document = rawdoc! { "n": number };
            assert_eq!(super::document(document.as_bytes()), format!("{{ n: {shown} }}"));
        }
    }

    #[test]
    fn long_and_broken_values_are_cut() {
        let long = rawdoc! { "s": "é".repeat(5_000) };
        assert!(document(long.as_bytes()).len() < 2 * STRING_LEN_MAX + 30);
        let mut wide = ::bson::RawArrayBuf::new();
        (0..rounds(100_000) as i32).for_each(|i| wide.push(i));
        assert!(document(rawdoc! { "w": wide }.as_bytes()).len() < TEXT_LEN_MAX + 100);
        assert_eq!(value(Value { ty: ty::INT32, bytes: &[1] }), "int");
        let deep = (0..rounds(5_000)).fold(rawdoc! {}, |inner, _| rawdoc! { "d": inner });
        assert!(document(deep.as_bytes()).len() < 500);
    }
}
