//! Aggregation expressions: parse one, evaluate it on a document.
//!
//! Pure: a document's bytes and some variables give a value. `$expr` of filters, computed fields
//! of projections, updates by pipeline and the stages of an aggregation all use them.

mod computed;
mod variables;

pub use computed::Computed;
pub use variables::{Scope, Variables};

use crate::bson::element::{self, OwnedValue, Value};
use crate::bson::field::FieldPath;
use crate::bson::ty;
use crate::error::{Error, Reason, Result};

/// A parsed expression.
#[derive(Debug, Clone)]
pub struct Expression {
    node: Node,
}

#[derive(Debug, Clone)]
enum Node {
    Literal(OwnedValue),
    Field(FieldPath),
}

impl Expression {
    /// Parses an expression whose variables are those of `scope`.
    ///
    /// # Errors
    /// MongoDB's, with its numbers.
    pub fn parse(value: Value<'_>, _scope: &Scope) -> Result<Expression> {
        if let Some(path) = value.as_str().and_then(|text| text.strip_prefix('$')) {
            return Ok(Expression { node: Node::Field(FieldPath::parse(path)?) });
        }
        match value.ty {
            ty::DOCUMENT | ty::ARRAY => {
                Err(Error::refused(Reason::InvalidPipelineOperator, "Unrecognized expression"))
            }
            _ => Ok(Expression { node: Node::Literal(value.to_owned()) }),
        }
    }

    /// Its value for the document `root`.
    ///
    /// # Errors
    /// MongoDB's, with its numbers.
    pub fn evaluate<'a>(&'a self, root: &'a [u8], _vars: &Variables<'a>) -> Result<Computed<'a>> {
        match &self.node {
            Node::Literal(value) => Ok(Computed::Borrowed(value.as_ref())),
            Node::Field(path) => {
                let found = element::get(root, path.component(0))?;
                Ok(found.map_or(Computed::Missing, |found| Computed::Borrowed(found.val())))
            }
        }
    }
}
