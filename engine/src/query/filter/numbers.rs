//! Numbers as operands and as what `$mod` and the bit operators look at.

use crate::bson::decimal::Decimal;
use crate::bson::element::Value;
use crate::bson::number::Number;
use crate::bson::ty;

/// Is it a number of any kind?
pub(super) fn is_number(value: Value<'_>) -> bool {
    matches!(value.ty, ty::DOUBLE | ty::INT32 | ty::INT64 | ty::DECIMAL128)
}

/// A decimal's integer part and whether what is cut off is more, less or exactly a half.
struct Parts {
    negative: bool,
    integer: u128,
    cut: std::cmp::Ordering,
    exact: bool,
}

fn parts(decimal: Decimal) -> Option<Parts> {
    let Decimal::Finite { negative, coefficient, exponent } = decimal else { return None };
    if exponent >= 0 || coefficient == 0 {
        let scale = if coefficient == 0 { 0 } else { exponent.unsigned_abs() };
        let integer = coefficient.checked_mul(10u128.checked_pow(scale)?)?;
        return Some(Parts { negative, integer, cut: std::cmp::Ordering::Less, exact: true });
    }
    // A coefficient has at most 34 digits: beyond that nothing but a small fraction is left.
    let Some(scale) = 10u128.checked_pow(exponent.unsigned_abs()) else {
        return Some(Parts { negative, integer: 0, cut: std::cmp::Ordering::Less, exact: false });
    };
    let (integer, cut) = (coefficient / scale, coefficient % scale);
    Some(Parts { negative, integer, cut: (cut).cmp(&(scale - cut)), exact: cut == 0 })
}

fn signed(negative: bool, integer: u128) -> Option<i64> {
    let integer = i128::try_from(integer).ok()?;
    i64::try_from(if negative { -integer } else { integer }).ok()
}

/// The number without its fraction; `None` if it is no number, or none that an int64 holds.
pub(in crate::query) fn truncated(value: Value<'_>) -> Option<i64> {
    if value.ty == ty::DECIMAL128 {
        let parts = parts(Decimal::of(value)?)?;
        return signed(parts.negative, parts.integer);
    }
    match value.as_number()? {
        Number::Double(double) => Number::Double(double.trunc()).to_i64(),
        number => number.to_i64(),
    }
}

/// The number, if it is an integer that an int64 holds.
pub(crate) fn exact(value: Value<'_>) -> Option<i64> {
    if value.ty == ty::DECIMAL128 {
        let parts = parts(Decimal::of(value)?)?;
        return if parts.exact { signed(parts.negative, parts.integer) } else { None };
    }
    value.as_number()?.to_i64()
}

/// The integer whose bits are looked at: a double that is one, a decimal rounded to one (half
/// to even), or the least int64 for a decimal that has none.
pub(in crate::query) fn rounded(value: Value<'_>) -> Option<i64> {
    if value.ty != ty::DECIMAL128 {
        return exact(value);
    }
    let rounded = parts(Decimal::of(value)?).and_then(|parts| {
        let up = parts.cut.is_gt() || (!parts.exact && parts.cut.is_eq() && parts.integer & 1 == 1);
        signed(parts.negative, parts.integer + u128::from(up))
    });
    Some(rounded.unwrap_or(i64::MIN))
}

/// Is it NaN, or an infinity?
pub(crate) fn is_not_finite(value: Value<'_>) -> bool {
    match Decimal::of(value) {
        Some(Decimal::Finite { .. }) => false,
        Some(Decimal::NaN | Decimal::Infinite { .. }) | None => true,
    }
}

/// Is it NaN?
pub(crate) fn is_nan(value: Value<'_>) -> bool {
    matches!(Decimal::of(value), Some(Decimal::NaN))
}

/// Is it a whole number, however large?
pub(crate) fn is_whole(value: Value<'_>) -> bool {
    match value.as_number() {
        Some(number) => number.to_f64().fract() == 0.0,
        None => Decimal::of(value).and_then(parts).is_none_or(|parts| parts.exact),
    }
}

/// The number as messages show it: as few digits as say it.
pub(super) fn shown(value: Value<'_>) -> String {
    match value.as_number() {
        Some(Number::Double(double)) if double.is_nan() => "nan".to_owned(),
        Some(Number::Double(double)) if double.abs() >= 1e6 => {
            let text = format!("{double:e}");
            text.replace('e', "e+").replace("e+-", "e-")
        }
        Some(Number::Double(double)) => format!("{double}"),
        _ => crate::bson::text::value(value),
    }
}
