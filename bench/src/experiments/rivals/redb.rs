//! redb. A hit is a commit without durability, a thread makes a durable one each 100 ms, which
//! takes all before along.

use std::path::Path;
use std::sync::Arc;

use redb::{Database, Durability, ReadableDatabase, ReadableTable, Table, TableDefinition};

use super::failed;
use super::key_value::{Edit, KeyValue, Work, missing};
use crate::error::Result;
use crate::experiments::hit::store::Each;

const NAME: &str = "redb";
const TABLE: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("counters");

/// As much as all of it.
const CACHE: usize = 1 << 30;

/// One database.
pub struct Redb {
    database: Arc<Database>,
    syncing: Each,
    value: Vec<u8>,
}

impl Redb {
    /// In a folder.
    ///
    /// # Errors
    /// redb's.
    pub fn create(folder: &Path) -> Result<Redb> {
        let mut builder = Database::builder();
        let file = folder.join("counters.redb");
        let database = Arc::new(builder.set_cache_size(CACHE).create(file).map_err(failed(NAME))?);
        let of_thread = database.clone();
        let syncing = Each::start(move || sync(&of_thread));
        Ok(Redb { database, syncing, value: Vec::new() })
    }
}

/// A durable commit of nothing.
fn sync(database: &Database) -> Result<()> {
    let transaction = database.begin_write().map_err(failed(NAME))?;
    transaction.commit().map_err(failed(NAME))
}

impl KeyValue for Redb {
    fn fill(&mut self, keys: &mut dyn Iterator<Item = Vec<u8>>, value: &[u8]) -> Result<()> {
        let transaction = self.database.begin_write().map_err(failed(NAME))?;
        {
            let mut table = transaction.open_table(TABLE).map_err(failed(NAME))?;
            for key in keys {
                table.insert(key.as_slice(), value).map_err(failed(NAME))?;
            }
        }
        transaction.commit().map_err(failed(NAME))
    }

    fn transaction(&mut self, work: &mut Work<'_>) -> Result<()> {
        let mut transaction = self.database.begin_write().map_err(failed(NAME))?;
        transaction.set_durability(Durability::None).map_err(failed(NAME))?;
        {
            let table = transaction.open_table(TABLE).map_err(failed(NAME))?;
            work(&mut Editing { table, value: &mut self.value })?;
        }
        transaction.commit().map_err(failed(NAME))
    }

    fn read(&mut self, first: &[u8], count: usize, each: &mut dyn FnMut(&[u8])) -> Result<()> {
        let transaction = self.database.begin_read().map_err(failed(NAME))?;
        let table = transaction.open_table(TABLE).map_err(failed(NAME))?;
        for entry in table.range(first..).map_err(failed(NAME))?.take(count) {
            each(entry.map_err(failed(NAME))?.1.value());
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<()> {
        sync(&self.database)
    }

    fn close(self) -> Result<()> {
        self.syncing.stop()
    }
}

struct Editing<'a> {
    table: Table<'a, &'static [u8], &'static [u8]>,
    value: &'a mut Vec<u8>,
}

impl Edit for Editing<'_> {
    fn change(&mut self, key: &[u8], change: &mut dyn FnMut(&mut [u8])) -> Result<()> {
        self.value.clear();
        match self.table.get(key).map_err(failed(NAME))? {
            Some(old) => self.value.extend_from_slice(old.value()),
            None => return Err(missing(NAME)),
        }
        change(self.value);
        self.table.insert(key, self.value.as_slice()).map_err(failed(NAME))?;
        Ok(())
    }
}
