//! Damaged files: every answer is a value or a typed error, and every walk ends.

use super::support::TestDb;
use crate::disk::heap_files::HeapFiles;
use crate::disk::{Edit, View};
use crate::disk_loc::{DiskLoc, RecordLoc};
use crate::error::{Error, Result};
use crate::format::{deleted_record, extent, namespace::details, record};
use crate::rounds::{met_more_than, rounds};
use crate::store::check_report::Problem;
use crate::store::{
    CappedExtents, Direction, NewNamespace, RecordScan, RecordStore, StoreOptions, check,
    extent_manager,
};

/// A collection of 30 records with holes among them.
fn collection() -> (TestDb, RecordStore, Vec<RecordLoc>) {
    let mut db = TestDb::new(16 << 20);
    let store = db.collection("test.c", StoreOptions::default());
    let all: Vec<RecordLoc> = (0..40)
        .map(|n| store.insert(&mut db.files, &vec![n; 40 + 20 * n as usize]).expect("room"))
        .collect();
    let (gone, live): (Vec<_>, Vec<_>) = all.into_iter().enumerate().partition(|(n, _)| n % 4 == 1);
    for (_, loc) in gone {
        store.remove(&mut db.files, loc).expect("live");
    }
    (db, store, live.into_iter().map(|(_, loc)| loc).collect())
}

fn is_corrupt<T>(answer: &Result<T>) -> bool {
    matches!(answer, Err(Error::Corrupt { .. }))
}

fn scan_to_the_end(files: &HeapFiles, store: &RecordStore, direction: Direction) -> Result<usize> {
    let mut scan = RecordScan::new(store.details(), direction);
    let mut n = 0;
    while scan.next(files)?.is_some() {
        n += 1;
    }
    Ok(n)
}

#[test]
fn wild_places_are_no_records() {
    let (mut db, store, live) = collection();
    let wild = [
        DiskLoc::NULL,
        DiskLoc::INVALID,
        DiskLoc::ZERO,
        DiskLoc::MAX,
        DiskLoc { file: 0, ofs: -4 },
        DiskLoc { file: 0, ofs: i32::MAX },
        DiskLoc { file: 0, ofs: (16 << 20) - 4 },
        DiskLoc { file: 1, ofs: 0x5000 },
        DiskLoc { file: -7, ofs: 0x5000 },
        live[0].0.add(1),
        live[0].0.add(4),
        live[0].extent(0x4000).0,
        store.details().loc(),
    ];
    for loc in wild.map(RecordLoc) {
        assert!(is_corrupt(&store.read(&db.files, loc)), "{loc}");
        assert!(is_corrupt(&store.remove(&mut db.files, loc)), "{loc}");
        assert!(is_corrupt(&store.rewrite(&mut db.files, loc, &[0; 4])), "{loc}");
    }
    assert!(check(&db.files, &store, |_, _| {}).findings.is_empty(), "nothing was written");
}

#[test]
fn a_deleted_record_is_not_removed_again() {
    let (mut db, store, live) = collection();
    store.remove(&mut db.files, live[3]).expect("live");
    assert!(is_corrupt(&store.remove(&mut db.files, live[3])));
}

#[test]
#[cfg_attr(miri, ignore = "too long")]
fn lies_of_a_record_header() {
    let (clean, store, live) = collection();
    let loc = live[5];
    let lies: [(&str, crate::format::Field<i32>, i32); 9] = [
        ("length 0", record::LENGTH, 0),
        ("length odd", record::LENGTH, 65),
        ("length huge", record::LENGTH, 1 << 20),
        ("length negative", record::LENGTH, i32::MIN),
        ("extent behind it", record::EXTENT_OFS, loc.0.ofs + 4096),
        ("extent nowhere", record::EXTENT_OFS, 4),
        ("next small", record::NEXT_OFS, 0),
        ("next outside", record::NEXT_OFS, 0x7000_0000),
        ("previous itself", record::PREV_OFS, loc.0.ofs),
    ];
    for (lie, field, value) in lies {
        let mut db = clean.clone();
        db.files.put(loc, field, value).expect("inside");
        assert!(is_corrupt(&store.read(&db.files, loc)), "{lie}");
        assert!(is_corrupt(&scan_to_the_end(&db.files, &store, Direction::Forward)), "{lie}");
        assert!(is_corrupt(&scan_to_the_end(&db.files, &store, Direction::Backward)), "{lie}");
        assert!(!check(&db.files, &store, |_, _| {}).is_valid(), "{lie}");
    }
}

