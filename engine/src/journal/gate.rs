//! The gate: units of work that change structure are inside of it, the gather of a commit closes
//! it. (Units in place are kept apart from gathers by the stripes of their records.)
//!
//! Entering costs one atomic addition to a counter that few threads share, and one load; leaving
//! one subtraction. Nobody counts all who are inside: who closes the gate visits every counter.
//! It protects no data by itself.
//!
//! - G1. While a [`Closed`] lives, no [`Inside`] lives: a thread first counts itself in and then
//!   looks at `closed`; the closer first sets `closed` and then looks at the counters. Both in
//!   sequentially consistent order, so at least one of the two sees the other.
//! - G2. Nobody sleeps for ever: who is last to leave a counter that is awaited takes the mutex
//!   on which the closer checks the counter before it sleeps; who opens the gate takes the mutex
//!   on which those who wait at it check `closed`.
//! - G3. A thread is inside of a gate at most once. (Entering again could wait for the closer,
//!   which waits for the first entry.) Debug builds assert it.
//! - G4. Both guards do their work in `drop`, so a panic leaves the gate as it should be.

use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::Ordering::SeqCst;

use crate::sync::{AtomicBool, AtomicU32, Condvar, Mutex, MutexGuard, thread_number};

/// Counters of those who are inside; a power of two.
const SLOTS: usize = if cfg!(loom) { 2 } else { 128 };
/// Bit of a counter: the closer waits for it to reach zero.
const AWAITED: u32 = 1 << 31;

/// A counter, alone on its cache lines.
#[derive(Default)]
#[repr(align(128))]
struct Slot(AtomicU32);

/// Keeps units of work and gathers apart.
pub struct Gate {
    slots: Box<[Slot]>,
    closed: AtomicBool,
    /// Held while closed, so that there is one closer.
    closer: Mutex<()>,
    /// For both conditions below: G2.
    sleepers: Mutex<()>,
    opened: Condvar,
    left: Condvar,
    /// Closing it waits for nobody: see [`Gate::switch_off`].
    #[cfg(feature = "simulation")]
    is_off: AtomicBool,
}

impl Default for Gate {
    fn default() -> Self {
        Gate {
            slots: (0..SLOTS).map(|_| Slot::default()).collect(),
            closed: AtomicBool::new(false),
            closer: Mutex::new(()),
            sleepers: Mutex::new(()),
            opened: Condvar::new(),
            left: Condvar::new(),
            #[cfg(feature = "simulation")]
            is_off: AtomicBool::new(false),
        }
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inside: u32 = self.slots.iter().map(|s| s.0.load(SeqCst) & !AWAITED).sum();
        let closed = self.closed.load(SeqCst);
        f.debug_struct("Gate").field("inside", &inside).field("closed", &closed).finish()
    }
}

#[cfg(debug_assertions)]
mod once {
    //! Debug builds know which gates a thread is inside of (G3).
    use std::cell::RefCell;

    thread_local! {
        static INSIDE: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
    }

    pub fn enter(gate: usize) {
        INSIDE.with_borrow_mut(|inside| {
            assert!(!inside.contains(&gate), "a thread enters a gate at most once");
            inside.push(gate);
        });
        crate::locks::order::entered();
    }

    pub fn leave(gate: usize) {
        INSIDE.with_borrow_mut(|inside| inside.retain(|&g| g != gate));
        crate::locks::order::left();
    }
}

