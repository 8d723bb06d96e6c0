//! Finds a field in a document by skipping forward, and counts what it skipped.
//!
//! The scan is MMAPv1's: type, name, length, on to the next; embedded documents are skipped
//! whole. Nothing is allocated.
//!
//! Invariants:
//! F1. A span that is found lies wholly inside its document; so does every parent.
//! F2. `skips.fields` is the number of siblings that lie before the wanted field, summed over
//!     the levels of its path, the top level included; a field that is missing has been
//!     looked for among all its siblings-to-be. `skips.bytes` are the bytes of those elements.
//! F3. In an array a component is a place, not a name; elsewhere the first field of a name is
//!     the one.

use super::document::doc_len;
use super::element::{name_end, value_len};
pub use super::field_path::FieldPath;
use super::field_path::Part;
use super::ty::{self, Width};
use crate::error::{Error, Result};

/// What a scan passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Skips {
    /// Elements passed over, at all levels of the path.
    pub fields: u32,
    /// Their bytes.
    pub bytes: u32,
}

impl std::ops::AddAssign for Skips {
    fn add_assign(&mut self, other: Skips) {
        self.fields = self.fields.saturating_add(other.fields);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// Where an element lies in its outermost document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldSpan {
    /// Offset of the type byte.
    pub element_ofs: u32,
    /// Offset of the value.
    pub value_ofs: u32,
    /// Bytes of the value.
    pub value_len: u32,
    /// Element type.
    pub ty: u8,
}

impl FieldSpan {
    /// The value's bytes in the document that was searched.
    ///
    /// # Panics
    /// If `doc` is shorter than that document.
    #[inline]
    pub fn value<'a>(&self, doc: &'a [u8]) -> &'a [u8] {
        &doc[self.value_ofs as usize..(self.value_ofs + self.value_len) as usize]
    }
}

/// What a scan found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Location {
    /// The field.
    Found(FieldSpan),
    /// Everything up to component `depth`, which can be appended to its parent.
    Missing {
        /// Offset of the parent document's length, 0 for the outermost.
        parent_ofs: u32,
        /// Type of the parent: document or array.
        parent_ty: u8,
        /// Elements that the parent has.
        siblings: u32,
        /// The first component that is missing, counted from 0.
        depth: usize,
    },
    /// A value that cannot have the field: a scalar, or an array and no place in it.
    Blocked {
        /// That value.
        by: FieldSpan,
        /// The component that it cannot have, counted from 0; at least 1.
        depth: usize,
    },
}

impl Location {
    /// The span, if the field was found.
    pub fn found(&self) -> Option<FieldSpan> {
        match self {
            Location::Found(span) => Some(*span),
            _ => None,
        }
    }
}

/// Finds `path` in the document at the start of `doc`, adding what it passes over to `skips`.
pub fn locate(doc: &[u8], path: &FieldPath, skips: &mut Skips) -> Result<Location> {
    let mut level = Level { at: 4, end: doc_len(doc)? - 1, ofs: 0, ty: ty::DOCUMENT };
    let mut container = None;
    for depth in 0..path.depth() {
        level.check_end(doc)?;
        let part = path.part(depth);
        let sought = match (level.ty, part.index) {
            (ty::ARRAY, Some(index)) => level.find(doc, Place(index), skips)?,
            (ty::ARRAY, None) => match container {
                Some(by) => return Ok(Location::Blocked { by, depth }),
                None => unreachable!("the outermost level is a document"),
            },
            _ => level.find(doc, Name(part, path.component(depth).as_bytes()), skips)?,
        };
        let span = match sought {
            Ok(span) => span,
            Err(siblings) => {
                let (parent_ofs, parent_ty) = (level.ofs, level.ty);
                return Ok(Location::Missing { parent_ofs, parent_ty, siblings, depth });
            }
        };
        if depth + 1 == path.depth() {
            return Ok(Location::Found(span));
        }
        if !ty::is_container(span.ty) {
            return Ok(Location::Blocked { by: span, depth: depth + 1 });
        }
        level = Level::of(span);
        container = Some(span);
    }
    unreachable!("a path has at least one component")
}

