//! What became of the last write on a connection, for `getLastError`.

use bson::RawBson;

use super::failure::Failure;

/// What became of it. Nothing, if the last command was no write.
#[derive(Debug, Clone, Default)]
pub struct LastWrite {
    /// Documents inserted, matched or deleted.
    pub n: u64,
    /// Of an update: did a document match?
    pub updated_existing: Option<bool>,
    /// The `_id` of the document that was inserted because none matched.
    pub upserted: Option<RawBson>,
    /// Why the last statement, or the command, was refused.
    pub failure: Option<Failure>,
    /// Where a key was there already.
    pub ns: Option<String>,
}

impl From<Failure> for LastWrite {
    fn from(failure: Failure) -> LastWrite {
        LastWrite { failure: Some(failure), ..LastWrite::default() }
    }
}
