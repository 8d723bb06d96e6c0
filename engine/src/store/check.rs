//! Checks a namespace byte by byte: chains, lists, counts, and that every byte of every extent
//! is in exactly one record (format, §12.3). Reads only; documents and indexes are checked by
//! the layers above.
//!
//! V1. Whatever the bytes are, a check ends, in time and memory proportional to the extents, and
//!     answers a report.
//! V2. A sound namespace has no finding that is an error.
//!
//! Not errors: the page before an index extent's first bucket; zeroed specifications of dropped
//! indexes; gaps, which a compaction given up leaves (a note).

use std::collections::{HashMap, HashSet};

use crate::disk::View;
use crate::disk_loc::{DiskLoc, ExtentLoc, RecordLoc};
use crate::error::{Error, Result};
use crate::format::extent as extent_format;
use crate::limits::EXTENT_LEN_MIN;
use crate::store::check_capped::check_capped;
use crate::store::check_report::{CheckReport, ExtentDump, Problem};
use crate::store::deleted_lists::walk;
use crate::store::extent::{self, Extent};
use crate::store::extent_manager;
use crate::store::padding::{BUCKETS, bucket, quantize};
use crate::store::record::{DeletedRecord, RecordHeader};
use crate::store::record_scan::{Direction, neighbour};
use crate::store::record_store::{RecordStore, is_system_indexes};

/// A record's place within its extent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Span {
    ofs: i32,
    len: i32,
    is_deleted: bool,
}

/// A check under way: what was met so far.
struct Check<'v, V> {
    view: &'v V,
    ns: &'v str,
    extents: Vec<Extent>,
    /// Number of an extent in `extents`.
    numbers: HashMap<ExtentLoc, usize>,
    /// Deleted records in the order of the lists.
    deleted: Vec<DeletedRecord>,
    seen: HashSet<RecordLoc>,
    report: CheckReport,
}

/// Checks the namespace of `store`. `on_record` gets every live record and its bytes, in the
/// order of the chains.
pub fn check<'v, V: View>(
    view: &'v V,
    store: &'v RecordStore,
    on_record: impl FnMut(RecordLoc, &'v [u8]),
) -> CheckReport {
    let mut check = Check {
        view,
        ns: store.ns(),
        extents: Vec::new(),
        numbers: HashMap::new(),
        deleted: Vec::new(),
        seen: HashSet::new(),
        report: CheckReport::default(),
    };
    if let Err(error) = check.run(store, on_record) {
        check.report.error(Problem::Broken(error));
    }
    check.report
}

