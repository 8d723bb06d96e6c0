//! Parses expressions.
//!
//! What is constant is evaluated at once, so that its errors are those of the request and not of
//! a document; they are told when the whole request is parsed ([`Scope::constants_last`]). Depth
//! is bounded by [`DEPTH_MAX`].

use super::computed::Computed;
use super::conditional;
use super::loops;
use super::named_field;
use super::nary;
use super::node::{Frame, Node};
use super::operator::{self, Names, Operator, Takes};
use super::path;
use super::regex;
use super::variables::{Scope, Variables};
use crate::bson::element::{Element, Elements, Value};
use crate::bson::{text, ty};
use crate::error::{Error, Reason, Result};
use crate::limits::NESTING_MAX;

/// Deepest expression: that of a document which carries it.
const DEPTH_MAX: usize = NESTING_MAX + 20;
/// Longest result of an operator on constants that is kept, bytes.
const FOLDED_LEN_MAX: usize = 16 * 1024;

/// Parses a whole expression.
pub(crate) fn expression(value: Value<'_>, scope: &Scope) -> Result<Node> {
    scope.constants_last("", |scope| Parser { scope, locals: vec![], depth: 0 }.operand(value))
}

/// A refusal by its number, which mostly has no name.
pub(crate) fn location(code: i32, message: impl Into<String>) -> Error {
    let reason = match code {
        9 => Reason::FailedToParse,
        code => Reason::Location(code),
    };
    Error::refused(reason, message)
}

/// What is known while an expression is parsed.
pub(crate) struct Parser<'s> {
    scope: &'s Scope,
    /// Variables of `$let` and the like, outermost first.
    locals: Vec<String>,
    depth: usize,
}

