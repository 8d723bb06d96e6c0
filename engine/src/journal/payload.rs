//! The payload of a section: a gather writes it, a commit and a recovery read it
//! (format, §11.4). Bytes only: nothing here touches a file.
//!
//! - L1. Operations on files come before all basic writes.
//! - L2. No two basic writes of one payload overlap, so their order does not matter; neighbours
//!   that follow each other are merged.
//! - L3. What is read is not believed: every entry is checked before [`entries`] hands it out,
//!   and a name from a payload never leads out of the dbpath.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk_loc::FileNo;
use crate::file_id::Layout;
use crate::format::Wire;
use crate::format::entry::{self, basic_write};
use crate::limits::DATA_FILES_MAX;
use crate::namespace_string::check_database_name;

/// The database whose files may be named without a context.
const LOCAL: &str = "local";

/// An entry of a payload, as it is replayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry<'p> {
    /// Bytes of a file.
    Write {
        /// The database.
        database: &'p str,
        /// Its file.
        file: FileNo,
        /// Offset in the file.
        ofs: u32,
        /// What is written there.
        bytes: &'p [u8],
    },
    /// A file was made, full of zeros.
    FileCreated {
        /// The database.
        database: String,
        /// Its file.
        file: FileNo,
        /// Its length, bytes.
        len: u64,
    },
    /// The files of a database were removed.
    DropDatabase {
        /// The database.
        database: &'p str,
    },
}

/// Writes a payload.
#[derive(Debug)]
pub struct Builder {
    layout: Layout,
    out: Vec<u8>,
    /// The present database.
    database: Option<Arc<str>>,
    /// Bit 31 of the file numbers of the present database.
    local_bit: u32,
    /// Where the data of the last basic write ends, and the length field of that write.
    last: Option<LastWrite>,
}

#[derive(Debug)]
struct LastWrite {
    file: FileNo,
    end_ofs: usize,
    entry_at: usize,
}

impl Builder {
    /// Appends to `out`, which is empty.
    pub fn new(layout: Layout, out: Vec<u8>) -> Builder {
        Builder { layout, out, database: None, local_bit: 0, last: None }
    }

    /// The payload.
    pub fn into_payload(self) -> Vec<u8> {
        self.out
    }

    /// A file was made. Comes before all writes (L1).
    pub fn file_created(&mut self, path: &Path, len: u64) {
        self.number(entry::FILE_CREATED);
        self.out.extend_from_slice(&[0; 16]);
        self.number(len);
        self.text(&path.to_string_lossy());
    }

    /// A database is dropped. Comes before all writes (L1).
    pub fn drop_database(&mut self, name: &str) {
        self.number(entry::DROP_DB);
        self.out.extend_from_slice(&[0; 16]);
        self.text(name);
        self.text("");
    }

    /// The writes that follow are to files of `name`. As mongod has it, files of `local` at the
    /// top of the dbpath are told by a bit of their number instead of a context.
    pub fn database(&mut self, name: &Arc<str>) {
        if self.database.as_ref() == Some(name) {
            return;
        }
        self.database = Some(name.clone());
        self.last = None;
        if **name == *LOCAL && self.layout == Layout::Flat {
            self.local_bit = entry::LOCAL_DB_BIT;
            return;
        }
        self.local_bit = 0;
        self.number(entry::DB_CONTEXT);
        let prefix = self.layout.prefix(name);
        self.text(&prefix);
    }

    /// Bytes of a file of the present database. Continues the last write if it ends here (L2).
    pub fn write(&mut self, file: FileNo, ofs: usize, bytes: &[u8]) {
        match &mut self.last {
            Some(last) if last.file == file && last.end_ofs == ofs => last.end_ofs += bytes.len(),
            _ => {
                let entry_at = self.out.len();
                let mut head = [0; basic_write::LEN];
                basic_write::OFS.put(&mut head, ofs as u32);
                basic_write::FILE_NO.put(&mut head, file.0 as u32 | self.local_bit);
                self.out.extend_from_slice(&head);
                self.last = Some(LastWrite { file, end_ofs: ofs + bytes.len(), entry_at });
            }
        }
        self.out.extend_from_slice(bytes);
        if let Some(last) = &self.last {
            let head = &mut self.out[last.entry_at..];
            let len = head.len() - basic_write::LEN;
            basic_write::DATA_LEN.put(head, len as u32);
        }
    }

