//! Array filters: which elements of an array `$[id]` stands for.
//!
//! A filter is about one name, the identifier; an element matches it if the document
//! `{ identifier: element }` does.

use super::array;
use super::pull::check_context;
use crate::bson::element::{Elements, Value};
use crate::bson::ty;
use crate::error::{Error, Reason, Result};
use crate::query::Filter;

/// Deepest nesting of `$and`, `$or` and `$nor`.
const DEPTH_MAX: usize = 100;

/// The array filters of an update, by identifier.
#[derive(Debug, Clone, Default)]
pub struct ArrayFilters {
    filters: Vec<(String, Filter)>,
}

impl ArrayFilters {
    /// Parses checked documents.
    ///
    /// # Errors
    /// MongoDB's, for a filter of no name or several, or one name twice.
    pub fn parse<'a>(filters: impl IntoIterator<Item = &'a [u8]>) -> Result<ArrayFilters> {
        let mut parsed = ArrayFilters::default();
        for bytes in filters {
            let (identifier, filter) = parse_one(bytes).map_err(within_array_filter)?;
            let Some(identifier) = identifier else {
                return Err(failed_to_parse(
                    "Cannot use an expression without a top-level field name in arrayFilters",
                ));
            };
            if parsed.find(&identifier).is_some() {
                return Err(failed_to_parse(format!(
                    "Found multiple array filters with the same top-level field name {identifier}"
                )));
            }
            parsed.filters.push((identifier, filter));
        }
        Ok(parsed)
    }

    /// All identifiers.
    pub fn identifiers(&self) -> impl Iterator<Item = &str> {
        self.filters.iter().map(|(identifier, _)| identifier.as_str())
    }

    /// The filter of this name.
    pub fn find(&self, identifier: &str) -> Option<&Filter> {
        self.filters.iter().find(|(own, _)| own == identifier).map(|(_, filter)| filter)
    }

    /// Is the element one that `identifier` stands for? With no name, every element is. `doc` is
    /// a buffer.
    pub fn matches(&self, identifier: &str, element: Value<'_>, doc: &mut Vec<u8>) -> Result<bool> {
        let Some(filter) = self.find(identifier) else { return Ok(identifier.is_empty()) };
        array::wrap(doc, identifier, element);
        filter.matches(doc)
    }
}

fn parse_one(filter: &[u8]) -> Result<(Option<String>, Filter)> {
    check_context(filter, DEPTH_MAX)?;
    let parsed = Filter::parse(filter)?;
    let mut identifier = None;
    find_identifier(filter, DEPTH_MAX, &mut identifier)?;
    if let Some(name) = &identifier {
        let is_well_formed = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_well_formed {
            let message = format!(
                "The top-level field name must be an alphanumeric string beginning with a \
                 lowercase letter, found '{name}'"
            );
            return Err(Error::refused(Reason::BadValue, message));
        }
    }
    Ok((identifier, parsed))
}

/// The first component of every field that the filter names, which must be the same.
fn find_identifier(filter: &[u8], levels_left: usize, found: &mut Option<String>) -> Result<()> {
    for element in Elements::new(filter)? {
        let element = element?;
        if matches!(element.name, b"$and" | b"$or" | b"$nor") {
            for one in Elements::new(element.value)? {
                let one = one?;
                if one.ty == ty::DOCUMENT && levels_left > 0 {
                    find_identifier(one.value, levels_left - 1, found)?;
                }
            }
            continue;
        }
        if element.name.starts_with(b"$") {
            continue;
        }
        let name = element.name_lossy();
        let name = name.split('.').next().unwrap_or_default();
        match found {
            None => *found = Some(name.to_owned()),
            Some(other) if other == name => {}
            Some(other) => {
                return Err(failed_to_parse(format!(
                    "Expected a single top-level field name, found '{other}' and '{name}'"
                )));
            }
        }
    }
    Ok(())
}

fn within_array_filter(error: Error) -> Error {
    match error {
        Error::Refused { reason, message } => {
            let message = format!("Error parsing array filter :: caused by :: {message}");
            Error::Refused { reason, message }
        }
        other => other,
    }
}

fn failed_to_parse(message: impl Into<String>) -> Error {
    Error::refused(Reason::FailedToParse, message)
}
