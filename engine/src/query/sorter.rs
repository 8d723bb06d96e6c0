//! Sorting in memory, bounded.
//!
//! With a limit no more is kept than twice that many items: what is certain not to be among
//! the first is dropped as it comes, or when room is needed.
//!
//! R1. The sort is stable: of equal items the one that came first is first, and is the one
//!     that a limit keeps.

use super::sort_pattern::{SortKey, SortPattern};
use crate::error::{Error, Reason, Result};

/// Fewest items that are kept before those beyond a limit are dropped.
const KEPT_MIN: usize = 64;

/// How much memory a sort may take, and how it says that it would take more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortBound {
    /// That of a find, bytes: says it as MongoDB 3.2 does.
    Find(usize),
    /// That of an aggregation, bytes: says it as MongoDB 5.0 does.
    Aggregation(usize),
}

impl SortBound {
    /// 3.2's bound of a find: 32 MB.
    pub const FIND: SortBound = SortBound::Find(32 << 20);
    /// The bound of an aggregation: 100 MB.
    pub const AGGREGATION: SortBound = SortBound::Aggregation(100 << 20);

    /// So many bytes.
    pub fn bytes_max(self) -> usize {
        match self {
            SortBound::Find(max) | SortBound::Aggregation(max) => max,
        }
    }

    fn exceeded(self) -> Error {
        match self {
            SortBound::Find(max) => {
                let message = format!(
                    "Sort operation used more than the maximum {max} bytes of RAM. Add an index, \
                     or specify a smaller limit."
                );
                Error::refused(Reason::OperationFailed, message)
            }
            SortBound::Aggregation(max) => {
                let message = format!(
                    "Sort exceeded memory limit of {max} bytes, but did not opt in to external \
                     sorting."
                );
                Error::refused(Reason::QueryExceededMemoryLimitNoDiskUseAllowed, message)
            }
        }
    }
}

/// Sorts documents, or whatever comes with their keys; keeps the first `limit` of them.
#[derive(Debug)]
pub struct Sorter<T> {
    pattern: SortPattern,
    limit: Option<usize>,
    bound: SortBound,
    items: Vec<Item<T>>,
    /// Bytes of all items.
    bytes: usize,
    /// Are the first `limit` items sorted, so that nothing behind them counts?
    full: bool,
}

#[derive(Debug)]
struct Item<T> {
    key: SortKey,
    value: T,
    bytes: usize,
}

impl<T> Sorter<T> {
    /// One that keeps at most `limit` items, within the bound of a find.
    pub fn new(pattern: SortPattern, limit: Option<usize>) -> Sorter<T> {
        let (bound, items) = (SortBound::FIND, Vec::new());
        Sorter { pattern, limit, bound, items, bytes: 0, full: limit == Some(0) }
    }

    /// The same within another bound.
    pub fn bounded(mut self, bound: SortBound) -> Sorter<T> {
        self.bound = bound;
        self
    }

    /// Adds an item that takes `len` bytes of memory, with the key of its document.
    ///
    /// # Errors
    /// When all that is kept takes more memory than a sort may.
    pub fn push(&mut self, key: SortKey, value: T, len: usize) -> Result<()> {
        if self.full {
            let last = self.limit.and_then(|limit| self.items.get(limit.checked_sub(1)?));
            if last.is_none_or(|last| self.pattern.compare(&key, &last.key).is_ge()) {
                return Ok(());
            }
        }
        let bytes = len.saturating_add(key.bytes_len());
        self.bytes = self.bytes.saturating_add(bytes);
        self.items.push(Item { key, value, bytes });
        let Some(limit) = self.limit else { return self.check() };
        let is_over = self.bytes > self.bound.bytes_max();
        if self.items.len() >= limit.saturating_mul(2).max(KEPT_MIN) || is_over {
            self.drop_the_rest();
        }
        self.check()
    }

    /// Bytes that the items take.
    #[cfg(test)]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The items in order; equal ones in the order in which they came.
    pub fn finish(mut self) -> impl Iterator<Item = T> {
        self.drop_the_rest();
        self.items.into_iter().map(|item| item.value)
    }

    /// Sorts, and drops what is behind the limit.
    fn drop_the_rest(&mut self) {
        self.items.sort_by(|a, b| self.pattern.compare(&a.key, &b.key));
        let Some(limit) = self.limit else { return };
        let behind = self.items.drain(limit.min(self.items.len())..);
        self.bytes -= behind.map(|item| item.bytes).sum::<usize>();
        self.full = self.items.len() == limit;
    }

    fn check(&self) -> Result<()> {
        match self.bytes > self.bound.bytes_max() {
            true => Err(self.bound.exceeded()),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rounds::rounds;
    use ::bson::rawdoc;

    fn pattern() -> SortPattern {
        SortPattern::parse(rawdoc! { "a": 1, "b": -1 }.as_bytes()).unwrap()
    }

    fn key(a: i32, b: i32) -> SortKey {
        pattern().key(rawdoc! { "a": a, "b": b }.as_bytes()).unwrap()
    }

    #[test]
    fn a_limit_keeps_the_first_and_is_stable() {
        let mut rng = oorandom::Rand32::new(3);
        for limit in [None, Some(0), Some(1), Some(7), Some(100), Some(5000)] {
            let mut sorter = Sorter::new(pattern(), limit);
            let mut naive = vec![];
            for i in 0..rounds(3000) {
                let (a, b) = (rng.rand_range(0..9) as i32, rng.rand_range(0..9) as i32);
                sorter.push(key(a, b), i, 10).unwrap();
                naive.push(((a, -b), i));
            }
            naive.sort();
            naive.truncate(limit.unwrap_or(usize::MAX));
            let expected: Vec<u32> = naive.into_iter().map(|(_, i)| i).collect();
            assert_eq!(sorter.finish().collect::<Vec<_>>(), expected, "{limit:?}");
        }
    }

    #[test]
    fn bounds() {
        let fill = |sorter: &mut Sorter<()>, count: i32| {
            (0..count).try_for_each(|i| sorter.push(key(-i, 0), (), 1 << 20))
        };
        let refused = fill(&mut Sorter::new(pattern(), None), 40).unwrap_err();
        assert_eq!(refused.code(), 96);
        let text = "Sort operation used more than the maximum 33554432 bytes of RAM. Add an \
                    index, or specify a smaller limit.";
        assert_eq!(refused.to_string(), text);
        fill(&mut Sorter::new(pattern(), None), 31).unwrap();
        let mut sorter = Sorter::new(pattern(), None).bounded(SortBound::AGGREGATION);
        fill(&mut sorter, 99).unwrap();
        let refused = fill(&mut sorter, 2).unwrap_err();
        assert_eq!(refused.code(), 292);
        let text = "Sort exceeded memory limit of 104857600 bytes, but did not opt in to \
                    external sorting.";
        assert_eq!(refused.to_string(), text);
        // What a limit drops takes no memory.
        let mut sorter = Sorter::new(pattern(), Some(20));
        fill(&mut sorter, 1000).unwrap();
        assert!(sorter.bytes() < 32 << 20);
        assert_eq!(sorter.finish().count(), 20);
        assert_eq!(fill(&mut Sorter::new(pattern(), Some(50)), 50).unwrap_err().code(), 96);
    }
}
