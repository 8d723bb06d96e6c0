//! Reads schemas, with MongoDB's refusals.

use super::type_names::type_set;
use super::{Additional, DEPTH_MAX, Dependency, Keyword, Others, Rule, Schema};
use crate::bson::builder::Builder;
use crate::bson::element::{Element, Elements, Value, get};
use crate::bson::number::Number;
use crate::bson::{text, ty};
use crate::error::{Error, Reason, Result};
use crate::query::filter::{Pattern, bad_value, failed_to_parse, numbers};

/// Keywords that MongoDB knows and takes not.
const REFUSED: [&[u8]; 6] = [b"$ref", b"$schema", b"default", b"definitions", b"format", b"id"];
/// Keywords in the order in which they are checked.
const ORDER: [&[u8]; 24] = [
    b"allOf",
    b"anyOf",
    b"oneOf",
    b"not",
    b"enum",
    b"maximum",
    b"minimum",
    b"maxLength",
    b"minLength",
    b"pattern",
    b"multipleOf",
    b"maxItems",
    b"minItems",
    b"uniqueItems",
    b"items",
    b"additionalItems",
    b"properties",
    b"patternProperties",
    b"additionalProperties",
    b"required",
    b"minProperties",
    b"maxProperties",
    b"dependencies",
    b"type",
];

pub(super) fn wrong_type(message: String) -> Error {
    Error::refused(Reason::TypeMismatch, message)
}

impl Schema {
    /// Parses the operand of `$jsonSchema`.
    ///
    /// # Errors
    /// MongoDB's, with its numbers.
    pub fn parse(operand: Value<'_>) -> Result<Schema> {
        if operand.ty != ty::DOCUMENT {
            return Err(wrong_type("$jsonSchema must be an object".into()));
        }
        schema(operand.bytes, DEPTH_MAX)
    }
}

fn schema(doc: &[u8], levels: usize) -> Result<Schema> {
    let Some(levels) = levels.checked_sub(1) else {
        return Err(bad_value(format!("Maximum number of nested $jsonSchemas is {DEPTH_MAX}")));
    };
    let (mut found, mut has_type, mut has_bson_type) = (Vec::new(), false, false);
    for element in Elements::new(doc)? {
        let element = element?;
        let name = element.name_lossy();
        match element.name {
            b"title" | b"description" if element.ty == ty::STRING => {}
            b"title" | b"description" => {
                return Err(wrong_type(format!(
                    "$jsonSchema keyword '{name}' must be of type string"
                )));
            }
            b"type" => has_type = true,
            b"bsonType" => has_bson_type = true,
            b"exclusiveMinimum" => exclusive(doc, &element, "minimum")?,
            b"exclusiveMaximum" => exclusive(doc, &element, "maximum")?,
            keyword if REFUSED.contains(&keyword) => {
                return Err(failed_to_parse(format!(
                    "$jsonSchema keyword '{name}' is not currently supported"
                )));
            }
            keyword if ORDER.contains(&keyword) => {}
            _ => return Err(failed_to_parse(format!("Unknown $jsonSchema keyword: {name}"))),
        }
        if has_type && has_bson_type {
            let message = "Cannot specify both $jsonSchema keywords 'type' and 'bsonType'";
            return Err(failed_to_parse(message));
        }
        let sorted_as = if element.name == b"bsonType" { b"type" } else { element.name };
        if let Some(rank) = ORDER.iter().position(|known| *known == sorted_as) {
            found.push((rank, element));
        }
    }
    found.sort_by_key(|(rank, _)| *rank);
    let mut rules = Vec::new();
    for (_, element) in found {
        if let Some(keyword) = keyword(doc, &element, levels)? {
            rules.push(Rule { keyword, source: source(doc, &element)? });
        }
    }
    Ok(Schema { rules })
}

/// The keyword as it was given, with what belongs to it. One that has schemas has nothing here but
/// its name: with all of them it would be there again at each level.
fn source(doc: &[u8], element: &Element<'_>) -> Result<Box<[u8]>> {
    let mut out = Builder::new();
    let has_schemas = element.ty == ty::DOCUMENT
        || matches!(element.name, b"allOf" | b"anyOf" | b"oneOf" | b"items");
    if has_schemas {
        out.value(element.name, Value { ty: ty::NULL, bytes: &[] });
        return Ok(out.finish().into());
    }
    out.element(element);
    let beside = match element.name {
        b"minimum" => "exclusiveMinimum",
        b"maximum" => "exclusiveMaximum",
        _ => return Ok(out.finish().into()),
    };
    if let Some(exclusive) = get(doc, beside)? {
        out.element(&exclusive);
    }
    Ok(out.finish().into())
}

