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
use crate::namespace_string::NamespaceString;
use crate::store::NamespaceDetails;

/// What the allocator adds to the bytes of a key.
const ALLOCATION_COST: usize = 16;

/// Takes entries in any order.
#[derive(Debug)]
pub struct KeySort<'a> {
    journal: &'a Journal,
    ns: &'a NamespaceString,
    details: NamespaceDetails,
    order: EntryOrder,
    budget: u64,
    gathered: Vec<Entry>,
    /// Bytes that the keys of these take.
    keys_cost: u64,
    /// Made with the first run.
    file: Option<ScratchFile>,
    /// Where each run ends.
    ends: Vec<u64>,
}

impl<'a> KeySort<'a> {
    /// For an index of the collection `ns`, of which one is built at a time: at most about
    /// `budget` bytes of entries are in memory.
    pub fn new(
        journal: &'a Journal,
        ns: &'a NamespaceString,
        details: NamespaceDetails,
        tree: &Btree,
        budget: u64,
    ) -> KeySort<'a> {
        KeySort {
            journal,
            ns,
            details,
            order: EntryOrder::of(tree),
            budget,
            gathered: Vec::new(),
            keys_cost: 0,
            file: None,
            ends: Vec::new(),
        }
    }

    /// Adds an entry.
    ///
    /// # Errors
    /// [`crate::Error::DiskFull`] if there is no room for a run; others of the disk.
    pub fn push(&mut self, key: Vec<u8>, loc: RecordLoc) -> Result<()> {
        // A vector that grows is copied into one twice as long: the room for both counts.
        let (len, capacity) = (self.gathered.len(), self.gathered.capacity());
        let room = if len == capacity { 3 * len } else { capacity };
        let cost = self.keys_cost + (room * size_of::<Entry>()) as u64;
        if cost >= self.budget && !self.gathered.is_empty() {
            self.end_run()?;
        }
        self.keys_cost += (key.capacity() + ALLOCATION_COST) as u64;
        self.gathered.push((key, loc));
        Ok(())
    }

    fn sort(&mut self) {
        let order = self.order;
        self.gathered.sort_unstable_by(|a, b| order.compare(a, b));
    }

    fn end_run(&mut self) -> Result<()> {
        self.sort();
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                // Of each collection of a database one index may be built at a time.
                let suffix = format!("{:x}.keys", self.details.loc().ofs);
                none.insert(self.journal.scratch_file(self.ns.database(), &suffix)?)
            }
        };
        key_runs::write(file, self.gathered.drain(..))?;
        self.keys_cost = 0;
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
