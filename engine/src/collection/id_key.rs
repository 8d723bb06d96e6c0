//! An `_id` in the form in which records hold it, with its hash.

use std::hash::BuildHasher;

use bson::{RawBsonRef, RawDocumentBuf};
use foldhash::fast::FixedState;

use crate::error::{Error, Result};

/// `_id` values up to this length take no allocation.
const INLINE: usize = 120;
/// What stands before the value of an `_id` that leads its document: length, type, name.
pub const VALUE_OFS: usize = 4 + 1 + 4;

/// The element type and value bytes of an `_id`.
#[derive(Debug, Clone)]
pub struct IdKey {
    element_type: u8,
    len: usize,
    inline: [u8; INLINE],
    spilled: Vec<u8>,
}

impl IdKey {
    /// The `_id` with this element type and these value bytes.
    pub fn from_raw(element_type: u8, value: &[u8]) -> IdKey {
        IdKey::from_parts(element_type, &[value])
    }

    fn from_parts(element_type: u8, parts: &[&[u8]]) -> IdKey {
        let len = parts.iter().map(|part| part.len()).sum();
        let mut key = IdKey { element_type, len, inline: [0; INLINE], spilled: Vec::new() };
        if len > INLINE {
            key.spilled = parts.concat();
        } else {
            let mut at = 0;
            for part in parts {
                key.inline[at..at + part.len()].copy_from_slice(part);
                at += part.len();
            }
        }
        key
    }

    /// The form of `id` in a record.
    ///
    /// # Errors
    /// If the value cannot be written as BSON.
    pub fn new(id: RawBsonRef<'_>) -> Result<IdKey> {
        Ok(match id {
            RawBsonRef::String(text) => {
                let len = (text.len() as i32 + 1).to_le_bytes();
                IdKey::from_parts(0x02, &[&len, text.as_bytes(), &[0]])
            }
            RawBsonRef::Int32(n) => IdKey::from_raw(0x10, &n.to_le_bytes()),
            RawBsonRef::Int64(n) => IdKey::from_raw(0x12, &n.to_le_bytes()),
            RawBsonRef::ObjectId(id) => IdKey::from_raw(0x07, &id.bytes()),
            RawBsonRef::DateTime(at) => IdKey::from_raw(0x09, &at.timestamp_millis().to_le_bytes()),
            other => {
                let mut document = RawDocumentBuf::new();
                document.append(bson::cstr!("_id"), other);
                IdKey::of_document(document.as_bytes()).ok_or(Error::InvalidBson {
                    at: 0,
                    rule: "an _id must be a value that BSON can hold",
                })?
            }
        })
    }

    /// The `_id` of a document that it leads, if it does.
    pub fn of_document(document: &[u8]) -> Option<IdKey> {
        let element_type = *document.get(4)?;
        if document.get(5..VALUE_OFS)? != b"_id\0" {
            return None;
        }
        let rest = &document[VALUE_OFS..];
        let len = crate::bson::element::value_len(element_type, rest)?;
        Some(IdKey::from_raw(element_type, rest.get(..len)?))
    }

    /// Its element type.
    pub fn element_type(&self) -> u8 {
        self.element_type
    }

    /// Its value bytes.
    pub fn value(&self) -> &[u8] {
        if self.len > INLINE { &self.spilled } else { &self.inline[..self.len] }
    }

    /// Does this `_id` lead `document`, of which at least the `_id` is given?
    pub fn leads(&self, document: &[u8]) -> bool {
        document.len() >= VALUE_OFS + self.len
            && document[4] == self.element_type
            && &document[5..VALUE_OFS] == b"_id\0"
            && &document[VALUE_OFS..VALUE_OFS + self.len] == self.value()
    }

    /// A hash of type and value, the same throughout one process.
    pub fn hash(&self) -> u64 {
        FixedState::with_seed(u64::from(self.element_type)).hash_one(self.value())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bson::{RawBson, oid::ObjectId, rawdoc};

    #[test]
    fn leads_exactly_the_documents_with_this_id() {
        let ids = [
            RawBson::String(String::new()),
            RawBson::String("20001010/site-1/apache_pb.gif".into()),
            RawBson::String("x".repeat(500)),
            RawBson::Int32(7),
            RawBson::Int64(7),
            RawBson::Double(7.0),
            RawBson::ObjectId(ObjectId::from_bytes([7; 12])),
            RawBson::Document(rawdoc! { "site": 1 }),
            RawBson::Null,
        ];
        let documents: Vec<_> =
            ids.iter().map(|id| rawdoc! { "_id": id.clone(), "n": 1 }).collect();
        for (i, id) in ids.iter().enumerate() {
            let key = IdKey::new(id.as_raw_bson_ref()).expect("a key");
            for (j, document) in documents.iter().enumerate() {
                assert_eq!(key.leads(document.as_bytes()), i == j, "{id:?} {document:?}");
            }
            let own = IdKey::of_document(documents[i].as_bytes()).expect("a key");
            assert_eq!((own.hash(), own.value()), (key.hash(), key.value()));
        }
        let later = rawdoc! { "n": 1, "_id": 7 };
        assert!(IdKey::of_document(later.as_bytes()).is_none());
    }
}
