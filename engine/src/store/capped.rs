//! Capped namespaces: a fixed number of extents, filled in a circle, the oldest records making
//! room for new ones (format, §9). Reading them in order is [`super::capped_order`]'s.
//!
//! All deleted records are in one list (list 0), those of one extent together, the extents in
//! the order of their chain. List 1 is no list: it names the last deleted record before those
//! of the current extent, or is null if that is the first one, or is invalid until the first
//! insertion.
//!
//! C1. Every extent keeps at least one deleted record: insertion leaves [`REST_MIN`] bytes.
//! C2. In the current extent all records of the last pass stand before all of this one.
//! C3. No record moves, and none is removed but by insertion and truncation.

use crate::counters::Work;
use crate::disk::{Edit, View};
use crate::disk_loc::{DiskLoc, ExtentLoc, RecordLoc};
use crate::error::{Error, Reason, Result};
use crate::format::namespace::details::CAP_EXTENT;
use crate::limits::EXTENT_LEN_MIN;
use crate::store::deleted_lists::walk;
use crate::store::extent::Extent;
use crate::store::extent_manager::{self, Fit};
use crate::store::namespace_details::{CapFirstNew, NamespaceDetails, Stats};
use crate::store::padding::align4;
use crate::store::record::DeletedRecord;
use crate::store::record_store::{RecordStore, deleted, record_len_for};

/// The list of all deleted records.
const ALL: usize = 0;
/// The slot that names the last deleted record before the current extent's.
const LAST_BEFORE: usize = 1;
/// Shortest rest that an insertion leaves, bytes.
const REST_MIN: i32 = 24;
/// What extents' lengths are multiples of before they are rounded to pages.
const GRAIN: i32 = 256;

/// How the extents of a new capped namespace are cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CappedExtents {
    /// As few as hold the size.
    Whole,
    /// So many, each of the size.
    Count(usize),
    /// One of each size.
    Sizes(Vec<i64>),
}

/// The deleted records of the current extent, and where they hang in the list.
#[derive(Debug)]
struct Holes {
    records: Vec<DeletedRecord>,
    /// What follows them in the list.
    rest: DiskLoc,
}

/// Most extents that a capped namespace is cut into.
const EXTENTS_MAX: usize = 1000;

impl CappedExtents {
    /// Is it a number of extents, and are they of lengths, that make sense?
    pub fn are_sane(&self) -> bool {
        match self {
            CappedExtents::Whole => true,
            CappedExtents::Count(n) => (1..=EXTENTS_MAX).contains(n),
            CappedExtents::Sizes(sizes) => {
                (1..=EXTENTS_MAX).contains(&sizes.len())
                    && sizes.iter().all(|size| *size >= i64::from(EXTENT_LEN_MIN))
            }
        }
    }
}

impl RecordStore {
    /// Adds the extents of a new capped namespace of `size` bytes, a multiple of 256.
    pub fn create_capped_extents(
        &self,
        edit: &mut impl Edit,
        size: i64,
        extents: &CappedExtents,
    ) -> Result<()> {
        match extents {
            CappedExtents::Whole => {
                let mut storage = 0;
                while storage < size || storage == 0 {
                    storage += i64::from(self.add_capped_extent(edit, size - storage)?);
                }
            }
            CappedExtents::Count(n) => {
                for _ in 0..*n {
                    self.add_capped_extent(edit, size)?;
                }
            }
            CappedExtents::Sizes(sizes) => {
                for size in sizes {
                    self.add_capped_extent(edit, *size)?;
                }
            }
        }
        Ok(())
    }

    fn add_capped_extent(&self, edit: &mut impl Edit, size: i64) -> Result<i32> {
        let sizes = self.options().file_sizes;
        let longest = i64::from(sizes.extent_len_max());
        let len = size.clamp(i64::from(EXTENT_LEN_MIN), longest) as i32 & !(GRAIN - 1);
        let loc = extent_manager::allocate(edit, sizes, len, Fit::Strict)?;
        let room = extent_manager::append(edit, self.details(), self.ns(), loc)?;
        edit.note(Work::Extent);
        add_deleted(edit, self.details(), room)?;
        Ok(Extent::read(edit, loc)?.len)
    }

