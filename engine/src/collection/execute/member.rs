//! What goes from stage to stage: a record by its place, and what was read of it.

use crate::collection::saved_cursors::Watch;
use crate::disk_loc::RecordLoc;
use crate::query::Matched;

/// A record on its way through the stages.
#[derive(Debug, Clone)]
pub struct Member {
    pub loc: RecordLoc,
    /// Its document, or what a projection made of it.
    pub document: Option<Vec<u8>>,
    /// The key by which an index led to it, as BSON with empty names.
    pub key: Option<Vec<u8>>,
    /// How it matched the filter.
    pub matched: Matched,
    /// Was it found before the collection was let go? Then it may have changed since.
    pub is_stale: bool,
    /// Says whether the record is still there, where its place alone is kept while others have
    /// their turn.
    pub watch: Option<Watch>,
}

/// What is copied of a document that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copied {
    /// All of it.
    Document,
    /// Nothing: its place is enough.
    Nothing,
}

impl Member {
    /// A record by its place alone.
    pub fn at(loc: RecordLoc) -> Member {
        let (matched, is_stale) = (Matched::default(), false);
        Member { loc, document: None, key: None, matched, is_stale, watch: None }
    }
}
