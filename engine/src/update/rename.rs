//! `$rename`: a field under another name or elsewhere. It is two operators: one removes the
//! field, one puts its value under the new name. Neither path may lead through an array.

use super::operators::{Effect, Site};
use crate::bson::element::{Element, Value};
use crate::bson::field::{FieldPath, FieldSpan, Location, Skips, locate};
use crate::bson::{text, ty};
use crate::error::{Error, Reason, Result};

/// The new name.
pub fn operand(field: &Element<'_>, from: &FieldPath) -> Result<FieldPath> {
    let shown = || text::named(field.name, field.val());
    let Some(name) = field.val().as_str() else {
        return Err(bad(format!("The 'to' field for $rename must be a string: {}", shown())));
    };
    if name.contains('\0') {
        return Err(bad("The 'to' field for $rename cannot contain an embedded null byte"));
    }
    let to = super::update_path::parse(name)?;
    if *from == to {
        let shown = shown();
        return Err(bad(format!("The source and target field for $rename must differ: {shown}")));
    }
    if from.overlaps(&to) {
        return Err(bad(format!(
            "The source and target field for $rename must not be on the same path: {}",
            shown()
        )));
    }
    for (path, end) in [(from, "source"), (&to, "destination")] {
        if super::update_path::is_dynamic(path) {
            return Err(bad(format!("The {end} field for $rename may not be dynamic: {path}")));
        }
    }
    Ok(to)
}

/// What becomes of the old name.
pub fn from_effect<'a>(site: &Site<'a>) -> Result<Effect<'a>> {
    if site.current.is_none() {
        return Ok(Effect::Keep);
    }
    check_no_array(site.doc, site.path, "source")?;
    Ok(Effect::Remove)
}

/// The value that the new name gets, from `from`.
pub fn to_effect<'a>(site: &Site<'a>, from: &FieldPath) -> Result<Effect<'a>> {
    Ok(match locate(site.doc, from, &mut Skips::default())? {
        Location::Found(span) => {
            check_no_array(site.doc, site.path, "destination")?;
            Effect::Put(Value { ty: span.ty, bytes: span.value(site.doc) })
        }
        _ => Effect::Keep,
    })
}

/// The new name cannot be there: that is only wrong if there is something to rename.
pub fn to_is_blocked(doc: &[u8], path: &FieldPath, from: &FieldPath) -> Result<bool> {
    if locate(doc, from, &mut Skips::default())?.found().is_none() {
        return Ok(false);
    }
    check_no_array(doc, path, "destination")?;
    Ok(true)
}

/// The old name leads through a value that has no fields.
pub fn from_is_blocked(doc: &[u8], path: &FieldPath, by: &FieldSpan, depth: usize) -> Error {
    let name = path.component(depth - 1);
    let value = Value { ty: by.ty, bytes: by.value(doc) };
    let message = format!(
        "cannot use the part ({name} of {path}) to traverse the element ({{{}}})",
        text::named(name.as_bytes(), value)
    );
    Error::refused(Reason::PathNotViable, message)
}

/// Refuses a path that leads through an array.
fn check_no_array(doc: &[u8], path: &FieldPath, end: &str) -> Result<()> {
    for depth in 1..path.depth() {
        let above = FieldPath::parse_for_filter(path.prefix(depth))?;
        let Location::Found(span) = locate(doc, &above, &mut Skips::default())? else {
            return Ok(());
        };
        if span.ty == ty::ARRAY {
            return Err(bad(format!(
                "The {end} field cannot be an array element, '{path}' in doc with {} has an array \
                 field called '{}'",
                text::id_of(doc),
                path.component(depth - 1)
            )));
        }
    }
    Ok(())
}

fn bad(message: impl Into<String>) -> Error {
    Error::refused(Reason::BadValue, message)
}
