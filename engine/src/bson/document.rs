//! Whole documents: how long they say they are, and the full check of bytes from outside.
//!
//! Invariants of bytes that passed [`check`]:
//! D1. Every length, at every level, is exactly that of what it measures.
//! D2. Names, strings, code, symbols and patterns are UTF-8; strings have their NUL.
//! D3. Documents nest at most [`NESTING_MAX`] levels, the outermost being the first.

use super::element::{DOCUMENT_LEN_MIN, Value, name_end, read_i32, value_len};
use super::ty::{self, Width};
use crate::error::{Error, Reason, Result};
use crate::limits::{DOCUMENT_LEN_MAX, NESTING_MAX};

/// Longest command: a document and what a command needs around it, bytes.
const COMMAND_LEN_MAX: usize = DOCUMENT_LEN_MAX + 16 * 1024;
/// Deepest command: a document and what a command needs around it, levels. The command itself is
/// one of them, which mongod does not count.
const COMMAND_NESTING_MAX: usize = NESTING_MAX + 21;

/// Length of the document at the start of `bytes`, by its own word: at least 5, and all of it
/// is there. Nothing else is looked at.
#[inline]
pub fn doc_len(bytes: &[u8]) -> Result<usize> {
    let invalid = |rule| Err(Error::invalid_bson(0, rule));
    let Some(len) = read_i32(bytes) else {
        return invalid("a document starts with its length");
    };
    match usize::try_from(len) {
        Ok(len) if len > bytes.len() => invalid("a document is as long as it says"),
        Ok(len) if len >= DOCUMENT_LEN_MIN => Ok(len),
        _ => invalid("a document has at least 5 bytes"),
    }
}

/// Checks that `bytes` are exactly one document, of a length and depth that may be stored.
pub fn check(bytes: &[u8]) -> Result<()> {
    if checked_len(bytes)? != bytes.len() {
        return Err(Error::invalid_bson(0, "nothing follows the document"));
    }
    Ok(())
}

/// Checks the document at the start of `bytes` and gives its length.
pub fn checked_len(bytes: &[u8]) -> Result<usize> {
    checked_len_within(bytes, DOCUMENT_LEN_MAX, NESTING_MAX)
}

/// As [`checked_len`], for a command that carries documents: a little longer, a little deeper.
pub fn checked_command_len(bytes: &[u8]) -> Result<usize> {
    checked_len_within(bytes, COMMAND_LEN_MAX, COMMAND_NESTING_MAX)
}

/// Refuses a document of `len` bytes that is too long to be stored.
pub fn check_len(len: usize) -> Result<()> {
    check_len_within(len, DOCUMENT_LEN_MAX)
}

/// Levels of the document's deepest nesting, itself being the first. Bytes that are not BSON
/// end the count.
pub fn depth(doc: &[u8]) -> usize {
    let mut walk = Walk { bytes: doc, at: 0, ends: vec![], depth_max: 0, check_text: false };
    // What is not BSON is refused elsewhere; here its depth so far is enough.
    let _ = doc_len(doc).and_then(|len| walk.run(len, usize::MAX));
    walk.depth_max
}

/// Refuses a value that nests too deeply to be stored below so many levels.
pub fn check_depth(above: usize, value: Value<'_>) -> Result<()> {
    // A level takes 7 bytes at least.
    if !ty::is_container(value.ty) || above + value.bytes.len() / 7 < NESTING_MAX {
        return Ok(());
    }
    if above + depth(value.bytes) > NESTING_MAX {
        let message = format!("Document exceeds maximum nesting depth of {NESTING_MAX}");
        return Err(Error::refused(Reason::Overflow, message));
    }
    Ok(())
}

fn check_len_within(len: usize, len_max: usize) -> Result<()> {
    if len > len_max {
        return Err(Error::DocumentTooLarge { len, max: len_max });
    }
    Ok(())
}

fn checked_len_within(bytes: &[u8], len_max: usize, nesting_max: usize) -> Result<usize> {
    if let Some(len) = read_i32(bytes).and_then(|len| usize::try_from(len).ok()) {
        check_len_within(len, len_max)?;
    }
    let len = doc_len(bytes)?;
    let mut walk = Walk { bytes, at: 0, ends: vec![], depth_max: 0, check_text: true };
    walk.run(len, nesting_max)?;
    Ok(len)
}

