//! What `$inc` and `$mul` have in common: numbers only, no silent overflow; with a decimal
//! the result is one.

use super::operators::{Effect, Site};
use crate::bson::decimal::Decimal;
use crate::bson::element::{Element, OwnedValue};
use crate::bson::number::Number;
use crate::bson::{text, ty};
use crate::error::{Error, Reason, Result};
use crate::expression::decimal;

/// A number of any type.
pub enum Operand {
    Number(Number),
    Decimal(Decimal),
}

/// The operand of an operator that `verb`s ("increment").
pub fn operand(field: &Element<'_>, verb: &str) -> Result<Operand> {
    let value = field.val();
    if let Some(number) = value.as_number() {
        return Ok(Operand::Number(number));
    }
    match Decimal::of(value).filter(|_| value.ty == ty::DECIMAL128) {
        Some(decimal) => Ok(Operand::Decimal(decimal)),
        None => {
            let shown = text::named(field.name, value);
            let message = format!("Cannot {verb} with non-numeric argument: {{{shown}}}");
            Err(Error::refused(Reason::TypeMismatch, message))
        }
    }
}

/// Has the field a decimal?
pub fn is_decimal(site: &Site<'_>) -> bool {
    site.current.is_some_and(|value| value.ty == ty::DECIMAL128)
}

/// The field's new decimal: `combined` of the number it has, `initial` if it has none.
pub fn effect_of_decimal(
    operator: &str,
    site: &Site<'_>,
    initial: Decimal,
    combined: impl FnOnce(Decimal) -> Decimal,
) -> Result<Effect<'static>> {
    let new = match site.current {
        None => initial,
        Some(value) => {
            let old = match value.as_number() {
                Some(number) => Some(decimal::of_number(number)),
                None if is_decimal(site) => Decimal::of(value),
                None => None,
            };
            combined(old.ok_or_else(|| not_a_number(operator, site, value.ty))?)
        }
    };
    let bytes = new.to_bytes();
    // Equal numbers are the same, whatever their digits.
    let old = site.current.filter(|_| is_decimal(site)).and_then(Decimal::of);
    if old.is_some_and(|old| old.compare(&new).is_eq() && new != Decimal::NaN) {
        return Ok(Effect::Keep);
    }
    Ok(Effect::PutOwned(OwnedValue { ty: ty::DECIMAL128, bytes: bytes.into() }))
}

/// The field's new number: `combined` of the one it has, `initial` if it has none.
pub fn effect(
    operator: &str,
    site: &Site<'_>,
    initial: Number,
    combined: impl FnOnce(Number) -> Option<Number>,
) -> Result<Effect<'static>> {
    let Some(value) = site.current else {
        return Ok(Effect::PutNumber(initial));
    };
    let Some(old) = value.as_number() else {
        return Err(not_a_number(operator, site, value.ty));
    };
    match combined(old) {
        // No NaN is equal to another.
        Some(new) if new.is_identical(old) && !new.to_f64().is_nan() => Ok(Effect::Keep),
        Some(new) => Ok(Effect::PutNumber(new)),
        None => {
            let id = text::id_of(site.doc);
            let message = format!(
                "Failed to apply {operator} operations to current value ({old}) for document \
                 {{{id}}}"
            );
            Err(Error::refused(Reason::BadValue, message))
        }
    }
}

fn not_a_number(operator: &str, site: &Site<'_>, ty: u8) -> Error {
    let (id, name) = (text::id_of(site.doc), ty::name(ty));
    let field = site.path.component(site.path.depth() - 1);
    let message = format!(
        "Cannot apply {operator} to a value of non-numeric type. {{{id}}} has the field \
         '{field}' of non-numeric type {name}"
    );
    Error::refused(Reason::TypeMismatch, message)
}
