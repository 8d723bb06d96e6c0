//! One open file of a database: its handle, its private view, its dirty lines.
//!
//! - T1. Reads and writes of structure go to the view. The handle is written by `apply` only,
//!   with bytes that the journal holds durably and the view holds too.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use super::dirty_lines::{DirtyLines, Pressure, Set};
use super::payload::Builder;
use super::write_side::WriteSide;
use crate::disk::{DiskFile, PrivateView, populate};
use crate::disk_loc::FileNo;
use crate::error::{Error, Result};
use crate::format::Wire;
use crate::limits::{LINE, PAGE};

/// An open file of a database.
#[derive(Debug)]
pub struct TrackedFile {
    /// Its number.
    pub no: FileNo,
    /// Its database.
    pub database: Arc<str>,
    /// Its path below the dbpath.
    pub path: PathBuf,
    /// Its changed lines and private pages.
    pub dirty: DirtyLines,
    file: Arc<dyn DiskFile>,
    view: PrivateView,
    needs_sync: AtomicBool,
}

impl TrackedFile {
    /// Maps an open file.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn map(
        no: FileNo,
        database: Arc<str>,
        path: PathBuf,
        file: Arc<dyn DiskFile>,
    ) -> Result<TrackedFile> {
        let view = file.map_private()?;
        let dirty = DirtyLines::new(view.len());
        let needs_sync = AtomicBool::new(false);
        Ok(TrackedFile { no, database, path, dirty, file, view, needs_sync })
    }

    /// Length, bytes.
    pub fn len(&self) -> usize {
        self.view.len()
    }

    /// The `len` bytes at `ofs`, if they are inside.
    #[inline]
    pub fn bytes(&self, ofs: i32, len: usize) -> Option<&[u8]> {
        self.view.bytes(usize::try_from(ofs).ok()?, len)
    }

    /// The bytes at `ofs` of which the first four say how many they are, if they are inside; none
    /// if that is less than none.
    #[inline(always)]
    pub fn measured(&self, ofs: i32) -> Option<&[u8]> {
        let len = i32::from_wire(self.bytes(ofs, i32::WIDTH)?);
        self.bytes(ofs, usize::try_from(len).unwrap_or(0))
    }

    /// Makes the pages private that hold the `len` bytes at `ofs`, which units of work are going
    /// to write. What is not inside is passed over.
    pub fn populate(&self, ofs: i32, len: usize, pressure: &Pressure) {
        let Some(bytes) = self.bytes(ofs, len).filter(|bytes| !bytes.is_empty()) else { return };
        populate(bytes);
        let (first, last) = (ofs as usize / PAGE, (ofs as usize + len - 1) / PAGE);
        self.dirty.note_private(first, last, pressure);
    }

    /// The bytes at `ofs` are about to be read and changed.
    #[inline(always)]
    pub fn foresee(&self, ofs: usize, side: &WriteSide) {
        self.view.foresee(ofs);
        self.dirty.foresee(side.gathering.set(), ofs / PAGE);
    }

    /// Replaces the bytes at `ofs`, which are inside, touching only lines that differ. `keep`
    /// sees the old bytes of each run of such lines before they go. Gives the number of lines
    /// changed and of pages that were clean.
    pub fn change(
        &self,
        ofs: usize,
        bytes: &[u8],
        side: &WriteSide,
        mut keep: impl FnMut(usize, &[u8]),
    ) -> Option<(u32, u64)> {
        self.view.bytes(ofs, bytes.len())?;
        let (mut lines, mut fresh) = (0, 0);
        let (mut at, mut run) = (0, 0);
        // The bytes `run..at` are of lines that differ and are not written yet. Nothing borrows
        // from the view across a write to it.
        while at < bytes.len() {
            let end = (at + LINE - (ofs + at) % LINE).min(bytes.len());
            let differs = self.view.bytes(ofs + at, end - at)? != &bytes[at..end];
            if differs {
                lines += 1;
            } else {
                fresh += self.replace(ofs + run, &bytes[run..at], side, &mut keep)?;
                run = end;
            }
            at = end;
        }
        fresh += self.replace(ofs + run, &bytes[run..at], side, &mut keep)?;
        Some((lines, fresh))
    }

    /// The same for the few bytes of a value, which are others than those at `ofs`.
    #[inline(always)]
    pub fn overwrite<const N: usize>(
        &self,
        ofs: usize,
        value: [u8; N],
        side: &WriteSide,
    ) -> Option<(u32, u64)> {
        if ofs % LINE + N > LINE {
            return self.change(ofs, &value, side, |_, _| {});
        }
        self.view.bytes(ofs, N)?;
        let page = ofs / PAGE;
        self.before_change(page, side);
        let (set, line) = (side.gathering.set(), 1 << (ofs / LINE % 64));
        let fresh = self.dirty.mark_page(set, page, line, &side.pressure);
        self.view.write(ofs, &value)?;
        Some((1, u64::from(fresh)))
    }

    fn replace(
        &self,
        ofs: usize,
        bytes: &[u8],
        side: &WriteSide,
        keep: &mut impl FnMut(usize, &[u8]),
    ) -> Option<u64> {
        if bytes.is_empty() {
            return Some(0);
        }
        keep(ofs, self.view.bytes(ofs, bytes.len())?);
        for page in ofs / PAGE..=(ofs + bytes.len() - 1) / PAGE {
            self.before_change(page, side);
        }
        let fresh = self.dirty.mark(side.gathering.set(), ofs, bytes.len(), &side.pressure);
        self.view.write(ofs, bytes)?;
        Some(fresh)
    }

    /// A page is about to be changed: a gather that is under way has its lines first.
    #[inline(always)]
    fn before_change(&self, page: usize, side: &WriteSide) {
        let copy = |section: &mut Option<Builder>, lines| self.copy_lines(page, lines, section);
        side.gathering.before_change(&self.dirty, page, &side.pressure, copy);
    }

    /// Puts what the marked lines of this file were when the gather that is under way began into
    /// its section, but for the pages that others have taken.
    pub fn gather(&self, set: Set, side: &WriteSide) {
        self.dirty.each_touched(set, |page| {
            let copy = |section: &mut Option<Builder>, lines| self.copy_lines(page, lines, section);
            side.gathering.take(&self.dirty, set, page, &side.pressure, copy);
        });
    }

    /// Puts lines of a page into a section, if one is made, neighbours as one write.
    fn copy_lines(&self, page: usize, mut lines: u64, section: &mut Option<Builder>) {
        let Some(section) = section else { return };
        section.database(&self.database);
        while lines != 0 {
            let first = lines.trailing_zeros() as usize;
            let n = (lines >> first).trailing_ones() as usize;
            lines = if first + n == 64 { 0 } else { lines >> (first + n) << (first + n) };
            let ofs = page * PAGE + first * LINE;
            let bytes = self.view.bytes(ofs, n * LINE);
            section.write(self.no, ofs, bytes.expect("dirty lines are inside of their file"));
        }
    }

    /// Puts bytes back that [`TrackedFile::change`] replaced; their lines are marked already.
    pub fn restore(&self, ofs: usize, bytes: &[u8]) {
        let inside = self.view.write(ofs, bytes);
        assert!(inside.is_some(), "what was read at a place can be put back there");
    }

    /// Writes journaled bytes to the file (T1). The file needs a sync after.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn apply(&self, ofs: u64, bytes: &[u8]) -> Result<()> {
        self.file.write_at(ofs, bytes)?;
        // After the write: a sync that clears the flag in between is repeated, not missed.
        self.needs_sync.store(true, SeqCst);
        Ok(())
    }

    /// Makes what was applied persistent. Says whether there was anything.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn sync(&self) -> Result<bool> {
        if !self.needs_sync.swap(false, SeqCst) {
            return Ok(false);
        }
        self.file.sync()?;
        Ok(true)
    }

    /// Gives back private pages whose bytes are those of the file. No unit of work is under way.
    ///
    /// # Errors
    /// Those of the operating system. A buffer gives nothing back; it is compared with the
    /// file, for a page that was dropped before it was applied is a lost write.
    pub fn give_back(&self, first_page: usize, pages: usize) -> Result<()> {
        let (ofs, len) = (first_page * PAGE, pages * PAGE);
        if self.view.discard(ofs, len).map_err(Error::io(&self.path, "give back pages of"))? {
            return Ok(());
        }
        let mut on_disk = vec![0; len];
        self.file.read_at(ofs as u64, &mut on_disk)?;
        let same = self.view.bytes(ofs, len) == Some(&on_disk[..]);
        assert!(same, "page {first_page} of {} was not applied", self.path.display());
        Ok(())
    }
}
