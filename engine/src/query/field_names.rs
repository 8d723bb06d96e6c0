//! Names of fields as projections, sorts and `distinct` take them: stricter than filters are.

use crate::bson::field::FieldPath;
use crate::bson::field_path::REFERENCE_PARTS;
use crate::error::{Error, Reason, Result};

/// Splits a path of a projection, a sort or a `distinct`.
///
/// # Errors
/// [`Reason::Location`] 40352, 40353, 15998 or 16410 if it is empty, ends with a dot, or has
/// a component that is empty or begins with a dollar sign and is no part of a reference.
pub fn path(text: &str) -> Result<FieldPath> {
    check(text)?;
    FieldPath::parse_for_filter(text)
}

/// Checks a path as [`path`] does.
pub(super) fn check(text: &str) -> Result<()> {
    let refused = |code, message: &str| Err(Error::refused(Reason::Location(code), message));
    if text.is_empty() {
        return refused(40352, "FieldPath cannot be constructed with empty string");
    }
    if text.ends_with('.') {
        return refused(40353, "FieldPath must not end with a '.'.");
    }
    for component in text.split('.') {
        if component.is_empty() {
            return refused(15998, "FieldPath field names may not be empty strings.");
        }
        if component.starts_with('$') && !REFERENCE_PARTS.contains(&component) {
            return refused(
                16410,
                "FieldPath field names may not start with '$'. Consider using $getField or \
                 $setField.",
            );
        }
    }
    Ok(())
}
