//! New ObjectIds: seconds, a number of this process, a counter. The time is the caller's.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU32, Ordering};

/// Makes ObjectIds that differ from each other, and from those of other processes.
#[derive(Debug)]
pub struct ObjectIdMaker {
    process: [u8; 5],
    counter: AtomicU32,
}

impl Default for ObjectIdMaker {
    fn default() -> Self {
        ObjectIdMaker::new()
    }
}

impl ObjectIdMaker {
    /// A maker with random process number and start.
    pub fn new() -> ObjectIdMaker {
        // The standard library seeds its hasher from the system's randomness.
        let random = RandomState::new();
        let process = random.hash_one(0).to_le_bytes();
        let mut maker =
            ObjectIdMaker { process: [0; 5], counter: AtomicU32::new(random.hash_one(1) as u32) };
        maker.process.copy_from_slice(&process[..5]);
        maker
    }

    /// The next ObjectId at `unix_ms` milliseconds since the epoch.
    pub fn make(&self, unix_ms: i64) -> [u8; 12] {
        let mut id = [0; 12];
        let seconds = (unix_ms / 1000) as u32;
        id[..4].copy_from_slice(&seconds.to_be_bytes());
        id[4..9].copy_from_slice(&self.process);
        let count = self.counter.fetch_add(1, Ordering::Relaxed);
        id[9..].copy_from_slice(&count.to_be_bytes()[1..]);
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carries_the_time_and_counts() {
        let maker = ObjectIdMaker::new();
        let (a, b) = (maker.make(1_700_000_000_123), maker.make(1_700_000_000_123));
        assert_eq!(a[..4], 1_700_000_000_u32.to_be_bytes());
        assert_eq!(a[..9], b[..9]);
        let count = |id: [u8; 12]| u32::from_be_bytes([0, id[9], id[10], id[11]]);
        assert_eq!((count(a) + 1) & 0xff_ffff, count(b));
        assert_ne!(ObjectIdMaker::new().make(0)[4..9], maker.make(0)[4..9]);
    }
}
