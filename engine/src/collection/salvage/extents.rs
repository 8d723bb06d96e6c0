//! The extents that are in the data files, found by what they look like and by nothing that
//! leads to them.
//!
//! E1. A place is an extent if two of three fields of its header are as they should be.
//! E2. Extents follow each other without gap: what is between one and the next is its own. Where
//!     there is a gap, records in it that name a place in it as their extent make that an extent,
//!     of whose header nothing is left.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::disk::View;
use crate::disk_loc::{DiskLoc, ExtentLoc, FileNo};
use crate::format::data_file_header;
use crate::format::extent::{
    FIRST_RECORD, LAST_RECORD, LEN, LENGTH, MAGIC, MAGIC_VALUE, MY_LOC, NEXT, NS_DIAGNOSTIC, PREV,
};
use crate::format::record::{self, EXTENT_OFS};
use crate::store::data_file::DataFile;
use crate::store::extent::has_record_at;

/// Extents begin at multiples of this: old ones may be so short.
const STEP: i32 = 256;

/// What is left of one extent. Its links are as they were read.
#[derive(Debug, Clone)]
pub struct Remains {
    pub loc: ExtentLoc,
    /// Offset of the first byte that is not its own (E2).
    pub end: i32,
    /// The namespace that it was made for.
    pub ns: String,
    pub next: DiskLoc,
    pub prev: DiskLoc,
    pub first_record: DiskLoc,
    pub last_record: DiskLoc,
    /// What its header is like.
    pub header: Header,
}

/// What the header of an extent is like, by three fields: magic, own location, length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header {
    /// All are as they should be.
    Sound,
    /// One is not.
    Damaged,
    /// There is none: records say that there was.
    Ruined,
}

impl Remains {
    /// An extent of whose header nothing is left.
    fn ruined(loc: DiskLoc) -> Remains {
        Remains {
            loc: ExtentLoc(loc),
            end: loc.ofs,
            ns: String::new(),
            next: DiskLoc::INVALID,
            prev: DiskLoc::INVALID,
            first_record: DiskLoc::INVALID,
            last_record: DiskLoc::INVALID,
            header: Header::Ruined,
        }
    }

    /// Could a record's header stand at `ofs`?
    pub fn has_record_at(&self, ofs: i32) -> bool {
        has_record_at(self.loc.0.ofs, self.end, ofs)
    }
}

/// All extents, by location.
pub type Extents = BTreeMap<ExtentLoc, Remains>;

/// Looks through all data files.
pub fn find(view: &impl View) -> Extents {
    let mut found = Extents::new();
    for no in 0..view.file_count() {
        found.extend(find_in(view, FileNo(no)).into_iter().map(|remains| (remains.loc, remains)));
    }
    found
}

fn find_in(view: &impl View, no: FileNo) -> Vec<Remains> {
    let file_len = i32::try_from(view.file_len(no)).unwrap_or(i32::MAX);
    // A header whose fields agree is believed: behind what it calls used there is nothing.
    let unused = DataFile::read(view, no).ok().map(DataFile::unused_ofs);
    let file_len = unused.unwrap_or(file_len);
    let places = (data_file_header::LEN as i32..=file_len - LEN as i32).step_by(STEP as usize);
    let mut found: Vec<Remains> =
        places.filter_map(|ofs| look(view, DiskLoc::new(no, ofs))).collect();
    let ruined = ruined(view, no, &gaps(&found, file_len));
    found.extend(ruined.into_iter().map(|ofs| Remains::ruined(DiskLoc::new(no, ofs))));
    found.sort_by_key(|remains| remains.loc);
    let mut next = None;
    for remains in found.iter_mut().rev() {
        // E2. Behind the last one is unused space.
        let is_sound = remains.header == Header::Sound;
        let at_most = if unused.is_none() && is_sound { remains.end } else { file_len };
        remains.end = next.unwrap_or(at_most).clamp(remains.loc.0.ofs, file_len);
        next = Some(remains.loc.0.ofs);
    }
    found
}

/// The ranges of offsets that no extent's own length explains.
fn gaps(found: &[Remains], file_len: i32) -> Vec<Range<i32>> {
    let starts = found.iter().map(|remains| remains.loc.0.ofs).chain([file_len]);
    let mut gaps = Vec::new();
    let (mut from, mut explained) = (data_file_header::LEN as i32, false);
    for (n, start) in starts.enumerate() {
        if !explained && from < start {
            gaps.push(from..start);
        }
        let Some(remains) = found.get(n) else { break };
        let next = found.get(n + 1).map_or(file_len, |next| next.loc.0.ofs);
        explained = remains.header == Header::Sound && remains.end == next;
        from = start + STEP;
    }
    gaps
}

/// What is at `loc`, if it is an extent, with the end that it says it has.
fn look(view: &impl View, loc: DiskLoc) -> Option<Remains> {
    let raw = view.bytes(loc, LEN).ok()?;
    let len = Some(LENGTH.get(raw)).filter(|len| *len >= STEP && len % STEP == 0);
    let end = len.and_then(|len| loc.ofs.checked_add(len));
    let right = [MAGIC.get(raw) == MAGIC_VALUE, MY_LOC.get(raw) == loc, end.is_some()];
    let header = match right.iter().filter(|right| **right).count() {
        3 => Header::Sound,
        2 => Header::Damaged,
        _ => return None,
    };
    let text = NS_DIAGNOSTIC.get(raw);
    let text = text.split(|b| *b == 0).next().unwrap_or_default();
    Some(Remains {
        loc: ExtentLoc(loc),
        end: end.unwrap_or(loc.ofs),
        ns: String::from_utf8_lossy(text).into_owned(),
        next: NEXT.get(raw),
        prev: PREV.get(raw),
        first_record: FIRST_RECORD.get(raw),
        last_record: LAST_RECORD.get(raw),
        header,
    })
}

/// Where the extents begin that records in the gaps name as theirs.
fn ruined(view: &impl View, no: FileNo, gaps: &[Range<i32>]) -> BTreeSet<i32> {
    let mut found = BTreeSet::new();
    for gap in gaps {
        for at in gap.clone().step_by(4) {
            let Ok(raw) = view.bytes(DiskLoc::new(no, at), record::LEN) else { break };
            let (extent, len) = (EXTENT_OFS.get(raw), record::LENGTH.get(raw));
            let fits = len > record::LEN as i32 && len <= gap.end - at;
            let is_behind = extent.checked_add(LEN as i32).is_some_and(|first| first <= at);
            let is_place = extent % STEP == 0 && gap.contains(&extent);
            if fits && is_behind && is_place {
                found.insert(extent);
            }
        }
    }
    found
}
