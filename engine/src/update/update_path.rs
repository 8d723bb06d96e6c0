//! Paths of operators: plain, or with places of arrays that the document decides.
//!
//! `$` stands for the place that the filter matched, `$[]` for every place, `$[id]` for those
//! that the array filter of this name matches.

use crate::bson::field::FieldPath;
use crate::error::{Error, Reason, Result};

/// Parses the path of an operator.
pub fn parse(name: &str) -> Result<FieldPath> {
    if name.is_empty() {
        return Err(Error::refused(Reason::EmptyFieldName, "An empty update path is not valid."));
    }
    let path = FieldPath::parse(name)?;
    let bad = |message: String| Err(Error::refused(Reason::BadValue, message));
    if path.component(0) == "$" {
        return bad(format!(
            "Cannot have positional (i.e. '$') element in the first position in path '{path}'"
        ));
    }
    if array_filter(path.component(0)).is_some() {
        return bad(format!(
            "Cannot have array filter identifier (i.e. '$[<id>]') element in the first position \
             in path '{path}'"
        ));
    }
    if path.components().filter(|name| *name == "$").count() > 1 {
        return bad(format!("Too many positional (i.e. '$') elements found in path '{path}'"));
    }
    Ok(path)
}

/// Does the document decide where it leads?
pub fn is_dynamic(path: &FieldPath) -> bool {
    path.components().any(|name| name == "$" || array_filter(name).is_some())
}

/// The name of the array filter that a component stands for; empty for `$[]`.
pub fn array_filter(component: &str) -> Option<&str> {
    component.strip_prefix("$[")?.strip_suffix(']')
}
