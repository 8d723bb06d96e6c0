//! What [`crate::sync`] is under loom: loom's types behind the faces of those they stand for.
//!
//! Loom takes a sequentially consistent operation for acquire-release, which would find faults
//! in the gate that it has not. So a sequentially consistent fence, which loom knows, stands
//! before each such load and after each such store. [`Weakness`] takes these fences and other
//! things away again: the models must notice.

use std::cell::Cell;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::Ordering;

use loom::sync as inner;

/// What a model does without, to prove that it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weakness {
    /// Nothing: all is as in production.
    None,
    /// Sequentially consistent operations are acquire-release.
    AcquireRelease,
    /// Acquire and release are relaxed; what is sequentially consistent stays so.
    Unpaired,
    /// All atomic operations are relaxed.
    Relaxed,
    /// Nobody who sleeps is woken.
    Deaf,
}

std::thread_local! {
    // Loom runs all threads of a model on one thread of the system.
    static WEAKNESS: Cell<Weakness> = const { Cell::new(Weakness::None) };
}

/// Sets what the models of this thread do without, from now on.
pub fn weaken(weakness: Weakness) {
    WEAKNESS.set(weakness);
}

fn weak(order: Ordering) -> Ordering {
    match (WEAKNESS.get(), order) {
        (Weakness::Relaxed, _) => Ordering::Relaxed,
        (Weakness::Unpaired, Ordering::Acquire | Ordering::Release) => Ordering::Relaxed,
        _ => order,
    }
}

fn fence(order: Ordering) {
    let kept = matches!(WEAKNESS.get(), Weakness::None | Weakness::Unpaired | Weakness::Deaf);
    if order == Ordering::SeqCst && kept {
        inner::atomic::fence(Ordering::SeqCst);
    }
}

macro_rules! atomic {
    ($name:ident, $value:ty, $($change:ident)*) => {
        /// An atomic of which loom tries every value that a load may see.
        #[derive(Debug, Default)]
        pub struct $name(inner::atomic::$name);

        #[allow(dead_code, reason = "all have what one needs")]
        impl $name {
            /// Holds `value`.
            pub fn new(value: $value) -> $name {
                $name(inner::atomic::$name::new(value))
            }

            /// Its value.
            pub fn load(&self, order: Ordering) -> $value {
                fence(order);
                self.0.load(weak(order))
            }

            /// Replaces its value.
            pub fn store(&self, value: $value, order: Ordering) {
                self.0.store(value, weak(order));
                fence(order);
            }

            $(
                /// Changes its value; gives the one before.
                pub fn $change(&self, by: $value, order: Ordering) -> $value {
                    let before = self.0.$change(by, weak(order));
                    fence(order);
                    before
                }
            )*
        }
    };
}

atomic!(AtomicBool, bool,);
atomic!(AtomicU32, u32, fetch_add fetch_sub fetch_or fetch_and);

atomic!(AtomicU64, u64, fetch_add fetch_sub fetch_or fetch_and swap);

/// A lock that is not poisoned.
#[derive(Debug, Default)]
pub struct Mutex<T>(inner::Mutex<T>);

/// A lock that is held; empty only while its holder sleeps.
pub struct MutexGuard<'a, T>(Option<inner::MutexGuard<'a, T>>);

impl<T> Mutex<T> {
    /// Nobody holds it.
    pub fn new(behind: T) -> Mutex<T> {
        Mutex(inner::Mutex::new(behind))
    }

    /// Waits for it.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard(Some(self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())))
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_ref().expect("held")
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.as_mut().expect("held")
    }
}

impl<T> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MutexGuard")
    }
}

/// A lock that many may share, not poisoned.
#[derive(Debug, Default)]
pub struct RwLock<T>(inner::RwLock<T>);

/// The right to read what is behind a [`RwLock`].
pub type RwLockReadGuard<'a, T> = inner::RwLockReadGuard<'a, T>;
/// The right to change it.
pub type RwLockWriteGuard<'a, T> = inner::RwLockWriteGuard<'a, T>;

impl<T> RwLock<T> {
    /// Nobody holds it.
    pub fn new(behind: T) -> RwLock<T> {
        RwLock(inner::RwLock::new(behind))
    }

    /// Waits to share it.
    pub fn read(&self) -> RwLockReadGuard<'_, T> {
        self.0.read().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Waits to have it alone.
    pub fn write(&self) -> RwLockWriteGuard<'_, T> {
        self.0.write().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Where to sleep until somebody notifies.
#[derive(Debug, Default)]
pub struct Condvar(inner::Condvar);

impl Condvar {
    /// Nobody sleeps.
    pub fn new() -> Condvar {
        Condvar(inner::Condvar::new())
    }

    /// Sleeps; the lock is free meanwhile.
    pub fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        let held = guard.0.take().expect("held");
        guard.0 = Some(self.0.wait(held).unwrap_or_else(|poisoned| poisoned.into_inner()));
    }

    /// Wakes one.
    pub fn notify_one(&self) {
        if WEAKNESS.get() != Weakness::Deaf {
            self.0.notify_one();
        }
    }

    /// Wakes all.
    pub fn notify_all(&self) {
        if WEAKNESS.get() != Weakness::Deaf {
            self.0.notify_all();
        }
    }
}

/// Threads that sleep until they are woken by name.
pub mod thread {
    pub use loom::thread::{ThreadId, park};

    use super::{WEAKNESS, Weakness};

    /// A thread, to wake it.
    #[derive(Debug, Clone)]
    pub struct Thread(loom::thread::Thread);

    impl Thread {
        /// Who it is.
        pub fn id(&self) -> ThreadId {
            self.0.id()
        }

        /// Ends its sleep, or the next one if it does not sleep.
        pub fn unpark(&self) {
            if WEAKNESS.get() != Weakness::Deaf {
                self.0.unpark();
            }
        }
    }

    /// This thread.
    pub fn current() -> Thread {
        Thread(loom::thread::current())
    }
}

/// A value that is made once.
#[derive(Debug)]
pub struct OnceLock<T> {
    made: inner::atomic::AtomicBool,
    making: Mutex<()>,
    value: std::sync::OnceLock<T>,
}

impl<T> OnceLock<T> {
    /// Not made yet.
    pub fn new() -> OnceLock<T> {
        OnceLock {
            made: inner::atomic::AtomicBool::new(false),
            making: Mutex::new(()),
            value: std::sync::OnceLock::new(),
        }
    }

    /// The value, if this thread sees that it is made.
    pub fn get(&self) -> Option<&T> {
        if self.made.load(Ordering::Acquire) { self.value.get() } else { None }
    }

    /// The value; made now if nobody did.
    pub fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
        if let Some(made) = self.get() {
            return made;
        }
        let _making = self.making.lock();
        let value = self.value.get_or_init(make);
        self.made.store(true, Ordering::Release);
        value
    }
}

loom::thread_local! {
    static NUMBER: Cell<usize> = Cell::new(0);
}

/// The number that this thread of a model has taken; 0 if it took none.
pub fn thread_number() -> usize {
    NUMBER.with(Cell::get)
}

/// Gives this thread of a model a number, so that the model says who shares what.
pub fn number_thread(number: usize) {
    NUMBER.with(|mine| mine.set(number));
}
