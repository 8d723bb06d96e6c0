//! Items 19 to 30: extents, records, deleted records.

use std::collections::BTreeMap;

use crate::reader::{Db, EXTENT_HEADER_LEN, Extent, INVALID, Loc, NULL, Node, Record};

const BOUNDS: [i32; 26] = [
    32,
    64,
    128,
    256,
    512,
    1024,
    2048,
    4096,
    8192,
    16_384,
    32_768,
    65_536,
    131_072,
    262_144,
    524_288,
    1_048_576,
    2_097_152,
    4_194_304,
    6_291_456,
    8_388_608,
    10_485_760,
    12_582_912,
    14_680_064,
    17_301_504,
    17_301_505,
    2_147_483_647,
];

/// Checks every namespace. Compacting leaves `capExtent` as it was, which harms nothing.
pub fn check(db: &Db, compacted: bool) {
    for node in db.nodes().iter().filter(|node| !node.name().contains("$extr")) {
        check_namespace(db, node, compacted);
    }
}

fn check_namespace(db: &Db, node: &Node, compacted: bool) {
    let name = node.name();
    let details = db.details(node);
    let extents = db.extents_from(details.first_extent());
    let last = extents.last().map_or(NULL, |extent| extent.loc);
    assert_eq!(details.last_extent(), last, "item 19: lastExtent of {name}");
    let last_len = extents.last().map_or(0, |extent| extent.len);
    assert_eq!(details.last_extent_size(), last_len, "lastExtentSize of {name}");

    let mut in_use: BTreeMap<Loc, Record> = BTreeMap::new();
    let (mut count, mut size) = (0, 0);
    for extent in &extents {
        let (first, last) = (extent.first_record, extent.last_record);
        assert_eq!(first.is_null(), last.is_null(), "item 20: records of {}", extent.loc);
        for record in db.records(extent) {
            assert_eq!(record.extent_ofs, extent.loc.ofs, "item 21: extentOfs of {}", record.loc);
            assert!(record.next == -1 || record.next >= 8192, "item 20: nextOfs {}", record.next);
            count += 1;
            size += i64::from(record.len - 16);
            assert!(in_use.insert(record.loc, record).is_none(), "{} is met once", record.loc);
        }
    }
    assert_eq!((details.records(), details.data_size()), (count, size), "item 25: {name}");
    if !details.is_capped() {
        check_deleted_lists(db, node, &mut in_use);
        let cap = (details.cap_extent(), details.cap_first_new_record());
        if !compacted {
            assert_eq!(cap, (details.first_extent(), INVALID), "item 29: {name}");
        }
    } else {
        crate::capped::deleted_list(db, &details).into_iter().for_each(|(_, deleted)| {
            let before = in_use.insert(deleted.loc, deleted);
            assert!(before.is_none(), "item 23: {} is in use and deleted", deleted.loc);
        });
    }
    // The space of dropped specifications is lost, and zeroed.
    let has_holes = name.ends_with(".system.indexes");
    extents.iter().for_each(|extent| check_tiling(db, name, extent, &in_use, has_holes));
}

fn check_deleted_lists(db: &Db, node: &Node, in_use: &mut BTreeMap<Loc, Record>) {
    let name = node.name();
    let details = db.details(node);
    assert!(details.grab_bag().is_null(), "item 27: {name} has nothing in the bag of 2.x");
    for list in 0..26 {
        let mut loc = details.deleted_list(list);
        assert_ne!(loc, Loc { file: 0, ofs: 0 }, "item 26: head of list {list} of {name}");
        while !loc.is_null() {
            let record = db.record(loc);
            let lowest = if list == 0 { 24 } else { BOUNDS[list - 1] };
            assert!(
                (lowest..BOUNDS[list]).contains(&record.len),
                "item 24: {} bytes at {loc} in list {list} of {name}",
                record.len
            );
            let before = in_use.insert(loc, record);
            assert!(before.is_none(), "item 23: {loc} is listed once, and no record, of {name}");
            // nextDeleted lies where a record has nextOfs and prevOfs.
            loc = Loc { file: record.next, ofs: record.prev };
        }
    }
}

/// Records and deleted records lie one after the other, from the first place of the extent to
/// its end.
fn check_tiling(
    db: &Db,
    name: &str,
    extent: &Extent,
    in_use: &BTreeMap<Loc, Record>,
    has_holes: bool,
) {
    let is_index = name.contains('$');
    let is_large = extent.len - EXTENT_HEADER_LEN >= 32_768;
    let first = if is_index && is_large { 4096 } else { EXTENT_HEADER_LEN };
    let (mut at, end) = (extent.loc.ofs + first, extent.loc.ofs + extent.len);
    let within = in_use.range(extent.loc..extent.loc.at(end)).map(|(_, record)| record);
    for record in within {
        assert_eq!(record.extent_ofs, extent.loc.ofs, "item 21: extentOfs of {}", record.loc);
        assert_eq!(record.len % 4, 0, "item 22: length of {}", record.loc);
        let hole = &db.at(extent.loc.at(at))[..(record.loc.ofs - at).max(0) as usize];
        let is_lost = has_holes && hole.iter().all(|b| *b == 0);
        assert!(record.loc.ofs == at || is_lost, "items 22, 30: {at:x} of {name}: {record:x?}");
        at = record.loc.ofs + record.len;
    }
    assert_eq!(at, end, "item 22: the extent {} of {name} is used up", extent.loc);
}
