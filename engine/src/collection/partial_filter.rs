//! The filter of a partial index: which documents have entries in it.
//!
//! F1. Of the filter language only what 5.0 takes here: equality, `$gt $gte $lt $lte`,
//!     `$exists: true`, `$type`, one `$all` value; all of them hold; no `$and` inside of one.
//! F2. [`PartialFilter::paths`] are all fields that it looks at: an update of any other one
//!     changes nothing of what the index holds.

use std::sync::Arc;

use crate::bson::element::{Element, Elements, Value};
use crate::bson::field::FieldPath;
use crate::bson::{document, text, ty};
use crate::error::{Error, Reason, Result};
use crate::query::Filter;

/// A partial index's filter, parsed.
#[derive(Debug, Clone)]
pub struct PartialFilter {
    filter: Arc<Filter>,
    paths: Vec<FieldPath>,
}

impl PartialFilter {
    /// Parses the bytes of a document.
    ///
    /// # Errors
    /// [`Reason::CannotCreateIndex`] for a condition that a partial index does not have; else
    /// those of [`Filter::parse`].
    pub fn parse(filter: &[u8]) -> Result<PartialFilter> {
        document::check(filter)?;
        let mut paths = Vec::new();
        each_condition(filter, Level::Top, &mut paths)?;
        Ok(PartialFilter { filter: Arc::new(Filter::parse(filter)?), paths })
    }

    /// What a document has to match.
    pub fn filter(&self) -> &Arc<Filter> {
        &self.filter
    }

    /// The fields that it looks at.
    pub fn paths(&self) -> &[FieldPath] {
        &self.paths
    }
}

/// Where in the filter a document stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Top,
    /// An element of the only `$and`.
    InAnd,
}

/// Looks at the conditions of a document, and at those of its `$and`; not deeper (F1).
fn each_condition(filter: &[u8], level: Level, paths: &mut Vec<FieldPath>) -> Result<()> {
    let (mut count, mut ands) = (0, 0);
    for element in Elements::new(filter)? {
        let element = element?;
        match element.name {
            b"$comment" => continue,
            b"$and" if level == Level::Top && element.ty == ty::ARRAY => {
                ands += 1;
                for clause in Elements::new(element.value)? {
                    let clause = clause?;
                    if clause.ty == ty::DOCUMENT {
                        each_condition(clause.value, Level::InAnd, paths)?;
                    }
                }
            }
            b"$and" => return Err(only_at_top()),
            b"$where" | b"$text" => {
                let message = format!("{} is not allowed in this context", element.name_lossy());
                return Err(Error::refused(Reason::BadValue, message));
            }
            b"$expr" | b"$jsonSchema" => {
                let message = format!("{} is not allowed in this context", element.name_lossy());
                return Err(Error::refused(Reason::QueryFeatureNotAllowed, message));
            }
            b"$or" | b"$nor" | b"$alwaysTrue" | b"$alwaysFalse" => {
                return Err(unsupported(&element.name_lossy(), element.val()));
            }
            // What the filter language does not know it refuses itself.
            name if name.starts_with(b"$") => continue,
            _ => count += field(&element, paths)?,
        }
        // Several conditions in an element of `$and` are one more `$and`.
        if level == Level::InAnd && count > 1 || level == Level::Top && ands > 1 {
            return Err(only_at_top());
        }
    }
    match ands > 0 && count > 0 {
        true => Err(only_at_top()),
        false => Ok(()),
    }
}

/// Looks at the conditions on one field. Answers how many there are.
fn field(field: &Element<'_>, paths: &mut Vec<FieldPath>) -> Result<usize> {
    let name = str::from_utf8(field.name)
        .map_err(|_| Error::invalid_bson(field.ofs + 1, "text is UTF-8"))?;
    paths.push(FieldPath::parse_for_filter(name)?);
    if field.ty == ty::REGEX {
        return Err(unsupported(name, field.val()));
    }
    let mut count = 0;
    if field.ty == ty::DOCUMENT {
        for operator in Elements::new(field.value)? {
            let operator = operator?;
            match operator.name {
                b"$eq" | b"$gt" | b"$gte" | b"$lt" | b"$lte" | b"$type" => {}
                b"$all" => count += operands(&operator)?.saturating_sub(1),
                b"$exists" if operator.val().is_true() => {}
                b"$exists" | b"$ne" | b"$in" | b"$nin" | b"$not" | b"$regex" | b"$options"
                | b"$mod" | b"$size" | b"$elemMatch" | b"$bitsAllSet" | b"$bitsAnySet"
                | b"$bitsAllClear" | b"$bitsAnyClear" | b"$geoWithin" | b"$within"
                | b"$geoIntersects" | b"$near" | b"$nearSphere" | b"$geoNear" => {
                    return Err(unsupported(name, field.val()));
                }
                // A value to be equal to, or what the filter language refuses itself.
                _ => {}
            }
            count += usize::from(operator.name.starts_with(b"$"));
        }
    }
    Ok(count.max(1))
}

fn operands(operator: &Element<'_>) -> Result<usize> {
    match operator.ty {
        ty::ARRAY => Ok(Elements::new(operator.value)?.count()),
        _ => Ok(1),
    }
}

fn only_at_top() -> Error {
    let message = "$and only supported in partialFilterExpression at top level";
    Error::refused(Reason::CannotCreateIndex, message)
}

fn unsupported(name: &str, value: Value<'_>) -> Error {
    let condition = text::named(name.as_bytes(), value);
    let message = format!("unsupported expression in partial index: {condition}");
    Error::refused(Reason::CannotCreateIndex, message)
}
