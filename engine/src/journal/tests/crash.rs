//! The power fails at every single change of a run, and then again at changes of the recovery.
//!
//! Each step of the run writes its number to three distant places in one unit of work. After
//! the crash all three hold one number: at least the last that was acknowledged as durable, at
//! most the last that was written.

use std::panic::{AssertUnwindSafe, catch_unwind};

use oorandom::Rand32;

use super::*;
use crate::disk::HeapDisk;
use crate::disk::sim_disk::{Fault, SimDisk, Syncs};

/// What a run had told its user when the power failed.
#[derive(Debug, Default, Clone, Copy)]
struct Told {
    written: u8,
    durable: u8,
    /// Database `b`: 0 not yet, 1 durable, 2 being dropped, 3 dropped.
    b: u8,
    closed: bool,
}

fn places(count: i32) -> [DiskLoc; 3] {
    [at(9000), DiskLoc::new(FileNo::NS, 70_000), DiskLoc::new(FileNo(count - 1), 12_000_000)]
}

struct Run<'a> {
    journal: &'a Journal,
    files: Arc<DatabaseFiles>,
    told: &'a mut Told,
}

impl Run<'_> {
    /// Writes the next number.
    fn write(&mut self) -> Result<CommitTicket> {
        self.told.written += 1;
        let value = [self.told.written];
        write(&self.files, &places(self.files.count()).map(|loc| (loc, &value[..])))
    }

    fn write_durably(&mut self) -> Result<()> {
        let ticket = self.write()?;
        self.journal.wait_durable(ticket)?;
        self.told.durable = self.told.written;
        Ok(())
    }
}

/// A short life that does all that changes files. Ends with the first error.
fn live(environment: &Environment, options: &Options, told: &mut Told) -> Result<()> {
    let (journal, _) = Journal::open(environment, options)?;
    let files = journal.create_database("a")?;
    files.add_data_file(4096, 0)?;
    let mut run = Run { journal: &journal, files, told };
    run.write_durably()?;
    run.write()?;
    run.write_durably()?;
    journal.sync_data_files()?;
    run.write_durably()?;
    run.files.add_data_file(4096, 1)?;
    run.write_durably()?;
    let b = journal.create_database("b")?;
    b.add_data_file(4096, 0)?;
    journal.wait_durable(write(&b, &[(at(9000), b"b")])?)?;
    run.told.b = 1;
    run.write_durably()?;
    journal.sync_data_files()?;
    run.write()?;
    run.told.b = 2;
    journal.drop_database(&b)?;
    run.told.b = 3;
    run.told.durable = run.told.written;
    run.write_durably()?;
    journal.truncate_journal()?;
    run.write_durably()?;
    run.write()?;
    journal.close()?;
    run.told.durable = run.told.written;
    run.told.closed = true;
    Ok(())
}

/// Opens what is left and checks it.
fn check(disk: HeapDisk, options: &Options, told: Told, context: &str) {
    let opened = Journal::open(&environment(disk), options);
    let (journal, names) = opened.unwrap_or_else(|error| panic!("{context}: {error}"));
    assert!(told.durable == 0 || names.contains(&"a".to_owned()), "{context}: a is gone");
    if names.contains(&"a".to_owned()) {
        let files = journal.open_database("a").unwrap_or_else(|e| panic!("{context}: {e}"));
        // The second file came after number 4; before, the last place was in the first.
        let found = |loc| files.bytes(loc, 1).map_or(0, |bytes| bytes[0]);
        let [first, ns, _] = places(1).map(found);
        let last = found(places(1)[2]).max(found(places(2)[2]));
        assert!(first == ns && ns == last, "{context}: torn: {first} {ns} {last}");
        assert!((told.durable..=told.written).contains(&first), "{context}: found {first}");
        // And it can be written again.
        files.add_data_file(4096, files.count()).expect("grows");
        write(&files, &[(at(9000), b"x")]).expect("writable");
    }
    let has_b = names.contains(&"b".to_owned());
    assert!(told.b != 3 || !has_b, "{context}: b was dropped");
    assert!(told.b != 1 || has_b, "{context}: b was durable");
    if has_b && told.b > 0 {
        let files = journal.open_database("b").unwrap_or_else(|e| panic!("{context}: {e}"));
        assert_eq!(files.bytes(at(9000), 1).map(<[u8]>::to_vec).ok(), Some(b"b".to_vec()));
    }
    if !has_b {
        // Nothing of it is in the way.
        let made = journal.create_database("b").and_then(|files| files.add_data_file(4096, 0));
        made.unwrap_or_else(|error| panic!("{context}: {error}"));
    }
    journal.close().unwrap_or_else(|error| panic!("{context}: {error}"));
}

