//! A disk that can fail, and an engine on it.

use std::sync::Arc;

use tallymap::disk::sim_disk::{FaultDisk, SimDisk};
use tallymap::disk::{Access, Disk, HeapDisk};
use tallymap::{Durability, Engine, EngineBuilder, Error, Result};

/// How the parts of the script open the directory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct How {
    pub read_only: bool,
    pub directory_per_db: bool,
    pub unjournaled: bool,
}

/// A disk, and the engine on it while it is open.
pub struct Stage {
    /// What knows which bytes survive a power failure.
    pub sim: SimDisk,
    /// What the engine sees.
    pub disk: FaultDisk,
    pub how: How,
    pub engine: Option<Engine>,
}

impl Stage {
    pub fn new(files: HeapDisk, how: How) -> Stage {
        let sim = SimDisk::new(files);
        let disk = FaultDisk::new(Arc::new(sim.clone()));
        Stage { sim, disk, how, engine: None }
    }

    pub fn builder(&self) -> EngineBuilder {
        builder(self.how).disk(Arc::new(self.disk.clone()))
    }

    /// Opens. Without a journal, an opening that failed for good may pass for a crash: then this
    /// does what the error says.
    ///
    /// # Errors
    /// The engine's.
    pub fn open(&self) -> Result<Engine> {
        match self.builder().open() {
            Err(Error::BadFile { file, problem }) if self.how.unjournaled => {
                assert!(problem.contains("empty this file"), "{}: {problem}", file.display());
                self.disk.open(&file, Access::Write)?.set_len(0)?;
                self.builder().open()
            }
            opened => opened,
        }
    }

    pub fn engine(&self) -> &Engine {
        self.engine.as_ref().expect("open")
    }
}

/// An engine without threads, so that the same calls come in the same order in every run.
pub fn builder(how: How) -> EngineBuilder {
    let builder = Engine::builder("bad disk").ns_size_mib(1).background(false);
    let builder = match how.directory_per_db {
        true => builder.directory_per_db(true),
        false => builder,
    };
    let durability = if how.unjournaled { Durability::None } else { Durability::Journaled };
    // So little that a few keys go through a file.
    builder.index_build_memory(1 << 10).durability(durability).read_only(how.read_only)
}
