//! Does a document match a filter?
//!
//! [`walk`] follows paths to values, [`values`] tests one value; here is what goes by clauses.
//!
//! M1. Recursion is bounded by the depth of a filter and by the components of its paths, of
//!     which there are at most [`crate::limits::NESTING_MAX`].
//! M2. Nothing is allocated for a document, but by expressions and by patterns that backtrack.

#[cfg(test)]
mod naive;
#[cfg(test)]
mod positions;
#[cfg(test)]
mod tests;
mod values;
mod walk;

use super::filter::{Clause, Filter, Matched, Test};
use crate::bson::collation::Collation;
use crate::bson::element::{Elements, Value};
use crate::bson::field::FieldPath;
use crate::bson::ty;
use crate::error::Result;
use crate::expression::Variables;
use walk::Walk;

impl Filter {
    /// Does the document match? Expressions see no variables; the time is 1970.
    pub fn matches(&self, doc: &[u8]) -> Result<bool> {
        all_match(self.clauses(), doc, &Variables::new(0))
    }

    /// Does it match, if its expressions have these variables?
    pub fn matches_with<'a>(&'a self, doc: &'a [u8], vars: &Variables<'a>) -> Result<bool> {
        all_match(self.clauses(), doc, vars)
    }

    /// Does it match, and how, for an update?
    pub fn find_match(&self, doc: &[u8]) -> Result<Option<Matched>> {
        self.find_match_with(doc, &Variables::new(0))
    }

    /// As [`Filter::find_match`], if its expressions have these variables.
    pub fn find_match_with<'a>(
        &'a self,
        doc: &'a [u8],
        vars: &Variables<'a>,
    ) -> Result<Option<Matched>> {
        match all_match(self.clauses(), doc, vars)? {
            true => last_position(self.positional(), doc).map(Some),
            false => Ok(None),
        }
    }

    /// As [`Filter::find_match_with`], for a projection.
    pub fn find_shown_with<'a>(
        &'a self,
        doc: &'a [u8],
        vars: &Variables<'a>,
    ) -> Result<Option<Matched>> {
        match all_match(self.clauses(), doc, vars)? {
            true => last_position(self.positional_as_written(), doc).map(Some),
            false => Ok(None),
        }
    }
}

fn last_position(conditions: &[Clause], doc: &[u8]) -> Result<Matched> {
    let mut matched = Matched::default();
    for clause in conditions {
        if let Clause::Field { path, test } = clause {
            matched.position = position(path, test, doc)?.or(matched.position);
        }
    }
    Ok(matched)
}