    fn number<T: Wire>(&mut self, value: T) {
        let at = self.out.len();
        self.out.resize(at + T::WIDTH, 0);
        value.to_wire(&mut self.out[at..]);
    }

    fn text(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
        self.out.push(0);
    }
}

/// Reads the entries of a payload in order. After an error there is nothing more.
pub fn entries(layout: Layout, payload: &[u8]) -> Entries<'_> {
    Entries { layout, rest: payload, context: None, met_write: false }
}

/// The entries of a payload; an error is the rule that is broken.
#[derive(Debug)]
pub struct Entries<'p> {
    layout: Layout,
    rest: &'p [u8],
    context: Option<&'p str>,
    met_write: bool,
}

type Rule = &'static str;

impl<'p> Iterator for Entries<'p> {
    type Item = Result<Entry<'p>, Rule>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            match self.entry() {
                Ok(Some(entry)) => return Some(Ok(entry)),
                Ok(None) => {}
                Err(rule) => {
                    self.rest = &[];
                    return Some(Err(rule));
                }
            }
        }
        None
    }
}

impl<'p> Entries<'p> {
    /// The next entry, or `None` if it only sets the context.
    fn entry(&mut self) -> Result<Option<Entry<'p>>, Rule> {
        let first: u32 = self.number()?;
        match first {
            0 => Err("a basic write has at least one byte"),
            entry::DB_CONTEXT => {
                let prefix = self.text()?;
                self.context = Some(self.database_of(prefix)?);
                Ok(None)
            }
            entry::FILE_CREATED => self.file_created().map(Some),
            entry::DROP_DB => self.drop_database().map(Some),
            len if len < entry::OPCODE_MIN => self.write(len as usize).map(Some),
            _ => Err("unknown opcode"),
        }
    }

    fn write(&mut self, len: usize) -> Result<Entry<'p>, Rule> {
        let ofs: u32 = self.number()?;
        let raw: u32 = self.number()?;
        let bytes = self.take(len)?;
        let database = match raw & entry::LOCAL_DB_BIT {
            0 => self.context.ok_or("a basic write without a context")?,
            _ => LOCAL,
        };
        let file = checked_file_no(raw & !entry::LOCAL_DB_BIT)?;
        self.met_write = true;
        Ok(Entry::Write { database, file, ofs, bytes })
    }

    fn file_created(&mut self) -> Result<Entry<'p>, Rule> {
        self.operation()?;
        let len: u64 = self.number()?;
        let path = PathBuf::from(self.text()?);
        let (database, file) =
            self.layout.parse(&path).ok_or("not the path of a file of a database")?;
        checked_name(&database)?;
        checked_file_no(file.0 as u32)?;
        if len > i32::MAX as u64 {
            return Err("a file of 2 GiB or more");
        }
        Ok(Entry::FileCreated { database, file, len })
    }

    fn drop_database(&mut self) -> Result<Entry<'p>, Rule> {
        self.operation()?;
        let database = checked_name(self.text()?)?;
        self.text()?;
        Ok(Entry::DropDatabase { database })
    }

    /// The start of every operation on files.
    fn operation(&mut self) -> Result<(), Rule> {
        if self.met_write {
            return Err("an operation on files after a basic write");
        }
        self.take(16).map(|_reserved| ())
    }

    fn database_of(&self, prefix: &'p str) -> Result<&'p str, Rule> {
        let name = prefix.rsplit('/').next().unwrap_or(prefix);
        checked_name(name)?;
        match self.layout.prefix(name) == prefix {
            true => Ok(name),
            false => Err("a context of the other layout: directoryPerDB differs"),
        }
    }

    fn take(&mut self, len: usize) -> Result<&'p [u8], Rule> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or("an entry is cut short")?;
        self.rest = rest;
        Ok(taken)
    }

    fn number<T: Wire>(&mut self) -> Result<T, Rule> {
        self.take(T::WIDTH).map(T::from_wire)
    }

    fn text(&mut self) -> Result<&'p str, Rule> {
        let len = self.rest.iter().position(|&b| b == 0).ok_or("a name without end")?;
        let text = self.take(len + 1)?;
        std::str::from_utf8(&text[..len]).map_err(|_| "a name that is not UTF-8")
    }
}

fn checked_name(name: &str) -> Result<&str, Rule> {
    check_database_name(name).map_or(Err("not the name of a database"), |()| Ok(name))
}

