//! The records of one namespace: insert, read, overwrite, move, remove (format, §4.3, §6,
//! §8.3). It knows bytes and places; documents and index keys are the layers' above. Capped
//! namespaces insert by [`super::capped`].
//!
//! R1. Every byte behind an extent's first spot belongs to one live or one deleted record.
//! R2. Whatever is unlinked was found linked: a record's neighbours name it, or nothing is
//!     written.
//! R3. `nrecords` and `datasize` are those of the chains.
//!
//! All functions that write may fail half-way; the unit of work then takes everything back.

use std::sync::Arc;

use crate::disk::{Edit, View};
use crate::disk_loc::{DiskLoc, ExtentLoc, RecordLoc};
use crate::error::{Error, Reason, Result};
use crate::format::extent::{FIRST_RECORD, LAST_RECORD, NEXT, PREV};
use crate::format::namespace::details::{FLAG_NO_PADDING, LAST_EXTENT_SIZE, N_INDEXES};
use crate::format::record::{LEN, NEXT_OFS, NO_OFS, PREV_OFS};
use crate::limits::RECORD_LEN_MAX;
use crate::store::best_fit::BestFit;
use crate::store::deleted_lists;
use crate::store::extent::Extent;
use crate::store::extent_manager::{self, Fit};
use crate::store::file_sizes::FileSizes;
use crate::store::namespace_details::{NamespaceDetails, Stats};
use crate::store::padding::{SizingPolicy, align4};
use crate::store::padding_factor::{self, Outcome, PaddingSamples};
use crate::store::record::{DATA_LEN_MIN, DeletedRecord, RecordHeader};

/// Record that the first extent of a collection is made for, bytes.
const FIRST_RECORD_LEN: i32 = 128;
/// Extents tried for one record before giving up.
const EXTENTS_TRIED_MAX: usize = 11;

/// How the records of a namespace are sized and placed.
#[derive(Debug, Clone, Default)]
pub struct StoreOptions {
    /// How long records are made. Index and system namespaces take the default.
    pub policy: SizingPolicy,
    /// How long extents may become.
    pub file_sizes: FileSizes,
    /// Which calls change a padding factor: one for all collections of an engine.
    pub samples: Arc<PaddingSamples>,
}

/// The records of one namespace. Cheap to make and to clone; holds no bytes.
#[derive(Debug, Clone)]
pub struct RecordStore {
    details: NamespaceDetails,
    ns: Arc<str>,
    options: StoreOptions,
}

/// A live record: what its header says, and its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordRef<'v> {
    /// Header, data and padding, bytes.
    pub len: i32,
    /// Offset of its extent, in the same file.
    pub extent_ofs: i32,
    /// The next record of the extent's chain.
    pub next: Option<RecordLoc>,
    /// The previous record of the extent's chain.
    pub prev: Option<RecordLoc>,
    /// Data and padding. The data say themselves where they end.
    pub data: &'v [u8],
}

impl RecordStore {
    /// The records of namespace `ns`, whose details are `details`.
    pub fn new(
        details: NamespaceDetails,
        ns: impl Into<Arc<str>>,
        options: StoreOptions,
    ) -> RecordStore {
        RecordStore { details, ns: ns.into(), options }
    }

    /// Its details in the `.ns` file.
    pub fn details(&self) -> NamespaceDetails {
        self.details
    }

    /// Full name of the namespace.
    pub fn ns(&self) -> &str {
        &self.ns
    }

    /// How records are sized and placed.
    pub fn options(&self) -> &StoreOptions {
        &self.options
    }

