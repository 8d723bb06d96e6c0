//! `$addToSet`: appends to an array what it does not hold yet.

use super::array;
use super::operators::{Effect, Site};
use super::value_set::{ValueSet, distinct};
use crate::bson::element::{Element, Elements, OwnedValue};
use crate::bson::{text, ty};
use crate::error::{Error, Reason, Result};

/// An array of the values to add, none twice.
pub fn operand(field: &Element<'_>) -> Result<OwnedValue> {
    let first = match field.ty {
        ty::DOCUMENT => Elements::new(field.value)?.next().transpose()?,
        _ => None,
    };
    let Some(each) = first.filter(|first| first.name == b"$each") else {
        return Ok(array::of([field.val()]));
    };
    if each.ty != ty::ARRAY {
        let message = format!(
            "The argument to $each in $addToSet must be an array but it was of type {}",
            ty::name(each.ty)
        );
        return Err(Error::refused(Reason::TypeMismatch, message));
    }
    if Elements::new(field.value)?.count() > 1 {
        let message = format!(
            "Found unexpected fields after $each in $addToSet: {}",
            text::value(field.val())
        );
        return Err(Error::refused(Reason::BadValue, message));
    }
    Ok(array::of(distinct(&array::values(each.value)?)))
}

/// The array with what it lacked.
pub fn effect<'a>(site: &Site<'a>, added: &'a OwnedValue) -> Result<Effect<'a>> {
    let Some(current) = site.current else { return Ok(Effect::Put(added.as_ref())) };
    if current.ty != ty::ARRAY {
        let message = format!(
            "Cannot apply $addToSet to non-array field. Field named '{}' has non-array type {}",
            site.name(),
            ty::name(current.ty)
        );
        return Err(Error::refused(Reason::BadValue, message));
    }
    let mut values = array::values(current.bytes)?;
    let added = array::values(&added.bytes)?;
    let before = values.len();
    match added.as_slice() {
        [] => {}
        [one] => {
            let set = ValueSet::new([*one]);
            if !values.iter().any(|value| set.contains(*value)) {
                values.push(*one);
            }
        }
        _ => {
            let there = ValueSet::new(values.iter().copied());
            values.extend(added.into_iter().filter(|one| !there.contains(*one)));
        }
    }
    let grown = values.len() > before;
    Ok(if grown { Effect::PutOwned(array::of(values)) } else { Effect::Keep })
}
