//! Aggregation expressions: parse one, evaluate it on a document.
//!
//! Pure: a document's bytes and some variables give a value. `$expr` of filters, computed fields
//! of projections, updates by pipeline and the stages of an aggregation all use them. One file a
//! family of operators; [`operator`] has the table.

mod accumulate;
mod arithmetic;
mod array;
mod boolean;
mod comparison;
mod computed;
mod computed_fields;
mod conditional;
mod convert;
mod date;
mod date_arithmetic;
mod date_parse;
mod date_parts;
mod date_text;
pub(crate) mod decimal;
mod decimal_functions;
mod loops;
mod named_field;
mod nary;
mod node;
mod object;
mod operator;
mod parse;
mod path;
pub(crate) mod pattern;
mod powers;
mod regex;
mod rounding;
mod set;
mod string;
mod substring;
mod sum;
#[cfg(test)]
pub(crate) mod tests;
mod text_search;
mod trigonometry;
mod types;
mod variables;
mod zone;

pub(crate) use accumulate::{Deviation, Mean};
pub(crate) use comparison::compare;
pub use computed::Computed;
pub(crate) use computed::{ArrayBuilder, check_len};
pub(crate) use computed_fields::ComputedFields;
pub(crate) use decimal::{
    of_number as decimal_of_number, of_stored as decimal_of_stored, to_f64 as decimal_to_f64,
};
pub(crate) use object::Merge;
pub(crate) use parse::{check_variable, location, name_of};
pub(crate) use path::{check_name, lookup, parse as parse_path};
pub(crate) use sum::Sum;
pub(crate) use types::random;
pub(crate) use variables::variable_of;
pub use variables::{Scope, Variables};

use crate::bson::element::Value;
use crate::error::Result;
use node::{Frame, Node};

/// A parsed expression.
#[derive(Debug, Clone)]
pub struct Expression {
    node: Node,
}

impl Expression {
    /// Parses an expression whose variables are those of `scope`.
    ///
    /// # Errors
    /// MongoDB's, with its numbers.
    pub fn parse(value: Value<'_>, scope: &Scope) -> Result<Expression> {
        Ok(Expression { node: parse::expression(value, scope)? })
    }

    /// Its value for the document `root`.
    ///
    /// # Errors
    /// MongoDB's, with its numbers.
    pub fn evaluate<'a>(&'a self, root: &'a [u8], vars: &'a Variables<'a>) -> Result<Computed<'a>> {
        self.node.eval(&mut Frame { root, vars, locals: Vec::new() })
    }

    /// Its value, if that is the same for every document.
    pub fn constant(&self) -> Option<Value<'_>> {
        match &self.node {
            Node::Literal(value) => Some(value.as_ref()),
            _ => None,
        }
    }

    /// Does it have a value, or none, for every document?
    pub(crate) fn cannot_fail(&self) -> bool {
        matches!(self.node, Node::Literal(_) | Node::Field(_) | Node::Root)
    }

    /// The dotted fields that it reads; `None` if it may read the whole document.
    pub fn fields(&self) -> Option<Vec<&str>> {
        let mut out = vec![];
        self.node.paths(&mut out).then_some(out)
    }
}
