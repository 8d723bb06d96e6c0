//! `$pop`: takes the first or the last element from an array.

use super::array;
use super::operators::{Effect, Site};
use crate::bson::decimal::Decimal;
use crate::bson::element::Element;
use crate::bson::number::Number;
use crate::bson::{text, ty};
use crate::error::{Error, Reason, Result};
use crate::expression::decimal;

/// Which end of an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    First,
    Last,
}

/// The end that 1 or -1 stands for.
pub fn operand(field: &Element<'_>) -> Result<End> {
    let bad = |why: &str| {
        let shown = text::named(field.name, field.val());
        Error::refused(Reason::FailedToParse, format!("{why}: {shown}"))
    };
    let number = match (field.val().as_number(), field.ty) {
        (Some(number), _) => number,
        (None, ty::DECIMAL128) => match whole(field) {
            Some(whole) => Number::Int64(whole),
            None => return Err(bad("Cannot represent as a 64-bit integer")),
        },
        (None, _) => return Err(bad("Expected a number in")),
    };
    match (number.to_i64(), number) {
        (Some(1), _) => Ok(End::Last),
        (Some(-1), _) => Ok(End::First),
        (Some(other), _) => {
            let message = format!("$pop expects 1 or -1, found: {other}");
            Err(Error::refused(Reason::FailedToParse, message))
        }
        (None, Number::Double(number)) if number.is_nan() => {
            Err(bad("Expected an integer, but found NaN in"))
        }
        (None, Number::Double(number)) if number.trunc() == number => {
            Err(bad("Cannot represent as a 64-bit integer"))
        }
        (None, _) => Err(bad("Expected an integer")),
    }
}

/// The integer that a decimal is.
fn whole(field: &Element<'_>) -> Option<i64> {
    let number = Decimal::of(field.val())?;
    let whole = decimal::to_i64(number, decimal::Rounding::TowardsZero)?;
    let is_whole = Decimal::of_number(Number::Int64(whole)).compare(&number).is_eq();
    is_whole.then_some(whole)
}

/// The array without that element.
pub fn effect<'a>(site: &Site<'a>, end: End) -> Result<Effect<'a>> {
    let Some(current) = site.current else { return Ok(Effect::Keep) };
    if current.ty != ty::ARRAY {
        let message = format!(
            "Path '{}' contains an element of non-array type '{}'",
            site.path,
            ty::name(current.ty)
        );
        return Err(Error::refused(Reason::TypeMismatch, message));
    }
    let values = array::values(current.bytes)?;
    Ok(match (values.as_slice(), end) {
        ([], _) => Effect::Keep,
        ([_, rest @ ..], End::First) | ([rest @ .., _], End::Last) => {
            Effect::PutOwned(array::of(rest.iter().copied()))
        }
    })
}
