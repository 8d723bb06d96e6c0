//! What documents are sorted by: fields and their directions.
//!
//! S1. Keys are compared in the canonical order, field by field. What is missing is null.
//! S2. Of the keys that a document with arrays has, the one that comes first in the pattern's
//!     own order counts: of one field the least if it ascends, the greatest if it descends.

mod expand;
#[cfg(test)]
mod tests;

use super::filter::{rounded, truncated};
use std::cmp::Ordering;
use std::sync::Arc;

use super::field_names;
use crate::bson::collation::Collation;
use crate::bson::compare::compare_values;
use crate::bson::element::{Element, Elements, Value, read_i32, read_i64, value_len};
use crate::bson::field::FieldPath;
use crate::bson::{text, ty};
use crate::error::{Error, Reason, Result};

/// Most fields of a sort.
const PARTS_MAX: usize = 32;

/// The fields to sort by, the first one first.
#[derive(Debug, Clone)]
pub struct SortPattern {
    parts: Vec<SortPart>,
    collation: Option<Arc<Collation>>,
}

/// One field of a sort.
#[derive(Debug, Clone)]
pub struct SortPart {
    /// The field.
    pub path: FieldPath,
    /// Does it descend?
    pub descending: bool,
}

/// What a document is sorted by: a value for each field, one after the other, each after its
/// type.
#[derive(Debug, Clone)]
pub struct SortKey {
    bytes: Box<[u8]>,
}

impl SortKey {
    /// A key of these values.
    pub fn of<'v>(values: impl IntoIterator<Item = Value<'v>> + Clone) -> SortKey {
        let len = values.clone().into_iter().map(|value| value.bytes.len() + 1).sum();
        let mut bytes = Vec::with_capacity(len);
        for value in values {
            bytes.push(value.ty);
            bytes.extend_from_slice(value.bytes);
        }
        SortKey { bytes: bytes.into() }
    }

    /// Bytes that it takes.
    pub fn bytes_len(&self) -> usize {
        self.bytes.len()
    }

    /// Its values.
    #[cfg(test)]
    pub fn values(&self) -> impl Iterator<Item = Value<'_>> {
        let mut rest = &*self.bytes;
        std::iter::from_fn(move || {
            let (value, after) = split_value(rest)?;
            rest = after;
            Some(value)
        })
    }
}

fn split_value(bytes: &[u8]) -> Option<(Value<'_>, &[u8])> {
    let (ty, rest) = bytes.split_first()?;
    let (value, after) = rest.split_at(value_len(*ty, rest)?);
    Some((Value { ty: *ty, bytes: value }, after))
}

impl SortPattern {
    /// Parses `{ a: 1, "b.c": -1 }`; `$natural` is not a field.
    ///
    /// # Errors
    /// MongoDB's, with its numbers.
    pub fn parse(pattern: &[u8]) -> Result<SortPattern> {
        let mut parts = vec![];
        for element in Elements::new(pattern)? {
            let element = element?;
            let descending = descends(&element)?;
            let name = std::str::from_utf8(element.name)
                .map_err(|_| Error::invalid_bson(element.ofs + 1, "text is UTF-8"))?;
            parts.push(SortPart { path: field_names::path(name)?, descending });
        }
        if parts.len() > PARTS_MAX {
            return Err(Error::refused(Reason::Location(13103), "too many compound keys"));
        }
        Ok(SortPattern { parts, collation: None })
    }

    /// Is it `{ $natural: … }`, the order in which records lie? If so, does it go forward?
    ///
    /// # Errors
    /// If there are fields beside it.
    pub fn natural(pattern: &[u8]) -> Result<Option<bool>> {
        let (mut natural, mut others) = (None, false);
        for element in Elements::new(pattern)? {
            let element = element?;
            match element.name {
                b"$natural" => {
                    let number = element.val().as_number();
                    natural = Some(number.is_none_or(|number| number.to_f64() >= 0.0));
                }
                _ => others = true,
            }
        }
        if natural.is_some() && others {
            let pattern = text::document(pattern);
            let message = format!("Cannot include '$natural' in compound sort: {pattern}");
            return Err(Error::refused(Reason::BadValue, message));
        }
        Ok(natural)
    }

