//! The keys of a document in an index: what its fields hold, arrays expanded (format, §10.10).
//!
//! G1. A document's keys are a set under the order of BSON values, sorted by it, fields
//!     ascending: the order in which mongod inserts them.
//! G2. At most one array is expanded at a time: two fields that meet different arrays are
//!     refused. So a document has no more keys than it has array elements, or one.
//! G3. Recursion is bounded: every level of it uses up a component of each path that goes on.

use crate::bson::element::{Elements, Value, get};
use crate::bson::ty;
use crate::error::{Error, Reason, Result};
use crate::index::hash::hash_at;
use crate::index::index_version::IndexVersion;
use crate::index::key::{self, KeyOrder};
use crate::index::key_pattern::KeyPattern;
use crate::limits::NESTING_MAX;

const NULL: Value<'static> = Value { ty: ty::NULL, bytes: &[] };
const UNDEFINED: Value<'static> = Value { ty: ty::UNDEFINED, bytes: &[] };
/// The empty document: what an array element that is none is taken for.
const NOTHING: &[u8] = &[5, 0, 0, 0, 0];

/// The encoded keys of one document for one index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys {
    /// A sorted set.
    pub set: Vec<Vec<u8>>,
    /// Did a path of the index meet an array? Then they are not the values of its fields, be it
    /// one key or several.
    pub met_array: bool,
}

/// Makes the keys of documents for one index.
#[derive(Debug, Clone)]
pub struct KeyGenerator {
    /// The index's fields.
    pub pattern: KeyPattern,
    /// Form of the keys.
    pub version: IndexVersion,
    /// Are documents left out that have none of the fields?
    pub sparse: bool,
    /// The index's name, for errors.
    pub name: String,
}

/// A field while a document is looked through: a path still to follow, or a value.
#[derive(Debug, Clone, Copy)]
enum Field<'d> {
    Path(&'d str),
    Value(Value<'d>),
}

/// Where following a path ended.
#[derive(Debug, Clone, Copy)]
enum Found<'d> {
    Nothing,
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
    /// Where `rest` leads if its first component is a position in the array.
    positioned: Option<Found<'d>>,
    /// Does the field take the array as one value, having named it by its position?
    whole: bool,
}

impl KeyGenerator {
    /// The keys of `doc`. None only for a sparse index.
    ///
    /// # Errors
    /// [`Error::KeyTooLong`]; [`Reason::CannotIndexParallelArrays`]; 16766 for an array in a
    /// hashed index;
    /// [`Reason::CannotCreateIndex`] for a path that names both a position and a field;
    /// [`Error::InvalidBson`] if the document is damaged.
    pub fn keys(&self, doc: &[u8]) -> Result<Keys> {
        self.expand(doc, TooLong::Refused)
    }

    /// The keys of a stored `doc` that an index can have: it has none of those that are too
    /// long, which older servers let pass. Errors else as [`Self::keys`].
    pub fn stored_keys(&self, doc: &[u8]) -> Result<Keys> {
        self.expand(doc, TooLong::LeftOut)
    }

    fn expand(&self, doc: &[u8], too_long: TooLong) -> Result<Keys> {
        let mut expansion = Expansion {
            generator: self,
            keys: Vec::new(),
            keys_max: doc.len(),
            too_long,
            left_out: false,
            met_array: false,
        };
        if let Some(path) = self.pattern.hashed_path() {
            if let Some(hash) = hash_at(doc, path, self.sparse)? {
                expansion.emit(&[Value { ty: ty::INT64, bytes: &hash.to_le_bytes() }])?;
            }
            return Ok(Keys { set: expansion.keys, met_array: false });
        }
        if self.pattern.paths() == ["_id"] {
            let id = get(doc, "_id")?.map_or(NULL, |element| element.val());
            expansion.emit(&[id])?;
            return Ok(Keys { set: expansion.keys, met_array: false });
        }
        let fields: Vec<_> = self.pattern.paths().iter().map(|path| Field::Path(path)).collect();
        expansion.expand(&fields, doc, 0, &[], NESTING_MAX)?;
        if expansion.keys.is_empty() && !expansion.left_out && !self.sparse {
            expansion.emit(&vec![NULL; fields.len()])?;
        }
        let Expansion { keys: mut set, met_array, .. } = expansion;
        let compare =
            |a: &Vec<u8>, b: &Vec<u8>| key::compare(self.version, a, b, KeyOrder::ASCENDING);
        set.sort_by(compare);
        set.dedup_by(|later, kept| compare(later, kept).is_eq());
        Ok(Keys { set, met_array })
    }
}

/// The keys of one document, as they are found.
struct Expansion<'g> {
    generator: &'g KeyGenerator,
    keys: Vec<Vec<u8>>,
    /// A document has fewer array elements than bytes (G2).
    keys_max: usize,
    too_long: TooLong,
    /// Was a key left out for its length?
    left_out: bool,
    met_array: bool,
}

/// What becomes of a key that is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TooLong {
    Refused,
    LeftOut,
}

