//! Which fields of a document are given back.

use super::filter::{Filter, Matched};
use crate::error::{Error, Reason, Result};
use crate::expression::{Scope, Variables};

/// A parsed projection.
#[derive(Debug, Clone)]
pub struct Projection {}

/// Where a projection stands, which decides what it may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// In a find: positional `$`, `$slice` and `$elemMatch` too.
    Find,
    /// In a `$project` stage.
    Aggregate,
}

impl Projection {
    /// Parses a projection; one of a find may refer to its filter.
    ///
    /// # Errors
    /// MongoDB's, with its numbers.
    pub fn parse(
        projection: &[u8],
        _policy: Policy,
        _filter: Option<&Filter>,
        _scope: &Scope,
    ) -> Result<Projection> {
        match projection {
            [5, 0, 0, 0, 0] => Ok(Projection {}),
            _ => Err(Error::refused(Reason::BadValue, "projections are not understood yet")),
        }
    }

    /// What is given back of `doc`. `matched` is how it matched the filter, for a positional `$`.
    pub fn apply(
        &self,
        doc: &[u8],
        _matched: Option<&Matched>,
        _vars: &Variables<'_>,
    ) -> Result<Vec<u8>> {
        Ok(doc.to_vec())
    }

    /// Must the filter say how a document matched it?
    pub fn needs_match(&self) -> bool {
        false
    }

    /// The top-level or dotted fields that it reads, if it reads no others: those that an index
    /// has to hold in order to cover it. None if it needs the whole document.
    pub fn fields(&self) -> Option<Vec<&str>> {
        None
    }
}
