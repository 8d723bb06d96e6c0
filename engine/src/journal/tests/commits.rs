//! Commits: what they write, whom they release, when files rotate and pages are dropped.

use std::path::Path;
use std::sync::Barrier;
use std::time::Duration;

use super::*;
use crate::disk::{Access, HeapDisk, OsDisk};
use crate::file_id::{JOURNAL_DIR, LOCK_FILE, journal_file, lsn_file};
use crate::journal::lsn_file::Lsn;
use crate::journal::{journal_dir, section};
use crate::options::Durability;

fn file_bytes(disk: &dyn Disk, path: &Path) -> Vec<u8> {
    let file = disk.open(path, Access::Read).expect("there");
    let mut bytes = vec![0; file.len().expect("open") as usize];
    file.read_at(0, &mut bytes).expect("read");
    bytes
}

#[test]
fn increments_of_one_counter_are_one_entry_of_one_section() {
    let disk = HeapDisk::new();
    let environment = environment(disk.clone());
    let journal = open_with(&environment, &options());
    let files = new_database(&journal, "a");
    journal.commit().expect("committed");
    journal.commit().expect("what it gathered is written back");
    let commits = environment.counters.commits.get();
    let applied = environment.counters.applied_bytes.get();
    for i in 0..1000u64 {
        write(&files, &[(at(9000), &i.to_le_bytes())]).expect("written");
    }
    let raw = disk.open(Path::new("a.0"), Access::Read).expect("there");
    let mut value = [0; 8];
    raw.read_at(9000, &mut value).expect("read");
    assert_eq!(value, [0; 8], "nothing reaches the file before its commit");

    journal.commit().expect("committed");
    journal.commit().expect("nothing to do");
    assert_eq!(environment.counters.commits.get(), commits + 1);
    assert_eq!(environment.counters.journal_syncs.get(), commits + 1);
    assert_eq!(environment.counters.applied_bytes.get(), applied + 4096);
    raw.read_at(9000, &mut value).expect("read");
    assert_eq!(value, 999u64.to_le_bytes());
}