#[test]
fn circles_end() {
    let (clean, store, live) = collection();
    // Records: the last one leads back to the first, then to one in the middle.
    let extent = store.extents(&clean.files).expect("sound").next().expect("one").expect("sound");
    let (first, last) = extent.records.expect("some");
    for back_to in [first, live[2]] {
        let mut db = clean.clone();
        db.files.put(last, record::NEXT_OFS, back_to.0.ofs).expect("inside");
        assert!(is_corrupt(&scan_to_the_end(&db.files, &store, Direction::Forward)));
        assert!(!check(&db.files, &store, |_, _| {}).is_valid());
    }
    // Extents: the last one leads back to the first.
    let mut db = clean.clone();
    let extents: Vec<_> = store.extents(&db.files).expect("sound").flatten().collect();
    let (head, tail) = (extents[0], extents[extents.len() - 1]);
    assert_ne!(head.loc, tail.loc);
    db.files.put(tail.loc, extent::NEXT, head.loc.0).expect("inside");
    assert!(is_corrupt(&scan_to_the_end(&db.files, &store, Direction::Forward)));
    assert!(is_corrupt(&store.storage_size(&db.files)));
    assert!(!check(&db.files, &store, |_, _| {}).is_valid());
    // A deleted list leads back to its head.
    let mut db = clean.clone();
    let lists = 0..crate::store::padding::BUCKETS;
    let mut heads = lists.map(|l| store.details().deleted_list(&db.files, l).expect("read"));
    let head = heads.find(|head| !head.is_null()).expect("holes");
    db.files.put(head, deleted_record::NEXT_DELETED, head).expect("inside");
    let report = check(&db.files, &store, |_, _| {});
    let listed_twice = report.findings.iter().any(|f| matches!(f.problem, Problem::ListedTwice(_)));
    assert!(listed_twice, "{:?}", report.findings);
}

#[test]
fn free_list_circles_end() {
    let (mut db, store, _) = collection();
    store.drop_extents(&mut db.files).expect("sound");
    let free: Vec<_> = extent_manager::free_extents(&db.files).expect("sound").flatten().collect();
    let (head, tail) = (free[0], free[free.len() - 1]);
    db.files.put(tail.loc, extent::NEXT, head.loc.0).expect("inside");
    let walked: Result<Vec<_>> =
        extent_manager::free_extents(&db.files).expect("ends are set").collect();
    assert!(is_corrupt(&walked));
}

#[test]
fn findings_name_what_is_wrong() {
    let (clean, store, live) = collection();
    let found = |db: &TestDb, is_it: fn(&Problem) -> bool| {
        let report = check(&db.files, &store, |_, _| {});
        assert!(!report.is_valid());
        let found = report.findings.iter().any(|f| f.is_error && is_it(&f.problem));
        assert!(found, "{:?}", report.findings);
        for finding in &report.findings {
            assert!(!finding.problem.to_string().is_empty());
        }
    };
    let mut db = clean.clone();
    db.files.put(store.details().loc(), details::N_RECORDS, 7).expect("inside");
    found(&db, |p| matches!(p, Problem::Count { what: "nrecords", recorded: 7, found: 30 }));

    let mut db = clean.clone();
    store.details().put_deleted_list(&mut db.files, 2, live[4].0).expect("inside");
    found(&db, |p| matches!(p, Problem::LiveAndDeleted(_) | Problem::Broken(_)));

    let mut db = clean.clone();
    db.files.put(live[0], record::LENGTH, 128).expect("inside");
    found(&db, |p| matches!(p, Problem::Overlap { by: 64, .. }));

    let mut db = clean.clone();
    let hole = store.details().deleted_list(&db.files, 3).expect("read");
    store.details().put_deleted_list(&mut db.files, 3, DiskLoc::NULL).expect("inside");
    store.details().put_deleted_list(&mut db.files, 9, hole).expect("inside");
    found(&db, |p| matches!(p, Problem::WrongList { list: 9, belongs: 3, .. }));
}

