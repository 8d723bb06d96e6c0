//! Fields by any name, with dots and dollars in it or not: `$getField`, `$setField`,
//! `$unsetField`. The name is a constant.

use super::computed::{Computed, check_len};
use super::node::{Frame, Node};
use super::operator::{Names, Operator, Takes};
use super::parse::{Parser, location, named};
use crate::bson::builder::Builder;
use crate::bson::element::{Elements, Value, get};
use crate::bson::ty;
use crate::error::Result;

static GET: Operator = Operator::all("$getField", Takes::Any, get_field);
static SET: Operator = Operator::all("$setField", Takes::Any, set_field);
static UNSET: Operator = Operator::all("$unsetField", Takes::Any, unset_field);

const NOT_OBJECT: (i32, &str, bool) =
    (4_161_100, "% only supports an object as its argument", false);
const UNKNOWN: (i32, &str) = (4_161_101, "% found an unknown argument: ");
const NO_FIELD: (usize, i32, &str) = (0, 4_161_102, "% requires 'field' to be specified");
const NO_INPUT: (usize, i32, &str) = (1, 4_161_109, "% requires 'input' to be specified");

static OF_GET: Names = Names {
    names: &["field", "input"],
    not_object: NOT_OBJECT,
    unknown: (3_041_701, UNKNOWN.1),
    needed: &[(0, 3_041_702, NO_FIELD.2), (1, 3_041_703, NO_INPUT.2)],
};
static OF_SET: Names = Names {
    names: &["field", "input", "value"],
    not_object: NOT_OBJECT,
    unknown: UNKNOWN,
    needed: &[NO_FIELD, (2, 4_161_103, "% requires 'value' to be specified"), NO_INPUT],
};
static OF_UNSET: Names = Names {
    names: &["field", "input"],
    not_object: NOT_OBJECT,
    unknown: UNKNOWN,
    needed: &[NO_FIELD, NO_INPUT],
};

/// Numbers of the refusals of a name: a path, no constant, no string.
type NameCodes = (i32, i32, i32);

/// Parses one of the three.
pub(super) fn parse(parser: &mut Parser<'_>, operator: &str, value: Value<'_>) -> Result<Node> {
    let (operator, names, codes): (_, _, NameCodes) = match operator {
        "$getField" => (&GET, &OF_GET, (5_654_600, 5_654_601, 5_654_602)),
        "$setField" => (&SET, &OF_SET, (4_161_108, 4_161_106, 4_161_107)),
        _ => (&UNSET, &OF_UNSET, (4_161_108, 4_161_106, 4_161_107)),
    };
    // `$getField` may be given nothing but the name.
    if std::ptr::eq(operator, &GET) && !names_arguments(value)? {
        let name = field_name(operator.name, codes, value)?;
        return parser.call(operator, vec![name, Node::Root]);
    }
    let mut values = named(operator.name, names, value)?.into_iter();
    let field = values.next().flatten().unwrap_or(Value { ty: ty::NULL, bytes: &[] });
    let mut args = vec![field_name(operator.name, codes, field)?];
    for value in values {
        args.push(parser.optional(value)?);
    }
    parser.call(operator, args)
}

/// Is it a document of named arguments, and no expression?
fn names_arguments(value: Value<'_>) -> Result<bool> {
    if value.ty != ty::DOCUMENT {
        return Ok(false);
    }
    let first = Elements::new(value.bytes)?.next().transpose()?;
    Ok(first.is_none_or(|first| !first.name.starts_with(b"$")))
}

/// The name of a field: a string that is no path, or a literal.
fn field_name(operator: &str, codes: NameCodes, value: Value<'_>) -> Result<Node> {
    let (path, not_constant, not_string) = codes;
    let mut name = value;
    if let Some(text) = value.as_str().and_then(|text| text.strip_prefix('$')) {
        let message = format!(
            "'$CURRENT.{text}' is a field path reference which is not allowed in this context. \
             Did you mean {{$literal: '$CURRENT.{text}'}}?"
        );
        return Err(location(path, message));
    }
    if value.ty == ty::DOCUMENT {
        let first = Elements::new(value.bytes)?.next().transpose()?;
        match first.filter(|first| matches!(first.name, b"$literal" | b"$const")) {
            Some(literal) => name = literal.val(),
            None => {
                let message = format!(
                    "{operator} requires 'field' to evaluate to a constant, but got a \
                     non-constant argument"
                );
                return Err(location(not_constant, message));
            }
        }
    }
    if name.ty != ty::STRING {
        let found = ty::name(name.ty);
        let message =
            format!("{operator} requires 'field' to evaluate to type String, but got {found}");
        return Err(location(not_string, message));
    }
    Ok(Node::Literal(name.to_owned()))
}

fn get_field<'a>(args: &'a [Node], frame: &mut Frame<'a>) -> Result<Computed<'a>> {
    let [name, input] = args else { return Ok(Computed::Missing) };
    let name = name.eval(frame)?;
    let name = name.as_text().unwrap_or_default();
    match input.eval(frame)? {
        Computed::Missing => Ok(Computed::Missing),
        Computed::Borrowed(document) if document.ty == ty::DOCUMENT => {
            let field = get(document.bytes, &name)?;
            Ok(field.map_or(Computed::Missing, |field| Computed::Borrowed(field.val())))
        }
        made if made.ty() == Some(ty::DOCUMENT) => {
            let field = get(made.or_null().bytes, &name)?;
            Ok(field.map_or(Computed::Missing, |field| Computed::copy_of(field.val())))
        }
        other if other.is_nullish() => Ok(Computed::null()),
        _ => Ok(Computed::Missing),
    }
}

fn set_field<'a>(args: &'a [Node], frame: &mut Frame<'a>) -> Result<Computed<'a>> {
    let [name, input, value] = args else { return Ok(Computed::Missing) };
    let value = value.eval(frame)?;
    let input = input.eval(frame)?;
    with_field("$setField", &name.eval(frame)?, &input, &value)
}

fn unset_field<'a>(args: &'a [Node], frame: &mut Frame<'a>) -> Result<Computed<'a>> {
    let [name, input] = args else { return Ok(Computed::Missing) };
    let input = input.eval(frame)?;
    with_field("$unsetField", &name.eval(frame)?, &input, &Computed::Missing)
}

/// The document with this value in a field, or without the field if the value is missing.
fn with_field<'a>(
    operator: &str,
    name: &Computed<'_>,
    input: &Computed<'_>,
    value: &Computed<'_>,
) -> Result<Computed<'a>> {
    if input.is_nullish() {
        return Ok(Computed::null());
    }
    if input.ty() != Some(ty::DOCUMENT) {
        let message = format!("{operator} requires 'input' to evaluate to type Object");
        return Err(location(4_161_105, message));
    }
    let name = name.as_text().unwrap_or_default();
    let mut value = value.as_value();
    let input = input.or_null().bytes;
    check_len(input.len() + value.map_or(0, |value| value.bytes.len()) + name.len())?;
    let mut out = Builder::with_capacity(input.len());
    for element in Elements::new(input)? {
        let element = element?;
        if element.name != name.as_bytes() {
            out.element(&element);
        } else if let Some(value) = value.take() {
            out.value(name.as_bytes(), value);
        }
    }
    if let Some(value) = value {
        out.value(name.as_bytes(), value);
    }
    Ok(Computed::of(ty::DOCUMENT, out.finish()))
}
