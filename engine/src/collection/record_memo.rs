//! From the hash of an `_id` to the record that has it, in front of the b-tree.
//!
//! It only remembers: a hit is compared with the record's own `_id` by the caller, and a miss
//! walks the b-tree. It is bounded, and forgets what does not fit.
//!
//! M1. An entry names a live record of this collection, whose `_id` bytes have the entry's hash.
//!     So a record is forgotten, with the collection held exclusively, before it is removed or
//!     moved; entries are only added for the `_id` that the record itself holds.
//! M2. The shape of an entry is that of the record's document, or 0. So every write but that of
//!     a value of unchanged type and width forgets the record first.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::disk_loc::{DiskLoc, FileNo, RecordLoc};

/// Entries of one set: a cache line of them.
const WAYS: usize = 8;
/// Entries of a new memo, and the most that one grows to (16 MiB).
const ENTRIES_MIN: usize = 1 << 10;
const ENTRIES_MAX: usize = 1 << 21;

/// One of the shapes known to a collection; 0 is "not known".
pub type ShapeNo = u16;
/// Most shapes that an entry can tell apart.
pub const SHAPES_MAX: usize = 511;

#[repr(align(64))]
#[derive(Debug, Default)]
struct Set([AtomicU64; WAYS]);

/// The memo of one collection.
#[derive(Debug)]
pub struct RecordMemo {
    sets: Box<[Set]>,
}

// An entry: tag 12 bits, shape 9, file 14, offset / 4 29. Offset 0 is no record's: 0 is empty.
const OFS_BITS: u32 = 29;
const FILE_BITS: u32 = 14;
const LOC_BITS: u32 = OFS_BITS + FILE_BITS;
const SHAPE_BITS: u32 = 9;
const LOC_MASK: u64 = (1 << LOC_BITS) - 1;
const SHAPE_MASK: u64 = (1 << SHAPE_BITS) - 1;
const _: () = assert!(crate::limits::DATA_FILES_MAX <= 1 << FILE_BITS);
const _: () = assert!(SHAPES_MAX as u64 == SHAPE_MASK);

fn pack(tag: u64, shape: ShapeNo, loc: RecordLoc) -> u64 {
    let DiskLoc { file, ofs } = loc.0;
    let place = (file as u64) << OFS_BITS | (ofs as u64) >> 2;
    tag << (LOC_BITS + SHAPE_BITS) | u64::from(shape) << LOC_BITS | place
}

fn loc_of(entry: u64) -> RecordLoc {
    let place = entry & LOC_MASK;
    let ofs = ((place & ((1 << OFS_BITS) - 1)) << 2) as i32;
    RecordLoc(DiskLoc::new(FileNo((place >> OFS_BITS) as i32), ofs))
}

fn shape_of(entry: u64) -> ShapeNo {
    (entry >> LOC_BITS & SHAPE_MASK) as ShapeNo
}

impl RecordMemo {
    /// A memo for about `records` records, empty.
    pub fn for_records(records: u64) -> RecordMemo {
        let wanted = (records as usize).saturating_mul(2).clamp(ENTRIES_MIN, ENTRIES_MAX);
        let entries = wanted.next_power_of_two();
        RecordMemo { sets: (0..entries / WAYS).map(|_| Set::default()).collect() }
    }

    /// A larger memo is worth having for this many records.
    pub fn is_outgrown_by(&self, records: u64) -> bool {
        let entries = self.sets.len() * WAYS;
        entries < ENTRIES_MAX && records as usize > entries / 4 * 3
    }

    fn set(&self, hash: u64) -> (&[AtomicU64; WAYS], u64) {
        let set = hash as usize & (self.sets.len() - 1);
        (&self.sets[set].0, hash >> (LOC_BITS + SHAPE_BITS))
    }

    /// Records whose `_id` may have this hash, each with its shape. The caller compares.
    pub fn candidates(&self, hash: u64) -> impl Iterator<Item = (RecordLoc, ShapeNo)> + '_ {
        let (set, tag) = self.set(hash);
        set.iter().filter_map(move |way| {
            let entry = way.load(Ordering::Relaxed);
            let hit = entry != 0 && entry >> (LOC_BITS + SHAPE_BITS) == tag;
            hit.then(|| (loc_of(entry), shape_of(entry)))
        })
    }

    /// Remembers that the record at `loc` has an `_id` of this hash. Any thread that holds the
    /// collection may call it; of several at once, one stays.
    pub fn remember(&self, hash: u64, loc: RecordLoc, shape: ShapeNo) {
        let (set, tag) = self.set(hash);
        let entry = pack(tag, shape, loc);
        let same = |way: &&AtomicU64| {
            let old = way.load(Ordering::Relaxed);
            old != 0 && loc_of(old) == loc
        };
        let free = |way: &&AtomicU64| way.load(Ordering::Relaxed) == 0;
        let victim = &set[(hash >> 32) as usize % WAYS];
        let way = set.iter().find(same).or_else(|| set.iter().find(free)).unwrap_or(victim);
        way.store(entry, Ordering::Relaxed);
    }

    /// Forgets the record at `loc`, whose `_id` has this hash. The caller holds the collection
    /// exclusively.
    pub fn forget(&self, hash: u64, loc: RecordLoc) {
        for way in self.set(hash).0 {
            let entry = way.load(Ordering::Relaxed);
            if entry != 0 && loc_of(entry) == loc {
                way.store(0, Ordering::Relaxed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rounds::rounds;
    use std::collections::HashMap;

    fn loc(n: u64) -> RecordLoc {
        RecordLoc(DiskLoc::new(FileNo((n % 7) as i32), 8192 + 4 * n as i32))
    }

    fn hash_of(n: u64) -> u64 {
        n.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29).wrapping_mul(0xd1b5_4a32_d192_ed03)
    }

    #[test]
    fn entries_keep_the_extremes() {
        let far = RecordLoc(DiskLoc::new(FileNo(15_999), 0x7fff_fffc));
        let entry = pack(0xfff, 511, far);
        assert_eq!((loc_of(entry), shape_of(entry)), (far, 511));
    }

    #[test]
    fn never_names_a_forgotten_record() {
        let mut rng = oorandom::Rand64::new(5);
        let memo = RecordMemo::for_records(100);
        let mut live = HashMap::new();
        for _ in 0..rounds(20_000) {
            let n = rng.rand_range(0..3000);
            if rng.rand_float() < 0.6 {
                memo.remember(hash_of(n), loc(n), (n % 500) as ShapeNo);
                live.insert(n, ());
            } else {
                memo.forget(hash_of(n), loc(n));
                live.remove(&n);
            }
            let seen: Vec<_> = memo.candidates(hash_of(n)).filter(|(l, _)| *l == loc(n)).collect();
            assert!(seen.len() <= usize::from(live.contains_key(&n)), "record {n}");
            assert!(seen.iter().all(|(_, s)| u64::from(*s) == n % 500));
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "makes the largest memo, of two million entries")]
    fn grows_up_to_its_bound() {
        let memo = RecordMemo::for_records(0);
        assert!(!memo.is_outgrown_by(768));
        assert!(memo.is_outgrown_by(769));
        assert!(!RecordMemo::for_records(u64::MAX / 4).is_outgrown_by(u64::MAX));
    }
}
