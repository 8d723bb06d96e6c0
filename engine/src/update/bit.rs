//! `$bit`: and, or, exclusive or with an integer, one after the other; a missing field is 0.

use super::operators::{Effect, Site};
use crate::bson::element::{Element, Elements};
use crate::bson::number::Number;
use crate::bson::{text, ty};
use crate::error::{Error, Reason, Result};

/// One operation with its operand, which is an integer.
#[derive(Debug, Clone, Copy)]
pub struct Operation {
    kind: Kind,
    operand: Number,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    And,
    Or,
    Xor,
}

impl Operation {
    fn apply(self, old: Number) -> Number {
        let (Some(a), Some(b)) = (old.to_i64(), self.operand.to_i64()) else { return old };
        let new = match self.kind {
            Kind::And => a & b,
            Kind::Or => a | b,
            Kind::Xor => a ^ b,
        };
        match (old, self.operand) {
            // Of two int32, whose signs were extended, nothing is lost.
            (Number::Int32(_), Number::Int32(_)) => Number::Int32(new as i32),
            _ => Number::Int64(new),
        }
    }
}

/// The operations.
pub fn operand(field: &Element<'_>) -> Result<Vec<Operation>> {
    if field.ty != ty::DOCUMENT {
        return Err(bad(format!(
            "The $bit modifier is not compatible with a {}. You must pass in an embedded document: \
             {{$bit: {{field: {{and/or/xor: #}}}}",
            ty::name(field.ty)
        )));
    }
    let mut operations = vec![];
    for element in Elements::new(field.value)? {
        operations.push(operation(&element?)?);
    }
    match operations.is_empty() {
        false => Ok(operations),
        true => Err(bad("You must pass in at least one bitwise operation. The format is: \
                         {$bit: {field: {and/or/xor: #}}")),
    }
}

fn operation(element: &Element<'_>) -> Result<Operation> {
    let shown = || text::named(element.name, element.val());
    let kind = match element.name {
        b"and" => Kind::And,
        b"or" => Kind::Or,
        b"xor" => Kind::Xor,
        _ => {
            return Err(bad(format!(
                "The $bit modifier only supports 'and', 'or', and 'xor', not '{}' which is an \
                 unknown operator: {{{}}}",
                element.name_lossy(),
                shown()
            )));
        }
    };
    match element.val().as_number() {
        Some(operand @ (Number::Int32(_) | Number::Int64(_))) => Ok(Operation { kind, operand }),
        _ => Err(bad(format!(
            "The $bit modifier field must be an Integer(32/64 bit); a '{}' is not supported here: \
             {{{}}}",
            ty::name(element.ty),
            shown()
        ))),
    }
}

/// The field's new value.
pub fn effect<'a>(site: &Site<'a>, operations: &[Operation]) -> Result<Effect<'a>> {
    let combined = |old| operations.iter().fold(old, |old, operation| operation.apply(old));
    let Some(current) = site.current else {
        return Ok(Effect::PutNumber(combined(Number::Int32(0))));
    };
    match current.as_number() {
        Some(old @ (Number::Int32(_) | Number::Int64(_))) => {
            let new = combined(old);
            Ok(if new.is_identical(old) { Effect::Keep } else { Effect::PutNumber(new) })
        }
        _ => Err(bad(format!(
            "Cannot apply $bit to a value of non-integral type.{} has the field {} of non-integer \
             type {}",
            text::id_of(site.doc),
            site.name(),
            ty::name(current.ty)
        ))),
    }
}

fn bad(message: impl Into<String>) -> Error {
    Error::refused(Reason::BadValue, message)
}
