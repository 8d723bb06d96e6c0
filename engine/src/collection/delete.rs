//! Deleting documents, one or many or all.

use bson::{RawDocument, RawDocumentBuf, cstr, rawdoc};

use super::catalog::document_at;
use super::handle::{Collection, if_it_exists};
use super::locate::{Holding, find_first};
use super::locked::OpenCollection;
use super::profile::Entry;
use super::search::{Hint, Search};
use super::variables::{named_variables, scope_of};
use crate::bson::document;
use crate::disk::Edit;
use crate::disk_loc::RecordLoc;
use crate::error::{Error, Reason, Result};
use crate::journal::ReadView;
use crate::query::Filter;

/// A deletion that is ready to run. Made by [`Collection::delete`].
#[derive(Debug)]
#[must_use = "a deletion does nothing until it is run"]
pub struct Delete<'c> {
    collection: &'c Collection,
    filter: RawDocumentBuf,
    many: bool,
    hint: Option<Hint>,
    variables: Option<RawDocumentBuf>,
    collation: Option<RawDocumentBuf>,
}

impl Collection {
    /// Deletes the first document that `filter` matches. Answers how many: 0 or 1.
    ///
    /// # Errors
    /// [`Reason::IllegalOperation`] in a capped collection.
    pub fn delete_one(&self, filter: impl AsRef<RawDocument>) -> Result<u64> {
        self.delete(filter).run()
    }

    /// Deletes every document that `filter` matches, one unit of work each. Answers how many.
    ///
    /// # Errors
    /// As [`Collection::delete_one`]; those deleted before it stay deleted.
    pub fn delete_many(&self, filter: impl AsRef<RawDocument>) -> Result<u64> {
        self.delete(filter).many(true).run()
    }

    /// A deletion that says more than its filter. Nothing is looked at before [`Delete::run`].
    pub fn delete(&self, filter: impl AsRef<RawDocument>) -> Delete<'_> {
        let filter = filter.as_ref().to_owned();
        Delete {
            collection: self,
            filter,
            many: false,
            hint: None,
            variables: None,
            collation: None,
        }
    }

    /// Deletes the first match; with what `keep` makes of it beforehand.
    pub(super) fn delete_first<R>(
        &self,
        search: &Search<'_>,
        keep: impl Fn(&RawDocument) -> R,
    ) -> Result<Option<R>> {
        let counters = &self.database.shared.counters;
        let find = |open: &OpenCollection, view: &ReadView<'_>| {
            open.check_shrinkable()?;
            find_first(Holding::WholeCollection, open, view, search, counters)
        };
        if_it_exists(self.change_after(find, |open, unit, found| match found {
            None => Ok(None),
            Some(place) => {
                open.check_maintainable()?;
                let kept = keep(document_at(&open.store, unit, place.loc)?);
                open.remove(unit, place.loc).map(|()| Some(kept))
            }
        }))
    }
}

impl Delete<'_> {
    /// Whether every match is deleted, one unit of work each, or only the first.
    pub fn many(mut self, many: bool) -> Self {
        self.many = many;
        self
    }

    /// Which index to find the documents by.
    pub fn hint(mut self, hint: Hint) -> Self {
        self.hint = Some(hint);
        self
    }

    /// Variables of `$expr`, as `let` names them.
    pub fn variables(mut self, variables: impl AsRef<RawDocument>) -> Self {
        self.variables = Some(variables.as_ref().to_owned());
        self
    }

    /// By which collation texts are compared: `{ locale: "en", strength: 2 }`.
    pub fn collation(mut self, collation: impl AsRef<RawDocument>) -> Self {
        self.collation = Some(collation.as_ref().to_owned());
        self
    }

    /// Runs it. Answers how many documents were deleted.
    ///
    /// # Errors
    /// As [`Collection::delete_many`].
    pub fn run(self) -> Result<u64> {
        let watch = self.collection.database.watch();
        let deleted = self.run_unwatched();
        if let Some(watch) = watch {
            watch.finish(|| Entry {
                deleted: deleted.as_ref().ok().copied(),
                error: deleted.as_ref().err(),
                ..Entry::new("remove", &self.collection.core.ns, self.to_command())
            });
        }
        deleted
    }

    /// The request as a statement of the command `delete`.
    fn to_command(&self) -> RawDocumentBuf {
        let limit = i32::from(!self.many);
        let mut command = rawdoc! { "q": self.filter.clone(), "limit": limit };
        if let Some(hint) = &self.hint {
            command.append(cstr!("hint"), hint.to_bson());
        }
        if let Some(collation) = &self.collation {
            command.append(cstr!("collation"), collation.clone());
        }
        command
    }

    fn run_unwatched(&self) -> Result<u64> {
        document::check(self.filter.as_bytes())?;
        let now_ms = self.collection.database.shared.clock.unix_ms();
        let variables = named_variables(self.variables.as_deref(), now_ms)?;
        let collation = self.collection.collation_for(self.collation.as_deref())?;
        let scope = scope_of(&variables).under(collation);
        let filter = Filter::parse_in(self.filter.as_bytes(), &scope)?;
        let hint = self.hint.as_ref();
        let (filter, variables) = (&filter, variables.as_slice());
        let search = Search { filter, sort: None, hint, variables, now_ms };
        if !self.many || filter.id_equality().is_some() {
            let deleted = self.collection.delete_first(&search, |_| ())?;
            return Ok(u64::from(deleted.is_some()));
        }
        let mut deleted = 0;
        self.collection.each_match(
            &search,
            OpenCollection::check_shrinkable,
            |open, unit, loc| {
                open.check_maintainable()?;
                open.remove(unit, loc)
            },
            |()| deleted += 1,
        )?;
        Ok(deleted)
    }
}

impl OpenCollection {
    /// Refuses deletions, whether anything matches or not, where documents only go when others
    /// come.
    ///
    /// # Errors
    /// [`Reason::IllegalOperation`].
    pub fn check_shrinkable(&self) -> Result<()> {
        match self.is_capped {
            false => Ok(()),
            true => {
                let message =
                    format!("cannot remove from a capped collection: {}", self.store.ns());
                Err(Error::refused(Reason::IllegalOperation, message))
            }
        }
    }

    /// Removes one record with its entries.
    pub fn remove(&self, edit: &mut impl Edit, loc: RecordLoc) -> Result<()> {
        self.forget(edit, loc)?;
        self.unindex(edit, loc)?;
        self.cursors.advance_off(edit, loc)?;
        self.store.remove(edit, loc)
    }
}
