//! Work done, counted: what tests assert instead of milliseconds.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        /// Totals since the engine was opened.
        #[derive(Debug, Default)]
        pub struct Counters {
            $($(#[$doc])* pub $name: Counter,)*
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
    commits;
    /// Syncs of journal files.
    journal_syncs;
    /// Bytes of sections written to the journal, filler included.
    journal_bytes;
    /// Bytes of sections before compression: the lines, and the entries that place them.
    journaled_bytes;
    /// Ranges written from the journal to data files.
    applied_writes;
    /// Bytes written from the journal to data files.
    applied_bytes;
    /// Syncs of data files.
    data_file_syncs;
    /// Pages of private memory given back to the kernel.
    pages_dropped;
    /// Data files made.
    files_created;
    /// Extents taken from files or from the free list.
    extents_allocated;
    /// Records that outgrew their place.
    moves;
    /// Index buckets split.
    bucket_splits;
    /// Lookups by `_id` answered by the record memo.
    record_memo_hits;
    /// Lookups by `_id` that walked the b-tree.
    record_memo_misses;
    /// Fields found by the layout memo.
    layout_memo_hits;
    /// Fields found by scanning.
    layout_memo_misses;
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

/// One monotonic counter, cheap enough for the hot path of a single event.
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
