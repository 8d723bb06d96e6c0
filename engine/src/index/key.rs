//! Keys of an index as bytes: the two forms behind one face.
//!
//! An encoded key is a tuple of values, one per indexed field. Which form it has follows from
//! the index's version; nothing in this file looks into it.

use std::cmp::Ordering;

use crate::bson::element::Value;
use crate::error::{Error, Result};
use crate::index::index_version::IndexVersion;
use crate::index::{key_v0, key_v1};

/// Which fields of an index descend, one bit per field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeyOrder(u32);

impl KeyOrder {
    /// All fields ascend.
    pub const ASCENDING: KeyOrder = KeyOrder(0);

    /// The order of fields whose directions are given, true for descending. Fields after the
    /// 32nd ascend: an index has no more than [`crate::limits::KEY_FIELDS_MAX`].
    pub fn new(descending: impl IntoIterator<Item = bool>) -> KeyOrder {
        let bits = descending.into_iter().take(32).enumerate();
        KeyOrder(bits.fold(0, |bits, (i, down)| bits | u32::from(down) << i))
    }

    /// Bit `k` is set if field `k` descends.
    pub fn bits(self) -> u32 {
        self.0
    }

    /// Does the field descend?
    pub fn is_descending(self, field: usize) -> bool {
        field < 32 && self.0 >> field & 1 != 0
    }

    /// How values that compare so are ordered in this field.
    pub fn apply(self, field: usize, ordering: Ordering) -> Ordering {
        if self.is_descending(field) { ordering.reverse() } else { ordering }
    }
}

/// Encodes a key of a document into `out`, replacing what it holds.
///
/// # Errors
/// [`Error::KeyTooLong`], naming `index`.
pub fn encode(
    version: IndexVersion,
    values: &[Value<'_>],
    index: &str,
    out: &mut Vec<u8>,
) -> Result<()> {
    encode_bound(version, values, out);
    let max = version.key_len_max();
    if out.len() > max {
        return Err(Error::KeyTooLong { index: index.into(), len: out.len(), max });
    }
    Ok(())
}

/// Encodes a key to search for into `out`, replacing what it holds. It may be longer than any
/// key in an index.
pub fn encode_bound(version: IndexVersion, values: &[Value<'_>], out: &mut Vec<u8>) {
    out.clear();
    match version {
        IndexVersion::V0 => key_v0::encode(values, out),
        IndexVersion::V1 => key_v1::encode(values, out),
    }
}

/// The key as a BSON object with empty names: what a user is shown, and what a covered read
/// takes its values from. Of a malformed key, what of it can be read.
pub fn decode(version: IndexVersion, key: &[u8]) -> Vec<u8> {
    match version {
        IndexVersion::V0 => key.to_vec(),
        IndexVersion::V1 => key_v1::decode(key),
    }
}

/// Length of the key at the start of `bytes`, which go on behind it; none if it is malformed.
pub fn len(version: IndexVersion, bytes: &[u8]) -> Option<usize> {
    match version {
        IndexVersion::V0 => key_v0::len(bytes),
        IndexVersion::V1 => key_v1::len(bytes),
    }
}

/// How two keys of one index are ordered. Both have the length that [`len`] found.
pub fn compare(version: IndexVersion, a: &[u8], b: &[u8], order: KeyOrder) -> Ordering {
    match version {
        IndexVersion::V0 => key_v0::compare(a, b, order),
        IndexVersion::V1 => key_v1::compare(a, b, order),
    }
}
