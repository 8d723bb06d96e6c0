//! [`FieldPath`]: "minute.13.37", split and prepared once, then looked up many times.
//!
//! P1. Components are never empty and hold no NUL, but for paths of filters, where MongoDB
//!     allows empty ones.
//! P2. What [`FieldPath`] remembers about a shape is one atomic word: a reader sees all of one
//!     answer or nothing. It is a hint of *where*, keyed by the shape's unique number, so it
//!     cannot outlive the truth: a shape never changes.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Reason, Result};
use crate::limits::NESTING_MAX;

/// Components that may begin with `$`: those of a reference.
pub const REFERENCE_PARTS: [&str; 3] = ["$id", "$ref", "$db"];

/// A dotted path to a field, such as `minute.13.37`. Cheap to clone; make it once and keep it.
///
/// ```
/// let path = tallymap::FieldPath::parse("minute.13.37")?;
/// assert_eq!(path.components().collect::<Vec<_>>(), ["minute", "13", "37"]);
/// # Ok::<(), tallymap::Error>(())
/// ```
pub struct FieldPath {
    text: Arc<str>,
    parts: Arc<[Part]>,
    /// The first part's head: most paths differ in it.
    first: u64,
    /// Answer of the shape that was asked last; 0 is none. Private to this clone.
    remembered: AtomicU64,
}

/// One component, prepared for comparison with a name in a document.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    start: u32,
    /// Bytes of the name, without a NUL.
    pub len: u32,
    /// The name's first 8 bytes, its NUL included, little-endian, zeroes beyond.
    head: u64,
    /// Covers the bytes of `head` that are the name's or its NUL.
    mask: u64,
    /// The place in an array that the component names, if it is a number in canonical form.
    pub index: Option<u32>,
}

impl Part {
    fn new(text: &str, start: usize) -> Part {
        let mut head = [0; 8];
        let head_len = text.len().min(8);
        head[..head_len].copy_from_slice(&text.as_bytes()[..head_len]);
        let mask = match text.len() {
            len @ 0..7 => (1 << ((len + 1) * 8)) - 1,
            _ => u64::MAX,
        };
        let canonical = text == "0" || !text.starts_with(['0', '+']);
        Part {
            start: start as u32,
            len: text.len() as u32,
            head: u64::from_le_bytes(head),
            mask,
            index: if canonical { text.parse().ok() } else { None },
        }
    }

    /// Could the name that starts at `at` be this one, by its first 8 bytes? `None` where
    /// fewer than 8 are left to look at.
    #[inline(always)]
    pub fn may_be_at(&self, bytes: &[u8], at: usize) -> Option<bool> {
        let head = u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?);
        Some(head & self.mask == self.head)
    }
}

impl FieldPath {
    /// Splits `text` at its dots.
    ///
    /// Refuses empty components ([`Reason::EmptyFieldName`]), NULs, and more components than
    /// documents may nest.
    pub fn parse(text: &str) -> Result<FieldPath> {
        if text.split('.').any(str::is_empty) {
            let message = format!(
                "The update path '{text}' contains an empty field name, which is not allowed."
            );
            return Err(Error::refused(Reason::EmptyFieldName, message));
        }
        FieldPath::parse_for_filter(text)
    }

