//! What a collection was created with, as the catalogue says it.

use std::sync::Arc;

use bson::{RawDocument, RawDocumentBuf, cstr};

use super::handle::Collection;
use super::options::CollectionOptions;
use super::variables::collation_of;
use crate::bson::collation::Collation;
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

    /// The same with what MongoDB 5.0 calls its options, too, and is stored beside the catalogue:
    /// newer validators, and a collation.
    ///
    /// # Errors
    /// `Corrupt` only.
    pub fn all_options(&self) -> Result<RawDocumentBuf> {
        let mut options = self.options()?.unwrap_or_default();
        let stored = self.read(None, |_, open| Ok(Some(open.stored())))?.unwrap_or_default();
        if let Some(validator) = stored.validator {
            options.append(cstr!("validator"), validator);
        }
        if let Some(collation) = stored.collation {
            options.append(cstr!("collation"), collation);
        }
        Ok(options)
    }

    /// The options that make another collection like this one; the usual ones if it does not exist.
    ///
    /// # Errors
    /// `Corrupt` only.
    pub fn creation_options(&self) -> Result<CollectionOptions> {
        let entry = self.options()?;
        self.read(CollectionOptions::default(), |_, open| {
            let stored = open.stored();
            let mut options = CollectionOptions::of_entry(entry.as_deref(), &stored);
            options.policy = open.store.options().policy;
            options.field_order = stored.field_order.unwrap_or_default();
            (options.template, options.collation) = (stored.template, stored.collation);
            Ok(options)
        })
    }

    /// The collation by which a request compares texts: that which it asks for, or else the
    /// collection's own.
    pub(super) fn collation_for(
        &self,
        asked: Option<&RawDocument>,
    ) -> Result<Option<Arc<Collation>>> {
        match asked {
            Some(asked) if !asked.is_empty() => collation_of(Some(asked)),
            _ => self.read(None, |_, open| Ok(open.collation.clone())),
        }
    }

    /// The same as it is written.
    pub(super) fn own_collation(&self) -> Result<Option<RawDocumentBuf>> {
        self.read(None, |_, open| Ok(open.collation.as_ref().and(open.stored().collation)))
    }
}
