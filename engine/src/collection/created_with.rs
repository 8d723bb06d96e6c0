//! What a collection was created with, as the catalogue says it.

use bson::RawDocumentBuf;

use super::handle::Collection;
use crate::error::Result;

impl Collection {
    /// The options that it was created with, in MongoDB's words: `capped`, `size`, `flags` …; none
    /// if it was created without, or does not exist.
    ///
    /// # Errors
    /// `Corrupt` only.
    pub fn options(&self) -> Result<Option<RawDocumentBuf>> {
        let ns = self.namespace().as_str();
        self.database.read(None, |view, open| open.catalog.options_of(view, ns))
    }
}