    /// Inserts a record that holds `data`, removing the oldest ones where there is no room.
    /// `unindex` is told of each of them while it still can be read.
    ///
    /// # Errors
    /// [`Reason::DocTooLargeForCapped`] if it would not fit an empty namespace; what `unindex`
    /// answers.
    pub fn insert_capped<E: Edit>(
        &self,
        edit: &mut E,
        data: &[u8],
        mut unindex: impl FnMut(&mut E, RecordLoc) -> Result<()>,
    ) -> Result<RecordLoc> {
        let details = self.details();
        let len = align4(record_len_for(data.len())?);
        if details.deleted_list(edit, LAST_BEFORE)?.is_invalid() {
            details.put_deleted_list(edit, LAST_BEFORE, DiskLoc::NULL)?;
        }
        self.check_fits_capped(edit, len)?;
        let mut emptied: Option<ExtentLoc> = None;
        let mut turns = Turns::new(self, edit)?;
        let room = loop {
            if let Some(room) = self.capped_room(edit, len)? {
                break room;
            }
            let extent = current(edit, details)?;
            let first_new = details.cap_first_new(edit)?;
            if first_new == CapFirstNew::NeverLooped {
                turns.advance(edit, details)?;
                if Some(current(edit, details)?.loc) != details.first_extent(edit)? {
                    details.put_cap_first_new(edit, CapFirstNew::NeverLooped)?;
                }
                continue;
            }
            match extent.first_record() {
                Some(oldest) if first_new != CapFirstNew::At(oldest.0) => {
                    unindex(edit, oldest)?;
                    self.remove_oldest(edit, oldest)?;
                }
                Some(_) => turns.advance(edit, details)?,
                None => {
                    let remembered = *emptied.get_or_insert(extent.loc);
                    turns.advance(edit, details)?;
                    if current(edit, details)?.loc == remembered {
                        let message = format!("no room for {len} bytes in {}", self.ns());
                        return Err(Error::refused(Reason::DocTooLargeForCapped, message));
                    }
                }
            }
        };
        if details.cap_first_new(edit)? == CapFirstNew::NoneYet {
            details.put_cap_first_new(edit, CapFirstNew::At(room.loc.0))?;
        }
        edit.write(room.loc.data(), data)?;
        self.link(edit, &room)?;
        Ok(room.loc)
    }

    fn check_fits_capped(&self, view: &impl View, len: i32) -> Result<()> {
        if len <= current(view, self.details())?.len {
            return Ok(());
        }
        let storage = self.storage_size(view)?;
        if i64::from(len) <= storage {
            return Ok(());
        }
        let message =
            format!("document is larger than capped size {len} > {storage} of {}", self.ns());
        Err(Error::refused(Reason::DocTooLargeForCapped, message))
    }

    /// Room of `len` bytes in the current extent, if the number of documents allows one more.
    fn capped_room(&self, edit: &mut impl Edit, len: i32) -> Result<Option<DeletedRecord>> {
        let details = self.details();
        let full = match details.max_docs(edit)? {
            Some(max) => details.stats(edit)?.records >= i64::from(max),
            None => false,
        };
        if full {
            return Ok(None);
        }
        let holes = holes(edit, details)?;
        let fits = |hole: &DeletedRecord| hole.len - len >= REST_MIN;
        let Some(at) = holes.records.iter().position(fits) else {
            return Ok(None);
        };
        let mut room = holes.records[at];
        match at {
            0 => put_first_deleted(edit, details, room.next)?,
            _ => DeletedRecord { next: room.next, ..holes.records[at - 1] }.write(edit)?,
        }
        add_deleted(edit, details, room.rest(len))?;
        room.len = len;
        Ok(Some(room))
    }

    /// Makes the oldest record free space, joined with what touches it.
    fn remove_oldest(&self, edit: &mut impl Edit, loc: RecordLoc) -> Result<()> {
        let header = self.unlink(edit, loc)?;
        let record = deleted(loc, &header);
        record.stamp(edit)?;
        add_deleted(edit, self.details(), record)?;
        coalesce(edit, self.details())
    }

    /// Removes all records of a capped namespace; its extents stay.
    pub fn truncate_capped(&self, edit: &mut impl Edit) -> Result<()> {
        let details = self.details();
        details.clear_deleted_lists(edit)?;
        details.put_deleted_list(edit, LAST_BEFORE, DiskLoc::INVALID)?;
        details.put_stats(edit, Stats::default())?;
        details.put_cap_first_new(edit, CapFirstNew::NeverLooped)?;
        let first = details.first_extent(edit)?;
        details.put(edit, CAP_EXTENT, first.map_or(DiskLoc::NULL, ExtentLoc::loc))?;
        let extents: Result<Vec<Extent>> = self.extents(edit)?.collect();
        for extent in extents? {
            let room = extent_manager::empty(edit, details, self.ns(), extent.loc)?;
            add_deleted(edit, details, room)?;
        }
        Ok(())
    }
}

/// Counts how often an insertion goes on to the next extent: twice round is a broken circle.
struct Turns {
    left: usize,
}

impl Turns {
    fn new(store: &RecordStore, view: &impl View) -> Result<Turns> {
        let extents = store.extents(view)?.try_fold(0, |n, e| e.map(|_| n + 1))?;
        Ok(Turns { left: 2 * extents + 1 })
    }

