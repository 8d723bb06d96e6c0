//! The records of one extent, by links that may be broken.
//!
//! R1. A record that a link leads to counts if it links back, or if its own header is that of
//!     a live record of this extent. So a wrong link neither loses a record nor brings up a
//!     deleted one.
//! R2. Where links are broken, records are also found by walking the extent from its first byte:
//!     live and deleted records follow each other without gap, and where one's length is
//!     damaged the next header is looked for. Where a record has to be, because one ends there
//!     or a link leads there, a document counts even if nothing is left of the header.
//! R3. The header of a deleted record is told from that of a live one by its links: a deleted
//!     record has a file number and an offset there, or null, where a live one has two offsets
//!     of its extent.
//! R4. Every walk ends: no record is visited twice in one direction.

use std::collections::HashSet;

use super::extents::{Header as ExtentHeader, Remains};
use crate::disk::View;
use crate::disk_loc::RecordLoc;
use crate::format::record::{EXTENT_OFS, LEN, LENGTH, NEXT_OFS, NO_OFS, PREV_OFS};

/// The records of an extent that were found.
#[derive(Debug, Default)]
pub struct Records {
    /// In the order of the chain as far as it leads; then by location.
    pub found: Vec<RecordLoc>,
    /// Did every link lead on, both ways, from the first to the last?
    pub is_whole: bool,
}

/// The header of a record as it was read.
#[derive(Clone, Copy)]
struct Header {
    len: i32,
    extent_ofs: i32,
    next: i32,
    prev: i32,
}

/// One direction along a chain of records.
#[derive(Clone, Copy)]
struct Along {
    on: fn(Header) -> i32,
    back: fn(Header) -> i32,
}

const FORWARD: Along = Along { on: |header| header.next, back: |header| header.prev };
const BACKWARD: Along = Along { on: |header| header.prev, back: |header| header.next };

/// Finds the records of `extent`.
pub fn find(view: &impl View, extent: &Remains) -> Records {
    let in_extent = |loc: crate::disk_loc::DiskLoc| match loc.file == extent.loc.0.file {
        true => loc.ofs,
        false => NO_OFS,
    };
    let (first, last) = (in_extent(extent.first_record), in_extent(extent.last_record));
    let (mut found, leads_on) = walk(view, extent, first, FORWARD);
    let leads_on = leads_on && extent.header != ExtentHeader::Ruined;
    let is_whole = leads_on && found.last().map_or(NO_OFS, |loc| loc.0.ofs) == last;
    if !is_whole {
        let mut met: HashSet<RecordLoc> = found.iter().copied().collect();
        let (backward, _) = walk(view, extent, last, BACKWARD);
        found.extend(backward.into_iter().rev().filter(|loc| met.insert(*loc)));
        let mut named = HashSet::from([first, last]);
        for loc in &found {
            let header = header(view, extent, loc.0.ofs);
            named.extend(header.into_iter().flat_map(|header| [header.next, header.prev]));
        }
        let tiles = tiles(view, extent, &named);
        found.extend(tiles.into_iter().filter(|loc| met.insert(*loc)));
    }
    Records { found, is_whole }
}

fn header(view: &impl View, extent: &Remains, ofs: i32) -> Option<Header> {
    if !extent.has_record_at(ofs) {
        return None;
    }
    let raw = view.bytes(extent.loc.record(ofs).0, LEN).ok()?;
    Some(Header {
        len: LENGTH.get(raw),
        extent_ofs: EXTENT_OFS.get(raw),
        next: NEXT_OFS.get(raw),
        prev: PREV_OFS.get(raw),
    })
}

impl Header {
    /// Does it say that a record of `extent` is at `ofs`, live or deleted?
    fn is_of(self, extent: &Remains, ofs: i32) -> bool {
        let ends = ofs.checked_add(self.len).is_some_and(|end| end <= extent.end);
        self.extent_ofs == extent.loc.0.ofs && self.len > LEN as i32 && ends
    }

    /// Are its links those of a live record (R3)?
    fn is_live(self, extent: &Remains) -> bool {
        // A link may lead behind the end of a file that was cut.
        let first = extent.loc.0.ofs + crate::format::extent::LEN as i32;
        let is_link = |ofs: i32| ofs == NO_OFS || (ofs >= first && ofs % 4 == 0);
        is_link(self.next) && is_link(self.prev)
    }
}

/// Walks the chain from `from`, as far as records count (R1). Says whether every link was right.
fn walk(view: &impl View, extent: &Remains, from: i32, along: Along) -> (Vec<RecordLoc>, bool) {
    let (mut walked, mut met, mut is_right) = (Vec::new(), HashSet::new(), true);
    let (mut before, mut next) = (NO_OFS, from);
    while next != NO_OFS {
        let found = header(view, extent, next).filter(|_| met.insert(next));
        let Some(header) = found else { return (walked, false) };
        let links_back = (along.back)(header) == before;
        let is_own = header.is_of(extent, next);
        let counts = links_back || (is_own && header.is_live(extent));
        if !counts {
            return (walked, false);
        }
        is_right &= links_back && is_own;
        walked.push(extent.loc.record(next));
        (before, next) = (next, (along.on)(header));
    }
    (walked, is_right)
}

/// The live records of the extent, found by walking over all of it (R2). Links lead to `named`.
fn tiles(view: &impl View, extent: &Remains, named: &HashSet<i32>) -> Vec<RecordLoc> {
    let mut found = Vec::new();
    let mut at = extent.loc.0.ofs + crate::format::extent::LEN as i32;
    let mut must_be_one = true;
    while at < extent.end {
        let loc = extent.loc.record(at);
        match header(view, extent, at).filter(|header| header.is_of(extent, at)) {
            Some(header) => {
                if header.is_live(extent) {
                    found.push(loc);
                }
                at += header.len;
                must_be_one = true;
            }
            None => {
                must_be_one |= named.contains(&at);
                if must_be_one && super::document(view, loc).is_ok() {
                    found.push(loc);
                }
                at += 4;
                must_be_one = false;
            }
        }
    }
    found
}
