//! Units of work: what they change, what they put back, what they refuse.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;
use crate::disk::{HeapDisk, View};
use crate::disk_loc::RecordLoc;
use crate::error::Error;
use crate::journal::{ReadView, UnitInPlace};
use crate::rounds::rounds;

#[test]
fn a_finished_unit_stays_and_a_dropped_one_is_undone() {
    let journal = open(HeapDisk::new());
    let files = new_database(&journal, "a");
    let lock = StructureLock::new(());
    write(&files, &[(at(9000), b"kept"), (DiskLoc::new(FileNo::NS, 64), b"ns")]).expect("written");
    {
        let mut exclusive = lock.exclusive();
        let mut unit = UnitOfWork::structural(&files, exclusive.split().1).expect("writable");
        unit.write(at(9000), b"gone").expect("inside");
        unit.write(at(8990), &[7; 200]).expect("inside");
        unit.write(DiskLoc::new(FileNo::NS, 0), &[8; 100]).expect("inside");
        assert_eq!(unit.bytes(at(9000), 4).expect("inside"), [7; 4]);
    }
    let shared = lock.shared();
    let view = ReadView::new(&files, &shared);
    assert_eq!(view.bytes(at(8990), 16).expect("inside"), b"\0\0\0\0\0\0\0\0\0\0kept\0\0");
    let ns = view.bytes(DiskLoc::new(FileNo::NS, 0), 100).expect("inside");
    assert_eq!((&ns[..64], &ns[64..66], &ns[66..]), (&[0; 64][..], &b"ns"[..], &[0; 34][..]));
    assert_eq!(view.file_count(), 1);
    assert_eq!(view.file_len(FileNo(0)), 16 << 20);
    assert_eq!(view.file_len(FileNo(1)), 0);
}

#[test]
fn random_units_rolled_back_leave_every_byte() {
    const SEED: u64 = 5;
    println!("seed {SEED}");
    let mut random = oorandom::Rand32::new(SEED);
    let journal = open(HeapDisk::new());
    let files = new_database(&journal, "a");
    let lock = StructureLock::new(());
    const LEN: usize = 40_000;
    let mut oracle = bytes(&files, at(0), LEN);
    for step in 0..rounds(300) {
        let mut exclusive = lock.exclusive();
        let mut unit = UnitOfWork::structural(&files, exclusive.split().1).expect("writable");
        let mut changed = oracle.clone();
        for _ in 0..random.rand_range(1..20) {
            let ofs = random.rand_range(0..LEN as u32 - 3000) as usize;
            let len = random.rand_range(0..3000) as usize;
            // Few values, so that many lines are written with what they hold.
            let value = random.rand_range(0..3) as u8;
            unit.write(at(ofs as i32), &vec![value; len]).expect("inside");
            changed[ofs..ofs + len].fill(value);
        }
        assert!(unit.bytes(at(0), LEN).expect("inside") == changed, "step {step}");
        if random.rand_range(0..2) == 0 {
            unit.finish();
            oracle = changed;
        } else {
            drop(unit);
        }
        assert!(bytes(&files, at(0), LEN) == oracle, "step {step}");
    }
}

#[test]
fn a_panic_in_a_unit_puts_everything_back() {
    let journal = open(HeapDisk::new());
    let files = new_database(&journal, "a");
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let lock = StructureLock::new(());
        let mut exclusive = lock.exclusive();
        let mut unit = UnitOfWork::structural(&files, exclusive.split().1).expect("writable");
        unit.claim_extents();
        unit.write(at(9000), b"half").expect("inside");
        panic!("half-way");
    }));
    assert!(panicked.is_err());
    assert_eq!(bytes(&files, at(9000), 4), [0; 4]);
    drop(files.claim_extents());
    journal.commit().expect("nobody is inside");
}

