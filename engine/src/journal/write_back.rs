//! Writes journaled changes back to the data files: whole pages, some with most commits.
//!
//! A page whose lines change with every commit need not be written with each of them: the journal
//! has them. So a gather marks the pages that it took lines of as owed to their files, and takes
//! copies of a part of all that are owed, where a hand stands that goes round the files.
//!
//! - B1. A page is copied while no unit of work is under way and no line of it is marked in the
//!   present set, so all that it holds was gathered or belongs to the gather that has just begun;
//!   and it is written when the section of that gather is synced (C2). Without a journal neither
//!   matters.
//! - B2. A round is over when the hand has passed every file that was owed a page when it began.
//!   Then everything of the sections up to that beginning is in the files: what was owed then, the
//!   hand has met.
//! - B3. The hand costs what is owed: no file, region or word of bits is looked at while units of
//!   work wait that has nothing to be written. Nor does a buffer of the hand grow meanwhile:
//!   room is made before.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::database_files::DatabaseFiles;
use super::dirty_lines::{Owed, Pressure, Set};
use super::tracked_file::TrackedFile;
use crate::counters::Counters;
use crate::disk_loc::FileNo;
use crate::error::Result;
use crate::limits::PAGE;

/// A commit writes this part of the pages that are owed …
const PART: u64 = 64;
/// … but no fewer and no more than these: a round takes some seconds, and units of work wait
/// while the copies are made.
const PAGES_MIN: u64 = 16;
const PAGES_MAX: u64 = 512;

/// "About" so many pages are at most so many more: they are taken by words of bits.
const BEYOND: usize = 63;

/// A file of a database.
pub type File = (Arc<DatabaseFiles>, FileNo);

/// Where the hand is.
#[derive(Debug, Default)]
pub struct WriteBack {
    /// The files of this round that the hand has not passed, the one that it is in first.
    ahead: VecDeque<File>,
    /// The page that it has come to.
    page: usize,
    /// The last section that was synced when the round began: its lines were owed then, or
    /// written already.
    since: u64,
    /// Empty but between a copy and its write.
    pub copies: Copies,
}

/// Copies of pages.
#[derive(Debug, Default)]
pub struct Copies {
    bytes: Vec<u8>,
    runs: Vec<(File, usize, usize)>,
}

impl Copies {
    /// Makes room for about `pages` of them (B3).
    pub fn reserve(&mut self, pages: usize) {
        let pages = pages + BEYOND;
        self.bytes.reserve(pages * PAGE);
        self.runs.reserve(pages);
    }

    /// Copies pages of a file that are owed to it, from page `from` on, about `pages_max` of
    /// them. No unit of work is under way. Gives the page to go on from, or `None` at the end of
    /// the file.
    pub fn take(
        &mut self,
        (files, no): &File,
        from: usize,
        pages_max: usize,
        owed: Owed,
        pressure: &Pressure,
    ) -> Option<usize> {
        let file = files.file(*no)?;
        file.dirty.take_owed(from, pages_max, owed, pressure, |first, pages| {
            let bytes = page_bytes(file, first, pages);
            debug_assert!(self.bytes.capacity() - self.bytes.len() >= bytes.len(), "B3");
            self.runs.push(((files.clone(), *no), first * PAGE, bytes.len()));
            self.bytes.extend_from_slice(bytes);
        })
    }

    /// Copies all pages that are owed to the files of `databases`. No unit of work is under way,
    /// and nothing is dirty that was not gathered.
    pub fn take_all(&mut self, databases: &[Arc<DatabaseFiles>], pressure: &Pressure) {
        self.reserve(pressure.owed_pages.load(Relaxed) as usize);
        for file in owing_files(databases) {
            self.take(&file, 0, usize::MAX, Owed::All, pressure);
        }
    }

    /// Pages copied and not written yet.
    fn pages(&self) -> usize {
        self.bytes.len() / PAGE
    }

    /// Writes the copies to their files.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn write(&mut self, counters: &Counters) -> Result<()> {
        let mut rest = &self.bytes[..];
        for ((files, no), ofs, len) in self.runs.drain(..) {
            let bytes = rest.split_off(..len).unwrap_or_default();
            let file = files.file(no).expect("files are never taken out of the table");
            file.apply(ofs as u64, bytes)?;
            counters.applied_writes.add(1);
            counters.applied_bytes.add(len as u64);
        }
        self.bytes.clear();
        if self.bytes.capacity() > super::BUFFER_KEPT_MAX {
            *self = Copies::default();
        }
        Ok(())
    }
}

fn page_bytes(file: &TrackedFile, first: usize, pages: usize) -> &[u8] {
    let (start, end) = (first * PAGE, ((first + pages) * PAGE).min(file.len()));
    file.bytes(start as i32, end - start).expect("pages that were changed are inside of their file")
}

/// All files of `databases`.
pub fn files_of(databases: &[Arc<DatabaseFiles>]) -> impl Iterator<Item = File> + '_ {
    databases.iter().flat_map(|database| database.files().map(|file| (database.clone(), file.no)))
}

/// Those to which pages are owed. No gather is under way, so it stays that way.
pub fn owing_files(databases: &[Arc<DatabaseFiles>]) -> impl Iterator<Item = File> + '_ {
    let owes = |(files, no): &File| files.file(*no).is_some_and(|file| file.dirty.owes());
    files_of(databases).filter(owes)
}

/// How many pages a commit writes.
fn goal(pressure: &Pressure) -> usize {
    (pressure.owed_pages.load(Relaxed) / PART).clamp(PAGES_MIN, PAGES_MAX) as usize
}

impl WriteBack {
    /// Begins a round if none is under way. To be called before units of work are kept out, when
    /// no gather is under way; `last_seq` is the last section synced.
    pub fn prepare(
        &mut self,
        databases: &[Arc<DatabaseFiles>],
        pressure: &Pressure,
        last_seq: u64,
    ) {
        if self.ahead.is_empty() {
            (self.page, self.since) = (0, last_seq);
            if pressure.owed_pages.load(Relaxed) > 0 {
                self.ahead.extend(owing_files(databases));
            }
        }
        if !self.ahead.is_empty() {
            self.copies.reserve(goal(pressure));
        }
    }

    /// Takes copies where the hand is; a gather has just begun, and units of work mark in `set`
    /// (B1).
    pub fn take(&mut self, set: Set, pressure: &Pressure) {
        let goal = goal(pressure);
        while let Some(file) = self.ahead.front()
            && self.copies.pages() < goal
        {
            let left = goal - self.copies.pages();
            match self.copies.take(file, self.page, left, Owed::Gathered(set), pressure) {
                Some(next) => self.page = next,
                None => {
                    self.ahead.pop_front();
                    self.page = 0;
                }
            }
        }
    }

    /// Writes the copies; the section of their gather is synced. Gives the last section of which
    /// everything is in the files, if a round is over (B2).
    ///
    /// # Errors
    /// Those of the disk.
    pub fn write(&mut self, counters: &Counters) -> Result<Option<u64>> {
        self.copies.write(counters)?;
        Ok(self.ahead.is_empty().then_some(self.since))
    }

    /// The files of this database are about to go.
    pub fn forget(&mut self, database: &str) {
        if self.ahead.front().is_some_and(|(files, _)| files.name() == database) {
            self.page = 0;
        }
        self.ahead.retain(|(files, _)| files.name() != database);
    }
}
