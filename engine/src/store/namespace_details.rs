//! What the `.ns` file knows of one namespace: typed access to its NamespaceDetails (format,
//! §5.3). Index slots are in [`super::index_slots`], what lists and extents mean elsewhere.
//!
//! N1. A `NamespaceDetails` names a place and holds no bytes: it is as current as the view.

use crate::disk::{Edit, View};
use crate::disk_loc::{DiskLoc, ExtentLoc, FileNo};
use crate::error::{Error, Result};
use crate::format::Field;
use crate::format::namespace::details::{
    CAP_EXTENT, CAP_FIRST_NEW, DATA_SIZE, DELETED_LARGE, DELETED_LEGACY, DELETED_SMALL,
    FIRST_EXTENT, INDEXES, IS_CAPPED, LAST_EXTENT, LAST_EXTENT_SIZE, LEN, MAX_DOCS, N_RECORDS,
    NO_MAX_DOCS, PADDING_FACTOR, USER_FLAGS,
};
use crate::format::namespace::index_details;
use crate::store::padding::BUCKETS;
use crate::store::padding_factor;

const SMALL_LISTS: usize = 18;

/// The place of a namespace's details in the `.ns` file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NamespaceDetails {
    loc: DiskLoc,
}

/// What a namespace is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NewNamespace {
    /// `userFlags`; 0 for index and system namespaces.
    pub user_flags: i32,
    /// Is it capped?
    pub is_capped: bool,
    /// Capped: most documents, if that is limited.
    pub max_docs: Option<i32>,
}

/// How much a namespace holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Data and padding of all live records, bytes; headers do not count.
    pub data_size: i64,
    /// Number of live records.
    pub records: i64,
}

/// How far a capped namespace has come on its way round (format, §9.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CapFirstNew {
    /// It never reached its end.
    NeverLooped,
    /// It has, and wrote nothing yet to the current extent in this pass.
    NoneYet,
    /// The first record written to the current extent in this pass.
    At(DiskLoc),
}

/// The field that holds the head of deleted list `list`.
fn list_field(list: usize) -> Field<DiskLoc> {
    match list {
        0..SMALL_LISTS => DELETED_SMALL.at(list),
        _ => DELETED_LARGE.at(list - SMALL_LISTS),
    }
}

impl NamespaceDetails {
    /// The details at `loc` of the `.ns` file, as the namespace index or a journal names it.
    pub fn at(loc: DiskLoc) -> NamespaceDetails {
        debug_assert!(loc.file_no() == FileNo::NS, "{loc} is no place in the .ns file");
        NamespaceDetails { loc }
    }

    /// Where they are.
    pub fn loc(self) -> DiskLoc {
        self.loc
    }

    /// The bytes of fresh details.
    pub fn fresh(new: NewNamespace) -> [u8; LEN] {
        let mut raw = [0; LEN];
        let null = DiskLoc::NULL;
        for field in [FIRST_EXTENT, LAST_EXTENT, DELETED_LEGACY, CAP_EXTENT] {
            field.put(&mut raw, null);
        }
        for list in 0..BUCKETS {
            list_field(list).put(&mut raw, null);
        }
        for half in 0..2 * (INDEXES.end() - INDEXES.ofs) / index_details::LEN {
            INDEXES.at::<DiskLoc>(half).put(&mut raw, null);
        }
        if new.is_capped {
            // Says that no insert has begun to use the lists as those of a capped namespace.
            list_field(1).put(&mut raw, DiskLoc::INVALID);
        }
        IS_CAPPED.put(&mut raw, i32::from(new.is_capped));
        MAX_DOCS.put(&mut raw, new.max_docs.unwrap_or(NO_MAX_DOCS));
        PADDING_FACTOR.put(&mut raw, 1.0);
        CAP_FIRST_NEW.put(&mut raw, DiskLoc::INVALID);
        USER_FLAGS.put(&mut raw, new.user_flags);
        raw
    }

    /// Reads one field.
    pub fn get<T: crate::format::Wire>(self, view: &impl View, field: Field<T>) -> Result<T> {
        view.get(self.loc, field)
    }

    /// Writes one field.
    pub fn put<T: crate::format::Wire>(
        self,
        edit: &mut impl Edit,
        field: Field<T>,
        value: T,
    ) -> Result<()> {
        edit.put(self.loc, field, value)
    }

    fn extent_at(self, view: &impl View, field: Field<DiskLoc>) -> Result<Option<ExtentLoc>> {
        let loc = self.get(view, field)?;
        // "Invalid" is what a dropped namespace has.
        Ok((!loc.is_null() && !loc.is_invalid()).then_some(ExtentLoc(loc)))
    }

