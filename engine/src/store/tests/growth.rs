//! Extents over several files, given back and used again.

use super::support::{Model, TestDb};
use crate::disk::View;
use crate::error::{Error, Reason};
use crate::store::extent_manager::{self, Fit, LOOKS_MAX};
use crate::store::{FileSizes, NewNamespace, StoreOptions};

#[test]
fn asks_for_files_and_spreads_over_them() {
    let mut db = TestDb::new(16 << 20);
    let store = db.collection("test.c", StoreOptions::default());
    let mut model = Model::new();
    let data = vec![9; 500_000];
    for _ in 0..30 {
        let loc = db.with_growth(|files| store.insert(files, &data)).expect("files are added");
        model.insert(loc, data.clone());
    }
    assert_eq!(db.files.file_count(), 2);
    let lens = (0..2).map(|no| db.files.file_len(crate::disk_loc::FileNo(no)) >> 20);
    assert!(lens.eq([16, 32]));
    db.assert_holds(&store, &model);
    db.assert_extents_tile(&[&store]);
}

/// The list is LIFO; an extent is taken if it is 80 to 140 % of what is asked for.
#[test]
fn freed_extents_are_used_again() {
    let mut db = TestDb::new(64 << 20);
    let first = db.collection("test.a", StoreOptions::default());
    for _ in 0..100 {
        first.insert(&mut db.files, &[1; 1000]).expect("room");
    }
    let lens: Vec<i32> =
        first.extents(&db.files).expect("sound").map(|e| e.expect("sound").len).collect();
    assert_eq!(lens, [8192, 32_768, 131_072]);
    first.drop_extents(&mut db.files).expect("sound");
    db.index.kill(&mut db.files, "test.a").expect("sound");
    let free: Vec<i32> = extent_manager::free_extents(&db.files)
        .expect("sound")
        .map(|e| e.expect("sound").len)
        .collect();
    assert_eq!(free, lens, "in the order of the chain");
    let second = db.collection("test.b", StoreOptions::default());
    let reused = second.extents(&db.files).expect("sound").next().expect("one").expect("sound");
    assert_eq!(reused.loc.to_string(), "0:4000", "the extent of test.a");
    second.insert(&mut db.files, &[2; 100]).expect("room");
    db.assert_extents_tile(&[&second]);
}

/// However long the list is, a search ends: what lies beyond is found once what lies before it
/// is used.
#[test]
fn a_search_of_the_free_list_is_bounded() {
    const LARGE: i32 = 1 << 20;
    let take = |db: &mut TestDb, len| {
        extent_manager::allocate(&mut db.files, FileSizes::Small, len, Fit::Loose).expect("room")
    };
    for (small, is_found) in [(LOOKS_MAX - 1, true), (LOOKS_MAX, false)] {
        let mut db = TestDb::new(64 << 20);
        let far = take(&mut db, LARGE);
        let near: Vec<_> = (0..small).map(|_| take(&mut db, 4096)).collect();
        for loc in std::iter::once(far).chain(near) {
            extent_manager::free_one(&mut db.files, loc).expect("sound");
        }
        assert_eq!(take(&mut db, LARGE) == far, is_found, "behind {small}");
        take(&mut db, 4096);
        assert_eq!(take(&mut db, LARGE) == far, !is_found, "behind {}", small - 1);
    }
}

#[test]
fn index_extents_begin_at_a_page() {
    let mut db = TestDb::new(64 << 20);
    let new = NewNamespace::default();
    let buckets = db.namespace("test.c.$_id_", new, StoreOptions::default());
    let mut model = Model::new();
    for n in 0..40 {
        let loc = buckets.insert_len(&mut db.files, 8176, &[n; 22]).expect("room");
        assert_eq!(loc.0.ofs % 4096, 0, "{loc}");
        model.insert(loc, vec![n; 22]);
    }
    let lens = buckets.extents(&db.files).expect("sound").map(|e| e.expect("sound").len);
    assert!(lens.eq([131_072, 524_288]), "15 buckets fit the first");
    db.assert_holds(&buckets, &model);
}

#[test]
fn the_legacy_list_is_drained_one_by_one() {
    let mut db = TestDb::new(256 << 20);
    let store = db.collection("test.c", StoreOptions::default());
    let big = store.insert(&mut db.files, &vec![1; 5 << 20]).expect("room");
    let keep = store.insert(&mut db.files, &[2; 20]).expect("room");
    store.remove(&mut db.files, big).expect("live");
    // As 2.6 kept it: in the 19th list, the new lists never initialised.
    let details = store.details();
    details.put_legacy_list(&mut db.files, big.0).expect("inside");
    details.put_deleted_list(&mut db.files, 19, crate::disk_loc::DiskLoc::ZERO).expect("inside");
    let report = crate::store::check(&db.files, &store, |_, _| {});
    assert!(report.is_valid(), "{:?}", report.findings);
    let small = store.insert(&mut db.files, &[3; 20]).expect("room");
    assert!(details.legacy_list(&db.files).expect("read").is_null());
    assert_eq!(details.deleted_list(&db.files, 19).expect("read"), big.0);
    let again = store.insert(&mut db.files, &vec![4; 5 << 20]).expect("room");
    assert_eq!(again, big);
    let model = Model::from([(keep, vec![2; 20]), (small, vec![3; 20]), (again, vec![4; 5 << 20])]);
    db.assert_holds(&store, &model);
}

#[test]
fn lengths_that_no_record_has_are_refused() {
    let mut db = TestDb::new(64 << 20);
    let store = db.collection("test.c", StoreOptions::default());
    let loc = store.insert(&mut db.files, &[0; 20]).expect("room");
    for len in [0, 3, 17_301_489] {
        let refused = store.insert(&mut db.files, &vec![0; len]);
        let expected = matches!(refused, Err(Error::Refused { reason: Reason::InvalidLength, .. }));
        assert!(expected, "{len}: {refused:?}");
    }
    assert!(store.rewrite(&mut db.files, loc, &[0; 49]).is_err());
    assert_eq!(store.read(&db.files, loc).expect("live").data.len(), 48);
}
