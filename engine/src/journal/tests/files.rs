//! The files of databases: made, opened, refused, dropped.

use std::path::Path;

use super::*;
use crate::disk::sim_disk::{Fault, SimDisk};
use crate::disk::{Access, DiskFile, HeapDisk};
use crate::error::{Class, Error};
use crate::file_id::Layout;
use crate::format::data_file_header as header;
use crate::journal::journal_dir;

const MIB: u64 = 1 << 20;

fn len(disk: &dyn Disk, path: &str) -> Option<u64> {
    disk.metadata(Path::new(path)).expect("looked").map(|found| found.len)
}

#[test]
fn files_grow_by_the_table_and_come_back_at_open() {
    for directory_per_db in [false, true] {
        let disk = HeapDisk::new();
        let options = Options { directory_per_db: Some(directory_per_db), ..options() };
        let journal = open_with(&environment(disk.clone()), &options);
        let files = journal.create_database("a").expect("made");
        assert_eq!(files.count(), 0);
        files.add_data_file(4096, 0).expect("made");
        files.add_data_file(4096, 0).expect("somebody else has made it");
        assert_eq!(files.count(), 1);
        files.add_data_file(4096, 1).expect("made");
        let dir = if directory_per_db { "a/" } else { "" };
        assert_eq!(len(&disk, &format!("{dir}a.ns")), Some(MIB));
        assert_eq!(len(&disk, &format!("{dir}a.0")), Some(16 * MIB));
        assert_eq!(len(&disk, &format!("{dir}a.1")), Some(32 * MIB));
        let head = bytes(&files, DiskLoc::new(FileNo(1), 0), 64);
        assert_eq!(header::UNUSED.get(&head), DiskLoc::new(FileNo(1), 8192));
        journal.close().expect("closed");
        drop(journal);

        let journal = open_with(&environment(disk.clone()), &options);
        let again = journal.open_database("a").expect("there");
        assert_eq!(again.count(), 2);
        assert_eq!(bytes(&again, DiskLoc::new(FileNo(1), 0), 64), head);
        let other = Options { directory_per_db: Some(!directory_per_db), ..options };
        drop(journal);
        assert!(matches!(Journal::open(&environment(disk), &other), Err(Error::BadFile { .. })));
    }
}

#[test]
fn an_unused_file_is_replaced_and_gives_its_length() {
    let disk = HeapDisk::new();
    let journal = open(disk.clone());
    let files = new_database(&journal, "a");
    // As a 2.x server preallocates; with a byte that must not come through.
    let unused = disk.create(Path::new("a.1"), 24 * MIB).expect("made");
    unused.write_at(9000, &[7]).expect("written");
    files.add_data_file(4096, 1).expect("made");
    assert_eq!(files.file(FileNo(1)).expect("there").len() as u64, 24 * MIB);
    assert_eq!(bytes(&files, DiskLoc::new(FileNo(1), 9000), 1), [0]);
    // Too short for the extent: the table decides.
    disk.create(Path::new("a.2"), 8192).expect("made");
    files.add_data_file(4096, 2).expect("made");
    assert_eq!(files.file(FileNo(2)).expect("there").len() as u64, 64 * MIB);
}

#[test]
#[cfg_attr(miri, ignore = "too long")]
fn opening_stops_at_the_first_file_that_is_not_in_use() {
    let disk = HeapDisk::new();
    let journal = open(disk.clone());
    let files = new_database(&journal, "a");
    files.add_data_file(4096, 1).expect("made");
    files.add_data_file(4096, 2).expect("made");
    journal.close().expect("closed");
    drop(journal);
    let second = disk.open(Path::new("a.1"), Access::Write).expect("there");
    second.write_at(0, &[0; 4]).expect("written");
    assert_eq!(open(disk.image()).open_database("a").expect("there").count(), 1);
    second.write_at(0, &[4, 0, 0, 0]).expect("written");
    assert_eq!(open(disk.image()).open_database("a").expect("there").count(), 3);
    second.set_len(8195).expect("cut");
    assert_eq!(open(disk.image()).open_database("a").expect("there").count(), 1);
    disk.remove(Path::new("a.1")).expect("removed");
    assert_eq!(open(disk.image()).open_database("a").expect("there").count(), 1);
}