fn exclusive(doc: &[u8], element: &Element<'_>, limit: &str) -> Result<()> {
    let name = element.name_lossy();
    if element.ty != ty::BOOL {
        return Err(wrong_type(format!("$jsonSchema keyword '{name}' must be a boolean")));
    }
    if get(doc, limit)?.is_none() {
        return Err(failed_to_parse(format!(
            "$jsonSchema keyword '{limit}' must be a present if {name} is present"
        )));
    }
    Ok(())
}

fn keyword(doc: &[u8], element: &Element<'_>, levels: usize) -> Result<Option<Keyword>> {
    let is_set = |name: &str| Ok::<_, Error>(get(doc, name)?.is_some_and(|it| it.val().is_true()));
    Ok(Some(match element.name {
        b"allOf" => Keyword::AllOf(schemas(element, levels)?),
        b"anyOf" => Keyword::AnyOf(schemas(element, levels)?),
        b"oneOf" => Keyword::OneOf(schemas(element, levels)?),
        b"not" if element.ty == ty::DOCUMENT => Keyword::Not(schema(element.value, levels)?),
        b"not" => {
            let found = ty::name(element.ty);
            return Err(wrong_type(format!(
                "$jsonSchema keyword 'not' must be an object, but found an element of type {found}"
            )));
        }
        b"enum" => Keyword::Enum(values(element)?),
        b"minimum" => Keyword::Minimum {
            limit: number(element)?.to_owned(),
            is_exclusive: is_set("exclusiveMinimum")?,
        },
        b"maximum" => Keyword::Maximum {
            limit: number(element)?.to_owned(),
            is_exclusive: is_set("exclusiveMaximum")?,
        },
        b"multipleOf" => {
            let number = number(element)?;
            if !super::check::is_positive(number) {
                let message = "$jsonSchema keyword 'multipleOf' must have a positive value";
                return Err(failed_to_parse(message));
            }
            Keyword::MultipleOf(number.to_owned())
        }
        b"minLength" => Keyword::MinLength(count(element)?),
        b"maxLength" => Keyword::MaxLength(count(element)?),
        b"minItems" => Keyword::MinItems(count(element)?),
        b"maxItems" => Keyword::MaxItems(count(element)?),
        b"minProperties" => Keyword::MinProperties(count(element)?),
        b"maxProperties" => Keyword::MaxProperties(count(element)?),
        b"pattern" => match element.val().as_str() {
            Some(pattern) => Keyword::Pattern(Box::new(Pattern::new(pattern, "")?)),
            None => {
                let message = "$jsonSchema keyword 'pattern' must be a string";
                return Err(wrong_type(message.into()));
            }
        },
        b"uniqueItems" if element.ty == ty::BOOL => {
            return Ok(element.val().is_true().then_some(Keyword::UniqueItems));
        }
        b"uniqueItems" => {
            let message = "$jsonSchema keyword 'uniqueItems' must be a boolean";
            return Err(wrong_type(message.into()));
        }
        b"items" | b"additionalItems" => return items(doc, element, levels),
        b"type" | b"bsonType" => Keyword::Type(type_set(element)?),
        _ => return of_objects(doc, element, levels),
    }))
}

fn of_objects(doc: &[u8], element: &Element<'_>, levels: usize) -> Result<Option<Keyword>> {
    Ok(Some(match element.name {
        b"properties" => Keyword::Properties(properties(element, levels)?),
        b"patternProperties" => Keyword::PatternProperties(pattern_properties(element, levels)?),
        b"additionalProperties" => {
            let allowed = match element.ty {
                ty::BOOL if element.val().is_true() => return Ok(None),
                ty::BOOL => Additional::Refused,
                ty::DOCUMENT => Additional::Like(schema(element.value, levels)?),
                _ => {
                    let message = "$jsonSchema keyword 'additionalProperties' must be an object or \
                                   a boolean";
                    return Err(wrong_type(message.into()));
                }
            };
            let mut named = Vec::new();
            if let Some(properties) = get(doc, "properties")?.filter(|it| it.ty == ty::DOCUMENT) {
                for property in Elements::new(properties.value)? {
                    named.push(property?.name_lossy().into());
                }
            }
            let patterns = match get(doc, "patternProperties")? {
                None => vec![],
                // Its schemas are read with that keyword: to read them here, too, would double
                // the work at each level.
                Some(patterns) => patterns_in(&patterns)?
                    .map(|one| one.map(|(pattern, _)| pattern))
                    .collect::<Result<_>>()?,
            };
            Keyword::AdditionalProperties(Others { named, patterns, allowed })
        }
        b"required" => Keyword::Required(required(element)?),
        _ => Keyword::Dependencies(dependencies(element, levels)?),
    }))
}

