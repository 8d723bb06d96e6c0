//! What a victim tells its parent while it works: who, what, which operation. 16 bytes, written
//! in one call before the next operation begins, so that what was told is known to be true even
//! if the victim dies at once.

use std::io::{Read, Write};

/// What became of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The engine is about to be opened.
    Opening,
    /// It is open.
    Open,
    /// The operation is about to begin.
    Attempted,
    /// It returned.
    Acknowledged,
    /// Everything up to it is durable.
    Durable,
}

const STAGES: [Stage; 5] =
    [Stage::Opening, Stage::Open, Stage::Attempted, Stage::Acknowledged, Stage::Durable];

/// One message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// Which writer.
    pub writer: u32,
    pub stage: Stage,
    /// Number of the operation among those of its writer.
    pub operation: u64,
}

impl Record {
    /// Tells it: one write, shorter than a pipe keeps apart from those of other threads.
    pub fn tell(&self) {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&self.writer.to_le_bytes());
        let stage = STAGES.iter().position(|stage| *stage == self.stage).expect("listed");
        bytes[4..8].copy_from_slice(&(stage as u32).to_le_bytes());
        bytes[8..].copy_from_slice(&self.operation.to_le_bytes());
        let mut out = std::io::stdout().lock();
        // Who listens no more has killed us, or is about to.
        let _ = out.write_all(&bytes).and_then(|()| out.flush());
    }

    /// The next message, or none when the victim is dead.
    pub fn hear(from: &mut impl Read) -> Option<Record> {
        let mut bytes = [0; 16];
        from.read_exact(&mut bytes).ok()?;
        let (writer, rest) = bytes.split_at(4);
        let (stage, operation) = rest.split_at(4);
        let word = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().expect("four bytes"));
        Some(Record {
            writer: word(writer),
            stage: STAGES[word(stage) as usize],
            operation: u64::from_le_bytes(operation.try_into().expect("eight bytes")),
        })
    }
}
