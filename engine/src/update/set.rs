//! `$set`: gives a field a value. One that is equal in the canonical order stays as it is.

use std::cmp::Ordering;

use super::operators::{Effect, Site};
use super::storage_names;
use crate::bson::compare::compare_values;
use crate::bson::element::{Element, OwnedValue, Value};
use crate::bson::field::FieldPath;
use crate::error::Result;

/// The value, whose names must be such as may be stored.
pub fn operand(field: &Element<'_>, path: &FieldPath) -> Result<OwnedValue> {
    storage_names::check_value(field.val(), path.as_str())?;
    Ok(field.val().to_owned())
}

/// The field's new value.
pub fn effect<'a>(site: &Site<'_>, value: Value<'a>) -> Effect<'a> {
    match site.current {
        Some(current) if compare_values(current, value) == Ordering::Equal => Effect::Keep,
        _ => Effect::Put(value),
    }
}
