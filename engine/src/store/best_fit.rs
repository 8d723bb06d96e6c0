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
            deleted_lists::foresee(edit, record.loc, &rest);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::heap_files::HeapFiles;
    use crate::disk_loc::{DiskLoc, RecordLoc};
    use crate::store::tests::support::TestDb;
    use crate::store::{SizingPolicy, StoreOptions};

    const V2_2: BestFit = BestFit { stops_at_exact: false, quantized: false };
    const V2_4: BestFit = BestFit { stops_at_exact: true, quantized: true };

    /// A namespace whose holes have `lens`, those of one list in this order.
    fn holes(lens: &[i32]) -> (HeapFiles, NamespaceDetails) {
        let mut db = TestDb::new(512 << 20);
        let policy = SizingPolicy::Exact;
        let store = db.collection("test.c", StoreOptions { policy, ..StoreOptions::default() });
        let make = |len: &i32| {
            let data = vec![0; *len as usize - 16];
            let loc = store.insert(&mut db.files, &data).expect("room");
            store.insert(&mut db.files, &[0; 4]).expect("room");
            loc
        };
        let made: Vec<RecordLoc> = lens.iter().map(make).collect();
        store.details().clear_deleted_lists(&mut db.files).expect("inside");
        for loc in made.into_iter().rev() {
            store.remove(&mut db.files, loc).expect("live");
        }
        (db.files, store.details())
    }

    /// The length of the hole that is taken for `len`, and of the record made of it.
    fn taken(lens: &[i32], search: BestFit, len: i32) -> Option<(i32, i32)> {
        let (mut files, details) = holes(lens);
        let room = search.allocate(&mut files, details, len).expect("sound")?;
        let lists = (0..BUCKETS).map(|list| details.deleted_list(&files, list).expect("read"));
        let end = room.loc.0.add(room.len);
        let rest = lists
            .filter(|head| !head.is_null())
            .flat_map(|head| deleted_lists::walk(&files, head).map(|r| r.expect("sound")))
            .find(|hole| hole.loc.0 == end);
        Some((room.len + rest.map_or(0, |rest| rest.len), room.len))
    }

    #[test]
    fn takes_the_best_of_the_first_five() {
        let lens = [1020, 900, 800, 700, 612, 600];
        assert_eq!(taken(&lens, V2_2, 600), Some((612, 612)), "the sixth is not looked at");
        assert_eq!(taken(&lens[1..], V2_2, 600), Some((600, 600)));
        assert_eq!(
            taken(&[520, 560, 1020, 700], V2_2, 600),
            Some((700, 600)),
            "misses before a hit are free"
        );
    }

    #[test]
    fn an_exact_match_ends_the_search_in_2_4() {
        let (mut files, details) = holes(&[1000, 1000, 1000]);
        let head = details.deleted_list(&files, 5).expect("read");
        let room = V2_4.allocate(&mut files, details, 1000).expect("sound").expect("fits");
        assert_eq!(room.loc.0, head);
    }

    #[test]
    #[cfg_attr(miri, ignore = "too long")]
    fn thirty_misses_lead_to_the_next_list() {
        let mut lens = vec![520; 30];
        lens.push(1000);
        assert_eq!(taken(&lens, V2_2, 600), None, "the 31st is not looked at");
        assert_eq!(taken(&lens[1..], V2_2, 600), Some((1000, 600)));
        lens.push(2000);
        assert_eq!(taken(&lens, V2_2, 600), Some((2000, 600)), "list 6");
    }

    #[test]
    fn splits_what_is_worth_it() {
        assert_eq!(taken(&[620], V2_2, 600), Some((620, 620)), "20 left");
        assert_eq!(taken(&[672], V2_2, 600), Some((672, 672)), "less than an eighth left");
        assert_eq!(taken(&[676], V2_2, 600), Some((676, 600)));
        assert_eq!(taken(&[124], V2_2, 100), Some((124, 100)), "24 left");
        assert_eq!(taken(&[200], V2_4, 130), Some((200, 144)), "a sixteenth of 256 is 16");
        assert_eq!(taken(&[160], V2_4, 130), Some((160, 160)), "16 left after rounding");
    }

    #[test]
    #[cfg_attr(miri, ignore = "too long")]
    fn large_records_are_found_across_the_lists_of_3_x() {
        let mib = 1 << 20;
        let lens = [5 * mib, 9 * mib];
        assert_eq!(taken(&lens, V2_4, 4 * mib + 4), Some((5 * mib, 4 * mib + mib / 4)));
        assert_eq!(taken(&lens, V2_4, 6 * mib), Some((9 * mib, 6 * mib)));
        assert_eq!(taken(&lens, V2_4, 10 * mib), None);
    }

    #[test]
    #[cfg_attr(miri, ignore = "too long")]
    fn a_circle_of_large_records_ends() {
        let (mut files, details) = holes(&[5 << 20]);
        let head = details.deleted_list(&files, 18).expect("read");
        let record = DeletedRecord::read(&files, head).expect("sound");
        DeletedRecord { next: head, ..record }.write(&mut files).expect("inside");
        assert_eq!(V2_2.allocate(&mut files, details, 6 << 20).expect("ends"), None);
        details.put_deleted_list(&mut files, 18, DiskLoc::NULL).expect("inside");
    }
}
