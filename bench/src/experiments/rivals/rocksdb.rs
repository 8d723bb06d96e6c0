//! RocksDB with merge operators: a hit is written without reading. The log is kept by RocksDB
//! until a thread writes and syncs it each 100 ms.

use std::path::Path;
use std::sync::Arc;

use rocksdb::{
    BlockBasedOptions, Cache, DB, Direction, IteratorMode, MergeOperands, Options, WriteBatch,
};

use super::failed;
use super::key_value::{Layout, Place, add, number};
use crate::daily::{COUNTERS, Hit};
use crate::error::Result;
use crate::experiments::hit::store::{Each, Store};

const NAME: &str = "RocksDB";
const MEMORY: usize = 256 << 20;

/// One database. What has not been counted yet is not there.
pub struct Rocks {
    database: Arc<DB>,
    layout: Layout,
    pages: Vec<String>,
    syncing: Each,
    key: Vec<u8>,
}

impl Rocks {
    /// In a folder.
    ///
    /// # Errors
    /// RocksDB's.
    pub fn create(folder: &Path, layout: Layout, pages: Vec<String>) -> Result<Rocks> {
        let mut options = Options::default();
        options.create_if_missing(true);
        options.set_manual_wal_flush(true);
        // One thread writes.
        options.set_allow_concurrent_memtable_write(false);
        options.set_write_buffer_size(MEMORY / 4);
        options.set_max_write_buffer_number(4);
        options.increase_parallelism(2);
        let mut blocks = BlockBasedOptions::default();
        blocks.set_block_cache(&Cache::new_lru_cache(MEMORY));
        blocks.set_bloom_filter(10.0, false);
        options.set_block_based_table_factory(&blocks);
        let counters = COUNTERS.div_ceil(layout.values());
        let count = move |_: &[u8], old: Option<&[u8]>, more: &MergeOperands| {
            Some(counted(counters, old, more))
        };
        match layout {
            Layout::Counter => options.set_merge_operator_associative("add", sum),
            _ => options.set_merge_operator("count", count, join),
        }
        let database = Arc::new(DB::open(&options, folder).map_err(failed(NAME))?);
        let of_thread = database.clone();
        let syncing = Each::start(move || of_thread.flush_wal(true).map_err(failed(NAME)));
        Ok(Rocks { database, layout, pages, syncing, key: Vec::new() })
    }

    fn add(&mut self, batch: &mut WriteBatch, view: Hit) {
        for of_value in self.layout.places(view).chunk_by(Place::is_with) {
            let place = of_value[0];
            self.layout.set_key(&self.pages[place.page()], place.value(), &mut self.key);
            match of_value {
                [one, other] => {
                    let [a, b] = [one, other].map(|place| (place.at() as u16).to_le_bytes());
                    batch.merge(&self.key, [a[0], a[1], b[0], b[1]]);
                }
                _ => batch.merge(&self.key, 1u32.to_le_bytes()),
            }
        }
    }
}

impl Store for Rocks {
    fn hit(&mut self, view: Hit) -> Result<()> {
        self.hits(&[view])
    }

    fn hits(&mut self, views: &[Hit]) -> Result<()> {
        let mut batch = WriteBatch::default();
        views.iter().for_each(|view| self.add(&mut batch, *view));
        self.database.write(batch).map_err(failed(NAME))
    }

    fn settle(&mut self) -> Result<()> {
        self.database.flush_wal(true).map_err(failed(NAME))
    }

    fn read(&mut self, page: usize, counters: &mut [i64]) -> Result<()> {
        let page = self.pages[page].as_bytes();
        counters.fill(0);
        for entry in self.database.iterator(IteratorMode::From(page, Direction::Forward)) {
            let (key, bytes) = entry.map_err(failed(NAME))?;
            let value = match key.strip_prefix(page) {
                Some([]) => 0,
                Some(&[high, low]) => usize::from(u16::from_be_bytes([high, low])),
                _ => break,
            };
            // A chart ends before the counters do.
            if self.layout.counter(value, 0) >= counters.len() {
                break;
            }
            for (at, bytes) in bytes.chunks_exact(4).enumerate() {
                if let Some(counter) = counters.get_mut(self.layout.counter(value, at)) {
                    *counter = number(bytes);
                }
            }
        }
        Ok(())
    }

    fn close(self) -> Result<()> {
        self.syncing.stop()
    }
}

/// Adds what a counter grows by.
fn sum(_: &[u8], old: Option<&[u8]>, more: &MergeOperands) -> Option<Vec<u8>> {
    let sum = old.into_iter().chain(more).map(number).sum::<i64>() as i32;
    Some(sum.to_le_bytes().to_vec())
}

/// A value of so many counters, of which each that is named has one more.
fn counted(counters: usize, old: Option<&[u8]>, more: &MergeOperands) -> Vec<u8> {
    let mut value = old.map_or_else(|| vec![0; 4 * counters], <[u8]>::to_vec);
    for at in more.iter().flat_map(|names| names.chunks_exact(2)) {
        add(&mut value, usize::from(u16::from_le_bytes([at[0], at[1]])));
    }
    value
}

/// Names of counters, behind one another.
fn join(_: &[u8], old: Option<&[u8]>, more: &MergeOperands) -> Option<Vec<u8>> {
    Some(old.into_iter().chain(more).flatten().copied().collect())
}
