//! The tree against a sorted set, under mixes of insertions and deletions.

use bson::{RawDocumentBuf, rawdoc};
use oorandom::Rand32;

use super::*;
use crate::index::btree_cursor::BtreeCursor;
use crate::index::test_index::{Oracle, TestIndex, record};
use crate::rounds::rounds;
use crate::store::Direction;

const VERSIONS: [IndexVersion; 2] = [IndexVersion::V1, IndexVersion::V0];

/// Runs `ops` random insertions and deletions, more of the one or of the other by turns, then
/// deletes everything.
fn run(
    index: &mut TestIndex,
    seed: u64,
    ops: u32,
    mut make: impl FnMut(&mut Rand32, u32) -> (RawDocumentBuf, RecordLoc),
) {
    println!("seed {seed}");
    let mut rng = Rand32::new(seed);
    let mut oracle = Oracle::default();
    let mut entries: Vec<(Vec<u8>, RecordLoc)> = Vec::new();
    let ops = rounds(ops);
    for step in 0..ops {
        let grows = (step / (ops / 6).max(1)) % 3 != 2;
        if rng.rand_range(0..10) < if grows { 8 } else { 1 } || entries.is_empty() {
            let (doc, record) = make(&mut rng, step);
            let key = index.key(&doc);
            let new = oracle.0.insert(Oracle::entry(&index.tree, &key, record));
            let expected = if new { Inserted::New } else { Inserted::AlreadyPresent };
            assert_eq!(index.insert(&key, record).unwrap(), expected, "step {step}");
            if new {
                entries.push((key, record));
            }
        } else {
            let at = rng.rand_range(0..entries.len() as u32) as usize;
            let (key, record) = entries.swap_remove(at);
            assert!(index.delete(&key, record).unwrap(), "step {step}");
            assert!(!index.delete(&key, record).unwrap(), "step {step}");
            oracle.0.remove(&Oracle::entry(&index.tree, &key, record));
        }
        if step % (ops / 8).max(1) == 0 {
            oracle.assert_equals(index);
        }
    }
    oracle.assert_equals(index);
    while !entries.is_empty() {
        let at = rng.rand_range(0..entries.len() as u32) as usize;
        let (key, record) = entries.swap_remove(at);
        assert!(index.delete(&key, record).unwrap());
        oracle.0.remove(&Oracle::entry(&index.tree, &key, record));
        if entries.len().is_power_of_two() {
            oracle.assert_equals(index);
        }
    }
    oracle.assert_equals(index);
    assert_eq!(index.buckets.live, 1, "an empty tree is one bucket");
}

#[test]
fn ascending_keys() {
    for version in VERSIONS {
        let mut index = TestIndex::new(version, KeyOrder::ASCENDING, true, 1000);
        run(&mut index, 1, 6_000, |_, step| (rawdoc! { "": step as i32 }, record(step)));
    }
}

#[test]
#[cfg_attr(miri, ignore = "too long")]
fn random_keys_with_equal_ones() {
    for version in VERSIONS {
        let mut index = TestIndex::new(version, KeyOrder::ASCENDING, false, 1000);
        run(&mut index, 2, 8_000, |rng, _| {
            (rawdoc! { "": rng.rand_range(0..50) as i32 }, record(rng.rand_range(0..100_000)))
        });
    }
}

#[test]
#[cfg_attr(miri, ignore = "too long")]
fn keys_of_very_different_length() {
    for (seed, version) in [(3, IndexVersion::V1), (4, IndexVersion::V0), (5, IndexVersion::V1)] {
        let mut index = TestIndex::new(version, KeyOrder::ASCENDING, false, 3000);
        run(&mut index, seed, 5_000, |rng, step| {
            let len = match rng.rand_range(0..4) {
                0 => rng.rand_range(600..790),
                1 => rng.rand_range(200..300),
                _ => rng.rand_range(0..30),
            };
            let text: String =
                (0..len).map(|_| ['a', 'b', 'c'][rng.rand_range(0..3) as usize]).collect();
            let key = match rng.rand_range(0..5) {
                0 => rawdoc! { "": { "nested": text } },
                1 => rawdoc! { "": f64::NAN },
                2 => rawdoc! { "": rng.rand_range(0..9) as i64 + (1 << 60) },
                _ => rawdoc! { "": text },
            };
            (key, record(step))
        });
    }
}

#[test]
fn compound_and_descending_keys() {
    for version in VERSIONS {
        let order = KeyOrder::new([false, true, false]);
        let mut index = TestIndex::new(version, order, false, 1000);
        run(&mut index, 6, 6_000, |rng, step| {
            let site = ["a", "b", "long-site-name"][rng.rand_range(0..3) as usize];
            let (day, n) = (rng.rand_range(0..40), f64::from(rng.rand_range(0..1000)) / 4.0);
            (rawdoc! { "": site, "": day as i32, "": n }, record(step))
        });
    }
}

