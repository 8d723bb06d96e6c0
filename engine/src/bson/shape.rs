//! The layout memo's [`Shape`]: where the fields of documents of one layout lie, so that a
//! field is found by an addition and not by a walk.
//!
//! A document is seen as a prefix and a suffix. The suffix begins after the last value whose
//! length is its own (a string, binary data …); everything in it has fixed width, embedded
//! documents included. Places are kept as distances from the document's end, so documents
//! whose `_id` or metadata differ in length share a shape.
//!
//! Invariants:
//! S1. A shape never changes. It says nothing about a document until [`Shape::matches`] has
//!     proved that this document has it, or it was made [`Shape::of`] that document. It stays
//!     true of the document while only values of fixed width inside of it are overwritten,
//!     types unchanged.
//! S2. For a document that has the shape, [`Shape::find`] gives the place that
//!     [`super::field::locate`] gives, or nothing. The proof compares, at every level that the
//!     suffix is part of, the names before it, and in the suffix every type, name, length and
//!     terminator; values alone may differ. So a walk of one document and of the other take
//!     the same turns. A field that another of the same name hides has no place.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU32, Ordering};

use super::builder::Index;
use super::document::doc_len;
use super::element::{Element, Elements, read_i32, value_len};
use super::field_path::FieldPath;
use super::ty::{self, Width};
use crate::error::{Error, Result};
use crate::limits::NESTING_MAX;

/// Longest suffix that is worth a shape, bytes. Longer ones have none.
const SUFFIX_LEN_MAX: usize = 1 << 20;

/// The layout that a family of documents has in common.
#[derive(Debug)]
pub struct Shape {
    /// Unique in this process; 0 when the numbers have run out, and nothing is remembered.
    number: u32,
    /// Length without the `_id`'s value of the document that it was made of.
    len_without_id: usize,
    /// The levels that the start of the suffix lies in, outermost first.
    levels: Box<[Level]>,
    /// The suffix, values zeroed.
    suffix: Box<[u8]>,
    /// 0xff where the suffix is compared, 0 where values lie.
    mask: Box<[u8]>,
    /// Dotted path → where its value lies.
    slots: HashMap<Box<[u8]>, ShapeSlot, foldhash::fast::RandomState>,
}

/// Where a field lies in every document of a shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShapeSlot {
    /// Distance from the value's first byte to the end of the document, bytes.
    pub from_end: u32,
    /// Element type.
    pub ty: u8,
}

/// What a level holds before the suffix begins.
#[derive(Debug, Default)]
struct Level {
    /// Names of the elements that end before the suffix, each with its NUL.
    names: Vec<u8>,
    /// The container in which the suffix begins, if not in this level itself.
    opens: Option<Opens>,
}

#[derive(Debug)]
struct Opens {
    ty: u8,
    name: Box<[u8]>,
    /// Distance from the container's end to the end of the document.
    end_from_end: usize,
}

impl ShapeSlot {
    /// Offset of the value in a document of `doc_len` bytes. A document that has the shape
    /// has one.
    #[inline]
    pub fn value_ofs(self, doc_len: usize) -> Option<usize> {
        doc_len.checked_sub(self.from_end as usize)
    }

    fn pack(self) -> u32 {
        self.from_end << 8 | u32::from(self.ty)
    }

    fn unpack(word: u32) -> ShapeSlot {
        ShapeSlot { from_end: word >> 8, ty: word as u8 }
    }
}

// A packed slot has 24 bits for the distance.
const _: () = assert!(SUFFIX_LEN_MAX < 1 << 24);

