//! What filters ask about one value.

use std::cmp::Ordering;

use crate::bson::compare::compare_values;
use crate::bson::decimal::Decimal;
use crate::bson::element::{Value, read_i32, read_i64};
use crate::bson::number::Number;
use crate::bson::ty;
use crate::error::Result;
use crate::query::filter::{InList, truncated};

const NULL: Value<'static> = Value { ty: ty::NULL, bytes: &[] };

/// What is missing or undefined is null.
fn present(value: Option<Value<'_>>) -> Value<'_> {
    match value {
        None | Some(Value { ty: ty::UNDEFINED, .. }) => NULL,
        Some(value) => value,
    }
}

/// Is the value, or what stands for a missing field, equal to the operand?
#[inline]
pub(super) fn equal(value: Option<Value<'_>>, operand: Value<'_>) -> bool {
    let value = present(value);
    if value.ty == operand.ty {
        match value.ty {
            // Equal by their bytes or not at all.
            ty::INT32
            | ty::INT64
            | ty::STRING
            | ty::OBJECT_ID
            | ty::BOOL
            | ty::DATE
            | ty::TIMESTAMP
            | ty::NULL
            | ty::BINARY => return value.bytes == operand.bytes,
            _ => {}
        }
    } else if ty::canonical(value.ty) != ty::canonical(operand.ty) {
        return false;
    }
    compare_values(value, operand).is_eq()
}

/// Compares a field with an operand as filters do: only within one canonical type, but for
/// MinKey and MaxKey; NaN is comparable to NaN alone.
pub(super) fn compare(value: Option<Value<'_>>, operand: Value<'_>) -> Option<Ordering> {
    let value = present(value);
    if value.ty == operand.ty {
        match value.ty {
            ty::INT32 => return Some(read_i32(value.bytes)?.cmp(&read_i32(operand.bytes)?)),
            ty::INT64 | ty::DATE => {
                return Some(read_i64(value.bytes)?.cmp(&read_i64(operand.bytes)?));
            }
            _ => {}
        }
    }
    let is_bound = matches!(operand.ty, ty::MIN_KEY | ty::MAX_KEY);
    let same_type = ty::canonical(value.ty) == ty::canonical(operand.ty);
    if !is_bound && (!same_type || is_nan(value) != is_nan(operand)) {
        return None;
    }
    Some(compare_values(value, operand))
}

/// Is it one of the values of `$in`, or like one of its patterns?
pub(super) fn is_in(list: &InList, value: Option<Value<'_>>) -> Result<bool> {
    let value = present(value);
    if list.has(value) {
        return Ok(true);
    }
    for pattern in list.patterns() {
        if pattern.holds(value)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Is it a number whose integer part leaves `remainder`?
pub(super) fn leaves(value: Value<'_>, divisor: i64, remainder: i64) -> bool {
    // The least int64 divided by -1 overflows, and leaves nothing.
    truncated(value).is_some_and(|number| number.wrapping_rem(divisor) == remainder)
}

/// Is it true, as the result of an expression?
pub(super) fn is_true(value: Value<'_>) -> bool {
    let zero = Decimal::Finite { negative: false, coefficient: 0, exponent: 0 };
    match value.ty {
        ty::DECIMAL128 => Decimal::of(value).is_none_or(|decimal| decimal.compare(&zero).is_ne()),
        _ => value.is_true(),
    }
}

fn is_nan(value: Value<'_>) -> bool {
    match value.ty {
        ty::DOUBLE => {
            matches!(value.as_number(), Some(Number::Double(number)) if number.is_nan())
        }
        ty::DECIMAL128 => matches!(Decimal::of(value), Some(Decimal::NaN)),
        _ => false,
    }
}