    /// As [`FieldPath::parse`], but empty components are names like any other.
    pub fn parse_for_filter(text: &str) -> Result<FieldPath> {
        if text.contains('\0') {
            let message = "a field name must not contain a null byte";
            return Err(Error::refused(Reason::BadValue, message));
        }
        if text.split('.').count() > NESTING_MAX {
            let message = format!("a path has at most {NESTING_MAX} components");
            return Err(Error::refused(Reason::Overflow, message));
        }
        let mut start = 0;
        let parts = text.split('.').map(|name| {
            let part = Part::new(name, start);
            start += name.len() + 1;
            part
        });
        let parts: Arc<[Part]> = parts.collect();
        let first = parts[0].head;
        Ok(FieldPath { text: text.into(), parts, first, remembered: AtomicU64::new(0) })
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its components.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &str> + Clone {
        self.parts.iter().map(|part| self.text_of(part))
    }

    /// How many components it has; at least one.
    pub fn depth(&self) -> usize {
        self.parts.len()
    }

    /// Component `depth`, counted from 0.
    ///
    /// # Panics
    /// If there is none.
    pub fn component(&self, depth: usize) -> &str {
        self.text_of(&self.parts[depth])
    }

    /// The text of the first `depth` components.
    pub fn prefix(&self, depth: usize) -> &str {
        let end = self.parts[..depth].last().map_or(0, |part| part.start + part.len);
        &self.text[..end as usize]
    }

    /// The place in an array that component `depth` names, if it is a number in canonical
    /// form.
    ///
    /// # Panics
    /// If there is no such component.
    pub fn array_index(&self, depth: usize) -> Option<u32> {
        self.parts[depth].index
    }

    /// Is it the same path, or is one the beginning of the other? Two updates of such paths
    /// conflict.
    #[inline]
    pub fn overlaps(&self, other: &FieldPath) -> bool {
        self.may_share_first(other)
            && self.components().zip(other.components()).all(|(a, b)| a == b)
    }

    /// Does it lead to `_id`, or into it?
    #[inline]
    pub fn is_id(&self) -> bool {
        // No longer name has this head: it ends with the NUL.
        self.first == u64::from_le_bytes(*b"_id\0\0\0\0\0") && self.component(0) == "_id"
    }

    /// Could the first components be the same, by their first 8 bytes? Cheap.
    #[inline]
    pub fn may_share_first(&self, other: &FieldPath) -> bool {
        self.first == other.first
    }

    /// Component `depth`, prepared.
    pub(super) fn part(&self, depth: usize) -> &Part {
        &self.parts[depth]
    }

    /// What was remembered for the shape of this number.
    #[inline]
    pub(super) fn remembered(&self, shape: u32) -> Option<u32> {
        let word = self.remembered.load(Ordering::Relaxed);
        (word >> 32 == u64::from(shape)).then_some(word as u32)
    }

    /// Remembers the answer of a shape, whose number is not 0.
    pub(super) fn remember(&self, shape: u32, answer: u32) {
        let word = u64::from(shape) << 32 | u64::from(answer);
        self.remembered.store(word, Ordering::Relaxed);
    }

    fn text_of(&self, part: &Part) -> &str {
        &self.text[part.start as usize..(part.start + part.len) as usize]
    }
}

impl Clone for FieldPath {
    fn clone(&self) -> Self {
        FieldPath {
            text: self.text.clone(),
            parts: self.parts.clone(),
            first: self.first,
            remembered: AtomicU64::new(self.remembered.load(Ordering::Relaxed)),
        }
    }
}

impl PartialEq for FieldPath {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}
impl Eq for FieldPath {}

impl Hash for FieldPath {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FieldPath({:?})", self.as_str())
    }
}

impl std::str::FromStr for FieldPath {
    type Err = Error;

    fn from_str(text: &str) -> Result<FieldPath> {
        FieldPath::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_and_refuses() {
        let path = FieldPath::parse("minute.13.x07").unwrap();
        assert_eq!(path.components().collect::<Vec<_>>(), ["minute", "13", "x07"]);
        assert_eq!(path.part(1).index, Some(13));
        assert_eq!((path.prefix(0), path.prefix(2)), ("", "minute.13"));
        for bad in ["", ".", "a.", ".a", "a..b"] {
            let refused = FieldPath::parse(bad);
            let empty = Error::Refused { reason: Reason::EmptyFieldName, message: String::new() };
            assert_eq!(
                std::mem::discriminant(&refused.unwrap_err()),
                std::mem::discriminant(&empty),
                "{bad:?}"
            );
        }
        assert!(FieldPath::parse("a\0").is_err());
        assert!(FieldPath::parse(&["a"; NESTING_MAX].join(".")).is_ok());
        assert!(FieldPath::parse(&["a"; NESTING_MAX + 1].join(".")).is_err());
        assert_eq!(FieldPath::parse_for_filter("a..b").unwrap().depth(), 3);
    }

    #[test]
    fn only_canonical_numbers_name_places_of_arrays() {
        let index = |text: &str| FieldPath::parse(text).unwrap().part(0).index;
        assert_eq!((index("0"), index("10"), index("4294967295")), (Some(0), Some(10), Some(!0)));
        for text in ["00", "01", "+1", "-1", "1x", "4294967296", "x"] {
            assert_eq!(index(text), None, "{text}");
        }
    }

    #[test]
    fn overlap() {
        let overlap =
            |a: &str, b: &str| FieldPath::parse(a).unwrap().overlaps(&FieldPath::parse(b).unwrap());
        assert!(overlap("a", "a") && overlap("a", "a.b") && overlap("a.b.c", "a.b"));
        assert!(!overlap("a", "ab") && !overlap("a.b", "a.c") && !overlap("a.1", "a.10"));
        assert!(overlap("abcdefgh.x", "abcdefgh") && !overlap("abcdefgh1", "abcdefgh2"));
    }
}
