//! Replay of journals that are whole, torn, foreign or hostile.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::*;
use crate::disk::{Access, HeapDisk};
use crate::error::Error;
use crate::file_id::{LOCK_FILE, Layout, journal_file};
use crate::journal::lsn_file::LsnFile;
use crate::journal::payload::Builder;
use crate::journal::recovery::{Replayed, recover, recover_keeping};
use crate::journal::section;
use crate::rounds::rounds;

const FILE_ID: u64 = 0x1234_5678_9abc;

/// A journal of our own making, file by file.
struct Journals {
    disk: HeapDisk,
    number: u32,
    /// Of pages that may wait, bytes.
    memory: u64,
}

impl Journals {
    fn new() -> Journals {
        let disk = HeapDisk::new();
        disk.create_dir_all(Path::new("journal")).expect("made");
        Journals { disk, number: 0, memory: 2 * 4096 }
    }

    /// Adds a file with these payloads and sequence numbers; gives its length.
    fn file(&mut self, sections: &[(u64, Vec<u8>)]) -> u64 {
        let mut bytes = section::file_header(FILE_ID, 0, "j._0");
        for (seq, payload) in sections {
            let mut out = Vec::new();
            section::encode(payload, *seq, FILE_ID, &mut out).expect("short");
            bytes.extend(out);
        }
        let file = self.disk.create(&journal_file(self.number), 0).expect("made");
        file.write_at(0, &bytes).expect("written");
        self.number += 1;
        bytes.len() as u64
    }

    fn recover(&self) -> Result<Replayed> {
        let disk: Arc<dyn Disk> = Arc::new(self.disk.clone());
        let numbers: Vec<u32> = (0..self.number).collect();
        recover(&disk, Layout::Flat, &numbers, self.memory)
    }

    /// Every file there is, with its bytes.
    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        files(&self.disk)
    }

    fn value(&self) -> u8 {
        let mut value = [0];
        let file = self.disk.open(Path::new("a.0"), Access::Read).expect("there");
        file.read_at(9000, &mut value).expect("read");
        value[0]
    }
}

fn files(disk: &HeapDisk) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for dir in ["", "journal"].map(Path::new) {
        for entry in disk.list(dir).expect("listed").into_iter().filter(|entry| !entry.is_dir) {
            let path = dir.join(entry.name);
            let file = disk.open(&path, Access::Read).expect("there");
            let mut bytes = vec![0; file.len().expect("open") as usize];
            file.read_at(0, &mut bytes).expect("read");
            found.insert(path, bytes);
        }
    }
    found
}

fn payload(steps: impl FnOnce(&mut Builder)) -> Vec<u8> {
    let mut builder = Builder::new(Layout::Flat, Vec::new());
    steps(&mut builder);
    builder.into_payload()
}

fn created() -> Vec<u8> {
    payload(|b| b.file_created(Path::new("a.0"), 16384))
}

fn set(value: u8) -> Vec<u8> {
    payload(|b| {
        b.database(&"a".into());
        b.write(FileNo(0), 9000, &[value]);
    })
}

fn is_bad(result: Result<Replayed>, path: impl Into<PathBuf>) -> bool {
    let path = path.into();
    matches!(result, Err(Error::BadFile { file, .. }) if file == path)
}

#[test]
fn sections_are_replayed_in_order_and_again_with_the_same_outcome() {
    let mut journals = Journals::new();
    journals.file(&[(1, created()), (2, set(1)), (3, set(2))]);
    journals.file(&[(4, set(3))]);
    for _ in 0..2 {
        let replayed = journals.recover().expect("whole");
        assert_eq!(replayed, Replayed { sections: 4, skipped: 0, torn: false });
        assert_eq!(journals.value(), 3);
    }
}

#[test]
fn old_sections_are_skipped_by_the_lsn() {
    let mut journals = Journals::new();
    journals.file(&[(1, created()), (2, set(1))]);
    journals.recover().expect("whole");
    let mut journals = Journals { number: 1, ..journals };
    journals.file(&[(10_005, set(2)), (20_006, set(3))]);
    LsnFile::default().publish_synced(&journals.disk, 20_006).expect("written");
    let replayed = journals.recover().expect("whole");
    assert_eq!(replayed, Replayed { sections: 1, skipped: 3, torn: false });
    assert_eq!(journals.value(), 3);
}

