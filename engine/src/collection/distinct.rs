//! The different values that a field has in the documents that match.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bson::{RawBson, RawDocument, RawDocumentBuf, rawdoc};
use foldhash::fast::RandomState;

use super::aggregate::Aggregate;
use super::execute::Copied;
use super::explain::{self, Top};
use super::find::Verbosity;
use super::handle::Collection;
use super::planning::hinted;
use super::profile::Entry;
use super::query_run::{Query, QueryRun};
use super::search::Hint;
use super::variables::{collation_of, named_variables, scope_of};
use super::view::find_as_pipeline;
use crate::aggregate::key;
use crate::bson::builder::Builder;
use crate::bson::collation::Collation;
use crate::bson::compare::compare_values;
use crate::bson::document;
use crate::bson::element::{Elements, OwnedValue, Value, get};
use crate::bson::field::FieldPath;
use crate::bson::ty;
use crate::error::{Error, Reason, Result};
use crate::query::Filter;
use crate::query::field_names;
use crate::query::plan::Question;

/// Bytes of values that one answer can hold.
const VALUES_LEN_MAX: usize = crate::limits::DOCUMENT_LEN_MAX;

/// A search for different values that is ready to run. Made by [`Collection::distinct`].
#[derive(Debug, Clone)]
#[must_use = "it does nothing until it is run"]
pub struct Distinct {
    collection: Collection,
    field: String,
    filter: RawDocumentBuf,
    hint: Option<Hint>,
    max_time: Option<Duration>,
    collation: Option<RawDocumentBuf>,
    variables: Option<RawDocumentBuf>,
}

impl Collection {
    /// The different values that `field` has in the documents that `filter` matches; of arrays
    /// those of their elements. Nothing is looked at before [`Distinct::run`].
    pub fn distinct(&self, field: impl Into<String>, filter: impl AsRef<RawDocument>) -> Distinct {
        Distinct {
            collection: self.clone(),
            field: field.into(),
            filter: filter.as_ref().to_owned(),
            hint: None,
            max_time: None,
            collation: None,
            variables: None,
        }
    }
}

impl Distinct {
    /// Which index to use.
    pub fn hint(mut self, hint: Hint) -> Self {
        self.hint = Some(hint);
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

    /// Runs it. The values ascend.
    ///
    /// # Errors
    /// [`Error::Refused`] if a part of it is not what it should be, or if there are more values
    /// than a document can hold.
    pub fn run(self) -> Result<Vec<RawBson>> {
        let watch = self.collection.database.watch();
        let found = self.run_unwatched();
        if let Some(watch) = watch {
            watch.finish(|| {
                let (name, key) = (self.collection.namespace().collection(), self.field.as_str());
                let query = self.filter.clone();
                let command = rawdoc! { "distinct": name, "key": key, "query": query };
                let error = found.as_ref().err();
                Entry { error, ..Entry::new("command", self.collection.namespace(), command) }
            });
        }
        found
    }

    /// Looks at what is asked for: what [`Distinct::run`] finds wrong beyond this it meets while it
    /// runs.
    ///
    /// # Errors
    /// [`Error::Refused`] with MongoDB's reason.
    pub fn check_request(&self) -> Result<()> {
        field_names::path(&self.field)?;
        if self.over_view()?.is_some() {
            return Ok(());
        }
        let (core, shared) = (self.collection.core.clone(), &self.collection.database.shared);
        QueryRun::new(core, shared.clone(), self.query()?).map(drop)
    }

    fn run_unwatched(&self) -> Result<Vec<RawBson>> {
        let path = field_names::path(&self.field)?;
        let mut values = Values::default();
        if let Some((aggregate, collation)) = self.over_view()? {
            values.collation = collation_of(collation.as_deref())?;
            for document in aggregate.run_unwatched()? {
                values.add_at(document?.as_bytes(), &path, 0)?;
            }
            return values.sorted();
        }
        let (core, database) = (self.collection.core.clone(), &self.collection.database);
        let mut run = QueryRun::new(core, database.shared.clone(), self.query()?)?;
        values.collation = self.collection.collation_for(self.collation.as_deref())?;
        while let Some(member) = run.next()? {
            if let Some(document) = &member.document {
                values.add_at(document, &path, 0)?;
            }
        }
        values.sorted()
    }

    /// The aggregation of the documents that match if it is of a view, and the view's collation;
    /// none if it is of a collection.
    fn over_view(&self) -> Result<Option<(Aggregate, Option<RawDocumentBuf>)>> {
        let Some(view) = self.collection.view()? else { return Ok(None) };
        document::check(self.filter.as_bytes())?;
        let stages = find_as_pipeline(&self.filter, None, (0, 0), None);
        let mut aggregate = self.collection.aggregate(stages);
        let hint = self.hint.clone();
        aggregate.set_options(hint, &self.variables, &self.collation, self.max_time);
        Ok(Some((aggregate, view.collation)))
    }

    /// Says how it would be run, or was, in the form of MongoDB 5.0.
    ///
    /// # Errors
    /// As [`Distinct::run`].
    pub fn explain(self, verbosity: Verbosity) -> Result<RawDocumentBuf> {
        field_names::path(&self.field)?;
        if let Some((aggregate, _)) = self.over_view()? {
            return aggregate.explain(verbosity);
        }
        let (core, database) = (&self.collection.core, &self.collection.database);
        explain::explain(core, &database.shared, &self.query()?, verbosity, &Top::Nothing)
    }

    fn query(&self) -> Result<Query> {
        let now_ms = self.collection.database.shared.clock.unix_ms();
        let variables = named_variables(self.variables.as_deref(), now_ms)?;
        let collation = self.collection.collation_for(self.collation.as_deref())?;
        let scope = scope_of(&variables).under(collation);
        document::check(self.filter.as_bytes())?;
        let filter = Arc::new(Filter::parse_in(self.filter.as_bytes(), &scope)?);
        let guard = self.collection.core.shared();
        let mut question = Question::of(filter);
        let ns = self.collection.core.ns.as_str();
        question.hint = hinted(guard.open()?, ns, self.hint.as_ref())?;
        Ok(Query {
            copied: Copied::Document,
            now_ms,
            variables,
            collation: scope.collation().cloned(),
            max_ms: self.max_time.map(|time| time.as_millis() as u64).filter(|ms| *ms > 0),
            ..Query::of(question)
        })
    }
}

/// Different values.
#[derive(Default)]
struct Values {
    found: Vec<OwnedValue>,
    keys: HashSet<Box<[u8]>, RandomState>,
    /// The key of the value at hand; kept for its memory.
    key: Vec<u8>,
    len: usize,
    collation: Option<Arc<Collation>>,
}

impl Values {
    /// The values, ascending: texts as the collation has them.
    fn sorted(self) -> Result<Vec<RawBson>> {
        let folded = |value: &OwnedValue| self.collation.as_ref().map(|by| by.fold(value.as_ref()));
        let mut found: Vec<_> = self.found.iter().map(|value| (folded(value), value)).collect();
        found.sort_by(|(a_folded, a), (b_folded, b)| {
            let (a, b) = (a_folded.as_ref().unwrap_or(a), b_folded.as_ref().unwrap_or(b));
            compare_values(a.as_ref(), b.as_ref())
        });
        found.iter().map(|(_, value)| raw(value.as_ref())).collect()
    }

