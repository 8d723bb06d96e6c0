//! The key of a document by which it is sorted, arrays gone through.
//!
//! Arrays expand as they do in an index: a document has a key for every element of the array
//! that its fields lead through, and the first of them in the pattern's order is kept.
//!
//! X1. One array is expanded at a time: two fields that meet different arrays are refused.
//! X2. Recursion is bounded: every level of it uses up a component of each path that goes on.
//! X3. So is the work, which nested arrays that are named by places can multiply.

use super::{SortKey, SortPattern};
use crate::bson::element::{Elements, Value, get};
use crate::bson::{text, ty};
use crate::error::{Error, Reason, Result};
use crate::limits::NESTING_MAX;

const NULL: Value<'static> = Value { ty: ty::NULL, bytes: &[] };
const UNDEFINED: Value<'static> = Value { ty: ty::UNDEFINED, bytes: &[] };
/// The empty document: what an array element that is none is taken for.
const NOTHING: &[u8] = &[5, 0, 0, 0, 0];
/// Most documents and elements that are looked into for one key.
const VISITS_MAX: u32 = 1 << 22;

/// A field while a document is looked through: a path still to follow, or a value.
#[derive(Debug, Clone, Copy)]
enum Field<'d> {
    Path(&'d str),
    Value(Value<'d>),
}

/// Where following a path ended.
#[derive(Debug, Clone, Copy)]
enum Found<'d> {
    Value(Value<'d>),
    /// An array, and what of the path goes on inside of it: nothing if empty.
    Array(Value<'d>, &'d str),
}

/// A field that met the array being expanded.
#[derive(Debug, Clone, Copy)]
struct AtArray<'d> {
    field: usize,
    /// What of its path goes on inside of the array.
    rest: &'d str,
    /// Where `rest` leads if its first component is a place in the array.
    placed: Option<Found<'d>>,
    /// Does the field take the array as one value, having named it by its place?
    whole: bool,
}

struct Expansion<'p, 'd> {
    pattern: &'p SortPattern,
    /// The first key so far.
    first: Option<Vec<Value<'d>>>,
    visits: u32,
}

/// The key of `doc`.
pub(super) fn key(pattern: &SortPattern, doc: &[u8]) -> Result<SortKey> {
    if let [part] = pattern.parts() {
        // Most sorts are by one field that holds no array. That of `_id` alone is as its index
        // has it, which takes an array for one value: only what a pipeline made has any.
        match follow(doc, part.path.as_str())? {
            Found::Value(value) => return Ok(SortKey::of([value])),
            Found::Array(array, _) if part.path.as_str() == "_id" => {
                return Ok(SortKey::of([array]));
            }
            Found::Array(..) => {}
        }
    }
    let fields = pattern.parts().iter().map(|part| Field::Path(part.path.as_str()));
    let fields: Vec<_> = fields.collect();
    let mut expansion = Expansion { pattern, first: None, visits: 0 };
    expansion.document(fields, doc, &[], NESTING_MAX)?;
    let values = expansion.first.unwrap_or_else(|| vec![NULL; pattern.parts().len()]);
    Ok(SortKey::of(values.iter().copied()))
}

