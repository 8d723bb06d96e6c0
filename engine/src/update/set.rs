//! `$set`: gives a field a value. One that is the same byte by byte stays as it is; 1 becomes 1.0.

use super::operators::{Effect, Site};
use crate::bson::element::Value;

/// The field's new value.
pub fn effect<'a>(site: &Site<'_>, value: Value<'a>) -> Effect<'a> {
    match site.current {
        Some(current) if current == value => Effect::Keep,
        _ => Effect::Put(value),
    }
}
