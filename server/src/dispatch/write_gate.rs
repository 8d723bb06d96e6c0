//! A gate for commands that write: it is closed while `fsync` locks the files, and while a
//! collection is put in the place of another.
//!
//! G1. Once [`WriteGate::close`] has returned no command that writes is under way, and none begins
//!     before it is opened.

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
    /// How often it was closed.
    closed: AtomicU32,
    lock: Mutex<()>,
    changed: Condvar,
}

/// A command that writes is under way.
#[derive(Debug)]
pub struct Writing<'a>(&'a WriteGate);

/// The gate is closed until this is dropped.
#[derive(Debug)]
pub struct Closed<'a>(&'a WriteGate);

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        self.0.open();
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
            // Who closes it looks for writers after he has said so; who writes says so before he
            // looks.
            self.writers.fetch_add(1, SeqCst);
            if self.closed.load(SeqCst) == 0 {
                return Ok(Writing(self));
            }
            self.leave();
            self.wait_until(|| self.closed.load(SeqCst) == 0)?;
        }
    }

    fn leave(&self) {
        self.writers.fetch_sub(1, SeqCst);
        if self.closed.load(SeqCst) > 0 {
            drop(self.lock());
            self.changed.notify_all();
        }
    }

    /// Closes it, and waits for those who are inside. Answers how often it is closed now.
    ///
    /// # Errors
    /// What ends work before its time; it is as it was then.
    pub fn close(&self) -> Outcome<u32> {
        let times = self.closed.fetch_add(1, SeqCst) + 1;
        match self.wait_until(|| self.writers.load(SeqCst) == 0) {
            Ok(()) => Ok(times),
            Err(failure) => {
                self.open();
                Err(failure)
            }
        }
    }

    /// The same, until what is given back is dropped.
    ///
    /// # Errors
    /// As [`WriteGate::close`].
    pub fn close_for_now(&self) -> Outcome<Closed<'_>> {
        self.close().map(|_| Closed(self))
    }

    /// Takes one closing back. Answers how often it is still closed; none if it was not.
    pub fn open(&self) -> Option<u32> {
        let left = self.closed.fetch_update(SeqCst, SeqCst, |times| times.checked_sub(1)).ok()?;
        drop(self.lock());
        self.changed.notify_all();
        Some(left - 1)
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        self.lock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_until(&self, is_so: impl Fn() -> bool) -> Outcome<()> {
        let mut guard = self.lock();
        while !is_so() {
            interrupt::check()?;
            let waited = self.changed.wait_timeout(guard, LOOK_INTERVAL);
            guard = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    #[test]
    fn nobody_writes_while_it_is_closed() {
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
            for _ in 0..50 {
                let _closed = gate.close_for_now().expect("closed");
                let before = written.load(SeqCst);
                std::thread::yield_now();
                assert_eq!(written.load(SeqCst), before);
            }
        });
        assert_eq!(written.into_inner(), 8000);
        assert_eq!(gate.open(), None, "it is open");
    }

    #[test]
    fn who_waits_can_be_asked_to_end() {
        let gate = WriteGate::default();
        assert_eq!((gate.close(), gate.close()), (Ok(1), Ok(2)));
        let ended = tallymap::Interrupt::new().run(Some(LOOK_INTERVAL), || gate.enter().map(drop));
        assert_eq!(ended.map_err(|failure| failure.code()), Err(50));
        assert_eq!((gate.open(), gate.open(), gate.open()), (Some(1), Some(0), None));
        assert!(gate.enter().is_ok());
    }
}
