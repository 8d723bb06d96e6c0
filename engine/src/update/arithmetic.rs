//! What `$inc` and `$mul` have in common: numbers only, no silent overflow.

use super::operators::{Effect, Site};
use crate::bson::element::Element;
use crate::bson::number::Number;
use crate::bson::{text, ty};
use crate::error::{Error, Reason, Result};

/// The operand of an operator that `verb`s ("increment").
pub fn operand(field: &Element<'_>, verb: &str) -> Result<Number> {
    field.val().as_number().ok_or_else(|| {
        let shown = text::named(field.name, field.val());
        match field.ty {
            ty::DECIMAL128 => {
                let message = format!("Cannot {verb} with a decimal argument: {{{shown}}}");
                Error::refused(Reason::BadValue, message)
            }
            _ => {
                let message = format!("Cannot {verb} with non-numeric argument: {{{shown}}}");
                Error::refused(Reason::TypeMismatch, message)
            }
        }
    })
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
        Some(new) if new.is_identical(old) => Ok(Effect::Keep),
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
    if ty == ty::DECIMAL128 {
        let message = format!("Cannot apply {operator} to the decimal field '{field}' of {{{id}}}");
        return Error::refused(Reason::BadValue, message);
    }
    let message = format!(
        "Cannot apply {operator} to a value of non-numeric type. {{{id}}} has the field \
         '{field}' of non-numeric type {name}"
    );
    Error::refused(Reason::TypeMismatch, message)
}
