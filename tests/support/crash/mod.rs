//! The crash test: a script of random operations on a disk that may lose power before each of
//! its changes, and what has to hold after each such loss.
//!
//! One run of a script gives all its crash points: before each change of the disk a picture is
//! taken of what a power failure would leave, together with how far the script has come. When
//! the script has ended, each picture is recovered and compared with the states that the script
//! went through.

mod forge;
mod perform;
mod recovered;
mod run;
mod script;
mod world;

use std::collections::BTreeMap;
use std::fmt;

pub use run::{Sabotage, crash_everywhere};
pub use script::KINDS;
use tallymap::Engine;

/// What was done, and what was found.
#[derive(Debug, Default)]
pub struct Tally {
    /// Scripts run.
    pub sequences: u64,
    /// Pictures recovered: pairs of a script and a crash point.
    pub pairs: u64,
    /// Pictures whose recovery was broken off by another power failure, and recovered again.
    pub crashed_twice: u64,
    /// Operations by kind.
    pub operations: BTreeMap<&'static str, u64>,
    /// Work of the engines, as they count it.
    pub work: BTreeMap<&'static str, u64>,
    /// Crash points by what the disk was about to do.
    pub changes: BTreeMap<String, u64>,
    /// Counts that were durable at the crash, summed over all pairs, and looked for.
    pub counts_durable: u64,
    /// What did not hold: the command that shows it again, and what it was.
    pub violations: Vec<String>,
}

impl Tally {
    fn count_work(&mut self, engine: &Engine) {
        for (name, n) in engine.counters().all() {
            *self.work.entry(name).or_default() += n;
        }
    }

    /// Adds those of another run.
    pub fn absorb(&mut self, other: Tally) {
        self.sequences += other.sequences;
        self.pairs += other.pairs;
        self.crashed_twice += other.crashed_twice;
        self.counts_durable += other.counts_durable;
        for (kind, n) in other.operations {
            *self.operations.entry(kind).or_default() += n;
        }
        for (name, n) in other.work {
            *self.work.entry(name).or_default() += n;
        }
        for (kind, n) in other.changes {
            *self.changes.entry(kind).or_default() += n;
        }
        self.violations.extend(other.violations);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} scripts, {} crash points, {} crashed again in recovery, {} durable counts \
             looked for, {} violations",
            self.sequences,
            self.pairs,
            self.crashed_twice,
            self.counts_durable,
            self.violations.len()
        )
    }
}
