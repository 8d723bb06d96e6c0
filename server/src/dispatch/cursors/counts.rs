//! What is counted of cursors.

use crate::dispatch::counts::Count;

/// What is counted of cursors.
#[derive(Debug, Default)]
pub struct CursorCounts {
    /// Cursors that were opened, most of them to be over with their first batch.
    pub opened: Count,
    /// Those that gave a second batch.
    pub more_than_one_batch: Count,
    /// Those that nobody used.
    pub timed_out: Count,
    /// Documents that were given.
    pub returned: Count,
}

/// How many cursors are open.
#[derive(Debug, Clone, Copy, Default)]
pub struct Open {
    /// All of them.
    pub total: usize,
    /// Those that stay however long nobody uses them.
    pub no_timeout: usize,
    /// Those that somebody fetches from.
    pub pinned: usize,
}
