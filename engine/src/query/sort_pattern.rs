//! What documents are sorted by: fields and their directions.

use std::cmp::Ordering;

use crate::bson::compare::compare_values;
use crate::bson::element::{self, Elements, OwnedValue, Value};
use crate::bson::field::FieldPath;
use crate::bson::ty;
use crate::error::Result;

/// The fields to sort by, the first one first.
#[derive(Debug, Clone)]
pub struct SortPattern {
    parts: Vec<SortPart>,
}

/// One field of a sort.
#[derive(Debug, Clone)]
pub struct SortPart {
    /// The field.
    pub path: FieldPath,
    /// Does it descend?
    pub descending: bool,
}

/// What a document is sorted by: a value for each field.
#[derive(Debug, Clone)]
pub struct SortKey {
    values: Vec<OwnedValue>,
}

impl SortPattern {
    /// Parses `{ a: 1, "b.c": -1 }`.
    pub fn parse(pattern: &[u8]) -> Result<SortPattern> {
        let mut parts = vec![];
        for element in Elements::new(pattern)? {
            let element = element?;
            let path = FieldPath::parse(&element.name_lossy())?;
            let descending = element.val().as_number().is_some_and(|number| number.to_f64() < 0.0);
            parts.push(SortPart { path, descending });
        }
        Ok(SortPattern { parts })
    }

    /// Its fields.
    pub fn parts(&self) -> &[SortPart] {
        &self.parts
    }

    /// What `doc` is sorted by: of an array its least element, or its greatest if descending.
    pub fn key(&self, doc: &[u8]) -> Result<SortKey> {
        let mut values = vec![];
        for part in &self.parts {
            let found = element::get(doc, part.path.as_str())?;
            let null = Value { ty: ty::NULL, bytes: &[] };
            values.push(found.map_or(null, |found| found.val()).to_owned());
        }
        Ok(SortKey { values })
    }

    /// Which of two documents comes first.
    pub fn compare(&self, a: &SortKey, b: &SortKey) -> Ordering {
        for ((part, a), b) in self.parts.iter().zip(&a.values).zip(&b.values) {
            let order = compare_values(a.as_ref(), b.as_ref());
            let order = if part.descending { order.reverse() } else { order };
            if order.is_ne() {
                return order;
            }
        }
        Ordering::Equal
    }
}
