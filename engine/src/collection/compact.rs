//! Compacting a collection: all records to fresh extents, indexes built anew (format, §12.5).
//!
//! In several units of work, each consistent. From the first to the last the indexes count as
//! builds in progress, which the next opening after a crash completes.

use super::catalog::document_in;
use super::create::{begin_index, drop_index};
use super::handle::Collection;
use super::index_build::{definition_at, finish_builds, rebuild};
use crate::disk_loc::RecordLoc;
use crate::error::{Error, Reason, Result};
use crate::store::{CompactPadding, CompactStep, Compaction};

/// What compacting a collection did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CompactReport {
    /// Records moved.
    pub moved: u64,
    /// Records dropped because they held no document.
    pub invalid: u64,
    /// Extents given back to the database.
    pub extents_freed: u64,
}

impl Collection {
    /// Moves all documents together and gives the extents they were in back to the database.
    /// The data files do not shrink; the space is used by what is inserted next.
    ///
    /// The collection is held exclusively until it is done. Scans in progress end with an error.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`]; [`crate::Reason::CommandNotSupported`] for a capped
    /// collection and the catalogue's own; the disk's.
    pub fn compact(&self) -> Result<CompactReport> {
        self.compact_with(CompactPadding::Policy)
    }

    /// As [`Collection::compact`], with records of other lengths than the policy's.
    ///
    /// # Errors
    /// Also [`Reason::BadValue`] for a factor or an addition out of range.
    pub fn compact_with(&self, padding: CompactPadding) -> Result<CompactReport> {
        if !padding.is_in_range() {
            let message = "padding factor must be 1.0 to 4.0, padding bytes 0 to 1 MiB";
            return Err(Error::refused(Reason::BadValue, message));
        }
        let ns = self.namespace();
        self.check_compactable()?;
        let mut held = self.database.hold(&self.core)?;
        // What an earlier attempt had no space for.
        finish_builds(&mut held, &self.core)?;
        let open = held.collection.open()?.ok_or_else(|| self.core.missing())?;
        open.check_maintainable()?;
        let (details, store) = (open.details(), open.store.clone());
        let (compaction, indexes) = held.unit(|database, open, unit| {
            let catalog = &database.catalog;
            let mut definitions = Vec::new();
            for _ in open.map_or(&[][..], |open| &open.indexes) {
                definitions.push(definition_at(catalog, unit, ns, details, 0)?);
                drop_index(catalog, unit, ns, details, 0)?;
            }
            let compaction = Compaction::begin(&store, unit, padding)?;
            let mut indexes = Vec::new();
            for definition in &definitions {
                indexes.push(begin_index(catalog, unit, ns, details, definition)?.0);
            }
            Ok((compaction, indexes))
        })?;
        let mut state = (compaction, CompactReport::default());
        let moved = held.steps(&mut state, |(compaction, report), unit| {
            let step = compaction.step(&store, unit, document_len)?;
            match step {
                CompactStep::Moved { .. } => report.moved += 1,
                CompactStep::Dropped(_) => report.invalid += 1,
                CompactStep::Freed(_) => report.extents_freed += 1,
                CompactStep::Done => return Ok(false),
            }
            Ok(true)
        });
        // Whatever happened to the records, they are to be found by their indexes.
        // Builds are in order: each completes the first slot of those in progress. One that fails,
        // and those behind it, stay in progress: until the next opening has done them again, the
        // collection is not written.
        let build = |index| rebuild(&mut held, &self.core, details, index);
        let rebuilt = indexes.iter().try_for_each(build);
        held.reopen_rebuilt()?;
        moved.and(rebuilt).map(|()| state.1)
    }

    fn check_compactable(&self) -> Result<()> {
        match self.namespace().is_catalogue() {
            false => Ok(()),
            true => Err(Error::refused(
                Reason::CommandNotSupported,
                format!("cannot compact {}: the indexes point into it", self.namespace()),
            )),
        }
    }
}

/// Length of the document that record data begin with, if that is one.
fn document_len(data: &[u8]) -> Option<usize> {
    let anywhere = RecordLoc(crate::disk_loc::DiskLoc::NULL);
    document_in(data, anywhere).ok().map(|document| document.as_bytes().len())
}
