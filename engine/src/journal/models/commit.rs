//! The hand-over of a commit: who waits returns only when a gather that took its changes along
//! has been synced; who leads serves all; a failure reaches all; nobody sleeps for ever.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use loom::thread;

use super::check;
use crate::counters::Counters;
use crate::error::{Error, Result};
use crate::journal::commit_ticket::{CommitTicket, Tickets};
use crate::journal::write_side::WriteSide;
use crate::sync::model::{Weakness, number_thread};
use crate::sync::{AtomicU64, Mutex};

/// A journal without bytes: how many units of work there were, and of how many it knows.
struct Journal {
    side: WriteSide,
    tickets: Tickets,
    commit: Mutex<Committed>,
    /// Units of work finished.
    units: AtomicU64,
    /// Units of work that a synced section holds.
    synced: AtomicU64,
    rule: Rule,
}

/// What only the running commit uses.
#[derive(Default)]
struct Committed {
    syncs: u64,
}

/// How the model keeps the rules, or which one it breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    Kept,
    /// Every sync fails.
    SyncFails,
    /// Broken: the ticket is taken before the gate is entered (W1).
    TicketOutside,
    /// Broken: those who wait are released before the sync (K1).
    ReleasedEarly,
}

impl Journal {
    fn new(rule: Rule) -> Journal {
        Journal {
            side: WriteSide::new(Arc::new(Counters::default()), 1),
            tickets: Tickets::default(),
            commit: Mutex::default(),
            units: AtomicU64::new(0),
            synced: AtomicU64::new(0),
            rule,
        }
    }

    /// A unit of work; its place in the order of all, and its ticket.
    fn unit(&self) -> Result<(u64, CommitTicket)> {
        let early = CommitTicket::new(self.side.next_gather());
        let _inside = self.side.enter()?;
        let unit = self.units.fetch_add(1, Relaxed) + 1;
        let ticket = CommitTicket::new(self.side.next_gather());
        Ok((unit, if self.rule == Rule::TicketOutside { early } else { ticket }))
    }

    /// A group commit, in the order of `Journal::commit_locked`.
    fn commit(&self, job: &mut Committed) -> Result<()> {
        let (units, gather) = {
            let _still = self.side.close();
            (self.units.load(Relaxed), self.side.begin_gather())
        };
        if self.rule == Rule::SyncFails {
            self.side.stop("the sync failed");
            return Err(Error::ReadOnly { why: "the sync failed".to_owned() });
        }
        if self.rule == Rule::ReleasedEarly {
            self.tickets.release(gather);
        }
        self.synced.store(units, Relaxed);
        job.syncs += 1;
        self.tickets.release(gather);
        Ok(())
    }

    /// As `Journal::wait_durable`.
    fn wait_durable(&self, ticket: CommitTicket) -> Result<()> {
        self.tickets.wait(ticket, || {
            let mut job = self.commit.lock();
            if self.tickets.is_durable(ticket) {
                return Ok(());
            }
            self.side.check()?;
            self.commit(&mut job)
        })
    }

    /// A unit of work that is waited for.
    fn write_durably(&self) -> bool {
        let Ok((unit, ticket)) = self.unit() else { return false };
        let durable = self.wait_durable(ticket).is_ok();
        let synced = self.synced.load(Relaxed);
        assert!(!durable || synced >= unit, "unit {unit} was acknowledged, {synced} are synced");
        durable
    }
}

/// `writers` threads write durably, the first of them being this one, beside a thread that
/// commits if `background`. Gives the number of syncs.
fn writers(rule: Rule, writers: usize, background: bool) -> u64 {
    let journal = Arc::new(Journal::new(rule));
    let mut threads = Vec::new();
    for number in 1..writers {
        let journal = journal.clone();
        threads.push(thread::spawn(move || {
            number_thread(number);
            assert_eq!(journal.write_durably(), rule != Rule::SyncFails);
        }));
    }
    if background {
        let journal = journal.clone();
        threads.push(thread::spawn(move || {
            let committed = journal.commit(&mut journal.commit.lock());
            assert_eq!(committed.is_ok(), rule != Rule::SyncFails);
        }));
    }
    assert_eq!(journal.write_durably(), rule != Rule::SyncFails);
    for thread in threads {
        thread.join().expect("no panic");
    }
    let syncs = journal.commit.lock().syncs;
    assert!(syncs <= writers as u64 + u64::from(background), "more syncs than there were waits");
    syncs
}

#[test]
fn two_who_wait() {
    check(4, Weakness::None, || {
        writers(Rule::Kept, 2, false);
    });
}

#[test]
fn two_who_wait_beside_the_thread_that_commits() {
    check(3, Weakness::None, || {
        writers(Rule::Kept, 2, true);
    });
}

#[test]
fn one_who_waits_beside_the_thread_that_commits() {
    check(4, Weakness::None, || {
        writers(Rule::Kept, 1, true);
    });
}

#[test]
fn a_failure_reaches_all() {
    check(4, Weakness::None, || {
        assert_eq!(writers(Rule::SyncFails, 2, true), 0);
    });
}

#[test]
#[should_panic(expected = "was acknowledged")]
fn a_ticket_must_be_taken_inside_of_the_gate() {
    check(4, Weakness::None, || {
        writers(Rule::TicketOutside, 1, true);
    });
}

#[test]
#[should_panic(expected = "was acknowledged")]
fn those_who_wait_must_be_released_after_the_sync() {
    check(4, Weakness::None, || {
        writers(Rule::ReleasedEarly, 1, true);
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn those_who_wait_must_be_woken() {
    check(4, Weakness::Deaf, || {
        writers(Rule::Kept, 2, false);
    });
}
