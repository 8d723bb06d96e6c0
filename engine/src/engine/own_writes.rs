//! What the engine writes by itself, and when it does not.

use std::sync::atomic::Ordering;

use super::Engine;

impl Engine {
    /// Whether the thread that does so deletes what has expired; it does unless told. Answers what
    /// it was told before.
    pub fn expire_by_itself(&self, does: bool) -> bool {
        !self.inner.shared.spares_expired.swap(!does, Ordering::Relaxed)
    }

    /// Whether anything is written that nobody asks for: deletions of what has expired, and entries
    /// of the profiler. When it is not to be, none of that is under way any more.
    pub fn write_by_itself(&self, does: bool) {
        self.inner.shared.is_silent.store(!does, Ordering::Relaxed);
        if !does {
            drop(self.inner.shared.own_writes.write());
        }
    }
}
