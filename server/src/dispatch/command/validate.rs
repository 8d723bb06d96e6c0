//! `validate`: is a collection sound?

use bson::Bson;
use tallymap::Reason;
use tallymap::bson::builder::Builder;

use super::stats::reply;
use crate::dispatch::call::{Call, collection_name};
use crate::dispatch::failure::{Failure, Outcome};

/// Checks.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    let is_asked = |name| call.request.field(name).is_some_and(|value| value.is_true());
    let full = is_asked("full");
    check(full, is_asked("background"), is_asked("repair"), is_asked("metadata"))?;
    let name = collection_name(call.target())
        .map_err(|failure| Failure::new(Reason::InvalidNamespace, failure.message()))?;
    let collection = call.collection_named(name)?;
    if collection.view()?.is_some() {
        let message = "Cannot validate a view";
        return Err(Failure::new(Reason::CommandNotSupportedOnView, message));
    }
    if !collection.exists() {
        let message =
            format!("Collection '{}' does not exist to validate.", collection.namespace());
        return Err(Failure::new(Reason::NamespaceNotFound, message));
    }
    let mut found = collection.validate(full)?.to_document();
    found.remove("ok");
    // What 5.0 says beside it; nothing is repaired here.
    found.insert("repaired", false);
    for name in ["extraIndexEntries", "missingIndexEntries", "corruptRecords"] {
        found.insert(name, Bson::Array(vec![]));
    }
    reply(&found)
}

/// Refuses options that exclude each other, and what only a tool without a server can do.
fn check(full: bool, background: bool, repair: bool, metadata: bool) -> Outcome<()> {
    let refused = |message: &str| Err(Failure::new(Reason::CommandNotSupported, message));
    if background && full {
        return refused(
            "Running the validate command with both { background: true } and { full: true } is \
             not supported.",
        );
    }
    if metadata && (full || background || repair) {
        return refused(
            "Running the validate command with { metadata: true } is not supported with any \
             other options",
        );
    }
    match repair {
        true => refused(
            "validate does not repair: build indexes anew with reIndex, or run `tallymap repair`",
        ),
        false => Ok(()),
    }
}
