//! What a victim tells its parent while it works: who, what, which operation. 16 bytes, told before
//! the next operation begins, so that what was heard is known to be true even if the victim dies
//! at once.

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

/// The stages by the number that stands in a record.
pub const STAGES: [Stage; 5] =
    [Stage::Opening, Stage::Open, Stage::Attempted, Stage::Acknowledged, Stage::Durable];

/// Writer (4 bytes), stage (4), operation (8), little-endian.
pub const RECORD_LEN: usize = 16;

/// One message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// Which writer.
    pub writer: u32,
    pub stage: Stage,
    /// Number of the operation among those of its writer.
    pub operation: u64,
}
