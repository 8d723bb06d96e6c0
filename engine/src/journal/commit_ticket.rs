//! Who waits for which commit. Waiters elect a leader among themselves: it commits, and its one
//! sync serves all whose changes it took along.
//!
//! - K1. A ticket's number is that of the gather which takes the changes along; it is durable
//!   when that gather, or a later one, has been synced.
//! - K2. At most one waiter leads. It may fail or panic: then another waiter leads.
//!
//! - K3. While nobody leads and somebody sleeps, one of them sleeps for a bounded time only, or
//!   is awake and about to look again.
//!
//! Those whom a commit has released write again and come back one after the other. A leader that
//! began with the first of them would make a commit for each few; so they wait for as many as
//! there were last time, but for half of a commit's time at most, and the last to come leads.
//! Who is alone waits for nobody.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::time::{Duration, Instant};

use crate::error::Result;
use crate::sync::{AtomicU64, Mutex, thread};

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
    /// The last gather that is durable. Changed with the lock held, after those whom it concerns
    /// were taken from the sleepers.
    durable: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    leading: bool,
    /// Those who wait and do not lead.
    sleepers: Vec<Sleeper>,
    /// The sleeper who leads when the others have not come in time.
    gatherer: Option<thread::ThreadId>,
    /// How many waited when the last commit was over.
    crowd: usize,
    /// Half the time that the last commit took which a waiter led, within bounds.
    patience: Duration,
}

#[derive(Debug)]
struct Sleeper {
    ticket: CommitTicket,
    thread: thread::Thread,
}

impl State {
    /// This thread, woken for whatever reason, is no sleeper.
    fn wake_up(&mut self, me: &thread::Thread) {
        self.sleepers.retain(|sleeper| sleeper.thread.id() != me.id());
        self.gatherer.take_if(|gatherer| *gatherer == me.id());
    }

    /// Takes out whom to wake now that nobody leads (K3).
    fn successor(&mut self) -> Option<Sleeper> {
        let needed = !self.leading && self.gatherer.is_none() && !self.sleepers.is_empty();
        needed.then(|| self.sleepers.remove(0))
    }

    /// Takes out those whom `gather` serves.
    fn served(&mut self, gather: u64) -> Vec<Sleeper> {
        let served = |sleeper: &mut Sleeper| sleeper.ticket.0 <= gather;
        let served: Vec<Sleeper> = self.sleepers.extract_if(.., served).collect();
        let is_served = |id: &mut thread::ThreadId| served.iter().any(|it| it.thread.id() == *id);
        self.gatherer.take_if(is_served);
        served
    }
}

impl Tickets {
    /// All that gather `gather` took along is durable.
    pub fn release(&self, gather: u64) {
        let mut state = self.state.lock();
        state.crowd = state.sleepers.len() + usize::from(state.leading);
        let mut woken = state.served(gather);
        woken.extend(state.successor());
        if self.durable.load(Relaxed) < gather {
            self.durable.store(gather, Release);
        }
        drop(state);
        // Without the lock, which they would come to wait for: who is served does not need it.
        woken.iter().for_each(|sleeper| sleeper.thread.unpark());
    }

    /// Is it durable?
    pub fn is_durable(&self, ticket: CommitTicket) -> bool {
        self.durable.load(Acquire) >= ticket.0
    }

    /// Did several wait for the last commit?
    pub fn is_crowded(&self) -> bool {
        self.state.lock().crowd > 1
    }

    /// Waits until `ticket` is durable. Whoever leads calls `lead`, which makes all gathered so
    /// far durable and calls [`Tickets::release`], or fails.
    ///
    /// # Errors
    /// Those of `lead`, when this waiter led.
    pub fn wait(&self, ticket: CommitTicket, mut lead: impl FnMut() -> Result<()>) -> Result<()> {
        if self.is_durable(ticket) {
            return Ok(());
        }
        let me = thread::current();
        let (mut until, mut is_new) = (None, true);
        loop {
            let mut state = self.state.lock();
            if !std::mem::take(&mut is_new) {
                state.wake_up(&me);
            }
            if self.is_durable(ticket) {
                return Ok(());
            }
            if !state.leading && (is_complete(&state) || until.is_some_and(is_past)) {
                state.leading = true;
                drop(state);
                self.lead(&mut lead)?;
            } else {
                until = (!state.leading && state.gatherer.is_none())
                    .then(|| Instant::now() + state.patience);
                state.gatherer = state.gatherer.or(until.map(|_| me.id()));
                state.sleepers.push(Sleeper { ticket, thread: me.clone() });
                drop(state);
                sleep(until);
            }
            if self.is_durable(ticket) {
                return Ok(());
            }
        }
    }

    fn lead(&self, lead: &mut impl FnMut() -> Result<()>) -> Result<()> {
        let leader = Leader { tickets: self };
        let began = Instant::now();
        lead()?;
        self.state.lock().patience = (began.elapsed() / 2).min(PATIENCE_MAX);
        drop(leader);
        Ok(())
    }
}

/// Are as many here as last time, with the one who asks?
#[cfg(not(loom))]
fn is_complete(state: &State) -> bool {
    state.sleepers.len() + 1 >= state.crowd
}

/// Time is no part of the model, so nobody gathers.
#[cfg(loom)]
fn is_complete(_: &State) -> bool {
    true
}

fn is_past(until: Instant) -> bool {
    Instant::now() >= until
}

/// Sleeps until it is woken, perhaps for nothing, or it is `until`.
fn sleep(until: Option<Instant>) {
    match until {
        #[cfg(not(loom))]
        Some(until) => thread::park_timeout(until.saturating_duration_since(Instant::now())),
        _ => thread::park(),
    }
}

/// Ends the leadership, however it ends (K2).
struct Leader<'a> {
    tickets: &'a Tickets,
}

impl Drop for Leader<'_> {
    fn drop(&mut self) {
        let mut state = self.tickets.state.lock();
        state.leading = false;
        let next = state.successor();
        drop(state);
        if let Some(next) = next {
            next.thread.unpark();
        }
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
        assert!(tickets.is_crowded());
        let state = tickets.state.lock();
        assert_eq!((state.sleepers.len(), state.crowd, state.leading), (0, WAITERS, false));
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
            assert!(!tickets.is_crowded());
            let state = tickets.state.lock();
            assert_eq!((state.crowd, state.sleepers.len()), (1, 0));
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
