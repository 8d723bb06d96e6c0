//! The extents that are in the data files, found by what they look like and by nothing that
//! leads to them.
//!
//! E1. A place is an extent if two of three fields of its header are as they should be.
//! E2. Extents follow each other without gap: what is between one and the next is its own. An
//!     extent whose records and holes reach to where it says that it ends is passed over whole;
//!     any other is looked through for the next one, from its last record on.
//! E3. Where there is no extent that can be seen, records that name a place before them as
//!     theirs make that an extent of whose header nothing is left.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::records::{places, reach};
use crate::disk::View;
use crate::disk_loc::{DiskLoc, ExtentLoc, FileNo};
use crate::format::data_file_header;
use crate::format::extent::{
    FIRST_RECORD, LAST_RECORD, LEN, LENGTH, MAGIC, MAGIC_VALUE, MY_LOC, NEXT, NS_DIAGNOSTIC, PREV,
};
use crate::format::record::{self, EXTENT_OFS};
use crate::limits::PAGE;
use crate::store::data_file::DataFile;
use crate::store::extent::has_record_at;

/// Extents begin at multiples of this: old ones may be so short.
const STEP: i32 = 256;
/// Behind what the file's header calls used, where nothing should be: extents of 2.2 and later.
const STEP_UNUSED: i32 = PAGE as i32;

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

    /// Do its records and holes reach to where it says that it ends?
    fn is_tiled(&self, view: &impl View) -> bool {
        let start = self.loc.0.ofs + LEN as i32;
        // Those of an index may begin at a page.
        let page = start.saturating_add(PAGE as i32 - 1) / PAGE as i32 * PAGE as i32;
        [start, page].into_iter().any(|start| places(view, self, start).is_some())
    }
}

/// All extents, by location.
pub type Extents = BTreeMap<ExtentLoc, Remains>;

/// Looks through all data files: as far as their headers call them used, and to the end where a
/// link or one of `ends` leads behind that.
pub fn find(view: &impl View, ends: impl Iterator<Item = DiskLoc>) -> Extents {
    let files = (0..view.file_count()).map(FileNo);
    let used: Vec<i32> = files.clone().map(|no| used(view, no)).collect();
    let mut found = Extents::new();
    let look = |found: &mut Extents, no: FileNo, end: i32| {
        let in_file = find_in(view, no, used[no.0 as usize], end);
        found.extend(in_file.into_iter().map(|remains| (remains.loc, remains)));
    };
    files.clone().for_each(|no| look(&mut found, no, used[no.0 as usize]));
    let links: Vec<DiskLoc> =
        found.values().flat_map(|extent| [extent.next, extent.prev]).chain(ends).collect();
    for no in files {
        let (used, file_len) = (used[no.0 as usize], len_of(view, no));
        let is_behind =
            |link: &DiskLoc| link.file_no() == no && (used..file_len).contains(&link.ofs);
        if links.iter().any(is_behind) {
            found.retain(|loc, _| loc.0.file_no() != no);
            look(&mut found, no, file_len);
        }
    }
    found
}

fn len_of(view: &impl View, no: FileNo) -> i32 {
    i32::try_from(view.file_len(no)).unwrap_or(i32::MAX)
}

/// Where the header says that unused space begins; the end of the file if its fields disagree.
fn used(view: &impl View, no: FileNo) -> i32 {
    DataFile::read(view, no).map_or(len_of(view, no), DataFile::unused_ofs)
}

/// The extents in the first `file_len` bytes of a file. Behind `unused` there should be none.
fn find_in(view: &impl View, no: FileNo, unused: i32, file_len: i32) -> Vec<Remains> {
    let mut found: Vec<Remains> = Vec::new();
    // The places that no extent explains, as ranges.
    let mut gaps: Vec<Range<i32>> = Vec::new();
    let (mut at, mut free_from) = (data_file_header::LEN as i32, 0);
    while at <= file_len - LEN as i32 {
        if at % PAGE as i32 == 0 && view.bytes(DiskLoc::new(no, at), PAGE).is_ok_and(is_zeros) {
            at = at.saturating_add(PAGE as i32);
            continue;
        }
        let step = if at < unused { STEP } else { STEP_UNUSED };
        match look(view, DiskLoc::new(no, at)).filter(|_| at >= free_from) {
            Some(remains) if remains.header == Header::Sound && remains.is_tiled(view) => {
                at = remains.end;
                found.push(remains);
                continue;
            }
            Some(remains) => {
                // An extent within it can only be behind its last record.
                free_from = reach(view, &Remains { end: file_len, ..remains.clone() });
                found.push(remains);
            }
            None if at < free_from || at >= unused => {}
            None => match gaps.last_mut() {
                Some(gap) if gap.end == at => gap.end += step,
                _ => gaps.push(at..at.saturating_add(step)),
            },
        }
        at = at.saturating_add(step);
    }
    let ruined = ruined(view, no, &gaps);
    found.extend(ruined.into_iter().map(|ofs| Remains::ruined(DiskLoc::new(no, ofs))));
    found.sort_by_key(|remains| remains.loc);
    let mut next = None;
    for remains in found.iter_mut().rev() {
        // E2. Behind the last one is unused space.
        let start = remains.loc.0.ofs;
        let is_sound = remains.header == Header::Sound;
        let last = if start < unused { unused } else { file_len };
        let at_most = if is_sound { remains.end.max(last) } else { last };
        remains.end = next.unwrap_or(at_most).clamp(start, file_len);
        next = Some(start);
    }
    found
}

/// Whole pages of zeros are passed over at once: most files end in many.
fn is_zeros(page: &[u8]) -> bool {
    page == [0; PAGE]
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

/// Where the extents begin that records in the gaps name as theirs: the first record that could
/// stand there, or two others.
fn ruined(view: &impl View, no: FileNo, gaps: &[Range<i32>]) -> BTreeSet<i32> {
    let mut named: BTreeMap<i32, u32> = BTreeMap::new();
    for gap in gaps {
        for at in gap.clone().step_by(4) {
            let Ok(raw) = view.bytes(DiskLoc::new(no, at), record::LEN) else { break };
            let (extent, len) = (EXTENT_OFS.get(raw), record::LENGTH.get(raw));
            let fits = len > record::LEN as i32 && len % 4 == 0 && len <= gap.end - at;
            if fits && extent % STEP == 0 && gap.contains(&extent) && extent <= at - LEN as i32 {
                let is_first = extent == at - LEN as i32;
                *named.entry(extent).or_default() += if is_first { 2 } else { 1 };
            }
        }
    }
    named.into_iter().filter(|(_, times)| *times > 1).map(|(extent, _)| extent).collect()
}
