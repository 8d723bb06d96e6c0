//! What an update did, and what it cost.

use bson::RawBson;

use crate::disk_loc::RecordLoc;

/// How a field was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum LocatedBy {
    /// By skipping forward over the fields before it.
    #[default]
    Scan,
    /// By the remembered layout of the document: no field was skipped.
    Memo,
}

/// A record that outgrew its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Move {
    /// Where it was.
    pub from: RecordLoc,
    /// Where it is.
    pub to: RecordLoc,
}

/// Outcome and cost of an update.
///
/// Of an update of many documents the figures are sums; `moved` and `padding_left` are those of
/// the last one.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct UpdateReport {
    /// Documents that the filter matched.
    pub matched: u64,
    /// Documents that changed.
    pub modified: u64,
    /// `_id` of the document that was inserted because none matched.
    pub upserted: Option<RawBson>,
    /// Only values of fixed width were overwritten: nothing grew, shrank or moved.
    pub in_place: bool,
    /// The record was moved because it outgrew its place.
    pub moved: Option<Move>,
    /// Fields passed over to find those that changed.
    pub fields_skipped: u32,
    /// Bytes passed over to find them.
    pub bytes_skipped: u32,
    /// Bytes of the document that were written.
    pub bytes_written: u32,
    /// Lines of 64 bytes that this changed, index and bookkeeping included. The next journal
    /// section carries each once, however many updates changed it.
    pub lines_dirtied: u32,
    /// Bytes between the end of the document and the end of its record.
    pub padding_left: u32,
    /// How the fields were found.
    pub located_by: LocatedBy,
}

impl UpdateReport {
    /// Adds the cost of one more document.
    pub(super) fn absorb(&mut self, other: UpdateReport) {
        self.in_place = (self.in_place || self.modified == 0) && other.in_place;
        self.matched += other.matched;
        self.modified += other.modified;
        self.upserted = other.upserted.or(self.upserted.take());
        self.moved = other.moved.or(self.moved);
        self.fields_skipped = self.fields_skipped.saturating_add(other.fields_skipped);
        self.bytes_skipped = self.bytes_skipped.saturating_add(other.bytes_skipped);
        self.bytes_written = self.bytes_written.saturating_add(other.bytes_written);
        self.lines_dirtied = self.lines_dirtied.saturating_add(other.lines_dirtied);
        self.padding_left = other.padding_left;
        self.located_by = other.located_by;
    }
}
