//! Atomics, locks and the number of a thread, for code whose every interleaving is checked.
//!
//! They are those of the standard library and of `parking_lot`, re-exported. Built with
//! `--cfg loom` they are loom's, which tries every order of their operations and every value
//! that a load may see. No wrapper in between: production code is what it would be without.

#[cfg(loom)]
pub mod model;

#[cfg(not(loom))]
pub use std::sync::OnceLock;
#[cfg(not(loom))]
pub use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64};
#[cfg(not(loom))]
pub use std::thread;

#[cfg(loom)]
pub use model::{
    AtomicBool, AtomicU32, AtomicU64, Condvar, Mutex, MutexGuard, OnceLock, RwLock,
    RwLockReadGuard, RwLockWriteGuard, thread, thread_number,
};
#[cfg(not(loom))]
pub use parking_lot::{Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// The number of this thread: one that no other thread has now, the least that was free. A thread
/// that is about to end has given its number back; then it is `usize::MAX`.
#[cfg(not(loom))]
#[inline]
pub fn thread_number() -> usize {
    match numbers::MINE.get() {
        numbers::NONE => numbers::take(),
        number => number as usize,
    }
}

#[cfg(not(loom))]
mod numbers {
    use std::cell::Cell;
    use std::collections::BTreeSet;

    use super::Mutex;

    /// Of a thread that has not asked for one yet. Beyond any that is given out.
    pub const NONE: u64 = u64::MAX - 1;
    /// Of a thread that has given it back.
    const ENDED: u64 = u64::MAX;

    /// Numbers that were given back, and the first that was never given out.
    static FREE: Mutex<(BTreeSet<u64>, u64)> = Mutex::new((BTreeSet::new(), 0));

    thread_local! {
        pub static MINE: Cell<u64> = const { Cell::new(NONE) };
        static GIVE_BACK: GiveBack = const { GiveBack };
    }

    struct GiveBack;

    impl Drop for GiveBack {
        fn drop(&mut self) {
            let number = MINE.replace(ENDED);
            FREE.lock().0.insert(number);
        }
    }

    #[cold]
    pub fn take() -> usize {
        // Whoever has no destructor to run any more gets no number that would have to come back.
        if GIVE_BACK.try_with(|_| ()).is_err() {
            MINE.set(ENDED);
            return ENDED as usize;
        }
        let mut free = FREE.lock();
        let number = free.0.pop_first().unwrap_or_else(|| {
            free.1 += 1;
            free.1 - 1
        });
        MINE.set(number);
        number as usize
    }

    #[cfg(test)]
    mod tests {
        use super::super::thread_number;

        #[test]
        fn numbers_are_ones_own_and_come_back() {
            let all = std::sync::Barrier::new(20);
            let mut numbers: Vec<usize> = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..20)
                    .map(|_| {
                        scope.spawn(|| {
                            let number = thread_number();
                            all.wait();
                            assert_eq!(thread_number(), number);
                            number
                        })
                    })
                    .collect();
                threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
            });
            numbers.sort_unstable();
            numbers.dedup();
            assert_eq!(numbers.len(), 20);
            // Other tests have threads too, but not hundreds at a time.
            for _ in 0..1000 {
                let number = std::thread::spawn(thread_number).join().expect("no panic");
                assert!(number < 900, "{number}");
            }
        }
    }
}
