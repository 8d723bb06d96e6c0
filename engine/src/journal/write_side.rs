//! What units of work and commits share: gate and stripes, the sums that thresholds look at,
//! whether writes are taken at all, and what a gather has to know beside the dirty lines.
//!
//! - W1. The number of the next gather changes only while [`Still`] lives. So what a unit of work
//!   reads inside of the gate, or holding its stripe, is the number of the gather that will take
//!   its changes along.
//! - W2. Once stopped, for ever stopped: no unit of work begins, nothing is written any more.

use std::path::PathBuf;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::dirty_lines::Pressure;
use super::gate::{Closed, Gate, Inside};
use super::gathering::Gathering;
use super::payload::Builder;
use crate::counters::Counters;
use crate::error::{Error, Result};
use crate::locks::{AllStripes, RecordStripes};
use crate::sync::AtomicU64;

/// A file that was made since the last gather.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedFile {
    /// Its path below the dbpath.
    pub path: PathBuf,
    /// Its length, bytes.
    pub len: u64,
}

/// Shared by the journal and the files of every database.
#[derive(Debug)]
pub struct WriteSide {
    /// Keeps units of work and gathers apart.
    pub gate: Gate,
    /// One for each record that is written in place (level 4 of the lock order).
    pub stripes: Arc<RecordStripes>,
    /// How much is changed and private.
    pub pressure: Pressure,
    /// Work done.
    pub counters: Arc<Counters>,
    /// Files made since the last gather. Pushed to inside of the gate, taken while no unit is
    /// under way.
    pub created: Mutex<Vec<CreatedFile>>,
    /// The gather that is under way. Without a journal it makes no section.
    pub gathering: Gathering<Option<Builder>>,
    gathers: AtomicU64,
    stopped: OnceLock<String>,
    /// Dirty pages at which a commit is called for.
    dirty_pages_max: u64,
    called: Mutex<bool>,
    call: Condvar,
    /// Commits within units of work, the gate switched off.
    #[cfg(feature = "simulation")]
    pub interruption: super::interruption::Interruption,
}

impl WriteSide {
    /// Nothing is changed, nobody is inside.
    pub fn new(counters: Arc<Counters>, dirty_pages_max: u64) -> WriteSide {
        WriteSide {
            gate: Gate::default(),
            stripes: Arc::default(),
            pressure: Pressure::default(),
            counters,
            created: Mutex::default(),
            gathering: Gathering::default(),
            gathers: AtomicU64::new(0),
            stopped: OnceLock::new(),
            dirty_pages_max,
            called: Mutex::new(false),
            call: Condvar::new(),
            #[cfg(feature = "simulation")]
            interruption: Default::default(),
        }
    }

    /// Enters the gate to write.
    ///
    /// # Errors
    /// [`Error::ReadOnly`] once stopped (W2).
    pub fn enter(&self) -> Result<Inside<'_>> {
        self.check()?;
        let inside = self.gate.enter();
        // Again: the last gather of a close may have come between the check and the gate.
        self.check()?;
        Ok(inside)
    }

    /// Waits until no unit of work is under way, and keeps the next ones from beginning.
    pub fn close(&self) -> Still<'_> {
        let closed = self.gate.close();
        // In this order: whoever is inside of the gate may wait for a reader of a record.
        let stripes = closed.keeps_out().then(|| self.stripes.hold_all());
        Still { stripes, closed }
    }

    /// Refuses once stopped (W2).
    #[inline]
    pub fn check(&self) -> Result<()> {
        match self.stopped.get() {
            Some(why) => Err(Error::ReadOnly { why: why.clone() }),
            None => Ok(()),
        }
    }

    /// No more writes, because of `why`; the first reason stays.
    pub fn stop(&self, why: impl Into<String>) {
        let _ = self.stopped.set(why.into());
    }

    /// The number of the next gather (W1).
    #[inline]
    pub fn next_gather(&self) -> u64 {
        self.gathers.load(Relaxed) + 1
    }

    /// Counts a gather; the gate is closed. Gives its number.
    pub fn begin_gather(&self) -> u64 {
        self.gathers.fetch_add(1, Relaxed) + 1
    }

    /// A unit of work has made `fresh` pages dirty: calls for a commit if that is too much.
    #[inline]
    pub fn count_dirty(&self, fresh: u64) {
        if fresh > 0 && self.is_dirty_beyond(1) {
            self.call();
        }
    }

    /// Are there more dirty pages than `times` the threshold?
    #[inline]
    pub fn is_dirty_beyond(&self, times: u64) -> bool {
        self.pressure.dirty_pages.load(Relaxed) > self.dirty_pages_max * times
    }

    /// Ends [`WriteSide::park`] at once.
    pub fn call(&self) {
        let mut called = self.called.lock();
        if !*called {
            *called = true;
            self.call.notify_all();
        }
    }

    /// Sleeps until somebody calls, at most for `time`. Answers whether somebody did.
    pub fn park(&self, time: Duration) -> bool {
        let mut called = self.called.lock();
        if !*called {
            self.call.wait_for(&mut called, time);
        }
        std::mem::take(&mut *called)
    }
}

/// No unit of work is under way.
#[derive(Debug)]
pub struct Still<'a> {
    #[expect(dead_code, reason = "held")]
    stripes: Option<AllStripes<'a>>,
    #[expect(dead_code, reason = "held")]
    closed: Closed<'a>,
}
