//! Capped namespaces against a queue: order, room, and walks that rest while the circle turns.

use std::collections::VecDeque;

use super::support::TestDb;
use crate::disk::heap_files::HeapFiles;
use crate::disk_loc::RecordLoc;
use crate::error::{Error, Reason};
use crate::rounds::rounds;
use crate::store::{
    CappedExtents, Direction, NewNamespace, RecordScan, RecordStore, StoreOptions, check,
};

fn capped(db: &mut TestDb, size: i64, extents: CappedExtents, max: Option<i32>) -> RecordStore {
    let new = NewNamespace { user_flags: 1, is_capped: true, max_docs: max };
    let store = db.namespace("test.log", new, StoreOptions::default());
    store.create_capped_extents(&mut db.files, size, &extents).expect("room");
    store
}

/// Inserts, popping what goes from the queue; tells `walks`.
fn insert(
    db: &mut TestDb,
    store: &RecordStore,
    queue: &mut VecDeque<(RecordLoc, Vec<u8>)>,
    walks: &mut [RecordScan],
    data: Vec<u8>,
) {
    let files = &mut db.files;
    let loc = store
        .insert_capped(files, &data, |files: &mut HeapFiles, gone| {
            let (oldest, bytes) = queue.pop_front().expect("something to remove");
            assert_eq!(gone, oldest, "the oldest goes first");
            let record = store.read(files, gone).expect("still there");
            assert_eq!(record.data[..bytes.len()], bytes);
            for walk in walks.iter_mut() {
                walk.will_remove(files, gone)?;
            }
            Ok(())
        })
        .expect("room");
    queue.push_back((loc, data));
}

fn assert_is_queue(db: &TestDb, store: &RecordStore, queue: &VecDeque<(RecordLoc, Vec<u8>)>) {
    let order: Vec<RecordLoc> = queue.iter().map(|(loc, _)| *loc).collect();
    assert_eq!(db.scan(store, Direction::Forward), order);
    let mut backward = db.scan(store, Direction::Backward);
    backward.reverse();
    assert_eq!(backward, order);
    let report = check(&db.files, store, |_, _| {});
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    for (loc, data) in queue {
        let record = store.read(&db.files, *loc).expect("live");
        assert_eq!(record.data[..data.len()], *data);
    }
}

#[test]
fn is_a_queue() {
    let shapes = [
        (CappedExtents::Whole, 4096, None),
        (CappedExtents::Whole, 65_536, None),
        (CappedExtents::Whole, 65_536, Some(20)),
        (CappedExtents::Count(3), 8192, None),
        (CappedExtents::Count(4), 8192, Some(7)),
        (CappedExtents::Sizes(vec![4096, 16_384, 8192]), 0, None),
    ];
    for (i, (extents, size, max)) in shapes.into_iter().enumerate() {
        let seed = 0xca9 + i as u64;
        println!("{extents:?} {size} {max:?}: seed {seed:#x}");
        let mut rng = oorandom::Rand32::new(seed);
        let mut db = TestDb::new(16 << 20);
        let store = capped(&mut db, size, extents, max);
        let mut queue = VecDeque::new();
        for round in 0..rounds(1500) {
            let len = match rng.rand_range(0..20) {
                0 => rng.rand_range(1000..3000),
                _ => rng.rand_range(4..300),
            };
            let data = vec![round as u8; len as usize];
            insert(&mut db, &store, &mut queue, &mut [], data);
            assert!(max.is_none_or(|max| queue.len() <= max as usize));
            if round % 50 == 0 || round < 30 {
                assert_is_queue(&db, &store, &queue);
            }
        }
        assert!(queue.len() < 1500, "it went round");
        store.truncate_capped(&mut db.files).expect("sound");
        queue.clear();
        assert_is_queue(&db, &store, &queue);
        for n in 0..rounds(200) as u8 {
            insert(&mut db, &store, &mut queue, &mut [], vec![n; 100]);
        }
        assert_is_queue(&db, &store, &queue);
    }
}

