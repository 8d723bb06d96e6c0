//! The operators on arrays.

use std::cmp::Ordering;

use ::bson::Bson;

use super::{Op, compare, float};
use crate::error::Reason;

/// Is it this value, or an array that has it?
pub fn is_or_has(element: &Bson, value: &Bson) -> bool {
    let is = |one: &Bson| compare(one, value) == Ordering::Equal;
    is(element) || element.as_array().is_some_and(|array| array.iter().any(is))
}

/// What an operator on arrays makes of a value, if it makes another; nothing if it is none.
pub fn effect(op: &Op, current: Option<&Bson>) -> Option<Result<Option<Bson>, Reason>> {
    let (makes_arrays, refusal) = match op.operator {
        "$push" | "$addToSet" => (true, Reason::BadValue),
        "$pull" | "$pullAll" => (false, Reason::BadValue),
        "$pop" => (false, Reason::TypeMismatch),
        _ => return None,
    };
    let array = match current {
        None if !makes_arrays => return Some(Ok(None)),
        None => &vec![],
        Some(Bson::Array(array)) => array,
        Some(_) => return Some(Err(refusal)),
    };
    let (new, is_change) = changed(op, array);
    Some(Ok((is_change || current.is_none()).then_some(Bson::Array(new))))
}

/// The array, and whether it counts as another.
fn changed(op: &Op, array: &[Bson]) -> (Vec<Bson>, bool) {
    let equal = |a: &Bson, b: &Bson| compare(a, b) == Ordering::Equal;
    let mut new = array.to_vec();
    match op.operator {
        "$push" => return pushed(&op.operand, new),
        "$addToSet" => {
            for value in each(&op.operand) {
                if !new.iter().any(|other| equal(other, &value)) {
                    new.push(value);
                }
            }
        }
        "$pullAll" => {
            let gone = op.operand.as_array().expect("values");
            new.retain(|value| !gone.iter().any(|other| equal(other, value)));
        }
        "$pull" => new.retain(|value| !is_pulled(&op.operand, value)),
        _ => {
            if op.operand == Bson::Int32(1) {
                new.pop();
            } else if !new.is_empty() {
                new.remove(0);
            }
        }
    }
    let is_change = new.len() != array.len();
    (new, is_change)
}

fn each(operand: &Bson) -> Vec<Bson> {
    match operand.as_document().and_then(|clauses| clauses.get_array("$each").ok()) {
        Some(values) => values.clone(),
        None => vec![operand.clone()],
    }
}

fn pushed(operand: &Bson, mut array: Vec<Bson>) -> (Vec<Bson>, bool) {
    let before = array.len();
    let values = each(operand);
    let clause = |name| operand.as_document().and_then(|clauses| clauses.get_i32(name).ok());
    let at = match clause("$position") {
        Some(at) if at >= 0 => (at as usize).min(before),
        Some(at) => (before as i32 + at).max(0) as usize,
        None => before,
    };
    let mut is_change = !values.is_empty();
    for value in values.into_iter().rev() {
        array.insert(at, value);
    }
    if let Some(direction) = clause("$sort") {
        is_change |= before > 0;
        array.sort_by(|a, b| match direction {
            1 => compare(a, b),
            _ => compare(b, a),
        });
    }
    let len = array.len();
    match clause("$slice") {
        Some(first) if first >= 0 => array.truncate(first as usize),
        Some(last) => array = array.split_off(len.saturating_sub(last.unsigned_abs() as usize)),
        None => {}
    }
    is_change |= array.len() != len;
    (array, is_change)
}

/// Conditions are `{$gt: number}` or `{name: number}`.
fn is_pulled(condition: &Bson, value: &Bson) -> bool {
    let Some((name, operand)) = condition.as_document().and_then(|doc| doc.iter().next()) else {
        return compare(condition, value) == Ordering::Equal;
    };
    if name != "$gt" {
        let field = value.as_document().and_then(|doc| doc.get(name));
        return field.is_some_and(|field| is_or_has(field, operand));
    }
    let is_greater =
        |one: &Bson| float(one).zip(float(operand)).is_some_and(|(one, operand)| one > operand);
    is_greater(value) || value.as_array().is_some_and(|array| array.iter().any(is_greater))
}
