//! Room for the records of one namespace: found in the deleted lists or in a new extent, given
//! back by truncating and dropping, and sized by the policy (format, §6.3, §6.5, §6.6, §7).
//!
//! A1. Every byte behind an extent's first spot belongs to one live or one deleted record.
//! A2. The policy decides lengths and places, never what is valid: under each the files are
//!     those of 3.2.

use crate::counters::Work;
use crate::disk::{Edit, View};
use crate::disk_loc::{DiskLoc, ExtentLoc};
use crate::error::{Error, Reason, Result};
use crate::format::extent::{NEXT, PREV};
use crate::format::namespace::details::{FLAG_NO_PADDING, LAST_EXTENT_SIZE, N_INDEXES};
use crate::store::best_fit::BestFit;
use crate::store::deleted_lists;
use crate::store::extent::Extent;
use crate::store::extent_manager::{self, Fit};
use crate::store::namespace_details::Stats;
use crate::store::padding::{SizingPolicy, align4};
use crate::store::padding_factor::{self, Outcome};
use crate::store::record::DeletedRecord;
use crate::store::record_store::RecordStore;

/// Record that the first extent of a collection is made for, bytes.
const FIRST_RECORD_LEN: i32 = 128;
/// Extents tried for one record before giving up.
const EXTENTS_TRIED_MAX: usize = 11;

impl RecordStore {
    /// The policy in force: the flag of 3.x overrides the default.
    pub(super) fn policy(&self, view: &impl View) -> Result<SizingPolicy> {
        let bare = self.options().policy == SizingPolicy::PowerOf2
            && self.details().user_flags(view)? & FLAG_NO_PADDING != 0;
        Ok(if bare { SizingPolicy::Exact } else { self.options().policy })
    }

    /// Length of a record that needs `needed` bytes, if documents neither grew nor shrank.
    pub(super) fn neutral_len(&self, view: &impl View, needed: i32) -> Result<i32> {
        Ok(self.policy(view)?.record_len(needed, 1.0))
    }

    /// Room for a record of `len` bytes, header included, in no list any more.
    pub(super) fn allocate(&self, edit: &mut impl Edit, len: i32) -> Result<DeletedRecord> {
        let len = align4(len);
        for tried in 0..=EXTENTS_TRIED_MAX {
            if let Some(room) = self.find_room(edit, len)? {
                return Ok(room);
            }
            // One more extent helps only where the last turned out too short.
            if tried > 0 && len <= self.details().last_extent_size(edit)? {
                break;
            }
            let last_len = self.details().last_extent_size(edit)?;
            self.add_extent(edit, self.options().file_sizes.following_extent(len, last_len))?;
        }
        let message = format!("cannot allocate {len} bytes in {}", self.ns());
        Err(Error::refused(Reason::InvalidLength, message))
    }

    fn find_room(&self, edit: &mut impl Edit, len: i32) -> Result<Option<DeletedRecord>> {
        let is_2_4 = match self.options().policy {
            SizingPolicy::PowerOf2 | SizingPolicy::Exact => {
                return deleted_lists::allocate(edit, self.details(), len);
            }
            SizingPolicy::PaddingFactor { quantized } => quantized,
            SizingPolicy::PowerOf2V2_4 => true,
        };
        let quantized = is_2_4 && !self.ns().contains('$');
        let search = BestFit { stops_at_exact: is_2_4, quantized };
        search.allocate(edit, self.details(), len)
    }

    /// Adds the extent that a new collection begins with.
    pub fn create_first_extent(&self, edit: &mut impl Edit) -> Result<()> {
        self.add_extent(edit, self.options().file_sizes.initial_extent(FIRST_RECORD_LEN))
    }

    /// Adds an extent of about `len` bytes, and its room to the deleted lists.
    pub(super) fn add_extent(&self, edit: &mut impl Edit, len: i32) -> Result<()> {
        let loc = extent_manager::allocate(edit, self.options().file_sizes, len, Fit::Loose)?;
        let room = extent_manager::append(edit, self.details(), self.ns(), loc)?;
        edit.note(Work::Extent);
        self.recycle(edit, room)
    }

    /// Puts a deleted record on its list. 2.x stamps every one.
    fn recycle(&self, edit: &mut impl Edit, record: DeletedRecord) -> Result<()> {
        if self.options().policy.is_2x() {
            record.stamp(edit)?;
        }
        deleted_lists::push(edit, self.details(), record)
    }

    /// Counts an `outcome` for the adaptive padding factor. Answers the factor to be stored, if
    /// it changes; nothing is written. An update that stays in place calls this with
    /// [`Outcome::Fits`] and stores the answer by `put_padding_factor` of the details, for which
    /// it needs the collection exclusively.
    pub fn padding_after(&self, view: &impl View, outcome: Outcome) -> Result<Option<f64>> {
        let adaptive = matches!(self.options().policy, SizingPolicy::PaddingFactor { .. });
        if !adaptive || !self.options().samples.fires(outcome) {
            return Ok(None);
        }
        let indexes = usize::try_from(self.details().get(view, N_INDEXES)?).unwrap_or(0);
        let old = self.details().padding_factor(view)?;
        let new = padding_factor::step(old, outcome, indexes);
        Ok((new != old).then_some(new))
    }

    /// Counts an `outcome`, and stores the factor if it changes.
    pub fn adapt_padding(&self, edit: &mut impl Edit, outcome: Outcome) -> Result<()> {
        match self.padding_after(edit, outcome)? {
            Some(factor) => self.details().put_padding_factor(edit, factor),
            None => Ok(()),
        }
    }

    /// Removes all records and all extents but the first.
    pub fn truncate(&self, edit: &mut impl Edit) -> Result<()> {
        if let Some(first) = self.details().first_extent(edit)? {
            let last = self.last_extent(edit)?;
            let head = Extent::read(edit, first)?;
            if let Some(second) = head.next {
                Extent::read(edit, second)?;
                edit.put(second, PREV, DiskLoc::NULL)?;
                edit.put(first, NEXT, DiskLoc::NULL)?;
                extent_manager::free_chain(edit, second, last)?;
            }
            self.details().put_extents(edit, first.0, first.0)?;
            self.details().put(edit, LAST_EXTENT_SIZE, head.len)?;
            self.details().clear_deleted_lists(edit)?;
            let room = extent_manager::empty(edit, self.details(), self.ns(), first)?;
            self.recycle(edit, room)?;
        }
        self.details().put_stats(edit, Stats::default())
    }

    /// Gives all extents back to the database: what remains is to kill the namespace's node.
    pub fn drop_extents(&self, edit: &mut impl Edit) -> Result<()> {
        if let Some(first) = self.details().first_extent(edit)? {
            let last = self.last_extent(edit)?;
            extent_manager::free_chain(edit, first, last)?;
        }
        self.details().put_extents(edit, DiskLoc::INVALID, DiskLoc::INVALID)
    }

    fn last_extent(&self, view: &impl View) -> Result<ExtentLoc> {
        let missing = || {
            let rule = "a namespace has a first and a last extent or none";
            Error::corrupt(self.details().loc(), "NamespaceDetails", rule, 0)
        };
        self.details().last_extent(view)?.ok_or_else(missing)
    }
}
