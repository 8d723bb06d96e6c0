//! Deleting documents, one or many or all.

use bson::RawDocument;

use super::handle::{Collection, checked_filter, if_it_exists};
use super::locate::{Holding, find_first};
use super::locked::OpenCollection;
use super::search::Search;
use crate::disk::Edit;
use crate::disk_loc::RecordLoc;
use crate::error::{Error, Reason, Result};
use crate::journal::ReadView;
use crate::query::Filter;

impl Collection {
    /// Deletes the first document that `filter` matches. Answers how many: 0 or 1.
    ///
    /// # Errors
    /// [`Reason::IllegalOperation`] in a capped collection.
    pub fn delete_one(&self, filter: impl AsRef<RawDocument>) -> Result<u64> {
        let filter = checked_filter(filter.as_ref())?;
        self.delete_first(&filter)
    }

    /// Deletes every document that `filter` matches, one unit of work each. Answers how many.
    ///
    /// # Errors
    /// As [`Collection::delete_one`]; those deleted before it stay deleted.
    pub fn delete_many(&self, filter: impl AsRef<RawDocument>) -> Result<u64> {
        let filter = checked_filter(filter.as_ref())?;
        if filter.id_equality().is_some() {
            return self.delete_first(&filter);
        }
        let mut deleted = 0;
        self.each_match(
            &Search::of(&filter),
            |open, unit, loc| {
                check_deletable(open)?;
                open.remove(unit, loc)
            },
            |()| deleted += 1,
        )?;
        Ok(deleted)
    }

    fn delete_first(&self, filter: &Filter) -> Result<u64> {
        let counters = &self.database.shared.counters;
        let find = |open: &OpenCollection, view: &ReadView<'_>| {
            find_first(Holding::WholeCollection, open, view, &Search::of(filter), counters)
        };
        if_it_exists(self.change_after(find, |open, unit, found| match found {
            None => Ok(0),
            Some(place) => {
                check_deletable(open)?;
                open.remove(unit, place.loc).map(|()| 1)
            }
        }))
    }
}

impl OpenCollection {
    /// Removes one record with its entries.
    pub fn remove(&self, edit: &mut impl Edit, loc: RecordLoc) -> Result<()> {
        self.forget(edit, loc)?;
        self.unindex(edit, loc)?;
        self.cursors.advance_off(edit, loc)?;
        self.store.remove(edit, loc)
    }
}

fn check_deletable(open: &OpenCollection) -> Result<()> {
    open.check_maintainable()?;
    match open.is_capped {
        false => Ok(()),
        true => {
            Err(Error::refused(Reason::IllegalOperation, "cannot remove from a capped collection"))
        }
    }
}
