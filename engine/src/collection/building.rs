//! An index that is being built while its collection is written to.
//!
//! The builder reads the documents a batch at a time; whoever changes documents meanwhile notes
//! which entries come and go, after what is true of every completed index. When the builder has
//! put together what it read, it does to the tree what was noted.
//!
//! N1. Notes are in the order of the units of work that made them. A unit that is rolled back
//!     leaves none.
//! N2. What the builder read of a document was true at some time since the notes were begun: so
//!     each entry is as the last note of it says, or, without one, as it was read. It does no
//!     harm that an entry was both read and noted, or noted and never there.
//! N3. Notes take memory for what is written during the build, and only that.

use std::collections::VecDeque;

use parking_lot::Mutex;

use super::index_keys::Index;
use super::locked::OpenCollection;
use crate::disk_loc::RecordLoc;
use crate::error::{Error, Result};
use crate::index::key_generator::Keys;

/// An entry that came or went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Has the document the key from now on, or no longer?
    pub comes: bool,
    pub key: Vec<u8>,
    pub loc: RecordLoc,
}

/// The index that is being built of a collection, and what happened to that since.
#[derive(Debug)]
pub struct Building {
    pub index: Index,
    notes: Mutex<Notes>,
}

#[derive(Debug, Default)]
struct Notes {
    kept: VecDeque<Note>,
    /// Those of the unit of work in progress.
    pending: Vec<Note>,
    is_multikey: bool,
    has_gone: bool,
}

impl Building {
    pub fn new(index: Index) -> Building {
        Building { index, notes: Mutex::default() }
    }

    /// Notes that a document has keys, or has them no longer. The collection is held exclusively,
    /// within a unit of work.
    pub fn note(&self, comes: bool, keys: Keys, loc: RecordLoc) {
        let notes = &mut *self.notes.lock();
        notes.is_multikey |= comes && keys.met_array;
        notes.has_gone |= !comes;
        notes.pending.extend(keys.set.into_iter().map(|key| Note { comes, key, loc }));
    }

    /// Notes that the document at `loc` has its keys no longer, as [`Building::note`] does. One
    /// that cannot have keys, for which the build fails if it comes to read it, has had none.
    ///
    /// # Errors
    /// `Corrupt` only.
    pub fn note_gone(&self, document: &[u8], loc: RecordLoc) -> Result<()> {
        match self.index.stored_keys_of(document) {
            Err(Error::Refused { .. }) => self.note(false, Keys::default(), loc),
            keys => self.note(false, keys?, loc),
        }
        Ok(())
    }

    /// The unit of work is done.
    fn keep(&self) {
        let notes = &mut *self.notes.lock();
        notes.kept.extend(notes.pending.drain(..));
    }

    /// The unit of work was rolled back.
    fn roll_back(&self) {
        self.notes.lock().pending.clear();
    }

    /// The oldest notes, at most `count`. They stay until they are [`Building::done`].
    pub fn oldest(&self, count: usize) -> Vec<Note> {
        self.notes.lock().kept.iter().take(count).cloned().collect()
    }

    /// The oldest `count` notes have been done to the tree.
    pub fn done(&self, count: usize) {
        self.notes.lock().kept.drain(..count);
    }

    /// How many notes are left.
    pub fn left(&self) -> usize {
        self.notes.lock().kept.len()
    }

    /// Has a document that was written had keys of an array?
    pub fn is_multikey(&self) -> bool {
        self.notes.lock().is_multikey
    }

    /// Has any entry gone since the build was begun?
    pub fn has_gone(&self) -> bool {
        self.notes.lock().has_gone
    }
}

impl OpenCollection {
    /// The unit of work that was in progress is done: what goes on beside it is told.
    pub fn unit_kept(&self) {
        self.cursors.keep();
        if let Some(building) = &self.building {
            building.keep();
        }
    }

    /// The same where it was rolled back.
    pub fn unit_rolled_back(&self) {
        self.cursors.roll_back();
        if let Some(building) = &self.building {
            building.roll_back();
        }
    }
}
