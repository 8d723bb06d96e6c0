//! Does a document match a filter?
//!
//! A path through arrays leads to many values: an array on the way stands for each document
//! in it, and for its element at the place that the next component names; an array at the end
//! stands for itself and, unless the last component named its place in another array, for each
//! of its elements. A test holds if it holds for one of them.
//!
//! M1. Recursion is bounded by the path's components, of which there are at most
//!     [`crate::limits::NESTING_MAX`].
//! M2. Nested arrays of documents whose names are numbers can be gone through in many ways;
//!     their number is bounded.

use std::cell::Cell;
use std::cmp::Ordering;

use super::filter::{Clause, Filter, Matched, Test};
use crate::bson::compare::compare_values;
use crate::bson::element::{Element, Elements, OwnedValue, Value};
use crate::bson::field::FieldPath;
use crate::bson::number::Number;
use crate::bson::ty;
use crate::error::{Error, Reason, Result};

/// Most documents that one path leads through, more than one document can hold.
const VISITS_MAX: u32 = 1 << 22;

impl Filter {
    /// Does the document match?
    pub fn matches(&self, doc: &[u8]) -> Result<bool> {
        all_match(self.clauses(), doc)
    }

    /// Does it match, and how?
    pub fn find_match(&self, doc: &[u8]) -> Result<Option<Matched>> {
        Ok(self.matches(doc)?.then(Matched::default))
    }
}

fn all_match(clauses: &[Clause], doc: &[u8]) -> Result<bool> {
    for clause in clauses {
        let holds = match clause {
            Clause::And(clauses) => all_match(clauses, doc)?,
            Clause::Field { path, test } => field_matches(path, test, doc)?,
        };
        if !holds {
            return Ok(false);
        }
    }
    Ok(true)
}

fn field_matches(path: &FieldPath, test: &Test, doc: &[u8]) -> Result<bool> {
    match test {
        Test::Exists(expected) => {
            let walk = Walk { path, elements_too: false, visits: Cell::new(0) };
            Ok(walk.any(doc, 0, &mut |value| value.is_some())? == *expected)
        }
        _ => {
            let walk = Walk { path, elements_too: true, visits: Cell::new(0) };
            walk.any(doc, 0, &mut |value| holds(test, value))
        }
    }
}

/// Does the test hold for one value, or for a field that is missing?
fn holds(test: &Test, value: Option<Value<'_>>) -> bool {
    let compared = |operand: &OwnedValue, accepted: fn(Ordering) -> bool| {
        compare(value, operand.as_ref()).is_some_and(accepted)
    };
    match test {
        Test::Eq(operand) => compared(operand, Ordering::is_eq),
        Test::Gt(operand) => compared(operand, Ordering::is_gt),
        Test::Gte(operand) => compared(operand, Ordering::is_ge),
        Test::Lt(operand) => compared(operand, Ordering::is_lt),
        Test::Lte(operand) => compared(operand, Ordering::is_le),
        Test::In(operands) => operands.iter().any(|one| compared(one, Ordering::is_eq)),
        Test::Exists(expected) => value.is_some() == *expected,
    }
}

/// Compares a field with an operand as filters do: only within one canonical type, but for
/// MinKey and MaxKey; what is missing or undefined is null; NaN is comparable to NaN alone.
fn compare(value: Option<Value<'_>>, operand: Value<'_>) -> Option<Ordering> {
    const NULL: Value<'_> = Value { ty: ty::NULL, bytes: &[] };
    let value = match value {
        None | Some(Value { ty: ty::UNDEFINED, .. }) => NULL,
        Some(value) => value,
    };
    let is_bound = matches!(operand.ty, ty::MIN_KEY | ty::MAX_KEY);
    let same_type = ty::canonical(value.ty) == ty::canonical(operand.ty);
    if !is_bound && (!same_type || is_nan(value) != is_nan(operand)) {
        return None;
    }
    Some(compare_values(value, operand))
}

fn is_nan(value: Value<'_>) -> bool {
    matches!(value.as_number(), Some(Number::Double(number)) if number.is_nan())
}

type Accept<'f> = &'f mut dyn FnMut(Option<Value<'_>>) -> bool;

struct Walk<'p> {
    path: &'p FieldPath,
    /// Is an array at the end of the path tried element by element too?
    elements_too: bool,
    /// Documents gone into.
    visits: Cell<u32>,
}