#[test]
fn records_of_equal_keys_ascend_in_descending_indexes() {
    let order = KeyOrder::new([true]);
    let mut index = TestIndex::new(IndexVersion::V1, order, false, 100);
    for (value, place) in [(1, 5), (2, 1), (1, 3), (2, 9)] {
        let key = index.key(&rawdoc! { "": value });
        assert_eq!(index.insert(&key, record(place)).unwrap(), Inserted::New);
    }
    let records: Vec<_> =
        index.walk(Direction::Forward).unwrap().into_iter().map(|(_, record)| record).collect();
    assert_eq!(records, [1, 9, 3, 5].map(record));
}

#[test]
fn unique_keys_collide_across_types_and_buckets() {
    let mut index = TestIndex::new(IndexVersion::V1, KeyOrder::ASCENDING, true, 1000);
    for i in 0..rounds(5000) as i32 {
        let key = index.key(&rawdoc! { "": i });
        assert_eq!(index.insert(&key, record(2 * i as u32 + 10)).unwrap(), Inserted::New);
    }
    let before = index.walk(Direction::Forward).unwrap();
    for i in 0..rounds(5000) as i32 {
        let key = index.key(&rawdoc! { "": f64::from(i) });
        let there = record(2 * i as u32 + 10);
        for other in [record(1), record(20_000)] {
            assert_eq!(index.insert(&key, other).unwrap(), Inserted::Duplicate(there), "{i}");
        }
        assert_eq!(index.insert(&key, there).unwrap(), Inserted::AlreadyPresent);
        assert_eq!(index.tree.find_one(&index.files, &key).unwrap(), Some(there));
    }
    assert!(index.walk(Direction::Forward).unwrap() == before);
    let missing = index.key(&rawdoc! { "": 0.5 });
    assert_eq!(index.tree.find_one(&index.files, &missing).unwrap(), None);
}

/// Ascending insertions of 13-byte keys: 281 fill a bucket, and a split leaves nine tenths.
#[test]
#[cfg_attr(miri, ignore = "too long")]
fn splits_at_the_right_edge_leave_nine_tenths() {
    let mut index = TestIndex::v1();
    let root = index.tree.root(&index.files).unwrap().unwrap();
    let key = |i: u32| {
        let mut id = [0; 12];
        id[8..].copy_from_slice(&i.to_be_bytes());
        rawdoc! { "": bson::oid::ObjectId::from_bytes(id) }
    };
    for i in 0..281 {
        let key = index.key(&key(i));
        assert_eq!(index.insert(&key, record(i)).unwrap(), Inserted::New);
    }
    let full = index.tree.bucket(&index.files, root).unwrap();
    assert_eq!((full.n(), full.empty_size(), full.is_packed()), (281, 5, true));
    // The first key's data are the last of the body.
    assert_eq!(full.node(0).key_ofs, 8154 - 13);

    let last = index.key(&key(281));
    assert_eq!(index.insert(&last, record(281)).unwrap(), Inserted::New);
    let left = index.tree.bucket(&index.files, root).unwrap();
    assert_eq!((left.n(), left.is_packed()), (252, true));
    let new_root = index.tree.root(&index.files).unwrap().unwrap();
    assert_eq!(left.parent(), Some(new_root));
    let new_root = index.tree.bucket(&index.files, new_root).unwrap();
    assert_eq!((new_root.n(), new_root.parent()), (1, None));
    assert_eq!(new_root.node(0).record, record(252));
    let right = index.tree.bucket(&index.files, new_root.next_child().unwrap()).unwrap();
    assert_eq!(right.n(), 29);
    // The right one was allocated before the root.
    assert!(right.loc() < new_root.loc());
}

/// A key that parts two children of which one has a child at its edge is only marked.
#[test]
#[cfg_attr(miri, ignore = "too long")]
fn unused_keys_are_skipped_and_revived() {
    let mut index = TestIndex::new(IndexVersion::V1, KeyOrder::ASCENDING, true, 100);
    for i in 0..600 {
        let key = index.key(&rawdoc! { "": i });
        assert_eq!(index.insert(&key, record(i as u32)).unwrap(), Inserted::New);
    }
    let root = index.tree.root(&index.files).unwrap().unwrap();
    let mut root = index.tree.bucket(&index.files, root).unwrap().to_edit().unwrap();
    root.set_unused(0, true);
    root.write_to(&mut index.files).unwrap();
    let (key, at) = (root.key(0).unwrap().to_vec(), root.node(0).record);

    assert_eq!(index.walk(Direction::Forward).unwrap().len(), 599);
    assert_eq!(index.walk(Direction::Backward).unwrap().len(), 599);
    assert_eq!(index.tree.find_one(&index.files, &key).unwrap(), None);
    assert_ne!(index.tree.find_one(&index.files, &key).unwrap(), Some(at));
    assert!(!index.delete(&key, at).unwrap());
    let report = index.tree.check(&index.files, |_, _| ());
    assert_eq!((report.keys, report.unused, report.is_sound()), (599, 1, true));

    // Another record may have the key now; then the old one may not come back.
    let mut other = index.clone();
    assert_eq!(other.insert(&key, record(9999)).unwrap(), Inserted::New);
    assert_eq!(other.insert(&key, at).unwrap(), Inserted::Duplicate(record(9999)));
    assert_eq!(other.tree.find_one(&other.files, &key).unwrap(), Some(record(9999)));

    assert_eq!(index.insert(&key, at).unwrap(), Inserted::New);
    assert_eq!(index.tree.find_one(&index.files, &key).unwrap(), Some(at));
}

