//! `validate`: is a collection sound?

use tallymap::Reason;
use tallymap::bson::builder::Builder;

use super::stats::reply;
use crate::dispatch::call::{Call, collection_name};
use crate::dispatch::failure::{Failure, Outcome};

/// Checks.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    let mut full = false;
    for field in call.fields("validate")? {
        let field = field?;
        if field.name == "full" {
            full = field.value.is_true();
        }
    }
    let name = collection_name(call.target())
        .map_err(|failure| Failure::new(Reason::InvalidNamespace, failure.message()))?;
    let collection = call.collection_named(name)?;
    if !collection.exists() {
        let message =
            format!("Collection '{}' does not exist to validate.", collection.namespace());
        return Err(Failure::new(Reason::NamespaceNotFound, message));
    }
    let mut found = collection.validate(full)?.to_document();
    found.remove("ok");
    reply(&found)
}
