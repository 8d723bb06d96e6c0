//! What a planner has to know of an index.

use std::sync::Arc;

use super::index_keys::Index;
use crate::disk::View;
use crate::error::Result;
use crate::index::key_pattern::KeyPattern;
use crate::query::Filter;
use crate::store::NamespaceDetails;

/// What can be said of an index without reading it.
#[derive(Debug, Clone, Copy)]
pub struct IndexFacts<'i> {
    /// Its name.
    pub name: &'i str,
    /// Its fields: dotted paths, directions, the pattern as BSON.
    pub pattern: &'i KeyPattern,
    /// Has each key one record? True for the index on `_id`.
    pub is_unique: bool,
    /// Are documents left out that have none of the fields?
    pub is_sparse: bool,
    /// Is it kept up to date but not to be used?
    pub is_hidden: bool,
    /// Can it be used to search at all: are its keys the values of its fields, or their hashes?
    pub is_usable: bool,
    /// The field whose values are hashed: the only one then. Keys are the int64 that
    /// [`crate::index::hash::hash`] makes of a value.
    pub hashed: Option<&'i str>,
    /// What documents match that have entries; all have if there is none.
    pub partial_filter: Option<&'i Arc<Filter>>,
}

impl Index {
    /// What a planner has to know of it.
    pub fn facts(&self) -> IndexFacts<'_> {
        let definition = &self.definition;
        IndexFacts {
            name: definition.name(),
            pattern: definition.key(),
            is_unique: definition.is_unique(),
            is_sparse: definition.is_sparse(),
            is_hidden: definition.is_hidden(),
            is_usable: self.unmaintainable().is_none(),
            hashed: definition.key().hashed_path(),
            partial_filter: self.partial_filter(),
        }
    }

    /// Does some document have more than one key? `details` are those of the collection, which
    /// is held.
    ///
    /// # Errors
    /// `Corrupt` only.
    pub fn is_multikey(&self, view: &impl View, details: NamespaceDetails) -> Result<bool> {
        details.is_multikey(view, self.slot)
    }
}
