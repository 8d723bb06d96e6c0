//! Which names of fields may be stored.
//!
//! Since 5.0 nearly all: a name with a dollar sign or a dot is one like any other, but for the
//! top level of what an update writes, and inside of an `_id`. Templates keep to the older rule:
//! no dollar sign at the beginning, but for references, and no dot.

use crate::bson::element::{Elements, Value};
use crate::bson::ty;
use crate::error::{Error, Reason, Result};
use crate::limits::NESTING_MAX;

/// Refuses a top-level name that an update may not write.
pub fn check_written(name: &str) -> Result<()> {
    match name {
        "$id" => Err(Error::refused(
            Reason::InvalidDBRef,
            "Found $id field without a $ref before it, which is invalid.",
        )),
        "$ref" | "$db" => Err(Error::refused(
            Reason::InvalidDBRef,
            format!("The DBRef {name} field cannot be at the top level of a document"),
        )),
        _ if name.starts_with('$') => Err(Error::refused(
            Reason::DollarPrefixedFieldName,
            format!(
                "The dollar ($) prefixed field '{name}' in '{name}' is not allowed in the context \
                 of an update's replacement document. Consider using an aggregation pipeline with \
                 $replaceWith."
            ),
        )),
        _ => Ok(()),
    }
}

/// Refuses a value that cannot be an `_id`: by its type, or by a name inside of it.
pub fn check_id(id: Value<'_>) -> Result<()> {
    match id.ty {
        ty::ARRAY | ty::REGEX | ty::UNDEFINED => {
            let message = format!("The '_id' value cannot be of type {}", ty::name(id.ty));
            Err(Error::refused(Reason::InvalidIdField, message))
        }
        _ => check_id_names(id, NESTING_MAX),
    }
}

fn check_id_names(value: Value<'_>, levels_left: usize) -> Result<()> {
    if !ty::is_container(value.ty) {
        return Ok(());
    }
    if levels_left == 0 {
        return Err(too_deep());
    }
    let mut is_reference = false;
    for (i, element) in Elements::new(value.bytes)?.enumerate() {
        let element = element?;
        is_reference |= i == 0 && element.name == b"$ref";
        let is_fine = is_reference && matches!(element.name, b"$ref" | b"$id" | b"$db");
        if element.name.starts_with(b"$") && !is_fine {
            let message = format!(
                "_id fields may not contain '$'-prefixed fields: {} is not valid for storage.",
                element.name_lossy()
            );
            return Err(Error::refused(Reason::DollarPrefixedFieldName, message));
        }
        check_id_names(element.val(), levels_left - 1)?;
    }
    Ok(())
}

/// Checks the names inside of a value that a template has at `path`.
pub fn check_value(value: Value<'_>, path: &str) -> Result<()> {
    check_below(value, path, NESTING_MAX)
}

/// Checks one name of a template; `path` is for the message.
pub fn check_name(name: &[u8], path: &str) -> Result<()> {
    if name.starts_with(b"$") && !matches!(name, b"$ref" | b"$id" | b"$db") {
        let name = String::from_utf8_lossy(name);
        let message =
            format!("The dollar ($) prefixed field '{name}' in '{path}' is not valid for storage.");
        return Err(Error::refused(Reason::DollarPrefixedFieldName, message));
    }
    if name.contains(&b'.') {
        let name = String::from_utf8_lossy(name);
        let message = format!("The dotted field '{name}' in '{path}' is not valid for storage.");
        return Err(Error::refused(Reason::DottedFieldName, message));
    }
    Ok(())
}

fn check_below(value: Value<'_>, path: &str, levels_left: usize) -> Result<()> {
    if !ty::is_container(value.ty) {
        return Ok(());
    }
    if levels_left == 0 {
        return Err(too_deep());
    }
    for element in Elements::new(value.bytes)? {
        let element = element?;
        if value.ty == ty::DOCUMENT {
            // The path is put together only for a message.
            check_name(element.name, "").or_else(|_| {
                check_name(element.name, &format!("{path}.{}", element.name_lossy()))
            })?;
        }
        if ty::is_container(element.ty) {
            let path = format!("{path}.{}", element.name_lossy());
            check_below(element.val(), &path, levels_left - 1)?;
        }
    }
    Ok(())
}

fn too_deep() -> Error {
    Error::refused(Reason::Overflow, "documents nest too deeply")
}
