//! Aggregations: a pipeline of stages over a collection's documents.
//!
//! What the pipeline begins with is done by a find: [`pushdown`]. The rest goes through the
//! stages one document at a time. Blocking stages are bounded; nothing is spilled to disk.

mod explain;
mod given;
mod merge;
mod out;
mod pushdown;
mod stats;
mod target_name;
#[cfg(test)]
mod tests;
mod world;

use std::sync::Arc;
use std::time::Duration;

use bson::{RawArrayBuf, RawDocument, RawDocumentBuf, rawdoc};

use super::check_not_catalogue;
use super::cursor::Cursor;
use super::execute::Listening;
use super::find::{Find, Verbosity};
use super::handle::Collection;
use super::search::Hint;
use super::variables::{collation_of, named_variables, scope_of};
use crate::aggregate::{Chain, Context, Documents, Kind, Pipeline, Stage};
use crate::bson::document;
use crate::error::{Error, Reason, Result};
use crate::expression::Variables;
use crate::limits::DOCUMENT_LEN_MAX;
use crate::query::SortBound;
pub use out::{TEMPORARY, copy_indexes, temporary};
use pushdown::Pushed;
use world::{DatabaseWorld, Deadline};

/// An aggregation that is ready to run. Made by [`Collection::aggregate`].
#[derive(Debug, Clone)]
#[must_use = "an aggregation does nothing until it is run"]
pub struct Aggregate {
    collection: Collection,
    pipeline: Vec<RawDocumentBuf>,
    hint: Option<Hint>,
    variables: Option<RawDocumentBuf>,
    max_time: Option<Duration>,
    collation: Option<RawDocumentBuf>,
    elsewhere: Option<Collection>,
}

impl Collection {
    /// Runs documents through stages. Nothing is looked at before [`Aggregate::run`].
    pub fn aggregate<S: AsRef<RawDocument>>(
        &self,
        pipeline: impl IntoIterator<Item = S>,
    ) -> Aggregate {
        let pipeline = pipeline.into_iter().map(|stage| stage.as_ref().to_owned()).collect();
        let collection = self.clone();
        Aggregate {
            collection,
            pipeline,
            hint: None,
            variables: None,
            max_time: None,
            collation: None,
            elsewhere: None,
        }
    }
}

/// Refuses stages of which no pipeline is made, whatever it is for: names that are none, and more
/// than one name.
///
/// # Errors
/// [`Error::Refused`] with MongoDB's reason.
pub fn check_stages<'s>(stages: impl IntoIterator<Item = &'s RawDocument>) -> Result<()> {
    Pipeline::check_form(stages.into_iter().map(|stage| stage.as_bytes()))
}

/// An aggregation, parsed.
struct Parsed {
    pipeline: Pipeline,
    vars: Arc<Variables<'static>>,
    deadline: Deadline,
}

impl Aggregate {
    /// Which index the stages at the beginning are to use.
    pub fn hint(mut self, hint: Hint) -> Self {
        self.hint = Some(hint);
        self
    }

    /// Variables of its expressions, as `let` names them: constant expressions.
    pub fn variables(mut self, variables: impl AsRef<RawDocument>) -> Self {
        self.variables = Some(variables.as_ref().to_owned());
        self
    }

    /// Time after which to give up.
    pub fn max_time(mut self, max_time: Duration) -> Self {
        self.max_time = Some(max_time);
        self
    }

    /// Whether stages may write to disk. It is taken note of and changes nothing: what takes too
    /// much memory is refused.
    pub fn allow_disk_use(self, _allow: bool) -> Self {
        self
    }

    /// By which collation texts are matched, sorted and grouped; expressions compare
    /// their bytes: `{ locale: "en", strength: 2 }`.
    pub fn collation(mut self, collation: impl AsRef<RawDocument>) -> Self {
        self.collation = Some(collation.as_ref().to_owned());
        self
    }

    /// What another request was asked with, which it stands for.
    pub(super) fn set_options(
        &mut self,
        hint: Option<Hint>,
        variables: &Option<RawDocumentBuf>,
        collation: &Option<RawDocumentBuf>,
        max_time: Option<Duration>,
    ) {
        self.hint = hint;
        self.variables.clone_from(variables);
        self.collation.clone_from(collation);
        self.max_time = max_time;
    }

    /// The collection that an `$out` or a `$merge` writes to, if that is in another database.
    pub fn writes_to(mut self, elsewhere: Collection) -> Self {
        self.elsewhere = Some(elsewhere);
        self
    }