#[test]
fn the_first_section_of_a_database() {
    let disk = HeapDisk::new();
    let journal = open(disk.clone());
    let files = new_database(&journal, "a");
    write(&files, &[(at(8192 + 4090), &[1; 12])]).expect("written");
    journal.commit().expect("committed");
    let bytes = file_bytes(&disk, &journal_file(0));
    assert_eq!(bytes.len(), 2 * 8192);
    let head = section::read_header(bytes[8192..8212].try_into().expect("20 bytes"));
    assert_eq!(head.seq_number, 1);
    assert_eq!(section::read_file_header(&bytes), Ok(Some(head.file_id)));
    let mut room = vec![];
    let payload = section::decode(&bytes[8192..8192 + head.len], &mut room).expect("whole");

    let mut expected = Vec::new();
    for (name, len) in [("a.ns", 1u64 << 20), ("a.0", 16 << 20)] {
        expected.extend(b"\xfd\xff\xff\xff\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
        expected.extend(len.to_le_bytes());
        expected.extend(name.as_bytes());
        expected.push(0);
    }
    expected.extend(b"\xfe\xff\xff\xffa\0");
    expected.extend(b"\x40\0\0\0\0\0\0\0\0\0\0\0");
    let mut header = crate::format::data_file_header::fresh(FileNo(0), 16 << 20).to_vec();
    header.resize(64, 0);
    expected.extend(header);
    // Two lines, of two pages, side by side: one write.
    expected.extend(b"\x80\0\0\0\xc0\x2f\0\0\0\0\0\0");
    let mut lines = vec![0; 128];
    lines[58..70].fill(1);
    expected.extend(lines);
    assert_eq!(payload, expected);
}

#[test]
fn waiters_share_syncs_and_find_their_changes_durable() {
    const THREADS: i32 = 8;
    let rounds = if cfg!(miri) { 2 } else { 50 };
    let disk = HeapDisk::new();
    let environment = environment(disk.clone());
    let journal = open_with(&environment, &options());
    let files = new_database(&journal, "a");
    let together = Barrier::new(THREADS as usize);
    std::thread::scope(|s| {
        for t in 0..THREADS {
            let (files, journal, together, disk) = (&files, &journal, &together, &disk);
            s.spawn(move || {
                for round in 1..=rounds {
                    let loc = at(9000 + t * 4096);
                    let ticket = write(files, &[(loc, &[round])]).expect("written");
                    // All have written before the first waits, so few commits serve all.
                    together.wait();
                    journal.wait_durable(ticket).expect("durable");
                    together.wait();
                    if t == 0 && round == rounds {
                        let image = open(disk.image()).open_database("a").expect("there");
                        for t in 0..THREADS {
                            assert_eq!(bytes(&image, at(9000 + t * 4096), 1), [round]);
                        }
                    }
                }
            });
        }
    });
    assert_eq!(environment.counters.commits.get(), u64::from(rounds));
}

#[test]
#[cfg_attr(miri, ignore = "too long")]
fn files_rotate_and_retire_when_their_sections_are_synced() {
    let disk = HeapDisk::new();
    let environment = Environment { rotation_len: Some(3 * 8192), ..environment(disk.clone()) };
    let journal = open_with(&environment, &options());
    let files = new_database(&journal, "a");
    for i in 1..=8u8 {
        write(&files, &[(at(9000), &[i])]).expect("written");
        journal.commit().expect("committed");
    }
    assert_eq!(journal_dir::numbers(&disk).expect("no hole"), [0, 1, 2]);
    for (number, sections) in [(0, 3), (1, 3), (2, 2)] {
        let len = disk.metadata(&journal_file(number)).expect("looked").expect("there").len;
        assert_eq!(len, (1 + sections) * 8192, "file {number} ends after its last section");
    }
    // What a killed process leaves now is replayed from all three.
    let image = open(disk.image()).open_database("a").expect("there");
    assert_eq!(bytes(&image, at(9000), 1), [8]);

    journal.commit().expect("what the last one gathered is written back");
    journal.sync_data_files().expect("synced");
    assert_eq!(journal_dir::numbers(&disk).expect("no hole"), [2]);
    assert_eq!(Lsn::read(&disk).expect("written").synced, 8);
    assert_eq!(environment.counters.data_file_syncs.get(), 1);
    let image = open(disk.image()).open_database("a").expect("there");
    assert_eq!(bytes(&image, at(9000), 1), [8]);

    journal.truncate_journal().expect("truncated");
    assert_eq!(journal_dir::numbers(&disk).expect("no hole"), [3]);
    assert!(disk.metadata(&lsn_file()).expect("looked").is_none());
    write(&files, &[(at(9000), &[9])]).expect("written");
    journal.commit().expect("committed");
    journal.commit().expect("written back");
    journal.sync_data_files().expect("synced");
    assert_eq!(Lsn::read(&disk).expect("written").synced, 9);
}

#[test]
fn sequence_numbers_follow_the_clock_and_never_stand() {
    let disk = HeapDisk::new();
    let clock = Arc::new(TestClock::default());
    let environment = Environment { clock: clock.clone(), ..environment(disk.clone()) };
    let journal = open_with(&environment, &options());
    let files = new_database(&journal, "a");
    for (i, ms) in [50, 50, 20, 1000].into_iter().enumerate() {
        clock.0.store(ms, Relaxed);
        write(&files, &[(at(9000), &[i as u8 + 1])]).expect("written");
        journal.commit().expect("committed");
    }
    let bytes = file_bytes(&disk, &journal_file(0));
    let seq = |n: usize| {
        let head = bytes[n * 8192..][..20].try_into().expect("20 bytes");
        section::read_header(head).seq_number
    };
    assert_eq!([seq(1), seq(2), seq(3), seq(4)], [50, 51, 52, 1000]);
}

#[test]
fn a_clean_close_leaves_nothing_to_recover() {
    let disk = HeapDisk::new();
    let journal = open(disk.clone());
    let files = new_database(&journal, "a");
    write(&files, &[(at(9000), b"last")]).expect("written");
    let pid = format!("{}\n", std::process::id());
    assert_eq!(file_bytes(&disk, Path::new(LOCK_FILE)), pid.as_bytes());
    journal.close().expect("closed");
    journal.close().expect("closed already");
    assert!(write(&files, &[(at(9000), b"late")]).is_err());
    assert!(journal.commit().is_err());
    assert_eq!(file_bytes(&disk, Path::new(LOCK_FILE)), b"");
    assert_eq!(disk.list(Path::new(JOURNAL_DIR)).expect("listed"), []);
    assert_eq!(&file_bytes(&disk, Path::new("a.0"))[9000..9004], b"last");
    let (again, names) = Journal::open(&environment(disk.clone()), &options()).expect("unlocked");
    assert_eq!(names, ["a"]);
    assert_eq!(bytes(&again.open_database("a").expect("there"), at(9000), 4), b"last");
}

#[test]
#[cfg_attr(miri, ignore = "too long")]
fn without_a_journal_files_are_written_at_the_sync() {
    let disk = HeapDisk::new();
    let options = Options { durability: Durability::None, ..options() };
    let environment = environment(disk.clone());
    let journal = open_with(&environment, &options);
    let files = new_database(&journal, "a");
    let ticket = write(&files, &[(at(9000), b"some")]).expect("written");
    journal.commit().expect("nothing to do yet");
    assert_eq!(disk.list(Path::new(JOURNAL_DIR)).expect("listed"), []);
    assert_eq!(&file_bytes(&disk, Path::new("a.0"))[9000..9004], [0; 4]);
    journal.wait_durable(ticket).expect("written and synced");
    assert_eq!(&file_bytes(&disk, Path::new("a.0"))[9000..9004], b"some");
    assert_eq!(journal.commit.lock().payload.capacity(), 0, "a section is made for nobody");
    assert_eq!(environment.counters.data_file_syncs.get(), 1);
    write(&files, &[(at(9000), b"more")]).expect("written");
    // Killed, it cannot be opened; closed, it can.
    assert!(Journal::open(&super::environment(disk.image()), &options).is_err());
    journal.close().expect("closed");
    assert_eq!(&file_bytes(&disk, Path::new("a.0"))[9000..9004], b"more");
    drop(journal);
    open_with(&super::environment(disk), &options);
}

#[test]
fn too_much_dirty_calls_for_a_commit_and_then_makes_writers_wait() {
    let environment = environment(HeapDisk::new());
    let options = Options { dirty_max: Some(8 * 4096), ..options() };
    let journal = open_with(&environment, &options);
    let files = new_database(&journal, "a");
    for page in 1..40 {
        write(&files, &[(at(page * 4096), &[1])]).expect("written");
        journal.make_room().expect("room");
    }
    // The call is remembered, so this does not sleep.
    journal.park(Duration::from_secs(3600));
    assert_eq!(environment.counters.commits.get(), 1);
    journal.commit().expect("committed");
    // Neighbours are written together.
    assert!(environment.counters.applied_writes.get() <= 2);
    assert!(environment.counters.applied_bytes.get() >= 16 * 4096);
}

/// Random pages of a file three times the budget, against a vector.
#[test]
#[cfg_attr(miri, ignore = "maps files")]
fn dropped_pages_keep_their_contents() {
    const SEED: u64 = 17;
    println!("seed {SEED}");
    let mut random = oorandom::Rand32::new(SEED);
    let dir = tempfile::tempdir().expect("temporary directory");
    for real in [true, false] {
        let environment = match real {
            true => environment(OsDisk::open(dir.path()).expect("exists")),
            false => environment(HeapDisk::new()),
        };
        let budget = 300 * 4096;
        let journal = open_with(&environment, &Options { private_budget: budget, ..options() });
        let files = new_database(&journal, "a");
        let mut oracle = vec![0u8; 1000 * 4096];
        for _ in 0..60 {
            for _ in 0..50 {
                let page = random.rand_range(2..1000) as usize;
                let ofs = page * 4096 + random.rand_range(0..4000) as usize;
                let value = random.rand_u32().to_le_bytes();
                write(&files, &[(at(ofs as i32), &value)]).expect("written");
                oracle[ofs..ofs + 4].copy_from_slice(&value);
            }
            journal.commit().expect("committed");
            let private = files.side().pressure.private_pages.load(Relaxed);
            assert!(private * 4096 <= budget, "{private} private pages");
        }
        let seen = bytes(&files, at(2 * 4096), 998 * 4096);
        assert!(seen == oracle[2 * 4096..], "real files: {real}");
        assert!(environment.counters.pages_dropped.get() > 1000);
        journal.close().expect("closed");
    }
}

/// Pages that are made ready and never written, as those of padding are.
#[test]
#[cfg_attr(miri, ignore = "maps files")]
fn pages_made_ready_are_of_the_budget() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let environment = environment(OsDisk::open(dir.path()).expect("exists"));
    let budget = 100 * 4096;
    let journal = open_with(&environment, &Options { private_budget: budget, ..options() });
    let files = new_database(&journal, "a");
    let private = || files.side().pressure.private_pages.load(Relaxed);
    for n in 0..20 {
        let lock = StructureLock::new(());
        let mut exclusive = lock.exclusive();
        let before = private();
        let mut unit = UnitOfWork::structural(&files, exclusive.split().1).expect("writable");
        unit.foresee(at((n + 1) * 16 * 4096), 16 * 4096);
        unit.foresee(at(i32::MAX - 4096), 16 * 4096);
        assert_eq!(private(), before + 16);
        unit.write(at((n + 1) * 16 * 4096), &[7; 100]).expect("inside");
        unit.finish();
        assert_eq!(private(), before + 16, "those that are written too count once");
        journal.commit().expect("committed");
        assert!(private() * 4096 <= budget, "{} private pages", private());
    }
    assert!(environment.counters.pages_dropped.get() > 200);
    assert_eq!(bytes(&files, at(20 * 16 * 4096), 101), [vec![7; 100], vec![0]].concat());
}

/// A payload that is too large to be kept is still known by its length.
#[test]
#[cfg_attr(miri, ignore = "too long")]
fn room_is_made_for_as_much_as_the_last_time() {
    const LEN: usize = 20 << 20;
    let journal = open(HeapDisk::new());
    let files = journal.create_database("a").expect("made");
    files.add_data_file(32 << 20, 0).expect("made");
    for value in [1, 2] {
        write(&files, &[(at(8192), &vec![value; LEN])]).expect("written");
        let room = {
            let mut job = journal.commit.lock();
            job.payload = journal.room(&mut job);
            job.payload.capacity()
        };
        assert_eq!(room >= LEN, value == 2, "room for {room} bytes");
        journal.commit().expect("committed");
        assert_eq!(journal.commit.lock().payload.capacity(), 0, "it is not kept");
    }
    // Not where it cannot be needed.
    write(&files, &[(at(8192), &[3])]).expect("written");
    let room = journal.room(&mut journal.commit.lock()).capacity();
    assert!(room < 10_000, "room for {room} bytes");
}
