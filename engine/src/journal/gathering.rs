//! A gather that units of work help with: it sees every page as it was at one moment, and keeps
//! nobody waiting while it copies them.
//!
//! Dirty lines have two sets of marks. A gather begins, while no unit of work is under way, by
//! exchanging them; from then on units go on and mark in the other set. Then it takes page by
//! page what the first set marks. Whoever wants to change a page that has not been taken yet
//! takes it first: the same step, under the same lock.
//!
//! - N1. The sets are exchanged while no unit of work is under way, and when all marks of the
//!   last gather were taken. So the marks that a gather takes are those of whole units.
//! - N2. The lines of a page are copied before their marks are taken away, and no byte of the
//!   page is changed before its marks are gone: what is copied is what was there at the exchange.
//! - N3. Who finds no marks, or no gather under way, reads (acquires) what the one who took the
//!   marks away, or ended the gather, has written (released): so its own changes come after the
//!   copies.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::dirty_lines::{DirtyLines, Pressure, Set};
use crate::sync::{AtomicBool, Mutex};

/// What a gather and those who help it share; `S` is what they put lines into.
#[derive(Debug)]
pub struct Gathering<S> {
    is_running: AtomicBool,
    /// Is the second set marked at present?
    second: AtomicBool,
    section: Mutex<Option<S>>,
}

impl<S> Default for Gathering<S> {
    fn default() -> Self {
        Gathering {
            is_running: AtomicBool::new(false),
            second: AtomicBool::new(false),
            section: Mutex::new(None),
        }
    }
}

impl<S> Gathering<S> {
    /// The set that units of work mark at present. It stays the same throughout a unit.
    #[inline]
    pub fn set(&self) -> Set {
        if self.second.load(Relaxed) { Set::Second } else { Set::First }
    }

    /// Exchanges the sets (N1) and puts what is taken from now on into `section`. Gives the set
    /// whose marks are to be taken, page by page.
    pub fn begin(&self, section: S) -> Set {
        let set = self.set();
        *self.section.lock() = Some(section);
        self.second.store(set == Set::First, Relaxed);
        self.is_running.store(true, Relaxed);
        set
    }

    /// A unit of work is about to change a page of `dirty`: takes its lines if they are not
    /// taken yet.
    #[inline(always)]
    pub fn before_change(
        &self,
        dirty: &DirtyLines,
        page: usize,
        pressure: &Pressure,
        copy: impl FnOnce(&mut S, u64),
    ) {
        if self.is_running.load(Acquire) {
            self.help(dirty, page, pressure, copy);
        }
    }

    #[cold]
    fn help(
        &self,
        dirty: &DirtyLines,
        page: usize,
        pressure: &Pressure,
        copy: impl FnOnce(&mut S, u64),
    ) {
        let set = self.set().other();
        if dirty.is_marked(set, page) {
            self.take(dirty, set, page, pressure, copy);
        }
    }

    /// Takes the lines of a page: `copy` puts them into the section, unless somebody has.
    pub fn take(
        &self,
        dirty: &DirtyLines,
        set: Set,
        page: usize,
        pressure: &Pressure,
        copy: impl FnOnce(&mut S, u64),
    ) {
        let mut section = self.section.lock();
        if let Some(section) = section.as_mut() {
            dirty.take_page(set, page, pressure, |lines| copy(section, lines));
        }
    }

    /// All marks are taken. Gives the section.
    pub fn end(&self) -> Option<S> {
        self.is_running.store(false, Release);
        self.section.lock().take()
    }
}
