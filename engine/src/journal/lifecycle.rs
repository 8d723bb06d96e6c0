//! Opening and closing the journal of a dbpath, and the databases in it.
//!
//! The order of steps is what makes every crash in between recoverable:
//!
//! - O1. Open: lock; recover; empty the lock file; remove the old journal; make the new one;
//!   write the pid. So an unclean lock file always comes with a journal, unless nothing had
//!   been journaled by a run that kept none.
//! - O2. Close: commit, apply, sync the data files; empty the lock file; remove the journal.
//! - O3. Truncating the journal of a running engine first makes the next file, then removes the
//!   older ones (J3).
//! - O4. A database is dropped by a section of its own in a journal that holds nothing older:
//!   a crash before its sync keeps the database, one after it removes the files again.
//! - O5. A database that was begun and not made, for want of space or by a crash, is none: what
//!   is left of it is removed by the next open, once the journal is, or by the close.

use std::path::Path;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use super::commit_job::{CommitJob, Hand, Journal};
use super::commit_ticket::Tickets;
use super::data_file_sync::Applied;
use super::database_files::{DatabaseFiles, FileRules};
use super::journal_writer::JournalWriter;
use super::lsn_file::LsnFile;
use super::payload::Builder;
use super::write_side::WriteSide;
use super::{journal_dir, recovery, replay_files, startup, storage_file};
use crate::clock::Clock;
use crate::counters::Counters;
use crate::disk::{Access, Disk, DiskFile, OverlayDisk};
use crate::error::{Error, Result};
use crate::file_id::{LOCK_FILE, Layout};
use crate::holds::HoldTimes;
use crate::limits::PAGE;
use crate::options::{Durability, Options};

/// Length of sections after which the next journal file is begun, bytes.
const ROTATION_LEN: u64 = 1 << 30;
/// The same with small files.
const ROTATION_LEN_SMALL: u64 = 128 << 20;

/// What a journal needs from the engine that opens it.
#[derive(Debug, Clone)]
pub struct Environment {
    /// The files of the dbpath.
    pub disk: Arc<dyn Disk>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Work done.
    pub counters: Arc<Counters>,
    /// Length of sections after which the next journal file is begun, bytes; `None` for the
    /// format's own.
    pub rotation_len: Option<u64>,
}

/// Takes the lock, decides, and replays the journal where that is to be done. What is left is a
/// clean dbpath without a journal, under our lock.
fn prepare(
    disk: &Arc<dyn Disk>,
    layout: Layout,
    options: &Options,
) -> Result<Option<Arc<dyn DiskFile>>> {
    let access = if options.read_only { Access::Read } else { Access::Write };
    let lock_file = disk.lock(Path::new(LOCK_FILE), access)?;
    let unclean = match &lock_file {
        Some(file) => file.len()? > 0,
        None => false,
    };
    let has_storage_file = storage_file::check(&**disk, layout)?;
    let journaled = options.durability == Durability::Journaled || options.read_only;
    let (found, numbers) = startup::look(&**disk, layout, unclean, journaled)?;
    // Who only reads can do no harm to what an unclean run without a journal left behind.
    let unclean = unclean && (found.journal_any || !options.read_only);
    let must_recover = startup::must_recover(startup::Found { unclean, ..found })?;
    startup::sweep(&**disk, layout)?;
    if must_recover {
        if let (Some(&last), false) = (numbers.last(), options.read_only) {
            recovery::make_persistent(&**disk, last)?;
        }
        let replayed = recovery::recover(disk, layout, &numbers, options.private_budget)?;
        tracing::info!(
            sections = replayed.sections,
            skipped = replayed.skipped,
            torn = replayed.torn,
            "Journal replayed"
        );
    }
    if let Some(file) = &lock_file {
        empty(&**file)?;
    }
    journal_dir::remove_all(&**disk, &numbers)?;
    if !has_storage_file {
        storage_file::write(&**disk, layout)?;
    }
    Ok(lock_file)
}

/// Marks a dbpath as clean.
fn empty(lock_file: &dyn DiskFile) -> Result<()> {
    lock_file.set_len(0)?;
    lock_file.sync()
}

/// Marks a dbpath as in use, by our pid. One that could not be marked was not used.
fn mark(disk: &dyn Disk, lock_file: &dyn DiskFile) -> Result<()> {
    let pid = format!("{}\n", std::process::id());
    let written = lock_file.write_at(0, pid.as_bytes());
    let synced = written.and_then(|()| lock_file.sync());
    let marked = synced.and_then(|()| disk.sync_dir(Path::new("")));
    if marked.is_err() {
        // If this fails too, the next open finds what a crash leaves.
        let _ = empty(lock_file);
    }
    marked
}

