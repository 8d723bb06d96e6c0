//! Counting: how many documents match, without a copy of any.

use std::time::Duration;

use bson::{RawBsonRef, RawDocument, RawDocumentBuf, rawdoc};

use super::aggregate::Aggregate;
use super::execute::Copied;
use super::explain::{self, Top};
use super::find::Verbosity;
use super::handle::Collection;
use super::planning::hinted;
use super::profile::Entry;
use super::query_run::{Query, QueryRun};
use super::search::Hint;
use super::variables::{named_variables, scope_of};
use super::view::find_as_pipeline;
use crate::bson::builder::Builder;
use crate::bson::document;
use crate::error::Result;
use crate::query::Filter;
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
    collation: Option<RawDocumentBuf>,
    variables: Option<RawDocumentBuf>,
}

impl Collection {
    /// How many documents `filter` matches. Nothing is looked at before [`Count::run`].
    pub fn count_documents(&self, filter: impl AsRef<RawDocument>) -> Count {
        let filter = filter.as_ref().to_owned();
        let collection = self.clone();
        Count {
            collection,
            filter,
            hint: None,
            skip: 0,
            limit: 0,
            max_time: None,
            collation: None,
            variables: None,
        }
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

    /// By which collation texts are compared: `{ locale: "en", strength: 2 }`.
    pub fn collation(mut self, collation: impl AsRef<RawDocument>) -> Self {
        self.collation = Some(collation.as_ref().to_owned());
        self
    }

    /// Variables of `$expr`, as `let` names them.
    pub fn variables(mut self, variables: impl AsRef<RawDocument>) -> Self {
        self.variables = Some(variables.as_ref().to_owned());
        self
    }

    /// Runs it.
    ///
    /// # Errors
    /// [`crate::Error::Refused`] if a part of it is not what it should be.
    pub fn run(self) -> Result<u64> {
        let watch = self.collection.database.watch();
        let counted = self.run_unwatched();
        if let Some(watch) = watch {
            watch.finish(|| {
                let name = self.collection.namespace().collection();
                let command = rawdoc! { "count": name, "query": self.filter.clone() };
                let error = counted.as_ref().err();
                let by_record =
                    counted.is_ok() && self.counts_records() && self.collection.exists();
                let (plan, none) = match by_record {
                    true => (Some("RECORD_STORE_FAST_COUNT".to_owned()), Some(0)),
                    false => (None, None),
                };
                let (keys_examined, docs_examined) = (none, none);
                Entry {
                    error,
                    plan,
                    keys_examined,
                    docs_examined,
                    ..Entry::new("command", self.collection.namespace(), command)
                }
            });
        }
        counted
    }

    /// Is it the number of records that is asked for, which is known?
    fn counts_records(&self) -> bool {
        self.filter.is_empty() && self.hint.is_none()
    }

    fn run_unwatched(&self) -> Result<u64> {
        if let Some(aggregate) = self.over_view()? {
            let counted = aggregate.run_unwatched()?.next().transpose()?;
            let count = counted.map(|counted| counted.get("count").ok().flatten().map(number));
            return Ok(count.flatten().unwrap_or(0));
        }
        let query = self.query()?;
        if self.counts_records() {
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
        if let Some(aggregate) = self.over_view()? {
            return aggregate.explain(verbosity);
        }
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
        let top = Top::Verb { name: "COUNT", done: &counted, returned: 0 };
        explain::explain(core, &database.shared, &query, verbosity, &top)
    }

    /// The aggregation that it is if it is of a view; none if it is of a collection.
    fn over_view(&self) -> Result<Option<Aggregate>> {
        if self.collection.view()?.is_none() {
            return Ok(None);
        }
        document::check(self.filter.as_bytes())?;
        let mut stages = find_as_pipeline(&self.filter, None, (self.skip, self.limit), None);
        stages.push(rawdoc! { "$count": "count" });
        let mut aggregate = self.collection.aggregate(stages);
        let hint = self.hint.clone();
        aggregate.set_options(hint, &self.variables, &self.collation, self.max_time);
        Ok(Some(aggregate))
    }

    fn query(&self) -> Result<Query> {
        let now_ms = self.collection.database.shared.clock.unix_ms();
        let variables = named_variables(self.variables.as_deref(), now_ms)?;
        let collation = self.collection.collation_for(self.collation.as_deref())?;
        let scope = scope_of(&variables).under(collation);
        document::check(self.filter.as_bytes())?;
        let filter = std::sync::Arc::new(Filter::parse_in(self.filter.as_bytes(), &scope)?);
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
            now_ms,
            variables,
            collation: scope.collation().cloned(),
            max_ms: self.max_time.map(|time| time.as_millis() as u64).filter(|ms| *ms > 0),
            ..Query::of(question)
        })
    }
}

/// A count as a stage gives it.
fn number(count: RawBsonRef<'_>) -> u64 {
    match count {
        RawBsonRef::Int32(count) => u64::try_from(count).unwrap_or(0),
        RawBsonRef::Int64(count) => u64::try_from(count).unwrap_or(0),
        _ => 0,
    }
}