    /// Adds those that the components of `path` from `depth` on lead to.
    fn add_at(&mut self, doc: &[u8], path: &FieldPath, depth: usize) -> Result<()> {
        match get(doc, path.component(depth))? {
            Some(found) => self.add_below(found.val(), path, depth + 1),
            None => Ok(()),
        }
    }

    /// The same for what a component led to.
    fn add_below(&mut self, value: Value<'_>, path: &FieldPath, depth: usize) -> Result<()> {
        let is_end = depth == path.depth();
        match value.ty {
            ty::ARRAY if is_end => {
                for element in Elements::new(value.bytes)? {
                    self.add(element?.val())?;
                }
                Ok(())
            }
            _ if is_end => self.add(value),
            ty::DOCUMENT => self.add_at(value.bytes, path, depth),
            ty::ARRAY => {
                let place = path.array_index(depth);
                for (i, element) in Elements::new(value.bytes)?.enumerate() {
                    let element = element?.val();
                    if place.is_some_and(|place| place as usize == i) {
                        self.add_below(element, path, depth + 1)?;
                    } else if element.ty == ty::DOCUMENT {
                        self.add_at(element.bytes, path, depth)?;
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn add(&mut self, value: Value<'_>) -> Result<()> {
        self.key.clear();
        match &self.collation {
            Some(collation) => key::append(collation.fold(value).as_ref(), &mut self.key),
            None => key::append(value, &mut self.key),
        }
        if self.keys.contains(&*self.key) {
            return Ok(());
        }
        self.len += value.bytes.len() + 8;
        if self.len > VALUES_LEN_MAX {
            let message = "distinct too big, 16mb cap";
            return Err(Error::refused(Reason::Location(17217), message));
        }
        self.keys.insert(self.key.as_slice().into());
        self.found.push(value.to_owned());
        Ok(())
    }
}

/// A value as the `bson` crate has it.
fn raw(value: Value<'_>) -> Result<RawBson> {
    let mut doc = Builder::new();
    doc.value("v", value);
    let bytes = doc.finish();
    let doc = RawDocument::from_bytes(&bytes).ok();
    let value = doc.and_then(|doc| doc.get("v").ok().flatten()).map(RawBson::from);
    value.ok_or(Error::InvalidBson { at: 0, rule: "a value is what its type says" })
}
