//! Operators of any number of arguments, whose constants are put together before any document is
//! read: `{$add: ["$a", 1, {$add: ["$b", 2]}]}` is `{$add: ["$a", "$b", 3]}`.
//!
//! This shows: null stops `$add` where it is met, and a constant that is wrong is no longer met
//! first. As with MongoDB 5.0.

use super::computed::Computed;
use super::node::Node;
use super::operator::Operator;
use super::parse::Parser;
use crate::error::Result;

/// May arguments be taken in groups, and if so in another order, too?
fn is_commutative(operator: &Operator) -> Option<bool> {
    match operator.name {
        "$add" | "$multiply" | "$and" | "$or" | "$setUnion" | "$setIntersection" => Some(true),
        "$concat" | "$concatArrays" => Some(false),
        _ => None,
    }
}

/// The arguments, those of calls of the same operator in them, constants that are neighbours as
/// one; where the order is free, they are neighbours at the end.
pub(super) fn grouped(
    parser: &Parser<'_>,
    operator: &'static Operator,
    args: Vec<Node>,
) -> Result<Vec<Node>> {
    let Some(is_commutative) = is_commutative(operator) else { return Ok(args) };
    let mut out = Vec::with_capacity(args.len());
    for arg in args {
        match arg {
            Node::Call(inner, args) if inner.name == operator.name => out.extend(args),
            arg => out.push(arg),
        }
    }
    if is_commutative {
        out.sort_by_key(Node::is_constant);
    }
    if out.iter().all(|arg| arg.is_constant() || arg.is_absent()) {
        return Ok(out);
    }
    let mut args = Vec::with_capacity(out.len());
    for group in out.chunk_by(|a, b| a.is_constant() && b.is_constant()) {
        match group {
            [_, _, ..] => args.push(parser.call(operator, group.to_vec())?),
            one => args.extend_from_slice(one),
        }
    }
    Ok(args)
}

/// What `$and` and `$or` come to if their last argument decides; else the arguments, without one
/// that never does.
pub(super) fn decided(
    operator: &'static Operator,
    mut args: Vec<Node>,
) -> std::result::Result<Node, Vec<Node>> {
    let deciding = match operator.name {
        "$and" => false,
        "$or" => true,
        _ => return Err(args),
    };
    let [.., _, Node::Literal(last)] = &args[..] else { return Err(args) };
    if last.as_ref().is_true() == deciding {
        return Ok(Node::Literal(Computed::bool(deciding).into_owned()));
    }
    args.pop();
    Err(args)
}
