//! Emptying a collection.

use super::create::{begin_index, drop_index};
use super::handle::Collection;
use super::index_build::definition_at;
use super::index_keys::Index;
use crate::error::Result;

impl Collection {
    /// Removes all documents at once; indexes and options stay. Does nothing if the collection
    /// does not exist.
    ///
    /// # Errors
    /// The journal's.
    pub fn truncate(&self) -> Result<()> {
        let ns = self.namespace();
        let mut held = self.database.hold(&self.core)?;
        let Some(open) = held.collection.open()? else { return Ok(()) };
        let details = open.details();
        open.check_maintainable()?;
        held.unit(|database, open, unit| {
            let catalog = &database.catalog;
            let open = open.ok_or_else(|| self.core.missing())?;
            let mut definitions = Vec::new();
            for _ in &open.indexes {
                definitions.push(definition_at(catalog, unit, ns, details, 0)?);
                drop_index(catalog, unit, ns, details, 0)?;
            }
            match open.is_capped {
                true => open.store.truncate_capped(unit)?,
                false => open.store.truncate(unit)?,
            }
            for definition in &definitions {
                let (Index { slot, .. }, _) = begin_index(catalog, unit, ns, details, definition)?;
                details.finish_index_build(unit, slot)?;
            }
            Ok(())
        })?;
        held.reopen_rebuilt()
    }
}
