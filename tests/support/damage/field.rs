//! One field of one structure, somewhere in the files.

use tallymap::format::{Row, Table};

/// What stands in a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A number of so many bytes.
    Number,
    /// A floating-point number.
    Double,
    /// A location of 8 bytes.
    Loc,
    /// A location of 7 bytes.
    Loc56,
    /// A name, ended by NUL.
    Text,
    /// Bytes of any meaning.
    Bytes,
}

/// The field.
#[derive(Debug, Clone)]
pub struct Field {
    /// Name of the structure.
    pub table: &'static str,
    /// Name of the field.
    pub row: &'static str,
    /// Its file.
    pub file: &'static str,
    /// Where the structure begins.
    pub base: u64,
    /// Where the field begins, in the file.
    pub ofs: u64,
    /// Its length.
    pub width: usize,
    /// What stands in it.
    pub kind: Kind,
}

/// Fields whose bytes are locations, one after the other.
const LOCATIONS: [&str; 3] = ["DELETED_SMALL", "DELETED_LARGE", "INDEXES"];
const TEXTS: [&str; 2] = ["KEY", "NS_DIAGNOSTIC"];

/// The fields of the structure at `base`. What is longer than its table, or another structure,
/// is left out.
pub fn fields(table: &'static Table, file: &'static str, base: u64) -> Vec<Field> {
    table.rows.iter().flat_map(|row| of_row(table, row, file, base)).collect()
}

fn of_row(table: &'static Table, row: &Row, file: &'static str, base: u64) -> Vec<Field> {
    let (kind, width) = match (row.type_name, row.width) {
        ("DiskLoc", _) => (Kind::Loc, 8),
        ("bytes", 7) => (Kind::Loc56, 7),
        ("bytes", _) if LOCATIONS.contains(&row.name) => (Kind::Loc, 8),
        ("bytes", width) if TEXTS.contains(&row.name) => (Kind::Text, width),
        ("bytes", width) => (Kind::Bytes, width),
        ("f64", _) => (Kind::Double, 8),
        (_, width) => (Kind::Number, width),
    };
    let field = |at: usize| Field {
        table: table.name,
        row: row.name,
        file,
        base,
        ofs: base + (row.ofs + at) as u64,
        width,
        kind,
    };
    (0..row.width / width).map(|n| field(n * width)).collect()
}
