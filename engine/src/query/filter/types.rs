//! The operand of `$type`: a type's number or name, or an array of them.

use super::{bad_value, failed_to_parse};
use crate::bson::element::{Element, Elements, Value};
use crate::bson::ty::{self, Width};
use crate::error::{Error, Reason, Result};

/// The element types that `operand` of a test on `path` names.
pub(super) fn parse(path: &str, operand: &Element<'_>) -> Result<Vec<u8>> {
    let mut types = vec![];
    if operand.ty != ty::ARRAY {
        add(operand.val(), &mut types)?;
        return Ok(types);
    }
    for element in Elements::new(operand.value)? {
        add(element?.val(), &mut types)?;
    }
    if types.is_empty() {
        return Err(failed_to_parse(format!("{path} must match at least one type")));
    }
    types.sort_unstable();
    types.dedup();
    Ok(types)
}

fn add(value: Value<'_>, types: &mut Vec<u8>) -> Result<()> {
    if let Some(name) = value.as_str() {
        return add_named(name, types);
    }
    if !super::numbers::is_number(value) {
        let message = "type must be represented as a number or a string";
        return Err(Error::refused(Reason::TypeMismatch, message));
    }
    let number = super::numbers::exact(value);
    let ty = match number {
        Some(-1) => Some(ty::MIN_KEY),
        Some(0) => {
            let message = "Invalid numerical type code: 0. Instead use {$exists:false}.";
            return Err(bad_value(message));
        }
        Some(number) => u8::try_from(number).ok().filter(|ty| is_type(*ty) && *ty != ty::MIN_KEY),
        None => None,
    };
    let Some(ty) = ty else {
        let number = super::numbers::shown(value);
        return Err(bad_value(format!("Invalid numerical type code: {number}")));
    };
    types.push(ty);
    Ok(())
}

pub(super) fn add_named(name: &str, types: &mut Vec<u8>) -> Result<()> {
    if name == "number" {
        types.extend([ty::DOUBLE, ty::INT32, ty::INT64, ty::DECIMAL128]);
        return Ok(());
    }
    if name == "missing" {
        let message = "'missing' is not a legal type name. To query for non-existence of a \
                       field, use {$exists:false}.";
        return Err(bad_value(message));
    }
    match (0..=u8::MAX).find(|ty| is_type(*ty) && ty::name(*ty) == name) {
        Some(ty) => types.push(ty),
        None => return Err(bad_value(format!("Unknown type name alias: {name}"))),
    }
    Ok(())
}

fn is_type(ty: u8) -> bool {
    ty::width(ty) != Width::Unknown
}
