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

use std::collections::{BTreeSet, HashSet};

use super::extents::{Header as ExtentHeader, Remains};
use crate::disk::View;
use crate::disk_loc::{DiskLoc, RecordLoc};
use crate::format::extent::LEN as EXTENT_HEADER;
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
    let (first, last) = ends(extent);
    let (mut found, leads_on) = walk(view, extent, first, FORWARD);
    let leads_on = leads_on && extent.header != ExtentHeader::Ruined;
    if leads_on && !found.is_empty() && found.last().map(|loc| loc.0.ofs) == last {
        return Records { found, is_whole: true };
    }
    let mut met: HashSet<RecordLoc> = found.iter().copied().collect();
    let (backward, _) = walk(view, extent, last, BACKWARD);
    found.extend(backward.into_iter().rev().filter(|loc| met.insert(*loc)));
    let mut named = BTreeSet::from_iter([first, last].into_iter().flatten());
    // The second time also by the links of those that were found in the first.
    for _ in 0..2 {
        for loc in &found {
            let header = header(view, extent, loc.0.ofs);
            named.extend(header.into_iter().flat_map(|header| [header.next, header.prev]));
        }
        let tiles = tiles(view, extent, &named);
        found.extend(tiles.into_iter().filter(|loc| met.insert(*loc)));
    }
    let start = extent.loc.0.ofs + EXTENT_HEADER as i32;
    if let Some(places) = places(view, extent, start) {
        // What went with a collection that had the extent before lies within holes.
        found.retain(|loc| places.contains(&loc.0.ofs));
    }
    // Without records both ends are null.
    let is_empty = extent.first_record.is_null() && extent.last_record.is_null();
    Records { is_whole: leads_on && is_empty && found.is_empty(), found }
}

/// Where records and holes begin, if from `start` on they follow each other to the very end of the
/// extent (R2): then there are no others.
pub fn places(view: &impl View, extent: &Remains, start: i32) -> Option<HashSet<i32>> {
    let (mut places, mut at) = (HashSet::new(), start);
    while at < extent.end {
        places.insert(at);
        at += tile_len(view, extent, at)?;
    }
    (at == extent.end).then_some(places)
}

/// Where the chain of an extent begins and ends; −1 where it says that there is none, nothing
/// where it says what cannot be.
fn ends(extent: &Remains) -> (Option<i32>, Option<i32>) {
    let end = |loc: DiskLoc| match loc {
        loc if loc.is_null() => Some(NO_OFS),
        loc => Some(loc.ofs).filter(|_| loc.file == extent.loc.0.file),
    };
    (end(extent.first_record), end(extent.last_record))
}

/// The offset behind the header of the last record that the chain leads to, from either end, and
/// that says itself that it is of this extent.
pub fn reach(view: &impl View, extent: &Remains) -> i32 {
    let (first, last) = ends(extent);
    let both = [walk(view, extent, first, FORWARD), walk(view, extent, last, BACKWARD)];
    let all = both.iter().flat_map(|(walked, _)| walked).map(|loc| loc.0.ofs);
    let own = all.filter(|ofs| tile_len(view, extent, *ofs).is_some());
    own.max().map_or(extent.loc.0.ofs, |ofs| ofs + LEN as i32)
}

/// Length of the record or hole of `extent` at `at`, if there is one.
fn tile_len(view: &impl View, extent: &Remains, at: i32) -> Option<i32> {
    let header = header(view, extent, at)?;
    header.is_of(extent, at).then_some(header.len)
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
        let has_length = self.len > LEN as i32 && self.len % 4 == 0;
        self.extent_ofs == extent.loc.0.ofs && has_length && ends
    }

    /// Are its links those of a live record (R3)?
    fn is_live(self, extent: &Remains) -> bool {
        // A link may lead behind the end of a file that was cut.
        let first = extent.loc.0.ofs + EXTENT_HEADER as i32;
        let is_link = |ofs: i32| ofs == NO_OFS || (ofs >= first && ofs % 4 == 0);
        is_link(self.next) && is_link(self.prev)
    }
}

/// Walks the chain from `from`, as far as records count (R1). Says whether every link was right.
fn walk(
    view: &impl View,
    extent: &Remains,
    from: Option<i32>,
    along: Along,
) -> (Vec<RecordLoc>, bool) {
    let (mut walked, mut met, mut is_right) = (Vec::new(), HashSet::new(), from.is_some());
    let (mut before, mut next) = (NO_OFS, from.unwrap_or(NO_OFS));
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
fn tiles(view: &impl View, extent: &Remains, named: &BTreeSet<i32>) -> Vec<RecordLoc> {
    let mut found = Vec::new();
    let mut at = extent.loc.0.ofs + EXTENT_HEADER as i32;
    let mut must_be_one = true;
    let is_record = |ofs: &i32| {
        let header = header(view, extent, *ofs);
        header.is_some_and(|header| header.is_of(extent, *ofs) && header.is_live(extent))
    };
    while at < extent.end {
        let loc = extent.loc.record(at);
        if let Some(header) = header(view, extent, at).filter(|header| header.is_of(extent, at)) {
            if header.is_live(extent) {
                found.push(loc);
            }
            // A length that is too long would pass over records that links lead to.
            let end = at + header.len;
            at = named.range(at + 1..end).copied().find(is_record).unwrap_or(end);
            must_be_one = true;
            continue;
        }
        must_be_one |= named.contains(&at);
        match super::document_len(view, loc) {
            Ok(len) if must_be_one => {
                found.push(loc);
                // What looks like a header within it is none.
                at = at.saturating_add((LEN + len).next_multiple_of(4) as i32);
            }
            _ => at += 4,
        }
        must_be_one = false;
    }
    found
}
