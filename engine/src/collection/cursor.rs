//! The documents that a query gives, one after the other.

use bson::RawDocumentBuf;

use crate::error::Result;

/// Documents that a find or an aggregation gives.
///
/// Between two of them no lock is held: others may change the collection meanwhile. A cursor
/// survives that; a document that moves may be met twice or not at all, one that stays is met
/// once.
pub struct Cursor {
    source: Box<dyn Iterator<Item = Result<RawDocumentBuf>> + Send>,
}

impl Cursor {
    pub(super) fn new(
        source: impl Iterator<Item = Result<RawDocumentBuf>> + Send + 'static,
    ) -> Cursor {
        Cursor { source: Box::new(source) }
    }
}

impl Iterator for Cursor {
    type Item = Result<RawDocumentBuf>;

    fn next(&mut self) -> Option<Result<RawDocumentBuf>> {
        self.source.next()
    }
}

impl std::fmt::Debug for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cursor")
    }
}
