//! `$set`: gives a field a value. One that is equal in the canonical order stays as it is.

use std::cmp::Ordering;

use super::operators::{Effect, Site};
use crate::bson::compare::compare_values;
use crate::bson::element::Value;

/// The field's new value.
pub fn effect<'a>(site: &Site<'_>, value: Value<'a>) -> Effect<'a> {
    match site.current {
        Some(current) if compare_values(current, value) == Ordering::Equal => Effect::Keep,
        _ => Effect::Put(value),
    }
}
