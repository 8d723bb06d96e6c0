//! Does the engine survive a bad disk?
//!
//! Calls of the disk fail, one at a time and for good, at every kind of place in a script of
//! all that the engine does with files; [`trial`] says what has to hold. Every single place:
//! `cargo run --release -p tallymap-tests --bin bad-disks`.

mod builds;
mod damage;
mod errors;
mod half_made;
mod script;
mod stage;
mod steps;
mod sweep;
mod threads;
mod trial;
mod world;

use std::sync::LazyLock;

use sweep::{first_of_each_kind, rehearsals, sweep};
use trial::Rehearsed;

/// The parts, and of each the calls that are tried here.
static REHEARSED: LazyLock<Vec<(Rehearsed, Vec<u64>)>> = LazyLock::new(|| {
    let all = rehearsals();
    let calls = first_of_each_kind(&all);
    all.into_iter().zip(calls).collect()
});

/// Tries the parts that begin at, or below, the part of this name.
fn try_parts(names: &[&str]) {
    for name in names {
        let part = REHEARSED.iter().find(|(of, _)| of.part.name == *name);
        let (of, calls) = part.expect("a part");
        let tally = sweep(of, calls.iter().copied());
        println!("{name}: {tally}");
        assert_eq!(tally.failed, 0, "{name}");
        assert!(tally.met >= tally.trials as u64, "{name}: each trial meets its fault");
    }
}

#[test]
fn while_it_grows() {
    try_parts(&["new", "growing", "a directory for each"]);
}

#[test]
fn while_the_catalogue_changes() {
    try_parts(&["catalogue"]);
}

#[test]
fn while_a_full_file_has_to_be_followed_by_another() {
    try_parts(&["moving", "indexing", "compacting"]);
}

#[test]
fn while_it_recovers_and_while_it_reads() {
    try_parts(&["recovery", "recovery of drops", "recovery of directories"]);
    try_parts(&["reading what crashed", "reading"]);
}

#[test]
fn without_a_journal() {
    try_parts(&["without a journal"]);
}

#[test]
fn every_part_is_tried() {
    let names: Vec<_> = REHEARSED.iter().map(|(of, _)| of.part.name).collect();
    let through_a_file = |(of, _): &&(Rehearsed, Vec<u64>)| {
        of.calls.iter().any(|call| call.file.extension().is_some_and(|it| it == "keys"))
    };
    let sorted: Vec<_> =
        REHEARSED.iter().filter(through_a_file).map(|(of, _)| of.part.name).collect();
    assert_eq!(sorted, ["catalogue", "indexing", "compacting"]);
    assert_eq!(names.len(), 13, "{names:?}: each is named in a test above");
}