impl Journal {
    /// Opens the dbpath of `environment.disk`: takes its lock, recovers, begins the journal. No
    /// database is open after it; their names are given, in order.
    ///
    /// Read-only, nothing in the dbpath changes: a journal is replayed into memory.
    ///
    /// # Errors
    /// [`crate::Error::Locked`]; [`crate::Error::BadFile`] for what must not be opened, with what
    /// to do; those of the disk.
    pub fn open(environment: &Environment, options: &Options) -> Result<(Journal, Vec<String>)> {
        let disk: Arc<dyn Disk> = match options.read_only {
            true => Arc::new(OverlayDisk::new(environment.disk.clone())),
            false => environment.disk.clone(),
        };
        let rules = FileRules {
            layout: startup::layout(&*disk, options.directory_per_db)?,
            small_files: options.small_files,
            ns_len: u64::from(options.ns_size_mib) << 20,
        };
        let lock_file = prepare(&disk, rules.layout, options)?;
        let dirty_pages_max = (options.dirty_max() / PAGE as u64).max(1);
        let side = Arc::new(WriteSide::new(environment.counters.clone(), dirty_pages_max));
        let mut writer = None;
        if options.read_only {
            side.stop("opened read-only");
        } else {
            if options.durability == Durability::Journaled {
                let length = if rules.small_files { ROTATION_LEN_SMALL } else { ROTATION_LEN };
                writer = Some(JournalWriter::open(
                    disk.clone(),
                    environment.clock.clone(),
                    environment.counters.clone(),
                    environment.rotation_len.unwrap_or(length),
                )?);
            }
            if let Some(file) = &lock_file {
                mark(&*disk, &**file)?;
            }
        }
        let mut names = Vec::new();
        for name in startup::databases(&*disk, rules.layout)? {
            // Only now that the journal is gone, which may have completed it.
            if startup::is_half_made(&*disk, rules.layout, &name)? {
                startup::remove_half_made(&*disk, rules.layout, &name)?;
            } else {
                names.push(name);
            }
        }
        let journal = Journal {
            disk,
            rules,
            side,
            databases: RwLock::default(),
            tickets: Tickets::default(),
            commit: Mutex::new(CommitJob::new(writer, options.private_budget / PAGE as u64)),
            sync: Mutex::default(),
            applied: Mutex::new(Applied::default()),
            closed_files: Mutex::default(),
            lsn_file: LsnFile::default(),
            holds: HoldTimes::new(environment.clock.clone()),
            lock_file: Mutex::new(lock_file),
            read_only: options.read_only,
            journaled: options.durability == Durability::Journaled,
        };
        Ok((journal, names))
    }

    /// Has each database a directory of its own?
    pub fn is_directory_per_db(&self) -> bool {
        self.rules.layout == Layout::DirectoryPerDb
    }

    /// Opens the files of an existing database.
    ///
    /// # Errors
    /// As [`DatabaseFiles::open`].
    pub fn open_database(&self, name: &str) -> Result<Arc<DatabaseFiles>> {
        let files = DatabaseFiles::open(self.disk.clone(), self.side.clone(), name, self.rules)?;
        Ok(self.register(files))
    }

    /// Makes a database without data files.
    ///
    /// # Errors
    /// As [`DatabaseFiles::create`].
    pub fn create_database(&self, name: &str) -> Result<Arc<DatabaseFiles>> {
        if self.databases.read().iter().any(|open| open.name() == name) {
            return Err(Error::NamespaceExists { ns: name.to_owned() });
        }
        let files = DatabaseFiles::create(self.disk.clone(), self.side.clone(), name, self.rules)?;
        Ok(self.register(files))
    }

    /// Removes a database and its files (O4). The caller holds it exclusively, and nobody uses
    /// its files after.
    ///
    /// # Errors
    /// As [`Journal::commit`].
    pub fn drop_database(&self, files: &DatabaseFiles) -> Result<()> {
        files.end_growth();
        let mut job = self.commit.lock();
        self.side.check()?;
        let dropped = self.drop_locked(&mut job, files.name());
        self.stop_on_failure(dropped)
    }

