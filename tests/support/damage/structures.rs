//! Where the structures of a sound database are, read by the offsets of the format's tables: no
//! other line of the engine takes part.

use tallymap::format::{TABLES, Table};

use super::field::{Field, fields};

/// The files of the database `d`, up to where they are used.
pub struct Files {
    /// The `.ns` file.
    pub ns: Vec<u8>,
    /// Data file 0.
    pub data: Vec<u8>,
}

/// What was found.
#[derive(Default)]
pub struct Structures {
    /// All fields of all structures.
    pub fields: Vec<Field>,
    /// Places of structures that a damaged location may lead to, by what they are.
    pub places: Vec<(&'static str, i32)>,
}

/// The table of that name.
///
/// # Panics
/// If there is none.
pub fn table(name: &str) -> &'static Table {
    TABLES.iter().find(|table| table.name == name).expect("a table of the format")
}

/// The number at an offset.
///
/// # Panics
/// If it is not inside.
pub fn i32_at(bytes: &[u8], at: usize) -> i32 {
    i32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u16_at(bytes: &[u8], at: usize) -> usize {
    usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]))
}

fn text(bytes: &[u8]) -> &str {
    let len = bytes.iter().position(|b| *b == 0).expect("ends in NUL");
    std::str::from_utf8(&bytes[..len]).expect("a name")
}

impl Structures {
    /// Finds them all.
    pub fn find(files: &Files) -> Structures {
        let mut found = Structures::default();
        for at in (0..files.ns.len() / 628).map(|slot| slot * 628) {
            if i32_at(&files.ns, at) != 0 {
                found.node(&files.ns, at);
            }
        }
        found.put("DataFileHeader", "d.0", 0);
        let (mut at, unused) = (8192, i32_at(&files.data, 16) as usize);
        while at < unused {
            found.extent(&files.data, at);
            at += i32_at(&files.data, at + 156) as usize;
        }
        assert_eq!(at, unused, "extents follow each other");
        found
    }

    fn put(&mut self, name: &str, file: &'static str, at: usize) {
        self.fields.extend(fields(table(name), file, at as u64));
    }

    fn node(&mut self, ns: &[u8], at: usize) {
        self.put("Node", "d.ns", at);
        if text(&ns[at + 4..at + 132]).ends_with("$extra") {
            self.put("Extra", "d.ns", at + 132);
            return;
        }
        self.put("NamespaceDetails", "d.ns", at + 132);
        for index in 0..i32_at(ns, at + 132 + 188).min(10) as usize {
            self.put("IndexDetails", "d.ns", at + 132 + 192 + 16 * index);
        }
    }

    fn extent(&mut self, data: &[u8], at: usize) {
        self.put("Extent", "d.0", at);
        self.places.push(("extent", at as i32));
        let (name, len) = (text(&data[at + 28..at + 156]), i32_at(data, at + 156) as usize);
        let is_index = name.contains('$');
        let mut record = at + 176;
        if is_index && len - 176 >= 32_768 {
            record = record.next_multiple_of(4096);
        }
        // An extent that no namespace has holds nothing.
        while record < at + len && i32_at(data, record) > 0 {
            let inside = |ofs: i32| ofs == -1 || (at + 176..at + len).contains(&(ofs as usize));
            if inside(i32_at(data, record + 8)) && inside(i32_at(data, record + 12)) {
                self.put("Record", "d.0", record);
                self.places.push((if is_index { "bucket" } else { "record" }, record as i32));
                if is_index {
                    self.bucket(data, record + 16);
                }
            } else {
                self.put("DeletedRecord", "d.0", record);
                self.places.push(("deleted record", record as i32));
            }
            record += i32_at(data, record) as usize;
        }
    }

    fn bucket(&mut self, data: &[u8], at: usize) {
        self.put("BucketV1", "d.0", at);
        for key in 0..u16_at(data, at + 20) {
            self.put("KeyNodeV1", "d.0", at + 22 + 16 * key);
        }
    }
}