#[test]
fn a_journal_cut_at_any_byte_replays_what_is_whole_before() {
    let (mut journals, sections) = (Journals::new(), [(1, created()), (2, set(1)), (3, set(2))]);
    let len = journals.file(&sections);
    let disk = journals.disk.image();
    // Every cut within the last section's bytes, and a sample of all others.
    let last = len - 8192;
    let (near, far) = if cfg!(miri) { (23, 4001) } else { (1, 97) };
    let cuts = (last..last + 100).step_by(near).chain((0..last).step_by(far));
    for cut in cuts.chain([len - 1, len]) {
        let journals = Journals { disk: disk.image(), number: 1, memory: 0 };
        let file = journals.disk.open(&journal_file(0), Access::Write).expect("there");
        file.set_len(cut).expect("cut");
        let replayed = journals.recover().expect("torn at the end only");
        // A section is whole without its filler.
        let whole = (0..3).filter(|n| cut >= 8192 + n * 8192 + 120).count() as u64;
        let edge = cut % 8192 < 120;
        assert!(replayed.sections == whole || edge && replayed.sections == whole + 1, "{cut}");
        let at_end = cut >= 8192 && (cut % 8192 == 0 || replayed.sections > (cut - 8192) / 8192);
        assert_eq!(replayed.torn, !at_end, "cut at {cut}");
        if replayed.sections > 1 {
            assert_eq!(u64::from(journals.value()), replayed.sections - 1);
        }
    }
}

#[test]
fn an_abrupt_end_is_refused_before_another_file() {
    let whole = [(1, created()), (2, set(1))];
    for cut in [0, 100, 8191, 8192 + 50, 2 * 8192 + 30] {
        let mut journals = Journals::new();
        journals.file(&whole);
        journals.file(&[(3, set(2))]);
        let first = journals.disk.open(&journal_file(0), Access::Write).expect("there");
        first.set_len(cut).expect("cut");
        let before = journals.files();
        assert!(is_bad(journals.recover(), journal_file(0)), "cut at {cut}");
        assert!(journals.files() == before, "cut at {cut}");
    }
    // As the last file it may even be empty.
    let mut journals = Journals::new();
    journals.file(&whole);
    journals.disk.create(&journal_file(1), 0).expect("made");
    journals.number = 2;
    assert_eq!(journals.recover().expect("torn").sections, 2);
}

#[test]
fn stale_sections_of_a_recycled_file_are_not_replayed() {
    let mut journals = Journals::new();
    journals.file(&[(1, created()), (2, set(1)), (3, set(2))]);
    let file = journals.disk.open(&journal_file(0), Access::Write).expect("there");
    // The last section was written for another file.
    file.write_at(3 * 8192 + 12, &99u64.to_le_bytes()).expect("written");
    assert_eq!(journals.recover().expect("ends").sections, 2);
    assert_eq!(journals.value(), 1);
}

#[test]
fn what_does_not_fit_is_refused_and_no_byte_of_a_file_changes() {
    let late_operation = payload(|b| {
        b.database(&"a".into());
        b.write(FileNo(0), 9000, &[7]);
        b.file_created(Path::new("a.0"), 16384);
    });
    let unreadable = [set(7), vec![0; 4]].concat();
    let missing = payload(|b| {
        b.database(&"b".into());
        b.write(FileNo(0), 0, &[7]);
    });
    let gone = [payload(|b| b.drop_database("a")), set(7)].concat();
    for (bad, named) in [
        (late_operation, journal_file(0)),
        (unreadable, journal_file(0)),
        (missing, PathBuf::from("b.0")),
        (gone, PathBuf::from("a.0")),
    ] {
        let mut journals = Journals::new();
        journals.disk.create(Path::new("a.0"), 16384).expect("made");
        journals.file(&[(1, created()), (2, set(1)), (3, bad)]);
        let before = journals.files();
        assert!(is_bad(journals.recover(), named));
        assert!(journals.files() == before);
    }

    let mut journals = Journals::new();
    journals.file(&[(1, created()), (2, set(1))]);
    journals.file(&[(3, set(2))]);
    let file = journals.disk.open(&journal_file(1), Access::Write).expect("there");
    file.write_at(2, &[0x48]).expect("written");
    let before = journals.files();
    assert!(is_bad(journals.recover(), journal_file(1)), "another version");
    assert!(journals.files() == before);
}

/// The lsn file says what the journal had: data files may have pages of that.
#[test]
fn a_journal_that_lacks_its_end_is_refused_and_no_byte_of_a_file_changes() {
    let sections = [(1, created()), (2, set(1)), (3, set(2))];
    // Of two journal files, the second with none, one, two or all three of its sections.
    for left in 0..=3 {
        let mut journals = Journals::new();
        journals.file(&sections);
        let later = [(4, set(3)), (5, set(4)), (6, set(5))];
        journals.file(&later[..left]);
        LsnFile::default().note_journaled(&journals.disk, 6).expect("written");
        // As the last of them left it.
        let file = journals.disk.create(Path::new("a.0"), 16384).expect("made");
        file.write_at(9000, &[5]).expect("written");
        let before = journals.files();
        if left == 3 {
            assert!(!journals.recover().expect("whole").torn);
        } else {
            assert!(is_bad(journals.recover(), journal_file(1)), "{left} left");
            assert!(journals.files() == before, "{left} left");
        }
        // Who salvages takes what there is, and is told.
        let disk: Arc<dyn Disk> = Arc::new(journals.disk.clone());
        let salvaged = recover_keeping(&disk, Layout::Flat, &[0, 1]).expect("salvaged");
        let sections = sections.len() as u64 + left as u64;
        assert_eq!(salvaged, Replayed { sections, skipped: 0, torn: left < 3 });
    }
}

