//! Who waits for which commit. Waiters elect a leader among themselves: it commits, and its one
//! sync serves all whose changes it took along.
//!
//! - K1. A ticket's number is that of the gather which takes the changes along; it is durable
//!   when that gather, or a later one, has been synced.
//! - K2. At most one waiter leads. It may fail or panic: then another waiter leads.

use crate::error::Result;
use crate::sync::{Condvar, Mutex};

/// Which commit makes a unit of work durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommitTicket(u64);

impl CommitTicket {
    /// For what gather `gather` takes along.
    pub fn new(gather: u64) -> CommitTicket {
        CommitTicket(gather)
    }
}

/// Tickets that are durable, and those who wait for theirs.
#[derive(Debug, Default)]
pub struct Tickets {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The last gather that is durable.
    durable: u64,
    leading: bool,
}

impl Tickets {
    /// All that gather `gather` took along is durable.
    pub fn release(&self, gather: u64) {
        let mut state = self.state.lock();
        state.durable = state.durable.max(gather);
        self.changed.notify_all();
    }

    /// Is it durable?
    pub fn is_durable(&self, ticket: CommitTicket) -> bool {
        self.state.lock().durable >= ticket.0
    }

    /// Waits until `ticket` is durable. Whoever finds no leader calls `lead`, which makes all
    /// gathered so far durable and calls [`Tickets::release`], or fails.
    ///
    /// # Errors
    /// Those of `lead`, when this waiter led.
    pub fn wait(&self, ticket: CommitTicket, mut lead: impl FnMut() -> Result<()>) -> Result<()> {
        let mut state = self.state.lock();
        while state.durable < ticket.0 {
            if state.leading {
                self.changed.wait(&mut state);
                continue;
            }
            state.leading = true;
            drop(state);
            let led = Leader { tickets: self };
            lead()?;
            drop(led);
            state = self.state.lock();
        }
        Ok(())
    }
}

/// Ends the leadership, however it ends (K2).
struct Leader<'a> {
    tickets: &'a Tickets,
}

impl Drop for Leader<'_> {
    fn drop(&mut self) {
        self.tickets.state.lock().leading = false;
        self.tickets.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

    use super::*;
    use crate::error::Error;

    #[test]
    fn those_who_wait_together_share_one_commit() {
        const WAITERS: usize = 8;
        let (tickets, led, start) = (Tickets::default(), AtomicU64::new(0), Barrier::new(WAITERS));
        std::thread::scope(|s| {
            for _ in 0..WAITERS {
                s.spawn(|| {
                    start.wait();
                    let lead = || {
                        led.fetch_add(1, SeqCst);
                        tickets.release(7);
                        Ok(())
                    };
                    tickets.wait(CommitTicket::new(7), lead).expect("durable");
                });
            }
        });
        assert_eq!(led.into_inner(), 1);
        assert!(tickets.is_durable(CommitTicket::new(7)));
        assert!(!tickets.is_durable(CommitTicket::new(8)));
    }

    #[test]
    fn a_failure_reaches_those_who_sleep() {
        let tickets = Tickets::default();
        let fail = || {
            // Long enough for the others to fall asleep; if they do not, they lead.
            (0..10_000).for_each(|_| std::thread::yield_now());
            Err(Error::ReadOnly { why: "test".to_owned() })
        };
        std::thread::scope(|s| {
            let wait = || tickets.wait(CommitTicket::new(1), fail).is_err();
            let waits: Vec<_> = (0..3).map(|_| s.spawn(wait)).collect();
            assert!(waits.into_iter().all(|wait| wait.join().expect("no panic")));
        });
    }

    #[test]
    fn a_leader_that_fails_or_panics_leaves_the_lead_to_the_next() {
        let tickets = Tickets::default();
        let ticket = CommitTicket::new(1);
        let refused = tickets.wait(ticket, || Err(Error::ReadOnly { why: "test".to_owned() }));
        assert!(matches!(refused, Err(Error::ReadOnly { .. })));
        let lead = || tickets.wait(ticket, || panic!("in a commit"));
        assert!(catch_unwind(AssertUnwindSafe(lead)).is_err());
        let lead = || {
            tickets.release(1);
            Ok(())
        };
        tickets.wait(ticket, lead).expect("durable");
    }
}