    /// Makes the next extent, or after the last the first, the current one.
    fn advance(&mut self, edit: &mut impl Edit, details: NamespaceDetails) -> Result<()> {
        if self.left == 0 {
            let rule = "a capped namespace has an extent with room or with old records";
            return Err(Error::corrupt(details.loc(), "NamespaceDetails", rule, 0));
        }
        self.left -= 1;
        let extent = current(edit, details)?;
        let is_last = details.last_extent(edit)? == Some(extent.loc);
        let last_before = match is_last {
            true => DiskLoc::NULL,
            false => match holes(edit, details)?.records.last() {
                Some(hole) => hole.loc.0,
                None => return Err(no_hole(extent.loc)),
            },
        };
        let next = if is_last { details.first_extent(edit)? } else { extent.next };
        let Some(next) = next else {
            let rule = "a capped namespace's chain of extents leads to its last";
            return Err(Error::corrupt(extent.loc, "Extent", rule, 0));
        };
        details.put_deleted_list(edit, LAST_BEFORE, last_before)?;
        details.put(edit, CAP_EXTENT, next.0)?;
        details.put_cap_first_new(edit, CapFirstNew::NoneYet)
    }
}

fn no_hole(extent: ExtentLoc) -> Error {
    let rule = "an extent of a capped namespace has a deleted record";
    Error::corrupt(extent, "Extent", rule, 0)
}

/// The current extent.
fn current(view: &impl View, details: NamespaceDetails) -> Result<Extent> {
    match details.cap_extent(view)? {
        Some(loc) => Extent::read(view, loc),
        None => {
            let rule = "a capped namespace has a current extent";
            Err(Error::corrupt(details.loc(), "NamespaceDetails", rule, 0))
        }
    }
}

/// The first deleted record of the current extent, by its place in the list.
fn first_deleted(view: &impl View, details: NamespaceDetails) -> Result<DiskLoc> {
    let before = details.deleted_list(view, LAST_BEFORE)?;
    match before.is_null() {
        true => details.deleted_list(view, ALL),
        false => Ok(DeletedRecord::read(view, before)?.next),
    }
}

fn put_first_deleted(
    edit: &mut impl Edit,
    details: NamespaceDetails,
    first: DiskLoc,
) -> Result<()> {
    let before = details.deleted_list(edit, LAST_BEFORE)?;
    match before.is_null() {
        true => details.put_deleted_list(edit, ALL, first),
        false => DeletedRecord { next: first, ..DeletedRecord::read(edit, before)? }.write(edit),
    }
}

/// Puts a deleted record in front of those of the current extent; before the first insertion,
/// at the end of the list.
fn add_deleted(
    edit: &mut impl Edit,
    details: NamespaceDetails,
    mut record: DeletedRecord,
) -> Result<()> {
    if !details.deleted_list(edit, LAST_BEFORE)?.is_invalid() {
        record.next = first_deleted(edit, details)?;
        record.write(edit)?;
        return put_first_deleted(edit, details, record.loc.0);
    }
    record.next = DiskLoc::NULL;
    record.write(edit)?;
    let mut last = None;
    let mut left = most_deleted_records(edit);
    for found in walk(edit, details.deleted_list(edit, ALL)?) {
        last = Some(found?);
        left = left.checked_sub(1).ok_or_else(|| circle(details))?;
    }
    match last {
        Some(last) => DeletedRecord { next: record.loc.0, ..last }.write(edit),
        None => details.put_deleted_list(edit, ALL, record.loc.0),
    }
}

fn circle(details: NamespaceDetails) -> Error {
    let rule = "a list of deleted records ends";
    Error::corrupt(details.loc(), "NamespaceDetails", rule, 0)
}

/// No more extents of the shortest kind, each one deleted record, fit the files.
fn most_deleted_records(view: &impl View) -> u64 {
    let bytes = |no| view.file_len(crate::disk_loc::FileNo(no));
    (0..view.file_count()).map(bytes).sum::<u64>() / GRAIN as u64
}

/// The deleted records of the current extent, in the order of the list.
fn holes(view: &impl View, details: NamespaceDetails) -> Result<Holes> {
    let extent = current(view, details)?;
    let mut found = Holes { records: Vec::new(), rest: DiskLoc::NULL };
    let mut bytes = 0;
    for record in walk(view, first_deleted(view, details)?) {
        let record = record?;
        if record.loc.extent(record.extent_ofs) != extent.loc {
            found.rest = record.loc.0;
            break;
        }
        bytes += i64::from(record.len);
        if bytes > i64::from(extent.len) {
            return Err(circle(details));
        }
        found.records.push(record);
    }
    Ok(found)
}

/// Joins the deleted records of the current extent that touch; the list then has them in
/// descending order.
fn coalesce(edit: &mut impl Edit, details: NamespaceDetails) -> Result<()> {
    let Holes { mut records, rest } = holes(edit, details)?;
    put_first_deleted(edit, details, rest)?;
    records.sort_unstable_by_key(|hole| hole.loc);
    let mut joined: Vec<DeletedRecord> = Vec::with_capacity(records.len());
    for hole in records {
        match joined.last_mut() {
            Some(before) if before.loc.0.add(before.len) == hole.loc.0 => before.len += hole.len,
            _ => joined.push(hole),
        }
    }
    for hole in joined {
        add_deleted(edit, details, hole)?;
    }
    Ok(())
}
