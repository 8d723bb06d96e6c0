//! What type a value is and how long: `$type`, `$isNumber`, `$bsonSize`, `$binarySize`; `$rand`;
//! and numbers and dates as text.

use std::cell::Cell;
use std::hash::{BuildHasher, Hasher};

use super::computed::Computed;
use super::date::default_text;
use super::node::{Frame, Node};
use super::operator::{Operator, Takes};
use super::parse::location;
use super::zone::Zone;
use crate::bson::element::Value;
use crate::bson::{text, ty};
use crate::error::Result;

pub(super) const OPERATORS: &[Operator] = &[
    Operator::one("$type", |value| Ok(Computed::string(value.type_name()))),
    Operator::one("$isNumber", |value| Ok(Computed::bool(value.is_number()))),
    Operator::one("$bsonSize", bson_size),
    Operator::one("$binarySize", binary_size),
    Operator::all("$rand", Takes::Any, rand),
];

/// How long a document is as BSON.
fn bson_size(value: Computed<'_>) -> Result<Computed<'_>> {
    let found = value.or_null();
    match found.ty {
        ty::NULL | ty::UNDEFINED => Ok(Computed::null()),
        ty::DOCUMENT => Ok(Computed::int(found.bytes.len() as i32)),
        _ => Err(location(
            31_393,
            format!("$bsonSize requires a document input, found: {}", value.type_name()),
        )),
    }
}

/// How long a text or the bytes of a binary value are.
fn binary_size(value: Computed<'_>) -> Result<Computed<'_>> {
    let found = value.or_null();
    // The length that stands before either counts the end of a text too.
    let len = found.bytes.first_chunk().map_or(0, |len| i32::from_le_bytes(*len));
    match found.ty {
        ty::NULL | ty::UNDEFINED => Ok(Computed::null()),
        ty::BINARY => Ok(Computed::int(len)),
        ty::STRING => Ok(Computed::int(len - 1)),
        _ => Err(location(
            51_276,
            format!(
                "$binarySize requires a string or BinData argument, found: {}",
                value.type_name()
            ),
        )),
    }
}

/// It is given nothing, as a document or an array.
pub(super) fn check_rand(value: Value<'_>) -> Result<()> {
    match value.ty {
        ty::DOCUMENT | ty::ARRAY if value.bytes.len() == 5 => Ok(()),
        ty::DOCUMENT | ty::ARRAY => {
            Err(location(3_040_501, "$rand does not currently accept arguments"))
        }
        _ => Err(location(10065, "invalid parameter: expected an object ($rand)")),
    }
}

fn rand<'a>(_: &'a [Node], _: &mut Frame<'a>) -> Result<Computed<'a>> {
    Ok(Computed::double(random()))
}

/// A random number from 0 to 1, which it is not.
pub(crate) fn random() -> f64 {
    thread_local! {
        static STATE: Cell<u64> =
            Cell::new(foldhash::fast::RandomState::default().build_hasher().finish() | 1);
    }
    // Splitmix, seeded by the process's own randomness and the thread.
    let state = STATE.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
    STATE.set(state);
    let mut bits = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (bits ^ (bits >> 31)) as f64 / 2.0_f64.powi(64) * (1.0 - f64::EPSILON)
}

/// A double as C's `%g` shows it: six digits.
pub(super) fn general(number: f64) -> String {
    if number.is_nan() {
        return "NaN".into();
    }
    if number.is_infinite() {
        return if number > 0.0 { "Infinity" } else { "-Infinity" }.into();
    }
    text::general(number, 6)
}

/// A date as `2000-10-10T20:55:36.000Z`.
pub(super) fn date_text(ms: i64) -> Result<String> {
    default_text(ms, &Zone::UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_as_text() {
        for (number, text) in [
            (100.0, "100"),
            (0.1 + 0.2, "0.3"),
            (123_456_789.123, "1.23457e+08"),
            (-0.0, "-0"),
            (1e-5, "1e-05"),
            (0.0001, "0.0001"),
            (999_999.5, "1e+06"),
            (1e100, "1e+100"),
        ] {
            assert_eq!(general(number), text);
        }
    }

    #[test]
    fn random_numbers_spread() {
        let numbers: Vec<f64> = (0..1000).map(|_| random()).collect();
        assert!(numbers.iter().all(|number| (0.0..1.0).contains(number)));
        let mean = numbers.iter().sum::<f64>() / 1000.0;
        assert!((0.4..0.6).contains(&mean), "{mean}");
    }
}
