//! `$pullAll`: takes the elements from an array that are equal to any of some values.

use super::array;
use super::operators::{Effect, Site};
use super::value_set::ValueSet;
use crate::bson::element::{Element, OwnedValue};
use crate::bson::ty;
use crate::error::{Error, Reason, Result};

/// The array of values.
pub fn operand(field: &Element<'_>) -> Result<OwnedValue> {
    if field.ty != ty::ARRAY {
        let message =
            format!("$pullAll requires an array argument but was given a {}", ty::name(field.ty));
        return Err(Error::refused(Reason::BadValue, message));
    }
    Ok(field.val().to_owned())
}

/// The array without them.
pub fn effect<'a>(site: &Site<'a>, gone: &OwnedValue) -> Result<Effect<'a>> {
    let gone = ValueSet::new(array::values(&gone.bytes)?);
    array::without(site, |value| Ok(gone.contains(value)))
}
