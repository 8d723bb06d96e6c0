//! Lets every single call of the script fail, in every way: the long form of the test `disks`.
//!
//! `cargo run --release -p tallymap-tests --bin bad-disks [-- PART]`

mod errors;
mod script;
mod stage;
mod steps;
mod sweep;
mod trial;
mod world;

use std::process::ExitCode;
use std::time::Instant;

use sweep::{Tally, first_of_each_kind, rehearsals, sweep};

fn main() -> ExitCode {
    let only = std::env::args().nth(1);
    let started = Instant::now();
    let mut sum = Tally::default();
    let all = rehearsals();
    for (of, plain) in all.iter().zip(first_of_each_kind(&all)) {
        if only.as_ref().is_some_and(|only| only != of.part.name) {
            continue;
        }
        let tally = sweep(of, 1..=of.calls.len() as u64);
        println!("{}: {tally} (the plain test: {} calls)", of.part.name, plain.len());
        sum.calls += tally.calls;
        sum.trials += tally.trials;
        sum.met += tally.met;
        sum.errors += tally.errors;
        sum.stopped += tally.stopped;
        sum.failed += tally.failed;
    }
    println!("all: {sum}, in {:.1} s", started.elapsed().as_secs_f64());
    // A part that is not known has no trials.
    if sum.failed == 0 && sum.trials > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
