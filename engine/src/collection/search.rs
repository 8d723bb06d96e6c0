//! What is looked for: a filter, and what decides which match is found first.

use crate::query::{Filter, SortPattern};

/// A search for records.
#[derive(Debug)]
pub struct Search<'a> {
    pub filter: &'a Filter,
    /// In which order; natural order or that of an index without.
    pub sort: Option<&'a SortPattern>,
    /// Which index to use.
    pub hint: Option<&'a Hint>,
}

/// Which index a search is to use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// The one of this name.
    Name(String),
    /// The one on these fields, as BSON; `{ $natural: ±1 }` for none.
    Keys(Vec<u8>),
}

impl<'a> Search<'a> {
    /// One by filter alone.
    pub fn of(filter: &'a Filter) -> Search<'a> {
        Search { filter, sort: None, hint: None }
    }
}
