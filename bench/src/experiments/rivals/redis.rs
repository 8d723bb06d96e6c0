//! A Redis server whose append-only file is synced every second: ten times as much is lost to a
//! power failure as with the others. A page is a string of int32 that `BITFIELD` counts in, or a
//! hash that `HINCRBY` does.

use redis::{Cmd, Connection, FromRedisValue, InfoDict, Pipeline, cmd, pipe};

use super::{failed, local_process};
use crate::daily::{COUNTERS, Hit};
use crate::error::{Error, Result};
use crate::experiments::hit::store::Store;

const NAME: &str = "Redis";

/// What a page is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Page {
    Bits,
    Hash,
}

/// Keys of a server, deleted before and after.
pub struct Redis {
    connection: Connection,
    server: u32,
    page: Page,
    keys: Vec<String>,
    /// The names of counters, as a hash or a bit field has them.
    names: Vec<String>,
}

impl Redis {
    /// With a value for each page.
    ///
    /// # Errors
    /// The server's.
    pub fn create(uri: &str, page: Page, pages: &[String]) -> Result<Redis> {
        let client = redis::Client::open(uri).map_err(failed(NAME))?;
        let mut connection = client.get_connection().map_err(failed(NAME))?;
        let info: InfoDict = ask(&mut connection, &cmd("INFO"))?;
        if info.get::<String>("aof_enabled").as_deref() != Some("1") {
            let problem = "it keeps nothing: `--appendonly yes --appendfsync everysec`".to_owned();
            return Err(Error::Store { store: NAME, problem });
        }
        let server = local_process(NAME, info.get("process_id").unwrap_or(0), "redis")?;
        let name = |at: usize| match page {
            Page::Bits => format!("#{at}"),
            Page::Hash => at.to_string(),
        };
        let keys = pages.iter().map(|page| format!("tallymap-lab:{page}")).collect();
        let names = (0..COUNTERS).map(name).collect();
        let mut redis = Redis { connection, server, page, keys, names };
        redis.delete()?;
        for key in &redis.keys {
            let mut create = pipe();
            match page {
                Page::Bits => drop(create.cmd("SETRANGE").arg(key).arg(4 * COUNTERS - 1).arg("\0")),
                Page::Hash => {
                    let fields: Vec<_> = redis.names.iter().map(|name| (name, 0)).collect();
                    create.cmd("HSET").arg(key).arg(fields);
                }
            }
            create.exec(&mut redis.connection).map_err(failed(NAME))?;
        }
        Ok(redis)
    }

    fn delete(&mut self) -> Result<()> {
        let mut delete = pipe();
        for key in &self.keys {
            delete.cmd("UNLINK").arg(key).ignore();
        }
        delete.exec(&mut self.connection).map_err(failed(NAME))
    }

    /// Adds the commands of a view.
    fn add(&self, pipe: &mut Pipeline, view: Hit) {
        let key = &self.keys[view.page as usize];
        let [hour, minute] = view.counters().map(|at| self.names[at].as_str());
        match self.page {
            Page::Bits => {
                let command = pipe.cmd("BITFIELD").arg(key);
                for name in [hour, minute] {
                    command.arg("INCRBY").arg("i32").arg(name).arg(1);
                }
                command.ignore();
            }
            Page::Hash => {
                for name in [hour, minute] {
                    pipe.cmd("HINCRBY").arg(key).arg(name).arg(1).ignore();
                }
            }
        }
    }
}

fn ask<T: FromRedisValue>(connection: &mut Connection, command: &Cmd) -> Result<T> {
    command.query(connection).map_err(failed(NAME))
}

impl Store for Redis {
    fn hit(&mut self, view: Hit) -> Result<()> {
        self.hits(&[view])
    }

    /// In one pipeline.
    fn hits(&mut self, views: &[Hit]) -> Result<()> {
        let mut pipe = pipe();
        views.iter().for_each(|view| self.add(&mut pipe, *view));
        pipe.exec(&mut self.connection).map_err(failed(NAME))
    }

    /// The server syncs when its second is over.
    fn settle(&mut self) -> Result<()> {
        Ok(())
    }

    fn read(&mut self, page: usize, counters: &mut [i64]) -> Result<()> {
        let key = &self.keys[page];
        if self.page == Page::Hash {
            let fields = &self.names[..counters.len()];
            let values: Vec<i64> = ask(&mut self.connection, cmd("HMGET").arg(key).arg(fields))?;
            counters.iter_mut().zip(values).for_each(|(counter, n)| *counter = n);
            return Ok(());
        }
        let command = cmd("GETRANGE").arg(key).arg(0).arg(4 * counters.len() - 1).take();
        let bytes: Vec<u8> = ask(&mut self.connection, &command)?;
        for (counter, bytes) in counters.iter_mut().zip(bytes.chunks_exact(4)) {
            *counter = i64::from(bytes.try_into().map_or(-1, i32::from_be_bytes));
        }
        Ok(())
    }

    fn server(&self) -> Option<u32> {
        Some(self.server)
    }

    fn close(mut self) -> Result<()> {
        self.delete()
    }
}
