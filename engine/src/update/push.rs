//! `$push`: adds elements to an array, at its end or elsewhere; then sorts it, then cuts it.

use super::array;
use super::operators::{Effect, Site};
use super::push_sort::PushSort;
use crate::bson::element::{Element, Elements, OwnedValue};
use crate::bson::{text, ty};
use crate::error::{Error, Reason, Result};

/// What is pushed, and what happens to the array then.
#[derive(Debug, Clone)]
pub struct Push {
    /// An array of the values.
    each: OwnedValue,
    /// Before which element; from the end if negative. At the end if none.
    position: Option<i64>,
    /// How many to keep; the last ones if negative.
    slice: Option<i64>,
    sort: Option<PushSort>,
}

/// The clauses, or the value.
pub fn operand(field: &Element<'_>) -> Result<Push> {
    if field.ty == ty::DOCUMENT {
        for clause in Elements::new(field.value)? {
            if clause?.name == b"$each" {
                return clauses(field.value);
            }
        }
    }
    Ok(Push { each: array::of([field.val()]), position: None, slice: None, sort: None })
}

fn clauses(doc: &[u8]) -> Result<Push> {
    let mut push = Push { each: array::of([]), position: None, slice: None, sort: None };
    for clause in Elements::new(doc)? {
        let clause = clause?;
        let (value, type_name) = (clause.val(), ty::name(clause.ty));
        let integer = || value.as_number().and_then(|number| number.to_i64());
        match clause.name {
            b"$each" if clause.ty != ty::ARRAY => {
                return Err(bad(format!(
                    "The argument to $each in $push must be an array but it was of type: \
                     {type_name}"
                )));
            }
            b"$each" => push.each = value.to_owned(),
            b"$position" => match integer() {
                None => {
                    return Err(bad(format!(
                        "The value for $position must be an integer value, not of type: {type_name}"
                    )));
                }
                position => push.position = position,
            },
            b"$slice" => match integer() {
                None => {
                    return Err(bad(format!(
                        "The value for $slice must be an integer value but was given type: \
                         {type_name}"
                    )));
                }
                slice => push.slice = slice,
            },
            b"$sort" => push.sort = Some(PushSort::parse(value)?),
            _ => {
                let name = clause.name_lossy();
                return Err(bad(format!("Unrecognized clause in $push: {name}")));
            }
        }
    }
    Ok(push)
}

/// The array with them.
pub fn effect<'a>(site: &Site<'a>, push: &'a Push) -> Result<Effect<'a>> {
    let mut values = match site.current {
        None => vec![],
        Some(current) if current.ty == ty::ARRAY => array::values(current.bytes)?,
        Some(current) => {
            return Err(bad(format!(
                "The field '{}' must be an array but is of type {} in document {{{}}}",
                site.path,
                ty::name(current.ty),
                text::id_of(site.doc)
            )));
        }
    };
    let before = values.len();
    let each = array::values(&push.each.bytes)?;
    let is_pushed = !each.is_empty();
    let at = match push.position {
        None => before,
        Some(from_start @ 0..) => usize::try_from(from_start).unwrap_or(before).min(before),
        Some(from_end) => before.saturating_sub(magnitude(from_end)),
    };
    values.splice(at..at, each);
    if let Some(sort) = &push.sort {
        sort.sort(&mut values)?;
    }
    match push.slice {
        None => {}
        Some(first @ 0..) => values.truncate(usize::try_from(first).unwrap_or(usize::MAX)),
        Some(last) => drop(values.drain(..values.len().saturating_sub(magnitude(last)))),
    }
    // As MongoDB counts it, an array that is sorted changes even if it was in order.
    let is_sorted = push.sort.is_some() && before > 0;
    let is_same = site.current.is_some() && !is_pushed && !is_sorted && values.len() == before;
    Ok(if is_same { Effect::Keep } else { Effect::PutOwned(array::of(values)) })
}

fn magnitude(negative: i64) -> usize {
    usize::try_from(negative.unsigned_abs()).unwrap_or(usize::MAX)
}

fn bad(message: impl Into<String>) -> Error {
    Error::refused(Reason::BadValue, message)
}
