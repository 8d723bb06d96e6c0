//! Updating documents: a request becomes a filter, a record, a mutation, and bytes in the
//! private view; the journal does the rest.

use bson::{RawArrayBuf, RawDocument, RawDocumentBuf, cstr, rawdoc};

use super::handle::Collection;
use super::hit_request::HitRequest;
use super::profile::Entry;
use super::search::{Hint, Search};
use super::update_job::{Keep, UpdateJob};
use super::update_report::UpdateReport;
use super::update_source::{UpdateSource, with_array_filters};
use super::variables::{named_variables, scope_of};
use crate::bson::document;
use crate::bson::element::OwnedValue;
use crate::error::{Error, Reason, Result};
use crate::expression::Scope;
use crate::query::Filter;
use crate::update::Update;

/// An update that is ready to run. Made by [`Collection::update_one`],
/// [`Collection::update_many`] and [`Collection::replace_one`].
#[derive(Debug)]
#[must_use = "an update does nothing until it is run"]
pub struct UpdateRequest<'c> {
    collection: &'c Collection,
    what: What,
    upsert: bool,
    many: bool,
    options: Option<Box<Options>>,
}

/// What few updates say.
#[derive(Debug, Default)]
struct Options {
    array_filters: Vec<RawDocumentBuf>,
    hint: Option<Hint>,
    variables: Option<RawDocumentBuf>,
    collation: Option<RawDocumentBuf>,
}

impl Options {
    /// Adds them to a statement.
    fn put(&self, statement: &mut RawDocumentBuf) {
        if !self.array_filters.is_empty() {
            statement
                .append(cstr!("arrayFilters"), self.array_filters.iter().collect::<RawArrayBuf>());
        }
        if let Some(hint) = &self.hint {
            statement.append(cstr!("hint"), hint.to_bson());
        }
        if let Some(collation) = &self.collation {
            statement.append(cstr!("collation"), collation.clone());
        }
    }
}

/// What is asked for.
#[derive(Debug)]
enum What {
    /// A hit: not parsed.
    Hit(HitRequest),
    Any(Box<Any>),
}

/// Anything else: as it was given, and parsed without the options if it can be.
#[derive(Debug)]
struct Any {
    filter: RawDocumentBuf,
    source: UpdateSource,
    parsed: Option<(Filter, Update)>,
}

impl Any {
    fn new(filter: &RawDocument, source: UpdateSource) -> Result<Any> {
        let parsed = match parse(filter, &source, &Scope::default()) {
            // A variable that the options may still name.
            Err(Error::Refused { reason: Reason::Location(17276), .. }) => None,
            // What is wrong with the array filters, which are still to come, is told first.
            Err(_) if source.may_name_filters() => None,
            parsed => Some(parsed?),
        };
        Ok(Any { filter: filter.to_owned(), source, parsed })
    }

    fn of_hit(hit: &HitRequest) -> Result<Any> {
        let (filter, update) = hit
            .documents()
            .ok_or(Error::InvalidBson { at: 0, rule: "what was looked at as a document is one" })?;
        Any::new(filter, UpdateSource::document(update))
    }

    /// What it comes to with the options.
    fn with(
        self,
        collection: &Collection,
        options: &Options,
        variables: &[(String, OwnedValue)],
    ) -> Result<(Filter, Update)> {
        let collation = collection.collation_for(options.collation.as_deref())?;
        match self.parsed {
            Some((filter, update)) if variables.is_empty() && collation.is_none() => {
                Ok((filter, with_array_filters(update, &options.array_filters)?))
            }
            _ => {
                let scope = scope_of(variables).under(collation);
                let update = self.source.parse_given(&scope, &options.array_filters)?;
                Ok((Filter::parse_in(self.filter.as_bytes(), &scope)?, update))
            }
        }
    }
}

/// Parses both; if both are wrong, what is wrong with the update is told.
fn parse(filter: &RawDocument, source: &UpdateSource, scope: &Scope) -> Result<(Filter, Update)> {
    document::check(filter.as_bytes())?;
    let update = source.parse(scope)?;
    Ok((Filter::parse_in(filter.as_bytes(), scope)?, update))
}