    /// The collection to be written to.
    fn target(&self, stage: &str, database: Option<&str>, name: &str) -> Result<Collection> {
        let own = &self.collection.database;
        let database = database.unwrap_or(&own.name);
        let ns = target_name::check(stage, database, name)?;
        check_not_catalogue(&ns)?;
        let bypasses = self.collection.bypasses_validation;
        let target = match &self.elsewhere {
            _ if *database == *own.name => Some(own.collection(ns)?),
            given => given.clone().filter(|given| *given.namespace() == ns),
        };
        if let Some(target) = target {
            target.check_no_view()?;
            return Ok(target.bypassing_validation(bypasses));
        }
        let message = format!("{stage} to another database needs its collection");
        Err(Error::refused(Reason::CommandNotSupported, message))
    }

    /// Runs it. With an `$out` or a `$merge` the documents are written before this returns, and the
    /// cursor gives none.
    ///
    /// # Errors
    /// [`Error::Refused`] with MongoDB's reason.
    pub fn run(self) -> Result<Cursor> {
        let listening = self.collection.database.watch().map(|_| Listening::begin());
        let cursor = self.run_unwatched()?;
        let heard = listening.and_then(Listening::end);
        let cursor = cursor.profiled(&self.collection, "command", || {
            let pipeline: RawArrayBuf = self.pipeline.iter().map(|stage| stage.as_ref()).collect();
            let name = self.collection.namespace().collection();
            rawdoc! { "aggregate": name, "pipeline": pipeline }
        });
        Ok(cursor.having_heard(heard))
    }

    pub(super) fn run_unwatched(&self) -> Result<Cursor> {
        self.over_collection()?.run_as_it_is()
    }

    fn run_as_it_is(&self) -> Result<Cursor> {
        let parsed = self.parse()?;
        let stages = parsed.pipeline.stages();
        let Some((last, before)) = stages.split_last() else {
            return Ok(cursor(self.documents(stages, &parsed)?));
        };
        if !last.writes() {
            return Ok(cursor(self.documents(stages, &parsed)?));
        }
        self.write(last, self.documents(before, &parsed)?, &parsed)?;
        Ok(cursor(Box::new(std::iter::empty())))
    }

    /// Writes the documents as the last stage says.
    fn write(&self, stage: &Stage, docs: Documents, parsed: &Parsed) -> Result<()> {
        match stage.kind() {
            Kind::Out(to) => {
                out::write(&self.target("$out", to.database.as_deref(), &to.collection)?, docs)
            }
            Kind::Merge(merge) => merge::write(self, merge, docs, &parsed.vars),
            _ => Ok(()),
        }
    }

    /// Runs it to the end, for a client from before there were cursors: `{ result: […], ok: 1 }`.
    ///
    /// # Errors
    /// As [`Aggregate::run`]; and if the result is longer than a document may be.
    pub fn run_inline(self) -> Result<RawDocumentBuf> {
        let mut result = RawArrayBuf::new();
        for doc in self.run()? {
            let doc = doc?;
            if result.as_bytes().len() + doc.as_bytes().len() > DOCUMENT_LEN_MAX {
                let message = format!(
                    "aggregation result exceeds maximum document size ({}MB)",
                    DOCUMENT_LEN_MAX >> 20
                );
                return Err(Error::refused(Reason::Location(16389), message));
            }
            result.push(doc);
        }
        Ok(rawdoc! { "result": result, "ok": 1.0 })
    }

    /// Says how it would be run, or was.
    ///
    /// # Errors
    /// As [`Aggregate::run`].
    pub fn explain(self, verbosity: Verbosity) -> Result<RawDocumentBuf> {
        let aggregate = self.over_collection()?;
        let parsed = aggregate.parse()?;
        explain::explain(&aggregate, &parsed, verbosity)
    }

    fn parse(&self) -> Result<Parsed> {
        let now_ms = self.collection.database.shared.clock.unix_ms();
        let named = named_variables(self.variables.as_deref(), now_ms)?;
        let scope = scope_of(&named).under(collation_of(self.collation.as_deref())?);
        let mut vars = Variables::new(now_ms);
        named.into_iter().for_each(|(name, value)| vars.set(name, value));
        for stage in &self.pipeline {
            document::check(stage.as_bytes())?;
        }
        let pipeline = Pipeline::parse(self.pipeline.iter().map(|stage| stage.as_bytes()), &scope)?;
        let deadline = Deadline::new(&self.collection.database.shared, self.max_time);
        Ok(Parsed { pipeline, vars: Arc::new(vars), deadline })
    }