impl Parser<'_> {
    /// A part of an expression: a path, a constant, an operator, an object, an array.
    pub fn operand(&mut self, value: Value<'_>) -> Result<Node> {
        if self.depth >= DEPTH_MAX {
            let message = format!("an expression nests at most {DEPTH_MAX} levels");
            return Err(Error::refused(Reason::Overflow, message));
        }
        self.depth += 1;
        let node = self.operand_here(value);
        self.depth -= 1;
        node
    }

    fn operand_here(&mut self, value: Value<'_>) -> Result<Node> {
        match value.ty {
            ty::STRING => match value.as_str() {
                Some(text) if text.starts_with('$') => self.path(text),
                _ => Ok(Node::Literal(value.to_owned())),
            },
            ty::DOCUMENT => self.object(value),
            ty::ARRAY => {
                let nodes = self.array(value)?;
                let is_constant = nodes.iter().all(Node::is_constant);
                let node = Node::Array(nodes.into());
                if is_constant { self.fold(node, usize::MAX) } else { Ok(node) }
            }
            _ => Ok(Node::Literal(value.to_owned())),
        }
    }

    fn array(&mut self, array: Value<'_>) -> Result<Vec<Node>> {
        Elements::new(array.bytes)?.map(|element| self.operand(element?.val())).collect()
    }

    /// A path or a variable, beginning with `$`.
    fn path(&self, text: &str) -> Result<Node> {
        let Some(variable) = text.strip_prefix("$$") else {
            let text = &text[1..];
            if text.is_empty() {
                return Err(location(16872, "'$' by itself is not a valid FieldPath"));
            }
            let path = path::parse(text)?;
            return Ok(match self.local("CURRENT") {
                Some(slot) => Node::Path(Box::new(Node::Local(slot)), path),
                None => Node::Field(path),
            });
        };
        let (name, rest) = match variable.split_once('.') {
            Some((name, rest)) => (name, Some(rest)),
            None => (variable, None),
        };
        check_variable(name, false)?;
        let base = match (self.local(name), name) {
            (Some(slot), _) => Node::Local(slot),
            (None, "ROOT") if self.scope.has(name) => Node::Variable(name.into()),
            (None, "ROOT" | "CURRENT") => Node::Root,
            (None, "NOW") => Node::Now,
            (None, "REMOVE") => Node::Missing,
            (None, name) if self.scope.has(name) => Node::Variable(name.into()),
            _ => return Err(location(17276, format!("Use of undefined variable: {name}"))),
        };
        let Some(rest) = rest else { return Ok(base) };
        let path = match rest {
            "" => return Err(location(40353, "FieldPath must not end with a '.'.")),
            rest => path::parse(rest)?,
        };
        Ok(match base {
            Node::Root => Node::Field(path),
            base => Node::Path(Box::new(base), path),
        })
    }

    fn local(&self, name: &str) -> Option<usize> {
        self.locals.iter().rposition(|known| known == name)
    }

    /// Parses `value` where these variables are known, too.
    pub fn with_locals(&mut self, names: &[&str], value: Value<'_>) -> Result<Node> {
        let before = self.locals.len();
        self.locals.extend(names.iter().map(|name| (*name).to_owned()));
        let node = self.operand(value);
        self.locals.truncate(before);
        node
    }

    fn object(&mut self, object: Value<'_>) -> Result<Node> {
        let mut fields = vec![];
        let mut is_constant = true;
        for (i, element) in Elements::new(object.bytes)?.enumerate() {
            let element = element?;
            let name = name_of(&element)?;
            if i == 0 && name.starts_with('$') {
                if element.end() + 1 != object.bytes.len() {
                    let message = "An object representing an expression must have exactly one \
                                   field: "
                        .to_owned();
                    return Err(location(15983, message + &text::value(object)));
                }
                return self.operator(name, element.val());
            }
            path::check_name(name)?;
            let node = self.operand(element.val())?;
            is_constant &= node.is_constant();
            // The last one of a name is the one, in the place of the first.
            match fields.iter_mut().find(|(known, _): &&mut (Box<str>, Node)| **known == *name) {
                Some((_, known)) => *known = node,
                None => fields.push((name.into(), node)),
            }
        }
        let node = Node::Object(fields.into());
        if is_constant { self.fold(node, usize::MAX) } else { Ok(node) }
    }

    fn operator(&mut self, name: &str, value: Value<'_>) -> Result<Node> {
        match name {
            "$literal" | "$const" => return Ok(Node::Literal(value.to_owned())),
            "$let" => return loops::parse_let(self, value),
            "$map" | "$filter" | "$reduce" => return loops::parse_loop(self, name, value),
            "$zip" => return loops::parse_zip(self, value),
            "$getField" | "$setField" | "$unsetField" => {
                return named_field::parse(self, name, value);
            }
            "$switch" => return conditional::parse_switch(self, value),
            "$regexMatch" | "$regexFind" | "$regexFindAll" => {
                return regex::parse(self, name, value);
            }
            "$substr" => return self.operator("$substrBytes", value),
            "$rand" => super::types::check_rand(value)?,
            _ => {}
        }
        if name == "$meta" && value.as_str() == Some("textScore") {
            let message = "query requires text score metadata, but it is not available";
            return Err(super::location(40218, message));
        }
        let Some(operator) = operator::find(name) else {
            let message = match operator::is_known_elsewhere(name) {
                true => format!("The operator '{name}' is not supported"),
                false => format!("Unrecognized expression '{name}'"),
            };
            return Err(Error::refused(Reason::InvalidPipelineOperator, message));
        };
        let args = self.arguments(operator, value)?;
        self.call(operator, args)
    }

    fn arguments(&mut self, operator: &Operator, value: Value<'_>) -> Result<Vec<Node>> {
        match &operator.takes {
            Takes::Named(names) => return self.named_nodes(operator.name, names, value),
            // `$cond` may name its arguments, and need not.
            Takes::Exactly(3) if operator.name == "$cond" && value.ty == ty::DOCUMENT => {
                return self.named_nodes(operator.name, &conditional::COND, value);
            }
            Takes::Date if value.ty == ty::DOCUMENT && names_a_date(value)? => {
                return super::date::named(self, operator.name, value);
            }
            _ => {}
        }
        let args = match value.ty {
            ty::ARRAY => self.array(value)?,
            _ => vec![self.operand(value)?],
        };
        check_count(operator, args.len())?;
        Ok(args)
    }

    fn named_nodes(
        &mut self,
        operator: &str,
        names: &Names,
        value: Value<'_>,
    ) -> Result<Vec<Node>> {
        let values = named(operator, names, value)?;
        values.into_iter().map(|value| self.optional(value)).collect()
    }

    /// Tells of a constant what is wrong with it, now or later.
    pub fn constant_is_wrong(&self, error: Error) -> Result<()> {
        self.scope.constant_is_wrong(error)
    }

    /// An argument that may have been left out.
    pub fn optional(&mut self, value: Option<Value<'_>>) -> Result<Node> {
        value.map_or(Ok(Node::Missing), |value| self.operand(value))
    }

    /// A call of an operator, or what it comes to if its arguments are constant.
    pub fn call(&self, operator: &'static Operator, args: Vec<Node>) -> Result<Node> {
        let args = nary::grouped(self, operator, args)?;
        let is_constant = args.iter().all(|arg| arg.is_constant() || arg.is_absent());
        let node = match nary::decided(operator, args) {
            Ok(node) => return Ok(node),
            Err(args) => Node::Call(operator, args.into()),
        };
        if is_constant && operator.name != "$rand" {
            // What is longer is made for each document, and not kept for every place in a request.
            self.fold(node, FOLDED_LEN_MAX)
        } else {
            Ok(node)
        }
    }

    fn fold(&self, node: Node, len_max: usize) -> Result<Node> {
        let vars = Variables::new(0);
        let root = [5, 0, 0, 0, 0];
        let value = match node.eval(&mut Frame { root: &root, vars: &vars, locals: vec![] }) {
            Ok(Computed::Missing) => None,
            Ok(value) => Some(value.into_owned()),
            Err(error) => {
                self.scope.constant_is_wrong(error)?;
                None
            }
        };
        Ok(value.filter(|value| value.bytes.len() <= len_max).map_or(node, Node::Literal))
    }
}

