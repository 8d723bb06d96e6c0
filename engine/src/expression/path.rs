//! Field paths of expressions: names only, through documents and through each document of an
//! array. What a path leads to through an array is an array.

use super::computed::{ArrayBuilder, Computed};
use crate::bson::element::{Elements, Value};
use crate::bson::field::FieldPath;
use crate::bson::field_path::REFERENCE_PARTS;
use crate::bson::ty;
use crate::error::{Error, Reason, Result};

/// Parses a path as expressions write it, without its `$`.
pub(crate) fn parse(text: &str) -> Result<FieldPath> {
    let refused = |code, message: &str| Err(Error::refused(Reason::Location(code), message));
    if text.ends_with('.') {
        return refused(40353, "FieldPath must not end with a '.'.");
    }
    text.split('.').try_for_each(check_name)?;
    FieldPath::parse_for_filter(text)
}

/// Checks the name of a field, which holds no dot. With a dollar sign begin only the parts of a
/// reference to another document.
pub(crate) fn check_name(name: &str) -> Result<()> {
    const INSTEAD: &str = "Consider using $getField or $setField.";
    let refused = |code, message: String| Err(Error::refused(Reason::Location(code), message));
    if name.is_empty() {
        return refused(15998, "FieldPath field names may not be empty strings.".into());
    }
    if name.starts_with('$') && !REFERENCE_PARTS.contains(&name) {
        let message = format!("FieldPath field names may not start with '$'. {INSTEAD}");
        return refused(16410, message);
    }
    if name.contains('\0') {
        return refused(16411, "FieldPath field names may not contain '\\0'.".into());
    }
    if name.contains('.') {
        return refused(16412, format!("FieldPath field names may not contain '.'. {INSTEAD}"));
    }
    Ok(())
}

/// What the path, from component `depth` on, leads to in a document.
pub(crate) fn lookup<'a>(doc: &'a [u8], path: &FieldPath, depth: usize) -> Result<Computed<'a>> {
    let mut doc = doc;
    for depth in depth..path.depth() {
        let Some(found) = field(doc, path.component(depth))? else {
            return Ok(Computed::Missing);
        };
        if depth + 1 == path.depth() {
            return Ok(Computed::Borrowed(found));
        }
        match found.ty {
            ty::DOCUMENT => doc = found.bytes,
            ty::ARRAY => return through(found.bytes, path, depth + 1),
            _ => return Ok(Computed::Missing),
        }
    }
    Ok(Computed::Missing)
}

/// What it leads to in a value.
pub(crate) fn lookup_in<'a>(value: Value<'a>, path: &FieldPath) -> Result<Computed<'a>> {
    match value.ty {
        ty::DOCUMENT => lookup(value.bytes, path, 0),
        ty::ARRAY => through(value.bytes, path, 0),
        _ => Ok(Computed::Missing),
    }
}

fn field<'a>(doc: &'a [u8], name: &str) -> Result<Option<Value<'a>>> {
    for element in Elements::new(doc)? {
        let element = element?;
        if element.name == name.as_bytes() {
            return Ok(Some(element.val()));
        }
    }
    Ok(None)
}

fn through<'a>(array: &[u8], path: &FieldPath, depth: usize) -> Result<Computed<'a>> {
    let mut found = ArrayBuilder::default();
    for element in Elements::new(array)? {
        let element = element?;
        if element.ty == ty::DOCUMENT
            && let Some(value) = lookup(element.value, path, depth)?.as_value()
        {
            found.push(value)?;
        }
    }
    Ok(found.finish())
}