    /// What comes out of these stages.
    fn documents(&self, stages: &[Stage], parsed: &Parsed) -> Result<Documents> {
        let vars = parsed.vars.clone();
        self.source().documents(&[5, 0, 0, 0, 0], stages, vars, parsed.deadline.clone())
    }

    fn source(&self) -> Source<'_> {
        let (hint, collation) = (self.hint.as_ref(), self.collation.as_deref());
        Source { collection: &self.collection, hint, collation, depth: 0 }
    }

    /// Itself over what the view comes to that it is of, and with the collation of what it is of.
    fn over_collection(&self) -> Result<Aggregate> {
        let Some(view) = self.collection.resolved()? else {
            let own = match &self.collation {
                None => self.collection.own_collation()?,
                asked => asked.clone(),
            };
            return Ok(Aggregate { collation: own, ..self.clone() });
        };
        let collation = view.collation(self.collation.as_deref())?;
        let own = self.pipeline.iter().map(|stage| stage.as_bytes());
        if stats::asks_for_figures(own)? {
            return Err(self.collection.missing());
        }
        let mut pipeline = view.pipeline;
        pipeline.extend(self.pipeline.iter().cloned());
        let base = view.base.bypassing_validation(self.collection.bypasses_validation);
        Ok(Aggregate { collection: base, pipeline, collation, ..self.clone() })
    }
}

/// Documents as a cursor gives them.
fn cursor(docs: Documents) -> Cursor {
    Cursor::new(docs.map(|doc| {
        RawDocumentBuf::from_bytes(doc?)
            .map_err(|_| Error::invalid_bson(0, "a stage gives documents"))
    }))
}

/// A collection whose documents go through stages.
struct Source<'s> {
    collection: &'s Collection,
    hint: Option<&'s Hint>,
    collation: Option<&'s RawDocument>,
    /// Views that led here by the stages of others.
    depth: usize,
}

impl Source<'_> {
    /// The documents that match `filter`, sent through stages.
    fn documents(
        &self,
        filter: &[u8],
        stages: &[Stage],
        vars: Arc<Variables<'static>>,
        deadline: Deadline,
    ) -> Result<Documents> {
        let world = DatabaseWorld::new(self, deadline.clone());
        let context = Context { vars: vars.clone(), world: Arc::new(world) };
        if let Some((first, rest)) = stages.split_first().filter(|(first, _)| first.is_source()) {
            let docs = stats::documents(self.collection, first.kind())?;
            let docs = docs.into_iter().map(Ok);
            return Ok(Box::new(Chain::new(rest, &context).run(docs)));
        }
        let pushed = Pushed::of(filter, stages);
        let found = self.found(&pushed, &vars, &deadline)?;
        let rest = &stages[pushed.stages..];
        if rest.is_empty() {
            return Ok(found);
        }
        Ok(Box::new(Chain::new(rest, &context).run(found)))
    }

    fn find(&self, pushed: &Pushed, vars: &Variables<'_>, deadline: &Deadline) -> Result<Find> {
        let raw = |bytes: &[u8]| {
            RawDocumentBuf::from_bytes(bytes.to_vec())
                .map_err(|_| Error::invalid_bson(0, "a part of a query is a document"))
        };
        let mut find = self.collection.find(raw(&pushed.filter)?);
        find = find.skip(pushed.skip).limit(pushed.limit).sort_bound(SortBound::AGGREGATION);
        if let Some(sort) = &pushed.sort {
            find = find.sort(raw(sort)?);
        }
        if let Some(projection) = &pushed.projection {
            find = find.projection(raw(projection)?);
        }
        if let Some(hint) = self.hint {
            find = find.hint(hint.clone());
        }
        // Not that of the collection, where the aggregation has none.
        find = match self.collation {
            Some(collation) => find.collation(collation),
            None => find.collation(rawdoc! { "locale": "simple" }),
        };
        if let Some(left) = deadline.left()? {
            find = find.max_time(left);
        }
        find = find.variables(raw(&vars.to_document())?);
        Ok(find)
    }

    fn found(
        &self,
        pushed: &Pushed,
        vars: &Variables<'_>,
        deadline: &Deadline,
    ) -> Result<Documents> {
        let found = self.find(pushed, vars, deadline)?.run_unwatched()?;
        let found = found.map(|doc| Ok(doc?.into_bytes()));
        Ok(Box::new(deadline.clone().watch(found)))
    }
}