#[test]
fn files_with_impossible_lengths_or_versions_are_refused() {
    let disk = HeapDisk::new();
    let journal = open(disk.clone());
    new_database(&journal, "a");
    journal.close().expect("closed");
    drop(journal);
    type Damage = fn(&dyn DiskFile);
    let damage: [(&str, Damage); 5] = [
        ("a.0", |f| f.set_len(16 * MIB - 1).expect("cut")),
        ("a.0", |f| f.write_at(0, &[5]).expect("written")),
        ("a.0", |f| f.write_at(4, &[22 | 0x20]).expect("written")),
        ("a.ns", |f| f.set_len(MIB - 4096).expect("cut")),
        ("a.ns", |f| f.set_len(0).expect("cut")),
    ];
    for (name, damage) in damage {
        let damaged = disk.image();
        damage(&*damaged.open(Path::new(name), Access::Write).expect("there"));
        let refused = open(damaged).open_database("a").map(|_| ());
        assert!(matches!(refused, Err(Error::BadFile { file, .. }) if file == Path::new(name)));
    }
}

#[test]
fn a_database_is_made_once_and_not_over_orphans() {
    let disk = HeapDisk::new();
    let journal = open(disk.clone());
    new_database(&journal, "a");
    assert!(matches!(journal.create_database("a"), Err(Error::NamespaceExists { .. })));
    disk.create(Path::new("b.0"), 16 * MIB).expect("made");
    assert!(matches!(journal.create_database("b"), Err(Error::BadFile { .. })));
    assert_eq!(len(&disk, "b.ns"), None);
    assert!(matches!(journal.create_database("../c"), Err(Error::InvalidNamespace { .. })));
}

#[test]
#[cfg_attr(miri, ignore = "too long")]
fn dropping_a_database_leaves_the_others_and_no_journal_of_it() {
    for layout in [Layout::Flat, Layout::DirectoryPerDb] {
        let disk = HeapDisk::new();
        let directory_per_db = layout == Layout::DirectoryPerDb;
        let options = Options { directory_per_db: Some(directory_per_db), ..options() };
        let journal = open_with(&environment(disk.clone()), &options);
        let (a, b) = (new_database(&journal, "a"), new_database(&journal, "b"));
        write(&a, &[(at(9000), b"a")]).expect("written");
        write(&b, &[(at(9000), b"b")]).expect("written");
        journal.drop_database(&a).expect("dropped");
        for file in [FileNo::NS, FileNo(0)] {
            let path = layout.file("a", file);
            assert!(disk.metadata(&path).expect("looked").is_none(), "{}", path.display());
        }
        assert_eq!(a.side().pressure.private_pages.load(Relaxed), 2, "only those of b");
        write(&b, &[(at(9000), b"B")]).expect("written");
        new_database(&journal, "a");
        journal.commit().expect("committed");

        let (journal, names) = Journal::open(&environment(disk.image()), &options).expect("opened");
        assert_eq!(names, ["a", "b"]);
        let again = journal.open_database("a").expect("there");
        assert_eq!(bytes(&again, at(9000), 1), [0]);
        let b = journal.open_database("b").expect("there");
        assert_eq!(bytes(&b, at(9000), 1), b"B");
    }
}

#[test]
fn a_full_disk_is_an_error_of_one_operation() {
    let disk = SimDisk::new(HeapDisk::new());
    let journal = open(disk.clone());
    disk.fail_next(Fault::Io);
    assert!(journal.create_database("a").is_err());
    let files = new_database(&journal, "a");
    // Every change of it in turn: the scratch directory, the file, its sync, its name …
    for step in 1..=5 {
        disk.fail_at(disk.changes() + step, Fault::NoSpace);
        let refused = files.add_data_file(4096, 1).expect_err("no space");
        assert_eq!(refused.class(), Class::Retry, "step {step}: {refused}");
        assert_eq!(files.count(), 1);
    }
    files.add_data_file(4096, 1).expect("space again");
    write(&files, &[(DiskLoc::new(FileNo(1), 9000), b"x")]).expect("written");
    journal.commit().expect("committed");
    assert_eq!(journal_dir::numbers(&disk).expect("listed"), [0]);
}