impl Shape {
    /// The shape of the document at the start of `doc`; none if no field of fixed width stands
    /// at its end, or too many do.
    pub fn of(doc: &[u8]) -> Result<Option<Shape>> {
        let doc = &doc[..doc_len(doc)?];
        let start = suffix_start(doc, 0, NESTING_MAX)?;
        if doc.len() - start > SUFFIX_LEN_MAX {
            return Ok(None);
        }
        let mut survey = Survey {
            doc,
            start,
            levels: vec![],
            mask: vec![0xff; doc.len() - start],
            slots: HashMap::default(),
            path: vec![],
        };
        survey.level(0, ty::DOCUMENT, true)?;
        if survey.slots.is_empty() {
            return Ok(None);
        }
        let masked = doc[start..].iter().zip(&survey.mask).map(|(byte, mask)| byte & mask);
        Ok(Some(Shape {
            number: next_number(),
            len_without_id: doc.len() - leading_id_len(doc)?,
            levels: survey.levels.into(),
            suffix: masked.collect(),
            mask: survey.mask.into(),
            slots: survey.slots,
        }))
    }

    /// Where `path` lies in documents of this shape; `None` says nothing about whether they
    /// have it. Asked again, a path answers from its own memory.
    #[inline]
    pub fn find(&self, path: &FieldPath) -> Option<ShapeSlot> {
        if self.number != 0
            && let Some(word) = path.remembered(self.number)
        {
            return Some(ShapeSlot::unpack(word));
        }
        self.look_up(path)
    }

    /// Where `path` may lie in a document of this shape that nobody has looked at, whose `_id`'s
    /// value has this length: a good guess, to be used for nothing but haste.
    #[inline]
    pub fn guess(&self, path: &FieldPath, id_len: usize) -> Option<usize> {
        self.find(path)?.value_ofs(self.len_without_id + id_len)
    }

    /// Proves that the document at the start of `doc` has this shape.
    pub fn matches(&self, doc: &[u8]) -> bool {
        self.prove(doc).is_some()
    }

    /// Bytes of the suffix.
    pub fn suffix_len(&self) -> usize {
        self.suffix.len()
    }

    #[cold]
    fn look_up(&self, path: &FieldPath) -> Option<ShapeSlot> {
        let slot = *self.slots.get(path.as_str().as_bytes())?;
        if self.number != 0 {
            path.remember(self.number, slot.pack());
        }
        Some(slot)
    }

    fn prove(&self, doc: &[u8]) -> Option<()> {
        let doc = &doc[..doc_len(doc).ok()?];
        let (prefix, suffix) = doc.split_at_checked(doc.len().checked_sub(self.suffix.len())?)?;
        let mut at = 4;
        for level in &self.levels {
            for name in level.names.split_inclusive(|byte| *byte == 0) {
                let value_ofs = value_after(prefix, at, name)?;
                at = value_ofs + value_len(prefix[at], &prefix[value_ofs..])?;
            }
            if let Some(opens) = &level.opens {
                let value_ofs = value_after(prefix, at, &opens.name)?;
                let len = usize::try_from(read_i32(&prefix[value_ofs..])?).ok()?;
                if prefix[at] != opens.ty || value_ofs + len + opens.end_from_end != doc.len() {
                    return None;
                }
                at = value_ofs + 4;
            }
        }
        (at == prefix.len() && self.suffix_equals(suffix)).then_some(())
    }

    /// Compares types, names, lengths and terminators, values masked.
    fn suffix_equals(&self, suffix: &[u8]) -> bool {
        // Blocks let the compiler compare many bytes at once and still stop early.
        const BLOCK: usize = 256;
        let blocks = suffix.chunks(BLOCK).zip(self.suffix.chunks(BLOCK));
        blocks.zip(self.mask.chunks(BLOCK)).all(|((found, expected), mask)| {
            let bytes = found.iter().zip(expected).zip(mask);
            bytes.fold(0, |differ, ((a, b), mask)| differ | ((a & mask) ^ b)) == 0
        })
    }
}

/// Length of the value of an `_id` that leads `doc`, else 0.
fn leading_id_len(doc: &[u8]) -> Result<usize> {
    let first = Elements::new(doc)?.next().transpose()?;
    Ok(first.filter(|first| first.name == b"_id").map_or(0, |id| id.value.len()))
}

/// A number for a new shape.
fn next_number() -> u32 {
    static LAST: AtomicU32 = AtomicU32::new(0);
    let next = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| last.checked_add(1));
    next.map_or(0, |last| last + 1)
}

