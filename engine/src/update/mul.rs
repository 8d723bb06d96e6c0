//! `$mul`: multiplies a number; a missing field becomes zero times the factor.

use super::arithmetic;
use super::operators::{Effect, Site};
use crate::bson::element::Element;
use crate::bson::number::Number;
use crate::error::Result;

/// The factor.
pub fn operand(field: &Element<'_>) -> Result<Number> {
    arithmetic::operand(field, "multiply")
}

/// The field's new value.
pub fn effect(site: &Site<'_>, by: Number) -> Result<Effect<'static>> {
    // Of a negative double that is -0.0, of infinity no number.
    let initial = Number::Int32(0).times(by).unwrap_or(by.zero());
    arithmetic::effect("$mul", site, initial, |old| old.times(by))
}
