//! The journal of an engine, and its group commit: gather, append, apply, drop.
//!
//! - C1. One commit at a time; so sections and their application are in the order of gathers.
//! - C2. Bytes reach a data file only after the section that holds them is synced (without a
//!   journal: only as whole gathers, at the sync interval, on close, or when too much is dirty).
//! - C3. A page is dropped only when all that was ever gathered of it is applied and nothing of
//!   it is dirty.
//! - C4. After any failure in here the engine takes no more writes (W2). What was read stays
//!   readable; what is not durable now is lost at the next open, as after a crash.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};

use super::apply::{self, Failure, Target};
use super::commit_ticket::{CommitTicket, Tickets};
use super::data_file_sync::{Applied, SyncJob};
use super::database_files::{DatabaseFiles, FileRules};
use super::journal_writer::{ClosedFile, JournalWriter};
use super::payload::Builder;
use super::tracked_file::TrackedFile;
use super::write_side::WriteSide;
use crate::disk::{Disk, DiskFile};
use crate::disk_loc::{DiskLoc, FileNo};
use crate::error::{Error, Result};
use crate::holds::{HoldTimes, Holds};
use crate::limits::{LINE, PAGE};

/// Private pages dropped at a time, while units of work wait at the gate.
const DROP_SLICE: usize = 256;
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
    /// Where dropping goes on: the file, in the order of all files, and its page.
    hand: (usize, usize),
}

impl CommitJob {
    /// Nothing gathered yet.
    pub fn new(writer: Option<JournalWriter>, budget_pages: u64) -> CommitJob {
        CommitJob { writer, payload: Vec::new(), budget_pages, hand: (0, 0) }
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
    pub fn make_room(&self) -> Result<()> {
        if !self.side.is_dirty_beyond(THROTTLE) {
            return Ok(());
        }
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
        let gather = self.gather(&databases, &mut job.payload);
        let mut seq_number = 0;
        if !job.payload.is_empty() {
            if let Some(writer) = &mut job.writer {
                seq_number = writer.append(&job.payload)?;
                self.tickets.release(gather);
                self.side.counters.commits.add(1);
            }
            self.apply(&databases, &job.payload)?;
        } else if self.journaled {
            self.tickets.release(gather);
        }
        self.applied.lock().advance(seq_number, gather);
        if job.payload.capacity() > super::BUFFER_KEPT_MAX {
            job.payload = Vec::new();
        }
        self.drop_clean_pages(&databases, job)?;
        if let Some(writer) = &mut job.writer {
            self.closed_files.lock().extend(writer.rotate_if_full()?);
        }
        Ok(())
    }

    /// Copies all dirty lines into a payload while nobody writes, and counts the gather.
    fn gather(&self, databases: &[Arc<DatabaseFiles>], payload: &mut Vec<u8>) -> u64 {
        payload.clear();
        let dirty_pages = self.side.pressure.dirty_pages.load(Relaxed) as usize;
        // A line per page and its head, at least; more would grow the buffer behind the gate.
        payload.reserve(dirty_pages * (LINE + 16));
        let _hold = self.holds.begin(|holds| &mut holds.gathers);
        let _closed = self.side.gate.close();
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

    /// Writes the gathered lines to the data files (C2).
    fn apply(&self, databases: &[Arc<DatabaseFiles>], payload: &[u8]) -> Result<()> {
        let mut target = OpenFiles { databases, side: &self.side };
        apply::apply(self.rules.layout, payload, &mut target).map_err(|failure| match failure {
            Failure::Target(error) => error,
            Failure::Unreadable(rule) => unreachable!("we built this payload: {rule}"),
        })
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
        let files: Vec<&TrackedFile> = databases.iter().flat_map(|d| d.files()).collect();
        let (mut visited, mut outcome) = (0, Ok(()));
        while visited <= files.len() + 1 && pressure.private_pages.load(Relaxed) > goal {
            let (at, page) = job.hand;
            let Some(file) = files.get(at) else {
                job.hand = (0, 0);
                visited += 1;
                continue;
            };
            let _hold = self.holds.begin(|holds| &mut holds.give_backs);
            let _closed = self.side.gate.close();
            let give_back = |first, pages| {
                outcome.is_ok() && {
                    outcome = file.give_back(first, pages);
                    outcome.is_ok()
                }
            };
            let (next, dropped) = file.dirty.forget_clean(page, DROP_SLICE, pressure, give_back);
            self.side.counters.pages_dropped.add(dropped);
            visited += usize::from(next.is_none());
            job.hand = next.map_or((at + 1, 0), |page| (at, page));
            if outcome.is_err() {
                break;
            }
        }
        outcome
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

/// The data files of open databases: what a commit is applied to.
struct OpenFiles<'a> {
    databases: &'a [Arc<DatabaseFiles>],
    side: &'a WriteSide,
}

impl Target for OpenFiles<'_> {
    fn write(&mut self, database: &str, no: FileNo, ofs: u32, bytes: &[u8]) -> Result<()> {
        let found = self.databases.binary_search_by(|d| d.name().cmp(database)).ok();
        let file = found.and_then(|at| self.databases[at].file(no));
        let file = file.ok_or_else(|| {
            Error::corrupt(DiskLoc::new(no, 0), "journal", "a file that is not open", no.0)
        })?;
        file.apply(u64::from(ofs), bytes)?;
        self.side.counters.applied_writes.add(1);
        self.side.counters.applied_bytes.add(bytes.len() as u64);
        Ok(())
    }

    fn create_file(&mut self, _: &str, _: FileNo, _: u64) -> Result<()> {
        // It was made before the journal named it.
        Ok(())
    }

    fn drop_database(&mut self, _: &str) -> Result<()> {
        // Its files are removed by the one who wrote this section.
        Ok(())
    }
}