    /// The same sort, with texts in the order of a collation.
    pub fn collated(self, collation: Option<&Arc<Collation>>) -> SortPattern {
        SortPattern { collation: collation.cloned(), ..self }
    }

    /// Are texts in another order than that of their bytes, which is that of indexes?
    pub fn is_collated(&self) -> bool {
        self.collation.is_some()
    }

    /// Its fields.
    pub fn parts(&self) -> &[SortPart] {
        &self.parts
    }

    /// What `doc` is sorted by.
    ///
    /// # Errors
    /// If two fields lead through different arrays.
    pub fn key(&self, doc: &[u8]) -> Result<SortKey> {
        match &self.collation {
            None => expand::key(self, doc),
            Some(collation) => {
                let whole = Value { ty: ty::DOCUMENT, bytes: doc };
                expand::key(self, &collation.fold(whole).bytes)
            }
        }
    }

    /// Which of two documents comes first.
    pub fn compare(&self, a: &SortKey, b: &SortKey) -> Ordering {
        let (mut a, mut b) = (&*a.bytes, &*b.bytes);
        for part in &self.parts {
            let (Some((x, a_rest)), Some((y, b_rest))) = (split_value(a), split_value(b)) else {
                return a.len().cmp(&b.len());
            };
            let order = part.directed(compare(x, y));
            if order.is_ne() {
                return order;
            }
            (a, b) = (a_rest, b_rest);
        }
        Ordering::Equal
    }

    /// The same for keys that are not put together yet.
    fn compare_values(&self, a: &[Value<'_>], b: &[Value<'_>]) -> Ordering {
        let each = self.parts.iter().zip(a).zip(b);
        let orders = each.map(|((part, a), b)| part.directed(compare(*a, *b)));
        orders.fold(Ordering::Equal, Ordering::then)
    }
}

impl SortPart {
    fn directed(&self, order: Ordering) -> Ordering {
        if self.descending { order.reverse() } else { order }
    }
}

/// Compares two values, first the ways that most sorts go.
#[inline]
fn compare(a: Value<'_>, b: Value<'_>) -> Ordering {
    let fast = match (a.ty, b.ty) {
        (ty::INT32, ty::INT32) => read_i32(a.bytes).zip(read_i32(b.bytes)).map(|(a, b)| a.cmp(&b)),
        (ty::INT64, ty::INT64) | (ty::DATE, ty::DATE) => {
            read_i64(a.bytes).zip(read_i64(b.bytes)).map(|(a, b)| a.cmp(&b))
        }
        _ => None,
    };
    fast.unwrap_or_else(|| compare_values(a, b))
}

fn descends(element: &Element<'_>) -> Result<bool> {
    let refused = |code, message: String| Err(Error::refused(Reason::Location(code), message));
    let value = element.val();
    if value.ty == ty::DOCUMENT {
        return Err(refused_meta(element));
    }
    let is_number = matches!(value.ty, ty::DOUBLE | ty::INT32 | ty::INT64 | ty::DECIMAL128);
    if !is_number {
        let shown = text::named(element.name, value);
        return refused(15974, format!("Illegal key in $sort specification: {shown}"));
    }
    // The fraction of a double does not count; a decimal is rounded.
    let whole = if value.ty == ty::DECIMAL128 { rounded(value) } else { truncated(value) };
    match whole {
        Some(1) => Ok(false),
        Some(-1) => Ok(true),
        _ => {
            let message = "$sort key ordering must be 1 (for ascending) or -1 (for descending)";
            refused(15975, message.to_owned())
        }
    }
}

/// There is nothing computed to sort by: no text scores, no random values.
fn refused_meta(element: &Element<'_>) -> Error {
    let first = Elements::new(element.value).ok().and_then(|mut elements| elements.next());
    match first {
        Some(Ok(meta)) if meta.name == b"$meta" => {
            let shown = text::named(meta.name, meta.val());
            match meta.val().as_str() {
                Some("textScore") => {
                    let message = "query requires text score metadata, but it is not available";
                    Error::refused(Reason::Location(40218), message)
                }
                _ => {
                    Error::refused(Reason::Location(31138), format!("Illegal $meta sort: {shown}"))
                }
            }
        }
        _ => {
            let message = "$meta is the only expression supported by $sort right now";
            Error::refused(Reason::Location(17312), message)
        }
    }
}
