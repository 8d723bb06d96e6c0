//! How often what was asked: `opcounters`, connections, bytes.

use std::sync::atomic::{AtomicU64, Ordering};

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

/// What a command counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A find.
    Query,
    /// A getMore.
    GetMore,
    /// A write, of which each statement counts.
    Write,
    /// Anything else.
    Command,
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
    /// Connections that were closed.
    pub closed: Count,
    /// Bytes that came.
    pub bytes_in: Count,
    /// Bytes that went.
    pub bytes_out: Count,
    /// Messages that came.
    pub requests: Count,
}

impl Counts {
    /// Counts a command.
    pub fn count(&self, kind: Kind) {
        match kind {
            Kind::Query => self.queries.add(),
            Kind::GetMore => self.get_mores.add(),
            Kind::Write => {}
            Kind::Command => self.commands.add(),
        }
    }
}
