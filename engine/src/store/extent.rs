//! One extent: its header, checked before it is believed, and the room behind it (format, §3.1,
//! §3.5).
//!
//! X1. A checked extent lies in a data file with all of its bytes and names itself.
//! X2. Its record chain has both ends inside of it, or none.

use crate::disk::View;
use crate::disk_loc::{DiskLoc, ExtentLoc, RecordLoc};
use crate::error::{Error, Result};
use crate::format::extent::{
    FIRST_RECORD, LAST_RECORD, LEN, LENGTH, MAGIC, MAGIC_VALUE, MY_LOC, NEXT, NS_DIAGNOSTIC, PREV,
};
use crate::format::{data_file_header, record};
use crate::limits::PAGE;

const STRUCTURE: &str = "Extent";
/// Versions before 2.2 made extents as short as this.
const LEN_MIN: i32 = 256;
/// Index extents from this length on begin their records at a page.
const ALIGNED_LEN_MIN: i32 = 32_768;

/// The checked header of an extent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Where it is.
    pub loc: ExtentLoc,
    /// Bytes of the whole extent.
    pub len: i32,
    /// Next extent of its chain.
    pub next: Option<ExtentLoc>,
    /// Previous extent of its chain.
    pub prev: Option<ExtentLoc>,
    /// Ends of its record chain.
    pub records: Option<(RecordLoc, RecordLoc)>,
}

impl Extent {
    /// Reads and checks the extent at `loc`.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if it breaks X1 or X2.
    pub fn read(view: &impl View, loc: ExtentLoc) -> Result<Extent> {
        let raw = raw(view, loc)?;
        let len = check_len(view, loc, raw)?;
        let my_loc = MY_LOC.get(raw);
        if my_loc != loc.0 {
            let rule = "an extent records its own location";
            return Err(Error::corrupt(loc, STRUCTURE, rule, my_loc.record_id()));
        }
        let next = link(view, loc, NEXT.get(raw))?;
        let prev = link(view, loc, PREV.get(raw))?;
        let mut extent = Extent { loc, len, next, prev, records: None };
        let ends = (FIRST_RECORD.get(raw), LAST_RECORD.get(raw));
        extent.records = match (ends.0.is_null(), ends.1.is_null()) {
            (true, true) => None,
            (false, false) => Some((extent.chain_end(ends.0)?, extent.chain_end(ends.1)?)),
            _ => {
                let rule = "the record chain has both ends or none";
                return Err(Error::corrupt(loc, STRUCTURE, rule, ends.0.record_id()));
            }
        };
        Ok(extent)
    }

    fn chain_end(&self, loc: DiskLoc) -> Result<RecordLoc> {
        let inside = loc.file == self.loc.0.file && self.has_record_at(loc.ofs);
        if !inside {
            let rule = "the record chain lies inside of its extent";
            return Err(Error::corrupt(self.loc, STRUCTURE, rule, loc.record_id()));
        }
        Ok(RecordLoc(loc))
    }

    /// Offset of the first byte behind the extent.
    pub fn end(&self) -> i32 {
        // X1: inside of a file of less than 2 GiB.
        self.loc.0.ofs + self.len
    }

    /// Could a record's header stand at `ofs` of the extent's file?
    pub fn has_record_at(&self, ofs: i32) -> bool {
        has_record_at(self.loc.0.ofs, self.end(), ofs)
    }

    /// The first record, if there is one.
    pub fn first_record(&self) -> Option<RecordLoc> {
        self.records.map(|(first, _)| first)
    }

    /// The last record, if there is one.
    pub fn last_record(&self) -> Option<RecordLoc> {
        self.records.map(|(_, last)| last)
    }

    /// Where the records of an extent of namespace `ns` begin: location and bytes up to the end.
    pub fn first_spot(&self, ns: &str, is_capped: bool) -> (RecordLoc, i32) {
        let header = LEN as i32;
        let is_index = ns.contains('$') && !is_capped;
        let skip = match is_index && self.len - header >= ALIGNED_LEN_MIN {
            true => {
                let spot = self.loc.0.ofs + header;
                let page = PAGE as i32;
                (spot + page - 1) / page * page - self.loc.0.ofs
            }
            false => header,
        };
        (RecordLoc(self.loc.0.add(skip)), self.len - skip)
    }
}

/// Could a record's header stand at `ofs`, in the extent from `start` to `end`?
pub fn has_record_at(start: i32, end: i32, ofs: i32) -> bool {
    ofs % 4 == 0 && ofs >= start + LEN as i32 && ofs <= end - record::LEN as i32
}

/// The offset behind an extent's last byte: what checking a record needs of it, without the rest.
///
/// # Errors
/// [`Error::Corrupt`] if there is no extent or it is not inside of its file.
pub fn end_of(view: &impl View, loc: ExtentLoc) -> Result<i32> {
    let raw = raw(view, loc)?;
    Ok(loc.0.ofs + check_len(view, loc, raw)?)
}

/// The namespace that the extent says it belongs to; a rename does not change it.
pub fn ns_diagnostic(view: &impl View, loc: ExtentLoc) -> Result<String> {
    let text = view.get(loc, NS_DIAGNOSTIC)?;
    let len = text.iter().position(|b| *b == 0).unwrap_or(text.len());
    Ok(String::from_utf8_lossy(&text[..len]).into_owned())
}

fn raw(view: &impl View, loc: ExtentLoc) -> Result<&[u8]> {
    let at = loc.0;
    let header_len = data_file_header::LEN as i32;
    if at.file_no().is_ns() || at.ofs < header_len || at.ofs % 4 != 0 {
        let rule = "an extent lies in a data file, behind its header";
        return Err(Error::corrupt(loc, STRUCTURE, rule, at.record_id()));
    }
    view.bytes(at, LEN)
}

fn check_len(view: &impl View, loc: ExtentLoc, raw: &[u8]) -> Result<i32> {
    let magic = MAGIC.get(raw);
    if magic != MAGIC_VALUE {
        return Err(Error::corrupt(loc, STRUCTURE, "the magic number is 0x41424344", magic));
    }
    let len = LENGTH.get(raw);
    let end = i64::from(loc.0.ofs) + i64::from(len);
    if len < LEN_MIN || len % 4 != 0 || end > view.file_len(loc.0.file_no()) as i64 {
        return Err(Error::corrupt(loc, STRUCTURE, "an extent ends inside of its file", len));
    }
    Ok(len)
}

/// A link to another extent: null, or a place where an extent may be. Reading it checks more.
fn link(view: &impl View, loc: ExtentLoc, to: DiskLoc) -> Result<Option<ExtentLoc>> {
    if to.is_null() {
        return Ok(None);
    }
    let in_data_file = (0..view.file_count()).contains(&to.file);
    if !in_data_file || to.ofs < data_file_header::LEN as i32 || to == loc.0 {
        let rule = "a link leads to another extent, or is null";
        return Err(Error::corrupt(loc, STRUCTURE, rule, to.record_id()));
    }
    Ok(Some(ExtentLoc(to)))
}
