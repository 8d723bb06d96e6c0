//! Writes documents element by element.
//!
//! B1. Between calls every open document lacks only its terminator and its length, which
//!     [`Builder::end`] and [`Builder::finish`] write.

use super::element::{Element, Value};
use super::number::Number;
use super::ty;

/// A document being written.
#[derive(Debug, Clone)]
pub struct Builder {
    bytes: Vec<u8>,
    /// Offsets of the open documents below the outermost.
    open: Vec<usize>,
}

impl Default for Builder {
    fn default() -> Self {
        Builder::new()
    }
}

impl Builder {
    /// An empty document.
    pub fn new() -> Builder {
        Builder::with_capacity(64)
    }

    /// An empty document with room for `len` bytes.
    pub fn with_capacity(len: usize) -> Builder {
        let mut bytes = Vec::with_capacity(len.max(5));
        bytes.extend_from_slice(&[0; 4]);
        Builder { bytes, open: vec![] }
    }

    /// Bytes so far.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Has nothing been appended to the outermost document?
    pub fn is_empty(&self) -> bool {
        self.bytes.len() == 4
    }

    /// Levels that are open, the outermost included.
    pub fn depth(&self) -> usize {
        self.open.len() + 1
    }

    /// Appends `value` under `name`.
    pub fn value(&mut self, name: impl AsRef<[u8]>, value: Value<'_>) -> &mut Builder {
        self.name(value.ty, name.as_ref());
        self.bytes.extend_from_slice(value.bytes);
        self
    }

    /// Appends a copy of `element`.
    pub fn element(&mut self, element: &Element<'_>) -> &mut Builder {
        self.value(element.name, element.val())
    }

    /// Appends whole elements as they stand in another document.
    pub fn raw(&mut self, elements: &[u8]) -> &mut Builder {
        self.bytes.extend_from_slice(elements);
        self
    }

    /// Appends a number.
    pub fn number(&mut self, name: impl AsRef<[u8]>, number: Number) -> &mut Builder {
        self.name(number.ty(), name.as_ref());
        self.bytes.extend_from_slice(&number.to_bytes()[..number.width()]);
        self
    }

    /// Appends a string.
    pub fn str(&mut self, name: impl AsRef<[u8]>, text: &str) -> &mut Builder {
        self.name(ty::STRING, name.as_ref());
        self.bytes.extend_from_slice(&(text.len() as i32 + 1).to_le_bytes());
        self.bytes.extend_from_slice(text.as_bytes());
        self.bytes.push(0);
        self
    }

    /// Appends an ObjectId.
    pub fn object_id(&mut self, name: impl AsRef<[u8]>, id: [u8; 12]) -> &mut Builder {
        self.value(name, Value { ty: ty::OBJECT_ID, bytes: &id })
    }

    /// Appends a boolean.
    pub fn boolean(&mut self, name: impl AsRef<[u8]>, value: bool) -> &mut Builder {
        self.value(name, Value { ty: ty::BOOL, bytes: &[u8::from(value)] })
    }

    /// Appends null.
    pub fn null(&mut self, name: impl AsRef<[u8]>) -> &mut Builder {
        self.value(name, Value { ty: ty::NULL, bytes: &[] })
    }

    /// Appends a whole document.
    pub fn document(&mut self, name: impl AsRef<[u8]>, doc: &[u8]) -> &mut Builder {
        self.value(name, Value { ty: ty::DOCUMENT, bytes: doc })
    }

    /// Opens an embedded document or array: what is appended until [`Builder::end`] is its.
    pub fn begin(&mut self, ty: u8, name: impl AsRef<[u8]>) -> &mut Builder {
        assert!(ty::is_container(ty), "only documents and arrays open");
        self.name(ty, name.as_ref());
        self.open.push(self.bytes.len());
        self.bytes.extend_from_slice(&[0; 4]);
        self
    }

    /// Closes what [`Builder::begin`] opened.
    ///
    /// # Panics
    /// If nothing is open.
    pub fn end(&mut self) -> &mut Builder {
        let start = self.open.pop().expect("end() follows a begin()");
        self.close(start);
        self
    }

    /// The finished document.
    ///
    /// # Panics
    /// If an embedded document is still open.
    pub fn finish(mut self) -> Vec<u8> {
        assert!(self.open.is_empty(), "every begin() has its end()");
        self.close(0);
        self.bytes
    }

    /// Writes type and name; the value follows.
    fn name(&mut self, ty: u8, name: &[u8]) {
        debug_assert!(!name.contains(&0), "a name holds no zero byte");
        self.bytes.push(ty);
        self.bytes.extend_from_slice(name);
        self.bytes.push(0);
    }

    fn close(&mut self, start: usize) {
        self.bytes.push(0);
        let len = (self.bytes.len() - start) as i32;
        self.bytes[start..start + 4].copy_from_slice(&len.to_le_bytes());
    }
}

/// The name of an array's element, without allocation.
pub struct Index {
    digits: [u8; 20],
    start: usize,
}

impl Index {
    /// The name of element `index`.
    pub fn new(mut index: usize) -> Index {
        let mut name = Index { digits: [0; 20], start: 20 };
        loop {
            name.start -= 1;
            name.digits[name.start] = b'0' + (index % 10) as u8;
            index /= 10;
            if index == 0 {
                return name;
            }
        }
    }
}

impl AsRef<[u8]> for Index {
    fn as_ref(&self) -> &[u8] {
        &self.digits[self.start..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::bson::rawdoc;

    #[test]
    fn writes_what_the_bson_crate_writes() {
        let mut doc = Builder::new();
        doc.str("s", "héé").number("i", Number::Int32(-1)).number("l", Number::Int64(1 << 40));
        doc.begin(ty::DOCUMENT, "d").number("x", Number::Double(1.5));
        doc.begin(ty::ARRAY, "a").null(Index::new(0)).end().end();
        let sub = rawdoc! { "q": true };
        doc.document("sub", sub.as_bytes());
        let expected = rawdoc! {
            "s": "héé", "i": -1, "l": 1_i64 << 40, "d": { "x": 1.5, "a": [null] }, "sub": sub,
        };
        assert_eq!(doc.finish(), expected.as_bytes());
        assert_eq!(Builder::new().finish(), rawdoc! {}.as_bytes());
    }

    #[test]
    fn index_names() {
        for index in [0, 7, 10, 99, 100, 1_500_000, usize::MAX] {
            assert_eq!(Index::new(index).as_ref(), index.to_string().as_bytes());
        }
    }
}
