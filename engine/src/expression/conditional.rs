//! `$cond`, `$ifNull`, `$switch`: only the branch that is taken is evaluated.

use super::computed::Computed;
use super::node::{Frame, Node};
use super::operator::{Names, Operator, Takes};
use super::parse::{Parser, location, named};
use crate::bson::element::{Elements, Value};
use crate::bson::ty;
use crate::error::Result;

pub(super) const OPERATORS: &[Operator] = &[
    Operator::all("$cond", Takes::Exactly(3), |args, frame| {
        let branch = if args[0].eval(frame)?.is_true() { 1 } else { 2 };
        args[branch].eval(frame)
    }),
    Operator::all(
        "$ifNull",
        Takes::AtLeast(2, 1_257_300, " needs at least two arguments, had: "),
        if_null,
    ),
    SWITCH,
];

/// The default, then cases and results by turns.
const SWITCH: Operator = Operator::all("$switch", Takes::Any, switch);

/// The arguments of `$cond` by name.
pub(super) const COND: Names = Names {
    names: &["if", "then", "else"],
    not_object: (16020, "", false),
    unknown: (17083, "Unrecognized parameter to %: "),
    needed: &[
        (0, 17080, "Missing 'if' parameter to %"),
        (1, 17081, "Missing 'then' parameter to %"),
        (2, 17082, "Missing 'else' parameter to %"),
    ],
};

fn if_null<'a>(args: &'a [Node], frame: &mut Frame<'a>) -> Result<Computed<'a>> {
    let mut value = Computed::Missing;
    for arg in args {
        value = arg.eval(frame)?;
        if !value.is_nullish() {
            break;
        }
    }
    Ok(value)
}

fn switch<'a>(args: &'a [Node], frame: &mut Frame<'a>) -> Result<Computed<'a>> {
    for branch in args[1..].chunks_exact(2) {
        if branch[0].eval(frame)?.is_true() {
            return branch[1].eval(frame);
        }
    }
    match &args[0] {
        node if node.is_absent() => {
            let message = "$switch could not find a matching branch for an input, and no default \
                           was specified.";
            Err(location(40066, message))
        }
        default => default.eval(frame),
    }
}

const SWITCH_NAMES: Names = Names {
    names: &["branches", "default"],
    not_object: (40060, "% requires an object as an argument, found: ", true),
    unknown: (40067, "% found an unknown argument: "),
    needed: &[],
};

const BRANCH: Names = Names {
    names: &["case", "then"],
    not_object: (40062, "% expected each branch to be an object, found: ", true),
    unknown: (40063, "% found an unknown argument to a branch: "),
    needed: &[
        (0, 40064, "% requires each branch have a 'case' expression"),
        (1, 40065, "% requires each branch have a 'then' expression."),
    ],
};

pub(super) fn parse_switch(parser: &mut Parser<'_>, value: Value<'_>) -> Result<Node> {
    let parts = named("$switch", &SWITCH_NAMES, value)?;
    let mut nodes = vec![parser.optional(parts[1])?];
    if let Some(branches) = parts[0] {
        if branches.ty != ty::ARRAY {
            let name = ty::name(branches.ty);
            let message = format!("$switch expected an array for 'branches', found: {name}");
            return Err(location(40061, message));
        }
        for branch in Elements::new(branches.bytes)? {
            for part in named("$switch", &BRANCH, branch?.val())? {
                nodes.push(parser.optional(part)?);
            }
        }
    }
    if nodes.len() == 1 {
        return Err(location(40068, "$switch requires at least one branch."));
    }
    static OPERATOR: Operator = SWITCH;
    if nodes[0].is_absent() {
        // That no branch is taken is known when it is.
        return Ok(Node::Call(&OPERATOR, nodes.into()));
    }
    parser.call(&OPERATOR, nodes)
}