    fn drop_locked(&self, job: &mut CommitJob, name: &str) -> Result<()> {
        self.truncate_locked(job)?;
        if let Some(writer) = &mut job.writer {
            let mut section = Builder::new(self.rules.layout, Vec::new());
            section.drop_database(name);
            let section = writer.append(&section.into_payload())?;
            self.lsn_file.note_journaled(&*self.disk, section)?;
        }
        self.unregister(name);
        job.forget(name);
        let paths = replay_files::database_paths(&*self.disk, self.rules.layout, name)?;
        let dir = self.rules.layout.directory(name);
        for path in paths {
            self.disk.remove(&path)?;
            // Without a journal the .ns file, which comes first, must not outlive the others.
            self.disk.sync_dir(&dir)?;
        }
        self.truncate_locked(job)
    }

    /// Leaves the journal with nothing to replay: commits, applies, syncs the data files,
    /// removes the journal files.
    ///
    /// # Errors
    /// As [`Journal::commit`].
    pub fn truncate_journal(&self) -> Result<()> {
        let mut job = self.commit.lock();
        self.side.check()?;
        let truncated = self.truncate_locked(&mut job);
        self.stop_on_failure(truncated)
    }

    fn truncate_locked(&self, job: &mut CommitJob) -> Result<()> {
        self.empty_into_files(job)?;
        let mut sync = self.sync.lock();
        self.sync_locked(&mut sync)?;
        if let Some(writer) = &mut job.writer {
            let closed = writer.rotate()?;
            self.closed_files.lock().push(closed);
            self.remove_closed()?;
        }
        Ok(())
    }

    /// A commit after which the data files have all that was changed.
    fn empty_into_files(&self, job: &mut CommitJob) -> Result<()> {
        if !self.journaled {
            return self.commit_or_stop(job, Hand::Moves);
        }
        let emptied = self.commit_and_write_back(job);
        self.stop_on_failure(emptied)
    }

    /// Removes the lsn file and all closed journal files.
    fn remove_closed(&self) -> Result<()> {
        let closed = std::mem::take(&mut *self.closed_files.lock());
        let numbers: Vec<u32> = closed.iter().map(|file| file.number).collect();
        self.lsn_file.removed();
        journal_dir::remove_all(&*self.disk, &numbers)
    }

    /// Closes cleanly (O2): all changes are in the data files, no journal is left, the lock is
    /// given back. Closing again does nothing.
    ///
    /// # Errors
    /// [`crate::Error::ReadOnly`] if a failure has stopped the engine: then the journal is left
    /// to the next open, and the lock is given back. Those of the disk.
    pub fn close(&self) -> Result<()> {
        let mut job = self.commit.lock();
        let Some(lock_file) = self.lock_file.lock().take() else { return Ok(()) };
        if self.read_only {
            return Ok(());
        }
        self.side.check()?;
        self.side.stop("the engine is closed");
        self.empty_into_files(&mut job)?;
        let mut sync = self.sync.lock();
        self.sync_locked(&mut sync)?;
        self.remove_half_made();
        empty(&*lock_file)?;
        if let Some(writer) = job.writer.take() {
            self.closed_files.lock().push(writer.finish());
            self.remove_closed()?;
        }
        Ok(())
    }

    /// Gives back the space of databases that could not be completed.
    fn remove_half_made(&self) {
        let layout = self.rules.layout;
        for files in self.databases.read().iter().filter(|files| files.count() == 0) {
            // What cannot be removed now is by the next open.
            if let Ok(true) = startup::is_half_made(&*self.disk, layout, files.name()) {
                let _ = startup::remove_half_made(&*self.disk, layout, files.name());
            }
        }
    }

    fn register(&self, files: DatabaseFiles) -> Arc<DatabaseFiles> {
        let files = Arc::new(files);
        let mut databases = self.databases.write();
        let at = databases.partition_point(|d| d.name() < files.name());
        databases.insert(at, files.clone());
        files
    }

    fn unregister(&self, name: &str) {
        let mut databases = self.databases.write();
        if let Ok(at) = databases.binary_search_by(|d| d.name().cmp(name)) {
            let gone = databases.remove(at);
            gone.files().for_each(|file| file.dirty.retire(&self.side.pressure));
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // Without a close the dbpath is left as a crash leaves it; the lock ends with the file.
        if self.lock_file.lock().is_some() && self.side.check().is_ok() {
            tracing::warn!("dropped without being closed: the next open will recover");
        }
    }
}
