//! Elements of a document: how long each one is, where it lies, what it holds.
//!
//! This is the engine of every walk over a document. It trusts nothing: lengths are compared
//! with the bytes at hand before they are used, so a walk over garbage ends with an error.
//! It does not look at what strings contain; that is [`super::document::check`].
//!
//! Invariants:
//! E1. An element yielded lies wholly before the terminator of its document.
//! E2. A walk advances by at least two bytes per element (type and the name's NUL).

use super::number::Number;
use super::ty::{self, Width};
use crate::error::{Error, Result};

/// Shortest document: its length and the terminator, bytes.
pub const DOCUMENT_LEN_MIN: usize = 5;

/// A value without its name, borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value<'a> {
    /// Its type, one of [`super::ty`].
    pub ty: u8,
    /// Its bytes, exactly.
    pub bytes: &'a [u8],
}

/// A value without its name, owned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedValue {
    /// Its type, one of [`super::ty`].
    pub ty: u8,
    /// Its bytes, exactly.
    pub bytes: Box<[u8]>,
}

/// An element of a document, borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Element<'a> {
    /// Its type, one of [`super::ty`].
    pub ty: u8,
    /// Its name without the NUL. Not known to be UTF-8.
    pub name: &'a [u8],
    /// The bytes of its value, exactly.
    pub value: &'a [u8],
    /// Offset of its type byte in the document.
    pub ofs: usize,
    /// Offset of its value in the document.
    pub value_ofs: usize,
}

/// The elements of a document, in order. After an error it yields nothing more.
#[derive(Debug, Clone)]
pub struct Elements<'a> {
    /// The document up to its terminator, which is not included.
    body: &'a [u8],
    at: usize,
}

impl<'a> Value<'a> {
    /// The embedded document or array.
    pub fn as_document(self) -> Option<&'a [u8]> {
        ty::is_container(self.ty).then_some(self.bytes)
    }

    /// The text of a string, if it is one and is UTF-8.
    pub fn as_str(self) -> Option<&'a str> {
        if self.ty != ty::STRING {
            return None;
        }
        std::str::from_utf8(self.bytes.get(4..self.bytes.len().checked_sub(1)?)?).ok()
    }

    /// The number, but for decimals.
    pub fn as_number(self) -> Option<Number> {
        Number::read(self.ty, self.bytes)
    }

    /// Is it anything but false, zero, null or undefined? So MongoDB reads flags.
    pub fn is_true(self) -> bool {
        match self.ty {
            ty::BOOL => self.bytes != [0],
            ty::NULL | ty::UNDEFINED => false,
            _ => self.as_number().is_none_or(|number| number.to_f64() != 0.0),
        }
    }

    /// A copy that owns its bytes.
    pub fn to_owned(self) -> OwnedValue {
        OwnedValue { ty: self.ty, bytes: self.bytes.into() }
    }
}

impl OwnedValue {
    /// The value, borrowed.
    pub fn as_ref(&self) -> Value<'_> {
        Value { ty: self.ty, bytes: &self.bytes }
    }
}

impl<'a> Element<'a> {
    /// The value without the name.
    pub fn val(&self) -> Value<'a> {
        Value { ty: self.ty, bytes: self.value }
    }

    /// Offset of the byte after the element.
    pub fn end(&self) -> usize {
        self.value_ofs + self.value.len()
    }

    /// The name for a message.
    pub fn name_lossy(&self) -> std::borrow::Cow<'a, str> {
        String::from_utf8_lossy(self.name)
    }
}

impl<'a> Elements<'a> {
    /// The elements of the document at the start of `bytes`; what follows it is ignored.
    pub fn new(bytes: &'a [u8]) -> Result<Elements<'a>> {
        let len = super::document::doc_len(bytes)?;
        if bytes[len - 1] != 0 {
            return Err(Error::invalid_bson(len - 1, "a document ends with a zero byte"));
        }
        Ok(Elements { body: &bytes[..len - 1], at: 4 })
    }

    fn read(&self) -> Result<Element<'a>> {
        let (body, at) = (self.body, self.at);
        let invalid = |at, rule| Err(Error::invalid_bson(at, rule));
        let Some(name_end) = name_end(body, at + 1) else {
            return invalid(at + 1, "a name ends with a zero byte");
        };
        let ty = body[at];
        let value_ofs = name_end + 1;
        let Some(len) = value_len(ty, &body[value_ofs..]) else {
            return match ty::width(ty) {
                Width::Unknown => invalid(at, "unknown element type"),
                _ => invalid(value_ofs, "a value lies within its document"),
            };
        };
        let value = &body[value_ofs..value_ofs + len];
        Ok(Element { ty, name: &body[at + 1..name_end], value, ofs: at, value_ofs })
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<Element<'a>>;

    fn next(&mut self) -> Option<Result<Element<'a>>> {
        if self.at >= self.body.len() {
            return None;
        }
        let element = self.read();
        self.at = match &element {
            Ok(element) => element.end(),
            Err(_) => self.body.len(),
        };
        Some(element)
    }
}

/// The first element named `name` at the top level of a document.
pub fn get<'a>(doc: &'a [u8], name: &str) -> Result<Option<Element<'a>>> {
    for element in Elements::new(doc)? {
        let element = element?;
        if element.name == name.as_bytes() {
            return Ok(Some(element));
        }
    }
    Ok(None)
}

