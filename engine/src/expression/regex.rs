//! `$regexMatch`, `$regexFind`, `$regexFindAll`. A constant pattern is compiled once.

use std::sync::Arc;

use fancy_regex::Regex;

use super::computed::{ArrayBuilder, Computed, array_of};
use super::node::{Frame, Node};
use super::operator::Names;
use super::parse::{Parser, location, named};
use super::pattern;
use super::string::string;
use crate::bson::builder::Builder;
use crate::bson::element::{Value, name_end};
use crate::bson::number::Number;
use crate::bson::ty;
use crate::error::{Error, Result};

/// A call of one of them.
#[derive(Debug, Clone)]
pub(crate) struct RegexCall {
    name: &'static str,
    what: What,
    /// The pattern, if it is constant and not null.
    compiled: Option<Arc<Regex>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Match,
    Find,
    FindAll,
}

const NAMES: Names = Names {
    names: &["input", "regex", "options"],
    not_object: (51103, "% expects an object of named arguments but found: ", true),
    unknown: (31024, "% found an unknown argument: "),
    needed: &[
        (0, 31022, "% requires 'input' parameter"),
        (1, 31023, "% requires 'regex' parameter"),
    ],
};

pub(super) fn parse(parser: &mut Parser<'_>, name: &str, value: Value<'_>) -> Result<Node> {
    let (name, what) = match name {
        "$regexMatch" => ("$regexMatch", What::Match),
        "$regexFind" => ("$regexFind", What::Find),
        _ => ("$regexFindAll", What::FindAll),
    };
    let values = named(name, &NAMES, value)?;
    let args: Vec<Node> =
        values.into_iter().map(|value| parser.optional(value)).collect::<Result<_>>()?;
    let mut call = RegexCall { name, what, compiled: None };
    if let [_, Node::Literal(regex), options @ (Node::Literal(_) | Node::Missing)] = &args[..] {
        let options = match options {
            Node::Literal(options) => Computed::Borrowed(options.as_ref()),
            _ => Computed::Missing,
        };
        match call.compile(&Computed::Borrowed(regex.as_ref()), &options) {
            Ok(compiled) => call.compiled = compiled,
            Err(error) => parser.constant_is_wrong(error)?,
        }
    }
    Ok(Node::Regex(Box::new(call), args.into()))
}

impl RegexCall {
    pub fn eval<'a>(&'a self, args: &'a [Node], frame: &mut Frame<'a>) -> Result<Computed<'a>> {
        let input = args[0].eval(frame)?;
        let regex = match &self.compiled {
            Some(regex) => Some(regex.clone()),
            None => self.compile(&args[1].eval(frame)?, &args[2].eval(frame)?)?,
        };
        if !input.is_nullish() && string(&input).is_none() {
            let message = format!("{} needs 'input' to be of type string", self.name);
            return Err(location(51104, message));
        }
        let (Some(text), Some(regex)) = (string(&input), regex) else {
            return Ok(match self.what {
                What::Match => Computed::bool(false),
                What::Find => Computed::null(),
                What::FindAll => ArrayBuilder::default().finish(),
            });
        };
        match self.what {
            What::Match => {
                regex.is_match(&text).map(Computed::bool).map_err(|error| self.failed(error))
            }
            What::Find => self.find(&regex, &text),
            What::FindAll => self.find_all(&regex, &text),
        }
    }

    fn failed(&self, error: fancy_regex::Error) -> Error {
        location(
            51156,
            format!(
                "Error occurred while executing the regular expression in {}: \
                                 {error}",
                self.name
            ),
        )
    }

    /// The compiled pattern; `None` if it is null.
    fn compile(&self, regex: &Computed<'_>, options: &Computed<'_>) -> Result<Option<Arc<Regex>>> {
        let name = self.name;
        let flags = match string(options) {
            Some(flags) => flags.into_owned(),
            None if options.is_nullish() => String::new(),
            None => {
                let message = format!("{name} needs 'options' to be of type string");
                return Err(location(51106, message));
            }
        };
        let (pattern, flags) = match regex.as_value() {
            None | Some(Value { ty: ty::NULL | ty::UNDEFINED, .. }) => {
                return check_flags(name, &flags).map(|()| None);
            }
            Some(Value { ty: ty::REGEX, bytes }) => {
                let (pattern, own) = parts(bytes);
                if !own.is_empty() && !flags.is_empty() {
                    let message = format!(
                        "{name}: found regex option(s) specified in both 'regex' and 'option' \
                         fields"
                    );
                    return Err(location(51107, message));
                }
                (pattern, if own.is_empty() { flags } else { own })
            }
            Some(_) => match string(regex) {
                Some(pattern) => (pattern.into_owned(), flags),
                None => {
                    let message = format!("{name} needs 'regex' to be of type string or regex");
                    return Err(location(51105, message));
                }
            },
        };
        check_flags(name, &flags)?;
        if pattern.contains('\0') {
            let message =
                format!("{name}: regular expression cannot contain an embedded null byte");
            return Err(location(51109, message));
        }
        match pattern::compile(&pattern, &flags, self.what != What::Match) {
            Ok(regex) => Ok(Some(Arc::new(regex))),
            Err(why) => Err(location(51111, format!("Invalid Regex in {name}: {why}"))),
        }
    }

    fn find<'a>(&self, regex: &Regex, text: &str) -> Result<Computed<'a>> {
        let found = regex.captures(text).map_err(|error| self.failed(error))?;
        found.map_or(Ok(Computed::null()), |found| document(&found, text))
    }

    fn find_all<'a>(&self, regex: &Regex, text: &str) -> Result<Computed<'a>> {
        let mut all = ArrayBuilder::default();
        let mut at = 0;
        while at < text.len() {
            let found = regex.captures_from_pos(text, at).map_err(|error| self.failed(error))?;
            let Some(found) = found else { break };
            let Some(whole) = found.get(0) else { break };
            if whole.start() >= text.len() {
                break;
            }
            all.push(document(&found, text)?.or_null())?;
            at = match whole.end() {
                end if end > whole.start() => end,
                // Nothing was matched: on to the next character.
                end => end + text[end..].chars().next().map_or(1, char::len_utf8),
            };
        }
        Ok(all.finish())
    }
}

fn document<'a>(found: &fancy_regex::Captures<'_>, text: &str) -> Result<Computed<'a>> {
    let (whole, start) = found.get(0).map_or(("", 0), |whole| (whole.as_str(), whole.start()));
    let captures: Vec<Computed<'_>> = (1..found.len())
        .map(|i| found.get(i).map_or(Computed::null(), |part| Computed::string(part.as_str())))
        .collect();
    let mut out = Builder::new();
    out.str("match", whole);
    out.number("idx", Number::Int32(text[..start].chars().count() as i32));
    out.value("captures", array_of(&captures)?.or_null());
    Ok(Computed::of(ty::DOCUMENT, out.finish()))
}

fn parts(bytes: &[u8]) -> (String, String) {
    let text = |part: &[u8]| String::from_utf8_lossy(part).into_owned();
    let Some(end) = name_end(bytes, 0) else { return (String::new(), String::new()) };
    let flags = bytes.get(end + 1..bytes.len() - 1).unwrap_or_default();
    (text(&bytes[..end]), text(flags))
}

fn check_flags(operator: &str, flags: &str) -> Result<()> {
    match flags.chars().find(|flag| !"imsx".contains(*flag)) {
        Some(bad) => {
            let message = format!("{operator} invalid flag in regex options: {bad}");
            Err(location(51108, message))
        }
        None => Ok(()),
    }
}
