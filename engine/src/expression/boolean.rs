//! `$and`, `$or`, `$not`.

use super::computed::Computed;
use super::node::{Frame, Node};
use super::operator::{Operator, Takes};
use crate::error::Result;

pub(super) const OPERATORS: &[Operator] = &[
    Operator::all("$and", Takes::Any, |args, frame| until(args, frame, false)),
    Operator::all("$or", Takes::Any, |args, frame| until(args, frame, true)),
    Operator::one("$not", |value| Ok(Computed::bool(!value.is_true()))),
];

/// Evaluates up to the first that decides.
fn until<'a>(args: &'a [Node], frame: &mut Frame<'a>, deciding: bool) -> Result<Computed<'a>> {
    for arg in args {
        if arg.eval(frame)?.is_true() == deciding {
            return Ok(Computed::bool(deciding));
        }
    }
    Ok(Computed::bool(!deciding))
}
