//! Settings that `setParameter` changes while the server runs.

use std::sync::atomic::{AtomicU64, Ordering};

/// One setting: a number, or a flag.
#[derive(Debug)]
pub struct Setting(AtomicU64);

impl Setting {
    /// It, at first.
    pub const fn new(value: u64) -> Setting {
        Setting(AtomicU64::new(value))
    }

    /// Its value.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Sets it.
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Sets it; answers what it was.
    pub fn swap(&self, value: u64) -> u64 {
        self.0.swap(value, Ordering::Relaxed)
    }
}

/// The settings that have no other home.
#[derive(Debug)]
pub struct Parameters {
    /// Are documents that have expired deleted?
    pub expires: Setting,
    /// How much is logged: 0 to 5.
    pub log_level: Setting,
    /// Is less logged?
    pub quiet: Setting,
}

impl Default for Parameters {
    fn default() -> Parameters {
        Parameters { expires: Setting::new(1), log_level: Setting::new(0), quiet: Setting::new(0) }
    }
}