impl<'v, V: View> Check<'v, V> {
    fn run(
        &mut self,
        store: &RecordStore,
        mut on_record: impl FnMut(RecordLoc, &'v [u8]),
    ) -> Result<()> {
        let details = store.details();
        self.report.stats = details.stats(self.view)?;
        self.report.is_capped = details.is_capped(self.view)?;
        self.report.max_docs = details.max_docs(self.view)?;
        self.report.last_extent_size = details.last_extent_size(self.view)?;
        self.check_extents(store)?;
        match self.report.is_capped {
            true => self.collect_capped(store)?,
            false => self.collect_deleted(store)?,
        }
        self.check_records(&mut on_record);
        self.check_counts();
        if self.report.is_capped {
            let (numbers, deleted) = (&self.numbers, &self.deleted);
            check_capped(self.view, details, numbers, deleted, &mut self.report)?;
        }
        Ok(())
    }

    fn check_extents(&mut self, store: &RecordStore) -> Result<()> {
        for extent in store.extents(self.view)? {
            let extent = match extent {
                Ok(extent) => extent,
                Err(error) => {
                    self.report.error(Problem::Broken(error));
                    break;
                }
            };
            if extent.len < EXTENT_LEN_MIN {
                self.report.error(Problem::ShortExtent(extent.loc));
            }
            self.report.extents.push(dump(self.view, &extent)?);
            self.numbers.insert(extent.loc, self.extents.len());
            self.extents.push(extent);
        }
        let or_null = |loc: Option<ExtentLoc>| loc.map_or(DiskLoc::NULL, ExtentLoc::loc);
        let recorded = or_null(store.details().last_extent(self.view)?);
        let found = or_null(self.extents.last().map(|e| e.loc));
        if recorded != found {
            self.report.error(Problem::LastExtent { recorded, found });
        }
        Ok(())
    }

    fn collect_deleted(&mut self, store: &RecordStore) -> Result<()> {
        for list in 0..BUCKETS {
            let head = store.details().deleted_list(self.view, list)?;
            let (count, size) = self.collect_list(head, Some(list));
            self.report.del_bucket_sizes[list] = count;
            self.report.deleted_count += count;
            self.report.deleted_size += size;
        }
        let legacy = store.details().legacy_list(self.view)?;
        self.collect_list(legacy, None);
        Ok(())
    }

    /// List 0 has all; what follows the record that list 1 names is counted twice, as mongod
    /// does.
    fn collect_capped(&mut self, store: &RecordStore) -> Result<()> {
        let details = store.details();
        let (mut count, mut size) = self.collect_list(details.deleted_list(self.view, 0)?, None);
        self.report.del_bucket_sizes[0] = count;
        let before = details.deleted_list(self.view, 1)?;
        let at = self.deleted.iter().position(|record| record.loc.0 == before);
        let again = at.map_or(&[][..], |at| &self.deleted[at..]);
        self.report.del_bucket_sizes[1] = again.len() as u64;
        count += again.len() as u64;
        size += again.iter().map(|record| record.len as u64).sum::<u64>();
        self.report.deleted_count = count;
        self.report.deleted_size = size;
        Ok(())
    }

    /// Follows one list to its end. Answers how many records it has, and their bytes.
    fn collect_list(&mut self, head: DiskLoc, list: Option<usize>) -> (u64, u64) {
        let (mut count, mut size) = (0, 0);
        for record in walk(self.view, head) {
            let record = match record {
                Ok(record) => record,
                Err(error) => {
                    self.report.error(Problem::Broken(error));
                    break;
                }
            };
            if !self.seen.insert(record.loc) {
                self.report.error(Problem::ListedTwice(record.loc));
                break;
            }
            let belongs = bucket(record.len);
            if let Some(list) = list.filter(|list| *list != belongs) {
                self.report.error(Problem::WrongList { at: record.loc, list, belongs });
            }
            count += 1;
            size += record.len as u64;
            self.deleted.push(record);
        }
        (count, size)
    }

    fn check_records(&mut self, on_record: &mut impl FnMut(RecordLoc, &'v [u8])) {
        let mut spans: Vec<Vec<Span>> = vec![Vec::new(); self.extents.len()];
        for hole in &self.deleted {
            let loc = hole.loc.extent(hole.extent_ofs);
            let span = Span { ofs: hole.loc.0.ofs, len: hole.len, is_deleted: true };
            match self.numbers.get(&loc) {
                Some(number) => spans[*number].push(span),
                None => self.report.error(Problem::ForeignExtent(hole.loc)),
            }
        }
        let mut before = DiskLoc::MIN;
        let mut inversions = 0;
        for (extent, mut spans) in self.extents.clone().iter().zip(spans) {
            let walked = self.walk_extent(extent, |loc, header, data| {
                inversions += u64::from(loc.0 < before);
                before = loc.0;
                spans.push(Span { ofs: loc.0.ofs, len: header.len, is_deleted: false });
                on_record(loc, data);
            });
            if let Err(error) = walked {
                // The rest of the chain is unknown: its bytes would all be gaps.
                self.report.error(Problem::Broken(error));
                continue;
            }
            spans.sort_unstable();
            self.check_tiling(extent, &spans);
        }
        self.report.capped_out_of_order = self.report.is_capped.then_some(inversions);
    }

    fn walk_extent(
        &mut self,
        extent: &Extent,
        mut on_record: impl FnMut(RecordLoc, &RecordHeader, &'v [u8]),
    ) -> Result<()> {
        let mut at = extent.enter(self.view, Direction::Forward)?;
        let mut last = None;
        while let Some(loc) = at {
            let header = RecordHeader::read(self.view, loc)?;
            let data = self.view.bytes(loc.data(), header.len_net())?;
            self.report.objects_found += 1;
            self.report.quantized += u64::from(quantize(header.len) == header.len);
            self.report.bytes_with_headers += header.len as u64;
            self.report.bytes_without_headers += header.len_net() as u64;
            on_record(loc, &header, data);
            last = at;
            at = neighbour(self.view, loc, &header, Direction::Forward)?;
        }
        if last != extent.last_record() {
            let rule = "the last record of an extent is the end of its chain";
            let found = last.map_or(DiskLoc::NULL, RecordLoc::loc).record_id();
            return Err(Error::corrupt(extent.loc, "Extent", rule, found));
        }
        Ok(())
    }

    fn check_tiling(&mut self, extent: &Extent, spans: &[Span]) {
        let header = extent_format::LEN as i32;
        let (spot, _) = extent.first_spot(self.ns, self.report.is_capped);
        let mut covered = extent.loc.0.ofs + header;
        if spans.first().is_some_and(|first| first.ofs >= spot.0.ofs) {
            covered = spot.0.ofs;
        }
        let mut before: Option<Span> = None;
        for span in spans {
            let at = extent.loc.record(span.ofs);
            if span.ofs < covered {
                let same = before.is_some_and(|b| b.ofs == span.ofs);
                let mixed = before.is_some_and(|b| b.is_deleted != span.is_deleted);
                self.report.error(match same && mixed {
                    true => Problem::LiveAndDeleted(at),
                    false => Problem::Overlap { at, by: covered - span.ofs },
                });
            }
            self.check_gap(extent, covered, span.ofs);
            covered = covered.max(span.ofs + span.len);
            before = Some(*span);
        }
        self.check_gap(extent, covered, extent.end());
    }

    /// Notes bytes that are in no record.
    fn check_gap(&mut self, extent: &Extent, from: i32, to: i32) {
        if from >= to {
            return;
        }
        let (at, len) = (extent.loc.record(from).0, to - from);
        let zeros = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0);
        let is_dropped_index =
            is_system_indexes(self.ns) && self.view.bytes(at, len as usize).is_ok_and(zeros);
        if !is_dropped_index {
            self.report.note(Problem::Gap { at, len });
        }
    }

    fn check_counts(&mut self) {
        let counts = [
            ("nrecords", self.report.stats.records, self.report.objects_found),
            ("datasize", self.report.stats.data_size, self.report.bytes_without_headers),
        ];
        for (what, recorded, found) in counts {
            let found = found as i64;
            if recorded != found {
                self.report.error(Problem::Count { what, recorded, found });
            }
        }
    }
}

fn dump(view: &impl View, extent: &Extent) -> Result<ExtentDump> {
    let record = |loc: Option<RecordLoc>| loc.map_or(DiskLoc::NULL, RecordLoc::loc);
    let link = |loc: Option<ExtentLoc>| loc.map_or(DiskLoc::NULL, ExtentLoc::loc);
    Ok(ExtentDump {
        loc: extent.loc,
        next: link(extent.next),
        prev: link(extent.prev),
        ns_diagnostic: extent::ns_diagnostic(view, extent.loc)?,
        len: extent.len,
        first_record: record(extent.first_record()),
        last_record: record(extent.last_record()),
    })
}

/// Checks the list of free extents. Answers their number and bytes, as `dbStats` shows them.
///
/// # Errors
/// [`Error::Corrupt`] where the list breaks.
pub fn check_free_list(view: &impl View) -> Result<(u64, u64)> {
    extent_manager::free_extents(view)?
        .try_fold((0, 0), |(n, size), extent| Ok((n + 1, size + extent?.len as u64)))
}
