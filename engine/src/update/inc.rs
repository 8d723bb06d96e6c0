//! `$inc`: adds to a number; a missing field becomes the amount.

use super::arithmetic;
use super::operators::{Effect, Site};
use crate::bson::element::Element;
use crate::bson::number::Number;
use crate::error::Result;

/// The amount.
pub fn operand(field: &Element<'_>) -> Result<Number> {
    arithmetic::operand(field, "increment")
}

/// The field's new value.
pub fn effect(site: &Site<'_>, by: Number) -> Result<Effect<'static>> {
    arithmetic::effect("$inc", site, by, |old| old.plus(by))
}
