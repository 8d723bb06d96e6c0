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

#[cfg(loom)]
pub use model::{
    AtomicBool, AtomicU32, AtomicU64, Condvar, Mutex, MutexGuard, OnceLock, thread_number,
};
#[cfg(not(loom))]
pub use parking_lot::{Condvar, Mutex, MutexGuard};

/// The number of this thread: 0, 1, 2 … in the order of first calls.
#[cfg(not(loom))]
pub fn thread_number() -> usize {
    use std::cell::Cell;
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

    static NEXT: AtomicU32 = AtomicU32::new(0);
    thread_local! {
        static MINE: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    MINE.with(|mine| {
        if mine.get() == usize::MAX {
            mine.set(NEXT.fetch_add(1, SeqCst) as usize);
        }
        mine.get()
    })
}