impl Expansion<'_> {
    /// Makes the keys of `doc`: the document, or an element of the array that the fields
    /// `above` met. On the way here `missing` fields were not found.
    fn expand<'d>(
        &mut self,
        fields: &[Field<'d>],
        doc: &'d [u8],
        mut missing: usize,
        above: &[AtArray<'d>],
        depth: usize,
    ) -> Result<()> {
        let mut fields = fields.to_vec();
        let mut array: Option<Value<'d>> = None;
        let mut at_array: Vec<AtArray<'d>> = Vec::new();
        for (i, field) in fields.iter_mut().enumerate() {
            let Field::Path(path) = *field else { continue };
            let positioned = above.iter().find(|at| at.field == i).and_then(|at| at.positioned);
            *field = match find(doc, path, positioned)? {
                Found::Value(value) => Field::Value(value),
                Found::Nothing => {
                    missing += 1;
                    Field::Value(NULL)
                }
                Found::Array(value, rest) => {
                    if array.is_some_and(|other| !is_same(other, value)) {
                        return Err(self.parallel(at_array[0].field, i));
                    }
                    array = Some(value);
                    self.met_array = true;
                    let whole = positioned.is_some() && !path.contains('.');
                    at_array.push(AtArray { field: i, rest, positioned: None, whole });
                    Field::Path(rest)
                }
            };
        }
        match array {
            Some(array) => {
                let too_deep = Error::InvalidBson { at: 0, rule: "arrays nest too deeply" };
                let depth = depth.checked_sub(1).ok_or(too_deep)?;
                self.expand_array(&fields, array, missing, at_array, depth)
            }
            None if self.generator.sparse && missing == fields.len() => Ok(()),
            None => self.emit_fields(&fields),
        }
    }

    /// Makes the keys of every element of an array that the fields `at` met.
    fn expand_array<'d>(
        &mut self,
        fields: &[Field<'d>],
        array: Value<'d>,
        missing: usize,
        mut at: Vec<AtArray<'d>>,
        depth: usize,
    ) -> Result<()> {
        let is_v1 = self.generator.version == IndexVersion::V1;
        let mut elements = Elements::new(array.bytes)?.peekable();
        if elements.peek().is_none() {
            if !is_v1 && fields.len() == 1 {
                return Ok(());
            }
            at.iter_mut().for_each(|at| at.whole = false);
            return self.expand_element(fields, array, UNDEFINED, missing, &at, depth);
        }
        for at in at.iter_mut().filter(|at| is_v1 && !at.rest.is_empty()) {
            if get(array.bytes, first(at.rest))?.is_some() {
                at.positioned = Some(follow(array.bytes, at.rest)?);
            }
        }
        // If no field looks into the elements they all make the same keys.
        let looks_in = at.iter().any(|at| at.positioned.is_none() && !at.whole);
        for element in elements {
            let element = element?.val();
            if looks_in {
                self.expand_element(fields, array, element, missing, &at, depth)?;
            } else {
                let positioned = at.iter().filter(|at| at.positioned.is_some());
                for at in positioned {
                    check_unambiguous(element_doc(element), at.rest)?;
                }
            }
        }
        if looks_in {
            return Ok(());
        }
        self.expand_element(fields, array, NULL, missing, &at, depth)
    }

    /// Makes the keys of one element of an array.
    fn expand_element<'d>(
        &mut self,
        fields: &[Field<'d>],
        array: Value<'d>,
        element: Value<'d>,
        missing: usize,
        at: &[AtArray<'d>],
        depth: usize,
    ) -> Result<()> {
        let mut fields = fields.to_vec();
        for at in at.iter().filter(|at| at.rest.is_empty()) {
            fields[at.field] = Field::Value(if at.whole { array } else { element });
        }
        self.expand(&fields, element_doc(element), missing, at, depth)
    }

    fn emit_fields(&mut self, fields: &[Field<'_>]) -> Result<()> {
        let values: Vec<_> = fields
            .iter()
            .map(|field| match field {
                Field::Value(value) => *value,
                Field::Path(_) => unreachable!("every path was followed"),
            })
            .collect();
        self.emit(&values)
    }

    fn emit(&mut self, values: &[Value<'_>]) -> Result<()> {
        if self.keys.len() > self.keys_max {
            let message = format!("too many keys for index '{}'", self.generator.name);
            return Err(Error::refused(Reason::BadValue, message));
        }
        let mut key = Vec::new();
        match key::encode(self.generator.version, values, &self.generator.name, &mut key) {
            Ok(()) => self.keys.push(key),
            Err(Error::KeyTooLong { .. }) if self.too_long == TooLong::LeftOut => {
                self.left_out = true;
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn parallel(&self, one: usize, other: usize) -> Error {
        let paths = self.generator.pattern.paths();
        let message = format!("cannot index parallel arrays [{}] [{}]", paths[other], paths[one]);
        Error::refused(Reason::CannotIndexParallelArrays, message)
    }
}

/// Follows `path` in `doc`. If `doc` is an array's element and the path began with a position
/// in that array, `positioned` is where it led; then the element may not have such a field.
fn find<'d>(doc: &'d [u8], path: &'d str, positioned: Option<Found<'d>>) -> Result<Found<'d>> {
    match positioned {
        Some(found) => check_unambiguous(doc, path).map(|()| found),
        None => follow(doc, path),
    }
}

/// Follows `path` through objects until it ends or meets an array.
fn follow<'d>(mut doc: &'d [u8], mut path: &'d str) -> Result<Found<'d>> {
    loop {
        let Some(element) = get(doc, first(path))? else { return Ok(Found::Nothing) };
        let value = element.val();
        let rest = path.split_once('.').map_or("", |(_, rest)| rest);
        match value.ty {
            ty::ARRAY => return Ok(Found::Array(value, rest)),
            _ if rest.is_empty() => return Ok(Found::Value(value)),
            ty::DOCUMENT => (doc, path) = (value.bytes, rest),
            _ => return Ok(Found::Nothing),
        }
    }
}

fn check_unambiguous(doc: &[u8], path: &str) -> Result<()> {
    if get(doc, first(path))?.is_none() {
        return Ok(());
    }
    let message = format!(
        "Ambiguous field name found in array (do not use numeric field names in embedded \
         elements in an array), field: '{}'",
        first(path)
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

/// Are these the same bytes of the same document?
fn is_same(a: Value<'_>, b: Value<'_>) -> bool {
    std::ptr::eq(a.bytes, b.bytes)
}

#[cfg(test)]
mod tests;
