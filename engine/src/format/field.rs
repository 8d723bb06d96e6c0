//! The tool with which every other file of this folder is written: a typed field at a fixed
//! offset, and the table of a structure's fields.
//!
//! One constant per field is the only place where its offset stands. Readers, writers, the
//! compile-time proof that the table has no holes, and the tables in `docs/format.md` all come
//! from it.

use crate::disk_loc::DiskLoc;

/// A value with one fixed-width little-endian form on disk.
pub trait Wire: Sized {
    /// Bytes it takes.
    const WIDTH: usize;
    /// What the format calls it.
    const TYPE: &'static str;
    /// Reads it from exactly [`Self::WIDTH`] bytes.
    fn from_wire(bytes: &[u8]) -> Self;
    /// Writes it to exactly [`Self::WIDTH`] bytes.
    fn to_wire(&self, out: &mut [u8]);
}

macro_rules! wire_number {
    ($($t:ident),*) => {$(
        impl Wire for $t {
            const WIDTH: usize = size_of::<$t>();
            const TYPE: &'static str = stringify!($t);
            fn from_wire(bytes: &[u8]) -> Self {
                let mut raw = [0; size_of::<$t>()];
                raw.copy_from_slice(bytes);
                $t::from_le_bytes(raw)
            }
            fn to_wire(&self, out: &mut [u8]) {
                out.copy_from_slice(&self.to_le_bytes());
            }
        }
    )*};
}
wire_number!(u8, u16, u32, u64, i32, i64, f64);

impl Wire for DiskLoc {
    const WIDTH: usize = 8;
    const TYPE: &'static str = "DiskLoc";
    fn from_wire(bytes: &[u8]) -> Self {
        DiskLoc { file: i32::from_wire(&bytes[..4]), ofs: i32::from_wire(&bytes[4..]) }
    }
    fn to_wire(&self, out: &mut [u8]) {
        self.file.to_wire(&mut out[..4]);
        self.ofs.to_wire(&mut out[4..]);
    }
}

/// Bytes that are taken as they are: text, reserved space, arrays read through [`Field::at`].
impl<const N: usize> Wire for [u8; N] {
    const WIDTH: usize = N;
    const TYPE: &'static str = "bytes";
    fn from_wire(bytes: &[u8]) -> Self {
        let mut raw = [0; N];
        raw.copy_from_slice(bytes);
        raw
    }
    fn to_wire(&self, out: &mut [u8]) {
        out.copy_from_slice(self);
    }
}

/// A typed field of a structure: its offset from the structure's first byte.
#[derive(Debug)]
pub struct Field<T> {
    /// Offset from the start of the structure, in bytes.
    pub ofs: usize,
    of: std::marker::PhantomData<fn() -> T>,
}

impl<T> Clone for Field<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Field<T> {}

impl<T: Wire> Field<T> {
    /// The field at `ofs`.
    pub const fn new(ofs: usize) -> Self {
        Field { ofs, of: std::marker::PhantomData }
    }

    /// One past its last byte.
    pub const fn end(self) -> usize {
        self.ofs + T::WIDTH
    }

    /// Reads it from the bytes of its structure.
    ///
    /// # Panics
    /// If `structure` is shorter than the structure: callers hold its whole length.
    #[inline]
    pub fn get(self, structure: &[u8]) -> T {
        T::from_wire(&structure[self.ofs..self.end()])
    }

    /// Writes it into the bytes of its structure. Panics like [`Field::get`].
    pub fn put(self, structure: &mut [u8], value: T) {
        value.to_wire(&mut structure[self.ofs..self.ofs + T::WIDTH]);
    }
}

impl<const N: usize> Field<[u8; N]> {
    /// Element `index` of an array of `T` that takes these bytes.
    ///
    /// # Panics
    /// If the element lies outside of the array.
    pub const fn at<T: Wire>(self, index: usize) -> Field<T> {
        assert!((index + 1) * T::WIDTH <= N, "array index outside of the field");
        Field::new(self.ofs + index * T::WIDTH)
    }
}

/// One line of a structure's table.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Offset in the structure.
    pub ofs: usize,
    /// Type as the format names it.
    pub type_name: &'static str,
    /// Bytes it takes.
    pub width: usize,
    /// Name, in the form of its constant.
    pub name: &'static str,
    /// What it means.
    pub note: &'static str,
}

/// The table of a structure: what `docs/format.md` shows.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// Name of the structure.
    pub name: &'static str,
    /// Bytes of the whole structure.
    pub len: usize,
    /// Its fields, in order, without holes.
    pub rows: &'static [Row],
}

impl Table {
    /// Proves that the rows follow each other without hole or overlap and fill the structure.
    pub const fn is_tight(&self) -> bool {
        let mut at = 0;
        let mut i = 0;
        while i < self.rows.len() {
            if self.rows[i].ofs != at {
                return false;
            }
            at += self.rows[i].width;
            i += 1;
        }
        at == self.len
    }

    /// The table as Markdown, as it stands in `docs/format.md`.
    pub fn to_markdown(&self) -> String {
        let mut out = String::from("| offset | type | field | meaning |\n|--:|---|---|---|\n");
        for row in self.rows {
            let type_name = match row.type_name {
                "bytes" => format!("{} bytes", row.width),
                name => name.to_owned(),
            };
            let field = row.name.to_lowercase();
            out += &format!("| {} | {type_name} | {field} | {} |\n", row.ofs, row.note);
        }
        out
    }
}

/// Declares a structure: one typed constant per field, its length, its table, and the proof
/// that the table is tight.
macro_rules! structure {
    ($name:literal, $len:literal; $($field:ident : $t:ty = $ofs:literal, $note:literal;)*) => {
        /// Bytes of the whole structure.
        pub const LEN: usize = $len;
        $(
            #[doc = $note]
            pub const $field: $crate::format::field::Field<$t> =
                $crate::format::field::Field::new($ofs);
        )*
        /// The structure's table.
        pub const TABLE: $crate::format::field::Table = $crate::format::field::Table {
            name: $name,
            len: LEN,
            rows: &[$($crate::format::field::Row {
                ofs: $ofs,
                type_name: <$t as $crate::format::field::Wire>::TYPE,
                width: <$t as $crate::format::field::Wire>::WIDTH,
                name: stringify!($field),
                note: $note,
            }),*],
        };
        const _: () = assert!(TABLE.is_tight());
    };
}
pub(crate) use structure;
