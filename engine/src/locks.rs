//! The order of locks, and the proof that bytes of a map are read and written by those who may.
//!
//! A thread takes locks only downwards in this list:
//!
//! 1. engine: the table of databases
//! 2. database: its table of collections (shared by all work in it; exclusive for create, drop,
//!    rename)
//! 3. collection: shared for reads and for updates that stay in place; exclusive for whatever
//!    changes structure
//! 4. record stripe: one record, reader or in-place writer; one stripe at a time
//! 5. the gate: a unit of work that changes structure is inside, the gather of a commit waits
//!    outside. Once it has closed the gate it holds all stripes (4), which keeps out the units
//!    that stay in place: nobody who holds a stripe waits for the gate
//! 6. extents of a database: file headers and the list of free extents
//! 7. leaves: tickets, memos, the list of created files. A scan that holds its position may take
//!    one record (4) below it: nobody who holds a record or is inside of the gate waits for a
//!    position but under the exclusive lock, which excludes scans
//!
//! No lock of this list is held while waiting for a disk, but by whoever changes the catalogue:
//! the database, the catalogue and the one collection are held while a data file is added for
//! it, while too much is dirty for its next unit of work, and while the keys of an index go
//! through a file; and all of a database while its files are removed.
//!
//! Beside the list stand two locks whose holders may wait for a disk: the one that serialises
//! commits, and the one of a database's growth by a file. Those who take them hold no lock of
//! the list, or are the ones of the paragraph above; their holders take none of levels 1 to 4.
//! Growth takes the gate (5) below it; a commit closes the gate below it.
//!
//! [`Shared`], [`Exclusive`] and [`Stripe`] are the guards of levels 2 to 4. `ReadView` and
//! `UnitOfWork` ask for them, so nobody reads or writes a map without having taken a lock. Which
//! collection's lock it is, the type does not know: that is the caller's promise.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use std::sync::PoisonError;

use crossbeam_utils::sync::{ShardedLock, ShardedLockReadGuard, ShardedLockWriteGuard};

use crate::disk_loc::RecordLoc;
use crate::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

/// The lock of a database (level 2) or of a collection (level 3), and what is behind it.
///
/// Hits share it, from all threads at once: so it is one of those that threads share without
/// sharing a cache line. Who wants it exclusively takes its parts one after the other, and would
/// wait for the readers of each in turn: so readers that may take long pass a door as well, at
/// which he waits for all of them at once.
#[derive(Debug, Default)]
pub struct StructureLock<T> {
    door: RwLock<()>,
    behind: ShardedLock<T>,
}

impl<T> StructureLock<T> {
    /// A lock that nobody holds.
    pub fn new(behind: T) -> StructureLock<T> {
        StructureLock { door: RwLock::new(()), behind: ShardedLock::new(behind) }
    }

    /// For reads, and for updates that stay in place.
    pub fn shared(&self) -> Shared<'_, T> {
        let door = Some(self.door.read());
        let behind = self.behind.read().unwrap_or_else(PoisonError::into_inner);
        Shared { behind, door }
    }

    /// The same for a hit, which is over at once.
    #[inline]
    pub fn shared_briefly(&self) -> Shared<'_, T> {
        let behind = self.behind.read().unwrap_or_else(PoisonError::into_inner);
        Shared { behind, door: None }
    }

    /// For whatever changes structure.
    pub fn exclusive(&self) -> Exclusive<'_, T> {
        let door = self.door.write();
        let behind = self.behind.write().unwrap_or_else(PoisonError::into_inner);
        Exclusive { behind, door }
    }
}

/// The right to read what a lock covers.
#[derive(Debug)]
pub struct Shared<'a, T> {
    behind: ShardedLockReadGuard<'a, T>,
    #[expect(dead_code, reason = "held")]
    door: Option<RwLockReadGuard<'a, ()>>,
}

/// The right to read and change what a lock covers.
#[derive(Debug)]
pub struct Exclusive<'a, T> {
    behind: ShardedLockWriteGuard<'a, T>,
    #[expect(dead_code, reason = "held")]
    door: RwLockWriteGuard<'a, ()>,
}

/// The right to change files that an [`Exclusive`] gives, apart from what is behind the lock.
#[derive(Debug)]
pub struct Changes<'a>(PhantomData<&'a mut ()>);

impl<T> Exclusive<'_, T> {
    /// What is behind the lock, and the right to change files, each for as long as the other.
    pub fn split(&mut self) -> (&mut T, Changes<'_>) {
        (&mut self.behind, Changes(PhantomData))
    }
}

impl<T> Deref for Shared<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.behind
    }
}

impl<T> Deref for Exclusive<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.behind
    }
}

impl<T> DerefMut for Exclusive<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.behind
    }
}

/// A guard that gives the right to read.
pub trait Reads {}
impl<T> Reads for Shared<'_, T> {}
impl<T> Reads for Exclusive<'_, T> {}

/// Stripes of a [`RecordStripes`]; a power of two.
const STRIPES: usize = if cfg!(loom) { 2 } else { 256 };

