//! The journal as a whole: units of work, commits, crashes, failures, on disks in RAM.

mod commits;
mod crash;
mod failures;
mod files;
mod gathering;
mod recovery;
mod units;
mod write_back;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::commit_ticket::CommitTicket;
use super::{DatabaseFiles, Environment, Journal, UnitOfWork};
use crate::clock::Clock;
use crate::counters::Counters;
use crate::disk::{Disk, Edit};
use crate::disk_loc::{DiskLoc, FileNo};
use crate::error::Result;
use crate::locks::StructureLock;
use crate::options::Options;

/// A clock that stands until it is moved.
#[derive(Debug, Default)]
struct TestClock(AtomicU64);

impl Clock for TestClock {
    fn unix_ms(&self) -> i64 {
        1_700_000_000_000 + self.0.load(Relaxed) as i64
    }

    fn uptime_ms(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

fn environment(disk: impl Disk + 'static) -> Environment {
    Environment {
        disk: Arc::new(disk),
        clock: Arc::new(TestClock::default()),
        counters: Arc::new(Counters::default()),
        rotation_len: None,
    }
}

fn options() -> Options {
    Options { ns_size_mib: 1, ..Options::default() }
}

fn open(disk: impl Disk + 'static) -> Journal {
    open_with(&environment(disk), &options())
}

fn open_with(environment: &Environment, options: &Options) -> Journal {
    Journal::open(environment, options).expect("opened").0
}

/// Database `name` with one data file.
fn new_database(journal: &Journal, name: &str) -> Arc<DatabaseFiles> {
    let files = journal.create_database(name).expect("made");
    files.add_data_file(4096, 0).expect("made");
    files
}

fn at(ofs: i32) -> DiskLoc {
    DiskLoc::new(FileNo(0), ofs)
}

/// Writes all of `changes` in one unit of work.
fn write(files: &DatabaseFiles, changes: &[(DiskLoc, &[u8])]) -> Result<CommitTicket> {
    let lock = StructureLock::new(());
    let mut exclusive = lock.exclusive();
    let mut unit = UnitOfWork::structural(files, exclusive.split().1)?;
    for &(loc, bytes) in changes {
        unit.write(loc, bytes)?;
    }
    Ok(unit.finish())
}

fn bytes(files: &DatabaseFiles, loc: DiskLoc, len: usize) -> Vec<u8> {
    files.bytes(loc, len).expect("inside").to_vec()
}
