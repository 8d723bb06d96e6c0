//! `$mul`: multiplies a number; a missing field becomes zero of the factor's type.

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
    arithmetic::effect("$mul", site, by.zero(), |old| old.times(by))
}