impl Gate {
    /// Enters; waits while the gate is closed.
    pub fn enter(&self) -> Inside<'_> {
        #[cfg(debug_assertions)]
        once::enter(std::ptr::from_ref(self).addr());
        // Threads beyond SLOTS share; that costs time, not correctness.
        let slot = &self.slots[thread_number() % SLOTS].0;
        loop {
            slot.fetch_add(1, SeqCst);
            if !self.closed.load(SeqCst) {
                return Inside { gate: self, slot, here: PhantomData };
            }
            self.count_out(slot);
            self.wait_until_open();
        }
    }

    /// Closes the gate and waits until nobody is inside.
    pub fn close(&self) -> Closed<'_> {
        let closed = Closed { gate: self, closer: self.closer.lock() };
        #[cfg(feature = "simulation")]
        if self.is_off.load(SeqCst) {
            return closed;
        }
        self.closed.store(true, SeqCst);
        for slot in &self.slots {
            if slot.0.load(SeqCst) != 0 {
                self.wait_until_left(&slot.0);
            }
        }
        closed
    }

    /// From now on it keeps nobody apart: a commit on the very thread that is inside goes on.
    #[cfg(feature = "simulation")]
    pub fn switch_off(&self) {
        self.is_off.store(true, SeqCst);
    }

    #[cold]
    fn wait_until_open(&self) {
        let mut sleepers = self.sleepers.lock();
        while self.closed.load(SeqCst) {
            self.opened.wait(&mut sleepers);
        }
    }

    #[cold]
    fn wait_until_left(&self, slot: &AtomicU32) {
        let mut sleepers = self.sleepers.lock();
        slot.fetch_or(AWAITED, SeqCst);
        while slot.load(SeqCst) != AWAITED {
            self.left.wait(&mut sleepers);
        }
        slot.fetch_and(!AWAITED, SeqCst);
    }

    fn count_out(&self, slot: &AtomicU32) {
        if slot.fetch_sub(1, SeqCst) == AWAITED | 1 {
            let _sleepers = self.sleepers.lock();
            self.left.notify_one();
        }
    }
}

/// A thread is inside of the gate. It stays on its thread.
#[derive(Debug)]
pub struct Inside<'a> {
    gate: &'a Gate,
    slot: &'a AtomicU32,
    here: PhantomData<*const ()>,
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.gate.count_out(self.slot);
        #[cfg(debug_assertions)]
        once::leave(std::ptr::from_ref(self.gate).addr());
    }
}

/// The gate is closed and nobody is inside; it opens when this is dropped.
#[derive(Debug)]
pub struct Closed<'a> {
    gate: &'a Gate,
    #[expect(dead_code, reason = "held")]
    closer: MutexGuard<'a, ()>,
}

impl Closed<'_> {
    /// Unless the gate is switched off.
    pub fn keeps_out(&self) -> bool {
        #[cfg(feature = "simulation")]
        return !self.gate.is_off.load(SeqCst);
        #[cfg(not(feature = "simulation"))]
        true
    }
}

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        let _sleepers = self.gate.sleepers.lock();
        self.gate.closed.store(false, SeqCst);
        self.gate.opened.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

    use super::*;
    use crate::rounds::rounds;

    /// Writers change two counters one after the other; a closer must never see them differ.
    #[test]
    fn nobody_is_inside_while_it_is_closed() {
        let rounds = u64::from(rounds(20_000));
        let gate = Gate::default();
        let (first, second) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|s| {
            for _ in 0..4 {
                s.spawn(|| {
                    for _ in 0..rounds {
                        let _inside = gate.enter();
                        first.fetch_add(1, Relaxed);
                        second.fetch_add(1, Relaxed);
                    }
                });
            }
            for _ in 0..2 {
                s.spawn(|| {
                    for _ in 0..rounds / 10 {
                        let _closed = gate.close();
                        assert_eq!(first.load(Relaxed), second.load(Relaxed));
                    }
                });
            }
        });
        assert_eq!(first.into_inner(), 4 * rounds);
        assert_eq!(second.into_inner(), 4 * rounds);
    }

    #[test]
    fn more_threads_than_slots() {
        let threads = if cfg!(miri) { 8 } else { 2 * SLOTS };
        let gate = Gate::default();
        let sum = AtomicU64::new(0);
        std::thread::scope(|s| {
            for _ in 0..threads {
                s.spawn(|| {
                    for _ in 0..10 {
                        let _inside = gate.enter();
                        sum.fetch_add(1, Relaxed);
                    }
                });
            }
            for _ in 0..10 {
                drop(gate.close());
            }
        });
        assert_eq!(sum.into_inner(), threads as u64 * 10);
        assert_eq!(format!("{gate:?}"), "Gate { inside: 0, closed: false }");
    }

    #[test]
    fn a_panic_inside_leaves_and_a_panic_of_the_closer_opens() {
        let gate = Gate::default();
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _inside = gate.enter();
            panic!("in a unit of work");
        }));
        assert!(panicked.is_err());
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _closed = gate.close();
            panic!("in a gather");
        }));
        assert!(panicked.is_err());
        drop(gate.enter());
    }

    #[test]
    #[cfg(debug_assertions)]
    fn entering_twice_is_caught() {
        let gate = Gate::default();
        let _inside = gate.enter();
        let twice = catch_unwind(AssertUnwindSafe(|| drop(gate.enter())));
        assert!(twice.is_err());
    }
}
