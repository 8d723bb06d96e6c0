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
use super::dirty_lines::{Owed, Set};
use super::journal_writer::{ClosedFile, JournalWriter};
use super::lsn_file::LsnFile;
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
/// Commits that empty the journal while units of work go on, before the one that has to be whole.
const EMPTYINGS_MAX: usize = 3;
/// Beyond this many times the threshold of dirty pages, operations wait for a commit.
const THROTTLE: u64 = 4;
/// Of the commits that are led for a crowd, each so many writes pages back: there may be thousands
/// in a second, the crowd would wait for pages too, and for the same ones again and again.
const LED: u32 = 16;

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
    pub(super) lsn_file: LsnFile,
    pub(super) holds: HoldTimes,
    /// The lock of the dbpath; gone once closed.
    pub(super) lock_file: Mutex<Option<Arc<dyn DiskFile>>>,
    pub(super) read_only: bool,
    pub(super) journaled: bool,
}

/// Memory of files, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mapped {
    /// All files of all databases, which are mapped into memory.
    pub files: u64,
    /// What of them was changed, and is memory of our own until it is written back.
    pub private: u64,
}

/// What only the running commit uses (C1).
#[derive(Debug)]
pub struct CommitJob {
    /// `None` without a journal.
    pub writer: Option<JournalWriter>,
    pub payload: Vec<u8>,
    /// Length of the last payload, bytes.
    last_len: usize,
    /// Private memory to stay below, pages.
    budget_pages: u64,
    /// The last section that was synced, and the last that the lsn file knows of.
    last_seq: u64,
    noted_seq: u64,
    write_back: WriteBack,
    /// Commits led for a crowd since the last that wrote pages back.
    led: u32,
    /// Where dropping goes on: the file, in the order of all files, and its page.
    hand: (usize, usize),
}

