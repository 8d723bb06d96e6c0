//! What an expression comes to.

use crate::bson::element::{OwnedValue, Value};

/// A value, or that there is none.
#[derive(Debug, Clone)]
pub enum Computed<'a> {
    /// No such field.
    Missing,
    /// A value of the document, of a variable or of the expression itself.
    Borrowed(Value<'a>),
    /// A value that was made.
    Owned(OwnedValue),
}

impl Computed<'_> {
    /// The value, if there is one.
    pub fn as_value(&self) -> Option<Value<'_>> {
        match self {
            Computed::Missing => None,
            Computed::Borrowed(value) => Some(*value),
            Computed::Owned(value) => Some(value.as_ref()),
        }
    }
}
