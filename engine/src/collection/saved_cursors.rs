//! Scans in progress: a record that goes away takes none of them with it.
//!
//! A scan stands on the record that it will return next, and holds no lock between two batches.
//! Whoever removes or moves a record first moves every scan that stands on it one record on, as
//! MMAPv1 did; where the removal is rolled back, the scans go back, too. Lock order: the
//! collection, then a scan's position.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::disk::View;
use crate::disk_loc::RecordLoc;
use crate::error::Result;
use crate::store::RecordScan;

/// Where a scan stands, shared between the scan and those who remove records.
pub type Position = Arc<Mutex<RecordScan>>;

/// A record that somebody will come back to, as long as it stays where it is.
#[derive(Debug, Clone)]
pub struct Watch(Arc<Mutex<Option<RecordLoc>>>);

impl Watch {
    /// Has it stayed?
    pub fn is_there(&self) -> bool {
        self.0.lock().is_some()
    }
}

/// The scans of one collection, since it was last emptied or rebuilt.
#[derive(Debug, Default)]
pub struct SavedCursors(Mutex<Saved>);

#[derive(Debug, Default)]
struct Saved {
    open: Vec<Weak<Mutex<RecordScan>>>,
    /// Where scans stood that the unit of work in progress has moved.
    before: Vec<(Position, RecordScan)>,
    watched: Vec<Weak<Mutex<Option<RecordLoc>>>>,
    /// What the unit of work in progress has taken from those who watch.
    gone: Vec<(Watch, RecordLoc)>,
}

impl SavedCursors {
    /// Registers a scan for as long as its position is held.
    pub fn register(&self, scan: RecordScan) -> Position {
        let position = Arc::new(Mutex::new(scan));
        let mut saved = self.0.lock();
        saved.open.retain(|cursor| cursor.strong_count() > 0);
        saved.open.push(Arc::downgrade(&position));
        position
    }

    /// Watches a record for as long as the answer is held.
    pub fn watch(&self, loc: RecordLoc) -> Watch {
        let watch = Arc::new(Mutex::new(Some(loc)));
        let mut saved = self.0.lock();
        saved.watched.retain(|watched| watched.strong_count() > 0);
        saved.watched.push(Arc::downgrade(&watch));
        Watch(watch)
    }

    /// Moves every scan that stands on `loc` to the record after it. The caller holds the
    /// collection exclusively and is about to remove the record.
    ///
    /// # Errors
    /// `Corrupt` if the chain cannot be followed.
    pub fn advance_off(&self, view: &impl View, loc: RecordLoc) -> Result<()> {
        let saved = &mut *self.0.lock();
        for cursor in saved.open.iter().filter_map(Weak::upgrade) {
            let before = {
                let mut position = cursor.lock();
                let before = position.clone();
                position.will_remove(view, loc)?;
                before
            };
            saved.before.push((cursor, before));
        }
        for watched in saved.watched.iter().filter_map(Weak::upgrade) {
            let is_it = *watched.lock() == Some(loc);
            if is_it {
                *watched.lock() = None;
                saved.gone.push((Watch(watched), loc));
            }
        }
        Ok(())
    }

    /// Scans that are registered and that somebody still has.
    #[cfg(test)]
    pub fn count(&self) -> usize {
        self.0.lock().open.iter().filter(|cursor| cursor.strong_count() > 0).count()
    }

    /// The unit of work is done: scans stay where they are.
    pub fn keep(&self) {
        let mut saved = self.0.lock();
        saved.before.clear();
        saved.gone.clear();
    }

    /// The unit of work was rolled back: so are the scans, last move first.
    pub fn roll_back(&self) {
        let mut saved = self.0.lock();
        for (cursor, before) in saved.before.drain(..).rev() {
            *cursor.lock() = before;
        }
        for (watch, loc) in saved.gone.drain(..) {
            *watch.0.lock() = Some(loc);
        }
    }
}
