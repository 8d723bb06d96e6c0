//! `$currentDate`: the time of the update, as a date or as a timestamp.

use super::apply::Context;
use super::operators::Effect;
use crate::bson::element::{Element, Elements, OwnedValue};
use crate::bson::ty;
use crate::error::{Error, Reason, Result};

/// The type of the value: [`ty::DATE`] or [`ty::TIMESTAMP`].
pub fn operand(field: &Element<'_>) -> Result<u8> {
    match field.ty {
        ty::BOOL => Ok(ty::DATE),
        ty::DOCUMENT => of_options(field.value),
        _ => Err(bad(format!(
            "{} is not valid type for $currentDate. Please use a boolean ('true') or a $type \
             expression ({{$type: 'timestamp/date'}}).",
            ty::name(field.ty)
        ))),
    }
}

fn of_options(options: &[u8]) -> Result<u8> {
    let mut wanted = None;
    for option in Elements::new(options)? {
        let option = option?;
        if option.name != b"$type" {
            return Err(bad(format!("Unrecognized $currentDate option: {}", option.name_lossy())));
        }
        wanted = match option.val().as_str() {
            Some("date") => Some(ty::DATE),
            Some("timestamp") => Some(ty::TIMESTAMP),
            _ => None,
        };
    }
    wanted.ok_or_else(|| {
        bad("The '$type' string field is required to be 'date' or 'timestamp': \
             {$currentDate: {field : {$type: 'date'}}}")
    })
}

/// The field's new value.
pub fn effect<'a>(wanted: u8, context: &Context<'_>) -> Effect<'a> {
    let bytes = match wanted {
        ty::TIMESTAMP => context.timestamp.to_le_bytes(),
        _ => context.now_ms.to_le_bytes(),
    };
    Effect::PutOwned(OwnedValue { ty: wanted, bytes: bytes.into() })
}

fn bad(message: impl Into<String>) -> Error {
    Error::refused(Reason::BadValue, message)
}
