//! The header of a data file: checked before it is believed, and the space behind it given out
//! (format, §2.1). Creating the file itself is the disk's.
//!
//! D1. `unused.ofs + unused_len + 16` is the length of the file; what is given out never
//!     overlaps and never passes that.

use crate::disk::{Edit, View};
use crate::disk_loc::{DiskLoc, ExtentLoc, FileNo};
use crate::error::{Error, Result};
use crate::format::data_file_header::{
    self as header, FILE_LENGTH, FREE_LIST_END, FREE_LIST_START, MAJOR, MINOR_FREE_LIST_26, TAIL,
    UNUSED, UNUSED_LENGTH, VERSION_MAJOR, VERSION_MINOR,
};

const STRUCTURE: &str = "DataFileHeader";
/// Bits of the minor version that say which indexes there may be.
const INDEX_BITS: u32 = 0xf;

/// What the header of a data file says of its free space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataFile {
    no: FileNo,
    /// Offset of the first byte that belongs to no extent.
    unused_ofs: i32,
    /// Bytes from there that may be given to extents.
    pub unused_len: i32,
}

fn start_of(no: FileNo) -> DiskLoc {
    DiskLoc::new(no, 0)
}

impl DataFile {
    /// Reads and checks the header of file `no`.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if it breaks D1 or is not a data file of this format.
    pub fn read(view: &impl View, no: FileNo) -> Result<DataFile> {
        let bad = |rule, found: i64| Err(Error::corrupt(start_of(no), STRUCTURE, rule, found));
        let raw = view.bytes(start_of(no), header::LEN)?;
        let (major, minor) = (VERSION_MAJOR.get(raw), VERSION_MINOR.get(raw));
        if major != MAJOR {
            return bad("the major version is 4", major.into());
        }
        if !matches!(minor & INDEX_BITS, 5 | 6) || minor & !(INDEX_BITS | MINOR_FREE_LIST_26) != 0 {
            return bad("the minor version is 5 or 6, with or without bit 4", minor.into());
        }
        let file_len = FILE_LENGTH.get(raw);
        if i64::from(file_len) != view.file_len(no) as i64 {
            return bad("the recorded length is the file's", file_len.into());
        }
        let (unused, unused_len) = (UNUSED.get(raw), UNUSED_LENGTH.get(raw));
        if unused.file_no() != no || unused.ofs < header::LEN as i32 || unused.ofs % 4 != 0 {
            return bad("unused space begins in this file, behind the header", unused.record_id());
        }
        let end = i64::from(unused.ofs) + i64::from(unused_len) + i64::from(TAIL);
        if unused_len < 0 || end != i64::from(file_len) {
            return bad("unused space reaches to 16 bytes before the end", unused_len.into());
        }
        Ok(DataFile { no, unused_ofs: unused.ofs, unused_len })
    }

    /// Offset of the first byte that belongs to no extent.
    pub fn unused_ofs(self) -> i32 {
        self.unused_ofs
    }

    /// Gives the first `len` unused bytes to an extent.
    pub fn take(self, edit: &mut impl Edit, len: i32) -> Result<ExtentLoc> {
        assert!(len > 0 && len <= self.unused_len, "D1: {len} of {self:?}");
        let at = DiskLoc::new(self.no, self.unused_ofs);
        edit.put(start_of(self.no), UNUSED, at.add(len))?;
        edit.put(start_of(self.no), UNUSED_LENGTH, self.unused_len - len)?;
        Ok(ExtentLoc(at))
    }
}

/// Ends of the database's list of free extents; `None` if it is empty.
///
/// # Errors
/// [`Error::Corrupt`] if only one of the two is set, or is (0,0): mongod aborts at such a file.
pub fn free_list(view: &impl View) -> Result<Option<(ExtentLoc, ExtentLoc)>> {
    let start = view.get(start_of(FileNo::FIRST), FREE_LIST_START)?;
    let end = view.get(start_of(FileNo::FIRST), FREE_LIST_END)?;
    let is_unset = |end: DiskLoc| end == DiskLoc::ZERO;
    match (start.is_null_or_unset(), end.is_null_or_unset()) {
        // Files of 2.4 and older have zeros here.
        (true, true) if is_unset(start) == is_unset(end) => Ok(None),
        (false, false) => Ok(Some((ExtentLoc(start), ExtentLoc(end)))),
        _ => {
            let rule = "the free list has both ends or none";
            Err(Error::corrupt(start_of(FileNo::FIRST), STRUCTURE, rule, start.record_id()))
        }
    }
}

/// Replaces the ends of the list of free extents.
pub fn put_free_list(edit: &mut impl Edit, ends: Option<(ExtentLoc, ExtentLoc)>) -> Result<()> {
    let (start, end) = ends.map_or((DiskLoc::NULL, DiskLoc::NULL), |(s, e)| (s.0, e.0));
    edit.put(start_of(FileNo::FIRST), FREE_LIST_START, start)?;
    edit.put(start_of(FileNo::FIRST), FREE_LIST_END, end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::heap_files::HeapFiles;

    const LEN: i32 = 1 << 20;

    fn one_file() -> HeapFiles {
        let mut files = HeapFiles::default();
        files.add_data_file(FileNo::FIRST, LEN);
        files
    }

    #[test]
    fn gives_out_space_up_to_the_tail() {
        let mut files = one_file();
        let file = DataFile::read(&files, FileNo::FIRST).expect("as initialized");
        assert_eq!(file.unused_len, LEN - 8208);
        let first = file.take(&mut files, 8192).expect("room");
        assert_eq!(first.to_string(), "0:2000");
        let file = DataFile::read(&files, FileNo::FIRST).expect("as updated");
        let rest = file.take(&mut files, file.unused_len).expect("room");
        assert_eq!(rest.to_string(), "0:4000");
        assert_eq!(DataFile::read(&files, FileNo::FIRST).expect("full").unused_len, 0);
    }

    #[test]
    fn refuses_headers_that_lie() {
        let lies: [fn(&mut HeapFiles) -> Result<()>; 6] = [
            |f| f.put(DiskLoc::ZERO, VERSION_MAJOR, 5),
            |f| f.put(DiskLoc::ZERO, VERSION_MINOR, 0x36),
            |f| f.put(DiskLoc::ZERO, FILE_LENGTH, 4096),
            |f| f.put(DiskLoc::ZERO, UNUSED, DiskLoc { file: 1, ofs: 8192 }),
            |f| f.put(DiskLoc::ZERO, UNUSED, DiskLoc { file: 0, ofs: 0 }),
            |f| f.put(DiskLoc::ZERO, UNUSED_LENGTH, -1),
        ];
        for (i, lie) in lies.iter().enumerate() {
            let mut files = one_file();
            lie(&mut files).expect("inside of the file");
            let read = DataFile::read(&files, FileNo::FIRST);
            assert!(matches!(read, Err(Error::Corrupt { .. })), "lie {i}: {read:?}");
        }
    }

    #[test]
    fn free_list_of_an_old_file_is_empty() {
        let mut files = one_file();
        assert_eq!(free_list(&files).expect("null"), None);
        files.write(DiskLoc { file: 0, ofs: 24 }, &[0; 16]).expect("inside");
        assert_eq!(free_list(&files).expect("unset"), None);
        files.put(DiskLoc::ZERO, FREE_LIST_END, DiskLoc { file: 0, ofs: 8192 }).expect("inside");
        assert!(matches!(free_list(&files), Err(Error::Corrupt { .. })));
    }
}
