//! The journal of an engine, and its group commit: gather, append, write back, drop.
//!
//! - C1. One commit at a time; so sections are in the order of gathers.
//! - C2. Bytes reach a data file only after the section that holds them is synced (without a
//!   journal: only at the sync interval, on close, or when too much is dirty).
//! - C3. A page is dropped only when all that was ever gathered of it is in the file and nothing
//!   of it is dirty.
//! - C4. After any failure in here the engine takes no more writes (W2). What was read stays
//!   readable; what is not durable now is lost at the next open, as after a crash.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};

use super::commit_ticket::{CommitTicket, Tickets};
use super::data_file_sync::{Applied, SyncJob};
use super::database_files::{DatabaseFiles, FileRules};
use super::dirty_lines::Owed;
use super::journal_writer::{ClosedFile, JournalWriter};
use super::payload::Builder;
use super::tracked_file::TrackedFile;
use super::write_back::{self, Copies, File, WriteBack};
use super::write_side::WriteSide;
use crate::disk::{Disk, DiskFile};
use crate::error::Result;
use crate::holds::{HoldTimes, Holds};
use crate::limits::{LINE, PAGE};
use crate::locks::RecordStripes;

/// Pages written back or dropped at a time, while units of work wait.
const SLICE: usize = 256;
/// Beyond this many times the threshold of dirty pages, operations wait for a commit.
const THROTTLE: u64 = 4;

/// The journal of an engine: it makes the changes of all databases durable.
#[derive(Debug)]
pub struct Journal {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) rules: FileRules,
    pub(super) side: Arc<WriteSide>,
    /// Open databases, by name.
    pub(super) databases: RwLock<Vec<Arc<DatabaseFiles>>>,
    pub(super) tickets: Tickets,
    pub(super) commit: Mutex<CommitJob>,
    pub(super) sync: Mutex<SyncJob>,
    pub(super) applied: Mutex<Applied>,
    pub(super) closed_files: Mutex<Vec<ClosedFile>>,
    pub(super) holds: HoldTimes,
    /// The lock of the dbpath; gone once closed.
    pub(super) lock_file: Mutex<Option<Arc<dyn DiskFile>>>,
    pub(super) read_only: bool,
    pub(super) journaled: bool,
}

/// What only the running commit uses (C1).
#[derive(Debug)]
pub struct CommitJob {
    /// `None` without a journal.
    pub writer: Option<JournalWriter>,
    payload: Vec<u8>,
    /// Private memory to stay below, pages.
    budget_pages: u64,
    /// The last section that was synced.
    last_seq: u64,
    write_back: WriteBack,
    /// Where dropping goes on: the file, in the order of all files, and its page.
    hand: (usize, usize),
}

impl CommitJob {
    /// Nothing gathered yet.
    pub fn new(writer: Option<JournalWriter>, budget_pages: u64) -> CommitJob {
        CommitJob {
            writer,
            payload: Vec::new(),
            budget_pages,
            last_seq: 0,
            write_back: WriteBack::default(),
            hand: (0, 0),
        }
    }

    /// The files of this database are about to go.
    pub fn forget(&mut self, database: &str) {
        self.write_back.forget(database);
    }
}

impl Journal {
    /// Makes durable what was changed so far. To be called every commit interval, and when
    /// [`Journal::park`] ends early. Without a journal it writes to the data files if too much
    /// is dirty, else it leaves that to the next sync.
    ///
    /// # Errors
    /// The failure that stopped the engine (C4), or [`Error::ReadOnly`] after one.
    pub fn commit(&self) -> Result<()> {
        let mut job = self.commit.lock();
        self.side.check()?;
        if !self.journaled && !self.side.is_dirty_beyond(1) {
            return Ok(());
        }
        self.commit_or_stop(&mut job)
    }

    /// Sleeps until a commit is called for, at most for `time`. To be called by one thread.
    pub fn park(&self, time: Duration) {
        self.side.park(time);
    }

    /// Ends [`Journal::park`] at once.
    pub fn wake(&self) {
        self.side.call();
    }

    /// The locks of records (level 4): a gather holds them all.
    pub fn stripes(&self) -> Arc<RecordStripes> {
        self.side.stripes.clone()
    }

    /// How long writers were held at the gate.
    pub fn holds(&self) -> Holds {
        self.holds.so_far()
    }

    /// The ticket of all that has been finished so far.
    pub fn ticket(&self) -> CommitTicket {
        CommitTicket::new(self.side.next_gather())
    }

