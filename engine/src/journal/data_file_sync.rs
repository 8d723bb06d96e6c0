//! Syncs the data files, publishes how far they are synced, and retires the journal files that
//! are no longer needed (format, §11.5).
//!
//! - E1. The lsn is the number of a section that was wholly applied before the first file was
//!   synced, so every section up to it is persistent in the data files.
//! - E2. A journal file is removed only when its last section is not after a persistent lsn.

use std::sync::Arc;

use super::commit_job::{Hand, Journal};
use super::database_files::DatabaseFiles;
use super::journal_dir;
use crate::error::Result;

/// How far commits have been applied to the data files.
#[derive(Debug, Clone, Copy, Default)]
pub struct Applied {
    /// Sequence number of the last section applied; 0 before the first.
    seq_number: u64,
    /// The last gather applied.
    gather: u64,
}

impl Applied {
    /// A gather was applied, and its section, if it had one.
    pub fn advance(&mut self, seq_number: u64, gather: u64) {
        self.seq_number = self.seq_number.max(seq_number);
        self.gather = self.gather.max(gather);
    }
}

/// What only the running sync uses.
#[derive(Debug, Default)]
pub struct SyncJob {
    lsn: u64,
}

impl Journal {
    /// Makes persistent in the data files what was applied to them; without a journal, all that
    /// was changed. To be called every sync interval; commits go on meanwhile.
    ///
    /// # Errors
    /// The failure that stopped the engine, or [`crate::Error::ReadOnly`] after one.
    pub fn sync_data_files(&self) -> Result<()> {
        if !self.journaled {
            // Nothing else brings changes to the data files.
            let mut job = self.commit.lock();
            self.side.check()?;
            self.commit_or_stop(&mut job, Hand::Moves)?;
        }
        let mut job = self.sync.lock();
        self.side.check()?;
        let synced = self.sync_locked(&mut job);
        self.stop_on_failure(synced)
    }

    /// One sync; also while closing, when writes are refused already.
    pub(super) fn sync_locked(&self, job: &mut SyncJob) -> Result<()> {
        let applied = *self.applied.lock();
        let databases: Vec<Arc<DatabaseFiles>> = self.databases.read().clone();
        for file in databases.iter().flat_map(|database| database.files()) {
            self.side.counters.data_file_syncs.add(u64::from(file.sync()?));
        }
        if applied.seq_number > job.lsn {
            self.lsn_file.publish_synced(&*self.disk, applied.seq_number)?;
            job.lsn = applied.seq_number;
        }
        self.tickets.release(applied.gather);
        self.retire_journal_files(job.lsn)
    }

    /// Removes the journal files that `lsn` covers, the oldest first (E2).
    fn retire_journal_files(&self, lsn: u64) -> Result<()> {
        let retired: Vec<_> = {
            let mut closed = self.closed_files.lock();
            let covered = closed.iter().take_while(|file| file.last_seq <= lsn).count();
            closed.drain(..covered).collect()
        };
        retired.iter().try_for_each(|file| journal_dir::remove(&*self.disk, file.number))
    }
}
