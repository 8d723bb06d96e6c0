//! Building all indexes of a collection anew, its records staying where they are.
//!
//! From the first unit of work to the last the indexes count as builds in progress, which the next
//! opening after a crash completes.

use super::create::{begin_index, drop_index};
use super::handle::Collection;
use super::index_build::{definition_at, finish_builds, rebuild};
use crate::error::Result;

impl Collection {
    /// Builds all indexes anew. Answers how many there are. The collection is held exclusively
    /// until it is done; queries in progress end with an error.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`]; [`crate::Reason::IllegalOperation`] for the catalogue's own; the
    /// disk's.
    pub fn rebuild_indexes(&self) -> Result<usize> {
        let ns = self.namespace();
        let mut held = self.database.hold(&self.core)?;
        finish_builds(&mut held, &self.core)?;
        let open = held.collection.open()?.ok_or_else(|| self.core.missing())?;
        open.check_maintainable()?;
        let details = open.details();
        let indexes = held.unit(|database, open, unit| {
            let catalog = &database.catalog;
            let mut definitions = Vec::new();
            for _ in open.map_or(&[][..], |open| &open.indexes) {
                definitions.push(definition_at(catalog, unit, ns, details, 0)?);
                drop_index(catalog, unit, ns, details, 0)?;
            }
            let mut indexes = Vec::new();
            for definition in &definitions {
                indexes.push(begin_index(catalog, unit, ns, details, definition)?.0);
            }
            Ok(indexes)
        })?;
        // In order: each completes the first slot of those in progress.
        let built =
            indexes.iter().try_for_each(|index| rebuild(&mut held, &self.core, details, index));
        held.reopen_rebuilt()?;
        built.map(|()| indexes.len())
    }

    /// Forgets which plans did well.
    ///
    /// # Errors
    /// `Corrupt` only.
    pub fn forget_plans(&self) -> Result<()> {
        self.read((), |_, open| {
            open.plans.forget_all();
            Ok(())
        })
    }
}
