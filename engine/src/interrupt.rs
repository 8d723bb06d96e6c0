//! Work that is ended before its time: because somebody asked for that, or because it took too
//! long.
//!
//! Whoever does work for others names an [`Interrupt`] to its thread; long work looks at it now
//! and then, where it can stop. What was done before stays done.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Error, Reason, Result};

/// Ends work on one thread, from others.
#[derive(Debug, Default)]
pub struct Interrupt {
    is_asked: AtomicBool,
    /// Held between the last look at the above and sleep.
    asleep: Mutex<()>,
    asked: Condvar,
}

/// What the work on a thread has to look at.
#[derive(Debug, Clone)]
struct Watched {
    interrupt: Arc<Interrupt>,
    until: Option<Instant>,
}

thread_local! {
    static WATCHED: RefCell<Option<Watched>> = const { RefCell::new(None) };
}

/// Puts the one before back, whatever happens.
struct Restored(Option<Watched>);

impl Drop for Restored {
    fn drop(&mut self) {
        WATCHED.with(|place| place.replace(self.0.take()));
    }
}

impl Interrupt {
    /// Nobody has asked.
    pub fn new() -> Arc<Interrupt> {
        Arc::default()
    }

    /// Asks the work to end: [`Reason::Interrupted`] at its next look.
    pub fn ask(&self) {
        let _awake = self.asleep.lock().unwrap_or_else(PoisonError::into_inner);
        self.is_asked.store(true, Ordering::Relaxed);
        self.asked.notify_all();
    }

    /// Takes that back, before other work begins.
    pub fn forget(&self) {
        self.is_asked.store(false, Ordering::Relaxed);
    }

    /// Was it asked?
    pub fn is_asked(&self) -> bool {
        self.is_asked.load(Ordering::Relaxed)
    }

    /// Does work on this thread that looks at this one, and at the time.
    pub fn run<R>(self: &Arc<Self>, max: Option<Duration>, work: impl FnOnce() -> R) -> R {
        let until = max.and_then(|max| Instant::now().checked_add(max));
        let watched = Watched { interrupt: self.clone(), until };
        let _before = Restored(WATCHED.with(|place| place.replace(Some(watched))));
        work()
    }
}

/// To be called now and then by long work, where it can stop.
///
/// # Errors
/// [`Reason::Interrupted`]; [`Reason::MaxTimeMSExpired`].
#[inline]
pub fn check() -> Result<()> {
    WATCHED.with(|place| match &*place.borrow() {
        None => Ok(()),
        Some(watched) => watched.check(),
    })
}

/// Waits until then, or until this thread's work has to end.
///
/// # Errors
/// As [`check`] does.
pub fn sleep(until: Instant) -> Result<()> {
    let watched = WATCHED.with(|place| place.borrow().clone());
    let Some(Watched { interrupt, until: limit }) = &watched else {
        std::thread::sleep(until.saturating_duration_since(Instant::now()));
        return Ok(());
    };
    let first = limit.map_or(until, |limit| limit.min(until));
    let mut awake = interrupt.asleep.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        check()?;
        let left = first.saturating_duration_since(Instant::now());
        if left.is_zero() {
            // What came first was the limit, perhaps.
            return check();
        }
        let woken = interrupt.asked.wait_timeout(awake, left);
        awake = woken.unwrap_or_else(PoisonError::into_inner).0;
    }
}

impl Watched {
    fn check(&self) -> Result<()> {
        if self.interrupt.is_asked() {
            return Err(Error::refused(Reason::Interrupted, "operation was interrupted"));
        }
        match self.until {
            Some(until) if Instant::now() >= until => Err(too_late()),
            _ => Ok(()),
        }
    }
}

/// The refusal of what took longer than it may.
pub fn too_late() -> Error {
    Error::refused(Reason::MaxTimeMSExpired, "operation exceeded time limit")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_looks_at_what_was_named_to_its_thread() {
        let code = || check().map_or_else(|error| error.code(), |()| 0);
        assert_eq!(code(), 0);
        let (outer, inner) = (Interrupt::new(), Interrupt::new());
        outer.run(None, || {
            inner.run(Some(Duration::ZERO), || {
                assert_eq!(code(), 50);
                inner.ask();
                assert_eq!(code(), 11601);
                std::thread::spawn(move || assert_eq!(code(), 0)).join().expect("another thread");
            });
            assert_eq!(code(), 0);
            outer.ask();
            assert_eq!(code(), 11601);
            outer.forget();
            assert_eq!(code(), 0);
        });
        inner.run(Some(Duration::MAX), || assert_eq!(code(), 11601));
        assert_eq!(code(), 0);
    }

    #[test]
    fn who_sleeps_is_woken_by_who_asks_for_the_end_and_by_the_limit() {
        let hour = Duration::from_secs(3600);
        let code = |until| sleep(until).map_or_else(|error| error.code(), |()| 0);
        assert_eq!(code(Instant::now()), 0);
        let interrupt = Interrupt::new();
        let began = Instant::now();
        let limit = Some(Duration::from_millis(1));
        assert_eq!(interrupt.run(limit, || code(began + hour)), 50);
        assert_eq!(interrupt.run(Some(hour), || code(began)), 0);
        let asker = interrupt.clone();
        interrupt.run(None, || {
            std::thread::scope(|scope| {
                scope.spawn(move || asker.ask());
                assert_eq!(code(began + hour), 11601);
            });
        });
    }
}
