//! Random operations under every sizing policy, against a map from place to bytes.

use super::support::{Model, TestDb};
use crate::disk_loc::RecordLoc;
use crate::format::namespace::details::USER_FLAGS;
use crate::rounds::{met_more_than, rounds};
use crate::store::{RecordStore, SizingPolicy, StoreOptions};

fn data(rng: &mut oorandom::Rand32, len: usize) -> Vec<u8> {
    let byte = rng.rand_u32() as u8;
    (0..len).map(|i| byte.wrapping_add(i as u8)).collect()
}

fn random_len(rng: &mut oorandom::Rand32) -> usize {
    match rng.rand_range(0..40) {
        0 => rng.rand_range(4..60_000) as usize,
        1..10 => rng.rand_range(4..40) as usize,
        _ => rng.rand_range(40..1500) as usize,
    }
}

fn any_of(rng: &mut oorandom::Rand32, model: &Model) -> Option<RecordLoc> {
    let n = u32::try_from(model.len()).expect("few").max(1);
    model.keys().nth(rng.rand_range(0..n) as usize).copied()
}

/// One operation on the store and on the model.
fn step(rng: &mut oorandom::Rand32, db: &mut TestDb, store: &RecordStore, model: &mut Model) {
    let chosen = any_of(rng, model);
    match (rng.rand_range(0..100), chosen) {
        (0..45, _) | (_, None) => {
            let len = random_len(rng);
            let data = data(rng, len);
            let loc = store.insert(&mut db.files, &data).expect("room");
            assert!(model.insert(loc, data).is_none(), "{loc} was free");
        }
        (45..70, Some(loc)) => {
            let len = model[&loc].len() * 3 / 2;
            let data = data(rng, len);
            let fits = store.fits(&db.files, loc, len).expect("live");
            let to = match fits {
                true => store.rewrite(&mut db.files, loc, &data).map(|()| loc),
                false => store.relocate(&mut db.files, loc, &data),
            };
            model.remove(&loc);
            assert!(model.insert(to.expect("room"), data).is_none(), "the new place was free");
        }
        (70..99, Some(loc)) => {
            store.remove(&mut db.files, loc).expect("live");
            model.remove(&loc);
        }
        (_, Some(_)) if rng.rand_range(0..10) == 0 => {
            store.truncate(&mut db.files).expect("sound");
            model.clear();
        }
        _ => {}
    }
}

#[test]
fn every_policy_keeps_what_it_is_given() {
    let policies = [
        SizingPolicy::PowerOf2,
        SizingPolicy::Exact,
        SizingPolicy::PaddingFactor { quantized: false },
        SizingPolicy::PaddingFactor { quantized: true },
        SizingPolicy::PowerOf2V2_4,
    ];
    for (i, policy) in policies.into_iter().enumerate() {
        let seed = 0x9ad + i as u64;
        println!("{policy:?}: seed {seed:#x}");
        let mut rng = oorandom::Rand32::new(seed);
        let mut db = TestDb::new(512 << 20);
        let options = StoreOptions { policy, ..StoreOptions::default() };
        let store = db.collection("test.c", options);
        let mut model = Model::new();
        let mut most = 0;
        for round in 0..rounds(4000) {
            step(&mut rng, &mut db, &store, &mut model);
            most = most.max(model.len());
            if round % 200 == 0 {
                db.assert_holds(&store, &model);
                db.assert_extents_tile(&[&store]);
            }
        }
        db.assert_holds(&store, &model);
        assert!(met_more_than(100, most), "{most} records are too few to speak of");
        store.drop_extents(&mut db.files).expect("sound");
        assert!(db.index.kill(&mut db.files, "test.c").expect("sound"));
        db.assert_extents_tile(&[]);
    }
}

#[test]
fn policies_size_records_as_they_did() {
    let lens = |policy, flags| {
        let mut db = TestDb::new(16 << 20);
        let options = StoreOptions { policy, ..StoreOptions::default() };
        let store = db.collection("test.c", options);
        store.details().put(&mut db.files, USER_FLAGS, flags).expect("inside");
        [40, 48, 113, 1000].map(|len| {
            let loc = store.insert(&mut db.files, &vec![1; len]).expect("room");
            store.read(&db.files, loc).expect("live").len
        })
    };
    assert_eq!(lens(SizingPolicy::PowerOf2, 1), [64, 64, 256, 1024]);
    assert_eq!(lens(SizingPolicy::PowerOf2, 2), [56, 64, 132, 1016], "noPadding");
    assert_eq!(lens(SizingPolicy::Exact, 2), [56, 64, 132, 1016]);
    let exact_fit = SizingPolicy::PaddingFactor { quantized: false };
    assert_eq!(lens(exact_fit, 0), [56, 64, 132, 1016]);
    let quantized = SizingPolicy::PaddingFactor { quantized: true };
    assert_eq!(lens(quantized, 0), [56, 64, 144, 1024]);
    assert_eq!(lens(SizingPolicy::PowerOf2V2_4, 1), [64, 128, 256, 1024]);
}

#[test]
fn moves_raise_the_factor_and_inserts_lower_it() {
    let mut db = TestDb::new(64 << 20);
    let policy = SizingPolicy::PaddingFactor { quantized: false };
    let store = db.collection("test.c", StoreOptions { policy, ..StoreOptions::default() });
    let mut loc = store.insert(&mut db.files, &[0; 100]).expect("room");
    for move_no in 1..=8 {
        loc = store.relocate(&mut db.files, loc, &vec![0; 100 + 50 * move_no]).expect("room");
    }
    // Of the 8 moves the 4th and the 7th count, + 0.003 each. Of the 9 inserts, too: the 4th
    // found the factor at 1 and left it there, the 7th takes 0.001.
    let factor = store.details().padding_factor(&db.files).expect("read");
    assert!((factor - 1.005).abs() < 1e-9, "{factor}");
    store.truncate(&mut db.files).expect("sound");
    let loc = store.insert(&mut db.files, &[0; 484]).expect("room");
    assert_eq!(store.read(&db.files, loc).expect("live").len, 504, "502.5, in fours");
}

#[test]
fn two_x_moves_into_the_place_it_leaves() {
    for (policy, same) in
        [(SizingPolicy::PaddingFactor { quantized: true }, true), (SizingPolicy::Exact, false)]
    {
        let mut db = TestDb::new(16 << 20);
        let store = db.collection("test.c", StoreOptions { policy, ..StoreOptions::default() });
        let loc = store.insert(&mut db.files, &[1; 1000]).expect("room");
        store.insert(&mut db.files, &[2; 100]).expect("room");
        let to = store.relocate(&mut db.files, loc, &[3; 900]).expect("room");
        assert_eq!(to == loc, same, "{policy:?}");
    }
}