impl CommitJob {
    /// Nothing gathered yet.
    pub fn new(writer: Option<JournalWriter>, budget_pages: u64) -> CommitJob {
        CommitJob {
            writer,
            payload: Vec::new(),
            last_len: 0,
            budget_pages,
            last_seq: 0,
            noted_seq: 0,
            write_back: WriteBack::default(),
            led: 0,
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
        self.commit_or_stop(&mut job, Hand::Moves)
    }

    /// Does it still take writes?
    ///
    /// # Errors
    /// [`Error::ReadOnly`] if not.
    pub fn check_writes(&self) -> Result<()> {
        self.side.check()
    }

    /// Sleeps until a commit is called for, at most for `time`. To be called by one thread.
    /// Answers whether one was called for.
    pub fn park(&self, time: Duration) -> bool {
        self.side.park(time)
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

    /// How much memory the files take.
    pub fn mapped(&self) -> Mapped {
        let databases = self.databases.read();
        let lens = databases.iter().flat_map(|database| database.files()).map(|it| it.len() as u64);
        let private = self.side.pressure.private_pages.load(Relaxed) * PAGE as u64;
        Mapped { files: lens.sum(), private }
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
                job.led += 1;
                let rests = self.tickets.is_crowded() && job.led < LED;
                let hand = if rests { Hand::Rests } else { Hand::Moves };
                return self.commit_or_stop(&mut job, hand);
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
        if self.side.is_dirty_beyond(THROTTLE) {
            self.commit_or_stop(&mut job, Hand::Moves)?;
        }
        Ok(())
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

    pub(super) fn commit_or_stop(&self, job: &mut CommitJob, hand: Hand) -> Result<()> {
        let committed = self.commit_locked(job, hand);
        self.stop_on_failure(committed)
    }

    /// One group commit; also while closing, when units of work are refused already.
    fn commit_locked(&self, job: &mut CommitJob, hand: Hand) -> Result<()> {
        if self.journaled {
            let buffer = self.room(job);
            let pressure = &self.side.pressure;
            if hand == Hand::Moves {
                job.led = 0;
                job.write_back.prepare(&self.databases.read(), pressure, job.last_seq);
            }
            let mut since = self.holds.now_ns();
            let mut took_us = || self.holds.us_since(&mut since);
            let counters = &self.side.counters;
            let hold = self.holds.begin(|holds| &mut holds.gathers);
            let still = self.side.close();
            let begun = self.begin_gather(Some(buffer));
            if hand == Hand::Moves {
                job.write_back.take(begun.set.other(), pressure);
            }
            drop((still, hold));
            self.gather(&begun, job);
            counters.gather_us.add(took_us());
            self.make_durable(job, begun.gather)?;
            counters.journal_us.add(took_us());
            if hand == Hand::Moves {
                self.note_journaled(job)?;
                if let Some(seq) = job.write_back.write(counters)? {
                    self.applied.lock().advance(seq, begun.gather);
                }
            }
            counters.write_back_us.add(took_us());
        } else {
            self.write_without_journal(job)?;
        }
        if job.payload.capacity() > super::BUFFER_KEPT_MAX {
            job.payload = Vec::new();
        }
        self.drop_clean_pages(job)?;
        if let Some(writer) = &mut job.writer {
            self.closed_files.lock().extend(writer.rotate_if_full()?);
        }
        Ok(())
    }

    /// A commit after which the data files have all that the journal has. Units of work wait
    /// while it is copied, and not for the disk.
    pub(super) fn commit_and_write_back(&self, job: &mut CommitJob) -> Result<()> {
        // Most of it while they go on; again if much was changed meanwhile.
        for _ in 0..EMPTYINGS_MAX {
            self.commit_or_stop(job, Hand::Moves)?;
            self.note_journaled(job)?;
            self.write_back_all(&mut job.write_back.copies, Written::Gathered)?;
            if !self.side.is_dirty_beyond(1) {
                break;
            }
        }
        let buffer = self.room(job);
        let pressure = &self.side.pressure;
        let left = pressure.dirty_pages.load(Relaxed) + pressure.owed_pages.load(Relaxed);
        job.write_back.copies.reserve(left as usize);
        let hold = self.holds.begin(|holds| &mut holds.gathers);
        let still = self.side.close();
        let begun = self.begin_gather(Some(buffer));
        // All of it now, so that what is owed is what the section holds.
        self.gather(&begun, job);
        job.write_back.copies.take_all(&begun.databases, pressure);
        drop((still, hold));
        self.make_durable(job, begun.gather)?;
        self.note_journaled(job)?;
        job.write_back.copies.write(&self.side.counters)?;
        self.applied.lock().advance(job.last_seq, begun.gather);
        Ok(())
    }

    /// The buffer of payloads, with room for what is dirty: whoever makes it grow keeps those
    /// waiting who help to gather.
    pub(super) fn room(&self, job: &mut CommitJob) -> Vec<u8> {
        let mut buffer = std::mem::take(&mut job.payload);
        let dirty_pages = self.side.pressure.dirty_pages.load(Relaxed) as usize;
        // Some lines per page and their heads, and not less than the last time; but not more
        // than if all lines were dirty.
        let some = dirty_pages * 2 * (LINE + 16);
        let all = dirty_pages * (PAGE + LINE);
        buffer.clear();
        buffer.reserve(some.max(job.last_len + job.last_len / 4).min(all));
        buffer
    }

    /// Begins a gather, no unit of work being under way; without a buffer it takes marks away and
    /// copies nothing.
    fn begin_gather(&self, buffer: Option<Vec<u8>>) -> Begun {
        // Now: what is marked in a database that is not among them would stay behind.
        let databases = self.databases.read().clone();
        let mut section = buffer.map(|buffer| Builder::new(self.rules.layout, buffer));
        for created in self.side.created.lock().drain(..) {
            if let Some(section) = &mut section {
                section.file_created(&created.path, created.len);
            }
        }
        let set = self.side.gathering.begin(section);
        Begun { databases, set, gather: self.side.begin_gather() }
    }

    /// Copies what is left of the dirty lines into the payload; units of work help.
    fn gather(&self, begun: &Begun, job: &mut CommitJob) {
        begun.files().for_each(|file| file.gather(begun.set, &self.side));
        let section = self.side.gathering.end().flatten();
        job.payload = section.map(Builder::into_payload).unwrap_or_default();
        job.last_len = job.payload.len();
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

    /// Notes how far the journal is, if that is not known: before pages are written back.
    fn note_journaled(&self, job: &mut CommitJob) -> Result<()> {
        if job.noted_seq < job.last_seq {
            self.lsn_file.note_journaled(&*self.disk, job.last_seq)?;
            job.noted_seq = job.last_seq;
        }
        Ok(())
    }

    /// Writes all that was changed to the data files, a slice at a time.
    fn write_without_journal(&self, job: &mut CommitJob) -> Result<()> {
        let begun = {
            let _still = self.side.close();
            self.begin_gather(None)
        };
        self.gather(&begun, job);
        self.write_back_all(&mut job.write_back.copies, Written::All)?;
        self.applied.lock().advance(0, begun.gather);
        Ok(())
    }

    /// Writes the pages that are owed, a slice at a time; between the slices units of work go on.
    fn write_back_all(&self, copies: &mut Copies, which: Written) -> Result<()> {
        let databases = self.databases.read().clone();
        for file in write_back::owing_files(&databases) {
            let mut next = Some(0);
            while let Some(page) = next {
                next = self.write_back_slice(copies, &file, page, which)?;
            }
        }
        Ok(())
    }

    /// Writes some pages that are owed from page `from` on. Gives the page to go on from. No
    /// gather is under way.
    fn write_back_slice(
        &self,
        copies: &mut Copies,
        file: &File,
        from: usize,
        which: Written,
    ) -> Result<Option<usize>> {
        copies.reserve(SLICE);
        let hold = self.holds.begin(|holds| &mut holds.slices);
        let still = self.side.close();
        let owed = match which {
            Written::Gathered => Owed::Gathered(self.side.gathering.set()),
            Written::All => Owed::All,
        };
        let next = copies.take(file, from, SLICE, owed, &self.side.pressure);
        drop((still, hold));
        copies.write(&self.side.counters)?;
        Ok(next)
    }

    /// Gives private pages back until a quarter of the budget is free again, if it is exceeded,
    /// going round all files (C3). Between the slices units of work go on.
    fn drop_clean_pages(&self, job: &mut CommitJob) -> Result<()> {
        let pressure = &self.side.pressure;
        if pressure.private_pages.load(Relaxed) <= job.budget_pages {
            return Ok(());
        }
        self.note_journaled(job)?;
        let goal = job.budget_pages - job.budget_pages / 4;
        let databases = self.databases.read().clone();
        let files: Vec<File> = write_back::files_of(&databases).collect();
        let mut visited = 0;
        while visited <= files.len() + 1 && pressure.private_pages.load(Relaxed) > goal {
            let (at, page) = job.hand;
            let Some(file) = files.get(at) else {
                job.hand = (0, 0);
                visited += 1;
                continue;
            };
            // Pages that are owed cannot be dropped. (Without a journal nothing is owed here.)
            if file.0.file(file.1).is_some_and(|file| file.dirty.owes()) {
                let copies = &mut job.write_back.copies;
                self.write_back_slice(copies, file, page, Written::Gathered)?;
            }
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

/// A gather that has begun.
struct Begun {
    /// Those that were open then.
    databases: Vec<Arc<DatabaseFiles>>,
    /// The marks to be taken.
    set: Set,
    gather: u64,
}

impl Begun {
    fn files(&self) -> impl Iterator<Item = &TrackedFile> {
        self.databases.iter().flat_map(|database| database.files())
    }
}

/// The hand that goes round the files in a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hand {
    /// It writes some of the pages that are owed.
    Moves,
    /// It waits for a later commit.
    Rests,
}

/// Which of the pages that are owed are written.
#[derive(Clone, Copy)]
enum Written {
    /// Those of which everything was gathered.
    Gathered,
    /// All.
    All,
}