fn items(doc: &[u8], element: &Element<'_>, levels: usize) -> Result<Option<Keyword>> {
    let name = element.name;
    Ok(match (name, element.ty) {
        (b"items", ty::DOCUMENT) => Some(Keyword::Items(schema(element.value, levels)?)),
        (b"items", ty::ARRAY) => {
            let mut each = Vec::new();
            for one in Elements::new(element.value)? {
                let one = one?;
                if one.ty != ty::DOCUMENT {
                    let found = ty::name(one.ty);
                    return Err(wrong_type(format!(
                        "$jsonSchema keyword 'items' requires that each element of the array is an \
                         object, but found a {found}"
                    )));
                }
                each.push(schema(one.value, levels)?);
            }
            Some(Keyword::ItemsEach(each))
        }
        (b"items", found) => {
            let found = ty::name(found);
            return Err(wrong_type(format!(
                "$jsonSchema keyword 'items' must be an array or an object, not {found}"
            )));
        }
        (_, ty::BOOL | ty::DOCUMENT) => {
            let additional = match element.ty {
                ty::BOOL if element.val().is_true() => return Ok(None),
                ty::BOOL => Additional::Refused,
                _ => Additional::Like(schema(element.value, levels)?),
            };
            // Behind a schema of all elements there is none to speak of.
            match get(doc, "items")?.filter(|items| items.ty == ty::ARRAY) {
                None => None,
                Some(items) => {
                    let count = Elements::new(items.value)?.count();
                    Some(Keyword::AdditionalItems(count, additional))
                }
            }
        }
        (_, found) => {
            let found = ty::name(found);
            return Err(wrong_type(format!(
                "$jsonSchema keyword 'additionalItems' must be either an object or a boolean, but \
                 got a {found}"
            )));
        }
    })
}

fn schemas(element: &Element<'_>, levels: usize) -> Result<Vec<Schema>> {
    let name = element.name_lossy();
    if element.ty != ty::ARRAY {
        return Err(wrong_type(format!("$jsonSchema keyword '{name}' must be an array")));
    }
    let mut out = Vec::new();
    for one in Elements::new(element.value)? {
        let one = one?;
        if one.ty != ty::DOCUMENT {
            let found = ty::name(one.ty);
            return Err(wrong_type(format!(
                "$jsonSchema keyword '{name}' must be an array of objects, but found an element of \
                 type {found}"
            )));
        }
        out.push(schema(one.value, levels)?);
    }
    if out.is_empty() {
        return Err(bad_value(format!("$jsonSchema keyword '{name}' must be a non-empty array")));
    }
    Ok(out)
}

fn values(element: &Element<'_>) -> Result<Vec<crate::bson::element::OwnedValue>> {
    if element.ty != ty::ARRAY {
        let found = ty::name(element.ty);
        return Err(wrong_type(format!(
            "$jsonSchema keyword 'enum' must be an array, but found an element of type {found}"
        )));
    }
    let mut out = Vec::new();
    for one in Elements::new(element.value)? {
        out.push(super::check::normal(one?.val()));
    }
    if out.is_empty() {
        return Err(failed_to_parse("$jsonSchema keyword 'enum' cannot be an empty array"));
    }
    super::check::sort(&mut out);
    if super::check::duplicate(&out).is_some() {
        let message = "$jsonSchema keyword 'enum' array cannot contain duplicate values.";
        return Err(failed_to_parse(message));
    }
    Ok(out)
}

fn number<'v>(element: &Element<'v>) -> Result<Value<'v>> {
    let name = element.name_lossy();
    match numbers::is_number(element.val()) {
        true => Ok(element.val()),
        false => Err(wrong_type(format!("$jsonSchema keyword '{name}' must be a number"))),
    }
}

fn count(element: &Element<'_>) -> Result<u64> {
    let (value, shown) = (element.val(), || text::named(element.name, element.val()));
    if !numbers::is_number(value) {
        return Err(failed_to_parse(format!("Expected a number in: {}", shown())));
    }
    match numbers::exact(value) {
        None => Err(failed_to_parse(format!("Expected an integer: {}", shown()))),
        Some(count) => u64::try_from(count)
            .map_err(|_| failed_to_parse(format!("Expected a positive number in: {}", shown()))),
    }
}

fn properties(element: &Element<'_>, levels: usize) -> Result<Vec<(Box<str>, Schema)>> {
    if element.ty != ty::DOCUMENT {
        let message = "$jsonSchema keyword 'properties' must be an object";
        return Err(wrong_type(message.into()));
    }
    let mut out = Vec::new();
    for property in Elements::new(element.value)? {
        let property = property?;
        let name = property.name_lossy();
        if property.ty != ty::DOCUMENT {
            return Err(wrong_type(format!(
                "Nested schema for $jsonSchema property '{name}' must be an object"
            )));
        }
        out.push((name.into(), schema(property.value, levels)?));
    }
    Ok(out)
}

