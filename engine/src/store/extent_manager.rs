//! Gives out extents, takes them back, and chains them to namespaces (format, §3.3, §3.4).
//! What is in an extent is the record store's.
//!
//! M1. Every extent is in the chain of one namespace or in the free list (or was leaked on
//!     purpose), and keeps its length for ever.
//! M2. The walk of a chain ends: each extent names its predecessor, the first names none, so
//!     that no extent can be met twice.
//! M3. Whoever is taken out of the free list was found linked on both sides, or nothing is written.

use crate::disk::{Edit, View};
use crate::disk_loc::{DiskLoc, ExtentLoc, FileNo};
use crate::error::{Error, Result};
use crate::format::extent::{
    FIRST_RECORD, LAST_RECORD, LENGTH, MAGIC, MAGIC_VALUE, MY_LOC, NEXT, NS_DIAGNOSTIC, PREV,
};
use crate::format::namespace::details::{CAP_EXTENT, LAST_EXTENT_SIZE};
use crate::limits::EXTENT_LEN_MIN;
use crate::store::data_file::{self, DataFile};
use crate::store::extent::Extent;
use crate::store::file_sizes::FileSizes;
use crate::store::namespace_details::NamespaceDetails;
use crate::store::record::DeletedRecord;

/// Free extents that a search looks at. The format has a time there, 2 s, which makes the place
/// of an extent depend on the machine; this many are milliseconds in memory, and about that long
/// if each is read from a slow disk. Commits and other allocations wait for the search.
pub const LOOKS_MAX: usize = 10_000;

/// Which lengths an extent from the free list may have instead of the one asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// 80 % to 140 %.
    Loose,
    /// For capped namespaces, whose size is promised: hardly less, 5 % more.
    Strict,
}

impl Fit {
    /// Shortest and longest length that will do for `len`.
    fn window(self, len: i32, sizes: FileSizes) -> (i32, i32) {
        let wide = f64::from(len);
        let (low, high) = match self {
            Fit::Loose => ((wide * 0.8) as i32, wide * 1.4),
            Fit::Strict => (if len > 2048 { len - 256 } else { len }, wide * 1.05 + 256.0),
        };
        let high = match high {
            // Nothing particular was asked for (compact does): any length will do.
            h if h < 1.0 || h >= f64::from(i32::MAX) => len.max(sizes.extent_len_max()),
            h => h as i32,
        };
        (low, if high <= EXTENT_LEN_MIN { EXTENT_LEN_MIN + 1 } else { high })
    }
}

/// An extent of about `len` bytes, linked to nothing: from the free list, else from a file.
///
/// # Errors
/// [`Error::NeedsDataFile`] if no file has room.
pub fn allocate(edit: &mut impl Edit, sizes: FileSizes, len: i32, fit: Fit) -> Result<ExtentLoc> {
    edit.claim_extents();
    if let Some(best) = best_free(edit, fit.window(len, sizes), len)? {
        unlink_free(edit, &best)?;
        return Ok(best.loc);
    }
    let len = sizes.quantize_extent(len);
    for no in (0..edit.file_count()).rev() {
        let file = DataFile::read(edit, FileNo(no))?;
        if file.unused_len >= len {
            let loc = file.take(edit, len)?;
            edit.put(loc, MAGIC, MAGIC_VALUE)?;
            edit.put(loc, MY_LOC, loc.0)?;
            edit.put(loc, LENGTH, len)?;
            return Ok(loc);
        }
    }
    Err(Error::NeedsDataFile { extent_len: len })
}

/// The free extent in the window that is closest to `len`, of the first [`LOOKS_MAX`].
fn best_free(view: &impl View, (low, high): (i32, i32), len: i32) -> Result<Option<Extent>> {
    let mut best: Option<(i64, Extent)> = None;
    for extent in free_extents(view)?.take(LOOKS_MAX) {
        let extent = extent?;
        if !(low..=high).contains(&extent.len) {
            continue;
        }
        let off = (i64::from(extent.len) - i64::from(len)).abs();
        if best.is_none_or(|(least, _)| off < least) {
            best = Some((off, extent));
            // Near enough: a long list need not be read to its end.
            if off * 10 < i64::from(len) {
                break;
            }
        }
    }
    Ok(best.map(|(_, extent)| extent))
}

fn unlink_free(edit: &mut impl Edit, extent: &Extent) -> Result<()> {
    let Some((start, end)) = data_file::free_list(edit)? else {
        let rule = "a free extent is in the free list";
        return Err(Error::corrupt(extent.loc, "Extent", rule, 0));
    };
    let before = match extent.prev {
        Some(prev) => Extent::read(edit, prev)?.next == Some(extent.loc),
        None => start == extent.loc,
    };
    let behind = match extent.next {
        Some(next) => Extent::read(edit, next)?.prev == Some(extent.loc),
        None => end == extent.loc,
    };
    if !before || !behind {
        let rule = "the neighbours of a free extent name it";
        return Err(Error::corrupt(extent.loc, "Extent", rule, or_null(extent.next).record_id()));
    }
    if let Some(prev) = extent.prev {
        edit.put(prev, NEXT, or_null(extent.next))?;
    }
    if let Some(next) = extent.next {
        edit.put(next, PREV, or_null(extent.prev))?;
    }
    let start = if extent.prev.is_none() { extent.next } else { Some(start) };
    let end = if extent.next.is_none() { extent.prev } else { Some(end) };
    data_file::put_free_list(edit, start.zip(end))
}