    /// Waits until what `ticket` stands for is durable; all who wait share one sync.
    ///
    /// # Errors
    /// As [`Journal::commit`].
    pub fn wait_durable(&self, ticket: CommitTicket) -> Result<()> {
        self.tickets.wait(ticket, || {
            let mut job = self.commit.lock();
            if self.tickets.is_durable(ticket) {
                return Ok(());
            }
            self.side.check()?;
            if self.journaled {
                return self.commit_or_stop(&mut job);
            }
            drop(job);
            self.sync_data_files()
        })
    }

    /// Waits while far too much is dirty, so that writers cannot outrun the disk. To be called
    /// before an operation, or a unit of long work, outside of the gate, and with no lock that is
    /// not held while a data file is added either; costs one load.
    ///
    /// # Errors
    /// As [`Journal::commit`].
    #[inline]
    pub fn make_room(&self) -> Result<()> {
        if self.side.is_dirty_beyond(THROTTLE) { self.wait_for_room() } else { Ok(()) }
    }

    #[cold]
    fn wait_for_room(&self) -> Result<()> {
        let mut job = self.commit.lock();
        self.side.check()?;
        if self.side.is_dirty_beyond(THROTTLE) { self.commit_or_stop(&mut job) } else { Ok(()) }
    }

    /// Switches the gate off, and calls `commit` after every so many writes of units of work.
    #[cfg(feature = "simulation")]
    pub fn commit_within_units(&self, every: u32, commit: impl Fn() + Send + Sync + 'static) {
        self.side.gate.switch_off();
        self.side.interruption.set(every, commit);
    }

    /// Stops the engine if `result` is a failure (C4).
    pub(super) fn stop_on_failure<T>(&self, result: Result<T>) -> Result<T> {
        if let Err(error) = &result {
            tracing::error!(%error, "no more writes until the engine is opened again");
            self.side.stop(error.stops_because());
        }
        result
    }

    pub(super) fn commit_or_stop(&self, job: &mut CommitJob) -> Result<()> {
        let committed = self.commit_locked(job);
        self.stop_on_failure(committed)
    }

    /// One group commit; also while closing, when units of work are refused already.
    fn commit_locked(&self, job: &mut CommitJob) -> Result<()> {
        let databases = self.databases.read().clone();
        if self.journaled {
            self.reserve(&mut job.payload);
            let hold = self.holds.begin(|holds| &mut holds.gathers);
            let still = self.side.close();
            let gather = self.gather(&databases, &mut job.payload);
            job.write_back.take(&databases, &self.side.pressure);
            drop((still, hold));
            self.make_durable(job, gather)?;
            if let Some(seq) = job.write_back.write(job.last_seq, &self.side.counters)? {
                self.applied.lock().advance(seq, gather);
            }
        } else {
            self.write_without_journal(&databases)?;
        }
        if job.payload.capacity() > super::BUFFER_KEPT_MAX {
            job.payload = Vec::new();
        }
        self.drop_clean_pages(&databases, job)?;
        if let Some(writer) = &mut job.writer {
            self.closed_files.lock().extend(writer.rotate_if_full()?);
        }
        Ok(())
    }

    /// A commit after which the data files have all that the journal has. Units of work wait
    /// until everything is written.
    pub(super) fn commit_and_write_back(&self, job: &mut CommitJob) -> Result<()> {
        // Most of it while they go on.
        self.commit_or_stop(job)?;
        let databases = self.databases.read().clone();
        self.write_back_all(&databases, Owed::Gathered)?;
        self.reserve(&mut job.payload);
        let _hold = self.holds.begin(|holds| &mut holds.gathers);
        let _still = self.side.close();
        let gather = self.gather(&databases, &mut job.payload);
        self.make_durable(job, gather)?;
        for file in databases.iter().flat_map(|database| database.files()) {
            write_back::write_all(file, &self.side.pressure, &self.side.counters)?;
        }
        self.applied.lock().advance(job.last_seq, gather);
        Ok(())
    }

    /// Room for what is dirty: to grow the buffer while units of work wait would keep them longer.
    fn reserve(&self, payload: &mut Vec<u8>) {
        payload.clear();
        let dirty_pages = self.side.pressure.dirty_pages.load(Relaxed) as usize;
        // A line per page and its head, at least.
        payload.reserve(dirty_pages * (LINE + 16));
    }

    /// Copies all dirty lines into a payload and counts the gather, no unit of work being under
    /// way.
    fn gather(&self, databases: &[Arc<DatabaseFiles>], payload: &mut Vec<u8>) -> u64 {
        let mut builder = Builder::new(self.rules.layout, payload);
        for created in self.side.created.lock().drain(..) {
            builder.file_created(&created.path, created.len);
        }
        for database in databases {
            let mut named = false;
            for file in database.files() {
                file.dirty.take(&self.side.pressure, |page, lines| {
                    if !std::mem::replace(&mut named, true) {
                        builder.database(database.name());
                    }
                    gather_page(&mut builder, file, page, lines);
                });
            }
        }
        self.side.begin_gather()
    }

