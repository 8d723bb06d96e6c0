//! How often what was asked: `opcounters`, connections, bytes.

use std::sync::atomic::{AtomicU64, Ordering};

use super::table::Does;
use super::top::Latencies;
use crate::wire::compressor::Compressor;

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
    /// What compressors did, in the order of [`Compressor::ALL`].
    pub compression: [Compressed; 3],
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

/// Bytes that one compressor was given, and what it made of them.
#[derive(Debug, Default)]
pub struct Compressed {
    /// Of messages that came, as they came.
    pub came: Count,
    /// The same, decompressed.
    pub came_plain: Count,
    /// Of messages that went, as they went.
    pub went: Count,
    /// The same, before they were compressed.
    pub went_plain: Count,
}

impl Counts {
    /// What this compressor did.
    pub fn compression(&self, compressor: Compressor) -> &Compressed {
        let [snappy, zlib, zstd] = &self.compression;
        match compressor {
            Compressor::Snappy => snappy,
            Compressor::Zlib => zlib,
            Compressor::Zstd => zstd,
        }
    }

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