/// One lock, alone on its cache line: neighbours are taken by other threads.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Padded(RwLock<()>);

/// The record stripes (level 4). Records of all collections share them.
#[derive(Debug)]
pub struct RecordStripes(Box<[Padded]>);

impl Default for RecordStripes {
    fn default() -> Self {
        RecordStripes((0..STRIPES).map(|_| Padded::default()).collect())
    }
}

impl RecordStripes {
    /// To read a record under the shared collection lock.
    pub fn read(&self, record: RecordLoc) -> StripeRead<'_> {
        #[cfg(debug_assertions)]
        order::take_stripe();
        StripeRead(self.stripe(record).read())
    }

    /// To write a record in place under the shared collection lock.
    #[inline]
    pub fn write(&self, record: RecordLoc) -> Stripe<'_> {
        #[cfg(debug_assertions)]
        order::take_stripe();
        Stripe { record, held: hold(self.stripe(record)) }
    }

    /// Keeps out everybody who writes in place; who reads goes on. The caller has closed the
    /// gate.
    pub fn hold_all(&self) -> AllStripes<'_> {
        #[cfg(debug_assertions)]
        order::take_all_stripes();
        AllStripes(self.0.iter().map(|stripe| stripe.0.read()).collect())
    }

    #[inline]
    fn stripe(&self, record: RecordLoc) -> &RwLock<()> {
        // Records begin at multiples of 4 and are seldom shorter than 32 bytes; multiplying by
        // an odd number and taking high bits spreads any regular distance of theirs.
        let loc = record.loc();
        let key = (loc.file as u32 as u64) << 32 | loc.ofs as u32 as u64;
        let mixed = key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        &self.0[(mixed >> 56) as usize % STRIPES].0
    }
}

/// Holds a stripe to write.
///
/// Whoever finds it held does not ask again at once: each look takes the cache line away from the
/// holder, and a stripe that changes hands with every hit brings all lines of its record along.
/// While he waits the holder does a few more hits, which cost a tenth of the first.
#[cfg(not(loom))]
#[inline]
fn hold(stripe: &RwLock<()>) -> RwLockWriteGuard<'_, ()> {
    #[cold]
    fn patiently(stripe: &RwLock<()>) -> RwLockWriteGuard<'_, ()> {
        for pauses in PAUSES {
            (0..pauses).for_each(|_| std::hint::spin_loop());
            if let Some(held) = stripe.try_write() {
                return held;
            }
        }
        stripe.write()
    }
    stripe.try_write().unwrap_or_else(|| patiently(stripe))
}

/// The same where time does not pass.
#[cfg(loom)]
fn hold(stripe: &RwLock<()>) -> RwLockWriteGuard<'_, ()> {
    stripe.write()
}

/// Pauses of the processor between looks at a stripe that is held; then the thread sleeps.
#[cfg(not(loom))]
const PAUSES: [u32; 4] = [32, 64, 128, 256];

#[cfg(debug_assertions)]
pub mod order {
    //! Debug builds check that nobody who holds a stripe (4) waits for the gate (5), whose closer
    //! waits for all stripes, and that nobody asks for a stripe inside of the gate.
    use std::cell::Cell;

    thread_local! {
        static GATES: Cell<u32> = const { Cell::new(0) };
        static STRIPES: Cell<u32> = const { Cell::new(0) };
    }

    /// This thread is about to enter one more gate.
    pub fn entered() {
        assert_eq!(STRIPES.get(), 0, "nobody who holds a record waits for the gate");
        GATES.set(GATES.get() + 1);
    }

    /// This thread has left a gate.
    pub fn left() {
        GATES.set(GATES.get() - 1);
    }

    pub fn take_stripe() {
        assert_eq!(GATES.get(), 0, "a record stripe is not taken inside of the gate");
        STRIPES.set(STRIPES.get() + 1);
    }

    pub fn take_all_stripes() {
        assert_eq!(STRIPES.get(), 0, "nobody who holds a record takes all of them");
    }

    pub fn drop_stripe() {
        STRIPES.set(STRIPES.get() - 1);
    }
}

/// The right to read one record while in-place writers are about.
#[derive(Debug)]
pub struct StripeRead<'a>(#[expect(dead_code, reason = "held")] RwLockReadGuard<'a, ()>);

/// The right to write one record in place.
#[derive(Debug)]
pub struct Stripe<'a> {
    record: RecordLoc,
    #[expect(dead_code, reason = "held")]
    held: RwLockWriteGuard<'a, ()>,
}

impl Stripe<'_> {
    /// The record.
    #[inline]
    pub fn record(&self) -> RecordLoc {
        self.record
    }
}

#[cfg(debug_assertions)]
impl Drop for StripeRead<'_> {
    fn drop(&mut self) {
        order::drop_stripe();
    }
}

#[cfg(debug_assertions)]
impl Drop for Stripe<'_> {
    fn drop(&mut self) {
        order::drop_stripe();
    }
}

/// No record is written in place while this lives.
#[derive(Debug)]
pub struct AllStripes<'a>(#[expect(dead_code, reason = "held")] Vec<RwLockReadGuard<'a, ()>>);
