//! A group of changes to the files of one database that reach the disk together or not at all;
//! and the view of those who only read.
//!
//! - U1. A unit of work is inside of the gate from its creation to its end, so a gather sees all
//!   of it or nothing.
//! - U2. Dropped without [`UnitOfWork::finish`], also by a panic, it puts back every byte that
//!   [`UnitOfWork::write`] replaced, last change first, while it still holds all its locks.

use parking_lot::MutexGuard;

use super::commit_ticket::CommitTicket;
use super::database_files::DatabaseFiles;
use super::gate::Inside;
use crate::counters::{Work, Worked};
use crate::disk::{Edit, View};
use crate::disk_loc::{DiskLoc, FileNo};
use crate::error::Result;
use crate::locks::{Changes, Reads};

/// Reads the files of a database under a lock of level 2 or 3. Under a shared one, the data of
/// a record are read while its stripe is held.
#[derive(Debug)]
pub struct ReadView<'a> {
    files: &'a DatabaseFiles,
}

impl<'a> ReadView<'a> {
    /// A view that lasts as long as the lock is held.
    pub fn new(files: &'a DatabaseFiles, _lock: &'a impl Reads) -> ReadView<'a> {
        ReadView { files }
    }
}

impl View for ReadView<'_> {
    #[inline]
    fn bytes(&self, loc: DiskLoc, len: usize) -> Result<&[u8]> {
        self.files.bytes(loc, len)
    }

    #[inline]
    fn measured(&self, loc: DiskLoc) -> Result<&[u8]> {
        self.files.measured(loc)
    }

    fn file_count(&self) -> i32 {
        self.files.count()
    }

    fn file_len(&self, file: FileNo) -> u64 {
        self.files.file(file).map_or(0, |file| file.len() as u64)
    }
}

/// Changes to the files of one database that belong together.
#[derive(Debug)]
pub struct UnitOfWork<'a> {
    files: &'a DatabaseFiles,
    undo: Undo,
    lines_changed: u32,
    worked: Worked,
    /// Declared before `inside`: given back first.
    extents: Option<MutexGuard<'a, ()>>,
    /// Keeps the gate open for us alone to leave (U1).
    #[expect(dead_code, reason = "held")]
    inside: Inside<'a>,
}

impl<'a> UnitOfWork<'a> {
    /// For changes of structure, under the exclusive lock of all that is to change.
    ///
    /// # Errors
    /// [`crate::Error::ReadOnly`] if the engine takes no writes.
    pub fn structural(files: &'a DatabaseFiles, _changes: Changes<'a>) -> Result<UnitOfWork<'a>> {
        let inside = files.side().enter()?;
        let (undo, worked) = (Undo::default(), Worked::default());
        Ok(UnitOfWork { files, undo, lines_changed: 0, worked, extents: None, inside })
    }

    /// 64-byte lines changed so far; a line changed twice counts twice.
    pub fn lines_changed(&self) -> u32 {
        self.lines_changed
    }

    /// Keeps all changes. The ticket says which commit takes them along.
    pub fn finish(mut self) -> CommitTicket {
        self.undo.clear();
        self.worked.count(&self.files.side().counters);
        CommitTicket::new(self.files.side().next_gather())
    }
}

impl View for UnitOfWork<'_> {
    #[inline]
    fn bytes(&self, loc: DiskLoc, len: usize) -> Result<&[u8]> {
        self.files.bytes(loc, len)
    }

    #[inline]
    fn measured(&self, loc: DiskLoc) -> Result<&[u8]> {
        self.files.measured(loc)
    }

    fn file_count(&self) -> i32 {
        self.files.count()
    }

    fn file_len(&self, file: FileNo) -> u64 {
        self.files.file(file).map_or(0, |file| file.len() as u64)
    }
}

impl Edit for UnitOfWork<'_> {
    fn write(&mut self, loc: DiskLoc, bytes: &[u8]) -> Result<()> {
        let (side, undo) = (self.files.side(), &mut self.undo);
        let keep = |ofs, old: &[u8]| undo.keep(loc.file_no(), ofs, old);
        let changed = self
            .files
            .file(loc.file_no())
            .and_then(|file| file.change(usize::try_from(loc.ofs).ok()?, bytes, side, keep));
        let (lines, fresh) = changed.ok_or_else(|| self.files.outside(loc, bytes.len()))?;
        self.lines_changed += lines;
        side.count_dirty(fresh);
        #[cfg(feature = "simulation")]
        self.files.side().interruption.written();
        Ok(())
    }

    fn claim_extents(&mut self) {
        if self.extents.is_none() {
            self.extents = Some(self.files.claim_extents());
        }
    }

    fn foresee(&mut self, loc: DiskLoc, len: usize) {
        // What is not there is found when it is written.
        let Some(file) = self.files.file(loc.file_no()) else { return };
        file.populate(loc.ofs, len, &self.files.side().pressure);
    }

    fn note(&mut self, work: Work) {
        self.worked.add(work);
    }
}

impl Drop for UnitOfWork<'_> {
    fn drop(&mut self) {
        for (file, ofs, old) in self.undo.last_first() {
            let file = self.files.file(file);
            file.expect("files are never taken out of the table").restore(ofs, old);
        }
    }
}

/// What was replaced: images in one buffer, and where each belongs.
#[derive(Debug, Default)]
struct Undo {
    images: Vec<u8>,
    places: Vec<Place>,
}

/// Of one image: its file, its offset there, its end in the buffer.
#[derive(Debug)]
struct Place {
    file: FileNo,
    ofs: usize,
    end: usize,
}

impl Undo {
    fn keep(&mut self, file: FileNo, ofs: usize, old: &[u8]) {
        self.images.extend_from_slice(old);
        self.places.push(Place { file, ofs, end: self.images.len() });
    }

    fn clear(&mut self) {
        self.places.clear();
    }

    fn last_first(&self) -> impl Iterator<Item = (FileNo, usize, &[u8])> {
        (0..self.places.len()).rev().map(|i| {
            let start = if i == 0 { 0 } else { self.places[i - 1].end };
            let place = &self.places[i];
            (place.file, place.ofs, &self.images[start..place.end])
        })
    }
}
