//! What is looked for: a filter, and what decides which match is found first.

use bson::{RawBson, RawDocumentBuf};

use crate::bson::element::OwnedValue;
use crate::error::Result;
use crate::expression::Variables;
use crate::query::{Filter, Matched, SortPattern};

/// A search for records.
#[derive(Debug)]
pub struct Search<'a> {
    pub filter: &'a Filter,
    /// In which order; natural order or that of an index without.
    pub sort: Option<&'a SortPattern>,
    /// Which index to use.
    pub hint: Option<&'a Hint>,
    /// Variables of the filter, as `let` names them.
    pub variables: &'a [(String, OwnedValue)],
    /// `$$NOW` of the filter, milliseconds since the Unix epoch.
    pub now_ms: i64,
}

/// Which index a search is to use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// The one of this name.
    Name(String),
    /// The one on these fields, as BSON; `{ $natural: ±1 }` for none.
    Keys(Vec<u8>),
}

impl Hint {
    /// As a command has it.
    pub(super) fn to_bson(&self) -> RawBson {
        match self {
            Hint::Name(name) => RawBson::String(name.clone()),
            Hint::Keys(keys) => RawDocumentBuf::from_bytes(keys.clone()).unwrap_or_default().into(),
        }
    }
}

impl<'a> Search<'a> {
    /// One by filter alone.
    pub fn of(filter: &'a Filter) -> Search<'a> {
        Search { filter, sort: None, hint: None, variables: &[], now_ms: 0 }
    }

    /// The values of the variables.
    pub fn values(&self) -> Variables<'a> {
        let mut values = Variables::new(self.now_ms);
        for (name, value) in self.variables {
            values.set(name.as_str(), value.clone());
        }
        values
    }

    /// Does a document match?
    pub fn matches(&self, document: &[u8]) -> Result<bool> {
        match self.filter.has_expr() {
            false => self.filter.matches(document),
            true => self.filter.matches_with(document, &self.values()),
        }
    }

    /// Does it match, and how, for a projection?
    pub fn find_shown(&self, document: &[u8]) -> Result<Option<Matched>> {
        self.filter.find_shown_with(document, &self.values())
    }

    /// Does it match, and how, for an update?
    pub fn find_match(&self, document: &[u8]) -> Result<Option<Matched>> {
        match self.filter.has_expr() {
            false => self.filter.find_match(document),
            true => self.filter.find_match_with(document, &self.values()),
        }
    }
}
