//! SQLite, with a write-ahead log, `synchronous` `NORMAL`, prepared statements. A commit does not
//! sync; a thread moves the log into the database each 100 ms, which syncs both, and begins it
//! anew: `PASSIVE` was as fast, but never gets to the end of a log that is always written.

use std::path::Path;

use rusqlite::{CachedStatement, Connection, params};

use super::failed;
use super::key_value::{Edit, KeyValue, Work, missing};
use crate::daily::{COUNTERS, Hit};
use crate::error::Result;
use crate::experiments::hit::store::{Each, Store};

const NAME: &str = "SQLite";

/// One database, and the thread that moves its log.
struct Base {
    connection: Connection,
    moving: Each,
}

const CHECKPOINT: &str = "PRAGMA wal_checkpoint(RESTART)";

impl Base {
    fn create(folder: &Path, schema: &str) -> Result<Base> {
        let connection = connect(folder)?;
        connection.execute_batch(schema).map_err(failed(NAME))?;
        let other = connect(folder)?;
        let moving = Each::start(move || checkpoint(&other));
        Ok(Base { connection, moving })
    }

    fn run(&self, sql: &str) -> Result<()> {
        let mut statement = self.connection.prepare_cached(sql).map_err(failed(NAME))?;
        statement.execute([]).map(drop).map_err(failed(NAME))
    }
}

/// The log grows no further than a thread lets it.
fn connect(folder: &Path) -> Result<Connection> {
    let connection = Connection::open(folder.join("counters.sqlite")).map_err(failed(NAME))?;
    let pragmas = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
        PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -1000000; PRAGMA temp_store = MEMORY;
        PRAGMA mmap_size = 1000000000; PRAGMA busy_timeout = 10000;";
    connection.execute_batch(pragmas).map_err(failed(NAME))?;
    Ok(connection)
}

fn checkpoint(connection: &Connection) -> Result<()> {
    connection.query_row(CHECKPOINT, [], |_| Ok(())).map_err(failed(NAME))
}

/// A row for each counter, and `UPDATE … SET n = n + 1`. A row's number is its page's and its
/// counter's, so that the table is one tree without long keys.
pub struct Rows {
    base: Base,
    pages: Vec<String>,
}

/// Numbers of a page's rows.
const ROOM: usize = 2048;

const HIT: &str = "UPDATE counters SET n = n + 1 WHERE id IN (
    (SELECT first FROM pages WHERE page = ?1) + ?2,
    (SELECT first FROM pages WHERE page = ?1) + ?3)";
const READ: &str = "SELECT n FROM counters WHERE id >= (SELECT first FROM pages WHERE page = ?1)
    ORDER BY id LIMIT ?2";

impl Rows {
    /// With a row for each counter.
    ///
    /// # Errors
    /// SQLite's.
    pub fn create(folder: &Path, pages: Vec<String>) -> Result<Rows> {
        let schema = "CREATE TABLE pages (page TEXT PRIMARY KEY, first INTEGER) WITHOUT ROWID;
            CREATE TABLE counters (id INTEGER PRIMARY KEY, n INTEGER)";
        let base = Base::create(folder, schema)?;
        base.run("BEGIN")?;
        {
            let connection = &base.connection;
            let prepare = |sql| connection.prepare_cached(sql).map_err(failed(NAME));
            let mut page = prepare("INSERT INTO pages VALUES (?1, ?2)")?;
            let mut counter = prepare("INSERT INTO counters VALUES (?1, 0)")?;
            for (number, name) in pages.iter().enumerate() {
                page.execute(params![name, number * ROOM]).map_err(failed(NAME))?;
                for at in 0..COUNTERS {
                    counter.execute([number * ROOM + at]).map_err(failed(NAME))?;
                }
            }
        }
        base.run("COMMIT")?;
        checkpoint(&base.connection)?;
        Ok(Rows { base, pages })
    }

    fn count(pages: &[String], statement: &mut CachedStatement<'_>, view: Hit) -> Result<()> {
        let [hour, minute] = view.counters();
        let rows = statement.execute(params![pages[view.page as usize], hour, minute]);
        match rows.map_err(failed(NAME))? {
            2 => Ok(()),
            _ => Err(missing(NAME)),
        }
    }
}

