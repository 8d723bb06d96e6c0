//! Which names of fields may be stored: none that starts with a dollar sign, but for those of
//! references, and none with a dot.

use crate::bson::element::{Elements, Value};
use crate::bson::field::FieldPath;
use crate::bson::ty;
use crate::error::{Error, Reason, Result};
use crate::limits::NESTING_MAX;

/// Checks the components of a path that an operator writes to.
pub fn check_path(path: &FieldPath) -> Result<()> {
    for (depth, name) in path.components().enumerate() {
        if name == "$" {
            let message = match depth {
                0 => format!(
                    "Cannot have positional (i.e. '$') element in the first position in path \
                     '{path}'"
                ),
                _ => format!(
                    "The positional operator did not find the match needed from the query. \
                     Unexpanded update: {path}"
                ),
            };
            return Err(Error::refused(Reason::BadValue, message));
        }
        check_dollar(name.as_bytes(), path.prefix(depth + 1))?;
    }
    Ok(())
}

/// Checks the names inside of a value that is to be stored at `path`.
pub fn check_value(value: Value<'_>, path: &str) -> Result<()> {
    check_below(value, path, NESTING_MAX)
}

/// Checks one name; `path` is for the message.
pub fn check_name(name: &[u8], path: &str) -> Result<()> {
    check_dollar(name, path)?;
    if name.contains(&b'.') {
        let name = String::from_utf8_lossy(name);
        let message = format!("The dotted field '{name}' in '{path}' is not valid for storage.");
        return Err(Error::refused(Reason::DottedFieldName, message));
    }
    Ok(())
}

fn check_dollar(name: &[u8], path: &str) -> Result<()> {
    if name.starts_with(b"$") && !matches!(name, b"$ref" | b"$id" | b"$db") {
        let name = String::from_utf8_lossy(name);
        let message =
            format!("The dollar ($) prefixed field '{name}' in '{path}' is not valid for storage.");
        return Err(Error::refused(Reason::DollarPrefixedFieldName, message));
    }
    Ok(())
}

fn check_below(value: Value<'_>, path: &str, levels_left: usize) -> Result<()> {
    if !ty::is_container(value.ty) {
        return Ok(());
    }
    if levels_left == 0 {
        return Err(Error::refused(Reason::Overflow, "documents nest too deeply"));
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