/// The same of a directory that is opened: its lock file, its journal, all is as it was.
#[test]
fn a_refused_open_leaves_every_byte() {
    let disk = HeapDisk::new();
    let journal = open(disk.clone());
    let files_of_a = new_database(&journal, "a");
    let mut ends = Vec::new();
    for value in 1..4 {
        write(&files_of_a, &[(at(9000), &[value; 5000])]).expect("written");
        journal.commit().expect("committed");
        ends.push(disk.metadata(&journal_file(0)).expect("looked").expect("there").len);
    }
    let crashed = disk.image();
    for &end in &ends[..2] {
        let cut = crashed.image();
        cut.open(&journal_file(0), Access::Write).expect("there").set_len(end).expect("cut");
        let before = files(&cut);
        let refused = Journal::open(&environment(cut.clone()), &options()).map(|_| ());
        assert!(matches!(refused, Err(Error::BadFile { .. })), "{refused:?}");
        assert!(files(&cut) == before, "cut at {end}");
    }
    let files_of_a = open(crashed).open_database("a").expect("whole");
    assert_eq!(bytes(&files_of_a, at(9000), 1), [3]);
}

#[test]
fn writes_beyond_a_file_are_passed_over_and_dropped_databases_go() {
    let beyond = payload(|b| {
        b.database(&"a".into());
        b.write(FileNo(0), 9000, &[5]);
        b.write(FileNo(0), 16380, &[1; 5]);
        b.write(FileNo(0), u32::MAX as usize - 1, &[1; 3]);
        b.write(FileNo(0), 16379, &[2; 5]);
    });
    let mut journals = Journals::new();
    journals.file(&[(1, created()), (2, beyond)]);
    journals.recover().expect("whole");
    assert_eq!(journals.value(), 5);
    let file = journals.disk.open(Path::new("a.0"), Access::Read).expect("there");
    let mut tail = [0; 5];
    file.read_at(16379, &mut tail).expect("read");
    assert_eq!((file.len().expect("open"), tail), (16384, [2; 5]));

    for name in ["a.ns", "a.1", "ab.ns"] {
        journals.disk.create(Path::new(name), 0).expect("made");
    }
    journals.file(&[(3, payload(|b| b.drop_database("a")))]);
    journals.recover().expect("whole");
    let left = journals.disk.list(Path::new("")).expect("listed");
    let mut left: Vec<_> = left.into_iter().map(|entry| entry.name).collect();
    left.sort();
    assert_eq!(left, ["ab.ns", "journal"]);
}

/// A crash between the replay and the end of the journal: the file is gone, and was to be.
#[test]
fn a_database_that_is_dropped_after_writes_is_dropped_twice() {
    for end in [payload(|b| b.drop_database("a")), created()] {
        let mut journals = Journals::new();
        journals.disk.create(Path::new("a.0"), 16384).expect("made");
        journals.file(&[(1, set(1)), (2, end)]);
        let first = journals.recover().expect("whole");
        assert_eq!(journals.recover().expect("whole again"), first);
    }
}

