//! `$setOnInsert`: `$set` where the update makes the document, nothing where it finds one.

use super::operators::{Effect, Site};
use super::set;
use crate::bson::element::Value;

/// The field's new value.
pub fn effect<'a>(site: &Site<'_>, value: Value<'a>) -> Effect<'a> {
    if site.context.inserting { set::effect(site, value) } else { Effect::Keep }
}
