//! The layouts that documents of a collection have in common.
//!
//! Shapes are never changed nor removed, so a number stays good for as long as the collection
//! is open. The table is bounded: what is met when it is full has no shape, and is scanned.

use std::sync::OnceLock;

use parking_lot::Mutex;

use super::record_memo::{SHAPES_MAX, ShapeNo};
use crate::bson::shape::Shape;
use crate::error::Result;

/// Shapes that are worth a comparison when a document is met for the first time.
const SHAPES_KEPT: usize = 64;
const _: () = assert!(SHAPES_KEPT <= SHAPES_MAX);

/// The shapes met in one collection, numbered from 1.
#[derive(Debug)]
pub struct Shapes {
    known: Box<[OnceLock<Shape>]>,
    /// How many are known; held while one is added.
    count: Mutex<usize>,
}

impl Default for Shapes {
    fn default() -> Self {
        Shapes { known: (0..SHAPES_KEPT).map(|_| OnceLock::new()).collect(), count: Mutex::new(0) }
    }
}

impl Shapes {
    /// The shape with this number, if it is one.
    #[inline]
    pub fn get(&self, number: ShapeNo) -> Option<&Shape> {
        self.known.get(usize::from(number).checked_sub(1)?)?.get()
    }

    /// The number of the shape of `document`: one that is known, or a new one, or 0 where the
    /// document has no tail of fixed width or the table is full.
    ///
    /// # Errors
    /// If the document is not valid BSON.
    pub fn number_of(&self, document: &[u8]) -> Result<ShapeNo> {
        if let Some(known) = self.find(document) {
            return Ok(known);
        }
        let mut count = self.count.lock();
        if let Some(known) = self.find(document) {
            return Ok(known);
        }
        if *count == SHAPES_KEPT {
            return Ok(0);
        }
        let Some(shape) = Shape::of(document)? else { return Ok(0) };
        if self.known[*count].set(shape).is_ok() {
            *count += 1;
        }
        Ok(*count as ShapeNo)
    }

    fn find(&self, document: &[u8]) -> Option<ShapeNo> {
        let known = self.known.iter().map_while(OnceLock::get);
        known.zip(1..).find(|(shape, _)| shape.matches(document)).map(|(_, number)| number)
    }
}
