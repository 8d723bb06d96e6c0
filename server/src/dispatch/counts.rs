//! How often what was asked: `opcounters`, connections, bytes.

use std::sync::atomic::{AtomicU64, Ordering};

use super::table::Does;
use super::top::Latencies;

/// One count.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// One more.
    pub fn add(&self) {
        self.add_many(1);
    }

    /// So many more.
    pub fn add_many(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// So many so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Everything that a server counts.
#[derive(Debug, Default)]
pub struct Counts {
    /// Documents inserted.
    pub inserts: Count,
    /// Finds.
    pub queries: Count,
    /// Update statements.
    pub updates: Count,
    /// Delete statements.
    pub deletes: Count,
    /// Fetches from cursors.
    pub get_mores: Count,
    /// Other commands.
    pub commands: Count,
    /// Connections that were opened.
    pub connections: Count,
    /// Connections that were refused because there were too many.
    pub connections_refused: Count,
    /// Connections that were closed.
    pub closed: Count,
    /// Bytes that came.
    pub bytes_in: Count,
    /// Bytes that went.
    pub bytes_out: Count,
    /// Messages that came.
    pub requests: Count,
    /// Names that were asked for and are no command's.
    pub unknown: Count,
    /// Refusals: of commands, and of statements.
    pub refused: Count,
    /// Documents that updates matched.
    pub updated: Count,
    /// Documents that were deleted.
    pub removed: Count,
    /// How long commands took.
    pub latencies: Latencies,
}

impl Counts {
    /// Counts a command, but for a write, of which each statement counts.
    pub fn count(&self, does: Does) {
        match does {
            Does::Query => self.queries.add(),
            Does::GetMore => self.get_mores.add(),
            Does::Insert | Does::Update | Does::Remove => {}
            Does::Read | Does::Change | Does::Command => self.commands.add(),
        }
    }
}
