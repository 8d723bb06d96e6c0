//! The documents that a query gives, one after the other.

use bson::RawDocumentBuf;

use crate::error::Result;

/// Documents that a find or an aggregation gives.
///
/// Between two of them no lock is held: others may change the collection meanwhile. A cursor
/// survives that; a document that moves may be met twice or not at all, one that stays is met
/// once.
///
/// The cursor of a tailable find gives nothing at the end of its collection, and more when there
/// is more; [`Cursor::is_exhausted`] tells whether it ever will.
pub struct Cursor {
    source: Box<dyn Source>,
    /// A document that a batch had no room for.
    kept: Option<RawDocumentBuf>,
    failed: bool,
}

/// Where a cursor's documents come from.
pub(super) trait Source: Send {
    /// The next document; none at the end, for now or for good.
    fn next(&mut self) -> Option<Result<RawDocumentBuf>>;

    /// Is it known that there is no more, ever?
    fn is_exhausted(&self) -> bool;
}

/// Documents that an iterator gives.
struct Given<I> {
    documents: I,
    is_over: bool,
}

impl<I: Iterator<Item = Result<RawDocumentBuf>> + Send> Source for Given<I> {
    fn next(&mut self) -> Option<Result<RawDocumentBuf>> {
        let next = self.documents.next();
        self.is_over |= next.is_none();
        next
    }

    fn is_exhausted(&self) -> bool {
        self.is_over
    }
}

impl Cursor {
    pub(super) fn new(
        source: impl Iterator<Item = Result<RawDocumentBuf>> + Send + 'static,
    ) -> Cursor {
        Cursor::of(Given { documents: source, is_over: false })
    }

    pub(super) fn of(source: impl Source + 'static) -> Cursor {
        Cursor { source: Box::new(source), kept: None, failed: false }
    }

    /// The next documents: at most so many (0: any number) and at most so many bytes, but one if
    /// there is one.
    ///
    /// # Errors
    /// What ends the cursor; what was found before it in this batch is lost.
    pub fn next_batch(&mut self, max_docs: usize, max_bytes: usize) -> Result<Vec<RawDocumentBuf>> {
        let mut batch = vec![];
        let mut bytes = 0;
        while max_docs == 0 || batch.len() < max_docs {
            let Some(document) = self.next().transpose()? else { break };
            bytes += document.as_bytes().len();
            if bytes > max_bytes && !batch.is_empty() {
                self.kept = Some(document);
                break;
            }
            batch.push(document);
        }
        Ok(batch)
    }

    /// Is it known that it gives no more, ever?
    pub fn is_exhausted(&self) -> bool {
        self.failed || self.kept.is_none() && self.source.is_exhausted()
    }
}

impl Iterator for Cursor {
    type Item = Result<RawDocumentBuf>;

    fn next(&mut self) -> Option<Result<RawDocumentBuf>> {
        if self.failed {
            return None;
        }
        let next = self.kept.take().map(Ok).or_else(|| self.source.next());
        self.failed = matches!(next, Some(Err(_)));
        next
    }
}

impl std::fmt::Debug for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cursor")
    }
}
