//! The sum of all counters below a field of a document, however they are nested.

use bson::{RawBsonRef, RawDocument};

/// Deepest nesting that is summed, levels. Reports have two.
const NESTING_MAX: u32 = 8;

/// Σ the numbers in the document's field `name`, and in the documents in it.
pub fn counter_sum(document: &RawDocument, name: &str) -> i64 {
    match document.get(name) {
        Ok(Some(value)) => sum(value, NESTING_MAX),
        Ok(None) | Err(_) => 0,
    }
}

fn sum(value: RawBsonRef<'_>, depth: u32) -> i64 {
    match value {
        RawBsonRef::Int32(n) => n.into(),
        RawBsonRef::Int64(n) => n,
        RawBsonRef::Double(n) => n as i64,
        RawBsonRef::Document(inner) if depth > 0 => {
            inner.iter().flatten().fold(0, |total, (_, value)| total + sum(value, depth - 1))
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bson::rawdoc;

    #[test]
    fn nested_counters_add_up() {
        let document = rawdoc! {
            "minute": { "0": { "0": 1, "59": 2_i64 }, "1": { "3": 4.0 }, "x": "no number" },
            "hourly": { "0": 7 },
        };
        assert_eq!(counter_sum(&document, "minute"), 7);
        assert_eq!(counter_sum(&document, "hourly"), 7);
        assert_eq!(counter_sum(&document, "daily"), 0);
    }
}
