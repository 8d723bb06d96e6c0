//! What one round of one variant runs on: a folder of its own, the seed, the case's engine.

use std::path::Path;
use std::sync::Arc;

use oorandom::Rand64;
use tallymap::disk::HeapDisk;
use tallymap::{Counters, Engine, EngineBuilder};

use crate::case::{Case, Durability};
use crate::error::{Error, Result};
use crate::figures::Round;

/// One round of one variant.
pub struct Bench<'a> {
    pub case: &'a Case,
    /// An empty folder.
    pub folder: &'a Path,
    /// Keep the database in memory instead.
    pub ram: bool,
    /// All variants of a round have the same; rounds differ.
    pub seed: u64,
}

impl Bench<'_> {
    /// An engine as the case asks for, not yet opened.
    pub fn builder(&self) -> EngineBuilder {
        let mut builder = Engine::builder(self.folder).ns_size_mib(1);
        if self.ram {
            builder = builder.disk(Arc::new(HeapDisk::new()));
        }
        builder.durability(match self.case.durability {
            Durability::Journaled => tallymap::Durability::Journaled,
            Durability::None => tallymap::Durability::None,
        })
    }

    /// Numbers that depend on nothing but the seed.
    pub fn random(&self) -> Rand64 {
        Rand64::new(u128::from(self.seed))
    }

    /// Bytes of all files of the folder, the journal's apart.
    ///
    /// # Errors
    /// The system's.
    pub fn file_bytes(&self) -> Result<u64> {
        let folder = self.folder;
        crate::memory::data_files(folder).map_err(Error::io(folder))
    }
}

/// What the engine had done when the load began.
pub struct Work {
    journal_bytes: u64,
    journal_syncs: u64,
    commits: u64,
}

impl Work {
    /// Of now.
    pub fn so_far(counters: &Counters) -> Work {
        Work {
            journal_bytes: counters.journal_bytes.get(),
            journal_syncs: counters.journal_syncs.get(),
            commits: counters.commits.get(),
        }
    }

    /// What was done since, all of it made durable first: journal bytes per hit, syncs, commits.
    ///
    /// # Errors
    /// The engine's.
    pub fn figures(&self, engine: &Engine, hits: usize, round: &mut Round) -> Result<()> {
        let now = Work::so_far(engine.counters());
        let bytes = (now.journal_bytes - self.journal_bytes) as f64;
        round.figure("journal_bytes_per_hit", bytes / hits.max(1) as f64);
        let syncs = (now.journal_syncs - self.journal_syncs) as f64;
        round.figure("journal_syncs", syncs);
        round.figure("hits_per_sync", hits as f64 / syncs.max(1.0));
        round.figure("commits", (now.commits - self.commits) as f64);
        Ok(())
    }
}