/// Does the document name the arguments of an operator on dates, or is it one expression?
fn names_a_date(value: Value<'_>) -> Result<bool> {
    let first = Elements::new(value.bytes)?.next().transpose()?;
    Ok(first.is_none_or(|first| !first.name.starts_with(b"$")))
}

fn check_count(operator: &Operator, count: usize) -> Result<()> {
    let name = operator.name;
    match operator.takes {
        Takes::Exactly(wanted) if count != wanted => {
            let message = format!(
                "Expression {name} takes exactly {wanted} arguments. {count} were passed in."
            );
            Err(location(16020, message))
        }
        Takes::Between(min, max) if count < min || count > max => {
            let message = format!(
                "Expression {name} takes at least {min} arguments, and at most {max}, but \
                 {count} were passed in."
            );
            Err(location(28667, message))
        }
        Takes::AtLeast(min, code, before) if count < min => {
            Err(location(code, format!("{name}{before}{count}")))
        }
        Takes::OneOr(code, before) if count != 1 => {
            Err(location(code, format!("{name}{before}{count}")))
        }
        Takes::Date if count != 1 => {
            let message = format!(
                "{name} accepts exactly one argument if given an array, but was given {count}"
            );
            Err(location(40536, message))
        }
        _ => Ok(()),
    }
}

/// The values of named arguments, each in its place.
pub(crate) fn named<'v>(
    operator: &str,
    names: &Names,
    value: Value<'v>,
) -> Result<Vec<Option<Value<'v>>>> {
    if value.ty != ty::DOCUMENT {
        let (code, message, with_type) = names.not_object;
        let mut message = message.replace('%', operator);
        if with_type {
            message += ty::name(value.ty);
        }
        return Err(location(code, message));
    }
    let mut found = vec![None; names.names.len()];
    for element in Elements::new(value.bytes)? {
        let element = element?;
        match names.names.iter().position(|name| name.as_bytes() == element.name) {
            Some(place) => found[place] = Some(element.val()),
            None => {
                let (code, message) = names.unknown;
                let message = message.replace('%', operator) + &element.name_lossy();
                return Err(location(code, message));
            }
        }
    }
    for (place, code, message) in names.needed {
        if found[*place].is_none() {
            return Err(location(*code, message.replace('%', operator)));
        }
    }
    Ok(found)
}

/// Checks the name of a variable; of one that is being defined, too.
pub(crate) fn check_variable(name: &str, is_defined: bool) -> Result<()> {
    let refused = |message: String| Err(Error::refused(Reason::FailedToParse, message));
    let Some(first) = name.chars().next() else {
        return refused("empty variable names are not allowed".into());
    };
    if is_defined && name == "CURRENT" {
        return Ok(());
    }
    let starts_well = first.is_ascii_lowercase()
        || !first.is_ascii()
        || (!is_defined && first.is_ascii_uppercase());
    if !starts_well {
        return refused(format!(
            "'{name}' starts with an invalid character for a user variable name"
        ));
    }
    match name.chars().find(|c| c.is_ascii() && !c.is_ascii_alphanumeric() && *c != '_') {
        Some(bad) => {
            refused(format!("'{name}' contains an invalid character for a variable name: '{bad}'"))
        }
        None => Ok(()),
    }
}

/// The name of an element.
pub(crate) fn name_of<'a>(element: &Element<'a>) -> Result<&'a str> {
    std::str::from_utf8(element.name)
        .map_err(|_| Error::invalid_bson(element.ofs + 1, "text is UTF-8"))
}