/// Everything that reads or writes, on files with random fields overwritten by random or nearly
/// right values: nothing panics, nothing runs for ever.
#[test]
#[cfg_attr(miri, ignore = "too long")]
fn random_damage_is_survived() {
    let seed = 0xda3a9e;
    println!("seed {seed:#x}");
    let mut rng = oorandom::Rand32::new(seed);
    let (clean, store, live) = collection();
    let mut capped = clean.clone();
    let new = NewNamespace { is_capped: true, ..NewNamespace::default() };
    let log = capped.namespace("test.log", new, StoreOptions::default());
    log.create_capped_extents(&mut capped.files, 4096, &CappedExtents::Count(3)).expect("room");
    for n in 0..200 {
        log.insert_capped(&mut capped.files, &[n; 90], |_, _| Ok(())).expect("room");
    }
    let unused = capped.files.get(DiskLoc::ZERO, crate::format::data_file_header::UNUSED);
    let used = unused.expect("inside").ofs as usize;
    let places = [store.details().loc(), log.details().loc()];
    let mut files = capped.files.clone();
    let original = capped.files.bytes(DiskLoc::ZERO, used).expect("inside").to_vec();
    let ns = places.map(|p| capped.files.bytes(p, details::LEN).expect("inside").to_vec());
    let mut failures = 0;
    for _ in 0..rounds(600) {
        files.write(DiskLoc::ZERO, &original).expect("inside");
        for (place, bytes) in places.iter().zip(&ns) {
            files.write(*place, bytes).expect("inside");
        }
        for _ in 0..rng.rand_range(1..6) {
            let ofs = rng.rand_range(0..used as u32 / 4) as i32 * 4;
            let at = match rng.rand_range(0..8) {
                0..2 => places[rng.rand_range(0..2) as usize].add(ofs % 496),
                2..5 => live[rng.rand_range(0..30) as usize].0.add(ofs % 16),
                5 => DiskLoc {
                    file: 0,
                    ofs: (0x2000 + (ofs & 0x3f000) + ofs % 176).min(used as i32 - 8),
                },
                _ => DiskLoc { file: 0, ofs: ofs.min(used as i32 - 8) },
            };
            let value = match rng.rand_range(0..5) {
                0 => rng.rand_u32() as i32,
                1 => rng.rand_range(0..64) as i32 - 8,
                2 => live[rng.rand_range(0..30) as usize].0.ofs,
                3 => (rng.rand_u32() as i32 % used as i32) & !3,
                _ => i32::from_le_bytes(files.bytes(at, 4).expect("in").try_into().expect("4")) ^ 4,
            };
            files.write(at, &value.to_le_bytes()).expect("inside");
        }
        failures += usize::from(exercise(&mut files, &store, &log, &live));
    }
    assert!(met_more_than(250, failures), "damage that nobody notices is no test: {failures}");
}

/// Answers whether anything was found wrong.
fn exercise(
    files: &mut HeapFiles,
    store: &RecordStore,
    log: &RecordStore,
    live: &[RecordLoc],
) -> bool {
    let mut failed = false;
    for store in [store, log] {
        failed |= !check(files, store, |_, _| {}).is_valid();
        failed |= scan_to_the_end(files, store, Direction::Forward).is_err();
        failed |= scan_to_the_end(files, store, Direction::Backward).is_err();
        failed |= store.storage_size(files).is_err();
    }
    for loc in &live[..8] {
        failed |= store.relocate(files, *loc, &[5; 2000]).is_err();
        failed |= store.remove(files, *loc).is_err();
        failed |= store.insert(files, &[6; 200]).is_err();
        failed |= log.insert_capped(files, &[7; 300], |_, _| Ok(())).is_err();
    }
    failed |= store.truncate(files).is_err();
    failed |= log.truncate_capped(files).is_err();
    failed |= store.drop_extents(files).is_err();
    failed
}
