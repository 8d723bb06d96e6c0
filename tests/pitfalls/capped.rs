//! Items 31 to 34: capped collections.

use crate::reader::{Db, Details, Extent, INVALID, Loc, Record};

/// The deleted records of a capped collection, in list order, each with its extent's number.
pub fn deleted_list(db: &Db, details: &Details<'_>) -> Vec<(usize, Record)> {
    let extents = db.extents_from(details.first_extent());
    let mut found = Vec::new();
    let mut loc = details.deleted_list(0);
    while !loc.is_null() {
        let record = db.record(loc);
        let extent = extents.iter().position(|e| holds(e, loc)).expect("in one of its extents");
        found.push((extent, record));
        loc = Loc { file: record.next, ofs: record.prev };
        assert!(found.len() < 100_000, "the list ends");
    }
    found
}

fn holds(extent: &Extent, loc: Loc) -> bool {
    loc.file == extent.loc.file && (extent.loc.ofs..extent.loc.ofs + extent.len).contains(&loc.ofs)
}

pub fn check(db: &Db) {
    for node in db.nodes().iter().filter(|node| !node.name().contains("$extr")) {
        let details = db.details(node);
        if details.is_capped() {
            check_capped(db, node.name(), &details);
        }
    }
}

fn check_capped(db: &Db, name: &str, details: &Details<'_>) {
    let extents = db.extents_from(details.first_extent());
    let deleted = deleted_list(db, details);
    let last_prev = details.deleted_list(1);
    let current = extents.iter().position(|e| e.loc == details.cap_extent());
    let current = current.expect("capExtent is one of the extents");
    let looped = details.cap_first_new_record() != INVALID;
    if last_prev == INVALID {
        assert_eq!(details.records(), 0, "item 31: {name} was written to");
        assert!(!looped && current == 0, "item 31: {name} begins at its first extent");
    } else {
        let before: Vec<_> = deleted.iter().filter(|(extent, _)| *extent < current).collect();
        let expected = before.last().map_or(crate::reader::NULL, |(_, record)| record.loc);
        assert_eq!(last_prev, expected, "item 31: the last deleted record before capExtent");
    }
    assert!((2..26).all(|i| details.deleted_list(i).is_null()), "other lists of {name}");
    let order: Vec<usize> = deleted.iter().map(|(extent, _)| *extent).collect();
    assert!(order.is_sorted(), "the list of {name} follows its extents");
    for (n, extent) in extents.iter().enumerate() {
        let free = deleted.iter().filter(|(at, _)| *at == n).map(|(_, record)| record.len);
        assert!(free.sum::<i32>() >= 24, "item 32: space left in {} of {name}", extent.loc);
        let ascending = n == 0 || extents[n - 1].loc < extent.loc;
        assert!(ascending, "item 34: the extents of {name} ascend");
    }
    check_order(db, name, details, &extents, current);
}

/// The tests insert `_id` 0, 1, 2 …: natural order is that order.
fn check_order(db: &Db, name: &str, details: &Details<'_>, extents: &[Extent], current: usize) {
    let first_new = details.cap_first_new_record();
    let records: Vec<Vec<Loc>> = extents
        .iter()
        .map(|extent| db.records(extent).iter().map(|record| record.loc).collect())
        .collect();
    let mut natural: Vec<Loc> = Vec::new();
    if first_new == INVALID {
        natural.extend(records.iter().flatten());
    } else {
        let here = &records[current];
        let old = match first_new.is_null() {
            true => here.len(),
            false => here.iter().position(|loc| *loc == first_new).expect("item 33: a live record"),
        };
        natural.extend(&here[..old]);
        natural.extend(records[current + 1..].iter().flatten());
        natural.extend(records[..current].iter().flatten());
        natural.extend(&here[old..]);
    }
    let ids: Vec<i32> =
        natural.iter().map(|loc| db.document(*loc).get_i32("_id").expect("_id")).collect();
    let consecutive = ids.windows(2).all(|pair| pair[1] == pair[0] + 1);
    assert!(consecutive, "item 33: natural order of {name}: {ids:?}");
}
