//! `$inc`: adds to a number; a missing field becomes the amount.

use super::arithmetic::{self, Operand};
use super::operators::{Action, Effect, Site};
use crate::bson::decimal::Decimal;
use crate::bson::element::Element;
use crate::bson::number::Number;
use crate::error::Result;
use crate::expression::decimal;

/// The addition of an amount.
pub fn parse(field: &Element<'_>) -> Result<Action> {
    Ok(match arithmetic::operand(field, "increment")? {
        Operand::Number(by) => Action::Inc(by),
        Operand::Decimal(by) => Action::IncDecimal(by),
    })
}

/// The field's new value.
pub fn effect(site: &Site<'_>, by: Number) -> Result<Effect<'static>> {
    if arithmetic::is_decimal(site) {
        return effect_of_decimal(site, decimal::of_number(by));
    }
    arithmetic::effect("$inc", site, by, |old| old.plus(by))
}

/// The field's new value, a decimal.
pub fn effect_of_decimal(site: &Site<'_>, by: Decimal) -> Result<Effect<'static>> {
    arithmetic::effect_of_decimal("$inc", site, by, |old| decimal::add(old, by))
}
