//! LMDB. Its tree lies in a map of the file that transactions write to directly (`WRITE_MAP`),
//! which spares a system call for each; a thread syncs each 100 ms (`NO_SYNC`). After a power
//! failure in between, pages may be of any age: LMDB says that the database can be corrupt then.
//! It has nothing between this and a sync for each transaction.

use std::path::Path;
use std::sync::Arc;

use lmdb::{
    Cursor, Database, DatabaseFlags, Environment, EnvironmentFlags, RwTransaction, Transaction,
    WriteFlags,
};

use super::failed;
use super::key_value::{Edit, KeyValue, Work};
use crate::error::Result;
use crate::experiments::hit::store::Each;

const NAME: &str = "LMDB";

/// The file may become as long; it is sparse.
const MAP_SIZE: usize = 4 << 30;

/// One database.
pub struct Lmdb {
    environment: Arc<Environment>,
    database: Database,
    syncing: Option<Each>,
    value: Vec<u8>,
}

impl Lmdb {
    /// In a folder. Every commit waits for the disk.
    ///
    /// # Errors
    /// LMDB's.
    pub fn synced(folder: &Path) -> Result<Lmdb> {
        Lmdb::open(folder, EnvironmentFlags::empty())
    }

    /// In a folder. It is synced each 100 ms.
    ///
    /// # Errors
    /// LMDB's.
    pub fn create(folder: &Path) -> Result<Lmdb> {
        let mut lmdb = Lmdb::open(folder, EnvironmentFlags::WRITE_MAP | EnvironmentFlags::NO_SYNC)?;
        let environment = lmdb.environment.clone();
        let sync = move || environment.sync(true).map_err(failed(NAME));
        lmdb.syncing = Some(Each::start(sync));
        Ok(lmdb)
    }

    fn open(folder: &Path, flags: EnvironmentFlags) -> Result<Lmdb> {
        let mut builder = Environment::new();
        let builder = builder.set_flags(flags).set_map_size(MAP_SIZE);
        let environment = builder.open(folder).map_err(failed(NAME))?;
        let database = environment.create_db(None, DatabaseFlags::empty()).map_err(failed(NAME))?;
        let environment = Arc::new(environment);
        Ok(Lmdb { environment, database, syncing: None, value: Vec::new() })
    }
}

impl KeyValue for Lmdb {
    fn fill(&mut self, keys: &mut dyn Iterator<Item = Vec<u8>>, value: &[u8]) -> Result<()> {
        let mut transaction = self.environment.begin_rw_txn().map_err(failed(NAME))?;
        for key in keys {
            let put = transaction.put(self.database, &key, &value, WriteFlags::APPEND);
            put.map_err(failed(NAME))?;
        }
        transaction.commit().map_err(failed(NAME))
    }

    fn transaction(&mut self, work: &mut Work<'_>) -> Result<()> {
        let transaction = self.environment.begin_rw_txn().map_err(failed(NAME))?;
        let value = &mut self.value;
        let mut editing = Editing { transaction, database: self.database, value };
        work(&mut editing)?;
        editing.transaction.commit().map_err(failed(NAME))
    }

    fn read(&mut self, first: &[u8], count: usize, each: &mut dyn FnMut(&[u8])) -> Result<()> {
        let transaction = self.environment.begin_ro_txn().map_err(failed(NAME))?;
        let mut cursor = transaction.open_ro_cursor(self.database).map_err(failed(NAME))?;
        for entry in cursor.iter_from(first).take(count) {
            each(entry.map_err(failed(NAME))?.1);
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<()> {
        self.environment.sync(true).map_err(failed(NAME))
    }

    fn close(self) -> Result<()> {
        self.syncing.map_or(Ok(()), Each::stop)
    }
}

struct Editing<'a> {
    transaction: RwTransaction<'a>,
    database: Database,
    value: &'a mut Vec<u8>,
}

impl Edit for Editing<'_> {
    fn change(&mut self, key: &[u8], change: &mut dyn FnMut(&mut [u8])) -> Result<()> {
        self.value.clear();
        let old = self.transaction.get(self.database, &key).map_err(failed(NAME))?;
        self.value.extend_from_slice(old);
        change(self.value);
        let put = self.transaction.put(self.database, &key, &self.value, WriteFlags::empty());
        put.map_err(failed(NAME))
    }
}
