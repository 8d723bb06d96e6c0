//! `type` and `bsonType`: which types a value may have.

use super::parse::wrong_type;
use crate::bson::element::{Element, Elements};
use crate::bson::ty;
use crate::error::Result;
use crate::query::filter::{bad_value, failed_to_parse, types};

/// The types that the operand names.
pub(super) fn type_set(element: &Element<'_>) -> Result<Vec<u8>> {
    let (keyword, mut out) = (element.name_lossy(), Vec::new());
    let is_json = element.name == b"type";
    let bad = || {
        wrong_type(format!(
            "$jsonSchema keyword '{keyword}' must be either a string or an array of strings"
        ))
    };
    if let Some(name) = element.val().as_str() {
        type_named(name, is_json, &mut out)?;
        return Ok(out);
    }
    if element.ty != ty::ARRAY {
        return Err(bad());
    }
    let mut seen: Vec<&str> = Vec::new();
    for one in Elements::new(element.value)? {
        let one = one?;
        let Some(name) = std::str::from_utf8(one.value).ok().and(one.val().as_str()) else {
            return Err(bad());
        };
        if seen.contains(&name) {
            return Err(failed_to_parse(format!(
                "$jsonSchema keyword '{keyword}' has duplicate value: {name}"
            )));
        }
        seen.push(name);
        type_named(name, is_json, &mut out)?;
    }
    if out.is_empty() {
        return Err(failed_to_parse(format!(
            "$jsonSchema keyword '{keyword}' must name at least one type"
        )));
    }
    Ok(out)
}

fn type_named(name: &str, is_json: bool, out: &mut Vec<u8>) -> Result<()> {
    if !is_json {
        return types::add_named(name, out);
    }
    match name {
        "integer" => Err(failed_to_parse("$jsonSchema type 'integer' is not currently supported.")),
        "object" | "array" | "string" | "null" | "number" => types::add_named(name, out),
        "boolean" => types::add_named("bool", out),
        _ => Err(bad_value(format!("Unknown type name alias: {name}"))),
    }
}