/// However few pages may wait, a replay leaves what its entries say, one after the other.
#[test]
fn pages_that_wait_are_what_was_written() {
    const LEN: usize = 5 * 4096 + 100;
    for seed in 0..u64::from(rounds(60)) {
        println!("seed {seed}");
        let mut random = oorandom::Rand32::new(seed);
        let mut journals =
            Journals { memory: [0, 1, 2 * 4096, 1 << 20][seed as usize % 4], ..Journals::new() };
        let names = ["a", "b"];
        // One is there, with bytes of its own; both are written to once they are made.
        let mut expected = [Some(vec![9; LEN]), None];
        let file = journals.disk.create(Path::new("a.0"), LEN as u64).expect("made");
        file.write_at(0, &[9; LEN]).expect("written");
        for number in 0..3 {
            let sections = (0..4).map(|section| {
                let entries = payload(|builder| {
                    // What is done to files comes first in a section.
                    for step in [remake, overwrite] {
                        for (name, file) in names.iter().zip(&mut expected) {
                            step(&mut random, builder, name, file);
                        }
                    }
                });
                (number * 4 + section + 1, entries)
            });
            let sections: Vec<_> = sections.filter(|(_, entries)| !entries.is_empty()).collect();
            journals.file(&sections);
        }
        journals.recover().expect("whole");
        for (name, expected) in names.iter().zip(&expected) {
            let path = PathBuf::from(format!("{name}.0"));
            let there = journals.disk.metadata(&path).expect("looked");
            assert_eq!(there.map(|it| it.len as usize), expected.as_ref().map(Vec::len), "{name}");
            let Some(expected) = expected else { continue };
            let mut found = vec![0; LEN];
            let file = journals.disk.open(&path, Access::Read).expect("there");
            file.read_at(0, &mut found).expect("read");
            assert!(found == *expected, "{name}");
        }
    }

    /// Perhaps the file is made anew, or removed.
    fn remake(
        random: &mut oorandom::Rand32,
        builder: &mut Builder,
        name: &str,
        file: &mut Option<Vec<u8>>,
    ) {
        match random.rand_range(0..6) {
            0 => {
                builder.file_created(&PathBuf::from(format!("{name}.0")), LEN as u64);
                *file = Some(vec![0; LEN]);
            }
            1 => {
                builder.drop_database(name);
                *file = None;
            }
            _ => {}
        }
    }

    /// If it is there, some of it is overwritten.
    fn overwrite(
        random: &mut oorandom::Rand32,
        builder: &mut Builder,
        name: &str,
        file: &mut Option<Vec<u8>>,
    ) {
        let Some(file) = file else { return };
        builder.database(&name.into());
        for _ in 0..random.rand_range(1..30) {
            let ofs = random.rand_range(0..LEN as u32) as usize;
            let len = random.rand_range(1..6000).min((LEN - ofs) as u32) as usize;
            let bytes = vec![random.rand_u32() as u8; len];
            builder.write(FileNo(0), ofs, &bytes);
            file[ofs..ofs + len].copy_from_slice(&bytes);
        }
    }
}

/// Random bytes, and random changes of a good journal: an answer, never a panic.
#[test]
fn hostile_journals_never_panic() {
    const SEED: u64 = 23;
    println!("seed {SEED}");
    let mut random = oorandom::Rand32::new(SEED);
    let good = [set(7), payload(|b| b.drop_database("b")), created()].concat();
    for _ in 0..rounds(3000) {
        let mut bad = good.clone();
        for _ in 0..random.rand_range(1..6) {
            let at = random.rand_range(0..bad.len() as u32) as usize;
            bad[at] = random.rand_u32() as u8;
        }
        bad.truncate(random.rand_range(1..bad.len() as u32 + 1) as usize);
        let mut journals = Journals::new();
        journals.file(&[(1, created()), (2, bad)]);
        // Refused or carried out: either is an answer.
        let _ = journals.recover();
    }
}

#[test]
fn a_read_only_open_replays_without_changing_a_byte() {
    let disk = HeapDisk::new();
    let journal = open(disk.clone());
    let files = new_database(&journal, "a");
    journal.commit().expect("committed");
    write(&files, &[(at(9000), b"journaled")]).expect("written");
    journal.commit().expect("committed");
    let crashed = disk.image();
    // The data file has not got it: only the journal has.
    let raw = crashed.open(Path::new("a.0"), Access::Write).expect("there");
    raw.write_at(9000, &[0; 9]).expect("written");

    let options = Options { read_only: true, ..options() };
    for _ in 0..2 {
        let (journal, names) =
            Journal::open(&environment(crashed.clone()), &options).expect("opened");
        assert_eq!(names, ["a"]);
        let files = journal.open_database("a").expect("there");
        assert_eq!(bytes(&files, at(9000), 9), b"journaled");
        assert!(matches!(write(&files, &[(at(9000), b"x")]), Err(Error::ReadOnly { .. })));
        assert!(matches!(journal.create_database("b"), Err(Error::ReadOnly { .. })));
        assert!(matches!(files.add_data_file(4096, 1), Err(Error::ReadOnly { .. })));
        let mut zeros = [1; 9];
        raw.read_at(9000, &mut zeros).expect("read");
        assert_eq!(zeros, [0; 9]);
        let locked = Journal::open(&environment(crashed.clone()), &super::options());
        assert!(matches!(locked, Err(Error::Locked { .. })));
        journal.close().expect("closed");
    }
    let lock = crashed.metadata(Path::new(LOCK_FILE)).expect("looked").expect("there");
    assert!(lock.len > 0, "still unclean");
    let files = open(crashed).open_database("a").expect("recovered");
    assert_eq!(bytes(&files, at(9000), 9), b"journaled");
}
