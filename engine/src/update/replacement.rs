//! A whole document that takes the place of another: all its fields, and the old `_id`.

use std::cmp::Ordering;

use super::storage_names;
use crate::bson::builder::Builder;
use crate::bson::compare::compare_values;
use crate::bson::document;
use crate::bson::element::{Element, Elements, OwnedValue, Value, get};
use crate::bson::{text, ty};
use crate::error::{Error, Reason, Result};

/// The new document as the caller gave it, names checked.
#[derive(Debug, Clone)]
pub struct Replacement {
    doc: Vec<u8>,
}

impl Replacement {
    /// Takes the bytes of a checked document.
    pub fn parse(doc: &[u8]) -> Result<Replacement> {
        for element in Elements::new(doc)? {
            let element = element?;
            storage_names::check_written(&element.name_lossy())?;
        }
        Ok(Replacement { doc: doc.to_vec() })
    }

    /// Was it given as just this document?
    pub fn is(&self, doc: &[u8]) -> bool {
        self.doc == doc
    }

    /// The document that results in place of `old`: its `_id` first, then the given fields.
    pub fn over(&self, old: &[u8], timestamp: u64) -> Result<Vec<u8>> {
        if let Some(own) = get(&self.doc, "_id")? {
            storage_names::check_id(own.val())?;
        }
        let id = get(old, "_id")?.map(|id| id.val().to_owned());
        self.with_id(id.as_ref().map(OwnedValue::as_ref), timestamp)
    }

    /// The `_id` that it gives.
    pub fn id(&self) -> Result<Option<Value<'_>>> {
        Ok(get(&self.doc, "_id")?.map(|own| own.val()))
    }

    /// The given fields after `id`, which must not be another than the replacement's own. Its
    /// own comes first if `id` is none.
    pub fn with_id(&self, id: Option<Value<'_>>, timestamp: u64) -> Result<Vec<u8>> {
        let own = get(&self.doc, "_id")?.map(|own| own.val());
        if let (Some(id), Some(own)) = (id, own)
            && compare_values(id, own) != Ordering::Equal
        {
            let own = text::named(b"_id", own);
            let message = format!(
                "After applying the update, the (immutable) field '_id' was found to have been \
                 altered to {own}"
            );
            return Err(Error::refused(Reason::ImmutableField, message));
        }
        let mut out = Builder::with_capacity(self.doc.len() + 64);
        if let Some(id) = id.or(own) {
            out.value("_id", id);
        }
        for element in Elements::new(&self.doc)? {
            let element = element?;
            if element.name != b"_id" {
                append_stamped(&mut out, &element, timestamp);
            }
        }
        let new = out.finish();
        document::check_len(new.len())?;
        Ok(new)
    }
}

/// Appends `element`; if it is an empty timestamp, with `timestamp` for its value.
pub fn append_stamped(out: &mut Builder, element: &Element<'_>, timestamp: u64) {
    if is_empty_timestamp(element) {
        let bytes = &timestamp.to_le_bytes();
        out.value(element.name, Value { ty: ty::TIMESTAMP, bytes });
    } else {
        out.element(element);
    }
}

/// Is it a timestamp that the server is to fill?
pub fn is_empty_timestamp(element: &Element<'_>) -> bool {
    element.ty == ty::TIMESTAMP && element.value == [0; 8]
}
