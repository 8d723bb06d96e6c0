//! A set of values, equal ones of the canonical order being one: `$addToSet` and `$pullAll` ask
//! it about every element of an array.

use crate::bson::compare::compare_values;
use crate::bson::element::Value;

/// The values, sorted, so that a long list is not gone through for every element.
#[derive(Debug, Default)]
pub struct ValueSet<'a> {
    sorted: Vec<Value<'a>>,
}

impl<'a> ValueSet<'a> {
    /// The set of these.
    pub fn new(values: impl IntoIterator<Item = Value<'a>>) -> ValueSet<'a> {
        let mut sorted: Vec<_> = values.into_iter().collect();
        sorted.sort_by(|a, b| compare_values(*a, *b));
        sorted.dedup_by(|a, b| compare_values(*a, *b).is_eq());
        ValueSet { sorted }
    }

    /// Is there one that is equal to this?
    pub fn contains(&self, value: Value<'_>) -> bool {
        self.sorted.binary_search_by(|own| compare_values(*own, value)).is_ok()
    }
}

/// The first of each group of equal values, in their order.
pub fn distinct<'a>(values: &[Value<'a>]) -> Vec<Value<'a>> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    // Stable: of equal values the first one leads.
    order.sort_by(|a, b| compare_values(values[*a], values[*b]));
    order.dedup_by(|a, b| compare_values(values[*a], values[*b]).is_eq());
    order.sort_unstable();
    order.into_iter().map(|i| values[i]).collect()
}
