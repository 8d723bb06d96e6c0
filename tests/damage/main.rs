//! Does damage to any field of the format, at any place, end in success or a typed error, and is
//! every document salvaged that it did not touch?
//!
//! Here each field of each structure is damaged at some of its places, by all values; the long
//! form, `cargo run --release -p tallymap-tests --bin damage`, does it at all of them.
//! `TALLYMAP_SEED=n` chooses others.

use std::collections::BTreeSet;

use tallymap::format::TABLES;
use tallymap_tests::damage::journal::Killed;
use tallymap_tests::damage::plan::{Part, Plan};
use tallymap_tests::damage::trial::Tally;
use tallymap_tests::seed::Seed;

fn none_broken(part: Part, tally: &Tally) {
    println!("{part:?}: {tally}");
    assert!(tally.broken.is_empty(), "{:#?}", &tally.broken[..tally.broken.len().min(8)]);
    assert_eq!(tally.documents.salvaged, tally.documents.untouched);
}

fn run(part: Part, number: u64) {
    let mut seed = Seed::new("damage", number);
    let plan = Plan::make();
    none_broken(part, &plan.run(&plan.some(part, &mut seed), || ()));
}

#[test]
fn every_field() {
    run(Part::Fields, 30);
}

#[test]
fn every_length() {
    run(Part::Lengths, 31);
}

#[test]
fn sectors() {
    run(Part::Sectors, 32);
}

#[test]
fn bits() {
    run(Part::Bits, 33);
}

#[test]
fn files() {
    run(Part::Files, 34);
}

#[test]
fn the_journal() {
    let killed = Killed::make().expect("a disk in RAM");
    let mut seed = Seed::new("damage: journal", 35);
    let mut damages = killed.damages();
    damages.retain(|damage| damage.field.0 == "LSNFile" || seed.one_in(12));
    let opened = damages.iter().filter(|damage| killed.try_one(damage)).count();
    println!("{} damages to the journal, {opened} opened", damages.len());
    assert!(0 < opened && opened < damages.len());
}

/// The fields are those of the format's own tables, so that a new one is damaged without more.
#[test]
fn no_field_is_left_out() {
    let mut damaged = Plan::make().fields();
    let journal = Killed::make().expect("a disk in RAM").damages();
    damaged.extend(journal.iter().map(|damage| damage.field));
    let mut missing = BTreeSet::new();
    for table in TABLES {
        for row in table.rows {
            if !damaged.contains(&(table.name, row.name)) {
                missing.insert(table.name);
            }
        }
    }
    // Made by versions up to 1.8 and never here: the engine's own tests damage them.
    assert_eq!(missing, BTreeSet::from(["BucketV0", "KeyNodeV0"]));
}
