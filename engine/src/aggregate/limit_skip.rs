//! `$limit` and `$skip`.

use super::chain::{Run, Sink};
use crate::bson::element::Value;
use crate::bson::text;
use crate::error::Result;
use crate::expression::{Computed, location};
use crate::query::filter::numbers;

/// Parses the number of a `$limit`.
pub(super) fn parse_limit(value: Value<'_>) -> Result<u64> {
    match count("$limit", 5_107_201, value)? {
        0 => Err(location(15958, "the limit must be positive")),
        count => Ok(count),
    }
}

/// Parses the number of a `$skip`.
pub(super) fn parse_skip(value: Value<'_>) -> Result<u64> {
    count("$skip", 5_107_200, value)
}

fn count(stage: &str, code: i32, value: Value<'_>) -> Result<u64> {
    let shown = text::value(value);
    let refused = |why: &str| {
        Err(location(code, format!("invalid argument to {stage} stage: {why}: {stage}: {shown}")))
    };
    if !Computed::Borrowed(value).is_number() {
        return refused("Expected a number in");
    }
    if numbers::is_nan(value) {
        return refused("Expected an integer, but found NaN in");
    }
    if !numbers::is_not_finite(value) && !numbers::is_whole(value) {
        return refused("Expected an integer");
    }
    match numbers::exact(value).map(u64::try_from) {
        Some(Ok(count)) => Ok(count),
        Some(Err(_)) => refused("Expected a positive number in"),
        None => refused("Cannot represent as a 64-bit integer"),
    }
}

#[derive(Debug)]
pub(super) struct Limit {
    pub left: u64,
}

impl Run for Limit {
    fn push(&mut self, doc: Vec<u8>, out: &mut dyn Sink) -> Result<()> {
        self.left = self.left.saturating_sub(1);
        out.accept(doc)
    }

    fn is_done(&self) -> bool {
        self.left == 0
    }
}

#[derive(Debug)]
pub(super) struct Skip {
    pub left: u64,
}

impl Run for Skip {
    fn push(&mut self, doc: Vec<u8>, out: &mut dyn Sink) -> Result<()> {
        match self.left {
            0 => out.accept(doc),
            _ => {
                self.left -= 1;
                Ok(())
            }
        }
    }
}
