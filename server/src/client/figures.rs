//! Numbers in the documents that servers answer with.

use bson::{RawBsonRef, RawDocument};

/// The number at a path such as `opcounters.insert`; none if there is none.
pub fn number(document: &RawDocument, path: &str) -> Option<f64> {
    let mut document = document;
    let mut names = path.split('.').peekable();
    while let Some(name) = names.next() {
        let value = document.get(name).ok().flatten()?;
        if names.peek().is_none() {
            return of(value);
        }
        document = value.as_document()?;
    }
    None
}

/// The number that a value is.
pub fn of(value: RawBsonRef<'_>) -> Option<f64> {
    match value {
        RawBsonRef::Int32(number) => Some(f64::from(number)),
        RawBsonRef::Int64(number) => Some(number as f64),
        RawBsonRef::Double(number) => Some(number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bson::rawdoc;

    #[test]
    fn numbers_by_path() {
        let document = rawdoc! { "a": { "b": 2_i64, "c": "x" }, "d": 0.5 };
        assert_eq!(number(&document, "a.b"), Some(2.0));
        assert_eq!(number(&document, "d"), Some(0.5));
        for path in ["a", "a.c", "a.b.c", "e", "d.e", ""] {
            assert_eq!(number(&document, path), None, "{path}");
        }
    }
}
