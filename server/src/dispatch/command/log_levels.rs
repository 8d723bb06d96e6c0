//! The parameter `logComponentVerbosity`: a document of the parts of the server, and their parts.

use tallymap::Reason;
use tallymap::bson::builder::Builder;
use tallymap::bson::element::Value;
use tallymap::bson::{text, ty};

use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::fields::{Fields, truncated};
use crate::dispatch::put::Put;
use crate::logging::levels::{Levels, PARTS, WHOLE};

/// The field that has the level of what is around it.
const VERBOSITY: &str = "verbosity";

/// Writes the levels of all parts as the document `name`.
pub fn put(levels: &Levels, out: &mut Builder, name: &str) {
    out.put_document(name, |out| put_part(levels, out, WHOLE));
}

fn put_part(levels: &Levels, out: &mut Builder, of: usize) {
    out.put_i32(VERBOSITY, i32::from(levels.get(of)));
    for (at, part) in PARTS.iter().enumerate().skip(1) {
        if part.within == of {
            out.put_document(part.name, |out| put_part(levels, out, at));
        }
    }
}

/// Reads the levels that a document sets.
///
/// # Errors
/// With the numbers and texts of 5.0.
pub fn parse(value: Value<'_>) -> Outcome<Vec<(usize, i64)>> {
    if ![ty::DOCUMENT, ty::ARRAY].contains(&value.ty) {
        let shown = text::named(b"logComponentVerbosity", value);
        let message = format!("log component verbosity is not a BSON object: {shown}");
        return Err(Failure::new(Reason::TypeMismatch, message));
    }
    let mut levels = Vec::new();
    parse_part(WHOLE, value.bytes, &mut levels)?;
    Ok(levels)
}

/// Reads what a document says of one part. Parts are in each other twice at most.
fn parse_part(of: usize, document: &[u8], levels: &mut Vec<(usize, i64)>) -> Outcome<()> {
    let refused = |message| Failure::new(Reason::BadValue, message);
    for field in Fields::of("logComponentVerbosity", document)? {
        let (name, value) = field.map(|field| (field.name, field.value))?;
        if name == VERBOSITY {
            let level = truncated(value).ok_or_else(|| {
                let (path, found) = (path(of), ty::name(value.ty));
                refused(format!("Expected {path}.verbosity to be a number, but found {found}"))
            })?;
            levels.push((of, level));
            continue;
        }
        let is_it = |part: &usize| PARTS[*part].within == of && PARTS[*part].name == name;
        let part = (1..PARTS.len()).find(is_it);
        let full = format!("{}.{name}", path(of));
        match (part, truncated(value)) {
            (None, _) => return Err(refused(format!("Invalid component name {full}"))),
            (Some(part), Some(level)) => levels.push((part, level)),
            (Some(part), None) if value.ty == ty::DOCUMENT => {
                parse_part(part, value.bytes, levels)?;
            }
            (Some(_), None) => {
                let found = ty::name(value.ty);
                return Err(refused(format!("Invalid type {found}for component {full}")));
            }
        }
    }
    Ok(())
}

/// A part's name, after that of what it is part of.
fn path(part: usize) -> String {
    match PARTS[part] {
        it if part == WHOLE || it.within == WHOLE => it.name.to_owned(),
        it => format!("{}.{}", path(it.within), it.name),
    }
}