fn checked_file_no(raw: u32) -> Result<FileNo, Rule> {
    match FileNo(raw as i32) {
        no if no.is_ns() || (0..DATA_FILES_MAX).contains(&no.0) => Ok(no),
        _ => Err("not the number of a file"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(layout: Layout, steps: impl FnOnce(&mut Builder)) -> Vec<u8> {
        let mut builder = Builder::new(layout, Vec::new());
        steps(&mut builder);
        builder.into_payload()
    }

    #[test]
    fn the_bytes_of_every_entry() {
        let payload = build(Layout::Flat, |b| {
            b.file_created(Path::new("a.0"), 0x0100_0000);
            b.database(&"a".into());
            b.write(FileNo(0), 64, &[7; 2]);
            b.write(FileNo(0), 66, &[8; 2]);
            b.write(FileNo::NS, 68, &[9]);
            b.database(&"local".into());
            b.write(FileNo::NS, 0, &[1]);
        });
        let mut expected = vec![0xfd, 0xff, 0xff, 0xff];
        expected.extend([0; 16]);
        expected.extend([0, 0, 0, 1, 0, 0, 0, 0]);
        expected.extend(b"a.0\0");
        expected.extend(b"\xfe\xff\xff\xffa\0");
        expected.extend(b"\x04\0\0\0\x40\0\0\0\0\0\0\0\x07\x07\x08\x08");
        expected.extend(b"\x01\0\0\0\x44\0\0\0\xff\xff\xff\x7f\x09");
        expected.extend(b"\x01\0\0\0\0\0\0\0\xff\xff\xff\xff\x01");
        assert_eq!(payload, expected);
    }

    #[test]
    fn what_is_built_is_read_back() {
        for layout in [Layout::Flat, Layout::DirectoryPerDb] {
            let payload = build(layout, |b| {
                b.drop_database("old");
                b.file_created(&layout.file("a", FileNo(3)), 4096);
                b.database(&"a".into());
                b.write(FileNo(3), 64, &[7; 100]);
                b.database(&"local".into());
                b.write(FileNo(0), 164, &[8; 10]);
            });
            let read: Result<Vec<_>, _> = entries(layout, &payload).collect();
            let expected = vec![
                Entry::DropDatabase { database: "old" },
                Entry::FileCreated { database: "a".to_owned(), file: FileNo(3), len: 4096 },
                Entry::Write { database: "a", file: FileNo(3), ofs: 64, bytes: &[7; 100] },
                Entry::Write { database: "local", file: FileNo(0), ofs: 164, bytes: &[8; 10] },
            ];
            assert_eq!(read, Ok(expected), "{layout:?}");
            for cut in (1..payload.len()).step_by(if cfg!(miri) { 37 } else { 1 }) {
                // Cut at an entry's end it is shorter, else an error; never a panic.
                let _ = entries(layout, &payload[..cut]).count();
            }
        }
    }

    #[test]
    fn bad_entries_are_refused() {
        let refused = |bytes: &[u8]| {
            let first = entries(Layout::Flat, bytes).find_map(Result::err);
            first.unwrap_or_else(|| panic!("accepted {bytes:?}"))
        };
        let created = |path: &str| build(Layout::Flat, |b| b.file_created(Path::new(path), 4096));
        refused(b"\0\0\0\0");
        refused(b"\x05\xff\xff\xff");
        refused(b"\xff\xff\xff\xff");
        refused(b"\x01\0\0\0\0\0\0\0\0\0\0\0\x01");
        refused(b"\x01\0\0\0\0\0\0\0\0\0\x80\x80\x01");
        refused(b"\x02\0\0\0\0\0\0\0\xff\xff\xff\xff\x01");
        refused(b"\xfe\xff\xff\xffa");
        refused(b"\xfe\xff\xff\xffa/a\0");
        refused(b"\xfe\xff\xff\xff..\0");
        refused(b"\xfe\xff\xff\xff\xff\0");
        for path in ["../a.0", "/a.0", "a/a.0", "...0", "a", "a.x", "a.16000", "mongod.lock"] {
            refused(&created(path));
        }
        let late = build(Layout::Flat, |b| {
            b.database(&"a".into());
            b.write(FileNo(0), 0, &[1]);
            b.file_created(Path::new("a.1"), 4096);
        });
        refused(&late);
        let long = build(Layout::Flat, |b| b.file_created(Path::new("a.0"), 1 << 31));
        refused(&long);
        let escape = created("../...0");
        assert!(entries(Layout::DirectoryPerDb, &escape).any(|e| e.is_err()));
    }
}