impl Walk<'_> {
    /// Is one of the values accepted that the path leads to from component `depth` on, in the
    /// document at the start of `doc`?
    fn any(&self, doc: &[u8], depth: usize, accept: Accept<'_>) -> Result<bool> {
        self.visits.set(self.visits.get() + 1);
        if self.visits.get() > VISITS_MAX {
            let message = format!("the path '{}' leads through too many arrays", self.path);
            return Err(Error::refused(Reason::BadValue, message));
        }
        let name = self.path.component(depth).as_bytes();
        for element in Elements::new(doc)? {
            let element = element?;
            if element.name == name {
                return self.below(&element, depth + 1, accept);
            }
        }
        Ok(accept(None))
    }

    /// The same for what lies in or below `element`, found as component `depth - 1`.
    fn below(&self, element: &Element<'_>, depth: usize, accept: Accept<'_>) -> Result<bool> {
        if depth == self.path.depth() {
            return self.leaf(element, accept);
        }
        match element.ty {
            ty::DOCUMENT => self.any(element.value, depth, accept),
            ty::ARRAY => self.through_array(element.value, depth, accept),
            _ => Ok(accept(None)),
        }
    }

    fn leaf(&self, element: &Element<'_>, accept: Accept<'_>) -> Result<bool> {
        if element.ty == ty::ARRAY && self.elements_too {
            for one in Elements::new(element.value)? {
                if accept(Some(one?.val())) {
                    return Ok(true);
                }
            }
        }
        Ok(accept(Some(element.val())))
    }

    fn through_array(&self, array: &[u8], depth: usize, accept: Accept<'_>) -> Result<bool> {
        let place = self.path.array_index(depth);
        for (i, element) in Elements::new(array)?.enumerate() {
            let element = element?;
            let is_there = place.is_some_and(|place| place as usize == i);
            let holds_there = is_there
                && match depth + 1 == self.path.depth() {
                    // An array in the place stands for itself alone.
                    true => accept(Some(element.val())),
                    // A scalar in the place has nothing below it, not even a missing field.
                    false => {
                        ty::is_container(element.ty) && self.below(&element, depth + 1, accept)?
                    }
                };
            if holds_there {
                return Ok(true);
            }
            if element.ty == ty::DOCUMENT && self.any(element.value, depth, accept)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::bson::{RawBson, RawDocumentBuf, rawdoc};

    #[track_caller]
    fn check(doc: &RawDocumentBuf, filter: RawDocumentBuf, expected: bool) {
        let parsed = Filter::parse(filter.as_bytes()).unwrap();
        assert_eq!(parsed.matches(doc.as_bytes()).unwrap(), expected, "{filter:?} on {doc:?}");
    }

    #[test]
    fn equality() {
        let doc = rawdoc! { "a": 1, "m": { "x": 1, "y": "z" }, "n": null };
        check(&doc, rawdoc! {}, true);
        check(&doc, rawdoc! { "a": 1.0 }, true);
        check(&doc, rawdoc! { "a": 2 }, false);
        check(&doc, rawdoc! { "a": "1" }, false);
        check(&doc, rawdoc! { "m": { "x": 1_i64, "y": "z" } }, true);
        check(&doc, rawdoc! { "m": { "y": "z", "x": 1 } }, false);
        check(&doc, rawdoc! { "m": { "x": 1 } }, false);
        check(&doc, rawdoc! { "m.x": 1, "m.y": { "$eq": "z" } }, true);
        check(&doc, rawdoc! { "m.x": 1, "a": 3 }, false);
        check(&doc, rawdoc! { "$and": [{ "a": 1 }, { "m.x": 1 }] }, true);
        check(&doc, rawdoc! { "$and": [{ "a": 1 }, { "m.x": 2 }] }, false);
    }

    #[test]
    fn null_matches_what_is_missing() {
        let doc = rawdoc! { "a": 1, "n": null, "u": RawBson::Undefined };
        for name in ["n", "u", "missing", "missing.below", "a.below"] {
            let mut filter = RawDocumentBuf::new();
            filter.append(::bson::raw::CString::try_from(name).unwrap(), RawBson::Null);
            check(&doc, filter, true);
        }
        check(&doc, rawdoc! { "a": null }, false);
        check(&doc, rawdoc! { "missing": { "$gte": null } }, true);
        check(&doc, rawdoc! { "missing": { "$gt": null } }, false);
        check(&doc, rawdoc! { "missing": { "$in": [1, null] } }, true);
    }

    #[test]
    fn order_within_a_type() {
        let doc = rawdoc! { "a": 5, "s": "m", "nan": f64::NAN };
        check(&doc, rawdoc! { "a": { "$gt": 4, "$lt": 5.5 } }, true);
        check(&doc, rawdoc! { "a": { "$gt": 5 } }, false);
        check(&doc, rawdoc! { "a": { "$gte": 5, "$lte": 5 } }, true);
        check(&doc, rawdoc! { "a": { "$lt": "z" } }, false);
        check(&doc, rawdoc! { "s": { "$gt": 1 } }, false);
        check(&doc, rawdoc! { "s": { "$gte": "m", "$lt": "n" } }, true);
        check(&doc, rawdoc! { "s": { "$gt": RawBson::MinKey, "$lt": RawBson::MaxKey } }, true);
        check(&doc, rawdoc! { "nan": { "$lt": 5 } }, false);
        check(&doc, rawdoc! { "nan": { "$gte": f64::NAN } }, true);
        check(&doc, rawdoc! { "nan": { "$lt": RawBson::MaxKey } }, true);
        check(&doc, rawdoc! { "a": { "$gt": f64::NAN } }, false);
    }

    #[test]
    fn arrays() {
        let doc = rawdoc! { "a": [1, [2, 3]], "d": [{ "b": 1 }, { "c": 2 }, 7], "e": [] };
        check(&doc, rawdoc! { "a": 1 }, true);
        check(&doc, rawdoc! { "a": [2, 3] }, true);
        check(&doc, rawdoc! { "a": [1, [2, 3]] }, true);
        check(&doc, rawdoc! { "a": 2 }, false);
        check(&doc, rawdoc! { "a.1": 2 }, false);
        check(&doc, rawdoc! { "a.1": [2, 3] }, true);
        check(&doc, rawdoc! { "a.1.0": 2 }, true);
        check(&doc, rawdoc! { "a.0": 1 }, true);
        check(&doc, rawdoc! { "a.00": 1 }, false);
        check(&doc, rawdoc! { "d.b": 1 }, true);
        check(&doc, rawdoc! { "d.0.b": 1 }, true);
        check(&doc, rawdoc! { "d.1.b": 1 }, false);
        check(&doc, rawdoc! { "d.b": null }, true);
        check(&doc, rawdoc! { "a.0.b": null }, false);
        check(&doc, rawdoc! { "a.x": null }, false);
        check(&doc, rawdoc! { "d.2": { "$gt": 6 } }, true);
        check(&doc, rawdoc! { "e": [] }, true);
        check(&doc, rawdoc! { "e.x": 1 }, false);
        check(&doc, rawdoc! { "a": { "$gt": 0, "$lt": 2 } }, true);
    }

    #[test]
    fn existence() {
        let doc = rawdoc! { "a": [{ "b": null }], "n": null };
        check(&doc, rawdoc! { "n": { "$exists": true } }, true);
        check(&doc, rawdoc! { "a.b": { "$exists": 1 } }, true);
        check(&doc, rawdoc! { "a.c": { "$exists": true } }, false);
        check(&doc, rawdoc! { "z": { "$exists": false } }, true);
        check(&doc, rawdoc! { "n": { "$exists": 0 } }, false);
    }

    #[test]
    #[cfg_attr(miri, ignore = "too long")]
    fn the_ways_through_nested_arrays_are_bounded() {
        let levels = 60;
        let doc = (0..levels).fold(rawdoc! { "0": 1 }, |inner, _| rawdoc! { "0": [inner] });
        let path = ["0"; 90].join(".");
        let mut filter = RawDocumentBuf::new();
        filter.append(::bson::raw::CString::try_from(path).unwrap(), 7);
        let filter = Filter::parse(filter.as_bytes()).unwrap();
        assert!(matches!(filter.matches(doc.as_bytes()), Err(Error::Refused { .. })));
    }

    #[test]
    fn broken_documents_are_errors() {
        let filter = Filter::parse(rawdoc! { "zz.q": 1 }.as_bytes()).unwrap();
        let mut doc = rawdoc! { "a": 1, "zz": { "q": 1 } }.into_bytes();
        doc[4] = 0x66;
        assert!(filter.matches(&doc).is_err());
    }
}
