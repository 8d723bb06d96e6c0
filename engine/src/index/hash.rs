//! What a hashed index has in the place of a value: 64 bits of an MD5 (format, §10.10).
//!
//! Hashed are a seed, the value's canonical type and its bytes; of a document each element with
//! its name, and an end mark. Numbers count by their int64 value, so that 1, 1.0 and 1.9 have one
//! hash; decimals are rounded, doubles cut off, both as mongod does it.

use md5::{Digest, Md5};

use crate::bson::decimal::Decimal;
use crate::bson::element::{Elements, Value, get};
use crate::bson::ty;
use crate::error::{Error, Reason, Result};
use crate::limits::NESTING_MAX;

/// The only seed that an index has had.
const SEED: i32 = 0;
/// Behind the last element of a document.
const END: i32 = 0;
const NULL: Value<'static> = Value { ty: ty::NULL, bytes: &[] };

/// The hash of a value. Of a damaged one, that of the part that can be read.
pub fn hash(value: Value<'_>) -> i64 {
    let mut digest = Md5::new();
    digest.update(SEED.to_le_bytes());
    add(&mut digest, None, value, NESTING_MAX);
    let mut first = [0; 8];
    first.copy_from_slice(&digest.finalize()[..8]);
    i64::from_le_bytes(first)
}

/// The hash of what a document has at `path`; none if the index is sparse and there is nothing.
///
/// # Errors
/// `Location16766` if there is an array on the way or at its end.
pub fn hash_at(doc: &[u8], path: &str, sparse: bool) -> Result<Option<i64>> {
    let (mut doc, mut at) = (doc, 0);
    let nothing = || (!sparse).then(|| hash(NULL));
    for component in path.split('.') {
        at += component.len() + 1;
        let Some(element) = get(doc, component)? else { return Ok(nothing()) };
        let value = element.val();
        match value.ty {
            ty::ARRAY => return Err(array_at(&path[..at - 1])),
            _ if at > path.len() => return Ok(Some(hash(value))),
            ty::DOCUMENT => doc = value.bytes,
            _ => return Ok(nothing()),
        }
    }
    Ok(nothing())
}

fn array_at(path: &str) -> Error {
    let message = format!(
        "Error: hashed indexes do not currently support array values. Found array at path: {path}"
    );
    Error::refused(Reason::Location(16766), message)
}

fn add(digest: &mut Md5, name: Option<&[u8]>, value: Value<'_>, levels: usize) {
    digest.update(i32::from(ty::canonical(value.ty)).to_le_bytes());
    if let Some(name) = name {
        digest.update(name);
        digest.update([0]);
    }
    match value.ty {
        ty::DOCUMENT | ty::ARRAY => add_elements(digest, value.bytes, levels),
        ty::CODE_WITH_SCOPE => {
            let code_end = crate::bson::element::name_end(value.bytes, 8);
            let (code, scope) = match code_end {
                Some(end) => value.bytes.split_at(end + 1),
                None => (value.bytes, &[][..]),
            };
            digest.update(code.get(8..).unwrap_or_default());
            add_elements(digest, scope, levels);
        }
        _ => match integer(value) {
            Some(integer) => digest.update(integer.to_le_bytes()),
            None => digest.update(value.bytes),
        },
    }
}

fn add_elements(digest: &mut Md5, doc: &[u8], levels: usize) {
    if let Some(levels) = levels.checked_sub(1) {
        for element in Elements::new(doc).into_iter().flatten().map_while(Result::ok) {
            add(digest, Some(element.name), element.val(), levels);
        }
    }
    digest.update(END.to_le_bytes());
}

/// The int64 that a number counts as: not a number is 0, what does not fit the nearest that does.
/// None if it is no number.
pub fn integer(value: Value<'_>) -> Option<i64> {
    match (value.as_number(), value.ty) {
        (Some(number), _) => Some(number.to_i64().unwrap_or(number.to_f64() as i64)),
        (None, ty::DECIMAL128) => Decimal::of(value).map(rounded),
        _ => None,
    }
}

/// The nearest int64, of two the even one.
fn rounded(decimal: Decimal) -> i64 {
    let (negative, magnitude) = match decimal {
        Decimal::NaN => return 0,
        Decimal::Infinite { negative } => (negative, u128::MAX),
        Decimal::Finite { negative, coefficient, exponent } if exponent >= 0 => {
            let power = 10u128.checked_pow(exponent as u32).unwrap_or(u128::MAX);
            (negative, coefficient.saturating_mul(power))
        }
        Decimal::Finite { negative, coefficient, exponent } => {
            let magnitude = match 10u128.checked_pow(exponent.unsigned_abs()) {
                None => 0,
                Some(power) => {
                    let (whole, rest) = (coefficient / power, coefficient % power);
                    let up = rest > power / 2 || (rest == power / 2 && whole % 2 == 1);
                    whole + u128::from(up)
                }
            };
            (negative, magnitude)
        }
    };
    match (i64::try_from(magnitude), negative) {
        (Ok(magnitude), false) => magnitude,
        (Ok(magnitude), true) => -magnitude,
        (Err(_), false) => i64::MAX,
        (Err(_), true) => i64::MIN,
    }
}

#[cfg(test)]
mod tests {
    use bson::{Bson, RawBson, RawDocumentBuf, doc, rawdoc};

    use super::*;

    fn hash_of(doc: &RawDocumentBuf) -> i64 {
        hash_at(doc.as_bytes(), "a", false).expect("no array").expect("not sparse")
    }

