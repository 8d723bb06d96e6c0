//! RocksDB with merge operators: a hit is written without reading. The log is kept by RocksDB
//! until a thread writes and syncs it each 100 ms.

use std::path::Path;
use std::sync::Arc;

use rocksdb::{
    BlockBasedOptions, Cache, DB, Direction, IteratorMode, MergeOperands, Options, WriteBatch,
};

use super::failed;
use crate::error::Result;
use crate::experiments::hit::store::{Each, Store};
use crate::experiments::hit::views::{COUNTERS, View};

const NAME: &str = "RocksDB";
const MEMORY: usize = 256 << 20;

/// What a key leads to, and what is merged with it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Merge {
    /// All counters of a page; with numbers of counters, each one more.
    Document,
    /// One counter; with what it grows by.
    Counter,
}

/// One database.
pub struct Rocks {
    database: Arc<DB>,
    merge: Merge,
    pages: Vec<String>,
    syncing: Each,
    key: Vec<u8>,
}

impl Rocks {
    /// In a folder. A counter that is not there is zero.
    ///
    /// # Errors
    /// RocksDB's.
    pub fn create(folder: &Path, merge: Merge, pages: Vec<String>) -> Result<Rocks> {
        let mut options = Options::default();
        options.create_if_missing(true);
        options.set_manual_wal_flush(true);
        options.set_write_buffer_size(MEMORY / 4);
        options.set_max_write_buffer_number(4);
        options.increase_parallelism(2);
        let mut blocks = BlockBasedOptions::default();
        blocks.set_block_cache(&Cache::new_lru_cache(MEMORY));
        blocks.set_bloom_filter(10.0, false);
        options.set_block_based_table_factory(&blocks);
        match merge {
            Merge::Counter => options.set_merge_operator_associative("add", sum),
            Merge::Document => options.set_merge_operator("count", count, join),
        }
        let database = Arc::new(DB::open(&options, folder).map_err(failed(NAME))?);
        if merge == Merge::Document {
            for page in &pages {
                database.put(page, [0; 4 * COUNTERS]).map_err(failed(NAME))?;
            }
        }
        let of_thread = database.clone();
        let syncing = Each::start(move || of_thread.flush_wal(true).map_err(failed(NAME)));
        Ok(Rocks { database, merge, pages, syncing, key: Vec::new() })
    }

    fn add(&mut self, batch: &mut WriteBatch, view: View) {
        let page = self.pages[view.page as usize].as_bytes();
        let counters = view.counters().map(|at| at as u16);
        if self.merge == Merge::Document {
            let [hour, minute] = counters.map(u16::to_le_bytes);
            batch.merge(page, [hour[0], hour[1], minute[0], minute[1]]);
            return;
        }
        for at in counters {
            self.key.clear();
            self.key.extend_from_slice(page);
            self.key.extend_from_slice(&at.to_be_bytes());
            batch.merge(&self.key, 1u32.to_le_bytes());
        }
    }
}

impl Store for Rocks {
    fn hit(&mut self, view: View) -> Result<()> {
        self.hits(&[view])
    }

    fn hits(&mut self, views: &[View]) -> Result<()> {
        let mut batch = WriteBatch::default();
        views.iter().for_each(|view| self.add(&mut batch, *view));
        self.database.write(batch).map_err(failed(NAME))
    }

    fn settle(&mut self) -> Result<()> {
        self.database.flush_wal(true).map_err(failed(NAME))
    }

    fn read(&mut self, page: usize, counters: &mut [i64]) -> Result<()> {
        let page = self.pages[page].as_bytes();
        if self.merge == Merge::Document {
            let value = self.database.get_pinned(page).map_err(failed(NAME))?;
            let numbers = value.iter().flat_map(|value| value.chunks_exact(4).map(number));
            counters.iter_mut().zip(numbers).for_each(|(counter, n)| *counter = i64::from(n));
            return Ok(());
        }
        counters.fill(0);
        for entry in self.database.iterator(IteratorMode::From(page, Direction::Forward)) {
            let (key, value) = entry.map_err(failed(NAME))?;
            let Some(&[high, low]) = key.strip_prefix(page) else { break };
            let at = usize::from(u16::from_be_bytes([high, low]));
            let Some(counter) = counters.get_mut(at) else { break };
            *counter = i64::from(number(&value));
        }
        Ok(())
    }

    fn close(self) -> Result<()> {
        self.syncing.stop()
    }
}

fn number(bytes: &[u8]) -> u32 {
    bytes.try_into().map_or(0, u32::from_le_bytes)
}

/// Adds what a counter grows by.
fn sum(_: &[u8], old: Option<&[u8]>, more: &MergeOperands) -> Option<Vec<u8>> {
    let sum = old.into_iter().chain(more).map(number).fold(0, u32::wrapping_add);
    Some(sum.to_le_bytes().to_vec())
}

/// Counts in a document, by numbers of counters.
fn count(_: &[u8], old: Option<&[u8]>, more: &MergeOperands) -> Option<Vec<u8>> {
    let mut document = old.map_or_else(|| vec![0; 4 * COUNTERS], <[u8]>::to_vec);
    for at in more.iter().flat_map(|numbers| numbers.chunks_exact(2)) {
        let at = 4 * usize::from(u16::from_le_bytes([at[0], at[1]]));
        if let Some(counter) = document.get_mut(at..at + 4) {
            let sum = number(counter) + 1;
            counter.copy_from_slice(&sum.to_le_bytes());
        }
    }
    Some(document)
}

/// Numbers of counters, behind one another.
fn join(_: &[u8], old: Option<&[u8]>, more: &MergeOperands) -> Option<Vec<u8>> {
    Some(old.into_iter().chain(more).flatten().copied().collect())
}