/// Puts a whole chain of extents in front of the free list. Their bytes stay as they are.
///
/// # Errors
/// [`Error::Corrupt`] if the chain does not begin at `first` and end at `last`.
pub fn free_chain(edit: &mut impl Edit, first: ExtentLoc, last: ExtentLoc) -> Result<()> {
    edit.claim_extents();
    let (head, tail) = (Extent::read(edit, first)?, Extent::read(edit, last)?);
    if head.prev.is_some() || tail.next.is_some() {
        let rule = "a chain of extents ends with null on both sides";
        return Err(Error::corrupt(first, "Extent", rule, last.0.record_id()));
    }
    let end = match data_file::free_list(edit)? {
        None => last,
        Some((start, end)) => {
            if Extent::read(edit, start)?.prev.is_some() {
                return Err(Error::corrupt(start, "Extent", "no extent precedes the first", 0));
            }
            edit.put(start, PREV, last.0)?;
            edit.put(last, NEXT, start.0)?;
            end
        }
    };
    data_file::put_free_list(edit, Some((first, end)))
}

/// Puts one extent, emptied and already out of its chain, in front of the free list.
pub fn free_one(edit: &mut impl Edit, loc: ExtentLoc) -> Result<()> {
    for field in [NEXT, PREV, FIRST_RECORD, LAST_RECORD] {
        edit.put(loc, field, DiskLoc::NULL)?;
    }
    free_chain(edit, loc, loc)
}

/// Empties the extent `loc` and makes it the last of the namespace `ns`. Answers its room: one
/// deleted record, in no list yet.
pub fn append(
    edit: &mut impl Edit,
    details: NamespaceDetails,
    ns: &str,
    loc: ExtentLoc,
) -> Result<DeletedRecord> {
    let mut name = [0; 128];
    let len = ns.len().min(name.len() - 1);
    name[..len].copy_from_slice(&ns.as_bytes()[..len]);
    edit.put(loc, NS_DIAGNOSTIC, name)?;
    for field in [NEXT, PREV] {
        edit.put(loc, field, DiskLoc::NULL)?;
    }
    let room = empty(edit, details, ns, loc)?;
    match (details.first_extent(edit)?, details.last_extent(edit)?) {
        (Some(first), Some(last)) => {
            if Extent::read(edit, last)?.next.is_some() {
                return Err(Error::corrupt(last, "Extent", "no extent follows the last", 0));
            }
            edit.put(loc, PREV, last.0)?;
            edit.put(last, NEXT, loc.0)?;
            details.put_extents(edit, first.0, loc.0)?;
        }
        (None, None) => {
            details.put_extents(edit, loc.0, loc.0)?;
            details.put(edit, CAP_EXTENT, loc.0)?;
        }
        _ => {
            let rule = "a namespace has a first and a last extent or none";
            return Err(Error::corrupt(details.loc(), "NamespaceDetails", rule, 0));
        }
    }
    let extent_len = edit.get(loc, LENGTH)?;
    details.put(edit, LAST_EXTENT_SIZE, extent_len)?;
    Ok(room)
}

/// Makes an extent of namespace `ns` one deleted record, in no list, without live records.
pub fn empty(
    edit: &mut impl Edit,
    details: NamespaceDetails,
    ns: &str,
    loc: ExtentLoc,
) -> Result<DeletedRecord> {
    for field in [FIRST_RECORD, LAST_RECORD] {
        edit.put(loc, field, DiskLoc::NULL)?;
    }
    let is_capped = details.is_capped(edit)?;
    let (spot, len) = Extent::read(edit, loc)?.first_spot(ns, is_capped);
    let room = DeletedRecord { loc: spot, len, extent_ofs: loc.0.ofs, next: DiskLoc::NULL };
    room.write(edit)?;
    Ok(room)
}

fn or_null(loc: Option<ExtentLoc>) -> DiskLoc {
    loc.map_or(DiskLoc::NULL, ExtentLoc::loc)
}

/// The extents of a chain, each checked (M2). Ends after the first error.
#[derive(Debug)]
pub struct Extents<'v, V> {
    view: &'v V,
    next: Option<ExtentLoc>,
    before: Option<ExtentLoc>,
}

impl<V: View> Iterator for Extents<'_, V> {
    type Item = Result<Extent>;

    fn next(&mut self) -> Option<Result<Extent>> {
        let loc = self.next.take()?;
        let extent = match Extent::read(self.view, loc) {
            Ok(extent) => extent,
            Err(e) => return Some(Err(e)),
        };
        if extent.prev != self.before {
            let (rule, found) = ("an extent names the one before it", or_null(extent.prev));
            return Some(Err(Error::corrupt(loc, "Extent", rule, found.record_id())));
        }
        self.before = Some(loc);
        self.next = extent.next;
        Some(Ok(extent))
    }
}

/// The extents of a namespace, first to last.
pub fn extents<'v, V: View>(view: &'v V, details: NamespaceDetails) -> Result<Extents<'v, V>> {
    Ok(Extents { view, next: details.first_extent(view)?, before: None })
}

/// The free extents of the database.
pub fn free_extents<V: View>(view: &V) -> Result<Extents<'_, V>> {
    let start = data_file::free_list(view)?.map(|(start, _)| start);
    Ok(Extents { view, next: start, before: None })
}
