//! Work done, counted: what tests assert instead of milliseconds.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::sync::thread_number;

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident: $kind:ident;)*) => {
        /// Totals since the engine was opened.
        #[derive(Debug, Default)]
        pub struct Counters {
            $($(#[$doc])* pub $name: $kind,)*
        }

        impl Counters {
            /// Every counter with its name, in the order of declaration.
            pub fn all(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name.get()),)*]
            }
        }
    };
}

counters! {
    /// Group commits that wrote a journal section.
    commits: Counter;
    /// Group commits that were begun before their time: too much was dirty, or somebody waited.
    early_commits: Counter;
    /// Time in which commits gathered what had changed, writers being held or not, microseconds.
    gather_us: Counter;
    /// Time in which sections were written to the journal and synced, microseconds.
    journal_us: Counter;
    /// Time in which commits wrote pages to the data files, microseconds.
    write_back_us: Counter;
    /// Syncs of all data files that the interval called for.
    flushes: Counter;
    /// Time that they took, microseconds.
    flush_us: Counter;
    /// Time that the last of them took, microseconds.
    last_flush_us: Gauge;
    /// When it ended, milliseconds since 1970; 0 if there was none.
    last_flush_ms: Gauge;
    /// Syncs of journal files.
    journal_syncs: Counter;
    /// Bytes of sections written to the journal, filler included.
    journal_bytes: Counter;
    /// Bytes of sections before compression: the lines, and the entries that place them.
    journaled_bytes: Counter;
    /// Ranges written from the journal to data files.
    applied_writes: Counter;
    /// Bytes written from the journal to data files.
    applied_bytes: Counter;
    /// Syncs of data files.
    data_file_syncs: Counter;
    /// Pages of private memory given back to the kernel.
    pages_dropped: Counter;
    /// Data files made.
    files_created: Counter;
    /// Extents taken from files or from the free list.
    extents_allocated: Counter;
    /// Records that outgrew their place.
    moves: Counter;
    /// Entries of indexes that finished queries looked at.
    keys_examined: Counter;
    /// Documents that they looked at.
    documents_examined: Counter;
    /// Queries that looked at a whole collection.
    collection_scans: Counter;
    /// Those of them that go on waiting at its end.
    tailable_scans: Counter;
    /// Queries that sorted in memory.
    sorts_in_memory: Counter;
    /// Updates that changed values where they lie.
    updates_in_place: PerThread;
    /// Fields that updates skipped without reading them.
    fields_skipped: PerThread;
    /// Index buckets split.
    bucket_splits: Counter;
    /// Passes over the indexes by which documents expire.
    ttl_passes: Counter;
    /// Documents deleted because they had expired.
    ttl_deleted: Counter;
    /// Lookups by `_id` answered by the record memo.
    record_memo_hits: PerThread;
    /// Lookups by `_id` that walked the b-tree.
    record_memo_misses: Counter;
    /// Fields found by the layout memo.
    layout_memo_hits: PerThread;
    /// Fields found by scanning.
    layout_memo_misses: Counter;
}

/// Work inside of a unit of work: it counts when the unit is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// A record outgrew its place.
    Move,
    /// An index bucket was split.
    BucketSplit,
    /// An extent was taken.
    Extent,
}

/// How much of each kind was done so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Worked([u64; 3]);

impl Worked {
    /// One more.
    pub fn add(&mut self, work: Work) {
        self.0[work as usize] += 1;
    }

    /// Counts all of it.
    pub fn count(self, counters: &Counters) {
        if self.0 == [0; 3] {
            return;
        }
        counters.moves.add(self.0[Work::Move as usize]);
        counters.bucket_splits.add(self.0[Work::BucketSplit as usize]);
        counters.extents_allocated.add(self.0[Work::Extent as usize]);
    }
}

/// One monotonic counter.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// Its value.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A value that is set, not summed.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);

impl Gauge {
    /// Sets it.
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Its value.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Cells of a [`PerThread`].
const CELLS: usize = 128;

/// A cell, alone on its cache lines.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Cell(AtomicU64);

/// A monotonic counter for what happens with every hit: each thread adds to a cell that is its
/// own, without a locked instruction. Threads beyond the cells share one.
///
/// No cell has two writers: a thread's number is its own while it lives, and who gets it next
/// takes it behind a lock, so it sees what was written.
#[derive(Debug)]
pub struct PerThread {
    cells: Box<[Cell]>,
    shared: AtomicU64,
}

impl Default for PerThread {
    fn default() -> PerThread {
        let cells = (0..CELLS).map(|_| Cell::default()).collect();
        PerThread { cells, shared: AtomicU64::new(0) }
    }
}

impl PerThread {
    /// Adds `n`.
    #[inline(always)]
    pub fn add(&self, n: u64) {
        match self.cells.get(thread_number()) {
            Some(Cell(cell)) => cell.store(cell.load(Ordering::Relaxed) + n, Ordering::Relaxed),
            None => drop(self.shared.fetch_add(n, Ordering::Relaxed)),
        }
    }

    /// Its value: all that was added before, and perhaps what is being added.
    pub fn get(&self) -> u64 {
        let cells = self.cells.iter().map(|cell| cell.0.load(Ordering::Relaxed));
        cells.sum::<u64>() + self.shared.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_lose_no_count() {
        let counter = PerThread::default();
        let (threads, times) = (if cfg!(miri) { 4 } else { CELLS as u64 + 30 }, 1000);
        for _ in 0..3 {
            std::thread::scope(|scope| {
                for _ in 0..threads {
                    scope.spawn(|| (0..times).for_each(|_| counter.add(2)));
                }
            });
        }
        assert_eq!(counter.get(), 3 * threads * times * 2);
    }
}
