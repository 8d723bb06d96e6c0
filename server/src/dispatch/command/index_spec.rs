//! Specifications of indexes as clients send them. What they mean, and what may be in them, is
//! the engine's; here is what only the command says of them.

use tallymap::bson::builder::Builder;
use tallymap::bson::element::{Elements, get};
use tallymap::bson::text;
use tallymap::{IndexSpec, Reason};

use crate::dispatch::failure::{Failure, Outcome};

/// The specification, without options that nobody knows if those are to be ignored.
///
/// # Errors
/// [`Reason::FailedToParse`] if it has no name.
pub fn prepared(spec: &[u8], ignores_unknown: bool) -> Outcome<Vec<u8>> {
    if get(spec, "key")?.is_some() && get(spec, "name")?.is_none() {
        let message = format!(
            "Error in specification {} :: caused by :: The 'name' field is a required property of \
             an index specification",
            text::document(spec)
        );
        return Err(Failure::new(Reason::FailedToParse, message));
    }
    if !ignores_unknown {
        return Ok(spec.to_vec());
    }
    let mut out = Builder::with_capacity(spec.len());
    for element in Elements::new(spec)? {
        let element = element?;
        if IndexSpec::may_have(element.name) {
            out.element(&element);
        }
    }
    Ok(out.finish())
}