/// A walk over every element at every level, without recursion.
struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Ends of the documents being walked, outermost first.
    ends: Vec<usize>,
    depth_max: usize,
    check_text: bool,
}

impl Walk<'_> {
    fn run(&mut self, len: usize, nesting_max: usize) -> Result<()> {
        self.enter(len, nesting_max)?;
        while let Some(&end) = self.ends.last() {
            if self.at == end - 1 {
                if self.bytes[self.at] != 0 {
                    return self.invalid(self.at, "a document ends with a zero byte");
                }
                self.at = end;
                self.ends.pop();
            } else {
                self.element(end - 1, nesting_max)?;
            }
        }
        Ok(())
    }

    /// Goes into the document of `len` bytes that starts here. All of it is there.
    fn enter(&mut self, len: usize, nesting_max: usize) -> Result<()> {
        if self.ends.len() >= nesting_max {
            let message = format!("a document nests at most {nesting_max} levels");
            return Err(Error::refused(Reason::Overflow, message));
        }
        self.ends.push(self.at + len);
        self.depth_max = self.depth_max.max(self.ends.len());
        self.at += 4;
        Ok(())
    }

    /// Passes over one element that must end before `end`, or goes into it.
    fn element(&mut self, end: usize, nesting_max: usize) -> Result<()> {
        let body = &self.bytes[..end];
        let (ty, name_at) = (body[self.at], self.at + 1);
        let Some(name_end) = name_end(body, name_at) else {
            return self.invalid(name_at, "a name ends with a zero byte");
        };
        if ty::width(ty) == Width::Unknown {
            return self.invalid(self.at, "unknown element type");
        }
        let value_at = name_end + 1;
        let Some(len) = value_len(ty, &body[value_at..]) else {
            return self.invalid(value_at, "a value lies within its document");
        };
        self.text(name_at, name_end)?;
        self.at = value_at;
        match ty {
            ty::DOCUMENT | ty::ARRAY => return self.enter(len, nesting_max),
            ty::CODE_WITH_SCOPE => return self.code_with_scope(value_at + len, nesting_max),
            ty::STRING | ty::CODE | ty::SYMBOL => self.string(value_at, value_at + len)?,
            ty::DB_POINTER => self.string(value_at, value_at + len - 12)?,
            ty::REGEX => self.text(value_at, value_at + len)?,
            ty::BOOL if body[value_at] > 1 => {
                return self.invalid(value_at, "a boolean is 0 or 1");
            }
            ty::BINARY => self.binary(value_at, len)?,
            _ => {}
        }
        self.at = value_at + len;
        Ok(())
    }

    /// Checks the code before a scope and goes into the scope, which must end at `end`.
    fn code_with_scope(&mut self, end: usize, nesting_max: usize) -> Result<()> {
        let code_at = self.at + 4;
        let rest = &self.bytes[code_at..end];
        let Some(code_len) = value_len(ty::STRING, rest) else {
            return self.invalid(code_at, "a value lies within its document");
        };
        self.string(code_at, code_at + code_len)?;
        self.at = code_at + code_len;
        match value_len(ty::DOCUMENT, &rest[code_len..]) {
            Some(len) if self.at + len == end => self.enter(len, nesting_max),
            _ => self.invalid(self.at, "a scope ends where its code does"),
        }
    }

    /// A length, text, NUL, from `at` to `end`.
    fn string(&self, at: usize, end: usize) -> Result<()> {
        if self.bytes[end - 1] != 0 {
            return self.invalid(end - 1, "a string ends with a zero byte");
        }
        self.text(at + 4, end - 1)
    }

    fn text(&self, at: usize, end: usize) -> Result<()> {
        if self.check_text && std::str::from_utf8(&self.bytes[at..end]).is_err() {
            return self.invalid(at, "text is UTF-8");
        }
        Ok(())
    }

    /// Subtype 2 repeats its length inside.
    fn binary(&self, at: usize, len: usize) -> Result<()> {
        let value = &self.bytes[at..at + len];
        if value[4] == 2 && read_i32(&value[5..]).is_none_or(|inner| inner as usize != len - 9) {
            return self.invalid(at, "the inner length of old binary data is 4 less");
        }
        Ok(())
    }

    fn invalid<T>(&self, at: usize, rule: &'static str) -> Result<T> {
        Err(Error::invalid_bson(at, rule))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rounds::{met_more_than, rounds};
    use ::bson::{RawDocumentBuf, rawdoc};

    fn nested(levels: usize) -> RawDocumentBuf {
        (1..levels).fold(rawdoc! { "x": 1 }, |inner, _| rawdoc! { "d": inner })
    }

    #[test]
    fn lengths() {
        assert_eq!(doc_len(&[5, 0, 0, 0, 0, 9, 9]).unwrap(), 5);
        for bad in [&[][..], &[5, 0, 0], &[4, 0, 0, 0, 0], &[6, 0, 0, 0, 0], &[255; 8]] {
            assert!(doc_len(bad).is_err(), "{bad:?}");
        }
        check(&[5, 0, 0, 0, 0]).unwrap();
        assert!(check(&[5, 0, 0, 0, 0, 0]).is_err());
        assert!(check(&[5, 0, 0, 0, 1]).is_err());
        let large = (DOCUMENT_LEN_MAX as i32 + 1).to_le_bytes();
        assert!(matches!(check(&large), Err(Error::DocumentTooLarge { .. })));
    }

    #[test]
    fn nesting_is_bounded() {
        check(nested(NESTING_MAX).as_bytes()).unwrap();
        assert_eq!(depth(nested(NESTING_MAX).as_bytes()), NESTING_MAX);
        let deeper = nested(NESTING_MAX + 1);
        let refused = check(deeper.as_bytes());
        assert!(matches!(refused, Err(Error::Refused { reason: Reason::Overflow, .. })));
        assert_eq!(checked_command_len(deeper.as_bytes()).unwrap(), deeper.as_bytes().len());
        assert!(check(nested(NESTING_MAX + rounds(20_000) as usize).as_bytes()).is_err());
    }

    #[test]
    fn one_bad_byte_is_found() {
        for hex in [
            "0e0000000562000300000000ff00", // binary longer than its document
            "11000000056200050000000203000000ff00", // old binary, inner length too long
            "090000000862000200",           // boolean 2
            "0c0000000261000000000000",     // string of length 0
            "0c000000026100ffffffff00",     // string of negative length
            "0e00000002610002000000e90000", // not UTF-8
            "0d000000026100020000007a01",   // no NUL
            "0800000001e900",               // double cut off
            "130000000f61000b000000010000000000", // scope missing
            "1a0000000f6100120000000100000000060000000a0000", // scope longer than its value
            "0d000000036100050000000a00",   // inner document without terminator
            "0f00000003610008000000000a6200", // inner document eats the outer terminator
            "0500000001",                   // outer terminator is not zero
            "0700000080610000",             // unknown type
            "08000000006100",               // terminator too early
        ] {
            let bytes: Vec<u8> = (0..hex.len() / 2)
                .map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap())
                .collect();
            assert!(check(&bytes).is_err(), "{hex}");
        }
    }

    #[test]
    fn agrees_with_the_bson_crate_on_what_it_accepts() {
        let whole = rawdoc! {
            "s": "text", "d": { "e": [1, 2.0, true, null] }, "t": ::bson::DateTime::MIN,
            "o": ::bson::oid::ObjectId::from_bytes([3; 12]), "l": 7_i64,
        };
        check(whole.as_bytes()).unwrap();
        let mut rng = oorandom::Rand32::new(2);
        let mut accepted = 0;
        for _ in 0..rounds(20_000) {
            let mut bytes = whole.as_bytes().to_vec();
            let at = rng.rand_range(0..bytes.len() as u32) as usize;
            bytes[at] = rng.rand_u32() as u8;
            if check(&bytes).is_ok() {
                accepted += 1;
                ::bson::deserialize_from_slice::<::bson::Document>(&bytes)
                    .unwrap_or_else(|e| panic!("{bytes:?}: {e}"));
            }
        }
        assert!(met_more_than(1000, accepted), "{accepted}");
    }
}
