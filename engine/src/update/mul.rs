//! `$mul`: multiplies a number; a missing field becomes zero times the factor.

use super::arithmetic::{self, Operand};
use super::operators::{Action, Effect, Site};
use crate::bson::decimal::Decimal;
use crate::bson::element::Element;
use crate::bson::number::Number;
use crate::error::Result;
use crate::expression::decimal;

/// The multiplication by a factor.
pub fn parse(field: &Element<'_>) -> Result<Action> {
    Ok(match arithmetic::operand(field, "multiply")? {
        Operand::Number(by) => Action::Mul(by),
        Operand::Decimal(by) => Action::MulDecimal(by),
    })
}

/// The field's new value.
pub fn effect(site: &Site<'_>, by: Number) -> Result<Effect<'static>> {
    if arithmetic::is_decimal(site) {
        return effect_of_decimal(site, decimal::of_number(by));
    }
    // Of a negative double that is -0.0, of infinity no number.
    let initial = Number::Int32(0).times(by).unwrap_or(by.zero());
    arithmetic::effect("$mul", site, initial, |old| old.times(by))
}

/// The field's new value, a decimal.
pub fn effect_of_decimal(site: &Site<'_>, by: Decimal) -> Result<Effect<'static>> {
    let initial = decimal::multiply(Decimal::ZERO, by);
    arithmetic::effect_of_decimal("$mul", site, initial, |old| decimal::multiply(old, by))
}
