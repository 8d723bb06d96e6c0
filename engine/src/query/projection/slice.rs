//! `$slice` of a find: the first or last elements of an array, or some from a place on.

use crate::bson::decimal::Decimal;
use crate::bson::element::{Element, Elements, Value};
use crate::bson::number::Number;
use crate::bson::ty;
use crate::error::{Error, Reason, Result};
use crate::query::filter::rounded;

/// Which elements stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slice {
    /// Those before it go; counted from the end if negative.
    skip: i64,
    /// Those after so many go.
    limit: u64,
}

impl Slice {
    /// Parses `n` or `[skip, limit]`. What is neither may be an expression: then it is said why
    /// it is none of a find.
    pub(super) fn parse(operand: &Element<'_>) -> Result<std::result::Result<Slice, String>> {
        if is_number(operand.val()) {
            let count = clamped(operand.val());
            let limit = count.unsigned_abs();
            return Ok(Ok(Slice { skip: count.min(0), limit }));
        }
        if operand.ty != ty::ARRAY {
            let why = "Location31273: $slice only supports numbers and [skip, limit] arrays";
            return Ok(Err(why.to_owned()));
        }
        let parts = Elements::new(operand.value)?.take(3).collect::<Result<Vec<_>>>()?;
        let [skip, limit] = &parts[..] else {
            let why = "Location31272: $slice array argument should be of form [skip, limit]";
            return Ok(Err(why.to_owned()));
        };
        for (code, what, part) in [(31257, "skip", skip), (31258, "limit", limit)] {
            if !is_number(part.val()) {
                let ty = ty::name(part.ty);
                let why = format!("$slice expects the {what} argument to be a number, got {ty}");
                return Ok(Err(format!("Location{code}: {why}")));
            }
        }
        let (skip, limit) = (clamped(skip.val()), clamped(limit.val()));
        Ok(match u64::try_from(limit) {
            Ok(limit) if limit > 0 => Ok(Slice { skip, limit }),
            _ => Err(format!("Location31259: $slice limit must be positive, got {limit}")),
        })
    }

    /// Why it fails if it is taken for an expression, if that can be told from its first
    /// argument: a constant that is no array.
    pub(super) fn refused_as_expression(operand: &Element<'_>) -> Result<Option<Error>> {
        if operand.ty != ty::ARRAY {
            return Ok(None);
        }
        let parts = Elements::new(operand.value)?.take(4).collect::<Result<Vec<_>>>()?;
        let ([first, rest @ ..], 2 | 3) = (&parts[..], parts.len()) else { return Ok(None) };
        // With a null the result is one, whatever the array is.
        let maybe_null = rest.iter().any(|part| is_variable(part.val()));
        let maybe_array = first.ty == ty::ARRAY || is_variable(first.val());
        Ok((!maybe_array && !maybe_null).then(|| {
            let ty = ty::name(first.ty);
            let message =
                format!("First argument to $slice must be an array, but is of type: {ty}");
            Error::refused(Reason::Location(28724), message)
        }))
    }

    /// Which of `len` elements stay: from where to where.
    pub(super) fn range(self, len: usize) -> (usize, usize) {
        let skipped = usize::try_from(self.skip.unsigned_abs()).unwrap_or(usize::MAX);
        let start = match self.skip < 0 {
            true => len.saturating_sub(skipped),
            false => skipped.min(len),
        };
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        (start, start.saturating_add(limit).min(len))
    }
}

/// May it be something else for each document, or is it null?
fn is_variable(value: Value<'_>) -> bool {
    matches!(value.ty, ty::DOCUMENT | ty::NULL | ty::UNDEFINED)
        || value.as_str().is_some_and(|text| text.starts_with('$'))
}

fn is_number(value: Value<'_>) -> bool {
    matches!(value.ty, ty::DOUBLE | ty::INT32 | ty::INT64 | ty::DECIMAL128)
}

/// The number as an int32: what lies beyond is the nearest one, NaN is 0.
fn clamped(value: Value<'_>) -> i64 {
    let number = match (value.as_number(), Decimal::of(value)) {
        (Some(Number::Double(double)), _) => double as i64,
        (Some(number), _) => number.to_i64().unwrap_or(0),
        (None, Some(decimal @ Decimal::Finite { .. })) => match rounded(value) {
            Some(i64::MIN) | None if decimal.compare(&Decimal::ZERO).is_gt() => i64::MAX,
            rounded => rounded.unwrap_or(0),
        },
        (None, Some(Decimal::Infinite { negative: false })) => i64::MAX,
        (None, Some(Decimal::Infinite { negative: true })) => i64::MIN,
        (None, _) => 0,
    };
    number.clamp(i64::from(i32::MIN), i64::from(i32::MAX))
}
