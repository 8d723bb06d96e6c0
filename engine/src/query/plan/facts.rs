//! What a planner knows of an index, and of a query.

use std::sync::Arc;

use crate::bson::element::Value;
use crate::query::{Filter, SortPattern};

/// An index, as far as a planner looks.
#[derive(Debug, Clone)]
pub struct IndexFacts {
    pub name: String,
    /// Dotted paths of its fields.
    pub paths: Vec<String>,
    /// Which of them descend.
    pub descending: Vec<bool>,
    /// The key pattern as BSON.
    pub pattern: Vec<u8>,
    pub is_unique: bool,
    pub is_sparse: bool,
    /// Is it passed over, unless it is asked for?
    pub is_hidden: bool,
    /// Are its entries the values of its fields, or their hashes?
    pub is_usable: bool,
    /// Has some document several entries?
    pub is_multikey: bool,
    /// Does it count as multikey for an array of one element, too? Else its entries may be
    /// elements of such, and nothing says so.
    pub notes_arrays: bool,
    /// Makes its entries of values, if they are hashes.
    pub hash: Option<fn(Value<'_>) -> i64>,
    /// What documents match that have entries.
    pub partial: Option<Arc<Filter>>,
    /// Do numbers in paths name places of arrays? Not in the oldest indexes.
    pub knows_positions: bool,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Question {
    pub filter: Arc<Filter>,
    pub sort: Option<SortPattern>,
    /// The fields that suffice, if not all of a document is wanted. None at all for a count.
    pub wanted: Option<Vec<String>>,
    pub hint: Hinted,
    /// The ends of a walk over the hinted index, as keys.
    pub range: KeyRange,
    /// Skip and limit taken together: so many suffice. 0: all.
    pub enough: u64,
    /// May a lookup by `_id` go the short way?
    pub is_id_hack: bool,
}

/// The keys between which a walk goes: values without names.
#[derive(Debug, Clone, Default)]
pub struct KeyRange {
    /// The first key.
    pub min: Option<Vec<u8>>,
    /// The key before which to stop.
    pub max: Option<Vec<u8>>,
}

/// What a caller says of the way.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Hinted {
    /// Nothing.
    #[default]
    Nothing,
    /// In natural order, or against it.
    Natural { backward: bool },
    /// By this index: it is looked for again when plans are made, as others may come and go
    /// before.
    Index {
        /// Its name.
        name: String,
        /// Its key pattern as BSON.
        pattern: Vec<u8>,
    },
}

impl IndexFacts {
    /// Is it the index of this name and pattern?
    pub fn is(&self, name: &str, pattern: &[u8]) -> bool {
        self.name == name && self.pattern == pattern
    }
}

impl Question {
    /// One by filter alone.
    pub fn of(filter: Arc<Filter>) -> Question {
        Question {
            filter,
            sort: None,
            wanted: None,
            hint: Hinted::Nothing,
            range: KeyRange::default(),
            enough: 0,
            is_id_hack: true,
        }
    }
}

impl KeyRange {
    /// Is there no end?
    pub fn is_open(&self) -> bool {
        self.min.is_none() && self.max.is_none()
    }
}
