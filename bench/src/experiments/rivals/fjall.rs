//! fjall. A hit is a batch; its journal is handed to the system and synced each 100 ms by a
//! thread.

use std::path::Path;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode};

use super::failed;
use super::key_value::{Edit, KeyValue, Work, missing};
use crate::error::Result;
use crate::experiments::hit::store::Each;

const NAME: &str = "fjall";

/// As much as all of it.
const CACHE: u64 = 1 << 30;

/// One keyspace.
pub struct Fjall {
    database: Database,
    counters: Keyspace,
    syncing: Each,
}

impl Fjall {
    /// In a folder.
    ///
    /// # Errors
    /// fjall's.
    pub fn create(folder: &Path) -> Result<Fjall> {
        let builder = Database::builder(folder).cache_size(CACHE).manual_journal_persist(true);
        let database = builder.open().map_err(failed(NAME))?;
        let options = || {
            let options = KeyspaceCreateOptions::default();
            options.manual_journal_persist(true).expect_point_read_hits(true)
        };
        let counters = database.keyspace("counters", options).map_err(failed(NAME))?;
        let of_thread = database.clone();
        let persist = move || of_thread.persist(PersistMode::SyncData).map_err(failed(NAME));
        Ok(Fjall { database, counters, syncing: Each::start(persist) })
    }
}

impl KeyValue for Fjall {
    fn fill(&mut self, keys: &mut dyn Iterator<Item = Vec<u8>>, value: &[u8]) -> Result<()> {
        let mut ingestion = self.counters.start_ingestion().map_err(failed(NAME))?;
        for key in keys {
            ingestion.write(key, value).map_err(failed(NAME))?;
        }
        ingestion.finish().map_err(failed(NAME))
    }

    fn transaction(&mut self, work: &mut Work<'_>) -> Result<()> {
        let mut editing = Editing { counters: &self.counters, batch: self.database.batch() };
        work(&mut editing)?;
        editing.batch.commit().map_err(failed(NAME))
    }

    fn read(&mut self, first: &[u8], count: usize, each: &mut dyn FnMut(&[u8])) -> Result<()> {
        if count == 1 {
            let value = self.counters.get(first).map_err(failed(NAME))?;
            each(&value.ok_or_else(|| missing(NAME))?);
            return Ok(());
        }
        for entry in self.counters.range(first..).take(count) {
            each(&entry.value().map_err(failed(NAME))?);
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<()> {
        self.database.persist(PersistMode::SyncData).map_err(failed(NAME))
    }

    fn close(self) -> Result<()> {
        self.syncing.stop()
    }
}

struct Editing<'a> {
    counters: &'a Keyspace,
    batch: OwnedWriteBatch,
}

impl Edit for Editing<'_> {
    fn change(&mut self, key: &[u8], change: &mut dyn FnMut(&mut [u8])) -> Result<()> {
        let old = self.counters.get(key).map_err(failed(NAME))?;
        let mut value = old.ok_or_else(|| missing(NAME))?.to_vec();
        change(&mut value);
        self.batch.insert(self.counters, key, value);
        Ok(())
    }
}
