//! What each writer does, one operation after the other: made of a seed alone, so that parent and
//! victim know it without telling each other.

use oorandom::Rand64;

/// Writers of a victim.
pub const WRITERS: u32 = 4;
/// Documents of each kind that all writers share.
pub const HOT: u64 = 8;
pub const UPSERTED: u64 = 4_000;
pub const TREES: u64 = 6;

/// One operation of a writer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Adds to the writer's counter and to the total of a document that is there: in place.
    Count { document: u64, by: i64 },
    /// The same to a document that may be missing: created then.
    Upsert { document: u64, by: i64 },
    /// Adds a field under the writer's name to a shared document, which grows and moves.
    Grow { document: u64, field: u64, len: usize },
    /// Inserts a document that the secondary index covers.
    Insert { id: u64, kind: i32, len: usize },
    /// Deletes one of those that the writer has inserted.
    Delete { id: u64 },
}

/// The operations of one writer, without end.
pub struct Script {
    writer: u32,
    rng: Rand64,
    next: u64,
    /// What has been inserted and not deleted.
    alive: Vec<u64>,
}

impl Script {
    pub fn new(seed: u64, writer: u32) -> Script {
        let seed = u128::from(seed) << 32 | u128::from(writer);
        Script { writer, rng: Rand64::new(seed), next: 0, alive: Vec::new() }
    }

    /// The next operation, and whether the writer waits until it is durable.
    pub fn step(&mut self) -> (Operation, bool) {
        let number = self.next;
        self.next += 1;
        let mut pick = |n: u64| self.rng.rand_range(0..n);
        let by = 1 + pick(3) as i64;
        let operation = match pick(10) {
            0..=3 => Operation::Count { document: pick(HOT), by },
            4 | 5 => Operation::Upsert { document: pick(UPSERTED), by },
            6 => Operation::Grow { document: pick(TREES), field: number, len: pick(120) as usize },
            7 if !self.alive.is_empty() => {
                let at = pick(self.alive.len() as u64) as usize;
                Operation::Delete { id: self.alive.swap_remove(at) }
            }
            _ => {
                let id = u64::from(self.writer) << 32 | number;
                let (kind, len) = (pick(7) as i32, pick(900) as usize);
                self.alive.push(id);
                Operation::Insert { id, kind, len }
            }
        };
        (operation, self.rng.rand_range(0..24) == 0)
    }
}