#[test]
fn only_lines_that_differ_are_dirtied() {
    let journal = open(HeapDisk::new());
    let files = new_database(&journal, "a");
    let (locks, stripes) = (StructureLock::new(()), journal.stripes());
    let shared = locks.shared();
    let mut record = stripes.write(RecordLoc(at(8192 - 16)));
    let mut page = vec![0; 4096];
    (page[100], page[4000]) = (1, 1);
    for expected in [2, 0] {
        let mut unit = UnitInPlace::new(&files, &shared, &mut record).expect("writable");
        unit.write(0, &page).expect("inside");
        assert_eq!(unit.lines_changed(), expected);
        unit.finish();
    }
    let mut unit = UnitInPlace::new(&files, &shared, &mut record).expect("writable");
    // Three bytes across the border of two lines.
    unit.write(127, &[1, 1, 1]).expect("inside");
    assert_eq!(unit.lines_changed(), 2);
    for ofs in [(16 << 20) - 8192, usize::MAX - 8192, usize::MAX] {
        assert!(matches!(unit.write(ofs, &[1]), Err(Error::Corrupt { .. })), "{ofs}");
    }
    assert_eq!(unit.lines_changed(), 2);
    unit.overwrite(124, 7_i64.to_le_bytes()).expect("inside");
    assert_eq!(unit.lines_changed(), 4);
    unit.overwrite(120, 9_i32.to_le_bytes()).expect("inside");
    assert_eq!(unit.lines_changed(), 5);
    for ofs in [(16 << 20) - 8192 - 3, usize::MAX - 8192, usize::MAX] {
        assert!(matches!(unit.overwrite(ofs, [1; 4]), Err(Error::Corrupt { .. })), "{ofs}");
    }
    let expected = [9, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(bytes(&files, at(8192 + 120), 12), expected, "what it wrote is not undone");
    files.foresee(at(8192), [0, usize::MAX, 1 << 40].into_iter());
    files.foresee(DiskLoc::INVALID, [0].into_iter());
}

#[test]
fn no_place_outside_of_a_file_is_read_or_written() {
    let journal = open(HeapDisk::new());
    let files = new_database(&journal, "a");
    let lock = StructureLock::new(());
    let mut exclusive = lock.exclusive();
    let mut unit = UnitOfWork::structural(&files, exclusive.split().1).expect("writable");
    let len = 16 << 20;
    let outside = [
        at(-1),
        at(len),
        at(len - 3),
        at(i32::MAX),
        at(i32::MIN),
        DiskLoc::NULL,
        DiskLoc::INVALID,
        DiskLoc::new(FileNo(1), 0),
        DiskLoc::new(FileNo(16_000), 0),
        DiskLoc::new(FileNo::NS, 1 << 20),
    ];
    for loc in outside {
        assert!(matches!(unit.bytes(loc, 4), Err(Error::Corrupt { .. })), "{loc}");
        assert!(matches!(unit.write(loc, &[1; 4]), Err(Error::Corrupt { .. })), "{loc}");
    }
    assert!(unit.bytes(at(0), usize::MAX).is_err());
    assert_eq!(unit.lines_changed(), 0);
}

#[test]
fn a_commit_waits_for_the_units_that_are_under_way() {
    let disk = HeapDisk::new();
    let journal = open(disk.clone());
    let files = new_database(&journal, "a");
    journal.commit().expect("committed");
    for round in 1..=rounds(20) as u8 {
        std::thread::scope(|s| {
            let lock = StructureLock::new(());
            let mut exclusive = lock.exclusive();
            let mut unit = UnitOfWork::structural(&files, exclusive.split().1).expect("writable");
            unit.write(at(9000), &[round]).expect("inside");
            s.spawn(|| journal.commit().expect("committed"));
            // Time enough for a commit that would not wait.
            (0..rounds(2000)).for_each(|_| std::thread::yield_now());
            unit.write(at(100_000), &[round]).expect("inside");
            unit.finish();
        });
        let image = open(disk.image()).open_database("a").expect("there");
        let found = [bytes(&image, at(9000), 1)[0], bytes(&image, at(100_000), 1)[0]];
        assert!(found == [round; 2] || found == [round - 1; 2], "torn: {found:?}");
    }
}

#[test]
fn units_of_many_threads_are_whole_in_every_gather() {
    let (threads, rounds) = if cfg!(miri) { (2, 10) } else { (4, 2000) };
    let disk = HeapDisk::new();
    let journal = open(disk.clone());
    let files = new_database(&journal, "a");
    std::thread::scope(|s| {
        for t in 0..threads {
            let files = &files;
            s.spawn(move || {
                let places = [at(8192 + t * 64), at(100_000 + t * 64), at(8_000_000 + t * 64)];
                for round in 1..=rounds {
                    let value = (round as u64).to_le_bytes();
                    write(files, &places.map(|loc| (loc, &value[..]))).expect("written");
                }
            });
        }
        for _ in 0..(rounds / 20).max(1) {
            journal.commit().expect("committed");
            let image = open(disk.image());
            let files = image.open_database("a").expect("there");
            for t in 0..threads {
                let places = [at(8192 + t * 64), at(100_000 + t * 64), at(8_000_000 + t * 64)];
                let values = places.map(|loc| bytes(&files, loc, 8));
                assert!(values[0] == values[1] && values[1] == values[2], "thread {t}: {values:?}");
            }
        }
    });
}
