//! `$sample`: so many documents, each as likely as any other.

use super::chain::{Run, Sink};
use super::memory::Memory;
use crate::bson::element::{Elements, Value};
use crate::bson::ty;
use crate::error::Result;
use crate::expression::{Computed, location, random};

/// Parses the size.
pub(super) fn parse(value: Value<'_>) -> Result<u64> {
    if value.ty != ty::DOCUMENT {
        return Err(location(28745, "the $sample stage specification must be an object"));
    }
    let mut size = None;
    for element in Elements::new(value.bytes)? {
        let element = element?;
        if element.name != b"size" {
            let name = element.name_lossy();
            return Err(location(28748, format!("unrecognized option to $sample: {name}")));
        }
        let number = element.val().as_number();
        if !Computed::Borrowed(element.val()).is_number() {
            return Err(location(28746, "size argument to $sample must be a number"));
        }
        let number = number.map_or(0.0, |number| number.to_f64());
        if number < 0.0 {
            return Err(location(28747, "size argument to $sample must not be negative"));
        }
        size = Some(number as u64);
    }
    size.ok_or_else(|| location(28749, "$sample stage must specify a size"))
}

/// Keeps a document with the chance that it has among those so far.
#[derive(Debug)]
pub(super) struct Sample {
    size: u64,
    seen: u64,
    kept: Vec<Vec<u8>>,
    is_finished: bool,
    memory: Memory,
}

impl Sample {
    pub fn new(size: u64) -> Sample {
        Sample { size, seen: 0, kept: vec![], is_finished: false, memory: Memory::default() }
    }
}

/// A random number below `count`.
fn below(count: u64) -> usize {
    (random() * count as f64) as usize
}

impl Run for Sample {
    fn push(&mut self, doc: Vec<u8>, _out: &mut dyn Sink) -> Result<()> {
        self.seen += 1;
        if (self.kept.len() as u64) < self.size {
            self.memory.take("$sample", doc.len())?;
            self.kept.push(doc);
        } else if let Some(place) = self.kept.get_mut(below(self.seen)) {
            self.memory.change("$sample", doc.len() as i64 - place.len() as i64)?;
            *place = doc;
        }
        Ok(())
    }

    fn finish(&mut self, _out: &mut dyn Sink) -> Result<()> {
        self.is_finished = true;
        Ok(())
    }

    fn more(&mut self, out: &mut dyn Sink) -> Result<bool> {
        if !self.is_finished || self.kept.is_empty() {
            return Ok(false);
        }
        let at = below(self.kept.len() as u64);
        out.accept(self.kept.swap_remove(at)).map(|()| true)
    }

    fn is_done(&self) -> bool {
        self.size == 0
    }
}