impl Store for Rows {
    fn hit(&mut self, view: Hit) -> Result<()> {
        let prepared = self.base.connection.prepare_cached(HIT);
        Rows::count(&self.pages, &mut prepared.map_err(failed(NAME))?, view)
    }

    fn hits(&mut self, views: &[Hit]) -> Result<()> {
        self.base.run("BEGIN IMMEDIATE")?;
        let prepared = self.base.connection.prepare_cached(HIT);
        let mut statement = prepared.map_err(failed(NAME))?;
        views.iter().try_for_each(|view| Rows::count(&self.pages, &mut statement, *view))?;
        drop(statement);
        self.base.run("COMMIT")
    }

    fn settle(&mut self) -> Result<()> {
        checkpoint(&self.base.connection)
    }

    fn read(&mut self, page: usize, counters: &mut [i64]) -> Result<()> {
        let prepared = self.base.connection.prepare_cached(READ);
        let mut statement = prepared.map_err(failed(NAME))?;
        let rows = statement.query_map(params![self.pages[page], counters.len()], |row| row.get(0));
        for (counter, row) in counters.iter_mut().zip(rows.map_err(failed(NAME))?) {
            *counter = row.map_err(failed(NAME))?;
        }
        Ok(())
    }

    fn close(self) -> Result<()> {
        self.base.moving.stop()
    }
}

/// A table of keys and values.
pub struct Values {
    base: Base,
    value: Vec<u8>,
}

impl Values {
    /// In a folder.
    ///
    /// # Errors
    /// SQLite's.
    pub fn create(folder: &Path) -> Result<Values> {
        let schema = "CREATE TABLE v (k BLOB PRIMARY KEY, v BLOB) WITHOUT ROWID";
        Ok(Values { base: Base::create(folder, schema)?, value: Vec::new() })
    }
}

impl KeyValue for Values {
    fn fill(&mut self, keys: &mut dyn Iterator<Item = Vec<u8>>, value: &[u8]) -> Result<()> {
        self.base.run("BEGIN")?;
        let prepared = self.base.connection.prepare_cached("INSERT INTO v VALUES (?1, ?2)");
        let mut insert = prepared.map_err(failed(NAME))?;
        for key in keys {
            insert.execute(params![key, value]).map_err(failed(NAME))?;
        }
        drop(insert);
        self.base.run("COMMIT")
    }

    fn transaction(&mut self, work: &mut Work<'_>) -> Result<()> {
        self.base.run("BEGIN IMMEDIATE")?;
        let connection = &self.base.connection;
        let prepare = |sql| connection.prepare_cached(sql).map_err(failed(NAME));
        work(&mut Editing {
            read: prepare("SELECT v FROM v WHERE k = ?1")?,
            write: prepare("UPDATE v SET v = ?2 WHERE k = ?1")?,
            value: &mut self.value,
        })?;
        self.base.run("COMMIT")
    }

    fn read(&mut self, first: &[u8], count: usize, each: &mut dyn FnMut(&[u8])) -> Result<()> {
        let sql = "SELECT v FROM v WHERE k >= ?1 ORDER BY k LIMIT ?2";
        let prepared = self.base.connection.prepare_cached(sql);
        let mut statement = prepared.map_err(failed(NAME))?;
        let mut rows = statement.query(params![first, count]).map_err(failed(NAME))?;
        while let Some(row) = rows.next().map_err(failed(NAME))? {
            let value = row.get_ref(0).map_err(failed(NAME))?;
            each(value.as_blob().map_err(failed(NAME))?);
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<()> {
        checkpoint(&self.base.connection)
    }

    fn close(self) -> Result<()> {
        self.base.moving.stop()
    }
}

struct Editing<'a> {
    read: CachedStatement<'a>,
    write: CachedStatement<'a>,
    value: &'a mut Vec<u8>,
}

impl Edit for Editing<'_> {
    fn change(&mut self, key: &[u8], change: &mut dyn FnMut(&mut [u8])) -> Result<()> {
        let value = &mut *self.value;
        let copy = |row: &rusqlite::Row<'_>| {
            value.clear();
            value.extend_from_slice(row.get_ref(0)?.as_blob().unwrap_or_default());
            Ok(())
        };
        self.read.query_row([key], copy).map_err(failed(NAME))?;
        change(value);
        match self.write.execute(params![key, &*value]).map_err(failed(NAME))? {
            1 => Ok(()),
            _ => Err(missing(NAME)),
        }
    }
}
