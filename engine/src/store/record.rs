//! The header of one record, live or deleted, checked before it is believed (format, §4).
//!
//! R1. A checked record lies with all of its bytes inside of the extent that it names.
//! R2. The links of a live record lead to places of the same extent where records may be.
//!
//! Whether a record is live is not in its bytes. A deleted record taken for a live one is
//! caught by R2 in most cases: its link names a file, which is no offset of a record.

use crate::disk::{Edit, View};
use crate::disk_loc::{DiskLoc, ExtentLoc, RecordLoc};
use crate::error::{Error, Result};
use crate::format::record::{EXTENT_OFS, LEN, LENGTH, NEXT_OFS, NO_OFS, PREV_OFS};
use crate::format::{data_file_header, deleted_record};
use crate::store::extent;

/// Shortest data of a record, bytes: a deletion stamps that many.
pub const DATA_LEN_MIN: usize = 4;
const HEADER: i32 = LEN as i32;

/// The checked header of a live record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordHeader {
    /// Header, data and padding, bytes.
    pub len: i32,
    /// Offset of its extent, in the same file.
    pub extent_ofs: i32,
    /// Offset of the next record of the extent's chain, or [`NO_OFS`].
    pub next_ofs: i32,
    /// Offset of the previous one, or [`NO_OFS`].
    pub prev_ofs: i32,
}

/// The checked header of a deleted record: a hole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeletedRecord {
    /// Where it is.
    pub loc: RecordLoc,
    /// Bytes, header included.
    pub len: i32,
    /// Offset of its extent, in the same file.
    pub extent_ofs: i32,
    /// Next of its list; null at the end. Reading it checks it.
    pub next: DiskLoc,
}

impl RecordHeader {
    /// Reads and checks the header of the live record at `loc`.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if it breaks R1 or R2.
    pub fn read(view: &impl View, loc: RecordLoc) -> Result<RecordHeader> {
        let raw = raw(view, loc, "Record")?;
        let (len, extent_ofs) = (LENGTH.get(raw), EXTENT_OFS.get(raw));
        let (next_ofs, prev_ofs) = (NEXT_OFS.get(raw), PREV_OFS.get(raw));
        let end = check_place(view, loc, "Record", len, extent_ofs)?;
        if len < HEADER + DATA_LEN_MIN as i32 {
            return Err(Error::corrupt(loc, "Record", "a record holds at least 4 bytes", len));
        }
        for link in [next_ofs, prev_ofs] {
            let fine = link == NO_OFS
                || (extent::has_record_at(extent_ofs, end, link) && link != loc.0.ofs);
            if !fine {
                let rule = "a link leads to another record of the extent, or is −1";
                return Err(Error::corrupt(loc, "Record", rule, link));
            }
        }
        Ok(RecordHeader { len, extent_ofs, next_ofs, prev_ofs })
    }

    /// The extent that it belongs to.
    pub fn extent(&self, loc: RecordLoc) -> ExtentLoc {
        loc.extent(self.extent_ofs)
    }

    /// Bytes of data and padding.
    pub fn len_net(&self) -> usize {
        (self.len - HEADER) as usize
    }

    /// The next record of the chain.
    pub fn next(&self, loc: RecordLoc) -> Option<RecordLoc> {
        (self.next_ofs != NO_OFS).then(|| self.extent(loc).record(self.next_ofs))
    }

    /// The previous record of the chain.
    pub fn prev(&self, loc: RecordLoc) -> Option<RecordLoc> {
        (self.prev_ofs != NO_OFS).then(|| self.extent(loc).record(self.prev_ofs))
    }

    /// Writes the header at `loc`.
    pub fn write(&self, edit: &mut impl Edit, loc: RecordLoc) -> Result<()> {
        let mut raw = [0; LEN];
        LENGTH.put(&mut raw, self.len);
        EXTENT_OFS.put(&mut raw, self.extent_ofs);
        NEXT_OFS.put(&mut raw, self.next_ofs);
        PREV_OFS.put(&mut raw, self.prev_ofs);
        edit.write(loc.0, &raw)
    }
}

impl DeletedRecord {
    /// Reads and checks the deleted record at `loc`, which a list names.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if it breaks R1.
    pub fn read(view: &impl View, loc: DiskLoc) -> Result<DeletedRecord> {
        let loc = RecordLoc(loc);
        let raw = raw(view, loc, "DeletedRecord")?;
        let len = deleted_record::LENGTH.get(raw);
        let extent_ofs = deleted_record::EXTENT_OFS.get(raw);
        let next = deleted_record::NEXT_DELETED.get(raw);
        check_place(view, loc, "DeletedRecord", len, extent_ofs)?;
        Ok(DeletedRecord { loc, len, extent_ofs, next })
    }

    /// Writes it where it is.
    pub fn write(&self, edit: &mut impl Edit) -> Result<()> {
        let mut raw = [0; deleted_record::LEN];
        deleted_record::LENGTH.put(&mut raw, self.len);
        deleted_record::EXTENT_OFS.put(&mut raw, self.extent_ofs);
        deleted_record::NEXT_DELETED.put(&mut raw, self.next);
        edit.write(self.loc.0, &raw)
    }

    /// Stamps its first data bytes, where it has any.
    pub fn stamp(&self, edit: &mut impl Edit) -> Result<()> {
        if self.len < HEADER + DATA_LEN_MIN as i32 {
            return Ok(());
        }
        edit.write(self.loc.data(), &deleted_record::STAMP)
    }

    /// What is left when its first `len` bytes become a record: a deleted record in no list.
    pub fn rest(&self, len: i32) -> DeletedRecord {
        debug_assert!(len + deleted_record::LEN as i32 <= self.len, "no room for a header");
        DeletedRecord {
            loc: RecordLoc(self.loc.0.add(len)),
            len: self.len - len,
            extent_ofs: self.extent_ofs,
            next: DiskLoc::NULL,
        }
    }
}

fn raw<'v>(view: &'v impl View, loc: RecordLoc, structure: &'static str) -> Result<&'v [u8]> {
    let at = loc.0;
    if at.file_no().is_ns() || at.ofs < data_file_header::LEN as i32 || at.ofs % 4 != 0 {
        let rule = "a record lies in a data file, behind its header, at a multiple of 4";
        return Err(Error::corrupt(loc, structure, rule, at.record_id()));
    }
    view.bytes(at, LEN)
}

/// R1; answers where the extent ends.
fn check_place(
    view: &impl View,
    loc: RecordLoc,
    structure: &'static str,
    len: i32,
    extent_ofs: i32,
) -> Result<i32> {
    if extent_ofs >= loc.0.ofs {
        let rule = "a record stands behind the header of its extent";
        return Err(Error::corrupt(loc, structure, rule, extent_ofs));
    }
    let end = extent::end_of(view, loc.extent(extent_ofs))?;
    if !extent::has_record_at(extent_ofs, end, loc.0.ofs) {
        let rule = "a record stands inside of its extent";
        return Err(Error::corrupt(loc, structure, rule, extent_ofs));
    }
    if len < HEADER || len % 4 != 0 || len > end - loc.0.ofs {
        let rule = "a length is a multiple of 4 and ends inside of the extent";
        return Err(Error::corrupt(loc, structure, rule, len));
    }
    Ok(end)
}
