//! The deleted lists of a namespace as 3.x keeps them: where holes are put, and how room for a
//! record is taken from the heads (format, §6.1, §6.3). Capped namespaces keep theirs otherwise
//! ([`super::capped`]); the search of 2.x is in [`super::best_fit`].
//!
//! L1. A deleted record of `len` bytes stands in list `bucket(len)` and in no other.
//! L2. What is left after a split is at least [`SPLIT_MIN`] bytes, or stays with the record.

use crate::disk::{Edit, View};
use crate::disk_loc::{DiskLoc, RecordLoc};
use crate::error::Result;
use crate::store::namespace_details::NamespaceDetails;
use crate::store::padding::{BUCKETS, bucket};
use crate::store::record::DeletedRecord;

/// Shortest rest that 3.x makes a deleted record of, bytes.
const SPLIT_MIN: i32 = 32;
/// Bytes of a hole that are made ready to be written at once.
const WINDOW: i32 = 64 << 10;

/// Puts a deleted record in front of its list.
pub fn push(
    edit: &mut impl Edit,
    details: NamespaceDetails,
    mut record: DeletedRecord,
) -> Result<()> {
    let list = bucket(record.len);
    record.next = details.deleted_list(edit, list)?;
    record.write(edit)?;
    details.put_deleted_list(edit, list, record.loc.0)
}

/// Moves one deleted record from the last list of 2.6 to the list where it belongs.
pub fn drain_legacy(edit: &mut impl Edit, details: NamespaceDetails) -> Result<()> {
    let head = details.legacy_list(edit)?;
    if head.is_null() {
        return Ok(());
    }
    let record = DeletedRecord::read(edit, head)?;
    details.put_legacy_list(edit, record.next)?;
    push(edit, details, record)
}

/// Room for a record of `len` bytes, a multiple of 4, taken from the lists; `None` if no head
/// has it. The answer is as long as the record is to be: `len`, or a little more.
pub fn allocate(
    edit: &mut impl Edit,
    details: NamespaceDetails,
    len: i32,
) -> Result<Option<DeletedRecord>> {
    drain_legacy(edit, details)?;
    for list in bucket(len)..BUCKETS {
        let head = details.deleted_list(edit, list)?;
        if head.is_null() {
            continue;
        }
        let mut record = DeletedRecord::read(edit, head)?;
        if record.len < len {
            continue;
        }
        details.put_deleted_list(edit, list, record.next)?;
        if record.len - len >= SPLIT_MIN {
            let rest = record.rest(len);
            foresee(edit, record.loc, &rest);
            push(edit, details, rest)?;
            record.len = len;
        }
        return Ok(Some(record));
    }
    Ok(None)
}

/// A record at `loc` is cut off a hole, of which `rest` is left to those that follow. Where the
/// rest begins in another window than the record, its pages there are made ready to be written:
/// each window of a hole once, as it is used up from its start.
pub fn foresee(edit: &mut impl Edit, loc: RecordLoc, rest: &DeletedRecord) {
    let (start, end) = ahead(loc.0.ofs, rest.loc.0.ofs, rest.len);
    if start < end {
        edit.foresee(DiskLoc::new(loc.0.file_no(), start), (end - start) as usize);
    }
}

/// What is made ready when a record at `ofs` leaves `rest_len` bytes at `rest_ofs`.
fn ahead(ofs: i32, rest_ofs: i32, rest_len: i32) -> (i32, i32) {
    let window_end = |ofs: i32| (ofs / WINDOW + 1).saturating_mul(WINDOW);
    let end = window_end(rest_ofs).min(rest_ofs.saturating_add(rest_len));
    (window_end(ofs), end)
}

/// Takes the deleted record `record` out of list `list`, where it follows `before` (or is the
/// head).
pub fn unlink(
    edit: &mut impl Edit,
    details: NamespaceDetails,
    list: usize,
    before: Option<DeletedRecord>,
    record: &DeletedRecord,
) -> Result<()> {
    match before {
        None => details.put_deleted_list(edit, list, record.next),
        Some(before) => DeletedRecord { next: record.next, ..before }.write(edit),
    }
}

/// The records of one list from `head` on, each checked. The walk does not end by itself if the
/// list is a circle: whoever walks it counts.
pub fn walk<'v, V: View>(
    view: &'v V,
    head: DiskLoc,
) -> impl Iterator<Item = Result<DeletedRecord>> + use<'v, V> {
    let mut next = head;
    std::iter::from_fn(move || {
        let at = std::mem::replace(&mut next, DiskLoc::NULL);
        if at.is_null() {
            return None;
        }
        let record = DeletedRecord::read(view, at);
        if let Ok(record) = &record {
            next = record.next;
        }
        Some(record)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rounds::rounds;

    #[test]
    fn a_hole_is_made_ready_once_from_its_first_whole_window_on() {
        println!("seed 21");
        let mut random = oorandom::Rand32::new(21);
        for _ in 0..rounds(200) {
            let start = 8192 + 4 * random.rand_range(0..1 << 18) as i32;
            let end = start + random.rand_range(1 << 16..1 << 23) as i32;
            let first = (start / WINDOW + 1) * WINDOW;
            let (mut at, mut ready, longest) = (start, first, random.rand_range(100..300_000));
            loop {
                let rest = at + random.rand_range(36..longest) as i32;
                if rest + SPLIT_MIN > end {
                    break;
                }
                let (from, to) = ahead(at, rest, end - rest);
                if from < to {
                    assert_eq!(from, ready, "each window once, and none left out");
                    ready = to;
                }
                assert!(rest < first || ready == end || (1..=WINDOW).contains(&(ready - rest)));
                at = rest;
            }
        }
    }

    #[test]
    fn the_last_window_of_the_longest_file_has_an_end() {
        assert_eq!(ahead(i32::MAX - 9_000, i32::MAX - 100, 100), (i32::MAX, i32::MAX));
    }
}
