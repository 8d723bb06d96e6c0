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
    check(is_asked)?;
    let (full, metadata) = (is_asked("full"), is_asked("metadata"));
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
    let mut report = collection.validate(full)?;
    let mut repaired = false;
    // What can be mended while others use the files is what stands in indexes.
    if is_asked("repair") && !report.is_valid() && collection.rebuild_indexes().is_ok() {
        report = collection.validate(full)?;
        repaired = report.is_valid();
    }
    let mut found = report.to_document();
    found.remove("ok");
    // What 5.0 says beside it.
    found.insert("repaired", repaired);
    for name in ["warnings", "extraIndexEntries", "missingIndexEntries", "corruptRecords"] {
        found.insert(name, Bson::Array(vec![]));
    }
    if metadata {
        found = found.into_iter().filter(|(name, _)| OF_METADATA.contains(&&**name)).collect();
    }
    reply(&found)
}

/// What is told of a collection whose documents are not looked at.
const OF_METADATA: [&str; 8] = [
    "ns",
    "valid",
    "repaired",
    "warnings",
    "errors",
    "extraIndexEntries",
    "missingIndexEntries",
    "corruptRecords",
];

/// Refuses options that exclude each other.
fn check(is_asked: impl Fn(&'static str) -> bool) -> Outcome<()> {
    let refused = |message: String| Err(Failure::new(Reason::CommandNotSupported, message));
    let both = |a: &str, b: &str| {
        refused(format!(
            "Running the validate command with both {{{a}: true }} and {{ {b}: true }} is not \
             supported."
        ))
    };
    let [full, background, fast_count, repair] =
        ["full", "background", "enforceFastCount", "repair"].map(&is_asked);
    if background && full {
        return both(" background", "full");
    }
    if background && fast_count {
        return both(" background", "enforceFastCount");
    }
    if is_asked("metadata") && (full || background || fast_count || repair) {
        return refused(
            "Running the validate command with { metadata: true } is not supported with any \
             other options"
                .to_owned(),
        );
    }
    if background && repair {
        return both("background", "repair");
    }
    match fast_count && repair {
        true => both("enforceFastCount", "repair"),
        false => Ok(()),
    }
}
