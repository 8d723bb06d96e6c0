//! Counting: how many documents match, without a copy of any.

use std::time::Duration;

use bson::{RawDocument, RawDocumentBuf};

use super::execute::Copied;
use super::explain::{self, Top};
use super::find::Verbosity;
use super::handle::{Collection, checked_filter};
use super::planning::hinted;
use super::query_run::{Query, QueryRun};
use super::search::Hint;
use crate::bson::builder::Builder;
use crate::error::Result;
use crate::query::plan::{Hinted, Question};

/// A count that is ready to run. Made by [`Collection::count_documents`].
#[derive(Debug, Clone)]
#[must_use = "a count does nothing until it is run"]
pub struct Count {
    collection: Collection,
    filter: RawDocumentBuf,
    hint: Option<Hint>,
    skip: u64,
    limit: u64,
    max_time: Option<Duration>,
}

impl Collection {
    /// How many documents `filter` matches. Nothing is looked at before [`Count::run`].
    pub fn count_documents(&self, filter: impl AsRef<RawDocument>) -> Count {
        let filter = filter.as_ref().to_owned();
        let collection = self.clone();
        Count { collection, filter, hint: None, skip: 0, limit: 0, max_time: None }
    }
}

impl Count {
    /// Which index to use.
    pub fn hint(mut self, hint: Hint) -> Self {
        self.hint = Some(hint);
        self
    }

    /// Matches to pass over.
    pub fn skip(mut self, skip: u64) -> Self {
        self.skip = skip;
        self
    }

    /// The count after which to stop; 0 for none.
    pub fn limit(mut self, limit: u64) -> Self {
        self.limit = limit;
        self
    }

    /// Time after which to give up.
    pub fn max_time(mut self, max_time: Duration) -> Self {
        self.max_time = Some(max_time);
        self
    }

    /// Runs it.
    ///
    /// # Errors
    /// [`crate::Error::Refused`] if a part of it is not what it should be.
    pub fn run(self) -> Result<u64> {
        let query = self.query()?;
        if query.question.filter.clauses().is_empty() && query.question.hint == Hinted::Nothing {
            let rest = self.collection.count()?.saturating_sub(self.skip);
            return Ok(if self.limit > 0 { rest.min(self.limit) } else { rest });
        }
        let (core, database) = (self.collection.core.clone(), &self.collection.database);
        let mut run = QueryRun::new(core, database.shared.clone(), query)?;
        let mut count = 0;
        while run.next()?.is_some() {
            count += 1;
        }
        Ok(count)
    }

    /// Says how it would be run, or was, in the form of MongoDB 5.0.
    ///
    /// # Errors
    /// As [`Count::run`].
    pub fn explain(self, verbosity: Verbosity) -> Result<RawDocumentBuf> {
        let query = self.query()?;
        let (core, database) = (&self.collection.core, &self.collection.database);
        let is_all = query.question.filter.clauses().is_empty();
        if is_all && query.question.hint == Hinted::Nothing {
            return explain::of_all_records(core, verbosity, self.clone().run()?);
        }
        let counted = |given: u64| {
            let mut done = Builder::new();
            super::execute::describe::count(&mut done, "nCounted", given);
            super::execute::describe::count(&mut done, "nSkipped", self.skip);
            done.finish()
        };
        let top = Top::Verb { name: "COUNT", done: &counted };
        explain::explain(core, &database.shared, &query, verbosity, &top)
    }

    fn query(&self) -> Result<Query> {
        let filter = std::sync::Arc::new(checked_filter(&self.filter)?);
        let guard = self.collection.core.shared();
        let ns = self.collection.core.ns.as_str();
        let mut question = Question::of(filter);
        question.hint = hinted(guard.open()?, ns, self.hint.as_ref())?;
        // Nothing of a document is wanted.
        question.wanted = Some(vec![]);
        Ok(Query {
            skip: self.skip,
            limit: self.limit,
            copied: Copied::Nothing,
            counts: true,
            max_ms: self.max_time.map(|time| time.as_millis() as u64).filter(|ms| *ms > 0),
            ..Query::of(question)
        })
    }
}
