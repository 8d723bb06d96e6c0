//! What a program can do by itself: a map in memory, and the same with a log.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Write};
use std::mem;
use std::path::Path;
use std::sync::Arc;

use foldhash::fast::RandomState;
use parking_lot::Mutex;

use super::store::{Each, Store};
use crate::daily::{COUNTERS, Hit};
use crate::error::{Error, Result};

/// Counters by page.
pub type Map = HashMap<String, Box<[i64; COUNTERS]>, RandomState>;

/// A map with all counters of `pages`, zero.
pub fn zeros(pages: &[String]) -> Map {
    pages.iter().map(|page| (page.clone(), Box::new([0; COUNTERS]))).collect()
}

/// A map, and nothing else: what is left of a hit if nothing is kept.
pub struct BareMap {
    pages: Vec<String>,
    map: Map,
}

impl BareMap {
    /// Of these pages.
    pub fn new(pages: Vec<String>) -> BareMap {
        BareMap { map: zeros(&pages), pages }
    }

    fn add(&mut self, view: Hit) {
        if let Some(counters) = self.map.get_mut(self.pages[view.page as usize].as_str()) {
            view.counters().into_iter().for_each(|at| counters[at] += 1);
        }
    }
}

impl Store for BareMap {
    fn hit(&mut self, view: Hit) -> Result<()> {
        self.add(view);
        Ok(())
    }

    fn settle(&mut self) -> Result<()> {
        Ok(())
    }

    fn read(&mut self, page: usize, counters: &mut [i64]) -> Result<()> {
        if let Some(found) = self.map.get(self.pages[page].as_str()) {
            counters.copy_from_slice(&found[..counters.len()]);
        }
        Ok(())
    }

    fn close(self) -> Result<()> {
        Ok(())
    }
}

/// Page and minute, as the log has them. The map has texts, the log the number of a text: the
/// shortest record that a program would write.
const RECORD: usize = 8;

/// The bare map, and a record in a log for each hit, synced each 100 ms by another thread.
pub struct MapLog {
    map: BareMap,
    /// Records that are not in the file yet.
    records: Arc<Mutex<Vec<u8>>>,
    log: Log,
    syncing: Each,
}

/// The file, and what is about to go there.
#[derive(Clone)]
struct Log {
    file: Arc<Mutex<File>>,
    path: Arc<Path>,
}

impl MapLog {
    /// Of these pages, with its log in `folder`.
    ///
    /// # Errors
    /// The system's.
    pub fn create(folder: &Path, pages: Vec<String>) -> Result<MapLog> {
        let path: Arc<Path> = folder.join("hits.log").into();
        let options = File::options().read(true).append(true).create_new(true).open(&path);
        let file = Arc::new(Mutex::new(options.map_err(Error::io(&path))?));
        let log = Log { file, path };
        let records = Arc::new(Mutex::new(Vec::new()));
        let (of_thread, log_of_thread) = (records.clone(), log.clone());
        let mut spare = Vec::new();
        let syncing = Each::start(move || log_of_thread.sync(&of_thread, &mut spare));
        Ok(MapLog { map: BareMap::new(pages), records, log, syncing })
    }
}

impl Log {
    /// Writes the records, and makes them durable. Hits wait for neither.
    fn sync(&self, records: &Mutex<Vec<u8>>, spare: &mut Vec<u8>) -> Result<()> {
        let mut file = self.file.lock();
        spare.clear();
        mem::swap(&mut *records.lock(), spare);
        if spare.is_empty() {
            return Ok(());
        }
        file.write_all(spare).map_err(Error::io(&self.path))?;
        file.sync_data().map_err(Error::io(&self.path))
    }
}

impl Store for MapLog {
    fn hit(&mut self, view: Hit) -> Result<()> {
        self.hits(&[view])
    }

    fn hits(&mut self, views: &[Hit]) -> Result<()> {
        let mut records = self.records.lock();
        for view in views {
            self.map.add(*view);
            let record = u64::from(view.page) << 32 | u64::from(view.minute);
            records.extend_from_slice(&record.to_le_bytes());
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<()> {
        self.log.sync(&self.records, &mut Vec::new())
    }

    fn read(&mut self, page: usize, counters: &mut [i64]) -> Result<()> {
        self.map.read(page, counters)
    }

    /// The map again, from the log alone.
    fn recover(&mut self) -> Result<()> {
        self.map.map = zeros(&self.map.pages);
        let mut file = File::open(&self.log.path).map_err(Error::io(&self.log.path))?;
        let mut part = vec![0; RECORD << 16];
        loop {
            let got = read_full(&mut file, &mut part).map_err(Error::io(&self.log.path))?;
            for record in part[..got].chunks_exact(RECORD) {
                let word = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|n| record[at + n]));
                self.map.add(Hit { page: word(4), minute: word(0) });
            }
            if got < part.len() {
                return Ok(());
            }
        }
    }

    fn close(self) -> Result<()> {
        self.syncing.stop()
    }
}

/// Fills `part` as far as the file goes.
fn read_full(file: &mut File, part: &mut Vec<u8>) -> std::io::Result<usize> {
    let room = part.len();
    part.clear();
    let got = file.take(room as u64).read_to_end(part)?;
    part.resize(room, 0);
    Ok(got)
}