    /// The record at `loc`.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if there is none that is sound.
    pub fn read<'v>(&self, view: &'v impl View, loc: RecordLoc) -> Result<RecordRef<'v>> {
        let header = RecordHeader::read(view, loc)?;
        Ok(RecordRef {
            len: header.len,
            extent_ofs: header.extent_ofs,
            next: header.next(loc),
            prev: header.prev(loc),
            data: view.bytes(loc.data(), header.len_net())?,
        })
    }

    /// Would `data_len` bytes find room in the record at `loc`?
    pub fn fits(&self, view: &impl View, loc: RecordLoc, data_len: usize) -> Result<bool> {
        Ok(data_len <= RecordHeader::read(view, loc)?.len_net())
    }

    /// Number and bytes of the live records, as counted.
    pub fn stats(&self, view: &impl View) -> Result<Stats> {
        self.details.stats(view)
    }

    /// The extents, first to last.
    pub fn extents<'v, V: View>(&self, view: &'v V) -> Result<extent_manager::Extents<'v, V>> {
        extent_manager::extents(view, self.details)
    }

    /// Bytes of all extents.
    pub fn storage_size(&self, view: &impl View) -> Result<i64> {
        self.extents(view)?.try_fold(0, |sum, extent| Ok(sum + i64::from(extent?.len)))
    }

    /// Inserts a record that holds `data`.
    ///
    /// # Errors
    /// [`Reason::InvalidLength`] for data shorter than 4 bytes or too long for any record;
    /// [`Error::NeedsDataFile`] if no file has room for an extent.
    pub fn insert(&self, edit: &mut impl Edit, data: &[u8]) -> Result<RecordLoc> {
        self.insert_len(edit, data.len(), data)
    }

    /// Inserts a record with room for `data_len` bytes that begins with `head`. What follows
    /// `head` is undefined. Errors as [`Self::insert`].
    pub fn insert_len(
        &self,
        edit: &mut impl Edit,
        data_len: usize,
        head: &[u8],
    ) -> Result<RecordLoc> {
        if self.details.is_capped(edit)? {
            let message = format!("{} is capped: its records are inserted in a circle", self.ns);
            return Err(Error::refused(Reason::IllegalOperation, message));
        }
        let needed = record_len_for(data_len.max(head.len()))?;
        let factor = self.details.padding_factor(edit)?;
        let loc = self.place(edit, self.policy(edit)?.record_len(needed, factor), head)?;
        self.adapt_padding(edit, Outcome::Fits)?;
        Ok(loc)
    }

    /// Makes a record of `len` bytes, header included, that begins with `head`.
    pub(super) fn place(&self, edit: &mut impl Edit, len: i32, head: &[u8]) -> Result<RecordLoc> {
        let room = self.allocate(edit, len)?;
        edit.write(room.loc.data(), head)?;
        self.link(edit, &room)?;
        Ok(room.loc)
    }

    /// The policy in force: the flag of 3.x overrides the default.
    fn policy(&self, view: &impl View) -> Result<SizingPolicy> {
        let bare = self.options.policy == SizingPolicy::PowerOf2
            && self.details.user_flags(view)? & FLAG_NO_PADDING != 0;
        Ok(if bare { SizingPolicy::Exact } else { self.options.policy })
    }

    /// Length of a record that needs `needed` bytes, if documents neither grew nor shrank.
    pub(super) fn neutral_len(&self, view: &impl View, needed: i32) -> Result<i32> {
        Ok(self.policy(view)?.record_len(needed, 1.0))
    }

    fn allocate(&self, edit: &mut impl Edit, len: i32) -> Result<DeletedRecord> {
        let len = align4(len);
        for tried in 0..=EXTENTS_TRIED_MAX {
            if let Some(room) = self.find_room(edit, len)? {
                return Ok(room);
            }
            // A second extent helps only where the first turned out too short.
            if tried > 1 && len <= self.details.last_extent_size(edit)? {
                break;
            }
            let last_len = self.details.last_extent_size(edit)?;
            self.add_extent(edit, self.options.file_sizes.following_extent(len, last_len))?;
        }
        let message = format!("cannot allocate {len} bytes in {}", self.ns);
        Err(Error::refused(Reason::InvalidLength, message))
    }

    fn find_room(&self, edit: &mut impl Edit, len: i32) -> Result<Option<DeletedRecord>> {
        let is_2_4 = match self.options.policy {
            SizingPolicy::PowerOf2 | SizingPolicy::Exact => {
                return deleted_lists::allocate(edit, self.details, len);
            }
            SizingPolicy::PaddingFactor { quantized } => quantized,
            SizingPolicy::PowerOf2V2_4 => true,
        };
        let quantized = is_2_4 && !self.ns.contains('$');
        let search = BestFit { stops_at_exact: is_2_4, quantized };
        search.allocate(edit, self.details, len)
    }

    /// Adds the extent that a new collection begins with.
    pub fn create_first_extent(&self, edit: &mut impl Edit) -> Result<()> {
        self.add_extent(edit, self.options.file_sizes.initial_extent(FIRST_RECORD_LEN))
    }

    /// Adds an extent of about `len` bytes, and its room to the deleted lists.
    pub(super) fn add_extent(&self, edit: &mut impl Edit, len: i32) -> Result<()> {
        let loc = extent_manager::allocate(edit, self.options.file_sizes, len, Fit::Loose)?;
        let room = extent_manager::append(edit, self.details, &self.ns, loc)?;
        self.recycle(edit, room)
    }

    /// Puts a deleted record on its list. 2.x stamps every one.
    fn recycle(&self, edit: &mut impl Edit, record: DeletedRecord) -> Result<()> {
        if self.options.policy.is_2x() {
            record.stamp(edit)?;
        }
        deleted_lists::push(edit, self.details, record)
    }

    /// Makes room a live record: the last of its extent's chain.
    pub(super) fn link(&self, edit: &mut impl Edit, room: &DeletedRecord) -> Result<()> {
        let loc = room.loc;
        let extent = Extent::read(edit, loc.extent(room.extent_ofs))?;
        let last = extent.last_record();
        let mut header = RecordHeader {
            len: room.len,
            extent_ofs: room.extent_ofs,
            next_ofs: NO_OFS,
            prev_ofs: NO_OFS,
        };
        match last {
            Some(last) => {
                check_end(edit, &extent, last)?;
                header.prev_ofs = last.0.ofs;
                edit.put(last, NEXT_OFS, loc.0.ofs)?;
            }
            None => edit.put(extent.loc, FIRST_RECORD, loc.0)?,
        }
        edit.put(extent.loc, LAST_RECORD, loc.0)?;
        header.write(edit, loc)?;
        self.details.add_stats(edit, header.len_net() as i64, 1)
    }

    /// Overwrites the data of the record at `loc`; what follows `data` stays.
    ///
    /// # Errors
    /// [`Reason::InvalidLength`] if they do not fit: ask [`Self::fits`] first.
    pub fn rewrite(&self, edit: &mut impl Edit, loc: RecordLoc, data: &[u8]) -> Result<()> {
        if !self.fits(edit, loc, data.len())? {
            let message = format!("{} bytes do not fit the record at {loc}", data.len());
            return Err(Error::refused(Reason::InvalidLength, message));
        }
        edit.write(loc.data(), data)
    }

    /// Removes the record at `loc`. Its index entries and the cursors on it are the caller's.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if it is not linked as a live record is;
    /// [`Reason::IllegalOperation`] in a capped namespace.
    pub fn remove(&self, edit: &mut impl Edit, loc: RecordLoc) -> Result<()> {
        if self.details.is_capped(edit)? {
            let message = format!("cannot remove from a capped collection: {}", self.ns);
            return Err(Error::refused(Reason::IllegalOperation, message));
        }
        let header = self.unlink(edit, loc)?;
        if self.ns.ends_with(".system.indexes") {
            // Specifications are pointed to: their place is never used again.
            return edit.write(loc.0, &vec![0; header.len as usize]);
        }
        let record = deleted(loc, &header);
        record.stamp(edit)?;
        deleted_lists::push(edit, self.details, record)
    }

    /// Takes a live record out of its chain and out of the counts (R2).
    pub(super) fn unlink(&self, edit: &mut impl Edit, loc: RecordLoc) -> Result<RecordHeader> {
        let header = RecordHeader::read(edit, loc)?;
        let extent = Extent::read(edit, header.extent(loc))?;
        let (prev, next) = (header.prev(loc), header.next(loc));
        let linked = |ok: bool| match ok {
            true => Ok(()),
            false => {
                let rule = "the neighbours of a live record name it";
                Err(Error::corrupt(loc, "Record", rule, header.next_ofs))
            }
        };
        match prev {
            Some(prev) => {
                linked(RecordHeader::read(edit, prev)?.next(prev) == Some(loc))?;
                edit.put(prev, NEXT_OFS, header.next_ofs)?;
            }
            None => {
                linked(extent.first_record() == Some(loc))?;
                edit.put(extent.loc, FIRST_RECORD, or_null(next))?;
            }
        }
        match next {
            Some(next) => {
                linked(RecordHeader::read(edit, next)?.prev(next) == Some(loc))?;
                edit.put(next, PREV_OFS, header.prev_ofs)?;
            }
            None => {
                linked(extent.last_record() == Some(loc))?;
                edit.put(extent.loc, LAST_RECORD, or_null(prev))?;
            }
        }
        self.details.add_stats(edit, -(header.len_net() as i64), -1)?;
        Ok(header)
    }

    /// Moves the record at `loc` to a new place with room for `data`, which become its data.
    /// 3.x inserts first; 2.x removes first, so that the old place may be the new one.
    ///
    /// # Errors
    /// As [`Self::insert`] and [`Self::remove`];
    /// [`Reason::CannotGrowDocumentInCappedNamespace`] in a capped namespace.
    pub fn relocate(&self, edit: &mut impl Edit, loc: RecordLoc, data: &[u8]) -> Result<RecordLoc> {
        if self.details.is_capped(edit)? {
            let message = "Cannot change the size of a document in a capped collection";
            return Err(Error::refused(Reason::CannotGrowDocumentInCappedNamespace, message));
        }
        if self.options.policy.is_2x() {
            self.adapt_padding(edit, Outcome::TooSmall)?;
            self.remove(edit, loc)?;
            return self.insert(edit, data);
        }
        let new = self.insert(edit, data)?;
        self.remove(edit, loc)?;
        Ok(new)
    }

    /// Counts an `outcome` for the adaptive padding factor. Answers the factor to be stored, if
    /// it changes; nothing is written. An update that stays in place calls this with
    /// [`Outcome::Fits`] and stores the answer by [`NamespaceDetails::put_padding_factor`].
    pub fn padding_after(&self, view: &impl View, outcome: Outcome) -> Result<Option<f64>> {
        let adaptive = matches!(self.options.policy, SizingPolicy::PaddingFactor { .. });
        if !adaptive || !self.options.samples.fires(outcome) {
            return Ok(None);
        }
        let indexes = usize::try_from(self.details.get(view, N_INDEXES)?).unwrap_or(0);
        let old = self.details.padding_factor(view)?;
        let new = padding_factor::step(old, outcome, indexes);
        Ok((new != old).then_some(new))
    }

    fn adapt_padding(&self, edit: &mut impl Edit, outcome: Outcome) -> Result<()> {
        match self.padding_after(edit, outcome)? {
            Some(factor) => self.details.put_padding_factor(edit, factor),
            None => Ok(()),
        }
    }

    /// Removes all records and all extents but the first.
    pub fn truncate(&self, edit: &mut impl Edit) -> Result<()> {
        if let Some(first) = self.details.first_extent(edit)? {
            let last = self.last_extent(edit)?;
            let head = Extent::read(edit, first)?;
            if let Some(second) = head.next {
                Extent::read(edit, second)?;
                edit.put(second, PREV, DiskLoc::NULL)?;
                edit.put(first, NEXT, DiskLoc::NULL)?;
                extent_manager::free_chain(edit, second, last)?;
            }
            self.details.put_extents(edit, first.0, first.0)?;
            self.details.put(edit, LAST_EXTENT_SIZE, head.len)?;
            self.details.clear_deleted_lists(edit)?;
            let room = extent_manager::empty(edit, self.details, &self.ns, first)?;
            self.recycle(edit, room)?;
        }
        self.details.put_stats(edit, Stats::default())
    }

    /// Gives all extents back to the database: what remains is to kill the namespace's node.
    pub fn drop_extents(&self, edit: &mut impl Edit) -> Result<()> {
        if let Some(first) = self.details.first_extent(edit)? {
            let last = self.last_extent(edit)?;
            extent_manager::free_chain(edit, first, last)?;
        }
        self.details.put_extents(edit, DiskLoc::INVALID, DiskLoc::INVALID)
    }

    fn last_extent(&self, view: &impl View) -> Result<ExtentLoc> {
        let missing = || {
            let rule = "a namespace has a first and a last extent or none";
            Error::corrupt(self.details.loc(), "NamespaceDetails", rule, 0)
        };
        self.details.last_extent(view)?.ok_or_else(missing)
    }
}