/// A document or array within the outermost document.
struct Level {
    /// Its first element.
    at: usize,
    /// Its terminator.
    end: usize,
    /// Its length word.
    ofs: u32,
    ty: u8,
}

/// How an element is recognised. The compiler makes one scan of each.
trait Wanted: Copy {
    /// Where its value begins if the element with its name at `name_at`, the `passed`-th of
    /// its level, is the one.
    fn value_ofs(self, body: &[u8], name_at: usize, passed: u32) -> Option<usize>;
}

#[derive(Clone, Copy)]
struct Name<'a>(&'a Part, &'a [u8]);

impl Wanted for Name<'_> {
    #[inline(always)]
    fn value_ofs(self, body: &[u8], name_at: usize, _passed: u32) -> Option<usize> {
        let Name(part, name) = self;
        let is_whole = match part.may_be_at(body, name_at) {
            Some(false) => return None,
            Some(true) => part.len < 8,
            None => false,
        };
        let end = name_at + name.len();
        let same = is_whole
            || (body.get(name_at..end) == Some(name) && body.get(end).is_some_and(|b| *b == 0));
        same.then_some(end + 1)
    }
}

#[derive(Clone, Copy)]
struct Place(u32);

impl Wanted for Place {
    #[inline(always)]
    fn value_ofs(self, body: &[u8], name_at: usize, passed: u32) -> Option<usize> {
        if passed == self.0 { name_end(body, name_at).map(|end| end + 1) } else { None }
    }
}

impl Level {
    fn of(container: FieldSpan) -> Level {
        let ofs = container.value_ofs;
        let end = (ofs + container.value_len) as usize - 1;
        Level { at: ofs as usize + 4, end, ofs, ty: container.ty }
    }

    fn check_end(&self, doc: &[u8]) -> Result<()> {
        if doc[self.end] != 0 {
            return Err(Error::invalid_bson(self.end, "a document ends with a zero byte"));
        }
        Ok(())
    }

    /// The wanted element of this level, or how many elements the level has.
    #[inline(always)]
    fn find(
        &self,
        doc: &[u8],
        wanted: impl Wanted,
        skips: &mut Skips,
    ) -> Result<Result<FieldSpan, u32>> {
        let body = &doc[..self.end];
        let (mut at, mut passed) = (self.at, 0);
        let mut skip = |passed, at: usize| {
            *skips += Skips { fields: passed, bytes: (at - self.at) as u32 };
        };
        while at < body.len() {
            let ty = body[at];
            let hit = wanted.value_ofs(body, at + 1, passed);
            let value_ofs = match hit {
                Some(ofs) => ofs,
                None => match name_end(body, at + 1) {
                    Some(end) => end + 1,
                    None => return Err(broken(body, at)),
                },
            };
            let Some(value_len) = value_len(ty, &body[value_ofs..]) else {
                return Err(broken(body, at));
            };
            if hit.is_some() {
                skip(passed, at);
                return Ok(Ok(FieldSpan {
                    element_ofs: at as u32,
                    value_ofs: value_ofs as u32,
                    value_len: value_len as u32,
                    ty,
                }));
            }
            at = value_ofs + value_len;
            passed += 1;
        }
        skip(passed, at);
        Ok(Err(passed))
    }
}

/// Says what is wrong with the element at `at`.
#[cold]
fn broken(body: &[u8], at: usize) -> Error {
    let Some(name_end) = name_end(body, at + 1) else {
        return Error::invalid_bson(at + 1, "a name ends with a zero byte");
    };
    match ty::width(body[at]) {
        Width::Unknown => Error::invalid_bson(at, "unknown element type"),
        _ => Error::invalid_bson(name_end + 1, "a value lies within its document"),
    }
}

#[cfg(test)]
mod tests;
