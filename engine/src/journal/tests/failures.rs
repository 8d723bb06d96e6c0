//! Failures of the disk stop the engine, are told to all, and lose nothing that was durable.

use super::*;
use crate::disk::HeapDisk;
use crate::disk::sim_disk::{Fault, SimDisk};
use crate::error::Error;
use crate::journal::journal_dir;

fn stopped<T: std::fmt::Debug>(result: Result<T>) -> bool {
    match result {
        Err(Error::ReadOnly { why }) => why.contains("injected") || why.contains("disk is full"),
        _ => false,
    }
}

/// Lets each change of a commit, and of the sync after it, fail in turn.
#[test]
#[cfg_attr(miri, ignore = "too long")]
fn any_failure_of_a_commit_or_sync_stops_all_writes() {
    for fault in [Fault::Io, Fault::NoSpace] {
        for step in 1.. {
            let disk = SimDisk::new(HeapDisk::new());
            let environment = Environment { rotation_len: Some(8192), ..environment(disk.clone()) };
            let journal = open_with(&environment, &options());
            let files = new_database(&journal, "a");
            let ticket = write(&files, &[(at(9000), b"one")]).expect("written");
            journal.wait_durable(ticket).expect("durable");

            let ticket = write(&files, &[(at(9000), b"two")]).expect("written");
            let from = disk.changes();
            disk.fail_at(from + step, fault);
            let first = journal.commit().and_then(|()| journal.sync_data_files());
            if first.is_ok() {
                assert!(disk.changes() < from + step, "a failure went unnoticed");
                assert!(step > 8, "a commit and a sync have more than {step} changes");
                break;
            }
            assert!(stopped(write(&files, &[(at(9000), b"three")])), "step {step}");
            assert!(stopped(journal.commit()) && stopped(journal.sync_data_files()));
            assert!(stopped(journal.truncate_journal()));
            assert!(stopped(files.add_data_file(4096, 1)));
            let waited = journal.wait_durable(ticket);
            assert!(waited.is_ok() || stopped(waited), "step {step}");
            assert_eq!(bytes(&files, at(9000), 3), b"two", "reads go on");
            assert!(stopped(journal.close()), "step {step}");

            // The next open recovers what was durable, and perhaps what was about to be.
            drop((files, journal));
            let mut random = oorandom::Rand32::new(step);
            let again = open(disk.after_power_cut(&mut random));
            let found = bytes(&again.open_database("a").expect("there"), at(9000), 3);
            assert!(found == b"one" || found == b"two", "step {step}: {found:?}");
        }
    }
}

#[test]
fn waiters_of_a_failed_commit_get_the_error() {
    let disk = SimDisk::new(HeapDisk::new());
    let journal = open(disk.clone());
    let files = new_database(&journal, "a");
    journal.commit().expect("committed");
    let tickets: Vec<_> =
        (0..4).map(|i| write(&files, &[(at(9000), &[i])]).expect("written")).collect();
    disk.fail_next(Fault::Io);
    let failures = std::thread::scope(|s| {
        let journal = &journal;
        let wait = |ticket| s.spawn(move || journal.wait_durable(ticket).is_err());
        let waits: Vec<_> = tickets.into_iter().map(wait).collect();
        waits.into_iter().filter_map(|wait| wait.join().ok()).filter(|&failed| failed).count()
    });
    assert_eq!(failures, 4);
}

#[test]
#[cfg_attr(miri, ignore = "too long")]
fn a_failed_open_can_be_tried_again() {
    let image = {
        let disk = HeapDisk::new();
        let journal = open(disk.clone());
        let files = new_database(&journal, "a");
        write(&files, &[(at(9000), b"x")]).expect("written");
        journal.commit().expect("committed");
        disk.image()
    };
    for step in 1.. {
        let disk = SimDisk::new(image.image());
        disk.fail_at(step, Fault::Io);
        let failed = Journal::open(&environment(disk.clone()), &options()).is_err();
        let changes = disk.changes();
        disk.fail_at(u64::MAX, Fault::Io);
        let journal = open(disk.clone());
        let files = journal.open_database("a").expect("there");
        assert_eq!(bytes(&files, at(9000), 1), b"x", "step {step}");
        if !failed {
            assert!(changes < step, "a failure went unnoticed");
            break;
        }
    }
}

/// A commit in the middle of a sync of the data files is not covered by that sync.
#[test]
#[cfg_attr(miri, ignore = "too long")]
fn sections_applied_during_a_sync_stay_in_the_journal() {
    let disk = SimDisk::new(HeapDisk::new());
    // Every section in a file of its own.
    let environment = Environment { rotation_len: Some(8192), ..environment(disk.clone()) };
    let journal = Arc::new(open_with(&environment, &options()));
    let files = new_database(&journal, "a");
    let ticket = write(&files, &[(at(9000), b"one")]).expect("written");
    journal.wait_durable(ticket).expect("durable");
    journal.commit().expect("written back");

    let (inner, written) = (journal.clone(), files.clone());
    disk.after_next_sync(move || {
        write(&written, &[(at(100_000), b"two")]).expect("written");
        inner.commit().expect("committed");
    });
    journal.sync_data_files().expect("synced");
    assert_eq!(journal_dir::numbers(&disk).expect("no hole"), [1, 2]);
    for seed in 0..20 {
        let left = open(disk.after_power_cut(&mut oorandom::Rand32::new(seed)));
        let files = left.open_database("a").expect("there");
        assert_eq!(bytes(&files, at(9000), 3), b"one");
        assert_eq!(bytes(&files, at(100_000), 3), b"two", "seed {seed}");
    }
    // The next sync does cover it, once it is written back.
    journal.commit().expect("written back");
    journal.sync_data_files().expect("synced");
    assert_eq!(journal_dir::numbers(&disk).expect("no hole"), [2]);
    for seed in 0..20 {
        let left = open(disk.after_power_cut(&mut oorandom::Rand32::new(seed)));
        let files = left.open_database("a").expect("there");
        assert_eq!(bytes(&files, at(100_000), 3), b"two", "seed {seed}");
    }
}
