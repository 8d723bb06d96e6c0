//! A gate for commands that write: it is closed while `fsync` locks the files, and while a
//! collection is put in the place of another.
//!
//! G1. Once [`WriteGate::close`] has returned no command that writes is under way, and none begins
//!     before it is opened.
//! G2. Who has it for himself writes, so he waits for it to be open, and is waited for: it is
//!     never closed and somebody's own. Nobody else opens it for him.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::SeqCst};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tallymap::interrupt;

use super::failure::Outcome;

/// Time between two looks at whether one who waits was asked to end.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// The gate.
#[derive(Debug, Default)]
pub struct WriteGate {
    writers: AtomicUsize,
    /// How many have closed it, are about to, or have it for themselves: writers wait for all.
    barriers: AtomicU32,
    state: Mutex<State>,
    changed: Condvar,
}

/// What those who are no plain writers know of each other.
#[derive(Debug, Default)]
struct State {
    /// How often it is closed.
    closed: u32,
    /// Has somebody it for himself?
    is_owned: bool,
}

/// A command that writes is under way.
#[derive(Debug)]
pub struct Writing<'a>(&'a WriteGate);

/// Somebody has the gate for himself until this is dropped.
#[derive(Debug)]
pub struct Alone<'a>(&'a WriteGate);

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        self.0.lock().is_owned = false;
        self.0.lift();
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.0.leave();
    }
}

impl WriteGate {
    /// A command that writes begins, once the gate is open.
    ///
    /// # Errors
    /// What ends work before its time.
    pub fn enter(&self) -> Outcome<Writing<'_>> {
        loop {
            // Who puts up a barrier looks for writers after that; who writes says so before he
            // looks for barriers.
            self.writers.fetch_add(1, SeqCst);
            if self.barriers.load(SeqCst) == 0 {
                return Ok(Writing(self));
            }
            self.leave();
            drop(self.wait_until(|_| self.barriers.load(SeqCst) == 0)?);
        }
    }

    fn leave(&self) {
        self.writers.fetch_sub(1, SeqCst);
        if self.barriers.load(SeqCst) > 0 {
            self.wake();
        }
    }

    /// Closes it, and waits for those who are inside. Answers how often it is closed now; `done`
    /// is called before anybody can open it.
    ///
    /// # Errors
    /// What ends work before its time; it is as it was then.
    pub fn close(&self, done: impl FnOnce()) -> Outcome<u32> {
        self.barriers.fetch_add(1, SeqCst);
        let is_empty = |state: &State| self.writers.load(SeqCst) == 0 && !state.is_owned;
        let mut state = self.wait_until(is_empty).inspect_err(|_| self.lift())?;
        state.closed += 1;
        done();
        Ok(state.closed)
    }

    /// Takes one closing back; `done` is called if it was the last, before anybody else can close
    /// it. Answers how often it is still closed; none if it was not.
    pub fn open(&self, done: impl FnOnce()) -> Option<u32> {
        let mut state = self.lock();
        let left = state.closed.checked_sub(1)?;
        state.closed = left;
        if left == 0 {
            done();
        }
        drop(state);
        self.lift();
        Some(left)
    }

    /// Is it closed?
    pub fn is_closed(&self) -> bool {
        self.lock().closed > 0
    }

    /// Waits until it is open, and keeps writers out until what is given back is dropped.
    ///
    /// # Errors
    /// What ends work before its time; it is as it was then.
    pub fn enter_alone(&self) -> Outcome<Alone<'_>> {
        let mut state = self.wait_until(|state| state.closed == 0 && !state.is_owned)?;
        state.is_owned = true;
        self.barriers.fetch_add(1, SeqCst);
        drop(state);
        let alone = Alone(self);
        drop(self.wait_until(|_| self.writers.load(SeqCst) == 0)?);
        Ok(alone)
    }

    /// Takes a barrier away.
    fn lift(&self) {
        self.barriers.fetch_sub(1, SeqCst);
        self.wake();
    }

    fn wake(&self) {
        drop(self.lock());
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_until(&self, is_so: impl Fn(&State) -> bool) -> Outcome<MutexGuard<'_, State>> {
        let mut state = self.lock();
        while !is_so(&state) {
            interrupt::check()?;
            let waited = self.changed.wait_timeout(state, LOOK_INTERVAL);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(state)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    #[test]
    fn nobody_writes_while_it_is_closed_or_somebodys_own() {
        let (gate, written) = (WriteGate::default(), AtomicU64::new(0));
        std::thread::scope(|s| {
            for _ in 0..4 {
                s.spawn(|| {
                    for _ in 0..2000 {
                        let _writing = gate.enter().expect("let in");
                        written.fetch_add(1, SeqCst);
                    }
                });
            }
            s.spawn(|| {
                for _ in 0..50 {
                    let _alone = gate.enter_alone().expect("let in");
                    let before = written.fetch_add(1, SeqCst) + 1;
                    std::thread::yield_now();
                    assert_eq!(written.load(SeqCst), before);
                }
            });
            for _ in 0..50 {
                gate.close(|| ()).expect("closed");
                let before = written.load(SeqCst);
                std::thread::yield_now();
                assert_eq!(written.load(SeqCst), before);
                assert_eq!(gate.open(|| ()), Some(0));
            }
        });
        assert_eq!(written.into_inner(), 8050);
        assert_eq!(gate.open(|| ()), None, "it is open");
    }

    fn code<T>(work: impl FnOnce() -> Outcome<T>) -> i32 {
        let ended = tallymap::Interrupt::new().run(Some(LOOK_INTERVAL), || work().map(drop));
        ended.map_or_else(|failure| failure.code(), |()| 0)
    }

    #[test]
    fn who_waits_can_be_asked_to_end() {
        let gate = WriteGate::default();
        let silent = std::cell::Cell::new(0);
        let close = || gate.close(|| silent.set(silent.get() + 1));
        let open = || gate.open(|| silent.set(0));
        assert_eq!((close(), close()), (Ok(1), Ok(2)));
        assert_eq!(code(|| gate.enter()), 50);
        assert_eq!((open(), silent.get()), (Some(1), 2));
        assert_eq!((open(), silent.get()), (Some(0), 0));
        assert_eq!(open(), None);
        assert_eq!(code(|| gate.enter()), 0);
        let writing = gate.enter();
        assert_eq!((code(|| gate.close(|| ())), code(|| gate.enter_alone())), (50, 50));
        drop(writing);
        assert_eq!((code(|| gate.enter_alone()), code(|| gate.enter())), (0, 0));
    }

    #[test]
    fn nobody_opens_it_for_who_has_it_for_himself_and_he_waits_for_it_to_be_open() {
        let gate = WriteGate::default();
        assert_eq!(gate.close(|| ()), Ok(1));
        assert_eq!(code(|| gate.enter_alone()), 50, "files are being copied");
        assert_eq!(gate.open(|| ()), Some(0));
        let alone = gate.enter_alone().expect("open");
        assert_eq!(gate.open(|| ()), None);
        assert_eq!([code(|| gate.enter()), code(|| gate.enter_alone())], [50, 50]);
        assert_eq!(code(|| gate.close(|| ())), 50);
        drop(alone);
        assert_eq!([code(|| gate.enter()), code(|| gate.enter_alone())], [0, 0]);
    }
}
