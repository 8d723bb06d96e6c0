//! The search for room as 2.2 – 2.6 made it: the best of the first few that fit (format, §6.6).
//!
//! The lists stay those of 3.x, so that the files are valid for it. Lists 0–17 are the same in
//! both. The last list of 2.x, for 4 MiB and more, is here lists 18–25 read one after the other;
//! within it a record is thus found by class of size first, by age second. The legacy list is
//! drained as 3.x does, one record per search.
//!
//! B1. At most 30 links of one list are looked at before the next list, so that long lists of
//!     small holes cost a bounded time.
//! B2. What is left after a split is at least [`SPLIT_MIN`] bytes, or stays with the record.

use crate::disk::Edit;
use crate::disk_loc::FileNo;
use crate::error::Result;
use crate::store::deleted_lists;
use crate::store::namespace_details::NamespaceDetails;
use crate::store::padding::{BUCKETS, LAST_BUCKET_2X, bucket_2x, sixteenth};
use crate::store::record::DeletedRecord;

/// Shortest rest that 2.x makes a deleted record of, bytes.
const SPLIT_MIN: i32 = 24;
/// Links looked at after the first that fits.
const LOOKS_AFTER_HIT: u32 = 4;
/// Links looked at in one list without a hit.
const LOOKS: u32 = 30;

/// Where the versions differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BestFit {
    /// 2.4: an exact match ends the search.
    pub stops_at_exact: bool,
    /// 2.4, ordinary collections: records grow to a sixteenth of their bucket where there is
    /// room.
    pub quantized: bool,
}

/// A deleted record with its place in a list.
#[derive(Debug, Clone, Copy)]
struct Found {
    list: usize,
    before: Option<DeletedRecord>,
    record: DeletedRecord,
}

impl BestFit {
    /// Room for a record of `len` bytes, a multiple of 4; `None` if there is none. The answer is
    /// as long as the record is to be.
    pub fn allocate(
        self,
        edit: &mut impl Edit,
        details: NamespaceDetails,
        len: i32,
    ) -> Result<Option<DeletedRecord>> {
        deleted_lists::drain_legacy(edit, details)?;
        let Some(found) = self.search(edit, details, len)? else {
            return Ok(None);
        };
        deleted_lists::unlink(edit, details, found.list, found.before, &found.record)?;
        let mut record = found.record;
        if let Some(kept) = self.split_at(record.len, len) {
            let rest = record.rest(kept);
            rest.stamp(edit)?;
            deleted_lists::push(edit, details, rest)?;
            record.len = kept;
        }
        Ok(Some(record))
    }

    /// How much of `found` bytes a record of `len` keeps; `None`: all of it.
    fn split_at(self, found: i32, len: i32) -> Option<i32> {
        let left = found - len;
        if left < SPLIT_MIN || left < len / 8 {
            return None;
        }
        let kept = if self.quantized { sixteenth(len).min(found) } else { len };
        (found - kept >= SPLIT_MIN).then_some(kept)
    }

    fn search(
        self,
        edit: &mut impl Edit,
        details: NamespaceDetails,
        len: i32,
    ) -> Result<Option<Found>> {
        for list in bucket_2x(len)..=LAST_BUCKET_2X {
            let found = match list {
                LAST_BUCKET_2X => self.search_large(edit, details, len)?,
                _ => self.search_lists(edit, details, len, list..list + 1, LOOKS)?,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// The last list of 2.x has no next one to go to: it is searched to its end. No more records
    /// of 4 MiB fit the files than `looks`; a longer walk is a circle.
    fn search_large(
        self,
        edit: &mut impl Edit,
        details: NamespaceDetails,
        len: i32,
    ) -> Result<Option<Found>> {
        let bytes: u64 = (0..edit.file_count()).map(|no| edit.file_len(FileNo(no))).sum();
        let looks = (bytes >> 22) as u32 + 1;
        self.search_lists(edit, details, len, LAST_BUCKET_2X..BUCKETS, looks)
    }

    /// The best fit among the first `looks` links of `lists`.
    fn search_lists(
        self,
        edit: &impl Edit,
        details: NamespaceDetails,
        len: i32,
        lists: std::ops::Range<usize>,
        mut looks: u32,
    ) -> Result<Option<Found>> {
        let mut best: Option<Found> = None;
        for list in lists {
            let (mut at, mut before) = (details.deleted_list(edit, list)?, None);
            while !at.is_null() {
                if looks == 0 {
                    return Ok(best);
                }
                looks -= 1;
                let record = DeletedRecord::read(edit, at)?;
                let fits = record.len >= len;
                if fits && best.is_none_or(|b| record.len < b.record.len) {
                    if best.is_none() {
                        looks = looks.min(LOOKS_AFTER_HIT);
                    }
                    best = Some(Found { list, before, record });
                    if self.stops_at_exact && record.len == len {
                        return Ok(best);
                    }
                }
                (at, before) = (record.next, Some(record));
            }
        }
        Ok(best)
    }
}