    /// First extent of the chain.
    pub fn first_extent(self, view: &impl View) -> Result<Option<ExtentLoc>> {
        self.extent_at(view, FIRST_EXTENT)
    }

    /// Last extent of the chain.
    pub fn last_extent(self, view: &impl View) -> Result<Option<ExtentLoc>> {
        self.extent_at(view, LAST_EXTENT)
    }

    /// Writes both ends of the chain of extents.
    pub fn put_extents(self, edit: &mut impl Edit, first: DiskLoc, last: DiskLoc) -> Result<()> {
        self.put(edit, FIRST_EXTENT, first)?;
        self.put(edit, LAST_EXTENT, last)
    }

    /// Length of the extent added last, bytes; 0 if there is none.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if it is negative.
    pub fn last_extent_size(self, view: &impl View) -> Result<i32> {
        match self.get(view, LAST_EXTENT_SIZE)? {
            len if len >= 0 => Ok(len),
            len => {
                let rule = "lastExtentSize is not negative";
                Err(Error::corrupt(self.loc, "NamespaceDetails", rule, len))
            }
        }
    }

    /// Head of deleted list `list` (0–25), or null.
    ///
    /// # Panics
    /// If there is no such list.
    pub fn deleted_list(self, view: &impl View, list: usize) -> Result<DiskLoc> {
        let head = self.get(view, list_field(list))?;
        // Files of 2.6 and older have zeros where the lists from 18 on are.
        Ok(if head.is_null_or_unset() { DiskLoc::NULL } else { head })
    }

    /// Replaces the head of deleted list `list`. Panics like [`Self::deleted_list`].
    pub fn put_deleted_list(self, edit: &mut impl Edit, list: usize, head: DiskLoc) -> Result<()> {
        self.put(edit, list_field(list), head)
    }

    /// Head of the last list of 2.6 and older, or null.
    pub fn legacy_list(self, view: &impl View) -> Result<DiskLoc> {
        let head = self.get(view, DELETED_LEGACY)?;
        Ok(if head.is_null_or_unset() { DiskLoc::NULL } else { head })
    }

    /// Replaces the head of the last list of 2.6 and older.
    pub fn put_legacy_list(self, edit: &mut impl Edit, head: DiskLoc) -> Result<()> {
        self.put(edit, DELETED_LEGACY, head)
    }

    /// Forgets all deleted records, those of the legacy list too.
    pub fn clear_deleted_lists(self, edit: &mut impl Edit) -> Result<()> {
        for list in 0..BUCKETS {
            self.put_deleted_list(edit, list, DiskLoc::NULL)?;
        }
        self.put_legacy_list(edit, DiskLoc::NULL)
    }

    /// What the namespace holds, as counted.
    pub fn stats(self, view: &impl View) -> Result<Stats> {
        Ok(Stats { data_size: self.get(view, DATA_SIZE)?, records: self.get(view, N_RECORDS)? })
    }

    /// Replaces what is counted.
    pub fn put_stats(self, edit: &mut impl Edit, stats: Stats) -> Result<()> {
        // Side by side: one write for both, since every insertion and removal makes it.
        const _: () = assert!(DATA_SIZE.end() == N_RECORDS.ofs);
        let mut raw = [0; 16];
        raw[..8].copy_from_slice(&stats.data_size.to_le_bytes());
        raw[8..].copy_from_slice(&stats.records.to_le_bytes());
        edit.write(self.loc.add(DATA_SIZE.ofs as i32), &raw)
    }

    /// Counts records in (or out, where negative).
    pub fn add_stats(self, edit: &mut impl Edit, data_size: i64, records: i64) -> Result<()> {
        let old = self.stats(edit)?;
        let stats = Stats {
            data_size: old.data_size.wrapping_add(data_size),
            records: old.records.wrapping_add(records),
        };
        self.put_stats(edit, stats)
    }

    /// Is the namespace capped?
    pub fn is_capped(self, view: &impl View) -> Result<bool> {
        Ok(self.get(view, IS_CAPPED)? != 0)
    }

    /// Capped: most documents, if that is limited.
    pub fn max_docs(self, view: &impl View) -> Result<Option<i32>> {
        let max = self.get(view, MAX_DOCS)?;
        Ok((max != NO_MAX_DOCS).then_some(max))
    }

    /// The extent being written of a capped namespace.
    pub fn cap_extent(self, view: &impl View) -> Result<Option<ExtentLoc>> {
        self.extent_at(view, CAP_EXTENT)
    }

