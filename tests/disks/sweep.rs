//! All parts of the script, and which of their calls are tried with which fault.

use std::collections::HashSet;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use tallymap::disk::HeapDisk;
use tallymap::disk::sim_disk::{Call, Done, Fault, Injection, Lasting, Op};

use crate::script::{Start, parts};
use crate::trial::{Rehearsed, rehearse, run};
use crate::world::World;

/// What was tried.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    pub calls: usize,
    pub trials: usize,
    /// Calls that failed.
    pub met: u64,
    /// Errors that the engine gave.
    pub errors: u64,
    /// Trials in which it stopped.
    pub stopped: usize,
    /// Trials in which a promise was broken.
    pub failed: usize,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { calls, trials, met, errors, stopped, failed } = self;
        write!(f, "{calls} calls, {trials} trials: {met} calls failed, ")?;
        write!(f, "{errors} errors, {stopped} times stopped; {failed} promises broken")
    }
}

/// Of each part, the calls that are the first of their kind in the whole script: what is done, to
/// which file, in which step, in a directory opened how and left how.
pub fn first_of_each_kind(all: &[Rehearsed]) -> Vec<Vec<u64>> {
    let mut met = HashSet::new();
    let mut is_new = |of: &Rehearsed, at: u64| {
        let (call, part) = (&of.calls[at as usize - 1], &of.part);
        let (how, start) = (part.how, std::mem::discriminant(&part.start));
        met.insert((how, start, of.doing(at), call.op, kind(&call.file), call.needs_space))
    };
    let of_part =
        |of: &Rehearsed| (1..=of.calls.len() as u64).filter(|&at| is_new(of, at)).collect();
    all.iter().map(of_part).collect()
}

/// Does every part once without a fault.
pub fn rehearsals() -> Vec<Rehearsed> {
    let mut done: Vec<Rehearsed> = Vec::new();
    for part in parts() {
        let named = |name| done.iter().find(|r| r.part.name == name).expect("an earlier part");
        let (image, world) = match part.start {
            Start::New => (HeapDisk::new(), World::default()),
            Start::Closed(name) => named(name).closed.clone(),
            Start::Killed(name) => named(name).killed.clone(),
        };
        done.push(rehearse(part, image.image(), world));
    }
    done
}

/// Tries these calls of a part, by their numbers, with each fault that they can have.
pub fn sweep(of: &Rehearsed, calls: impl IntoIterator<Item = u64>) -> Tally {
    let mut tally = Tally::default();
    for at in calls {
        tally.calls += 1;
        for injection in faults(&of.calls[at as usize - 1], at) {
            tally.trials += 1;
            match catch_unwind(AssertUnwindSafe(|| run(of, injection))) {
                Ok(outcome) => {
                    tally.met += outcome.met;
                    tally.errors += outcome.errors;
                    tally.stopped += usize::from(outcome.stopped);
                }
                Err(_) => tally.failed += 1,
            }
        }
    }
    tally
}

/// Files of one kind are alike: those of the journal, data files.
fn kind(file: &Path) -> PathBuf {
    let name = file.to_string_lossy();
    PathBuf::from(name.trim_end_matches(|c: char| c.is_ascii_digit()))
}

/// The faults that a call is tried with: what it needs, once and from then on.
fn faults(call: &Call, at: u64) -> Vec<Injection> {
    let fault = |fault, lasting, done| Injection { at, fault, lasting, done };
    let mut faults = vec![
        fault(Fault::Io, Lasting::Once, Done::Nothing),
        fault(Fault::Io, Lasting::OfItsKind, Done::Nothing),
        fault(Fault::Io, Lasting::All, Done::Nothing),
    ];
    let changes = !matches!(
        call.op,
        Op::List | Op::Metadata | Op::Open | Op::Len | Op::ReadAt | Op::MapPrivate
    );
    if changes {
        faults.push(fault(Fault::Io, Lasting::Once, Done::All));
    }
    if call.op == Op::WriteAt {
        faults.push(fault(Fault::Io, Lasting::Once, Done::Half));
    }
    if call.needs_space {
        faults.push(fault(Fault::NoSpace, Lasting::Once, Done::Nothing));
        faults.push(fault(Fault::NoSpace, Lasting::All, Done::Nothing));
        if call.op == Op::WriteAt {
            faults.push(fault(Fault::NoSpace, Lasting::All, Done::Half));
        }
    }
    faults
}
