//! `$substrBytes` (which `$substr` is) and `$substrCP`.

use super::computed::Computed;
use super::decimal::{Rounding, to_i64};
use super::node::{Frame, Node};
use super::operator::{Operator, Takes};
use super::parse::location;
use super::rounding::in_range;
use super::string::coerced;
use crate::bson::number::Number;
use crate::error::Result;

pub(super) const OPERATORS: &[Operator] = &[
    Operator::all("$substrBytes", Takes::Exactly(3), by_bytes),
    Operator::all("$substrCP", Takes::Exactly(3), by_characters),
];

fn check_number(value: &Computed<'_>, code: i32, what: &str) -> Result<()> {
    if value.is_number() {
        return Ok(());
    }
    let name = value.type_name();
    let message = format!("$substrBytes:  {what} must be a numeric type (is BSON type {name})");
    Err(location(code, message))
}

/// A number as an integer: a double is cut down, a decimal rounded.
fn whole(value: &Computed<'_>) -> Result<i64> {
    Ok(match (value.as_number(), value.as_decimal()) {
        (Some(Number::Int32(value)), _) => value.into(),
        (Some(Number::Int64(value)), _) => value,
        (Some(Number::Double(value)), _) => in_range(value)? as i64,
        // What does not fit is the least one.
        (None, Some(value)) => to_i64(value, Rounding::HalfEven).unwrap_or(i64::MIN),
        (None, None) => 0,
    })
}

fn by_bytes<'a>(args: &'a [Node], frame: &mut Frame<'a>) -> Result<Computed<'a>> {
    let text = coerced(&args[0].eval(frame)?)?;
    let (start, len) = (args[1].eval(frame)?, args[2].eval(frame)?);
    check_number(&start, 16034, "starting index")?;
    check_number(&len, 16035, "length")?;
    let start = whole(&start)?;
    let Ok(start) = usize::try_from(start) else {
        let message = format!("$substrBytes:  starting index must be non-negative (got: {start})");
        return Err(location(50752, message));
    };
    let len = whole(&len)?;
    if start >= text.len() {
        return Ok(Computed::string(""));
    }
    // A negative length takes all that is left.
    let end =
        usize::try_from(len).map_or(text.len(), |len| start.saturating_add(len).min(text.len()));
    if !text.is_char_boundary(start) {
        let message = "$substrBytes:  Invalid range, starting index is a UTF-8 continuation byte.";
        return Err(location(28656, message));
    }
    match text.get(start..end) {
        Some(part) => Ok(Computed::string(part)),
        None => {
            let message =
                "$substrBytes:  Invalid range, ending index is in the middle of a UTF-8 character.";
            Err(location(28657, message))
        }
    }
}

/// A number that has to be an integer of 32 bits.
fn exact(value: &Computed<'_>, codes: (i32, i32), what: &str) -> Result<i32> {
    if !value.is_number() {
        let name = value.type_name();
        let message = format!("$substrCP: {what} must be a numeric type (is BSON type {name})");
        return Err(location(codes.0, message));
    }
    super::array::as_i32(value).ok_or_else(|| {
        let shown = crate::bson::text::value(value.or_null());
        let message =
            format!("$substrCP: {what} cannot be represented as a 32-bit integral value: {shown}");
        location(codes.1, message)
    })
}

fn by_characters<'a>(args: &'a [Node], frame: &mut Frame<'a>) -> Result<Computed<'a>> {
    let text = coerced(&args[0].eval(frame)?)?;
    let start = exact(&args[1].eval(frame)?, (34450, 34451), "starting index")?;
    let len = exact(&args[2].eval(frame)?, (34452, 34453), "length")?;
    let Ok(start) = usize::try_from(start) else {
        let message = "$substrCP: the starting index must be nonnegative integer.";
        return Err(location(34455, message));
    };
    let Ok(len) = usize::try_from(len) else {
        return Err(location(34454, "$substrCP: length must be a nonnegative integer."));
    };
    let part: String = text.chars().skip(start).take(len).collect();
    Ok(Computed::string(&part))
}
