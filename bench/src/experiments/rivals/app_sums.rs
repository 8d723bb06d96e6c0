//! What a program without a store for counters would do: it adds up in a map of its own, and a
//! thread writes the sums to LMDB each 100 ms, in one transaction that waits for the disk.

use std::mem;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;

use super::key_value::{KeyValue, number};
use super::lmdb::Lmdb;
use crate::daily::{COUNTERS, Hit};
use crate::error::Result;
use crate::experiments::hit::maps::{Map, zeros};
use crate::experiments::hit::store::{Each, Store};

/// The map, and the thread that empties it.
pub struct AppSums {
    pages: Vec<String>,
    /// Since it was last emptied.
    sums: Arc<Mutex<Map>>,
    kept: Arc<Mutex<Kept>>,
    writing: Each,
}

/// What was written, and a second map, all zero, to put in the place of the first.
struct Kept {
    lmdb: Lmdb,
    pages: Vec<String>,
    spare: Map,
}

impl AppSums {
    /// With a document for each page, in a folder.
    ///
    /// # Errors
    /// LMDB's.
    pub fn create(folder: &Path, pages: Vec<String>) -> Result<AppSums> {
        let mut lmdb = Lmdb::synced(folder)?;
        let mut keys = pages.iter().map(|page| page.clone().into_bytes());
        lmdb.fill(&mut keys, &[0; 4 * COUNTERS])?;
        let kept = Kept { lmdb, pages: pages.clone(), spare: zeros(&pages) };
        let kept = Arc::new(Mutex::new(kept));
        let sums = Arc::new(Mutex::new(zeros(&pages)));
        let (sums_of_thread, kept_of_thread) = (sums.clone(), kept.clone());
        let writing = Each::start(move || kept_of_thread.lock().take(&sums_of_thread));
        Ok(AppSums { pages, sums, kept, writing })
    }
}

impl Kept {
    /// Writes the sums, and empties them. Hits wait for no more than a pointer to change.
    fn take(&mut self, sums: &Mutex<Map>) -> Result<()> {
        mem::swap(&mut *sums.lock(), &mut self.spare);
        let Kept { lmdb, pages, spare } = self;
        lmdb.transaction(&mut |edit| {
            for page in pages.iter() {
                let Some(sums) = spare.get_mut(page) else { continue };
                if sums.iter().any(|n| *n != 0) {
                    edit.change(page.as_bytes(), &mut |document| add_all(document, &sums[..]))?;
                    sums.fill(0);
                }
            }
            Ok(())
        })
    }
}

fn add_all(document: &mut [u8], sums: &[i64]) {
    for (counter, n) in document.chunks_exact_mut(4).zip(sums) {
        let sum = (number(counter) + n) as i32;
        counter.copy_from_slice(&sum.to_le_bytes());
    }
}

impl Store for AppSums {
    fn hit(&mut self, view: Hit) -> Result<()> {
        self.hits(&[view])
    }

    fn hits(&mut self, views: &[Hit]) -> Result<()> {
        let mut sums = self.sums.lock();
        for view in views {
            if let Some(counters) = sums.get_mut(self.pages[view.page as usize].as_str()) {
                view.counters().into_iter().for_each(|at| counters[at] += 1);
            }
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<()> {
        self.kept.lock().take(&self.sums)
    }

    fn read(&mut self, page: usize, counters: &mut [i64]) -> Result<()> {
        let kept = &mut *self.kept.lock();
        let document = kept.pages[page].as_bytes();
        kept.lmdb.read(document, 1, &mut |document| {
            let numbers = document.chunks_exact(4).map(number);
            counters.iter_mut().zip(numbers).for_each(|(counter, n)| *counter = n);
        })
    }

    fn close(self) -> Result<()> {
        self.writing.stop()
    }
}
