//! `$sort`, which keeps only the first documents if a `$limit` follows it.

use std::collections::VecDeque;

use super::chain::{Run, Sink};
use crate::bson::element::{Elements, Value};
use crate::bson::{text, ty};
use crate::error::Result;
use crate::expression::{Computed, Scope, location};

use crate::query::{SortBound, SortPattern, Sorter};

/// Parses a pattern.
pub(super) fn parse(value: Value<'_>, scope: &Scope) -> Result<SortPattern> {
    if value.ty != ty::DOCUMENT {
        return Err(location(15973, "the $sort key specification must be an object"));
    }
    let mut count = 0;
    for element in Elements::new(value.bytes)? {
        let element = element?;
        count += 1;
        // What a document may be the pattern knows.
        if !Computed::Borrowed(element.val()).is_number() && element.ty != ty::DOCUMENT {
            let shown = text::named(element.name, element.val());
            let message = format!("Illegal key in $sort specification: {shown}");
            return Err(location(15974, message));
        }
    }
    if count == 0 {
        return Err(location(15976, "$sort stage must have at least one sort key"));
    }
    Ok(SortPattern::parse(value.bytes)?.collated(scope.collation()))
}

#[derive(Debug)]
pub(super) struct Sort {
    pattern: SortPattern,
    sorter: Option<Sorter<Vec<u8>>>,
    sorted: VecDeque<Vec<u8>>,
}

impl Sort {
    pub fn new(pattern: SortPattern, limit: Option<u64>) -> Sort {
        let limit = limit.and_then(|limit| usize::try_from(limit).ok());
        let sorter = Sorter::new(pattern.clone(), limit).bounded(SortBound::AGGREGATION);
        Sort { pattern, sorter: Some(sorter), sorted: VecDeque::new() }
    }
}

impl Run for Sort {
    fn push(&mut self, doc: Vec<u8>, _out: &mut dyn Sink) -> Result<()> {
        let key = self.pattern.key(&doc)?;
        let len = doc.len();
        match &mut self.sorter {
            Some(sorter) => sorter.push(key, doc, len),
            None => Ok(()),
        }
    }

    fn finish(&mut self, _out: &mut dyn Sink) -> Result<()> {
        self.sorted = self.sorter.take().into_iter().flat_map(Sorter::finish).collect();
        Ok(())
    }

    fn more(&mut self, out: &mut dyn Sink) -> Result<bool> {
        let Some(doc) = self.sorted.pop_front() else { return Ok(false) };
        out.accept(doc).map(|()| true)
    }
}
