//! Giving a collection a name in another database: it is copied there, and dropped here.
//!
//! A1. The source is held from the first document to the last, so that the copy is all of it. Who
//!     holds it may take locks of the other database; two who do so take turns, so that they never
//!     wait for each other.
//! A2. The copy is made under a name of its own, and takes the target's place in one unit of work.
//!     A crash may leave the copy beside the source, or both; the next opening drops a copy that
//!     was not finished.

use super::aggregate::{copy_indexes, temporary};
use super::catalog::document_at;
use super::database_core::check_not_catalogue;
use super::handle::Collection;
use super::held::Held;
use super::options::CollectionOptions;
use super::stored_options::StoredOptions;
use crate::error::{Error, Reason, Result};
use crate::interrupt;
use crate::store::{Direction, RecordScan};

impl Collection {
    /// Gives it another name, in its database or in another one.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::NamespaceExists`] if there is a target, and it is not to be
    /// replaced; the store's.
    pub fn move_to(&self, target: &Collection, replaces: bool) -> Result<()> {
        check_not_catalogue(self.namespace())?;
        check_not_catalogue(target.namespace())?;
        if self.namespace() == target.namespace() {
            let message = "can't rename a collection to itself";
            return Err(Error::refused(Reason::IllegalOperation, message));
        }
        if self.namespace().database() == target.namespace().database() {
            return self.database.rename_over(&self.core, &target.core, replaces);
        }
        let _moving = self.database.shared.moving.lock();
        if target.exists() && !replaces {
            return Err(Error::NamespaceExists { ns: target.namespace().to_string() });
        }
        target.check_no_view()?;
        let mut held = self.database.hold(&self.core)?;
        let copy = temporary(&target.database)?.bypassing_validation(true);
        let moved = self
            .copy_to(&copy, &held)
            .and_then(|()| copy.database.rename_over(&copy.core, &target.core, replaces));
        if let Err(error) = moved {
            // What is left of it is in nobody's way; the first error is the one to tell.
            let _ = copy.database.drop_collection(&copy.core);
            return Err(error);
        }
        self.database.drop_held(&mut held, &self.core).map(|_| ())
    }

    /// Copies documents and indexes to a collection that is not there yet.
    fn copy_to(&self, copy: &Collection, held: &Held<'_>) -> Result<()> {
        let entry = held.options_of_collection()?;
        let (options, stored, specifications) = held.read(|_, open| {
            let specification = |index: &super::index_keys::Index| {
                index.definition.to_stored(copy.namespace().as_str())
            };
            let specifications: Vec<_> = open.indexes.iter().map(specification).collect();
            let stored = open.stored();
            let mut options = CollectionOptions::of_entry(entry.as_deref(), &stored);
            options.policy = open.store.options().policy;
            Ok((options, stored, specifications))
        })?;
        let stored: Option<StoredOptions> = Some(stored).filter(|stored| !stored.is_empty());
        copy.database.create(&copy.core, &options, stored)?;
        held.read(|view, open| {
            let mut scan = RecordScan::new(open.details(), Direction::Forward);
            while let Some(loc) = scan.next(view)? {
                interrupt::check()?;
                copy.insert(document_at(&open.store, view, loc)?)?;
            }
            Ok(())
        })?;
        copy_indexes(copy, &specifications)
    }
}
