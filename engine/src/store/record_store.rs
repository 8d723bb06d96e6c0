//! The records of one namespace: insert, read, overwrite, move, remove (format, §4.3, §6.4,
//! §8.3). It knows bytes and places; documents and index keys are the layers' above. Where the
//! room comes from is in [`super::record_space`]; capped namespaces insert by
//! [`super::capped`].
//!
//! R1. Whatever is unlinked was found linked: a record's neighbours name it, or nothing is
//!     written.
//! R2. `nrecords` and `datasize` are those of the chains.
//!
//! All functions that write may fail half-way; the unit of work then takes everything back.

use std::sync::Arc;

use crate::disk::{Edit, View};
use crate::disk_loc::{DiskLoc, RecordLoc};
use crate::error::{Error, Reason, Result};
use crate::format::extent::{FIRST_RECORD, LAST_RECORD};
use crate::format::record::{LEN, NEXT_OFS, NO_OFS, PREV_OFS};
use crate::limits::RECORD_LEN_MAX;
use crate::store::deleted_lists;
use crate::store::extent::Extent;
use crate::store::extent_manager;
use crate::store::file_sizes::FileSizes;
use crate::store::namespace_details::NamespaceDetails;
use crate::store::padding::SizingPolicy;
use crate::store::padding_factor::{Outcome, PaddingSamples};
use crate::store::record::{DATA_LEN_MIN, DeletedRecord, RecordHeader};

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

    /// The record at `loc`, a place that somebody else names. Bytes that belong to others are not
    /// read: an extent of this namespace has to hold the place, and neighbours there to name it.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if no live record of the namespace is there.
    pub fn read_named<'v>(&self, view: &'v impl View, loc: RecordLoc) -> Result<RecordRef<'v>> {
        for extent in self.extents(view)? {
            let extent = extent?;
            if extent.loc.0.file != loc.0.file || !extent.has_record_at(loc.0.ofs) {
                continue;
            }
            let header = RecordHeader::read(view, loc)?;
            if header.extent_ofs != extent.loc.0.ofs {
                let rule = "a record names the extent that it is in";
                return Err(Error::corrupt(loc, "Record", rule, header.extent_ofs));
            }
            check_linked(view, &extent, loc, &header)?;
            return self.read(view, loc);
        }
        let rule = "a record is in an extent of its namespace";
        Err(Error::corrupt(loc, "Record", rule, loc.0.record_id()))
    }

    /// Would `data_len` bytes find room in the record at `loc`?
    pub fn fits(&self, view: &impl View, loc: RecordLoc, data_len: usize) -> Result<bool> {
        Ok(data_len <= RecordHeader::read(view, loc)?.len_net())
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
        if is_system_indexes(&self.ns) {
            // Specifications are pointed to: their place is never used again.
            return edit.write(loc.0, &vec![0; header.len as usize]);
        }
        let record = deleted(loc, &header);
        record.stamp(edit)?;
        deleted_lists::push(edit, self.details, record)
    }

    /// Takes a live record out of its chain and out of the counts (R1).
    pub(super) fn unlink(&self, edit: &mut impl Edit, loc: RecordLoc) -> Result<RecordHeader> {
        let header = RecordHeader::read(edit, loc)?;
        let extent = Extent::read(edit, header.extent(loc))?;
        check_linked(edit, &extent, loc, &header)?;
        let (prev, next) = (header.prev(loc), header.next(loc));
        match prev {
            Some(prev) => edit.put(prev, NEXT_OFS, header.next_ofs)?,
            None => edit.put(extent.loc, FIRST_RECORD, or_null(next))?,
        }
        match next {
            Some(next) => edit.put(next, PREV_OFS, header.prev_ofs)?,
            None => edit.put(extent.loc, LAST_RECORD, or_null(prev))?,
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
}

/// Is it the namespace of a database's index specifications?
pub(super) fn is_system_indexes(ns: &str) -> bool {
    ns.split_once('.').is_some_and(|(_, collection)| collection == "system.indexes")
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

/// Is the record in its extent's chain, by what its neighbours say?
fn check_linked(
    view: &impl View,
    extent: &Extent,
    loc: RecordLoc,
    header: &RecordHeader,
) -> Result<()> {
    let named_before = match header.prev(loc) {
        Some(prev) => RecordHeader::read(view, prev)?.next(prev),
        None => extent.first_record(),
    };
    let named_behind = match header.next(loc) {
        Some(next) => RecordHeader::read(view, next)?.prev(next),
        None => extent.last_record(),
    };
    if named_before != Some(loc) || named_behind != Some(loc) {
        let rule = "the neighbours of a live record name it";
        return Err(Error::corrupt(loc, "Record", rule, header.next_ofs));
    }
    Ok(())
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
