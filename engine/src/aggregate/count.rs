//! `$count`: one document with the number of documents; none of none.

use super::chain::{Run, Sink};
use crate::bson::builder::Builder;
use crate::bson::element::Value;
use crate::bson::number::Number;
use crate::error::Result;
use crate::expression::location;

/// Parses the name of the field.
pub(super) fn parse(value: Value<'_>) -> Result<Box<str>> {
    let Some(name) = value.as_str() else {
        return Err(location(40156, "the count field must be a non-empty string"));
    };
    if name.is_empty() {
        return Err(location(40157, "the count field must be a non-empty string"));
    }
    if name.starts_with('$') {
        return Err(location(40158, "the count field cannot be a $-prefixed path"));
    }
    if name.contains('\0') {
        return Err(location(40159, "the count field cannot contain a null byte"));
    }
    if name.contains('.') {
        return Err(location(40160, "the count field cannot contain '.'"));
    }
    Ok(name.into())
}

#[derive(Debug)]
pub(super) struct Count {
    pub name: Box<str>,
    pub count: i64,
}

impl Run for Count {
    fn push(&mut self, _doc: Vec<u8>, _out: &mut dyn Sink) -> Result<()> {
        self.count += 1;
        Ok(())
    }

    fn finish(&mut self, out: &mut dyn Sink) -> Result<()> {
        if self.count == 0 {
            return Ok(());
        }
        let mut doc = Builder::new();
        doc.number(self.name.as_bytes(), Number::integer(self.count));
        out.accept(doc.finish())
    }
}