    /// How far a capped namespace has come.
    pub fn cap_first_new(self, view: &impl View) -> Result<CapFirstNew> {
        Ok(match self.get(view, CAP_FIRST_NEW)? {
            loc if loc.is_invalid() => CapFirstNew::NeverLooped,
            loc if loc.is_null() => CapFirstNew::NoneYet,
            loc => CapFirstNew::At(loc),
        })
    }

    /// Sets how far a capped namespace has come.
    pub fn put_cap_first_new(self, edit: &mut impl Edit, first_new: CapFirstNew) -> Result<()> {
        let loc = match first_new {
            CapFirstNew::NeverLooped => DiskLoc::INVALID,
            CapFirstNew::NoneYet => DiskLoc::NULL,
            CapFirstNew::At(loc) => loc,
        };
        self.put(edit, CAP_FIRST_NEW, loc)
    }

    /// Bit 0 `usePowerOf2Sizes`, bit 1 `noPadding`.
    pub fn user_flags(self, view: &impl View) -> Result<i32> {
        self.get(view, USER_FLAGS)
    }

    /// Replaces these flags.
    pub fn put_user_flags(self, edit: &mut impl Edit, flags: i32) -> Result<()> {
        self.put(edit, USER_FLAGS, flags)
    }

    /// The padding factor of 2.x, made usable.
    pub fn padding_factor(self, view: &impl View) -> Result<f64> {
        Ok(padding_factor::usable(self.get(view, PADDING_FACTOR)?))
    }

    /// Replaces the padding factor.
    pub fn put_padding_factor(self, edit: &mut impl Edit, factor: f64) -> Result<()> {
        self.put(edit, PADDING_FACTOR, factor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::heap_files::HeapFiles;

    fn details(new: NewNamespace) -> (HeapFiles, NamespaceDetails) {
        let mut files = HeapFiles::default();
        files.add(FileNo::NS, 4096);
        let details = NamespaceDetails::at(DiskLoc::new(FileNo::NS, 132));
        files.write(details.loc(), &NamespaceDetails::fresh(new)).expect("inside");
        (files, details)
    }

    #[test]
    fn fresh_details_are_empty() {
        let (files, details) = details(NewNamespace { user_flags: 1, ..Default::default() });
        assert_eq!(details.first_extent(&files).expect("read"), None);
        for list in 0..BUCKETS {
            assert!(details.deleted_list(&files, list).expect("read").is_null());
        }
        assert_eq!(details.stats(&files).expect("read"), Stats::default());
        assert_eq!(details.user_flags(&files).expect("read"), 1);
        assert_eq!(details.max_docs(&files).expect("read"), None);
        assert_eq!(details.cap_first_new(&files).expect("read"), CapFirstNew::NeverLooped);
        assert_eq!(details.padding_factor(&files).expect("read"), 1.0);
        let raw = NamespaceDetails::fresh(NewNamespace::default());
        assert_eq!(raw[192..200], [255, 255, 255, 255, 0, 0, 0, 0], "no index in slot 0");
        assert_eq!(raw[344..352], [255, 255, 255, 255, 0, 0, 0, 0], "nor in slot 9");
    }

    #[test]
    fn lists_of_an_old_file_are_empty() {
        let (mut files, details) = details(NewNamespace::default());
        files.write(details.loc().add(424), &[0; 64]).expect("inside");
        files.write(details.loc().add(160), &[0; 8]).expect("inside");
        for list in 0..BUCKETS {
            assert!(details.deleted_list(&files, list).expect("read").is_null(), "{list}");
        }
        assert!(details.legacy_list(&files).expect("read").is_null());
    }

    #[test]
    fn capped_lists_begin_invalid() {
        let new = NewNamespace { is_capped: true, max_docs: Some(7), ..Default::default() };
        let (files, details) = details(new);
        assert!(details.deleted_list(&files, 1).expect("read").is_invalid());
        assert!(details.deleted_list(&files, 0).expect("read").is_null());
        assert!(details.is_capped(&files).expect("read"));
        assert_eq!(details.max_docs(&files).expect("read"), Some(7));
    }

    #[test]
    fn lists_do_not_overlap() {
        let (mut files, details) = details(NewNamespace::default());
        let head = |list| DiskLoc { file: 0, ofs: 0x2000 + 16 * list as i32 };
        for list in 0..BUCKETS {
            details.put_deleted_list(&mut files, list, head(list)).expect("inside");
        }
        for list in 0..BUCKETS {
            assert_eq!(details.deleted_list(&files, list).expect("read"), head(list));
        }
        assert!(details.legacy_list(&files).expect("read").is_null());
        details.clear_deleted_lists(&mut files).expect("inside");
        assert!((0..BUCKETS).all(|l| details.deleted_list(&files, l).expect("read").is_null()));
    }
}
