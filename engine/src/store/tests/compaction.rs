//! Compaction moves every record once, and frees what it leaves.

use super::support::{Model, TestDb};
use crate::error::{Error, Reason};
use crate::store::{
    CompactPadding, CompactStep, Compaction, NewNamespace, RecordStore, StoreOptions,
};

/// A collection with holes in several extents. The first four data bytes are the data's length.
fn with_holes() -> (TestDb, RecordStore, Model) {
    let mut rng = oorandom::Rand32::new(0xc0);
    let mut db = TestDb::new(64 << 20);
    let store = db.collection("test.c", StoreOptions::default());
    let mut model = Model::new();
    for _ in 0..600 {
        let len = rng.rand_range(8..900);
        let mut data = vec![len as u8; len as usize];
        data[..4].copy_from_slice(&len.to_le_bytes());
        let loc = store.insert(&mut db.files, &data).expect("room");
        model.insert(loc, data);
    }
    let gone: Vec<_> = model.keys().copied().filter(|_| rng.rand_range(0..3) > 0).collect();
    for loc in gone {
        store.remove(&mut db.files, loc).expect("live");
        model.remove(&loc);
    }
    (db, store, model)
}

fn data_len(data: &[u8]) -> Option<usize> {
    let len = u32::from_le_bytes(data[..4].try_into().expect("4 bytes")) as usize;
    (len >= 8).then_some(len)
}

fn compact(db: &mut TestDb, store: &RecordStore, model: &mut Model, padding: CompactPadding) {
    let mut compaction = Compaction::begin(store, &mut db.files, padding).expect("room");
    loop {
        match compaction.step(store, &mut db.files, data_len).expect("room") {
            CompactStep::Moved { from, to } => {
                let data = model.remove(&from).expect("live");
                assert!(model.insert(to, data).is_none(), "{to} was free");
            }
            CompactStep::Dropped(loc) => drop(model.remove(&loc).expect("live")),
            CompactStep::Freed(_) => {}
            CompactStep::Done => return,
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "too long")]
fn keeps_the_records_and_frees_the_rest() {
    for padding in [
        CompactPadding::Policy,
        CompactPadding::Preserve,
        CompactPadding::Manual { factor: 1.5, extra_len: 10 },
    ] {
        let (mut db, store, mut model) = with_holes();
        let mut before: Vec<Vec<u8>> = model.values().cloned().collect();
        let storage = store.storage_size(&db.files).expect("sound");
        compact(&mut db, &store, &mut model, padding);
        let mut after: Vec<Vec<u8>> = model.values().cloned().collect();
        before.sort();
        after.sort();
        assert!(before == after, "the same documents");
        db.assert_holds(&store, &model);
        db.assert_extents_tile(&[&store]);
        let storage_after = store.storage_size(&db.files).expect("sound");
        assert!(storage_after < storage, "{padding:?}: {storage_after} of {storage} bytes");
        for (loc, data) in &model {
            let len = store.read(&db.files, *loc).expect("live").len as usize;
            if let CompactPadding::Manual { .. } = padding {
                let padded = (data.len() + 16) * 3 / 2 + 10;
                assert!((padded..padded + 35).contains(&len), "{len} for {padded}");
            }
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "too long")]
fn drops_what_has_no_length() {
    let (mut db, store, mut model) = with_holes();
    let loc = *model.keys().next().expect("some");
    store.rewrite(&mut db.files, loc, &[0; 4]).expect("fits");
    let before = model.len();
    compact(&mut db, &store, &mut model, CompactPadding::Policy);
    assert_eq!(model.len(), before - 1);
    db.assert_holds(&store, &model);
}

#[test]
#[cfg_attr(miri, ignore = "too long")]
fn given_up_half_way_it_leaves_a_note() {
    let (mut db, store, model) = with_holes();
    let mut compaction =
        Compaction::begin(&store, &mut db.files, CompactPadding::Policy).expect("room");
    for _ in 0..5 {
        compaction.step(&store, &mut db.files, data_len).expect("room");
    }
    let report = crate::store::check(&db.files, &store, |_, _| {});
    assert!(report.is_valid(), "{:?}", report.findings);
    assert!(!report.findings.is_empty(), "space in no list");
    assert_eq!(report.objects_found, model.len() as u64);
}

#[test]
fn refuses_a_circle() {
    let mut db = TestDb::new(16 << 20);
    let new = NewNamespace { is_capped: true, ..NewNamespace::default() };
    let store = db.namespace("test.log", new, StoreOptions::default());
    let begun = Compaction::begin(&store, &mut db.files, CompactPadding::Policy);
    let refused = matches!(begun, Err(Error::Refused { reason: Reason::CommandNotSupported, .. }));
    assert!(refused);
}
