//! The only reader of time.

use std::fmt::Debug;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Where the engine takes the time from; tests bring their own.
pub trait Clock: Send + Sync + Debug {
    /// Milliseconds since the Unix epoch, UTC.
    fn unix_ms(&self) -> i64;
    /// Milliseconds since an arbitrary start; never goes back.
    fn uptime_ms(&self) -> u64;
    /// The same in nanoseconds, as fine as the clock is.
    fn uptime_ns(&self) -> u64 {
        self.uptime_ms().saturating_mul(1_000_000)
    }
}

/// The operating system's clock.
#[derive(Debug)]
pub struct OsClock {
    start: Instant,
}

impl OsClock {
    /// A clock whose uptime begins now.
    pub fn new() -> OsClock {
        OsClock { start: Instant::now() }
    }
}

impl Default for OsClock {
    fn default() -> Self {
        OsClock::new()
    }
}

impl Clock for OsClock {
    fn unix_ms(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        since.as_millis() as i64
    }

    fn uptime_ms(&self) -> u64 {
        self.start.elapsed().as_millis() as u64
    }

    fn uptime_ns(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }
}
