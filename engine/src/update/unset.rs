//! `$unset`: removes a field; in an array null takes its place, so that the others keep theirs.

use super::operators::{Effect, Site};

/// Removal, if there is anything to remove.
pub fn effect(site: &Site<'_>) -> Effect<'static> {
    if site.current.is_some() { Effect::Remove } else { Effect::Keep }
}
