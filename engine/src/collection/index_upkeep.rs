//! Keeping the indexes of a collection one to one with its documents: each change of a document
//! changes every index that it concerns, the one being built included.

use super::catalog::document_at;
use super::index_keys::Index;
use super::locked::OpenCollection;
use crate::disk::Edit;
use crate::disk_loc::RecordLoc;
use crate::error::Result;
use crate::namespace_string::NamespaceString;

impl OpenCollection {
    /// Adds the entries of a document to all indexes.
    ///
    /// # Errors
    /// [`crate::Error::DuplicateKey`], a key that cannot be made, and the store's: the unit of
    /// work is to be rolled back.
    pub fn index(
        &self,
        edit: &mut impl Edit,
        ns: &NamespaceString,
        document: &[u8],
        loc: RecordLoc,
    ) -> Result<()> {
        for index in &self.indexes {
            let keys = index.keys_of(document)?;
            index.insert_keys(edit, ns, self.details(), &keys, loc)?;
        }
        if let Some(building) = &self.building {
            building.note(true, building.index.keys_of(document)?, loc);
        }
        Ok(())
    }

    /// Removes the entries of the document in the record at `loc` from all indexes.
    ///
    /// # Errors
    /// `Corrupt` only.
    pub fn unindex(&self, edit: &mut impl Edit, loc: RecordLoc) -> Result<()> {
        if self.indexes.is_empty() && self.building.is_none() {
            return Ok(());
        }
        let document = document_at(&self.store, edit, loc)?.as_bytes().to_vec();
        self.unindex_document(edit, &document, loc)
    }

    /// The same, of a document that was read.
    ///
    /// # Errors
    /// `Corrupt` only.
    pub fn unindex_document(
        &self,
        edit: &mut impl Edit,
        document: &[u8],
        loc: RecordLoc,
    ) -> Result<()> {
        for index in &self.indexes {
            index.remove_keys(edit, &index.stored_keys_of(document)?, loc)?;
        }
        if let Some(building) = &self.building {
            building.note_gone(document, loc)?;
        }
        Ok(())
    }

    /// Changes the entries of a document that becomes another one in the same record.
    ///
    /// # Errors
    /// As [`OpenCollection::index`].
    pub fn reindex(
        &self,
        edit: &mut impl Edit,
        ns: &NamespaceString,
        old: &[u8],
        new: &[u8],
        loc: RecordLoc,
    ) -> Result<()> {
        for index in &self.indexes {
            let keys = index.keys_of(new)?;
            let (gone, come) = Index::difference(index.stored_keys_of(old)?, keys);
            index.remove_keys(edit, &gone, loc)?;
            index.insert_keys(edit, ns, self.details(), &come, loc)?;
        }
        if let Some(building) = &self.building {
            let keys = building.index.keys_of(new)?;
            building.note_gone(old, loc)?;
            building.note(true, keys, loc);
        }
        Ok(())
    }
}