/// Offset of the value of the element at `at`, if the element has the name, which ends with
/// its NUL.
fn value_after(bytes: &[u8], at: usize, name: &[u8]) -> Option<usize> {
    let found = bytes.get(at + 1..at + 1 + name.len())?;
    (found == name).then_some(at + 1 + name.len())
}

/// Offset after the last value of variable length in the document at `ofs`; the offset of its
/// first element if there is none.
fn suffix_start(doc: &[u8], ofs: usize, levels_left: usize) -> Result<usize> {
    if levels_left == 0 {
        return Err(Error::invalid_bson(ofs, "documents nest too deeply"));
    }
    let mut start = ofs + 4;
    for element in Elements::new(&doc[ofs..])? {
        let element = element?;
        if ty::is_container(element.ty) {
            let inner_ofs = ofs + element.value_ofs;
            let inner = suffix_start(doc, inner_ofs, levels_left - 1)?;
            // Its own start, unchanged, says that all of it has fixed width.
            if inner != inner_ofs + 4 {
                start = inner;
            }
        } else if !matches!(ty::width(element.ty), Width::Fixed(_)) {
            start = ofs + element.end();
        }
    }
    Ok(start)
}

/// The walk that describes a document whose suffix starts at `start`.
struct Survey<'a> {
    doc: &'a [u8],
    start: usize,
    levels: Vec<Level>,
    mask: Vec<u8>,
    slots: HashMap<Box<[u8]>, ShapeSlot, foldhash::fast::RandomState>,
    /// Path of the container being walked, each component followed by a dot.
    path: Vec<u8>,
}

impl Survey<'_> {
    /// Walks the container at `ofs`. `reachable` says whether a path leads to it. Its depth is
    /// bounded by the walk that found the start of the suffix.
    fn level(&mut self, ofs: usize, ty: u8, reachable: bool) -> Result<()> {
        let (doc, start) = (self.doc, self.start);
        let described = (ofs + 4 <= start).then_some(self.levels.len());
        if described.is_some() {
            self.levels.push(Level::default());
        }
        let mut seen = HashSet::new();
        for (i, element) in Elements::new(&doc[ofs..])?.enumerate() {
            let element = element?;
            let path_len = self.path.len();
            let reachable = reachable
                && match ty {
                    ty::ARRAY => true,
                    _ => seen.insert(element.name) && !element.name.contains(&b'.'),
                };
            match ty {
                ty::ARRAY => self.path.extend_from_slice(Index::new(i).as_ref()),
                _ => self.path.extend_from_slice(element.name),
            }
            if let Some(level) = described
                && ofs + element.end() <= start
            {
                self.levels[level].names.extend_from_slice(element.name);
                self.levels[level].names.push(0);
            } else {
                self.element(ofs, &element, described, reachable)?;
            }
            self.path.truncate(path_len);
        }
        Ok(())
    }

    /// Takes up an element that lies in the suffix, or that the suffix starts in.
    fn element(
        &mut self,
        ofs: usize,
        element: &Element<'_>,
        level: Option<usize>,
        reachable: bool,
    ) -> Result<()> {
        let value_ofs = ofs + element.value_ofs;
        let from_end = self.doc.len() - value_ofs;
        let is_inside = ofs + element.ofs >= self.start;
        if is_inside && reachable {
            let slot = ShapeSlot { from_end: from_end as u32, ty: element.ty };
            self.slots.insert(self.path.as_slice().into(), slot);
        }
        if !ty::is_container(element.ty) {
            self.mask[value_ofs - self.start..][..element.value.len()].fill(0);
            return Ok(());
        }
        if let (false, Some(level)) = (is_inside, level) {
            let mut name = element.name.to_vec();
            name.push(0);
            let end_from_end = from_end - element.value.len();
            let opens = Opens { ty: element.ty, name: name.into(), end_from_end };
            self.levels[level].opens = Some(opens);
        }
        self.path.push(b'.');
        self.level(value_ofs, element.ty, reachable)
    }
}

#[cfg(test)]
mod tests;
