//! Updating, replacing or deleting one document and giving it back, as it was or as it is.

use bson::{RawDocument, RawDocumentBuf, cstr, rawdoc};

use super::find::order;
use super::handle::Collection;
use super::profile::Entry;
use super::search::{Hint, Search};
use super::update_job::{Keep, UpdateJob};
use super::update_report::UpdateReport;
use super::update_source::UpdateSource;
use super::variables::{named_variables, scope_of};
use crate::bson::document;
use crate::error::{Error, Reason, Result};
use crate::expression::Scope;
use crate::query::{Filter, Policy, Projection};

/// A change of one document that gives it back, ready to run. Made by
/// [`Collection::find_one_and_update`] and its like.
#[derive(Debug)]
#[must_use = "nothing is changed until it is run"]
pub struct FindAndModify<'c> {
    collection: &'c Collection,
    filter: RawDocumentBuf,
    /// None deletes.
    source: Option<UpdateSource>,
    sort: Option<RawDocumentBuf>,
    projection: Option<RawDocumentBuf>,
    upsert: bool,
    return_new: bool,
    array_filters: Vec<RawDocumentBuf>,
    hint: Option<Hint>,
    variables: Option<RawDocumentBuf>,
    collation: Option<RawDocumentBuf>,
}

/// What was found, and what came of it.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct FoundAndModified {
    /// The document before the change, or after it if that was asked for; none if none was
    /// found, or none was there before.
    pub value: Option<RawDocumentBuf>,
    /// What the change did and cost. Of a deletion it says whether a document `matched`.
    pub report: UpdateReport,
}

impl Collection {
    /// Updates the first match with operators and gives it back.
    ///
    /// # Errors
    /// [`Error::Refused`] if the update is a whole document.
    pub fn find_one_and_update(
        &self,
        filter: impl AsRef<RawDocument>,
        update: impl AsRef<RawDocument>,
    ) -> Result<FindAndModify<'_>> {
        let source = UpdateSource::document(update.as_ref());
        source.check_operators()?;
        Ok(self.find_and_modify(filter.as_ref(), Some(source)))
    }

    /// Updates the first match by a pipeline and gives it back.
    pub fn find_one_and_update_by_pipeline<S: AsRef<RawDocument>>(
        &self,
        filter: impl AsRef<RawDocument>,
        stages: impl IntoIterator<Item = S>,
    ) -> FindAndModify<'_> {
        self.find_and_modify(filter.as_ref(), Some(UpdateSource::pipeline(stages)))
    }

    /// Puts a document in the place of the first match, whose `_id` stays, and gives it back.
    ///
    /// # Errors
    /// [`Error::Refused`] if the document has operators.
    pub fn find_one_and_replace(
        &self,
        filter: impl AsRef<RawDocument>,
        replacement: impl AsRef<RawDocument>,
    ) -> Result<FindAndModify<'_>> {
        let source = UpdateSource::document(replacement.as_ref());
        source.check_replacement()?;
        Ok(self.find_and_modify(filter.as_ref(), Some(source)))
    }

    /// Deletes the first match and gives it back.
    pub fn find_one_and_delete(&self, filter: impl AsRef<RawDocument>) -> FindAndModify<'_> {
        self.find_and_modify(filter.as_ref(), None)
    }

    fn find_and_modify(
        &self,
        filter: &RawDocument,
        source: Option<UpdateSource>,
    ) -> FindAndModify<'_> {
        FindAndModify {
            collection: self,
            filter: filter.to_owned(),
            source,
            sort: None,
            projection: None,
            upsert: false,
            return_new: false,
            array_filters: vec![],
            hint: None,
            variables: None,
            collation: None,
        }
    }
}