impl Collection {
    /// Updates the first document that `filter` matches, with operators or by replacing it.
    ///
    /// # Errors
    /// [`Error::Refused`] if one of them is not what it should be.
    pub fn update_one(
        &self,
        filter: impl AsRef<RawDocument>,
        update: impl AsRef<RawDocument>,
    ) -> Result<UpdateRequest<'_>> {
        let (filter, update) = (filter.as_ref(), update.as_ref());
        match HitRequest::of(&self.core.paths, filter.as_bytes(), update.as_bytes()) {
            Some(hit) => {
                let what = What::Hit(hit);
                let (upsert, many, options) = (false, false, None);
                Ok(UpdateRequest { collection: self, what, upsert, many, options })
            }
            None => self.request(filter, UpdateSource::document(update), false),
        }
    }

    /// Updates the first document that `filter` matches by a pipeline: `$set` and `$addFields`,
    /// `$unset` and `$project`, `$replaceWith` and `$replaceRoot`.
    ///
    /// # Errors
    /// As [`Collection::update_one`]; other stages are refused.
    pub fn update_one_by_pipeline<S: AsRef<RawDocument>>(
        &self,
        filter: impl AsRef<RawDocument>,
        stages: impl IntoIterator<Item = S>,
    ) -> Result<UpdateRequest<'_>> {
        self.request(filter.as_ref(), UpdateSource::pipeline(stages), false)
    }

    /// The same with every document that `filter` matches, one unit of work each.
    ///
    /// # Errors
    /// As [`Collection::update_one_by_pipeline`].
    pub fn update_many_by_pipeline<S: AsRef<RawDocument>>(
        &self,
        filter: impl AsRef<RawDocument>,
        stages: impl IntoIterator<Item = S>,
    ) -> Result<UpdateRequest<'_>> {
        self.request(filter.as_ref(), UpdateSource::pipeline(stages), true)
    }

    /// Updates every document that `filter` matches, with operators, one unit of work each.
    ///
    /// # Errors
    /// As [`Collection::update_one`]; a replacement is refused.
    pub fn update_many(
        &self,
        filter: impl AsRef<RawDocument>,
        update: impl AsRef<RawDocument>,
    ) -> Result<UpdateRequest<'_>> {
        let source = UpdateSource::document(update.as_ref());
        source.check_many()?;
        self.request(filter.as_ref(), source, true)
    }

    /// Puts a document in the place of the first one that `filter` matches, whose `_id` stays.
    ///
    /// # Errors
    /// As [`Collection::update_one`]; operators are refused.
    pub fn replace_one(
        &self,
        filter: impl AsRef<RawDocument>,
        replacement: impl AsRef<RawDocument>,
    ) -> Result<UpdateRequest<'_>> {
        let source = UpdateSource::document(replacement.as_ref());
        source.check_replacement()?;
        self.request(filter.as_ref(), source, false)
    }

    /// Looks at an update with its array filters: what is wrong with these is told before what is
    /// wrong with the update, and both before the filter.
    ///
    /// # Errors
    /// MongoDB's, with its numbers.
    pub fn check_array_filters<D: AsRef<RawDocument>>(
        &self,
        update: &RawDocument,
        filters: impl IntoIterator<Item = D>,
    ) -> Result<()> {
        let filters: Vec<_> = filters.into_iter().map(|one| one.as_ref().to_owned()).collect();
        UpdateSource::document(update).parse_given(&Scope::default(), &filters).map(|_| ())
    }

    fn request(
        &self,
        filter: &RawDocument,
        source: UpdateSource,
        many: bool,
    ) -> Result<UpdateRequest<'_>> {
        let what = What::Any(Box::new(Any::new(filter, source)?));
        Ok(UpdateRequest { collection: self, what, upsert: false, many, options: None })
    }

    /// Does a hit as [`Collection::increment`] does, or generally where it cannot.
    fn hit(&self, hit: &HitRequest, upsert: bool) -> Result<UpdateReport> {
        if let (Some(id), Some(amounts)) = (hit.id(), hit.amounts(&self.core.paths)) {
            let missing = if upsert { None } else { Some(UpdateReport::default()) };
            let done = self.increment_if_there(&id, &amounts[..hit.count()], missing)?;
            if let Some(report) = done {
                return Ok(report);
            }
        }
        let (filter, update) = Any::of_hit(hit)?.with(self, &Options::default(), &[])?;
        Ok(self.update_first(&UpdateJob::of(&filter, &update, upsert))?.report)
    }
}

