//! `$slice` of a find: the first or last elements of an array, or some from a place on.

use crate::bson::element::{Element, Elements, Value};
use crate::bson::number::Number;
use crate::bson::ty;
use crate::error::{Error, Reason, Result};
use crate::query::filter::truncated;

/// Which elements stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slice {
    /// Those before it go; counted from the end if negative.
    skip: i64,
    /// Those after so many go.
    limit: u64,
}

/// A `$slice` that is none of a find. It may be an expression.
#[derive(Debug)]
pub(super) struct Unknown {
    /// Why it is none of a find.
    pub(super) why: String,
    /// Why it fails as an expression, if it is certain to.
    pub(super) refused: Option<Error>,
}

impl Slice {
    /// Parses `n` or `[skip, limit]`.
    pub(super) fn parse(operand: &Element<'_>) -> Result<std::result::Result<Slice, Unknown>> {
        if is_number(operand.val()) {
            let count = clamped(operand.val());
            let limit = count.unsigned_abs();
            return Ok(Ok(Slice { skip: count.min(0), limit }));
        }
        if operand.ty != ty::ARRAY {
            let why = "Location31273: $slice only supports numbers and [skip, limit] arrays";
            return Ok(Err(Unknown { why: why.to_owned(), refused: None }));
        }
        let parts = Elements::new(operand.value)?.take(4).collect::<Result<Vec<_>>>()?;
        if let [skip, limit] = &parts[..]
            && is_number(skip.val())
            && is_number(limit.val())
            && clamped(limit.val()) > 0
        {
            let (skip, limit) = (clamped(skip.val()), clamped(limit.val()).unsigned_abs());
            return Ok(Ok(Slice { skip, limit }));
        }
        // An expression's first argument is the array; one that cannot become an array fails.
        let is_constant = |value: Value<'_>| {
            !matches!(value.ty, ty::ARRAY | ty::DOCUMENT | ty::NULL | ty::UNDEFINED)
                && !value.as_str().is_some_and(|text| text.starts_with('$'))
        };
        let refused = match &parts[..] {
            [first, _] | [first, _, _] if is_constant(first.val()) => {
                let ty = ty::name(first.ty);
                let message =
                    format!("First argument to $slice must be an array, but is of type: {ty}");
                Some(Error::refused(Reason::Location(28724), message))
            }
            _ => None,
        };
        let why = match &parts[..] {
            [skip, limit] if is_number(skip.val()) && is_number(limit.val()) => {
                let limit = clamped(limit.val());
                format!("Location31259: $slice limit must be positive, got {limit}")
            }
            _ => "Location31272: $slice array argument should be of form [skip, limit]".to_owned(),
        };
        Ok(Err(Unknown { why, refused }))
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

fn is_number(value: Value<'_>) -> bool {
    matches!(value.ty, ty::DOUBLE | ty::INT32 | ty::INT64 | ty::DECIMAL128)
}

/// The number as an int32: what lies beyond is the nearest one, NaN is 0.
fn clamped(value: Value<'_>) -> i64 {
    let number = match (truncated(value), value.as_number()) {
        (Some(number), _) => number,
        (None, Some(Number::Double(double))) => double as i64,
        (None, _) => 0,
    };
    number.clamp(i64::from(i32::MIN), i64::from(i32::MAX))
}