    /// Appends and syncs the section of what was gathered, if that was anything, and releases
    /// those who wait for it.
    fn make_durable(&self, job: &mut CommitJob, gather: u64) -> Result<()> {
        if let (false, Some(writer)) = (job.payload.is_empty(), &mut job.writer) {
            job.last_seq = writer.append(&job.payload)?;
            self.side.counters.commits.add(1);
        }
        self.tickets.release(gather);
        Ok(())
    }

    /// Writes all that was changed to the data files, a slice at a time.
    fn write_without_journal(&self, databases: &[Arc<DatabaseFiles>]) -> Result<()> {
        let gather = {
            let _still = self.side.close();
            self.side.created.lock().clear();
            for file in databases.iter().flat_map(|database| database.files()) {
                file.dirty.take(&self.side.pressure, |_, _| {});
            }
            self.side.begin_gather()
        };
        self.write_back_all(databases, Owed::All)?;
        self.applied.lock().advance(0, gather);
        Ok(())
    }

    /// Writes the pages that are owed, a slice at a time; between the slices units of work go on.
    fn write_back_all(&self, databases: &[Arc<DatabaseFiles>], which: Owed) -> Result<()> {
        for file in write_back::files_of(databases) {
            let mut next = Some(0);
            while let Some(page) = next {
                next = self.write_back_slice(&file, page, which)?;
            }
        }
        Ok(())
    }

    /// Writes some pages that are owed from page `from` on. Gives the page to go on from.
    fn write_back_slice(&self, file: &File, from: usize, which: Owed) -> Result<Option<usize>> {
        let mut copies = Copies::default();
        let hold = self.holds.begin(|holds| &mut holds.slices);
        let still = self.side.close();
        let next = copies.take(file, from, SLICE, which, &self.side.pressure);
        drop((still, hold));
        copies.write(&self.side.counters)?;
        Ok(next)
    }

    /// Gives private pages back until a quarter of the budget is free again, if it is exceeded,
    /// going round all files (C3). Between the slices units of work go on.
    fn drop_clean_pages(
        &self,
        databases: &[Arc<DatabaseFiles>],
        job: &mut CommitJob,
    ) -> Result<()> {
        let pressure = &self.side.pressure;
        if pressure.private_pages.load(Relaxed) <= job.budget_pages {
            return Ok(());
        }
        let goal = job.budget_pages - job.budget_pages / 4;
        let files: Vec<File> = write_back::files_of(databases).collect();
        let mut visited = 0;
        while visited <= files.len() + 1 && pressure.private_pages.load(Relaxed) > goal {
            let (at, page) = job.hand;
            let Some(file) = files.get(at) else {
                job.hand = (0, 0);
                visited += 1;
                continue;
            };
            // Pages that are owed cannot be dropped. (Without a journal nothing is owed here.)
            self.write_back_slice(file, page, Owed::Gathered)?;
            let next = self.drop_slice(file, page)?;
            visited += usize::from(next.is_none());
            job.hand = next.map_or((at + 1, 0), |page| (at, page));
        }
        Ok(())
    }

    /// Gives some clean pages of a file back, from page `from` on. Gives the page to go on from.
    fn drop_slice(&self, (files, no): &File, from: usize) -> Result<Option<usize>> {
        let Some(file) = files.file(*no) else { return Ok(None) };
        let _hold = self.holds.begin(|holds| &mut holds.slices);
        let _still = self.side.close();
        let mut outcome = Ok(());
        let give_back = |first, pages| {
            outcome.is_ok() && {
                outcome = file.give_back(first, pages);
                outcome.is_ok()
            }
        };
        let (next, dropped) = file.dirty.forget_clean(from, SLICE, &self.side.pressure, give_back);
        self.side.counters.pages_dropped.add(dropped);
        outcome.map(|()| next)
    }
}

/// Hands the runs of a page's dirty lines to the payload.
fn gather_page(builder: &mut Builder<'_>, file: &TrackedFile, page: usize, mut lines: u64) {
    while lines != 0 {
        let first = lines.trailing_zeros() as usize;
        let n = (lines >> first).trailing_ones() as usize;
        lines = if first + n == 64 { 0 } else { lines >> (first + n) << (first + n) };
        let ofs = page * PAGE + first * LINE;
        let bytes = file.bytes(ofs as i32, n * LINE);
        builder.write(file.no, ofs, bytes.expect("dirty lines are inside of their file"));
    }
}
