//! `$sort` of `$push`: by the elements themselves, or by fields of the documents among them.
//!
//! Unlike the sort of a query it takes an array for one value: it compares as an array does.

use std::cmp::Ordering;

use crate::bson::compare::compare_values;
use crate::bson::element::{Elements, Value, get};
use crate::bson::field::FieldPath;
use crate::bson::ty;
use crate::error::{Error, Reason, Result};

/// What an array is sorted by.
#[derive(Debug, Clone)]
pub enum PushSort {
    /// Whole elements.
    Elements(Direction),
    /// Fields, the first one first.
    Fields(Vec<(FieldPath, Direction)>),
}

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Ascending,
    Descending,
}

impl PushSort {
    /// Parses 1, -1 or `{ field: 1, … }`.
    pub fn parse(value: Value<'_>) -> Result<PushSort> {
        if value.as_number().is_some() {
            return Ok(PushSort::Elements(Direction::parse(value)?));
        }
        if value.ty != ty::DOCUMENT {
            return Err(bad("The $sort is invalid: use 1/-1 to sort the whole element, or \
                            {field:1/-1} to sort embedded fields"));
        }
        let mut fields = vec![];
        for element in Elements::new(value.bytes)? {
            let element = element?;
            let direction = Direction::parse(element.val())?;
            let name = element.name_lossy();
            if name.is_empty() {
                return Err(bad("The $sort field cannot be empty"));
            }
            if name.split('.').any(str::is_empty) {
                return Err(bad(format!(
                    "The $sort field is a dotted field but has an empty part: {name}"
                )));
            }
            fields.push((FieldPath::parse(&name)?, direction));
        }
        match fields.is_empty() {
            true => Err(bad("The $sort pattern is empty when it should be a set of fields.")),
            false => Ok(PushSort::Fields(fields)),
        }
    }

    /// Sorts; equal elements keep their order.
    pub fn sort(&self, values: &mut Vec<Value<'_>>) -> Result<()> {
        let fields = match self {
            PushSort::Elements(direction) => {
                values.sort_by(|a, b| direction.of(compare_values(*a, *b)));
                return Ok(());
            }
            PushSort::Fields(fields) => fields,
        };
        let mut keyed = Vec::with_capacity(values.len());
        for &value in values.iter() {
            let key = fields.iter().map(|(path, _)| key_at(value, path));
            keyed.push((key.collect::<Result<Vec<_>>>()?, value));
        }
        keyed.sort_by(|(a, _), (b, _)| {
            let compared = fields.iter().zip(a.iter().zip(b));
            let mut orders =
                compared.map(|((_, direction), (a, b))| direction.of(compare_values(*a, *b)));
            orders.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        });
        *values = keyed.into_iter().map(|(_, value)| value).collect();
        Ok(())
    }
}

impl Direction {
    fn parse(value: Value<'_>) -> Result<Direction> {
        match value.as_number().and_then(|number| number.to_i64()) {
            Some(1) => Ok(Direction::Ascending),
            Some(-1) => Ok(Direction::Descending),
            _ => Err(bad("The $sort element value must be either 1 or -1")),
        }
    }

    fn of(self, order: Ordering) -> Ordering {
        if self == Direction::Descending { order.reverse() } else { order }
    }
}

/// The value at `path` of a document, null where there is none.
fn key_at<'a>(mut value: Value<'a>, path: &FieldPath) -> Result<Value<'a>> {
    const NULL: Value<'static> = Value { ty: ty::NULL, bytes: &[] };
    for (depth, name) in path.components().enumerate() {
        let is_open = value.ty == ty::DOCUMENT || value.ty == ty::ARRAY && depth > 0;
        let below = if is_open { get(value.bytes, name)? } else { None };
        let Some(below) = below else { return Ok(NULL) };
        value = below.val();
    }
    Ok(value)
}

fn bad(message: impl Into<String>) -> Error {
    Error::refused(Reason::BadValue, message)
}
