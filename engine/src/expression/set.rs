//! Sets: arrays whose order and repetitions do not count. What they make is in the canonical
//! order, but for `$setDifference`, which keeps the order of the first array.

use super::comparison::compare;
use super::computed::{Computed, array_of};
use super::node::{Frame, Node};
use super::operator::{Operator, Takes};
use super::parse::location;
use crate::bson::ty;
use crate::error::Result;

pub(super) const OPERATORS: &[Operator] = &[
    Operator::all(
        "$setEquals",
        Takes::AtLeast(2, 17045, " needs at least two arguments had: "),
        equals,
    ),
    Operator::all("$setIntersection", Takes::Any, intersection),
    Operator::all("$setUnion", Takes::Any, union),
    Operator::two("$setDifference", difference),
    Operator::all("$setIsSubset", Takes::Exactly(2), is_subset),
    Operator::one("$anyElementTrue", |array| truths("$anyElementTrue", 17041, &array, true)),
    Operator::one("$allElementsTrue", |array| truths("$allElementsTrue", 17040, &array, false)),
];

/// The elements in order, each once: the first one of equal ones.
fn sorted<'a>(array: &Computed<'a>) -> Result<Vec<Computed<'a>>> {
    let mut elements = array.elements()?;
    elements.sort_by(compare);
    elements.dedup_by(|later, earlier| compare(later, earlier).is_eq());
    Ok(elements)
}

fn has(sorted: &[Computed<'_>], value: &Computed<'_>) -> bool {
    sorted.binary_search_by(|element| compare(element, value)).is_ok()
}

fn all_arrays(operator: &str, code: i32, value: &Computed<'_>) -> Result<()> {
    if value.is_array() {
        return Ok(());
    }
    let name = value.type_name();
    let message =
        format!("All operands of {operator} must be arrays. One argument is of type: {name}");
    Err(location(code, message))
}

fn equals<'a>(args: &'a [Node], frame: &mut Frame<'a>) -> Result<Computed<'a>> {
    let mut first: Option<Vec<Computed<'a>>> = None;
    let mut all_equal = true;
    for arg in args {
        let value = arg.eval(frame)?;
        all_arrays("$setEquals", 17044, &value)?;
        let elements = sorted(&value)?;
        match &first {
            None => first = Some(elements),
            Some(first) => {
                all_equal &= first.len() == elements.len()
                    && first.iter().zip(&elements).all(|(a, b)| compare(a, b).is_eq());
            }
        }
    }
    Ok(Computed::bool(all_equal))
}

fn intersection<'a>(args: &'a [Node], frame: &mut Frame<'a>) -> Result<Computed<'a>> {
    let mut common: Option<Vec<Computed<'a>>> = None;
    for arg in args {
        let value = arg.eval(frame)?;
        if value.is_nullish() {
            return Ok(Computed::null());
        }
        all_arrays("$setIntersection", 17047, &value)?;
        let elements = sorted(&value)?;
        match &mut common {
            None => common = Some(elements),
            // Of equal values that of the last array is taken.
            Some(common) => {
                let last = elements.into_iter().filter(|value| has(common, value)).collect();
                *common = last;
            }
        }
    }
    array_of(&common.unwrap_or_default())
}

fn union<'a>(args: &'a [Node], frame: &mut Frame<'a>) -> Result<Computed<'a>> {
    let mut all = vec![];
    for arg in args {
        let value = arg.eval(frame)?;
        if value.is_nullish() {
            return Ok(Computed::null());
        }
        all_arrays("$setUnion", 17043, &value)?;
        all.extend(value.elements()?);
    }
    all.sort_by(compare);
    all.dedup_by(|later, earlier| compare(later, earlier).is_eq());
    array_of(&all)
}

fn both_arrays(
    operator: &str,
    (a, a_code): (&Computed<'_>, i32),
    (b, b_code): (&Computed<'_>, i32),
) -> Result<()> {
    for (value, code, which) in [(a, a_code, "First"), (b, b_code, "Second")] {
        if !value.is_array() {
            let message = format!(
                "both operands of {operator} must be arrays. {which} argument is of type: {}",
                value.type_name()
            );
            return Err(location(code, message));
        }
    }
    Ok(())
}

fn difference<'a>(a: Computed<'a>, b: Computed<'a>) -> Result<Computed<'a>> {
    if a.is_nullish() || b.is_nullish() {
        return Ok(Computed::null());
    }
    both_arrays("$setDifference", (&a, 17048), (&b, 17049))?;
    let others = sorted(&b)?;
    let firsts = sorted(&a)?;
    let mut seen = vec![false; firsts.len()];
    let mut left = a.elements()?;
    left.retain(|value| {
        let place = firsts.binary_search_by(|element| compare(element, value));
        let is_new = place.is_ok_and(|place| !std::mem::replace(&mut seen[place], true));
        is_new && !has(&others, value)
    });
    array_of(&left)
}

fn is_subset<'a>(args: &'a [Node], frame: &mut Frame<'a>) -> Result<Computed<'a>> {
    let (a, b) = (args[0].eval(frame)?, args[1].eval(frame)?);
    // A constant set is looked at before there are documents.
    if args[1].is_constant() && !args[0].is_constant() {
        let none = Computed::of(ty::ARRAY, vec![5, 0, 0, 0, 0]);
        both_arrays("$setIsSubset", (&none, 17310), (&b, 17311))?;
        both_arrays("$setIsSubset", (&a, 17310), (&b, 17311))?;
    }
    both_arrays("$setIsSubset", (&a, 17046), (&b, 17042))?;
    let others = sorted(&b)?;
    Ok(Computed::bool(a.elements()?.iter().all(|value| has(&others, value))))
}

fn truths<'a>(
    operator: &str,
    code: i32,
    array: &Computed<'_>,
    deciding: bool,
) -> Result<Computed<'a>> {
    if !array.is_array() {
        let name = array.type_name();
        let message = format!("{operator}'s argument must be an array, but is {name}");
        return Err(location(code, message));
    }
    let decided = array.elements()?.iter().any(|value| value.is_true() == deciding);
    Ok(Computed::bool(decided == deciding))
}
