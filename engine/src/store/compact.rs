//! Compacting a namespace: all records are moved to fresh extents, one step at a time, and the
//! old extents are freed (format, §12.5). Indexes, and telling cursors, are the caller's.
//!
//! K1. Between two steps the namespace is sound, but for free space of old extents that is in
//!     no list. A compaction that is given up leaves that space unused until the next one.
//! K2. Every live record is in an old extent or in a new one, never in both.

use crate::disk::{Edit, View};
use crate::disk_loc::{DiskLoc, ExtentLoc, RecordLoc};
use crate::error::{Error, Reason, Result};
use crate::format::extent::PREV;
use crate::format::namespace::details::{FIRST_EXTENT, LAST_EXTENT_SIZE, PADDING_FACTOR};
use crate::store::extent::Extent;
use crate::store::extent_manager;
use crate::store::record::RecordHeader;
use crate::store::record_store::{RecordStore, record_len_for};

/// Longest record that explicit padding makes, bytes.
const PADDED_LEN_MAX: i32 = 8 << 20;

/// How long compaction makes the records.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CompactPadding {
    /// As the collection's policy sizes them, without a factor.
    Policy,
    /// As long as they were.
    Preserve,
    /// The data times `factor` and `extra_len` bytes more, up to 8 MiB.
    Manual {
        /// 1.0 – 4.0.
        factor: f64,
        /// 0 – 1 MiB.
        extra_len: i32,
    },
}

impl CompactPadding {
    /// Are factor and addition within their bounds?
    pub fn is_in_range(self) -> bool {
        match self {
            CompactPadding::Policy | CompactPadding::Preserve => true,
            CompactPadding::Manual { factor, extra_len } => {
                (1.0..=4.0).contains(&factor) && (0..=1 << 20).contains(&extra_len)
            }
        }
    }
}

/// A compaction under way.
#[derive(Debug, Clone)]
pub struct Compaction {
    padding: CompactPadding,
    /// Last of the extents that are being emptied; they come before all new ones.
    last_old: Option<ExtentLoc>,
}

/// What one step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompactStep {
    /// A record moved.
    Moved {
        /// Where it was; free now.
        from: RecordLoc,
        /// Where it is.
        to: RecordLoc,
    },
    /// A record whose data have no length was dropped.
    Dropped(RecordLoc),
    /// An old extent, empty by now, was freed.
    Freed(ExtentLoc),
    /// All old extents are freed.
    Done,
}

impl Compaction {
    /// Begins: the free space of all extents is forgotten, and a fresh extent is added.
    ///
    /// # Errors
    /// [`Reason::CommandNotSupported`] for a capped namespace.
    pub fn begin(
        store: &RecordStore,
        edit: &mut impl Edit,
        padding: CompactPadding,
    ) -> Result<Compaction> {
        let details = store.details();
        if details.is_capped(edit)? {
            let message = format!("cannot compact a capped collection: {}", store.ns());
            return Err(Error::refused(Reason::CommandNotSupported, message));
        }
        let last_old = details.last_extent(edit)?;
        details.clear_deleted_lists(edit)?;
        details.put(edit, LAST_EXTENT_SIZE, 0)?;
        if padding == CompactPadding::Policy {
            details.put(edit, PADDING_FACTOR, 1.0)?;
        }
        store.add_extent(edit, 0)?;
        Ok(Compaction { padding, last_old })
    }

    /// Moves one record, or frees one extent. `data_len` says how long the data of a record
    /// are; `None` drops it.
    pub fn step(
        &mut self,
        store: &RecordStore,
        edit: &mut impl Edit,
        data_len: impl FnOnce(&[u8]) -> Option<usize>,
    ) -> Result<CompactStep> {
        let (Some(last_old), Some(first)) = (self.last_old, store.details().first_extent(edit)?)
        else {
            return Ok(CompactStep::Done);
        };
        let extent = Extent::read(edit, first)?;
        match extent.first_record() {
            Some(record) => self.move_record(store, edit, record, data_len),
            None => {
                if first == last_old {
                    self.last_old = None;
                }
                free_first(store, edit, &extent)?;
                Ok(CompactStep::Freed(first))
            }
        }
    }

    fn move_record(
        &self,
        store: &RecordStore,
        edit: &mut impl Edit,
        from: RecordLoc,
        data_len: impl FnOnce(&[u8]) -> Option<usize>,
    ) -> Result<CompactStep> {
        let header = RecordHeader::read(edit, from)?;
        let data = edit.bytes(from.data(), header.len_net())?;
        let Some(data_len) = data_len(data).filter(|len| *len <= data.len()) else {
            store.unlink(edit, from)?;
            return Ok(CompactStep::Dropped(from));
        };
        let data = data[..data_len].to_vec();
        let len = self.record_len(store, edit, &header, data_len)?;
        let to = store.place(edit, len, &data)?;
        store.unlink(edit, from)?;
        Ok(CompactStep::Moved { from, to })
    }

    fn record_len(
        &self,
        store: &RecordStore,
        view: &impl View,
        header: &RecordHeader,
        data_len: usize,
    ) -> Result<i32> {
        let needed = record_len_for(data_len)?;
        match self.padding {
            CompactPadding::Policy => store.neutral_len(view, needed),
            CompactPadding::Preserve => Ok(header.len),
            CompactPadding::Manual { factor, extra_len } => {
                let padded = (f64::from(needed) * factor) as i64 + i64::from(extra_len);
                let range = i64::from(needed)..=i64::from(PADDED_LEN_MAX);
                Ok(if range.contains(&padded) { padded as i32 } else { needed })
            }
        }
    }
}

/// Takes the first extent, which is empty, out of the chain.
fn free_first(store: &RecordStore, edit: &mut impl Edit, extent: &Extent) -> Result<()> {
    let details = store.details();
    let Some(next) = extent.next else {
        let rule = "the new extents of a compaction follow the old ones";
        return Err(Error::corrupt(extent.loc, "Extent", rule, 0));
    };
    if Extent::read(edit, next)?.prev != Some(extent.loc) {
        let rule = "an extent names the one before it";
        return Err(Error::corrupt(next, "Extent", rule, extent.loc.0.record_id()));
    }
    edit.put(next, PREV, DiskLoc::NULL)?;
    details.put(edit, FIRST_EXTENT, next.0)?;
    extent_manager::free_one(edit, extent.loc)
}