    /// What a real server has in such an index.
    #[test]
    fn hashes_of_mongod() {
        let oid = bson::oid::ObjectId::parse_str("5a0000000000000000000001").expect("an id");
        let decimal = |text: &str| Bson::Decimal128(text.parse().expect("a decimal"));
        let binary = |subtype: u8| {
            Bson::Binary(bson::Binary { subtype: subtype.into(), bytes: b"abc".to_vec() })
        };
        let code = || "x".to_owned();
        let scope = bson::JavaScriptCodeWithScope { code: code(), scope: doc! { "y": 1 } };
        let regex = bson::Regex {
            pattern: "ab".try_into().expect("no zero"),
            options: "i".try_into().expect("no zero"),
        };
        let table: Vec<(Bson, i64)> = vec![
            (Bson::Null, 2338878944348059895),
            (Bson::Int32(1), 5902408780260971510),
            (Bson::Int64(1), 5902408780260971510),
            (Bson::Double(1.9), 5902408780260971510),
            (Bson::Int32(-1), 1140205862565771219),
            (Bson::Double(-1.9), 1140205862565771219),
            (Bson::Double(-0.0), 4854801880128277513),
            (Bson::Double(f64::NAN), 4854801880128277513),
            (Bson::Double(f64::INFINITY), 921523596458303250),
            (Bson::Double(1e300), 921523596458303250),
            (Bson::Double(f64::NEG_INFINITY), 4532067210535695462),
            (Bson::Double(9.223372036854775e18), -5819673466895598527),
            (Bson::Int32(42), -944302157085130861),
            (Bson::Int64(1 << 62), -7843268048599641581),
            (Bson::Boolean(true), 6405873908747105701),
            (Bson::Boolean(false), 6289544573401934092),
            (Bson::String("x".into()), -5169800095944007213),
            (Bson::String(String::new()), 2049396243249673340),
            (Bson::String("é".into()), -590412542577746911),
            (Bson::Document(doc! {}), 7980500913326740417),
            (Bson::Document(doc! { "a": 1 }), -8705610352600103477),
            (Bson::Document(doc! { "a": 1.5, "b": 2 }), -7728811426608343164),
            (Bson::Document(doc! { "a": { "b": 2_i64 } }), 2043699980253017995),
            (Bson::Document(doc! { "x": [1, 2.5] }), 2493239440479962728),
            (Bson::Document(doc! { "x": [] }), -5052464990771803330),
            (Bson::ObjectId(oid), -5644244850410885351),
            (Bson::DateTime(bson::DateTime::from_millis(1_577_836_800_000)), -8439725397068880569),
            (Bson::Timestamp(bson::Timestamp { time: 1, increment: 2 }), 6130793394493442031),
            (Bson::RegularExpression(regex), 4920740736561340898),
            (Bson::JavaScriptCode(code()), 6541829121976638719),
            (Bson::JavaScriptCodeWithScope(scope), -7997191720256297171),
            (binary(0), -5469096009886218469),
            (binary(5), 5646896599097355253),
            (Bson::MinKey, 7961148599568647290),
            (Bson::MaxKey, 5504842513779440750),
            (decimal("1.9"), 848411777775835583),
            (decimal("NaN"), 4854801880128277513),
            (decimal("-1.5"), 4563317049361071164),
            (decimal("1E40"), 921523596458303250),
            (decimal("1"), 5902408780260971510),
            (Bson::Document(doc! { "n": decimal("1.5") }), 6129956801735676776),
            (Bson::Document(doc! { "n": f64::NAN }), -3444730590716214551),
        ];
        for (value, expected) in table {
            let text = value.to_string();
            let value = RawBson::try_from(value).expect("can be stored");
            assert_eq!(hash_of(&rawdoc! { "a": value }), expected, "{text}");
        }
        assert_eq!(hash_of(&rawdoc! {}), 2338878944348059895, "missing");
    }

    #[test]
    fn paths_lead_through_documents_only() {
        let at = |doc: RawDocumentBuf, sparse| hash_at(doc.as_bytes(), "a.b", sparse);
        let null = Some(hash(NULL));
        assert_eq!(at(rawdoc! { "a": { "b": 1 } }, true).ok(), Some(Some(5902408780260971510)));
        assert_eq!(at(rawdoc! { "a": { "b": null } }, true).ok(), Some(null));
        for missing in [rawdoc! {}, rawdoc! { "a": 1 }, rawdoc! { "a": {} }] {
            assert_eq!(at(missing.clone(), false).ok(), Some(null));
            assert_eq!(at(missing, true).ok(), Some(None));
        }
        for (doc, path) in [
            (rawdoc! { "a": [1] }, "path: a"),
            (rawdoc! { "a": [] }, "path: a"),
            (rawdoc! { "a": [{ "b": 1 }] }, "path: a"),
            (rawdoc! { "a": { "b": [] } }, "path: a.b"),
        ] {
            let error = at(doc, false).expect_err("an array");
            assert_eq!(error.code(), 16766);
            assert!(error.to_string().ends_with(path), "{error}");
        }
        assert!(at(rawdoc! { "a": { "b": { "c": [1] } } }, false).is_ok());
    }

    #[test]
    fn damaged_values_have_a_hash() {
        let doc = rawdoc! { "a": { "b": [1, { "c": "text" }], "d": 1 } };
        let mut rng = oorandom::Rand32::new(12);
        for _ in 0..crate::rounds::rounds(5_000) {
            let mut bytes = doc.as_bytes().to_vec();
            for _ in 0..rng.rand_range(1..4) {
                let at = rng.rand_range(4..bytes.len() as u32) as usize;
                bytes[at] = rng.rand_u32() as u8;
            }
            let _ = hash_at(&bytes, "a", false);
            for ty in 0..=255 {
                hash(Value { ty, bytes: &bytes });
            }
        }
    }
}