fn pattern_properties(element: &Element<'_>, levels: usize) -> Result<Vec<(Pattern, Schema)>> {
    patterns_in(element)?
        .map(|one| one.and_then(|(pattern, like)| Ok((pattern, schema(like, levels)?))))
        .collect()
}

/// The patterns of `patternProperties`, each with its schema, which is not read.
fn patterns_in<'d>(
    element: &Element<'d>,
) -> Result<impl Iterator<Item = Result<(Pattern, &'d [u8])>> + use<'d>> {
    if element.ty != ty::DOCUMENT {
        let message = "$jsonSchema keyword 'patternProperties' must be an object";
        return Err(wrong_type(message.into()));
    }
    Ok(Elements::new(element.value)?.map(|property| {
        let property = property?;
        let name = property.name_lossy();
        if property.ty != ty::DOCUMENT {
            return Err(wrong_type(format!(
                "$jsonSchema keyword 'patternProperties' has property '{name}' which is not an \
                 object"
            )));
        }
        let pattern = Pattern::new(&name, "").map_err(|error| match error {
            Error::Refused { message, .. } => {
                let why = message.trim_start_matches("Regular expression is invalid: ");
                bad_value(format!("Invalid regular expression: {why}"))
            }
            error => error,
        })?;
        Ok((pattern, property.value))
    }))
}

fn required(element: &Element<'_>) -> Result<Vec<Box<str>>> {
    if element.ty != ty::ARRAY {
        let found = ty::name(element.ty);
        return Err(wrong_type(format!(
            "$jsonSchema keyword 'required' must be an array, but found an element of type {found}"
        )));
    }
    let mut out: Vec<Box<str>> = Vec::new();
    for one in Elements::new(element.value)? {
        let one = one?;
        let Some(name) = one.val().as_str() else {
            let found = ty::name(one.ty);
            return Err(wrong_type(format!(
                "$jsonSchema keyword 'required' must be an array of strings, but found an element \
                 of type: {found}"
            )));
        };
        if out.iter().any(|known| **known == *name) {
            let message = "$jsonSchema keyword 'required' array cannot contain duplicate values";
            return Err(failed_to_parse(message));
        }
        out.push(name.into());
    }
    if out.is_empty() {
        return Err(failed_to_parse("$jsonSchema keyword 'required' cannot be an empty array"));
    }
    Ok(out)
}

fn dependencies(element: &Element<'_>, levels: usize) -> Result<Vec<(Box<str>, Dependency)>> {
    const KEYWORD: &str = "$jsonSchema keyword 'dependencies'";
    if element.ty != ty::DOCUMENT {
        return Err(wrong_type(format!("{KEYWORD} must be an object")));
    }
    let mut out = Vec::new();
    for one in Elements::new(element.value)? {
        let one = one?;
        let name = one.name_lossy();
        let dependency = match one.ty {
            ty::DOCUMENT => Dependency::Schema(schema(one.value, levels)?),
            ty::ARRAY => Dependency::Properties(needed(&one, &name)?),
            _ => {
                return Err(wrong_type(format!(
                    "property '{name}' in {KEYWORD} must be either an object or an array"
                )));
            }
        };
        out.push((name.into(), dependency));
    }
    Ok(out)
}

fn needed(element: &Element<'_>, name: &str) -> Result<Vec<Box<str>>> {
    const KEYWORD: &str = "$jsonSchema keyword 'dependencies'";
    let mut out: Vec<Box<str>> = Vec::new();
    for one in Elements::new(element.value)? {
        let one = one?;
        let Some(property) = one.val().as_str() else {
            let found = ty::name(one.ty);
            return Err(wrong_type(format!(
                "array '{name}' in {KEYWORD} can only contain strings, but found a {found}"
            )));
        };
        if out.iter().any(|known| **known == *property) {
            return Err(failed_to_parse(format!(
                "array '{name}' in {KEYWORD} contains duplicate element: {property}"
            )));
        }
        out.push(property.into());
    }
    match out.is_empty() {
        false => Ok(out),
        true => {
            Err(failed_to_parse(format!("property '{name}' in {KEYWORD} cannot be an empty array")))
        }
    }
}

/// The number as it is compared with others.
pub(super) fn double(value: Value<'_>) -> f64 {
    match value.as_number() {
        Some(Number::Int32(number)) => f64::from(number),
        Some(number) => number.to_f64(),
        None => {
            let bytes: Option<[u8; 16]> = value.bytes.try_into().ok();
            let shown = bytes.map(|bytes| ::bson::Decimal128::from_bytes(bytes).to_string());
            shown.and_then(|shown| shown.parse().ok()).unwrap_or(f64::NAN)
        }
    }
}
