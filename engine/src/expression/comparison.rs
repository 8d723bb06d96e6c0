//! `$cmp`, `$eq`, `$ne`, `$gt`, `$gte`, `$lt`, `$lte`: by the canonical order, across types; what
//! is missing is less than all but MinKey.

use std::cmp::Ordering;

use super::computed::Computed;
use super::operator::Operator;
use crate::bson::compare::compare_values;
use crate::bson::element::Value;
use crate::bson::ty;
use crate::error::Result;

pub(super) const OPERATORS: &[Operator] = &[
    Operator::two("$cmp", |a, b| Ok(Computed::int(compare(&a, &b) as i32))),
    Operator::two("$eq", |a, b| holds(&a, &b, Ordering::is_eq)),
    Operator::two("$ne", |a, b| holds(&a, &b, Ordering::is_ne)),
    Operator::two("$gt", |a, b| holds(&a, &b, Ordering::is_gt)),
    Operator::two("$gte", |a, b| holds(&a, &b, Ordering::is_ge)),
    Operator::two("$lt", |a, b| holds(&a, &b, Ordering::is_lt)),
    Operator::two("$lte", |a, b| holds(&a, &b, Ordering::is_le)),
];

fn holds<'a>(
    a: &Computed<'_>,
    b: &Computed<'_>,
    accepted: fn(Ordering) -> bool,
) -> Result<Computed<'a>> {
    Ok(Computed::bool(accepted(compare(a, b))))
}

/// Compares two values, or their absence.
pub(crate) fn compare(a: &Computed<'_>, b: &Computed<'_>) -> Ordering {
    // Nothing is where undefined is, before null.
    const NOTHING: Value<'_> = Value { ty: ty::UNDEFINED, bytes: &[] };
    let (a, b) = (a.as_value(), b.as_value());
    compare_values(a.unwrap_or(NOTHING), b.unwrap_or(NOTHING))
}
