//! Whoever answers commands.

use bson::{Bson, Document, doc};

/// Something that runs commands on one database.
pub trait Target {
    /// What it is called in reports.
    fn name(&self) -> &'static str;

    /// Runs a command. An error is a reply, too: `{ok: 0, code}`.
    fn run(&mut self, command: &Document) -> Document;

    /// Makes the database empty.
    fn reset(&mut self);
}

/// The reply to a command that is refused.
pub fn refusal(code: i32, message: impl Into<String>) -> Document {
    doc! { "ok": 0.0, "code": code, "errmsg": message.into() }
}

/// The number with which a reply refuses its command; none if it does not.
pub fn code(reply: &Document) -> Option<i32> {
    let ok = match reply.get("ok") {
        Some(Bson::Double(ok)) => *ok == 1.0,
        Some(Bson::Int32(ok)) => *ok == 1,
        _ => false,
    };
    (!ok).then(|| reply.get_i32("code").unwrap_or(0))
}

/// The documents that a reply's cursor begins with.
pub fn batch(reply: &Document) -> Option<Vec<Document>> {
    let batch = reply.get_document("cursor").ok()?.get_array("firstBatch").ok()?;
    Some(batch.iter().filter_map(|doc| doc.as_document().cloned()).collect())
}
