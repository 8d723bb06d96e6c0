//! Inserting documents.

use bson::{RawBson, RawDocument, rawdoc};

use super::handle::Collection;
use super::id_key::IdKey;
use super::locked::OpenCollection;
use super::profile::Entry;
use crate::bson::document;
use crate::disk::Edit;
use crate::disk_loc::RecordLoc;
use crate::error::{Error, Result};
use crate::limits::DOCUMENT_LEN_MAX;
use crate::namespace_string::NamespaceString;
use crate::update::upsert::prepare_insert;

/// A document that was inserted.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct InsertReport {
    /// Its `_id`: the one that it brought, or the one that it was given.
    pub id: RawBson,
    /// Where its record is.
    pub loc: RecordLoc,
}

impl Collection {
    /// Inserts a document, after giving it an `_id` if it has none and moving that to the front.
    ///
    /// # Errors
    /// [`Error::DuplicateKey`]; [`Error::DocumentTooLarge`]; [`Error::KeyTooLong`];
    /// [`Error::Refused`] for names of fields that cannot be stored. Nothing is changed then.
    pub fn insert_one(&self, document: impl AsRef<RawDocument>) -> Result<InsertReport> {
        let Some(watch) = self.database.watch() else { return self.insert(document.as_ref()) };
        let inserted = self.insert(document.as_ref());
        watch.finish(|| {
            let name = self.core.ns.collection();
            Entry {
                inserted: Some(u64::from(inserted.is_ok())),
                error: inserted.as_ref().err(),
                ..Entry::new("insert", &self.core.ns, rawdoc! { "insert": name })
            }
        });
        inserted
    }

    /// Inserts a document; the profiler is not told.
    pub(super) fn insert(&self, document: &RawDocument) -> Result<InsertReport> {
        let document = document.as_bytes();
        document::check(document)?;
        let shared = &self.database.shared;
        let now = shared.clock.unix_ms();
        let timestamp = shared.timestamps.make(now);
        let document = prepare_insert(document, shared.object_ids.make(now), timestamp)?;
        self.or_create(|| {
            self.change(|open, unit| {
                open.check_maintainable()?;
                open.validate(self, &document, None)?;
                let loc = insert_document(open, unit, self.namespace(), &document)?;
                let id = RawDocument::from_bytes(&document).ok().and_then(|d| d.get("_id").ok()?);
                Ok(InsertReport { id: id.map_or(RawBson::Null, |id| id.into()), loc })
            })
        })
    }

    /// Inserts documents one after the other, each whole or not at all.
    ///
    /// # Errors
    /// Those of the first document that cannot be inserted, with the number of those before it.
    pub fn insert_many<D: AsRef<RawDocument>>(
        &self,
        documents: impl IntoIterator<Item = D>,
    ) -> Result<usize, (usize, Error)> {
        let mut inserted = 0;
        for document in documents {
            self.insert_one(document).map_err(|error| (inserted, error))?;
            inserted += 1;
        }
        Ok(inserted)
    }
}

/// Inserts a prepared document: its record, then its entries.
pub fn insert_document(
    open: &OpenCollection,
    edit: &mut impl Edit,
    ns: &NamespaceString,
    document: &[u8],
) -> Result<RecordLoc> {
    if document.len() > DOCUMENT_LEN_MAX {
        return Err(Error::DocumentTooLarge { len: document.len(), max: DOCUMENT_LEN_MAX });
    }
    let loc = if open.is_capped {
        open.store.insert_capped(edit, document, |edit, oldest| {
            open.cursors.advance_off(edit, oldest)?;
            open.forget(edit, oldest)?;
            open.unindex(edit, oldest)
        })?
    } else {
        open.store.insert(edit, document)?
    };
    open.index(edit, ns, document, loc)?;
    Ok(loc)
}

impl OpenCollection {
    /// Forgets what is remembered of the record at `loc`, which is about to change otherwise than
    /// by values of the same width. The collection is held exclusively.
    pub fn forget(&self, edit: &impl Edit, loc: RecordLoc) -> Result<()> {
        if let Some(memo) = &self.memo {
            let document = super::catalog::document_at(&self.store, edit, loc)?;
            if let Some(id) = IdKey::of_document(document.as_bytes()) {
                memo.forget(id.hash(), loc);
            }
        }
        Ok(())
    }
}
