//! `$collStats` and `$indexStats` as they are specified; who runs the pipeline has the figures.

use crate::bson::element::{Elements, Value};
use crate::bson::{text, ty};
use crate::error::{Error, Reason, Result};
use crate::expression::{Computed, location};

/// An empty document's length.
const EMPTY_LEN: usize = 5;

/// The parts that a `$collStats` asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct CollStatsParts {
    pub count: bool,
    /// What sizes are divided by.
    pub storage_scale: Option<f64>,
}

impl CollStatsParts {
    pub fn parse(value: Value<'_>) -> Result<CollStatsParts> {
        if value.ty != ty::DOCUMENT {
            let shown = text::value(value);
            let message =
                format!("$collStats must take a nested object but found: $collStats: {shown}");
            return Err(location(5_447_000, message));
        }
        let mut parts = CollStatsParts::default();
        for element in Elements::new(value.bytes)? {
            let element = element?;
            let name = element.name_lossy();
            match element.name {
                b"count" | b"storageStats" if element.ty == ty::NULL => {}
                b"count" | b"storageStats" if element.ty != ty::DOCUMENT => {
                    let found = ty::name(element.ty);
                    let message = format!(
                        "BSON field '$collStats.{name}' is the wrong type '{found}', expected type \
                         'object'"
                    );
                    return Err(Error::refused(Reason::TypeMismatch, message));
                }
                b"count" if element.value.len() > EMPTY_LEN => {
                    let shown = text::document(element.value);
                    let message = format!("expected an empty object, but got {shown}");
                    return Err(location(31170, message));
                }
                b"count" => parts.count = true,
                b"storageStats" => parts.storage_scale = Some(scale(element.value)?),
                b"latencyStats" | b"queryExecStats" => {
                    let message = format!("The option '{name}' of $collStats is not supported");
                    return Err(Error::refused(Reason::CommandNotSupported, message));
                }
                _ => {
                    let message = format!("BSON field '$collStats.{name}' is an unknown field.");
                    return Err(location(40415, message));
                }
            }
        }
        Ok(parts)
    }
}

fn scale(options: &[u8]) -> Result<f64> {
    let Some(scale) = crate::bson::element::get(options, "scale")? else { return Ok(1.0) };
    if !Computed::Borrowed(scale.val()).is_number() {
        let found = ty::name(scale.ty);
        let message = format!(
            "BSON field '$collStats.storageStats.scale' is the wrong type '{found}', expected \
             types '[long, int, decimal, double']"
        );
        return Err(Error::refused(Reason::TypeMismatch, message));
    }
    Ok(scale.val().as_number().map_or(1.0, |number| number.to_f64()).max(1.0))
}

/// Checks an `$indexStats`.
pub(super) fn check_index_stats(value: Value<'_>) -> Result<()> {
    match value {
        Value { ty: ty::DOCUMENT, bytes } if bytes.len() == 5 => Ok(()),
        _ => {
            let message = "The $indexStats stage specification must be an empty object";
            Err(location(28803, message))
        }
    }
}
