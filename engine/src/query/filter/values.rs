//! The operand of `$in`: values to be equal to, patterns to be like.

use super::Pattern;
use crate::bson::compare::compare_values;
use crate::bson::element::{OwnedValue, Value};
use crate::bson::ty;

/// Values and patterns, one of which must match.
#[derive(Debug, Clone)]
pub struct InList {
    /// Sorted in the canonical order, no two equal.
    values: Vec<OwnedValue>,
    patterns: Vec<Pattern>,
}

impl InList {
    /// One of these; of equal values the first one stays.
    pub fn new(mut values: Vec<OwnedValue>, patterns: Vec<Pattern>) -> InList {
        values.sort_by(|a, b| compare_values(a.as_ref(), b.as_ref()));
        values.dedup_by(|later, kept| compare_values(later.as_ref(), kept.as_ref()).is_eq());
        InList { values, patterns }
    }

    /// The values, sorted in the canonical order, no two equal.
    pub fn values(&self) -> &[OwnedValue] {
        &self.values
    }

    /// The patterns.
    pub fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }

    /// The value, if there is one value and nothing else.
    pub fn only(&self) -> Option<Value<'_>> {
        match (&self.values[..], &self.patterns[..]) {
            ([value], []) => Some(value.as_ref()),
            _ => None,
        }
    }

    /// Is it equal to one of the values? Undefined is null.
    pub(in crate::query) fn has(&self, value: Value<'_>) -> bool {
        let value = match value.ty {
            ty::UNDEFINED => Value { ty: ty::NULL, bytes: &[] },
            _ => value,
        };
        self.values.binary_search_by(|one| compare_values(one.as_ref(), value)).is_ok()
    }
}
