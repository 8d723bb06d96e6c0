//! How an engine is opened: options, their defaults, their checks.

use std::time::Duration;

use crate::error::{Error, Reason, Result};

/// How far a database goes to keep what it acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Durability {
    /// Changes reach the data files through the journal: a crash loses at most one commit
    /// interval, and nothing that was acknowledged with `j`.
    #[default]
    Journaled,
    /// No journal: data files are written at the sync interval. After a crash the directory
    /// must be repaired.
    None,
}

/// Options of an engine. The defaults suit small data.
#[derive(Debug, Clone)]
pub struct Options {
    /// Journaled or not.
    pub durability: Durability,
    /// Time between group commits, 1–500 ms.
    pub commit_interval: Duration,
    /// Time between syncs of the data files.
    pub sync_interval: Duration,
    /// Time between deletions of documents that have expired.
    pub ttl_interval: Duration,
    /// Private memory above which clean pages are given back, bytes; and what a recovery may use.
    pub private_budget: u64,
    /// Changed pages at which a commit begins before its time, bytes; `None` for a quarter of the
    /// budget, 64 to 256 MiB.
    pub dirty_max: Option<u64>,
    /// Memory in which the keys of a new index are sorted, bytes; more go through a file.
    pub index_build_memory: u64,
    /// Smallest file sizes: 16 MiB doubling to 512 MiB, else 64 MiB doubling to 2 GiB.
    pub small_files: bool,
    /// One directory per database, or all files side by side; `None` for what the directory says.
    pub directory_per_db: Option<bool>,
    /// Size of a new `.ns` file, MiB, 1–2047.
    pub ns_size_mib: u32,
    /// Remember records by `_id`, and the place of fields by the shape of the document.
    pub memos: bool,
    /// Open without changing a byte; a journal is replayed into memory only.
    pub read_only: bool,
    /// Start the threads that commit, sync and delete what has expired. Without them the owner
    /// calls [`crate::Engine::wait_durable`], [`crate::Engine::sync`] and
    /// [`crate::Engine::expire_now`].
    pub background: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            durability: Durability::Journaled,
            commit_interval: Duration::from_millis(100),
            sync_interval: Duration::from_secs(60),
            ttl_interval: Duration::from_secs(60),
            private_budget: 256 << 20,
            dirty_max: None,
            index_build_memory: 100 << 20,
            small_files: true,
            directory_per_db: None,
            ns_size_mib: 16,
            memos: true,
            read_only: false,
            background: true,
        }
    }
}

impl Options {
    /// Changed pages at which a commit begins before its time, bytes.
    pub(crate) fn dirty_max(&self) -> u64 {
        self.dirty_max.unwrap_or((self.private_budget / 4).clamp(64 << 20, 256 << 20))
    }

    /// Refuses values outside of their range.
    pub(crate) fn check(&self) -> Result<()> {
        let bad = |message: &str| Err(Error::refused(Reason::InvalidOptions, message));
        let commit_ms = self.commit_interval.as_millis();
        if !(1..=500).contains(&commit_ms) {
            return bad("commit interval must be 1 to 500 ms");
        }
        if self.sync_interval.is_zero() {
            return bad("sync interval must be longer than zero");
        }
        if self.ttl_interval.is_zero() {
            return bad("TTL interval must be longer than zero");
        }
        if !(1..=2047).contains(&self.ns_size_mib) {
            return bad("ns size must be 1 to 2047 MiB");
        }
        Ok(())
    }
}