impl FindAndModify<'_> {
    /// In which order the matches are: the first one is changed.
    pub fn sort(mut self, sort: impl AsRef<RawDocument>) -> Self {
        self.sort = Some(sort.as_ref().to_owned());
        self
    }

    /// Which fields to give back.
    pub fn projection(mut self, projection: impl AsRef<RawDocument>) -> Self {
        self.projection = Some(projection.as_ref().to_owned());
        self
    }

    /// Whether a document is inserted if none matches.
    pub fn upsert(mut self, upsert: bool) -> Self {
        self.upsert = upsert;
        self
    }

    /// Whether to give back the document as it is after the change.
    pub fn return_new(mut self, return_new: bool) -> Self {
        self.return_new = return_new;
        self
    }

    /// Which elements of arrays each `$[identifier]` of the update stands for.
    pub fn array_filters<D: AsRef<RawDocument>>(
        mut self,
        filters: impl IntoIterator<Item = D>,
    ) -> Self {
        self.array_filters = filters.into_iter().map(|filter| filter.as_ref().to_owned()).collect();
        self
    }

    /// Which index to find the document by.
    pub fn hint(mut self, hint: Hint) -> Self {
        self.hint = Some(hint);
        self
    }

    /// Variables of `$expr`, the projection and a pipeline, as `let` names them.
    pub fn variables(mut self, variables: impl AsRef<RawDocument>) -> Self {
        self.variables = Some(variables.as_ref().to_owned());
        self
    }

    /// By which collation texts are compared: `{ locale: "en", strength: 2 }`.
    pub fn collation(mut self, collation: impl AsRef<RawDocument>) -> Self {
        self.collation = Some(collation.as_ref().to_owned());
        self
    }

    /// Runs it.
    ///
    /// # Errors
    /// [`Error::Refused`] with MongoDB's reason, [`Error::DuplicateKey`] …; nothing is changed
    /// then.
    pub fn run(self) -> Result<FoundAndModified> {
        let watch = self.collection.database.watch();
        let done = self.run_unwatched();
        if let Some(watch) = watch {
            watch.finish(|| {
                let mut command = rawdoc! {
                    "findAndModify": self.collection.namespace().collection(),
                    "query": self.filter.clone(),
                };
                match &self.source {
                    Some(update) => command.append(cstr!("update"), update.to_bson()),
                    None => command.append(cstr!("remove"), true),
                }
                let report = done.as_ref().ok().map(|done| &done.report);
                let is_update = self.source.is_some();
                Entry {
                    update: report.filter(|_| is_update),
                    deleted: report.filter(|_| !is_update).map(|report| report.matched),
                    error: done.as_ref().err(),
                    ..Entry::new("command", self.collection.namespace(), command)
                }
            });
        }
        done
    }

    /// Looks at what is asked for, and changes nothing: what [`FindAndModify::run`] finds wrong
    /// beyond this it meets while it runs.
    ///
    /// # Errors
    /// [`Error::Refused`] with MongoDB's reason.
    pub fn check_request(&self) -> Result<()> {
        self.perform(false).map(drop)
    }

    fn run_unwatched(&self) -> Result<FoundAndModified> {
        self.perform(true)
    }

    /// Parses everything and, if it is to run, runs.
    fn perform(&self, runs: bool) -> Result<FoundAndModified> {
        self.check()?;
        let now_ms = self.collection.database.shared.clock.unix_ms();
        let variables = named_variables(self.variables.as_deref(), now_ms)?;
        let collation = self.collection.collation_for(self.collation.as_deref())?;
        let scope = scope_of(&variables).under(collation);
        document::check(self.filter.as_bytes())?;
        // If several are wrong, what is wrong with the update is told.
        let update = self.source.as_ref();
        let update = update.map(|source| source.parse_given(&scope, &self.array_filters));
        let update = update.transpose()?;
        let filter = Filter::parse_in(self.filter.as_bytes(), &scope)?;
        let (sort, hint) = order(self.sort.as_deref(), self.hint.as_ref())?;
        let sort = sort.map(|sort| sort.collated(scope.collation()));
        let projection = self.parsed_projection(&filter, &scope)?;
        let (sort, hint) = (sort.as_ref(), hint.as_ref());
        let variables = variables.as_slice();
        let search = || Search { filter: &filter, sort, hint, variables, now_ms };
        let (document, report) = match &update {
            None if !runs => return Ok(FoundAndModified::default()),
            None => self.delete(&search())?,
            Some(update) => {
                let keep = if self.return_new { Keep::After } else { Keep::Before };
                let (search, upsert) = (search(), self.upsert);
                let job = UpdateJob { search, update, upsert, keep };
                job.check()?;
                if !runs {
                    return Ok(FoundAndModified::default());
                }
                let updated = self.collection.update_first(&job)?;
                (updated.document, updated.report)
            }
        };
        let give = |document| give(document, projection.as_ref(), &search());
        Ok(FoundAndModified { value: document.map(give).transpose()?, report })
    }

    /// Refuses what contradicts itself.
    fn check(&self) -> Result<()> {
        let refused = |message: &str| Err(Error::refused(Reason::FailedToParse, message));
        match &self.source {
            Some(UpdateSource::Pipeline(_)) if !self.array_filters.is_empty() => {
                return refused("Cannot specify arrayFilters and a pipeline update");
            }
            Some(_) => return Ok(()),
            None => {}
        }
        if self.upsert {
            return refused("Cannot specify both upsert=true and remove=true ");
        }
        if self.return_new {
            return refused(
                "Cannot specify both new=true and remove=true; 'remove' always returns the deleted \
                 document",
            );
        }
        if !self.array_filters.is_empty() {
            return refused("Cannot specify arrayFilters and remove=true");
        }
        Ok(())
    }

    fn parsed_projection(&self, filter: &Filter, scope: &Scope) -> Result<Option<Projection>> {
        let Some(projection) = self.projection.as_ref().filter(|doc| !doc.is_empty()) else {
            return Ok(None);
        };
        document::check(projection.as_bytes())?;
        let bytes = projection.as_bytes();
        let parsed = Projection::parse(bytes, Policy::Find, Some(filter), scope)?;
        if self.return_new && parsed.needs_match() {
            let message = "cannot use a positional projection and return the new document";
            return Err(Error::refused(Reason::BadValue, message));
        }
        Ok(Some(parsed))
    }

    fn delete(&self, search: &Search<'_>) -> Result<(Option<Vec<u8>>, UpdateReport)> {
        let keep = |document: &RawDocument| document.as_bytes().to_vec();
        let deleted = self.collection.delete_first(search, keep)?;
        let matched = u64::from(deleted.is_some());
        Ok((deleted, UpdateReport { matched, ..UpdateReport::default() }))
    }
}

/// What is given back of the document.
fn give(
    document: Vec<u8>,
    projection: Option<&Projection>,
    search: &Search<'_>,
) -> Result<RawDocumentBuf> {
    let given = match projection {
        None => document,
        Some(projection) => {
            let matched = match projection.needs_match() {
                true => search.find_shown(&document)?,
                false => None,
            };
            projection.apply(&document, matched.as_ref(), &search.values())?
        }
    };
    let broken = |_| Error::InvalidBson { at: 0, rule: "what is given back is a document" };
    RawDocumentBuf::from_bytes(given).map_err(broken)
}
