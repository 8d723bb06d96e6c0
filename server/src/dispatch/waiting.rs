//! Those who wait at the end of capped collections, and what wakes them: who writes there, who
//! ends their cursor, who ends the server.
//!
//! The engine writes, too, without a word (the profile); so a waiter looks by itself every now
//! and then. While nobody waits, waking costs a load.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Longest time between two looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// Those who wait.
#[derive(Debug, Default)]
pub struct Waiting {
    waiters: Mutex<Vec<Arc<Waiter>>>,
    count: AtomicUsize,
    is_over: AtomicBool,
}

#[derive(Debug)]
struct Waiter {
    ns: String,
    state: Mutex<State>,
    woken: Condvar,
}

#[derive(Debug, Default)]
struct State {
    is_woken: bool,
    /// Why there is nothing to wait for any more.
    gone: Option<String>,
}

/// One who waits, until this is dropped.
#[derive(Debug)]
pub struct Wait<'a> {
    all: &'a Waiting,
    own: Arc<Waiter>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Waiting {
    /// Somebody is about to wait for what comes into a collection. What comes before his first
    /// look he sees then; what comes later wakes him.
    pub fn begin(&self, ns: &str) -> Wait<'_> {
        let (state, woken) = (Mutex::default(), Condvar::new());
        let own = Arc::new(Waiter { ns: ns.to_owned(), state, woken });
        let mut waiters = lock(&self.waiters);
        waiters.push(own.clone());
        self.count.store(waiters.len(), Ordering::SeqCst);
        Wait { all: self, own }
    }

    /// Wakes those who wait at a collection of which `is_meant` holds.
    #[inline]
    pub fn wake(&self, is_meant: impl Fn(&str) -> bool) {
        if self.count.load(Ordering::SeqCst) > 0 {
            self.each(is_meant, |_| {});
        }
    }

    /// The collections of which `is_gone` holds are gone: who waits there is told why.
    pub fn interrupt(&self, is_gone: impl Fn(&str) -> bool, why: &str) {
        self.each(is_gone, |state| state.gone = Some(why.to_owned()));
    }

    fn each(&self, is_meant: impl Fn(&str) -> bool, change: impl Fn(&mut State)) {
        for waiter in lock(&self.waiters).iter().filter(|waiter| is_meant(&waiter.ns)) {
            let mut state = lock(&waiter.state);
            state.is_woken = true;
            change(&mut state);
            waiter.woken.notify_one();
        }
    }

    /// Nobody is to wait any more.
    pub fn end(&self) {
        self.is_over.store(true, Ordering::SeqCst);
        self.wake(|_| true);
    }

    /// Is nobody to wait any more?
    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }
}

impl Wait<'_> {
    /// Waits until it is time for another look. Who was woken since the last time goes on at once.
    pub fn pause(&self, max: Duration) {
        let state = lock(&self.own.state);
        let max = max.min(LOOK_INTERVAL);
        let waited = self.own.woken.wait_timeout_while(state, max, |state| !state.is_woken);
        waited.unwrap_or_else(PoisonError::into_inner).0.is_woken = false;
    }

    /// Why there is nothing to wait for any more, if it is so.
    pub fn gone(&self) -> Option<String> {
        lock(&self.own.state).gone.clone()
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        let mut waiters = lock(&self.all.waiters);
        waiters.retain(|waiter| !Arc::ptr_eq(waiter, &self.own));
        self.all.count.store(waiters.len(), Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_woken(wait: &Wait<'_>) -> bool {
        lock(&wait.own.state).is_woken
    }

    #[test]
    fn who_waits_elsewhere_is_not_woken() {
        let waiting = Waiting::default();
        let (here, there) = (waiting.begin("d.here"), waiting.begin("d.there"));
        waiting.wake(|ns| ns == "d.here");
        assert!(is_woken(&here) && !is_woken(&there));
        // At once, and then no more.
        here.pause(Duration::MAX);
        assert!(!is_woken(&here));
        drop(here);
        waiting.wake(|ns| ns == "d.here");
        assert_eq!(lock(&waiting.waiters).len(), 1);
        waiting.interrupt(|ns| ns == "d.there", "dropped");
        assert_eq!(there.gone().as_deref(), Some("dropped"));
        there.pause(Duration::MAX);
        waiting.end();
        assert!(is_woken(&there) && waiting.is_over());
        drop(there);
        assert_eq!(waiting.count.load(Ordering::SeqCst), 0);
    }
}
