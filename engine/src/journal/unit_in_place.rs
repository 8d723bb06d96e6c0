//! A unit of work that overwrites values of one record, which stays as it is otherwise: a hit.
//!
//! - I1. It holds the record's stripe from its creation to its end, and a gather holds all
//!   stripes: so a gather sees all of it or nothing. It does not enter the gate.
//! - I2. It keeps no image of what it replaces: who makes one knows that all its writes lie
//!   inside of the record.

use super::commit_ticket::CommitTicket;
use super::database_files::DatabaseFiles;
use super::tracked_file::TrackedFile;
use super::write_side::WriteSide;
use crate::disk_loc::DiskLoc;
use crate::error::Result;
use crate::locks::{Shared, Stripe};

/// Changes of one record in place that belong together.
#[derive(Debug)]
pub struct UnitInPlace<'a> {
    files: &'a DatabaseFiles,
    side: &'a WriteSide,
    file: &'a TrackedFile,
    /// Where the record's data are in it.
    data: DiskLoc,
    lines_changed: u32,
}

impl<'a> UnitInPlace<'a> {
    /// For the record that is held, under the lock of its collection.
    ///
    /// # Errors
    /// [`crate::Error::ReadOnly`] if the engine takes no writes; [`crate::Error::Corrupt`] if
    /// the record is in no file.
    #[inline(always)]
    pub fn new<T>(
        files: &'a DatabaseFiles,
        _lock: &'a Shared<'_, T>,
        record: &'a mut Stripe<'_>,
    ) -> Result<UnitInPlace<'a>> {
        let side = files.side();
        // With the stripe held: who stops the engine for good gathers after it.
        side.check()?;
        let data = record.record().data();
        let file = files.file(data.file_no()).ok_or_else(|| files.outside(data, 0))?;
        Ok(UnitInPlace { files, side, file, data, lines_changed: 0 })
    }

    /// Replaces the bytes at `ofs` in the record's data for good (I2). Lines that do not change
    /// are not touched.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`], and nothing is written, if the bytes are not all inside of the
    /// file. A place that was read is inside, so there it cannot fail.
    #[inline(always)]
    pub fn write(&mut self, ofs: usize, bytes: &[u8]) -> Result<()> {
        let start = usize::try_from(self.data.ofs).unwrap_or(usize::MAX);
        let at = start.saturating_add(ofs);
        let changed = self.file.change(at, bytes, &self.side.pressure, |_, _| {});
        let (lines, fresh) = changed
            .ok_or_else(|| self.files.outside(self.data, ofs.saturating_add(bytes.len())))?;
        self.lines_changed += lines;
        self.side.count_dirty(fresh);
        Ok(())
    }

    /// 64-byte lines changed so far; a line changed twice counts twice.
    #[inline]
    pub fn lines_changed(&self) -> u32 {
        self.lines_changed
    }

    /// Keeps all changes. The ticket says which commit takes them along.
    #[inline]
    pub fn finish(self) -> CommitTicket {
        CommitTicket::new(self.side.next_gather())
    }
}
