//! `$pull`: takes the elements from an array that are equal to a value, or that a condition
//! holds for.
//!
//! A condition of operators (`{ $gte: 5 }`) or a regular expression is about the element; one
//! of fields (`{ score: 8 }`) is a filter that documents in the array match, and nothing else.

use super::array;
use super::operators::{Effect, Site};
use crate::bson::builder::Builder;
use crate::bson::compare::compare_values;
use crate::bson::element::{Element, Elements, OwnedValue};
use crate::bson::ty;
use crate::error::{Error, Reason, Result};
use crate::query::Filter;

/// Which elements go.
#[derive(Debug, Clone)]
pub enum Pull {
    /// Those equal to it.
    Equal(OwnedValue),
    /// Those that the filter matches as the value of the field with no name.
    Elements(Filter),
    /// Documents that the filter matches.
    Documents(Filter),
}

/// Operators that are about an element when they come first. `$not` is none of them.
const ON_ELEMENTS: [&str; 25] = [
    "$eq",
    "$ne",
    "$gt",
    "$gte",
    "$lt",
    "$lte",
    "$in",
    "$nin",
    "$exists",
    "$type",
    "$mod",
    "$regex",
    "$options",
    "$all",
    "$elemMatch",
    "$size",
    "$bitsAllSet",
    "$bitsAllClear",
    "$bitsAnySet",
    "$bitsAnyClear",
    "$geoWithin",
    "$geoIntersects",
    "$near",
    "$nearSphere",
    "$within",
];

/// The condition.
pub fn operand(field: &Element<'_>) -> Result<Pull> {
    match field.ty {
        ty::REGEX => Ok(Pull::Elements(on_elements(field)?)),
        ty::DOCUMENT => {
            let first = Elements::new(field.value)?.next().transpose()?;
            let name = first.map_or(&b""[..], |first| first.name);
            if ON_ELEMENTS.iter().any(|operator| operator.as_bytes() == name) {
                return Ok(Pull::Elements(on_elements(field)?));
            }
            check_context(field.value, FILTER_DEPTH)?;
            Ok(Pull::Documents(Filter::parse(field.value)?))
        }
        _ => Ok(Pull::Equal(field.val().to_owned())),
    }
}

fn on_elements(field: &Element<'_>) -> Result<Filter> {
    let mut filter = Builder::with_capacity(field.value.len() + 16);
    filter.value("", field.val());
    Filter::parse(&filter.finish())
}

/// Deeper than filters go.
const FILTER_DEPTH: usize = 100;

/// Refuses conditions that need a whole document, at the top or in `$and`, `$or` and `$nor`.
pub fn check_context(filter: &[u8], levels_left: usize) -> Result<()> {
    for element in Elements::new(filter)? {
        let element = element?;
        match element.name {
            b"$expr" => {
                let message = "$expr is not allowed in this context";
                return Err(Error::refused(Reason::QueryFeatureNotAllowed, message));
            }
            b"$where" | b"$text" => {
                let message = format!("{} is not allowed in this context", element.name_lossy());
                return Err(Error::refused(Reason::BadValue, message));
            }
            b"$and" | b"$or" | b"$nor" if element.ty == ty::ARRAY && levels_left > 0 => {
                for one in Elements::new(element.value)? {
                    let one = one?;
                    if one.ty == ty::DOCUMENT {
                        check_context(one.value, levels_left - 1)?;
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// The array without them.
pub fn effect<'a>(site: &Site<'a>, pull: &Pull) -> Result<Effect<'a>> {
    match pull {
        Pull::Equal(gone) => {
            array::without(site, |value| Ok(compare_values(value, gone.as_ref()).is_eq()))
        }
        Pull::Elements(filter) => {
            let mut doc = vec![];
            array::without(site, |value| {
                array::wrap(&mut doc, "", value);
                filter.matches(&doc)
            })
        }
        Pull::Documents(filter) => array::without(site, |value| {
            Ok(value.ty == ty::DOCUMENT && filter.matches(value.bytes)?)
        }),
    }
}