/// The entry that would replace a deleted one parts two children itself: a shape of old files.
#[test]
#[cfg_attr(miri, ignore = "makes three levels")]
fn deletion_only_marks_where_no_leaf_entry_can_take_the_place() {
    let mut index = TestIndex::new(IndexVersion::V1, KeyOrder::ASCENDING, false, 200);
    let text = "-".repeat(700);
    for i in 0..300 {
        let key = index.key(&rawdoc! { "": format!("{i:03}{text}") });
        assert_eq!(index.insert(&key, record(i)).unwrap(), Inserted::New);
    }
    let root = index.tree.root(&index.files).unwrap().unwrap();
    let root = index.tree.bucket(&index.files, root).unwrap();
    let (key, at) = (root.key(0).unwrap().to_vec(), root.node(0).record);
    let left = index.tree.bucket(&index.files, root.child(0).unwrap()).unwrap();
    let mut left = left.to_edit().unwrap();
    assert!(left.next_child().is_some(), "three levels");
    left.set_next_child(None);
    left.write_to(&mut index.files).unwrap();
    let before = index.tree.check(&index.files, |_, _| ()).keys;

    assert!(index.delete(&key, at).unwrap());
    let root = index.tree.root(&index.files).unwrap().unwrap();
    let root = index.tree.bucket(&index.files, root).unwrap();
    assert!(root.node(0).unused && !root.is_packed());
    assert_eq!(root.key(0).unwrap(), key);
    let report = index.tree.check(&index.files, |_, _| ());
    assert_eq!((report.keys, report.unused, report.is_sound()), (before - 1, 1, true));
}

#[test]
#[cfg_attr(miri, ignore = "too long")]
fn cursors_find_their_place_again() {
    println!("seed 7");
    let mut rng = Rand32::new(7);
    let mut index = TestIndex::v1();
    let mut oracle = Oracle::default();
    let make = |rng: &mut Rand32| (rng.rand_range(0..4000) as i32, record(rng.rand_range(0..9)));
    for _ in 0..rounds(60) {
        for _ in 0..60 {
            let (value, record) = make(&mut rng);
            let key = index.key(&rawdoc! { "": value });
            let entry = Oracle::entry(&index.tree, &key, record);
            if oracle.0.remove(&entry) {
                assert!(index.delete(&key, record).unwrap());
            } else {
                assert_eq!(index.insert(&key, record).unwrap(), Inserted::New);
                oracle.0.insert(entry);
            }
        }
        let from = index.key(&rawdoc! { "": rng.rand_range(0..4000) as i32 });
        let inclusive = rng.rand_range(0..2) == 0;
        for direction in [Direction::Forward, Direction::Backward] {
            let mut cursor = BtreeCursor::seek(index.tree, direction, &from, inclusive);
            let forward = direction == Direction::Forward;
            let low = if forward == inclusive { DiskLoc::MIN } else { DiskLoc::MAX };
            let mut last = Oracle::entry(&index.tree, &from, RecordLoc(low));
            for step in 0..30 {
                let next = match direction {
                    Direction::Forward => oracle.0.iter().find(|entry| **entry > last),
                    Direction::Backward => oracle.0.iter().rev().find(|entry| **entry < last),
                };
                let found = cursor.next(&index.files).unwrap();
                assert_eq!(found, next.map(|entry| entry.record));
                let Some(next) = next.cloned() else { break };
                assert_eq!(cursor.key(), next.key);
                if step % 3 == 0 {
                    // The entry it stands on goes, others come.
                    assert!(index.delete(&next.key, next.record).unwrap());
                    oracle.0.remove(&next);
                    let (value, record) = make(&mut rng);
                    let key = index.key(&rawdoc! { "": value });
                    if index.insert(&key, record).unwrap() == Inserted::New {
                        oracle.0.insert(Oracle::entry(&index.tree, &key, record));
                    }
                    cursor.forget_place();
                }
                last = next;
            }
        }
    }
}
