//! Fields of replies by their plain types.

use bson::RawDocumentBuf;
use tallymap::bson::builder::Builder;
use tallymap::bson::element::Value;
use tallymap::bson::number::Number;
use tallymap::bson::ty;

/// Appends plain values to a document that is being written.
pub trait Put {
    /// An int32.
    fn put_i32(&mut self, name: &str, value: i32);
    /// An int64.
    fn put_i64(&mut self, name: &str, value: i64);
    /// The narrowest integer type that holds it.
    fn put_integer(&mut self, name: &str, value: i64);
    /// A double.
    fn put_f64(&mut self, name: &str, value: f64);
    /// A boolean.
    fn put_bool(&mut self, name: &str, value: bool);
    /// A moment, in milliseconds since 1970.
    fn put_date(&mut self, name: &str, unix_ms: i64);
    /// An array whose elements `fill` writes.
    fn put_array(&mut self, name: &str, fill: impl FnOnce(&mut Builder));
    /// A document whose fields `fill` writes.
    fn put_document(&mut self, name: &str, fill: impl FnOnce(&mut Builder));
    /// All fields of `document`, without it.
    fn put_fields_of(&mut self, document: &[u8]);
}

impl Put for Builder {
    fn put_i32(&mut self, name: &str, value: i32) {
        self.number(name, Number::Int32(value));
    }

    fn put_i64(&mut self, name: &str, value: i64) {
        self.number(name, Number::Int64(value));
    }

    fn put_integer(&mut self, name: &str, value: i64) {
        self.number(name, Number::integer(value));
    }

    fn put_f64(&mut self, name: &str, value: f64) {
        self.number(name, Number::Double(value));
    }

    fn put_bool(&mut self, name: &str, value: bool) {
        self.value(name, Value { ty: ty::BOOL, bytes: &[u8::from(value)] });
    }

    fn put_date(&mut self, name: &str, unix_ms: i64) {
        self.value(name, Value { ty: ty::DATE, bytes: &unix_ms.to_le_bytes() });
    }

    fn put_array(&mut self, name: &str, fill: impl FnOnce(&mut Builder)) {
        self.begin(ty::ARRAY, name);
        fill(self);
        self.end();
    }

    fn put_document(&mut self, name: &str, fill: impl FnOnce(&mut Builder)) {
        self.begin(ty::DOCUMENT, name);
        fill(self);
        self.end();
    }

    fn put_fields_of(&mut self, document: &[u8]) {
        if let Some(fields) = document.len().checked_sub(1).and_then(|end| document.get(4..end)) {
            self.raw(fields);
        }
    }
}

/// A finished document as the engine takes and gives them.
pub fn raw(document: Builder) -> RawDocumentBuf {
    // What a builder finished is a document; an empty one stands for the impossible.
    RawDocumentBuf::from_bytes(document.finish()).unwrap_or_default()
}
