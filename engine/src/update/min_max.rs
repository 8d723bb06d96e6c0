//! `$min` and `$max`: give a field a value that is less, or greater, in the canonical order.

use std::cmp::Ordering;

use super::operators::{Effect, Site};
use crate::bson::compare::compare_values;
use crate::bson::element::Value;

/// The field's new value under `$min`.
pub fn min<'a>(site: &Site<'_>, value: Value<'a>) -> Effect<'a> {
    put_if(site, value, Ordering::Less)
}

/// The field's new value under `$max`.
pub fn max<'a>(site: &Site<'_>, value: Value<'a>) -> Effect<'a> {
    put_if(site, value, Ordering::Greater)
}

fn put_if<'a>(site: &Site<'_>, value: Value<'a>, wanted: Ordering) -> Effect<'a> {
    match site.current {
        Some(current) if compare_values(value, current) != wanted => Effect::Keep,
        _ => Effect::Put(value),
    }
}
