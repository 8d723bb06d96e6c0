//! Follows a path to the values that it leads to.
//!
//! A path through arrays leads to many values: an array on the way stands for each document
//! in it, and for its element at the place that the next component names; an array at the end
//! stands for itself and, unless the last component named its place in another array, for each
//! of its elements.
//!
//! W1. Nested arrays of documents whose names are numbers can be gone through in many ways;
//!     their number is bounded.
//! W2. While a value is offered, `position` is its place in the outermost array that was gone
//!     through element by element. A place that the path names is none.

use std::cell::Cell;

use super::values;
use crate::bson::element::{Element, Elements, OwnedValue, Value};
use crate::bson::field::FieldPath;
use crate::bson::ty;
use crate::error::{Error, Reason, Result};

/// Most documents that one path leads through, more than one document can hold.
const VISITS_MAX: u32 = 1 << 22;

/// Accepts a value, or that a field is missing.
pub(super) type Accept<'f> = &'f mut dyn FnMut(Option<Value<'_>>) -> Result<bool>;

/// A walk along a path.
pub(super) struct Walk<'p> {
    path: &'p FieldPath,
    /// Is an array at the end of the path tried element by element too?
    elements_too: bool,
    /// Documents gone into.
    visits: Cell<u32>,
    /// The place in the outermost array.
    position: Cell<Option<u32>>,
}

/// Is the field at the top level, or one of its elements, equal to the operand? What most
/// filters ask of most documents, and what a scan does nothing else than.
#[inline]
pub(super) fn top_level_equals(path: &FieldPath, operand: &OwnedValue, doc: &[u8]) -> Result<bool> {
    let name = path.as_str().as_bytes();
    let operand = operand.as_ref();
    for element in Elements::new(doc)? {
        let element = element?;
        if !is_named(&element, name) {
            continue;
        }
        if element.ty == ty::ARRAY {
            for one in Elements::new(element.value)? {
                if values::equal(Some(one?.val()), operand) {
                    return Ok(true);
                }
            }
        }
        return Ok(values::equal(Some(element.val()), operand));
    }
    Ok(values::equal(None, operand))
}

/// Most names differ in their length or first byte, which is cheaper to see than a call.
#[inline(always)]
fn is_named(element: &Element<'_>, name: &[u8]) -> bool {
    element.name.len() == name.len() && element.name.first() == name.first() && element.name == name
}

impl<'p> Walk<'p> {
    /// A walk along `path`.
    pub(super) fn new(path: &'p FieldPath, elements_too: bool) -> Walk<'p> {
        Walk { path, elements_too, visits: Cell::new(0), position: Cell::new(None) }
    }

    /// Is one of the values accepted that the path leads to in the document?
    pub(super) fn any(&self, doc: &[u8], accept: Accept<'_>) -> Result<bool> {
        self.document(doc, 0, accept)
    }

    /// Where the accepted value was (W2).
    pub(super) fn position(&self) -> Option<u32> {
        self.position.get()
    }

    /// From component `depth` on, in the document at the start of `doc`.
    fn document(&self, doc: &[u8], depth: usize, accept: Accept<'_>) -> Result<bool> {
        self.visits.set(self.visits.get() + 1);
        if self.visits.get() > VISITS_MAX {
            let message = format!("the path '{}' leads through too many arrays", self.path);
            return Err(Error::refused(Reason::BadValue, message));
        }
        let name = self.path.component(depth).as_bytes();
        for element in Elements::new(doc)? {
            let element = element?;
            if is_named(&element, name) {
                return self.below(&element, depth + 1, accept);
            }
        }
        accept(None)
    }

    /// The same for what lies in or below `element`, found as component `depth - 1`.
    fn below(&self, element: &Element<'_>, depth: usize, accept: Accept<'_>) -> Result<bool> {
        if depth == self.path.depth() {
            return self.leaf(element, accept);
        }
        match element.ty {
            ty::DOCUMENT => self.document(element.value, depth, accept),
            // After a last dot comes nothing: as if it were not there.
            ty::ARRAY if self.ends_with_dot(depth) => self.leaf(element, accept),
            ty::ARRAY => self.through_array(element.value, depth, accept),
            _ => accept(None),
        }
    }

    fn ends_with_dot(&self, depth: usize) -> bool {
        depth + 1 == self.path.depth() && self.path.component(depth).is_empty()
    }

    fn leaf(&self, element: &Element<'_>, accept: Accept<'_>) -> Result<bool> {
        if element.ty == ty::ARRAY && self.elements_too {
            let is_outermost = self.position.get().is_none();
            for (place, one) in (0..).zip(Elements::new(element.value)?) {
                if is_outermost {
                    self.position.set(Some(place));
                }
                if accept(Some(one?.val()))? {
                    return Ok(true);
                }
            }
            if is_outermost {
                self.position.set(None);
            }
        }
        accept(Some(element.val()))
    }

    fn through_array(&self, array: &[u8], depth: usize, accept: Accept<'_>) -> Result<bool> {
        let named = self.path.array_index(depth);
        let is_outermost = self.position.get().is_none();
        for (place, element) in (0..).zip(Elements::new(array)?) {
            let element = element?;
            if element.ty == ty::DOCUMENT {
                if is_outermost {
                    self.position.set(Some(place));
                }
                if self.document(element.value, depth, accept)? {
                    return Ok(true);
                }
                if is_outermost {
                    self.position.set(None);
                }
            }
            let holds_there = named == Some(place)
                && match depth + 1 == self.path.depth() {
                    // An array in the place stands for itself alone.
                    true => accept(Some(element.val()))?,
                    // A scalar in the place has nothing below it, not even a missing field.
                    false => {
                        ty::is_container(element.ty) && self.below(&element, depth + 1, accept)?
                    }
                };
            if holds_there {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