/// Walks rest at random while records come and go. Each meets records in the order of their
/// insertion (or backwards), and misses none that was there when it came by.
#[test]
fn walks_survive_the_turning_circle() {
    let seed = 0x77a1;
    println!("seed {seed:#x}");
    let mut rng = oorandom::Rand32::new(seed);
    for direction in [Direction::Forward, Direction::Backward] {
        let mut db = TestDb::new(16 << 20);
        let store = capped(&mut db, 8192, CappedExtents::Count(3), None);
        let mut queue = VecDeque::new();
        let mut inserted: u32 = 0;
        for _ in 0..rounds(200) {
            let mut walks = [RecordScan::new(store.details(), direction)];
            let mut last: Option<u32> = None;
            let pace = rng.rand_range(1..40);
            while let Some(loc) = walks[0].next(&db.files).expect("sound") {
                let record = store.read(&db.files, loc).expect("live");
                let number = u32::from_le_bytes(record.data[..4].try_into().expect("4 bytes"));
                match (direction, last) {
                    (Direction::Forward, Some(last)) => {
                        let oldest = inserted - queue.len() as u32;
                        assert_eq!(number, (last + 1).max(oldest), "the next one still there");
                    }
                    (Direction::Backward, Some(last)) => assert_eq!(number, last - 1),
                    (_, None) => {}
                }
                last = Some(number);
                if rng.rand_range(0..pace) == 0 && inserted < 20_000 {
                    let mut data = inserted.to_le_bytes().to_vec();
                    data.resize(rng.rand_range(8..200) as usize, 0);
                    insert(&mut db, &store, &mut queue, &mut walks, data);
                    inserted += 1;
                }
            }
            let mut data = inserted.to_le_bytes().to_vec();
            data.resize(100, 0);
            insert(&mut db, &store, &mut queue, &mut [], data);
            inserted += 1;
        }
        assert_is_queue(&db, &store, &queue);
    }
}

#[test]
fn extents_are_cut_as_asked() {
    let lens = |size, extents| {
        let mut db = TestDb::new(600 << 20);
        let store = capped(&mut db, size, extents, None);
        let extents = store.extents(&db.files).expect("sound");
        extents.map(|e| e.expect("sound").len).collect::<Vec<_>>()
    };
    assert_eq!(lens(0, CappedExtents::Whole), [4096]);
    assert_eq!(lens(10_240, CappedExtents::Whole), [12_288]);
    assert_eq!(lens(10_240, CappedExtents::Count(2)), [12_288, 12_288]);
    assert_eq!(lens(0, CappedExtents::Sizes(vec![1, 9000])), [4096, 12_288]);
    // The longest extent is 16 bytes short of a page: so is the sum, and one more is added.
    let lens = lens(540 << 20, CappedExtents::Whole);
    assert_eq!(lens, [536_600_560, 29_630_464, 4096]);
}

#[test]
fn refuses_what_a_circle_cannot_do() {
    let mut db = TestDb::new(16 << 20);
    let store = capped(&mut db, 4096, CappedExtents::Whole, None);
    let nothing = |_: &mut HeapFiles, _: RecordLoc| Ok(());
    let loc = store.insert_capped(&mut db.files, &[0; 50], nothing).expect("room");
    let refused = |answer: Result<(), Error>, expected: Reason| match answer {
        Err(Error::Refused { reason, .. }) => assert_eq!(reason, expected),
        other => panic!("{other:?}"),
    };
    let too_long = store.insert_capped(&mut db.files, &[0; 5000], nothing);
    refused(too_long.map(drop), Reason::DocTooLargeForCapped);
    refused(store.remove(&mut db.files, loc), Reason::IllegalOperation);
    refused(store.insert(&mut db.files, &[0; 50]).map(drop), Reason::IllegalOperation);
    let moved = store.relocate(&mut db.files, loc, &[0; 100]);
    refused(moved.map(drop), Reason::CannotGrowDocumentInCappedNamespace);
    store.rewrite(&mut db.files, loc, &[1; 50]).expect("in place");
    // Fits the length of the extent, but not what is behind its header.
    let just_too_long = store.insert_capped(&mut db.files, &[0; 4000], nothing);
    refused(just_too_long.map(drop), Reason::DocTooLargeForCapped);
}