impl UpdateRequest<'_> {
    /// Whether a document is inserted if none matches: made of the collection's template, the
    /// fields that the filter equates, and the update.
    pub fn upsert(mut self, upsert: bool) -> Self {
        self.upsert = upsert;
        self
    }

    /// Which elements of arrays each `$[identifier]` of the update stands for.
    pub fn array_filters<D: AsRef<RawDocument>>(
        mut self,
        filters: impl IntoIterator<Item = D>,
    ) -> Self {
        let filters = filters.into_iter().map(|filter| filter.as_ref().to_owned());
        self.options.get_or_insert_default().array_filters = filters.collect();
        self
    }

    /// Which index to find the documents by.
    pub fn hint(mut self, hint: Hint) -> Self {
        self.options.get_or_insert_default().hint = Some(hint);
        self
    }

    /// Variables of `$expr` and of a pipeline, as `let` names them.
    pub fn variables(mut self, variables: impl AsRef<RawDocument>) -> Self {
        self.options.get_or_insert_default().variables = Some(variables.as_ref().to_owned());
        self
    }

    /// By which collation texts are compared: `{ locale: "en", strength: 2 }`.
    pub fn collation(mut self, collation: impl AsRef<RawDocument>) -> Self {
        self.options.get_or_insert_default().collation = Some(collation.as_ref().to_owned());
        self
    }

    /// Runs it.
    ///
    /// # Errors
    /// [`Error::Refused`] with MongoDB's reason, [`Error::DuplicateKey`] …; the document is
    /// unchanged then.
    pub fn run(self) -> Result<UpdateReport> {
        let collection = self.collection;
        let done = self.run_watched();
        if let Ok(report) = &done {
            let counters = &collection.database.shared.counters;
            counters.updates_in_place.add(u64::from(report.in_place));
            counters.fields_skipped.add(u64::from(report.fields_skipped));
        }
        done
    }

    fn run_watched(self) -> Result<UpdateReport> {
        match self.collection.database.watch() {
            None => self.run_unwatched(),
            Some(watch) => {
                let (ns, command) = (&self.collection.core.ns, self.to_command());
                let done = self.run_unwatched();
                watch.finish(|| Entry::of_update(ns, command, &done));
                done
            }
        }
    }

    /// The request as a statement of the command `update`.
    fn to_command(&self) -> RawDocumentBuf {
        let (filter, update) = match &self.what {
            What::Hit(hit) => match hit.documents() {
                Some((filter, update)) => (filter, UpdateSource::document(update).to_bson()),
                None => return RawDocumentBuf::new(),
            },
            What::Any(any) => (&*any.filter, any.source.to_bson()),
        };
        let mut command = rawdoc! {
            "q": filter.to_owned(), "u": update, "multi": self.many, "upsert": self.upsert,
        };
        if let Some(options) = &self.options {
            options.put(&mut command);
        }
        command
    }

    fn run_unwatched(self) -> Result<UpdateReport> {
        let UpdateRequest { collection, what, upsert, many, options } = self;
        let any = match (what, &options) {
            (What::Hit(hit), None) => return collection.hit(&hit, upsert),
            (What::Hit(hit), Some(_)) => Any::of_hit(&hit)?,
            (What::Any(any), _) => *any,
        };
        let options = options.map_or_else(Options::default, |options| *options);
        let now_ms = collection.database.shared.clock.unix_ms();
        let variables = named_variables(options.variables.as_deref(), now_ms)?;
        let (filter, update) = any.with(collection, &options, &variables)?;
        let hint = options.hint.as_ref();
        let (filter, variables) = (&filter, variables.as_slice());
        let search = Search { filter, sort: None, hint, variables, now_ms };
        let job = UpdateJob { search, update: &update, upsert, keep: Keep::Nothing };
        job.check()?;
        if many {
            let report = collection.update_all(&job)?;
            if report.matched > 0 || !upsert {
                return Ok(report);
            }
        }
        Ok(collection.update_first(&job)?.report)
    }
}
