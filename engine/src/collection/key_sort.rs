//! Puts all entries of an index in order, in bounded memory: they are gathered up to a budget,
//! sorted and written to a scratch file as a run; at the end the runs are merged. Entries that
//! fit the budget see no file.
//!
//! S1. All of it takes about the budget, or a block per run where that is more: by the defaults,
//!     beyond 160 GiB of keys.

use super::key_runs::{self, Entry, EntryOrder, Merge};
use crate::disk_loc::RecordLoc;
use crate::error::Result;
use crate::index::btree::Btree;
use crate::journal::{Journal, ScratchFile};

/// What an entry takes in memory beside the bytes of its key: itself, and what the allocator adds.
const ENTRY_COST: usize = size_of::<Entry>() + 16;

/// Takes entries in any order.
#[derive(Debug)]
pub struct KeySort<'a> {
    journal: &'a Journal,
    database: &'a str,
    order: EntryOrder,
    budget: u64,
    gathered: Vec<Entry>,
    gathered_cost: u64,
    /// Made with the first run.
    file: Option<ScratchFile>,
    /// Where each run ends.
    ends: Vec<u64>,
}

impl<'a> KeySort<'a> {
    /// For an index of `database`, whose catalogue the caller holds: at most about `budget` bytes
    /// of entries are in memory at a time.
    pub fn new(journal: &'a Journal, database: &'a str, tree: &Btree, budget: u64) -> KeySort<'a> {
        KeySort {
            journal,
            database,
            order: EntryOrder::of(tree),
            budget,
            gathered: Vec::new(),
            gathered_cost: 0,
            file: None,
            ends: Vec::new(),
        }
    }

    /// Adds an entry.
    ///
    /// # Errors
    /// [`crate::Error::DiskFull`] if there is no room for a run; others of the disk.
    pub fn push(&mut self, key: Vec<u8>, loc: RecordLoc) -> Result<()> {
        self.gathered_cost += (key.capacity() + ENTRY_COST) as u64;
        self.gathered.push((key, loc));
        match self.gathered_cost < self.budget {
            true => Ok(()),
            false => self.end_run(),
        }
    }

    fn sort(&mut self) {
        let order = self.order;
        self.gathered.sort_unstable_by(|a, b| order.compare(a, b));
    }

    fn end_run(&mut self) -> Result<()> {
        self.sort();
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(self.journal.scratch_file(self.database, "keys")?),
        };
        key_runs::write(file, self.gathered.drain(..))?;
        self.gathered_cost = 0;
        self.ends.push(file.len());
        Ok(())
    }

    /// Gives all entries, in order.
    ///
    /// # Errors
    /// As [`KeySort::push`].
    pub fn finish(mut self) -> Result<SortedKeys> {
        if self.file.is_some() && !self.gathered.is_empty() {
            self.end_run()?;
        }
        let Some(file) = self.file.take() else {
            self.sort();
            return Ok(SortedKeys::InMemory(self.gathered.into_iter()));
        };
        drop(self.gathered);
        Merge::new(file, &self.ends, self.order).map(SortedKeys::Merged)
    }
}

/// All entries of an index, in its order.
#[derive(Debug)]
pub enum SortedKeys {
    /// They fitted the budget.
    InMemory(std::vec::IntoIter<Entry>),
    /// They did not.
    Merged(Merge),
}

impl SortedKeys {
    /// The next entries, at most `count`; none at the end.
    ///
    /// # Errors
    /// Those of the disk; [`crate::Error::BadFile`] if it gives back other bytes than it was given.
    pub fn take(&mut self, count: usize) -> Result<Vec<Entry>> {
        match self {
            SortedKeys::InMemory(entries) => Ok(entries.take(count).collect()),
            SortedKeys::Merged(merge) => merge.by_ref().take(count).collect(),
        }
    }
}
