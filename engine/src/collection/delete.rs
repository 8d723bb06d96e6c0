//! Deleting documents, one or many or all.

use bson::RawDocument;

use super::handle::Collection;
use super::locate::{Holding, find_first};
use super::locked::OpenCollection;
use crate::disk::Edit;
use crate::disk_loc::RecordLoc;
use crate::error::{Error, Reason, Result};
use crate::query::Filter;

impl Collection {
    /// Deletes the first document that `filter` matches. Answers how many: 0 or 1.
    ///
    /// # Errors
    /// [`Reason::IllegalOperation`] in a capped collection.
    pub fn delete_one(&self, filter: impl AsRef<RawDocument>) -> Result<u64> {
        let filter = Filter::parse(filter.as_ref().as_bytes())?;
        self.delete_first(&filter)
    }

    /// Deletes every document that `filter` matches, one unit of work each. Answers how many.
    ///
    /// # Errors
    /// As [`Collection::delete_one`]; those deleted before it stay deleted.
    pub fn delete_many(&self, filter: impl AsRef<RawDocument>) -> Result<u64> {
        let filter = Filter::parse(filter.as_ref().as_bytes())?;
        if filter.id_equality().is_some() {
            return self.delete_first(&filter);
        }
        let mut deleted = 0;
        self.each_match(
            &filter,
            |open, unit, loc| {
                check_deletable(open)?;
                self.remove(open, unit, loc)
            },
            |()| deleted += 1,
        )?;
        Ok(deleted)
    }

    fn delete_first(&self, filter: &Filter) -> Result<u64> {
        let counters = &self.database.shared.counters;
        self.change_if_exists(|open, unit| {
            match find_first(Holding::WholeCollection, open, unit, filter, counters)? {
                None => Ok(0),
                Some(place) => {
                    check_deletable(open)?;
                    self.remove(open, unit, place.loc).map(|()| 1)
                }
            }
        })
    }

    /// Removes one record with its entries.
    fn remove(&self, open: &OpenCollection, edit: &mut impl Edit, loc: RecordLoc) -> Result<()> {
        open.forget(edit, loc)?;
        open.unindex(edit, loc)?;
        self.core.cursors.advance_off(edit, loc)?;
        open.store.remove(edit, loc)
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
