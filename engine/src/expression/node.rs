//! A parsed expression as it is run.

use super::computed::{ArrayBuilder, Computed, check_len};
use super::operator::{Operator, Run};
use super::path;
use super::regex::RegexCall;
use super::variables::Variables;
use crate::bson::builder::Builder;
use crate::bson::element::{OwnedValue, Value};
use crate::bson::field::FieldPath;
use crate::bson::ty;
use crate::error::{Error, Reason, Result};

/// A part of an expression.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    Literal(OwnedValue),
    /// `$$REMOVE`, or an argument that was left out.
    Missing,
    /// `$$ROOT`
    Root,
    /// `$$NOW`
    Now,
    /// A path in the document.
    Field(FieldPath),
    /// A variable of `$let`, `$map` and the like, by its place among those that are known.
    Local(usize),
    /// A variable that was there before.
    Variable(Box<str>),
    /// A path in a variable.
    Path(Box<Node>, FieldPath),
    Object(Box<[(Box<str>, Node)]>),
    Array(Box<[Node]>),
    Call(&'static Operator, Box<[Node]>),
    Regex(Box<RegexCall>, Box<[Node]>),
}

/// What a run knows: the document and the variables.
pub(crate) struct Frame<'a> {
    pub root: &'a [u8],
    pub vars: &'a Variables<'a>,
    pub locals: Vec<Computed<'a>>,
}

impl Node {
    /// Its value.
    pub fn eval<'a>(&'a self, frame: &mut Frame<'a>) -> Result<Computed<'a>> {
        Ok(match self {
            Node::Literal(value) => Computed::Borrowed(value.as_ref()),
            Node::Missing => Computed::Missing,
            Node::Root => Computed::Borrowed(Value { ty: ty::DOCUMENT, bytes: frame.root }),
            Node::Now => Computed::date(frame.vars.now_ms),
            Node::Field(path) => path::lookup(frame.root, path, 0)?,
            Node::Local(slot) => match frame.locals.get(*slot) {
                Some(value) => value.clone(),
                None => Computed::Missing,
            },
            Node::Variable(name) => match frame.vars.get(name) {
                Some(value) => Computed::Borrowed(value.as_ref()),
                None => Computed::Missing,
            },
            Node::Path(base, path) => match base.eval(frame)? {
                Computed::Borrowed(value) => path::lookup_in(value, path)?,
                Computed::Missing => Computed::Missing,
                made => path::lookup_in(made.or_null(), path)?.detach(),
            },
            Node::Object(fields) => object(fields, frame)?,
            Node::Array(nodes) => {
                let mut array = ArrayBuilder::default();
                for node in nodes {
                    array.push(node.eval(frame)?.or_null())?;
                }
                array.finish()
            }
            Node::Call(operator, args) => call(operator, args, frame)?,
            Node::Regex(call, args) => call.eval(args, frame)?,
        })
    }

    /// Was the argument left out?
    pub fn is_absent(&self) -> bool {
        matches!(self, Node::Missing)
    }

    pub fn is_constant(&self) -> bool {
        matches!(self, Node::Literal(_))
    }

    /// Names the paths that it reads; false if it may read the whole document.
    pub fn paths<'n>(&'n self, out: &mut Vec<&'n str>) -> bool {
        match self {
            Node::Root => false,
            Node::Field(path) => {
                out.push(path.as_str());
                true
            }
            // A path in the document under another name.
            Node::Path(base, path) if matches!(**base, Node::Root) => {
                out.push(path.as_str());
                true
            }
            Node::Path(base, _) => base.paths(out),
            Node::Object(fields) => fields.iter().all(|(_, node)| node.paths(out)),
            Node::Array(nodes) | Node::Call(_, nodes) | Node::Regex(_, nodes) => {
                nodes.iter().all(|node| node.paths(out))
            }
            _ => true,
        }
    }
}

fn object<'a>(fields: &'a [(Box<str>, Node)], frame: &mut Frame<'a>) -> Result<Computed<'a>> {
    let mut out = Builder::new();
    for (name, node) in fields {
        if let Some(value) = node.eval(frame)?.as_value() {
            check_len(out.len() + value.bytes.len())?;
            out.value(name.as_bytes(), value);
        }
    }
    Ok(Computed::of(ty::DOCUMENT, out.finish()))
}

fn call<'a>(op: &Operator, args: &'a [Node], frame: &mut Frame<'a>) -> Result<Computed<'a>> {
    match (&op.run, args) {
        (Run::One(run), [a]) => run(a.eval(frame)?),
        (Run::Two(run), [a, b]) => run(a.eval(frame)?, b.eval(frame)?),
        (Run::All(run), args) => run(args, frame),
        // The parser has counted them.
        _ => Err(Error::refused(Reason::InternalError, format!("arguments of {}", op.name))),
    }
}
