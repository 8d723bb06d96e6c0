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
use crate::format::record;
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

    /// The record's data. Its header is believed as far as it stays inside of the file.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] if it does not.
    #[inline(always)]
    pub fn data(&self) -> Result<&[u8]> {
        let record = self.data.ofs.wrapping_sub(record::LEN as i32);
        let all = self.file.measured(record).ok_or_else(|| self.files.outside(self.data, 0))?;
        Ok(all.get(record::LEN..).unwrap_or_default())
    }

    /// Replaces the bytes at `ofs` in the record's data for good (I2). Lines that do not change
    /// are not touched.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`], and nothing is written, if the bytes are not all inside of the
    /// file. A place that was read is inside, so there it cannot fail.
    pub fn write(&mut self, ofs: usize, bytes: &[u8]) -> Result<()> {
        let changed = self.file.change(self.place(ofs), bytes, self.side, |_, _| {});
        self.count(changed, ofs.saturating_add(bytes.len()))
    }

    /// Replaces the value at `ofs` in the record's data by another one (I2).
    ///
    /// # Errors
    /// As [`UnitInPlace::write`].
    #[inline(always)]
    pub fn overwrite<const N: usize>(&mut self, ofs: usize, value: [u8; N]) -> Result<()> {
        let changed = self.file.overwrite(self.place(ofs), value, self.side);
        self.count(changed, ofs.saturating_add(N))
    }

    #[inline(always)]
    fn place(&self, ofs: usize) -> usize {
        let start = usize::try_from(self.data.ofs).unwrap_or(usize::MAX);
        start.saturating_add(ofs)
    }

    /// Takes down what was changed of the bytes up to `end`, if they are all inside.
    #[inline(always)]
    fn count(&mut self, changed: Option<(u32, u64)>, end: usize) -> Result<()> {
        let (lines, fresh) = changed.ok_or_else(|| self.files.outside(self.data, end))?;
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
