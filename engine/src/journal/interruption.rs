//! Commits in the midst of units of work: what the gate is there to prevent, for simulations
//! that have to notice.

use std::fmt::{self, Debug};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// A commit after every so many writes; none until one is set.
#[derive(Default)]
pub struct Interruption {
    writes: AtomicU32,
    commit: OnceLock<(u32, Box<dyn Fn() + Send + Sync>)>,
}

impl Debug for Interruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let every = self.commit.get().map(|(every, _)| every);
        f.debug_struct("Interruption").field("every", &every).finish_non_exhaustive()
    }
}

impl Interruption {
    /// Sets it, once.
    pub fn set(&self, every: u32, commit: impl Fn() + Send + Sync + 'static) {
        let _ = self.commit.set((every, Box::new(commit)));
    }

    /// A unit of work has written.
    pub fn written(&self) {
        if let Some((every, commit)) = self.commit.get()
            && self.writes.fetch_add(1, Relaxed) % every == every - 1
        {
            commit();
        }
    }
}
