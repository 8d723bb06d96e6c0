//! A fuzzer's bytes as choices. When they are used up, every choice is 0.

use bson::{Array, Bson, Document};

/// Names of fields: few, so that paths meet fields, and numbers, so that they meet arrays.
const NAMES: [&str; 8] = ["a", "b", "c", "sub", "0", "1", "2", "03"];
const DEPTH_MAX: usize = 4;

/// The bytes that are left.
pub struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    pub fn new(bytes: &'a [u8]) -> Input<'a> {
        Input { rest: bytes }
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// At most `len` bytes.
    pub fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(len.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    /// All that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        self.take(usize::MAX)
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        let taken = self.take(N);
        out[..taken.len()].copy_from_slice(taken);
        out
    }

    pub fn u8(&mut self) -> u8 {
        self.array::<1>()[0]
    }

    pub fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.array())
    }

    pub fn i32(&mut self) -> i32 {
        i32::from_le_bytes(self.array())
    }

    pub fn i64(&mut self) -> i64 {
        i64::from_le_bytes(self.array())
    }

    /// A number below `end`, which is at most 256.
    pub fn below(&mut self, end: usize) -> usize {
        usize::from(self.u8()) % end
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// The name of a field.
    pub fn name(&mut self) -> &'static str {
        self.pick(&NAMES)
    }

    /// A path of one to four names.
    pub fn path(&mut self) -> String {
        let names: Vec<&str> = (0..1 + self.below(4)).map(|_| self.name()).collect();
        names.join(".")
    }

    pub fn number(&mut self) -> Bson {
        match self.below(8) {
            0 => Bson::Int32(self.i32()),
            1 => Bson::Int64(self.i64()),
            2 => Bson::Double(f64::from_bits(self.i64() as u64)),
            3 => Bson::Int64(i64::from(self.u8() as i8)),
            4 => Bson::Double(f64::from(self.u8() as i8) / 2.0),
            5 => self.pick(&[i64::MAX, i64::MIN, 1 << 53, (1 << 53) + 1]).into(),
            _ => Bson::Int32(i32::from(self.u8() as i8)),
        }
    }

    /// A value of any type that the naive order has a place for.
    pub fn value(&mut self) -> Bson {
        self.value_at(DEPTH_MAX)
    }

    fn value_at(&mut self, depth: usize) -> Bson {
        match self.below(16) {
            0 => Bson::Null,
            1 => Bson::Boolean(self.u8() & 1 == 1),
            2 => self.pick(&["", "k", "key", "kez", "a\0b"]).into(),
            3 => bson::DateTime::from_millis(self.i64()).into(),
            4 => bson::oid::ObjectId::from_bytes(self.array()).into(),
            5 => Bson::Timestamp(bson::Timestamp { time: 1, increment: self.u8().into() }),
            6 => self.pick(&[Bson::MinKey, Bson::MaxKey, Bson::Undefined].each_ref()).clone(),
            7 => Bson::String("x".repeat(4 * usize::from(self.u8()))),
            8..11 if depth > 0 => self.document_at(depth - 1).into(),
            11..13 if depth > 0 => {
                let element = |_| self.value_at(depth - 1);
                Bson::Array((0..usize::from(3 & depth as u8)).map(element).collect::<Array>())
            }
            _ => self.number(),
        }
    }

    /// A document of up to five fields.
    pub fn document(&mut self) -> Document {
        self.document_at(DEPTH_MAX)
    }

    fn document_at(&mut self, depth: usize) -> Document {
        let mut out = Document::new();
        for _ in 0..self.below(6) {
            let name = self.name();
            out.insert(name, self.value_at(depth));
        }
        out
    }
}
