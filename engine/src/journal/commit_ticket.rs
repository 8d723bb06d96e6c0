//! Who waits for which commit. Waiters elect a leader among themselves: it commits, and its one
//! sync serves all whose changes it took along.
//!
//! - K1. A ticket's number is that of the gather which takes the changes along; it is durable
//!   when that gather, or a later one, has been synced.
//! - K2. At most one waiter leads. It may fail or panic: then another waiter leads.
//!
//! Those whom a commit has released write again and come back one after the other. A leader that
//! began with the first of them would make a commit for each few; so it waits for as many as
//! there were last time, but for half of a commit's time at most. Who is alone waits for nobody.

use std::time::{Duration, Instant};

use crate::error::Result;
use crate::sync::{Condvar, Mutex, MutexGuard};

/// Which commit makes a unit of work durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommitTicket(u64);

impl CommitTicket {
    /// For what gather `gather` takes along.
    pub fn new(gather: u64) -> CommitTicket {
        CommitTicket(gather)
    }
}

/// The longest that a leader waits for others.
const PATIENCE_MAX: Duration = Duration::from_millis(1);

/// Tickets that are durable, and those who wait for theirs.
#[derive(Debug, Default)]
pub struct Tickets {
    state: Mutex<State>,
    changed: Condvar,
    /// Said to the leader when as many wait as it waits for.
    complete: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The last gather that is durable.
    durable: u64,
    leading: bool,
    /// How many wait, the leader among them; and how many did when the last commit was over.
    waiting: usize,
    crowd: usize,
    /// Half the time that the last commit took which a waiter led, within bounds.
    patience: Duration,
}

impl Tickets {
    /// All that gather `gather` took along is durable.
    pub fn release(&self, gather: u64) {
        let mut state = self.state.lock();
        state.durable = state.durable.max(gather);
        state.crowd = state.waiting;
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
        let _waiter = Waiter::of(self);
        let mut state = self.state.lock();
        while state.durable < ticket.0 {
            if state.leading {
                self.changed.wait(&mut state);
                continue;
            }
            state.leading = true;
            self.gather(&mut state);
            drop(state);
            let (leader, began) = (Leader { tickets: self }, Instant::now());
            lead()?;
            drop(leader);
            state = self.state.lock();
            state.patience = (began.elapsed() / 2).min(PATIENCE_MAX);
        }
        Ok(())
    }

    /// Waits until as many wait as last time, for a bounded time.
    #[cfg(not(loom))]
    fn gather(&self, state: &mut MutexGuard<'_, State>) {
        let until = Instant::now() + state.patience;
        while state.waiting < state.crowd {
            if self.complete.wait_until(state, until).timed_out() {
                break;
            }
        }
    }

    /// Time is no part of the model: whether the leader waits makes no difference to the rules.
    #[cfg(loom)]
    fn gather(&self, _: &mut MutexGuard<'_, State>) {}
}

/// One who waits is counted, however that ends.
struct Waiter<'a> {
    tickets: &'a Tickets,
}

impl Waiter<'_> {
    fn of(tickets: &Tickets) -> Waiter<'_> {
        let mut state = tickets.state.lock();
        state.waiting += 1;
        if state.leading && state.waiting >= state.crowd {
            tickets.complete.notify_one();
        }
        Waiter { tickets }
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.tickets.state.lock().waiting -= 1;
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
    fn a_leader_waits_for_as_many_as_there_were() {
        const WAITERS: usize = 8;
        let (tickets, came) = (Tickets::default(), AtomicU64::new(0));
        let mut state = tickets.state.lock();
        (state.crowd, state.patience) = (WAITERS, Duration::from_secs(3600));
        drop(state);
        std::thread::scope(|s| {
            for _ in 0..WAITERS {
                s.spawn(|| {
                    came.fetch_add(1, SeqCst);
                    let lead = || {
                        assert_eq!(came.load(SeqCst), WAITERS as u64, "all are here");
                        tickets.release(1);
                        Ok(())
                    };
                    tickets.wait(CommitTicket::new(1), lead).expect("durable");
                });
            }
        });
        let state = tickets.state.lock();
        assert_eq!((state.waiting, state.crowd, state.leading), (0, WAITERS, false));
        assert!(state.patience <= PATIENCE_MAX);
    }

    #[test]
    fn who_is_alone_waits_for_nobody() {
        let tickets = Tickets::default();
        tickets.state.lock().patience = Duration::from_secs(3600);
        for time in 1..5 {
            let lead = || {
                tickets.release(time);
                Ok(())
            };
            tickets.wait(CommitTicket::new(time), lead).expect("durable");
            let state = tickets.state.lock();
            assert_eq!((state.crowd, state.waiting), (1, 0));
        }
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
