//! Walks over a collection: in natural order, or in the order of an index.
//!
//! Documents are copied out in batches. Between two batches no lock is held, so that a long walk
//! stops nobody; a document that moves meanwhile may be met twice or not at all, one that stays
//! is met once.

use std::collections::VecDeque;
use std::sync::Arc;

use bson::{RawDocument, RawDocumentBuf};

use super::catalog::document_at;
use super::locked::{CollectionCore, OpenCollection};
use super::saved_cursors::Position;
use crate::disk_loc::RecordLoc;
use crate::error::{Error, Reason, Result};
use crate::index::btree_cursor::BtreeCursor;
use crate::index::index_version::IndexVersion;
use crate::index::key;
use crate::journal::ReadView;
use crate::store::{Direction, RecordScan};

/// A batch ends after so many documents or bytes, whichever comes first.
const BATCH_DOCUMENTS: usize = 256;
const BATCH_BYTES: usize = 1 << 20;

/// A document and its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Located {
    /// Where its record is.
    pub loc: RecordLoc,
    /// The document.
    pub document: RawDocumentBuf,
}

/// An entry of an index.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexEntry {
    /// The key's values, under empty names.
    pub key: RawDocumentBuf,
    /// The record that it leads to.
    pub loc: RecordLoc,
}

/// Documents in natural order. Made by [`super::Collection::scan`].
#[derive(Debug)]
pub struct Scan {
    core: Arc<CollectionCore>,
    /// Where the walk is; nothing when it is over.
    walk: Option<(Position, u64)>,
    batch: VecDeque<Located>,
    /// What ended the walk, to be told after what was read before it.
    failed: Option<Error>,
}

impl Scan {
    pub(super) fn new(core: Arc<CollectionCore>, direction: Direction) -> Result<Scan> {
        let walk = match core.shared().open()? {
            None => None,
            Some(open) => {
                let scan = RecordScan::new(open.details(), direction);
                Some((open.cursors.register(scan), open.generation))
            }
        };
        Ok(Scan { core, walk, batch: VecDeque::new(), failed: None })
    }

    fn fill(&mut self) -> Result<()> {
        let Some((position, generation)) = &self.walk else { return Ok(()) };
        let guard = self.core.shared();
        let Some(open) = guard.open()? else {
            // A dropped collection ends the walk.
            self.walk = None;
            return Ok(());
        };
        check_generation(open, *generation)?;
        let view = ReadView::new(&open.files, &guard);
        let mut position = position.lock();
        let mut bytes = 0;
        while self.batch.len() < BATCH_DOCUMENTS && bytes < BATCH_BYTES {
            let Some(loc) = position.next(&view)? else {
                drop(position);
                drop(guard);
                self.walk = None;
                return Ok(());
            };
            let _record = self.core.read_record(loc);
            let document = document_at(&open.store, &view, loc)?;
            bytes += document.as_bytes().len();
            self.batch.push_back(Located { loc, document: document.to_owned() });
        }
        Ok(())
    }
}

impl Iterator for Scan {
    type Item = Result<Located>;

    fn next(&mut self) -> Option<Result<Located>> {
        while self.batch.is_empty() && self.walk.is_some() {
            if let Err(error) = self.fill() {
                self.walk = None;
                self.failed = Some(error);
            }
        }
        let entry = self.batch.pop_front().map(Ok);
        entry.or_else(|| self.failed.take().map(Err))
    }
}

/// Entries of one index in its order, or against it. Made by
/// [`super::Collection::index_scan`].
#[derive(Debug)]
pub struct IndexScan {
    core: Arc<CollectionCore>,
    walk: Option<(BtreeCursor, IndexVersion, u64)>,
    batch: VecDeque<IndexEntry>,
    /// What ended the walk, to be told after what was read before it.
    failed: Option<Error>,
}

impl IndexScan {
    pub(super) fn new(
        core: Arc<CollectionCore>,
        name: &str,
        direction: Direction,
    ) -> Result<IndexScan> {
        let walk = {
            let guard = core.shared();
            let open = guard.open()?.ok_or_else(|| core.missing())?;
            let tree = open.index_named(name)?.tree;
            (BtreeCursor::new(tree, direction), tree.version, open.index_generation)
        };
        Ok(IndexScan { core, walk: Some(walk), batch: VecDeque::new(), failed: None })
    }

    fn fill(&mut self) -> Result<()> {
        let Some((cursor, version, generation)) = &mut self.walk else { return Ok(()) };
        let guard = self.core.shared();
        let Some(open) = guard.open()? else {
            drop(guard);
            self.walk = None;
            return Ok(());
        };
        if open.index_generation != *generation {
            return Err(gone_stale());
        }
        let view = ReadView::new(&open.files, &guard);
        while self.batch.len() < BATCH_DOCUMENTS {
            let Some(loc) = cursor.next(&view)? else {
                drop(guard);
                self.walk = None;
                return Ok(());
            };
            let key = key::decode(*version, cursor.key());
            let key = RawDocument::from_bytes(&key).map(RawDocument::to_owned);
            let rule = "a key decodes to a document";
            let key = key.map_err(|_| Error::corrupt(loc, "KeyV1", rule, 0))?;
            self.batch.push_back(IndexEntry { key, loc });
        }
        cursor.forget_place();
        Ok(())
    }
}

impl Iterator for IndexScan {
    type Item = Result<IndexEntry>;

    fn next(&mut self) -> Option<Result<IndexEntry>> {
        while self.batch.is_empty() && self.walk.is_some() {
            if let Err(error) = self.fill() {
                self.walk = None;
                self.failed = Some(error);
            }
        }
        let entry = self.batch.pop_front().map(Ok);
        entry.or_else(|| self.failed.take().map(Err))
    }
}

/// Refuses to go on with a walk that began in another generation of the collection, or of its
/// indexes.
pub(super) fn check_generation(open: &OpenCollection, generation: u64) -> Result<()> {
    match open.generation == generation {
        true => Ok(()),
        false => Err(gone_stale()),
    }
}

fn gone_stale() -> Error {
    Error::refused(
        Reason::CursorNotFound,
        "the collection was emptied or rebuilt while it was being read: begin again",
    )
}
