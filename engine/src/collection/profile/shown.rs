//! What an entry repeats of a request.

use bson::{Bson, Document, RawDocument, doc};

/// Longest request that is repeated, bytes.
const LEN_MAX: usize = 50_000;
/// What stands for a request that nobody is to read.
const HIDDEN: &str = "$hidden";

/// All of it; of one that is too long, its length and its comment.
pub fn request(sent: &RawDocument) -> Document {
    let len = sent.as_bytes().len();
    if len <= LEN_MAX {
        return Document::try_from(sent).unwrap_or_default();
    }
    let mut out = doc! { "$truncated": format!("{len} bytes") };
    if let Some(Ok(comment)) = sent.get("comment").ok().flatten().map(Bson::try_from) {
        out.insert("comment", comment);
    }
    out
}

/// Nothing: what is kept of passwords is for nobody who reads a profile.
pub fn hidden() -> Document {
    doc! { HIDDEN: true }
}

/// Does an entry keep to itself what was asked for?
pub fn is_hidden(entry: &Document) -> bool {
    entry.get_document("command").is_ok_and(|command| command.contains_key(HIDDEN))
}