/// The record `loc`, out of its chain, as a deleted record in no list.
pub(super) fn deleted(loc: RecordLoc, header: &RecordHeader) -> DeletedRecord {
    DeletedRecord { loc, len: header.len, extent_ofs: header.extent_ofs, next: DiskLoc::NULL }
}

/// Header and data of a record for `data_len` bytes, rounded up to 4.
pub(super) fn record_len_for(data_len: usize) -> Result<i32> {
    let needed = i32::try_from(data_len).ok().and_then(|len| len.checked_add(LEN as i32));
    match needed {
        Some(needed) if data_len >= DATA_LEN_MIN && needed <= RECORD_LEN_MAX => Ok(needed),
        _ => {
            let message = format!("a record holds 4 to 17301488 bytes, not {data_len}");
            Err(Error::refused(Reason::InvalidLength, message))
        }
    }
}

fn or_null(loc: Option<RecordLoc>) -> DiskLoc {
    loc.map_or(DiskLoc::NULL, RecordLoc::loc)
}

/// Before a record is chained behind `last`: is that the end of the chain?
fn check_end(view: &impl View, extent: &Extent, last: RecordLoc) -> Result<()> {
    let header = RecordHeader::read(view, last)?;
    if header.next_ofs != NO_OFS || header.extent_ofs != extent.loc.0.ofs {
        let rule = "the last record of an extent has no next";
        return Err(Error::corrupt(last, "Record", rule, header.next_ofs));
    }
    Ok(())
}