impl<'d> Expansion<'_, 'd> {
    /// Offers the keys of `doc`: the document, or an element of the array that the fields
    /// `above` met.
    fn document(
        &mut self,
        mut fields: Vec<Field<'d>>,
        doc: &'d [u8],
        above: &[AtArray<'d>],
        depth: usize,
    ) -> Result<()> {
        self.visits += 1;
        if self.visits > VISITS_MAX {
            let message = "a sort leads through too many arrays";
            return Err(Error::refused(Reason::BadValue, message));
        }
        let mut array: Option<Value<'d>> = None;
        let mut at_array: Vec<AtArray<'d>> = Vec::new();
        for (i, field) in fields.iter_mut().enumerate() {
            let Field::Path(path) = *field else { continue };
            let placed = above.iter().find(|at| at.field == i).and_then(|at| at.placed);
            let found = match placed {
                Some(found) => found,
                None => follow(doc, path)?,
            };
            *field = match found {
                Found::Value(value) => Field::Value(value),
                Found::Array(value, rest) => {
                    if array.is_some_and(|other| !std::ptr::eq(other.bytes, value.bytes)) {
                        let message = "cannot sort with keys that are parallel arrays";
                        return Err(Error::refused(Reason::BadValue, message));
                    }
                    array = Some(value);
                    let whole = placed.is_some() && !path.contains('.');
                    at_array.push(AtArray { field: i, rest, placed: None, whole });
                    Field::Path(rest)
                }
            };
        }
        let Some(array) = array else {
            self.offer(&fields);
            return Ok(());
        };
        let too_deep = Error::InvalidBson { at: 0, rule: "arrays nest too deeply" };
        let depth = depth.checked_sub(1).ok_or(too_deep)?;
        self.array(&fields, array, at_array, depth)
    }

    /// Offers the keys of every element of an array that the fields `at` met.
    fn array(
        &mut self,
        fields: &[Field<'d>],
        array: Value<'d>,
        mut at: Vec<AtArray<'d>>,
        depth: usize,
    ) -> Result<()> {
        let mut elements = Elements::new(array.bytes)?.peekable();
        if elements.peek().is_none() {
            at.iter_mut().for_each(|at| at.whole = false);
            return self.element(fields, array, UNDEFINED, &at, depth);
        }
        for at in at.iter_mut().filter(|at| !at.rest.is_empty()) {
            if get(array.bytes, first(at.rest))?.is_some() {
                at.placed = Some(follow(array.bytes, at.rest)?);
            }
        }
        // If no field looks into the elements they all make the same keys.
        let looks_in = at.iter().any(|at| at.placed.is_none() && !at.whole);
        for element in elements {
            let element = element?.val();
            for at in at.iter().filter(|at| at.placed.is_some()) {
                check_unambiguous(array, element, at.rest)?;
            }
            if looks_in {
                self.element(fields, array, element, &at, depth)?;
            }
        }
        match looks_in {
            true => Ok(()),
            false => self.element(fields, array, NULL, &at, depth),
        }
    }

    /// Offers the keys of one element of an array.
    fn element(
        &mut self,
        fields: &[Field<'d>],
        array: Value<'d>,
        element: Value<'d>,
        at: &[AtArray<'d>],
        depth: usize,
    ) -> Result<()> {
        let mut fields = fields.to_vec();
        for at in at.iter().filter(|at| at.rest.is_empty()) {
            fields[at.field] = Field::Value(if at.whole { array } else { element });
        }
        self.document(fields, element_doc(element), at, depth)
    }

    /// Keeps the key if it comes first.
    fn offer(&mut self, fields: &[Field<'d>]) {
        let values = fields.iter().map(|field| match field {
            Field::Value(value) => *value,
            // Every path was followed.
            Field::Path(_) => NULL,
        });
        let values: Vec<_> = values.collect();
        let comes_first = |first: &Vec<_>| self.pattern.compare_values(&values, first).is_lt();
        if self.first.as_ref().is_none_or(comes_first) {
            self.first = Some(values);
        }
    }
}

/// Follows `path` through documents until it ends or meets an array.
fn follow<'d>(mut doc: &'d [u8], mut path: &'d str) -> Result<Found<'d>> {
    loop {
        let Some(element) = get(doc, first(path))? else { return Ok(Found::Value(NULL)) };
        let value = element.val();
        let rest = path.split_once('.').map_or("", |(_, rest)| rest);
        match value.ty {
            ty::ARRAY => return Ok(Found::Array(value, rest)),
            _ if rest.is_empty() => return Ok(Found::Value(value)),
            ty::DOCUMENT => (doc, path) = (value.bytes, rest),
            _ => return Ok(Found::Value(NULL)),
        }
    }
}

/// Refuses a path that names both a place in the array and a field of its elements.
fn check_unambiguous(array: Value<'_>, element: Value<'_>, path: &str) -> Result<()> {
    if get(element_doc(element), first(path))?.is_none() {
        return Ok(());
    }
    let message = format!(
        "Ambiguous field name found in array (do not use numeric field names in embedded \
         elements in an array), field: '{}' for array: {}",
        first(path),
        text::document(array.bytes)
    );
    Err(Error::refused(Reason::Location(16746), message))
}

/// The first component of a path.
fn first(path: &str) -> &str {
    path.split_once('.').map_or(path, |(first, _)| first)
}

/// The element as a document; the empty one if it is none.
fn element_doc(element: Value<'_>) -> &[u8] {
    if element.ty == ty::DOCUMENT { element.bytes } else { NOTHING }
}