/// Offset of the NUL of the name that starts at `at`.
#[inline(always)]
pub fn name_end(bytes: &[u8], at: usize) -> Option<usize> {
    let mut end = at;
    while *bytes.get(end)? != 0 {
        end += 1;
    }
    Some(end)
}

/// Bytes of the value of type `ty` at the start of `bytes`; `None` if there is no such type or
/// the value does not lie within `bytes`.
#[inline(always)]
pub fn value_len(ty: u8, bytes: &[u8]) -> Option<usize> {
    let len = match ty {
        // The types of counters and of what holds them, without a look at the table: where
        // they alternate regularly the processor foresees the branch and need not wait.
        ty::INT32 => 4,
        ty::INT64 | ty::DOUBLE => 8,
        ty::DOCUMENT | ty::ARRAY => match read_i32(bytes)? as usize {
            len if len < DOCUMENT_LEN_MIN => return None,
            len => len,
        },
        _ => match ty::width(ty) {
            Width::Fixed(len) => len,
            Width::Variable => variable_len(ty, bytes)?,
            Width::Unknown => return None,
        },
    };
    // A negative length has become one that is longer than any bytes.
    (len <= bytes.len()).then_some(len)
}

#[inline]
fn variable_len(ty: u8, bytes: &[u8]) -> Option<usize> {
    if ty == ty::REGEX {
        let pattern_end = name_end(bytes, 0)?;
        return Some(name_end(bytes, pattern_end + 1)? + 1);
    }
    let len = usize::try_from(read_i32(bytes)?).ok()?;
    let (len_min, extra) = match ty {
        ty::BINARY => (0, 5),
        ty::DB_POINTER => (1, 4 + 12),
        // Its length, a string of no text, an empty scope.
        ty::CODE_WITH_SCOPE => (4 + 5 + DOCUMENT_LEN_MIN, 0),
        _ => (1, 4),
    };
    if len < len_min { None } else { len.checked_add(extra) }
}

/// The int32 at the start of `bytes`.
#[inline(always)]
pub fn read_i32(bytes: &[u8]) -> Option<i32> {
    Some(i32::from_le_bytes(*bytes.first_chunk()?))
}

/// The int64 at the start of `bytes`.
#[inline(always)]
pub fn read_i64(bytes: &[u8]) -> Option<i64> {
    Some(i64::from_le_bytes(*bytes.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rounds::rounds;
    use ::bson::{Regex, rawdoc};

    #[test]
    fn yields_elements_with_their_places() {
        let doc = rawdoc! { "a": 1, "bc": "x", "d": { "e": true } };
        let all: Vec<_> = Elements::new(doc.as_bytes()).unwrap().map(Result::unwrap).collect();
        let places: Vec<_> = all.iter().map(|e| (e.ofs, e.value_ofs, e.value.len())).collect();
        assert_eq!(places, [(4, 7, 4), (11, 15, 6), (21, 24, 9)]);
        assert_eq!(all[1].val().as_str(), Some("x"));
        assert_eq!(all[2].end(), doc.as_bytes().len() - 1);
    }

    #[test]
    fn passes_over_every_type() {
        let doc = rawdoc! {
            "re": Regex { pattern: "a.b".try_into().unwrap(), options: "i".try_into().unwrap() },
            "bin": ::bson::Binary { subtype: 0.into(), bytes: vec![1, 2, 3] },
            "code": ::bson::RawBson::JavaScriptCode("f()".into()),
            "dec": ::bson::Decimal128::from_bytes([7; 16]),
            "min": ::bson::RawBson::MinKey,
            "max": ::bson::RawBson::MaxKey,
            "sym": ::bson::RawBson::Symbol("s".into()),
            "last": 1.5,
        };
        let last = Elements::new(doc.as_bytes()).unwrap().last().unwrap().unwrap();
        assert_eq!((last.name, last.ty), (&b"last"[..], ty::DOUBLE));
    }

    #[test]
    fn an_error_ends_the_walk() {
        let mut bytes = rawdoc! { "a": 1, "b": 2 }.into_bytes();
        bytes[11] = 0x55;
        let mut elements = Elements::new(&bytes).unwrap();
        assert!(elements.next().unwrap().is_ok());
        assert!(matches!(elements.next(), Some(Err(Error::InvalidBson { at: 11, .. }))));
        assert!(elements.next().is_none());
    }

    #[test]
    fn garbage_never_panics_and_never_leaves_the_document() {
        let mut rng = oorandom::Rand32::new(1);
        let whole = rawdoc! { "a": "text", "b": { "c": [1, 2.0, null] }, "d": 7_i64 };
        for _ in 0..rounds(20_000) {
            let mut bytes = whole.as_bytes().to_vec();
            for _ in 0..rng.rand_range(1..5) {
                let at = rng.rand_range(0..bytes.len() as u32) as usize;
                bytes[at] = rng.rand_u32() as u8;
            }
            let Ok(elements) = Elements::new(&bytes) else { continue };
            for element in elements {
                let Ok(element) = element else { break };
                assert!(element.end() < bytes.len());
            }
        }
    }
}
