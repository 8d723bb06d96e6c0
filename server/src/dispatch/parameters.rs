//! Settings that `setParameter` changes while the server runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::logging::levels::Levels;

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
}

/// The settings that have no other home.
#[derive(Debug)]
pub struct Parameters {
    /// Are documents that have expired deleted?
    pub expires: Setting,
    /// How much is logged.
    pub log: Arc<Levels>,
}

impl Default for Parameters {
    fn default() -> Parameters {
        Parameters { expires: Setting::new(1), log: Arc::default() }
    }
}
