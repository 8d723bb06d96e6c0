//! Damaged buckets: whatever the bytes, an operation ends, with an answer or with `Corrupt`.

use bson::rawdoc;
use oorandom::Rand32;

use super::*;
use crate::index::btree_cursor::BtreeCursor;
use crate::index::check::Problem;
use crate::index::test_index::{TestIndex, record};
use crate::rounds::rounds;
use crate::store::Direction;

const BUCKET_COUNT: usize = 120;

/// A tree of three levels, with keys of both forms.
fn filled(version: IndexVersion) -> (TestIndex, Vec<(Vec<u8>, RecordLoc)>) {
    let mut index = TestIndex::new(version, KeyOrder::ASCENDING, true, BUCKET_COUNT);
    let mut entries = Vec::new();
    for i in 0..500_u32 {
        let text = format!("{:03}{}", i * 7 % 500, "-".repeat(300 + i as usize % 400));
        let key = match i % 3 {
            0 => index.key(&rawdoc! { "": { "": text } }),
            _ => index.key(&rawdoc! { "": text }),
        };
        assert_eq!(index.insert(&key, record(i)).unwrap(), Inserted::New);
        entries.push((key, record(i)));
    }
    let report = index.tree.check(&index.files, |_, _| ());
    assert!(report.is_sound() && report.depth >= 3, "{report:?}");
    (index, entries)
}

/// Anything but `Corrupt` would tell the caller to do something that does not help.
fn assert_corrupt<T>(result: Result<T>) {
    match result {
        Ok(_) | Err(Error::Corrupt { .. }) => {}
        Err(error) => panic!("{error}"),
    }
}

fn use_it(index: &mut TestIndex, entries: &[(Vec<u8>, RecordLoc)], rng: &mut Rand32) {
    let report = index.tree.check(&index.files, |_, _| ());
    let sound = report.is_sound();
    for direction in [Direction::Forward, Direction::Backward] {
        let walk = index.walk(direction);
        assert!(walk.is_ok() || !sound, "{walk:?}");
        assert_corrupt(walk);
    }
    for _ in 0..25 {
        let (key, at) = &entries[rng.rand_range(0..entries.len() as u32) as usize];
        assert_corrupt(index.tree.find_one(&index.files, key));
        assert_corrupt(
            BtreeCursor::seek(index.tree, Direction::Forward, key, true).next(&index.files),
        );
        // Not rolled back: what an error leaves behind is one more kind of damage.
        assert_corrupt(index.delete(key, *at));
        let text = format!("{:03}+{}", rng.rand_range(0..500), "+".repeat(500));
        let new = index.key(&rawdoc! { "": text });
        assert_corrupt(index.insert(&new, record(rng.rand_range(1000..2000))));
    }
}

#[test]
fn flipped_bytes_never_panic_or_hang() {
    for version in [IndexVersion::V1, IndexVersion::V0] {
        let (index, entries) = filled(version);
        println!("seed 11");
        let mut rng = Rand32::new(11);
        let live = index.buckets.live as u32;
        for _ in 0..rounds(150) {
            let mut index = index.clone();
            for _ in 0..rng.rand_range(1..6) {
                let bucket = rng.rand_range(0..live) as usize * (version.bucket_len() + 16);
                // Headers and nodes decide more than key data.
                let within = match rng.rand_range(0..3) {
                    0 => rng.rand_range(0..version.body_ofs() as u32),
                    1 => rng.rand_range(0..version.body_ofs() as u32 + 300),
                    _ => rng.rand_range(0..version.bucket_len() as u32),
                };
                let loc = DiskLoc { file: 0, ofs: 8192 + 16 + bucket as i32 + within as i32 };
                let mut byte = index.files.bytes(loc, 1).unwrap()[0];
                byte ^= 1 << rng.rand_range(0..8);
                index.files.write(loc, &[byte]).unwrap();
            }
            use_it(&mut index, &entries, &mut rng);
        }
    }
}

/// Links are exchanged for others that lead to buckets: circles, shared children, wrong roots.
#[test]
fn crossed_links_never_panic_or_hang() {
    for version in [IndexVersion::V1, IndexVersion::V0] {
        let (index, entries) = filled(version);
        println!("seed 12");
        let mut rng = Rand32::new(12);
        let live = index.buckets.live as u32;
        let loc = |rng: &mut Rand32| {
            let bucket = rng.rand_range(0..live) as usize * (version.bucket_len() + 16);
            BucketLoc(DiskLoc { file: 0, ofs: 8192 + bucket as i32 })
        };
        for _ in 0..rounds(150) {
            let mut index = index.clone();
            for _ in 0..rng.rand_range(1..4) {
                let (at, to) = (loc(&mut rng), loc(&mut rng));
                let Ok(bucket) = index.tree.bucket(&index.files, at) else { continue };
                let mut bucket = bucket.to_edit().unwrap();
                match rng.rand_range(0..4) {
                    0 => bucket.set_parent(Some(to)),
                    1 => bucket.set_next_child(Some(to)),
                    2 => index.files.put(index.tree.details, index_details::HEAD, to.0).unwrap(),
                    _ => bucket.set_child(rng.rand_range(0..bucket.n() as u32) as usize, Some(to)),
                }
                bucket.write_to(&mut index.files).unwrap();
            }
            use_it(&mut index, &entries, &mut rng);
        }
    }
}

#[test]
fn the_examination_names_what_is_wrong() {
    let damaged = |damage: &dyn Fn(&mut BucketBuf)| {
        let (mut index, _) = filled(IndexVersion::V1);
        let root = index.tree.root(&index.files).unwrap().unwrap();
        let child = index.tree.bucket(&index.files, root).unwrap().child(0).unwrap();
        let mut child = index.tree.bucket(&index.files, child).unwrap().to_edit().unwrap();
        damage(&mut child);
        child.write_to(&mut index.files).unwrap();
        index.tree.check(&index.files, |_, _| ())
    };
    let report = damaged(&|_| ());
    assert!(report.is_sound());
    let report = damaged(&|bucket| bucket.set_parent(None));
    assert!(matches!(report.findings[0].problem, Problem::WrongParent(None)));
    let report = damaged(&|bucket| bucket.set_next_child(bucket.child(0)));
    assert!(report.findings.iter().any(|found| matches!(found.problem, Problem::MetTwice)));
    let report = damaged(&|bucket| bucket.mark_freed());
    assert!(matches!(report.findings[0].problem, Problem::Unreadable(Error::Corrupt { .. })));
    let report = damaged(&|bucket| {
        let (first, second) = (bucket.child(0), bucket.child(1));
        bucket.set_child(0, second);
        bucket.set_child(1, first);
    });
    assert!(report.findings.iter().any(|found| matches!(found.problem, Problem::OutOfOrder)));
}

#[test]
fn a_slot_without_root_is_no_tree() {
    let (mut index, entries) = filled(IndexVersion::V1);
    index.files.put(index.tree.details, index_details::HEAD, DiskLoc::NULL).unwrap();
    let (key, at) = &entries[0];
    assert!(matches!(index.insert(key, *at), Err(Error::Corrupt { .. })));
    assert!(matches!(index.delete(key, *at), Err(Error::Corrupt { .. })));
    assert_eq!(index.walk(Direction::Forward).unwrap(), []);
    assert_eq!(index.tree.find_one(&index.files, key).unwrap(), None);
    let report = index.tree.check(&index.files, |_, _| ());
    assert!(matches!(report.findings[0].problem, Problem::NoRoot));
}
