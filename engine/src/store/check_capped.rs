//! What a check of a capped namespace asks beyond that of any other (format, §9.2): the one
//! list in the order of the extents, and how far the circle has come.

use std::collections::{HashMap, HashSet};

use crate::disk::View;
use crate::disk_loc::{DiskLoc, ExtentLoc, RecordLoc};
use crate::error::Result;
use crate::store::check_report::{CheckReport, Problem};
use crate::store::namespace_details::{CapFirstNew, NamespaceDetails};
use crate::store::padding::BUCKETS;
use crate::store::record::{DeletedRecord, RecordHeader};

/// Inversions of a namespace that never looped which mongod tolerates.
const INVERSIONS_MAX: u64 = 1;

/// Checks `deleted`, the records of list 0 in its order, and the state of the circle. `numbers`
/// numbers the extents in the order of their chain.
pub fn check_capped(
    view: &impl View,
    details: NamespaceDetails,
    numbers: &HashMap<ExtentLoc, usize>,
    deleted: &[DeletedRecord],
    report: &mut CheckReport,
) -> Result<()> {
    // As far as they are known: a foreign extent was found wrong before.
    let places: Vec<(usize, &DeletedRecord)> = deleted
        .iter()
        .filter_map(|r| Some((*numbers.get(&r.loc.extent(r.extent_ofs))?, r)))
        .collect();
    for pair in places.windows(2).filter(|pair| pair[1].0 < pair[0].0) {
        report.error(Problem::ListOrder(pair[1].1.loc));
    }
    let with_hole: HashSet<usize> = places.iter().map(|(number, _)| *number).collect();
    let mut without: Vec<_> = numbers.iter().filter(|(_, n)| !with_hole.contains(n)).collect();
    without.sort_unstable_by_key(|(_, number)| **number);
    for (loc, _) in without {
        report.error(Problem::NoDeletedRecord(*loc));
    }
    for list in 2..BUCKETS {
        if !details.deleted_list(view, list)?.is_null() {
            report.error(Problem::CappedState("a capped namespace has one deleted list"));
        }
    }
    let inversions = report.capped_out_of_order.take();
    let cap_extent = details.cap_extent(view)?;
    let Some((cap_extent, current)) = cap_extent.and_then(|loc| Some((loc, *numbers.get(&loc)?)))
    else {
        report.error(Problem::CappedState("capExtent is one of the namespace's extents"));
        return Ok(());
    };
    let before = details.deleted_list(view, 1)?;
    let expected = places.iter().rfind(|(number, _)| *number < current);
    let expected = expected.map_or(DiskLoc::NULL, |(_, record)| record.loc.0);
    if !before.is_invalid() && before != expected {
        let rule = "list 1 is the last deleted record before those of capExtent";
        report.error(Problem::CappedState(rule));
    }
    match details.cap_first_new(view)? {
        CapFirstNew::NeverLooped => {
            report.capped_out_of_order = inversions;
            if let Some(n) = inversions.filter(|n| *n > INVERSIONS_MAX) {
                report.error(Problem::OutOfOrder(n));
            }
        }
        CapFirstNew::NoneYet => {}
        CapFirstNew::At(loc) => {
            let record = RecordLoc(loc);
            if RecordHeader::read(view, record)?.extent(record) != cap_extent {
                let rule = "capFirstNewRecord is a record of capExtent";
                report.error(Problem::CappedState(rule));
            }
        }
    }
    Ok(())
}
