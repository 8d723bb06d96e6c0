//! Does the engine survive a power failure at any moment?
//!
//! Scripts of random operations, crashed before every change that they make to the disk; what
//! has to hold then is in [`tallymap_tests::crash`]. More of them:
//! `cargo run --release -p tallymap-tests --bin crash -- --seeds 1000`.

use tallymap::disk::sim_disk::Syncs;
use tallymap_tests::crash::{KINDS, Sabotage, Tally, crash_everywhere};

/// Scripts of the plain run: few that do everything, as is asserted.
const SEEDS: std::ops::Range<u64> = 60..67;
/// The same, for canaries: each is to be noticed within so many.
const CANARY_SEEDS: u64 = 12;

fn run(seeds: std::ops::Range<u64>, sabotage: Option<Sabotage>) -> Tally {
    let mut tally = Tally::default();
    for seed in seeds {
        tally.absorb(crash_everywhere(seed, sabotage, None));
        if sabotage.is_some() && !tally.violations.is_empty() {
            break;
        }
    }
    println!("{tally}");
    tally
}

/// Counters of work that is not done here: no script has documents that expire, a sort or an index
/// that a query goes through, and these engines have no threads of their own.
const NOT_HERE: [&str; 10] = [
    "early_commits",
    "flush_us",
    "flushes",
    "keys_examined",
    "last_flush_ms",
    "last_flush_us",
    "sorts_in_memory",
    "tailable_scans",
    "ttl_deleted",
    "ttl_passes",
];

#[test]
fn nothing_is_lost_or_invented() {
    let tally = run(SEEDS, None);
    println!("{:?}\n{:?}\n{:?}", tally.operations, tally.work, tally.changes);
    assert!(tally.violations.is_empty(), "{:#?}", tally.violations);
    assert!(tally.pairs >= 2_000, "{} pairs", tally.pairs);
    assert!(tally.crashed_twice >= 100, "{} crashed again", tally.crashed_twice);
    let missing: Vec<_> =
        KINDS.iter().filter(|kind| !tally.operations.contains_key(*kind)).collect();
    assert!(missing.is_empty(), "no script does {missing:?}");
    let counted = tally.work.iter().filter(|(name, _)| !NOT_HERE.contains(name));
    let idle: Vec<_> = counted.filter(|(_, n)| **n == 0).collect();
    assert!(idle.is_empty(), "no engine counts {idle:?}");
    for change in [
        "create journal file",
        "write journal file",
        "sync journal file",
        "remove journal file",
        "sync journal",
        "write data file",
        "sync data file",
        "write ns file",
        "sync ns file",
        "create new data file",
        "sync new data file",
        "rename to data file",
        "remove data file",
        "create key file",
        "write key file",
        "remove key file",
        "write lsn",
        "sync lsn",
        "remove lsn",
        "write mongod.lock",
        "sync dbpath",
    ] {
        assert!(tally.changes.contains_key(change), "no crash before: {change}");
    }
}

fn is_noticed(sabotage: Sabotage) {
    let tally = run(0..CANARY_SEEDS, Some(sabotage));
    assert!(!tally.violations.is_empty(), "{sabotage:?} goes unnoticed");
}

#[test]
fn a_journal_that_is_not_synced_is_noticed() {
    is_noticed(Sabotage::Syncs(Syncs::Journal));
}

#[test]
fn data_files_that_are_not_synced_are_noticed() {
    is_noticed(Sabotage::Syncs(Syncs::DataFiles));
}

#[test]
fn directories_that_are_not_synced_are_noticed() {
    is_noticed(Sabotage::Syncs(Syncs::Directories));
}

#[test]
fn sections_whose_hash_is_not_looked_at_are_noticed() {
    is_noticed(Sabotage::SectionHash);
}

#[test]
fn a_gate_that_is_switched_off_is_noticed() {
    is_noticed(Sabotage::Gate);
}
