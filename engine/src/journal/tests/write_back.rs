//! Pages that are written back long after their commit: what the files have, and what the journal
//! still has to have.

use std::path::Path;

use super::*;
use crate::disk::sim_disk::SimDisk;
use crate::disk::{Access, HeapDisk};
use crate::journal::journal_dir;
use crate::limits::PAGE;
use crate::rounds::rounds;

/// More than one commit writes back.
const PAGES: i32 = 1500;

fn page(n: i32) -> DiskLoc {
    at(8192 + n * PAGE as i32)
}

/// How many of the pages have `value` in the file.
fn written(disk: &HeapDisk, value: u8) -> usize {
    let file = disk.open(Path::new("a.0"), Access::Read).expect("there");
    let has = |n: &i32| {
        let mut found = [0];
        file.read_at(page(*n).ofs as u64, &mut found).expect("read");
        found == [value]
    };
    (0..PAGES).filter(has).count()
}

#[test]
#[cfg_attr(miri, ignore = "too long")]
fn the_journal_has_what_the_files_have_not() {
    let disk = HeapDisk::new();
    let environment = Environment { rotation_len: Some(4 * 8192), ..environment(disk.clone()) };
    let journal = open_with(&environment, &options());
    let files = new_database(&journal, "a");
    let mut retired = 0;
    for value in 1..=60 {
        for n in 0..PAGES {
            write(&files, &[(page(n), &[value])]).expect("written");
        }
        journal.commit().expect("committed");
        let now = written(&disk, value);
        assert!(now < 200, "{now} pages are written with one commit");
        if value % 7 == 0 {
            journal.sync_data_files().expect("synced");
            let first = journal_dir::numbers(&disk).expect("no hole")[0];
            retired = retired.max(first);
        }
        let image = open(disk.image()).open_database("a").expect("there");
        for n in 0..PAGES {
            assert_eq!(bytes(&image, page(n), 1), [value], "page {n}");
        }
    }
    assert!(retired > 0, "no journal file was ever retired");
    journal.close().expect("closed");
    assert_eq!(written(&disk, 60), PAGES as usize);
}

#[test]
#[cfg_attr(miri, ignore = "too long")]
fn what_is_not_changed_any_more_is_written_soon() {
    let disk = HeapDisk::new();
    let environment = environment(disk.clone());
    let journal = open_with(&environment, &options());
    let files = new_database(&journal, "a");
    for n in 0..PAGES {
        write(&files, &[(page(n), &[1])]).expect("written");
    }
    let mut commits = 0;
    while written(&disk, 1) < PAGES as usize {
        journal.commit().expect("committed");
        commits += 1;
        assert!(commits < 200, "still not written");
    }
    let applied = environment.counters.applied_bytes.get();
    (0..10).for_each(|_| journal.commit().expect("nothing to do"));
    assert_eq!(environment.counters.applied_bytes.get(), applied, "written twice");
    assert_eq!(environment.counters.commits.get(), 1);
}

#[test]
fn a_database_that_is_dropped_in_the_middle_of_a_round() {
    let disk = HeapDisk::new();
    let journal = open(disk.clone());
    let (kept, dropped) = (new_database(&journal, "k"), new_database(&journal, "a"));
    for files in [&kept, &dropped] {
        for n in 0..rounds(500) as i32 {
            write(files, &[(page(n), &[1])]).expect("written");
        }
    }
    journal.commit().expect("committed");
    journal.drop_database(&dropped).expect("dropped");
    let again = new_database(&journal, "a");
    write(&again, &[(page(0), &[7])]).expect("written");
    write(&kept, &[(page(0), &[8])]).expect("written");
    journal.commit().expect("committed");
    let image = open(disk.image());
    let (kept, again) = (image.open_database("k"), image.open_database("a"));
    let (kept, again) = (kept.expect("there"), again.expect("there"));
    assert_eq!([bytes(&kept, page(0), 1), bytes(&kept, page(1), 1)], [[8], [1]]);
    assert_eq!([bytes(&again, page(0), 1), bytes(&again, page(1), 1)], [[7], [0]]);
    journal.close().expect("closed");
}

/// The last commit of those that empty the journal has to be whole; what units of work change while
/// its section is synced is not of it, and does not get into a file.
#[test]
fn units_go_on_while_the_journal_is_emptied() {
    let disk = SimDisk::new(HeapDisk::new());
    let journal = Arc::new(open(disk.clone()));
    let files = new_database(&journal, "a");
    write(&files, &[(page(0), &[1]), (page(1), &[1])]).expect("written");
    let in_files = |disk: &SimDisk| {
        let file = disk.open(Path::new("a.0"), Access::Read).expect("there");
        [0, 1, 2].map(|n| {
            let mut found = [0];
            file.read_at(page(n).ofs as u64, &mut found).expect("read");
            found[0]
        })
    };
    let (inner, written, again) = (journal.clone(), files.clone(), disk.clone());
    disk.after_next_sync(move || {
        // The section of the first commit. So that the last has something:
        write(&written, &[(page(1), &[2])]).expect("written");
        again.after_next_sync(move || {
            let gate = format!("{:?}", inner.side.gate);
            assert!(gate.contains("closed: false"), "{gate}");
            write(&written, &[(page(1), &[3]), (page(2), &[3])]).expect("written");
        });
    });
    journal.truncate_journal().expect("emptied");
    assert_eq!(in_files(&disk), [1, 2, 0]);
    assert_eq!(journal_dir::numbers(&disk).expect("no hole"), [1]);
    let left = |value: &[u8; 3]| {
        let image = open(disk.after_power_cut(&mut oorandom::Rand32::new(1)));
        let image = image.open_database("a").expect("there");
        assert_eq!([0, 1, 2].map(|n| bytes(&image, page(n), 1)[0]), *value);
    };
    left(&[1, 2, 0]);
    journal.commit().expect("committed");
    left(&[1, 3, 3]);
    journal.close().expect("closed");
    assert_eq!(in_files(&disk), [1, 3, 3]);
}
