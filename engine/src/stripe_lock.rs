//! The lock of a record's stripe: many readers or one writer, held for less than a microsecond.
//!
//! To take it for writing costs one locked instruction, to give it back a plain store: what was
//! written before need not have left the processor when the next hit begins. The price is that
//! whoever gives it back cannot know whether somebody sleeps for it.
//!
//! - S1. While a writer has it, nobody else changes its word: readers and writers only exchange
//!   it where they saw no writer. So the writer may give it back with a store.
//! - S2. Nobody sleeps for ever: who finds the lock taken looks again after a while, woken by
//!   nobody.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::sync::{AtomicU32, pause};

/// The word while a writer has it; else the number of readers.
const WRITER: u32 = 1 << 31;
/// Looks at a lock that is taken before others get the processor.
const SPINS: u32 = if cfg!(loom) { 0 } else { 200 };

/// The word of one lock, alone on its cache line: neighbours are taken by other threads.
#[derive(Debug, Default)]
#[repr(align(64))]
pub struct StripeLock(AtomicU32);

impl StripeLock {
    /// Shares it.
    #[inline]
    pub fn read(&self) -> Reading<'_> {
        let mut looks = 0;
        loop {
            let seen = self.0.load(Relaxed);
            if seen < WRITER - 1 && self.exchange(seen, seen + 1) {
                return Reading(&self.0);
            }
            wait(&mut looks);
        }
    }

    /// Takes it alone.
    #[inline]
    pub fn write(&self) -> Writing<'_> {
        if !self.exchange(0, WRITER) {
            self.write_later();
        }
        Writing(&self.0)
    }

    #[cold]
    fn write_later(&self) {
        let mut looks = 0;
        while self.0.load(Relaxed) != 0 || !self.exchange(0, WRITER) {
            wait(&mut looks);
        }
    }

    #[inline]
    fn exchange(&self, seen: u32, new: u32) -> bool {
        self.0.compare_exchange(seen, new, Acquire, Relaxed).is_ok()
    }
}

/// Looks again at once for a while, then lets others have the processor.
#[cold]
fn wait(looks: &mut u32) {
    *looks += 1;
    if *looks <= SPINS { std::hint::spin_loop() } else { pause() }
}

/// A lock that is shared.
#[derive(Debug)]
pub struct Reading<'a>(&'a AtomicU32);

impl Drop for Reading<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.fetch_sub(1, Release);
    }
}

/// A lock that is had alone.
#[derive(Debug)]
pub struct Writing<'a>(&'a AtomicU32);

impl Drop for Writing<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.store(0, Release);
    }
}