fn crash_everywhere(options: &Options, outcomes: u64) {
    const SEED: u64 = 41;
    println!("seed {SEED}");
    for cut in 1.. {
        let disk = SimDisk::new(HeapDisk::new());
        // So small that every second commit rotates.
        let environment = Environment { rotation_len: Some(2 * 8192), ..environment(disk.clone()) };
        disk.fail_at(cut, Fault::PowerCut);
        let mut told = Told::default();
        let ended = live(&environment, options, &mut told);
        assert_eq!(ended.is_ok(), told.closed);
        for outcome in 0..outcomes {
            let context = format!("cut at {cut}, outcome {outcome}, {told:?}");
            let mut random = Rand32::new(SEED + cut * 1000 + outcome);
            let left = disk.after_power_cut(&mut random);
            // A second failure, within the recovery, then a third.
            let mut left = left;
            for _ in 0..outcome % 3 {
                let again = SimDisk::new(left.image());
                again.fail_at(u64::from(random.rand_range(1..30)), Fault::PowerCut);
                let opened = Journal::open(&super::environment(again.clone()), options);
                drop(opened);
                left = again.after_power_cut(&mut random);
            }
            check(left, options, told, &context);
        }
        if told.closed {
            assert!(cut > 100, "the run has only {cut} changes");
            return;
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "too long")]
fn power_fails_at_every_change() {
    crash_everywhere(&options(), 9);
}

#[test]
#[cfg_attr(miri, ignore = "too long")]
fn power_fails_at_every_change_with_a_directory_per_database() {
    crash_everywhere(&Options { directory_per_db: Some(true), ..options() }, 5);
}

/// The simulation must be able to fail: a disk whose syncs do nothing loses what was durable.
#[test]
#[cfg_attr(miri, ignore = "too long")]
fn syncs_that_do_nothing_are_found_out() {
    let mut found_out = 0;
    for seed in 0..20 {
        let disk = SimDisk::new(HeapDisk::new());
        disk.ignore_syncs(Syncs::All);
        disk.fail_at(100, Fault::PowerCut);
        let mut told = Told::default();
        live(&environment(disk.clone()), &options(), &mut told).expect_err("cut");
        assert!(told.durable > 0);
        let left = disk.after_power_cut(&mut Rand32::new(seed));
        let lost = || check(left, &options(), told, "canary");
        found_out += u32::from(catch_unwind(AssertUnwindSafe(lost)).is_err());
    }
    assert!(found_out > 0);
}

/// A process dies when a section is written and not yet synced, and the power fails while the
/// next one replays what it sees: what of the data files is changed by then, the journal has to
/// hold persistently.
#[test]
#[cfg_attr(miri, ignore = "too long")]
fn power_fails_while_a_section_is_replayed_that_was_not_synced() {
    for cut in 1.. {
        let disk = SimDisk::new(HeapDisk::new());
        let journal = open(disk.clone());
        let files = new_database(&journal, "a");
        let mut told = Told::default();
        let mut run = Run { journal: &journal, files, told: &mut told };
        run.write_durably().expect("durable");
        // So that no older section mends what a part of this one does.
        journal.truncate_journal().expect("nothing left to replay");
        run.write().expect("written");
        // The section is written; its sync fails.
        disk.fail_at(disk.changes() + 2, Fault::Io);
        journal.commit().expect_err("not synced");
        drop(run);
        drop(journal);

        disk.fail_at(disk.changes() + cut, Fault::PowerCut);
        let recovered = Journal::open(&environment(disk.clone()), &options()).is_ok();
        for outcome in 0..6 {
            let left = disk.after_power_cut(&mut Rand32::new(cut * 1000 + outcome));
            check(left, &options(), told, &format!("cut at {cut}, outcome {outcome}"));
        }
        if recovered {
            assert!(cut > 10, "a recovery has only {cut} changes");
            return;
        }
    }
}
