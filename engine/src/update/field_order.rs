//! The order in which an update creates fields. It decides where they lie in the document, and
//! so how far a later walk to each of them is.

use std::cmp::Ordering;

/// The order in which an update creates fields, at each level of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum FieldOrder {
    /// As the update writes them: MongoDB 2.6 to 3.4.
    #[default]
    Document,
    /// By name, byte by byte, "10" before "9": 3.6 to 4.4.
    Lexicographic,
    /// By name, numbers among each other by value, "9" before "10": since 5.0.
    Numeric,
}

impl FieldOrder {
    /// Which of two new fields comes first by name; no matter where the update decides.
    pub fn compare(self, a: &str, b: &str) -> Ordering {
        let is_number = |name: &str| {
            let digits = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
            digits && (name == "0" || !name.starts_with('0'))
        };
        match self {
            FieldOrder::Document => Ordering::Equal,
            FieldOrder::Lexicographic => a.cmp(b),
            FieldOrder::Numeric if is_number(a) && is_number(b) => {
                a.len().cmp(&b.len()).then_with(|| a.cmp(b))
            }
            FieldOrder::Numeric => a.cmp(b),
        }
    }
}
