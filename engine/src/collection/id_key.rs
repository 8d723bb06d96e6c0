//! An `_id` as records hold it, with its hash; borrowed where it can be.

use std::borrow::Cow;
use std::hash::BuildHasher;

use bson::{RawBsonRef, RawDocumentBuf};
use foldhash::fast::FixedState;

use crate::bson::ty;
use crate::error::{Error, Result};

/// What stands before the value of an `_id` that leads its document: length, type, name.
pub const VALUE_OFS: usize = 4 + 1 + 4;
/// Longest value of fixed width but decimals: an ObjectId.
const FIXED_LEN_MAX: usize = 12;

/// An `_id`: its element type, and its value as it is written in a record.
#[derive(Debug)]
pub struct IdKey<'a> {
    element_type: u8,
    form: Form<'a>,
}

#[derive(Debug)]
enum Form<'a> {
    /// A string, without the length before it and the NUL after it.
    Text(&'a [u8]),
    /// The first so many of these bytes.
    Fixed([u8; FIXED_LEN_MAX], usize),
    Raw(Cow<'a, [u8]>),
}

fn fixed<const N: usize>(element_type: u8, value: [u8; N]) -> IdKey<'static> {
    let mut bytes = [0; FIXED_LEN_MAX];
    bytes[..N].copy_from_slice(&value);
    IdKey { element_type, form: Form::Fixed(bytes, N) }
}

/// The text in the value bytes of a string, if they are one.
fn text(value: &[u8]) -> Option<&[u8]> {
    let (len, text) = value.split_first_chunk::<4>()?;
    let (0, text) = text.split_last()? else { return None };
    (i32::from_le_bytes(*len) as usize == text.len() + 1).then_some(text)
}

impl<'a> IdKey<'a> {
    /// The `_id` with this element type and these value bytes.
    pub fn from_raw(element_type: u8, value: &'a [u8]) -> IdKey<'a> {
        let form = match text(value).filter(|_| element_type == ty::STRING) {
            Some(text) => Form::Text(text),
            None => Form::Raw(value.into()),
        };
        IdKey { element_type, form }
    }

    /// The form of `id` in a record.
    ///
    /// # Errors
    /// If the value cannot be written as BSON.
    #[inline]
    pub fn new(id: RawBsonRef<'a>) -> Result<IdKey<'a>> {
        match id {
            RawBsonRef::String(text) => {
                Ok(IdKey { element_type: ty::STRING, form: Form::Text(text.as_bytes()) })
            }
            other => IdKey::of_other(other),
        }
    }

    fn of_other(id: RawBsonRef<'_>) -> Result<IdKey<'static>> {
        Ok(match id {
            RawBsonRef::Int32(n) => fixed(ty::INT32, n.to_le_bytes()),
            RawBsonRef::Int64(n) => fixed(ty::INT64, n.to_le_bytes()),
            RawBsonRef::ObjectId(id) => fixed(ty::OBJECT_ID, id.bytes()),
            RawBsonRef::DateTime(at) => fixed(ty::DATE, at.timestamp_millis().to_le_bytes()),
            other => {
                let mut document = RawDocumentBuf::new();
                document.append(bson::cstr!("_id"), other);
                let own = IdKey::of_document(document.as_bytes()).ok_or(Error::InvalidBson {
                    at: 0,
                    rule: "an _id must be a value that BSON can hold",
                })?;
                let form = Form::Raw(own.value().into_owned().into());
                IdKey { element_type: own.element_type, form }
            }
        })
    }

    /// The `_id` of a document that it leads, if it does.
    pub fn of_document(document: &'a [u8]) -> Option<IdKey<'a>> {
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
    pub fn value(&self) -> Cow<'_, [u8]> {
        match &self.form {
            Form::Text(text) => {
                let len = (text.len() as i32 + 1).to_le_bytes();
                [&len, *text, &[0]].concat().into()
            }
            Form::Fixed(bytes, len) => bytes[..*len].into(),
            Form::Raw(value) => Cow::Borrowed(value),
        }
    }

    /// Length of the value, bytes.
    #[inline]
    pub fn value_len(&self) -> usize {
        match &self.form {
            Form::Text(text) => 4 + text.len() + 1,
            Form::Fixed(_, len) => *len,
            Form::Raw(value) => value.len(),
        }
    }

    /// Does this `_id` lead `document`, of which at least the `_id` is given?
    #[inline]
    pub fn leads(&self, document: &[u8]) -> bool {
        let Some((head, rest)) = document.split_first_chunk::<VALUE_OFS>() else { return false };
        if head[4] != self.element_type || &head[5..] != b"_id\0" {
            return false;
        }
        match &self.form {
            Form::Text(text) => {
                let Some((len, rest)) = rest.split_first_chunk::<4>() else { return false };
                i32::from_le_bytes(*len) as usize == text.len() + 1
                    && rest.get(text.len()) == Some(&0)
                    && rest.starts_with(text)
            }
            Form::Fixed(bytes, len) => rest.starts_with(&bytes[..*len]),
            Form::Raw(value) => rest.starts_with(value),
        }
    }

    /// A hash of type and value, the same throughout one process.
    #[inline]
    pub fn hash(&self) -> u64 {
        let bytes = match &self.form {
            Form::Text(text) => text,
            Form::Fixed(bytes, len) => &bytes[..*len],
            Form::Raw(value) => &value[..],
        };
        FixedState::with_seed(u64::from(self.element_type)).hash_one(bytes)
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
            assert_eq!(own.value_len(), own.value().len());
        }
        let later = rawdoc! { "n": 1, "_id": 7 };
        assert!(IdKey::of_document(later.as_bytes()).is_none());
    }
}
