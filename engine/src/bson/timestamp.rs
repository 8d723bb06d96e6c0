//! New BSON timestamps: seconds, and a count of those of one second. The time is the caller's.

use std::sync::atomic::{AtomicU64, Ordering};

/// Makes timestamps, each greater than those before.
#[derive(Debug, Default)]
pub struct TimestampMaker {
    last: AtomicU64,
}

impl TimestampMaker {
    /// The next timestamp at `unix_ms` milliseconds since the epoch, as its 64 bits are stored.
    pub fn make(&self, unix_ms: i64) -> u64 {
        let first = (unix_ms.div_euclid(1000) as u64) << 32 | 1;
        let next = |last: u64| Some(first.max(last.wrapping_add(1)));
        let last = self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        first.max(last.unwrap_or_default().wrapping_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_within_a_second() {
        let maker = TimestampMaker::default();
        let parts = |made: u64| (made >> 32, made & 0xffff_ffff);
        assert_eq!(parts(maker.make(5_999)), (5, 1));
        assert_eq!(parts(maker.make(5_000)), (5, 2));
        assert_eq!(parts(maker.make(6_001)), (6, 1));
        // A clock that was put back.
        assert_eq!(parts(maker.make(5_000)), (6, 2));
    }
}
