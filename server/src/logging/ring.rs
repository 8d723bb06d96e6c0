//! The latest lines of the log, in memory: what `getLog` shows.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Lines that are kept.
const LINES_MAX: usize = 1024;
/// Bytes of them that are kept.
const LEN_MAX: usize = 2 << 20;

/// Some lines and how many there were.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recent {
    /// Lines that were written since the start.
    pub total: u64,
    /// The latest of them, oldest first, each a JSON document.
    pub lines: Vec<String>,
}

#[derive(Debug)]
struct Ring {
    lines: VecDeque<String>,
    len: usize,
    total: u64,
}

static GLOBAL: Mutex<Ring> = Mutex::new(Ring::new());
static STARTUP: Mutex<Ring> = Mutex::new(Ring::new());

impl Ring {
    const fn new() -> Ring {
        Ring { lines: VecDeque::new(), len: 0, total: 0 }
    }

    fn push(&mut self, line: String) {
        self.total += 1;
        self.len += line.len();
        self.lines.push_back(line);
        while self.lines.len() > LINES_MAX || self.len > LEN_MAX {
            let Some(oldest) = self.lines.pop_front() else { return };
            self.len -= oldest.len();
        }
    }

    fn recent(&self) -> Recent {
        Recent { total: self.total, lines: self.lines.iter().cloned().collect() }
    }
}

fn locked(ring: &'static Mutex<Ring>) -> MutexGuard<'static, Ring> {
    ring.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The latest lines.
pub fn lines() -> Recent {
    locked(&GLOBAL).recent()
}

/// The warnings of the start.
pub fn startup_warnings() -> Recent {
    locked(&STARTUP).recent()
}

/// Keeps a line, a JSON document.
pub(super) fn push(line: String, is_of_startup: bool) {
    if is_of_startup {
        locked(&STARTUP).push(line.clone());
    }
    locked(&GLOBAL).push(line);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_first() {
        let mut ring = Ring::new();
        (0..LINES_MAX + 3).for_each(|n| ring.push(n.to_string()));
        let Recent { total, lines } = ring.recent();
        assert_eq!((total, lines.len()), (LINES_MAX as u64 + 3, LINES_MAX));
        assert_eq!((lines[0].as_str(), lines[LINES_MAX - 1].as_str()), ("3", "1026"));
        (0..3).for_each(|_| ring.push("x".repeat(LEN_MAX / 2)));
        assert_eq!(ring.recent().lines.len(), 2);
        assert_eq!(ring.len, 2 * (LEN_MAX / 2));
    }
}