fn all_match<'a>(clauses: &'a [Clause], doc: &'a [u8], vars: &Variables<'a>) -> Result<bool> {
    for clause in clauses {
        if !matches(clause, doc, vars)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn any_matches<'a>(clauses: &'a [Clause], doc: &'a [u8], vars: &Variables<'a>) -> Result<bool> {
    for clause in clauses {
        if matches(clause, doc, vars)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn matches<'a>(clause: &'a Clause, doc: &'a [u8], vars: &Variables<'a>) -> Result<bool> {
    match clause {
        Clause::Field { path, test } => passes(path, test, doc),
        Clause::And(clauses) => all_match(clauses, doc, vars),
        Clause::Or(clauses) => any_matches(clauses, doc, vars),
        Clause::Nor(clauses) => Ok(!any_matches(clauses, doc, vars)?),
        Clause::Expr(expression) => {
            let computed = expression.evaluate(doc, vars)?;
            Ok(computed.as_value().is_some_and(values::is_true))
        }
        Clause::Schema(schema) => schema.holds(doc),
        Clause::Always(answer) => Ok(*answer),
    }
}

/// Do the values at the path pass the test?
fn passes(path: &FieldPath, test: &Test, doc: &[u8]) -> Result<bool> {
    match test {
        Test::Eq(operand) if path.depth() == 1 => walk::top_level_equals(path, operand, doc),
        Test::Ne(operand) => {
            let operand = operand.as_ref();
            Ok(!Walk::new(path, true).any(doc, &mut |value| Ok(values::equal(value, operand)))?)
        }
        Test::Nin(list) => {
            Ok(!Walk::new(path, true).any(doc, &mut |value| values::is_in(list, value))?)
        }
        Test::Not(tests) => {
            for test in tests {
                if !passes(path, test, doc)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Test::All(tests) => {
            for test in tests {
                if !passes(path, test, doc)? {
                    return Ok(false);
                }
            }
            Ok(!tests.is_empty())
        }
        Test::Exists(false) => Ok(!Walk::new(path, true).any(doc, &mut |v| Ok(v.is_some()))?),
        _ => walk_for(path, test).any(doc, &mut |value| holds(test, value)),
    }
}

/// The walk to the values that a test, one that does not negate, is asked about.
fn walk_for<'p>(path: &'p FieldPath, test: &Test) -> Walk<'p> {
    let of_arrays =
        matches!(test, Test::Size(_) | Test::ElemMatchObject(_) | Test::ElemMatchValue(_));
    Walk::new(path, !of_arrays)
}

/// The place in the outermost array that the test was passed in, if it went through one.
fn position(path: &FieldPath, test: &Test, doc: &[u8]) -> Result<Option<u32>> {
    let walk = walk_for(path, test);
    let mut inner = None;
    let passed = walk.any(doc, &mut |value| {
        inner = match test {
            Test::ElemMatchObject(_) | Test::ElemMatchValue(_) => element_match(test, value)?,
            _ => None,
        };
        holds(test, value)
    })?;
    Ok(if passed { walk.position().or(inner) } else { None })
}

/// Does the test hold for one value, or for a field that is missing? Arrays are values here:
/// who wants their elements asks for each.
fn holds(test: &Test, value: Option<Value<'_>>) -> Result<bool> {
    Ok(match test {
        Test::Eq(operand) => values::equal(value, operand.as_ref()),
        Test::Ne(operand) => !values::equal(value, operand.as_ref()),
        Test::Gt(operand) => values::compare(value, operand.as_ref()).is_some_and(|o| o.is_gt()),
        Test::Gte(operand) => values::compare(value, operand.as_ref()).is_some_and(|o| o.is_ge()),
        Test::Lt(operand) => values::compare(value, operand.as_ref()).is_some_and(|o| o.is_lt()),
        Test::Lte(operand) => values::compare(value, operand.as_ref()).is_some_and(|o| o.is_le()),
        Test::In(list) => values::is_in(list, value)?,
        Test::Nin(list) => !values::is_in(list, value)?,
        Test::Not(tests) => !all_hold(tests, value)?,
        Test::Exists(expected) => value.is_some() == *expected,
        Test::Type(types) => value.is_some_and(|value| types.contains(&value.ty)),
        Test::Mod { divisor, remainder } => {
            value.is_some_and(|value| values::leaves(value, *divisor, *remainder))
        }
        Test::Regex(pattern) => match value {
            Some(value) => pattern.holds(value)?,
            None => false,
        },
        Test::All(tests) => !tests.is_empty() && all_hold(tests, value)?,
        Test::ElemMatchObject(_) | Test::ElemMatchValue(_) => element_match(test, value)?.is_some(),
        Test::Size(size) => match value {
            Some(Value { ty: ty::ARRAY, bytes }) => has_size(bytes, *size)?,
            _ => false,
        },
        Test::Bits(test) => value.is_some_and(|value| test.holds(value)),
        Test::Collated(test) => match value.filter(|value| Collation::concerns(*value)) {
            Some(value) => holds(&test.folded, Some(test.collation.fold(value).as_ref()))?,
            None => holds(&test.folded, value)?,
        },
    })
}

fn all_hold(tests: &[Test], value: Option<Value<'_>>) -> Result<bool> {
    for test in tests {
        if !holds(test, value)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn has_size(array: &[u8], size: u32) -> Result<bool> {
    let mut count = 0;
    for element in Elements::new(array)? {
        element?;
        count += 1;
        if count > size {
            return Ok(false);
        }
    }
    Ok(count == size)
}

/// The first element of an array that meets an `$elemMatch`: `test` is one.
fn element_match(test: &Test, value: Option<Value<'_>>) -> Result<Option<u32>> {
    let Some(Value { ty: ty::ARRAY, bytes }) = value else { return Ok(None) };
    first_match(test, bytes).map(|found| found.map(|(place, _)| place))
}

/// The first element of `array` that meets `test`, an `$elemMatch`, and its place.
pub(super) fn first_match<'d>(test: &Test, array: &'d [u8]) -> Result<Option<(u32, Value<'d>)>> {
    for (place, element) in (0..).zip(Elements::new(array)?) {
        let value = element?.val();
        let met = match test {
            Test::ElemMatchObject(clauses) => {
                ty::is_container(value.ty) && all_match(clauses, value.bytes, &Variables::new(0))?
            }
            Test::ElemMatchValue(tests) => all_hold(tests, Some(value))?,
            _ => false,
        };
        if met {
            return Ok(Some((place, value)));
        }
    }
    Ok(None)
}
