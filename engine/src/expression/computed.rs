//! What an expression comes to, and how such values are made.
//!
//! C1. A value that is made takes memory of its own only if it is longer than
//!     [`SMALL_LEN_MAX`] bytes, and never more than [`VALUE_LEN_MAX`].

use std::borrow::Cow;

use crate::bson::builder::{Builder, Index};
use crate::bson::decimal::Decimal;
use crate::bson::element::{Elements, OwnedValue, Value, read_i64};
use crate::bson::number::Number;
use crate::bson::ty;
use crate::error::{Error, Reason, Result};

/// Longest value that is kept in place: a decimal.
const SMALL_LEN_MAX: usize = 16;
/// Longest value on the way to a result, bytes: arrays that are cut down again may be longer
/// than documents.
pub(crate) const VALUE_LEN_MAX: usize = 64 << 20;

/// A value, or that there is none.
#[derive(Debug, Clone)]
pub enum Computed<'a> {
    /// No such field.
    Missing,
    /// A value of the document, of a variable or of the expression itself.
    Borrowed(Value<'a>),
    /// A short value that was made: a number, a date, a boolean.
    Small(Small),
    /// A value that was made.
    Owned(OwnedValue),
}

/// A short value, in place.
#[derive(Debug, Clone, Copy)]
pub struct Small {
    ty: u8,
    len: u8,
    bytes: [u8; SMALL_LEN_MAX],
}

impl Small {
    fn new(ty: u8, value: &[u8]) -> Small {
        let mut bytes = [0; SMALL_LEN_MAX];
        bytes[..value.len()].copy_from_slice(value);
        Small { ty, len: value.len() as u8, bytes }
    }
}

impl<'a> Computed<'a> {
    /// The value, if there is one.
    pub fn as_value(&self) -> Option<Value<'_>> {
        match self {
            Computed::Missing => None,
            Computed::Borrowed(value) => Some(*value),
            Computed::Small(small) => {
                Some(Value { ty: small.ty, bytes: &small.bytes[..usize::from(small.len)] })
            }
            Computed::Owned(value) => Some(value.as_ref()),
        }
    }

    /// The value; null if there is none.
    pub fn or_null(&self) -> Value<'_> {
        self.as_value().unwrap_or(Value { ty: ty::NULL, bytes: &[] })
    }

    /// A copy of a value.
    pub fn copy_of(value: Value<'_>) -> Computed<'a> {
        match value.bytes.len() {
            0..=SMALL_LEN_MAX => Computed::Small(Small::new(value.ty, value.bytes)),
            _ => Computed::Owned(value.to_owned()),
        }
    }

    /// The same value, which borrows nothing.
    pub fn detach(self) -> Computed<'static> {
        match self {
            Computed::Missing => Computed::Missing,
            Computed::Borrowed(value) => Computed::copy_of(value),
            Computed::Small(small) => Computed::Small(small),
            Computed::Owned(value) => Computed::Owned(value),
        }
    }

    /// The value with memory of its own; null if there is none.
    pub fn into_owned(self) -> OwnedValue {
        match self {
            Computed::Owned(value) => value,
            other => other.or_null().to_owned(),
        }
    }

    /// Null.
    pub fn null() -> Computed<'a> {
        Computed::Small(Small::new(ty::NULL, &[]))
    }

    /// A boolean.
    pub fn bool(value: bool) -> Computed<'a> {
        Computed::Small(Small::new(ty::BOOL, &[u8::from(value)]))
    }

    /// A number.
    pub fn number(number: Number) -> Computed<'a> {
        let bytes = number.to_bytes();
        Computed::Small(Small::new(number.ty(), &bytes[..number.width()]))
    }

    /// A 32-bit integer.
    pub fn int(value: i32) -> Computed<'a> {
        Computed::number(Number::Int32(value))
    }

    /// A 64-bit integer.
    pub fn long(value: i64) -> Computed<'a> {
        Computed::number(Number::Int64(value))
    }

    /// A double.
    pub fn double(value: f64) -> Computed<'a> {
        Computed::number(Number::Double(value))
    }

    /// A decimal.
    pub fn decimal(value: Decimal) -> Computed<'a> {
        Computed::Small(Small::new(ty::DECIMAL128, &value.to_bytes()))
    }

    /// A date, milliseconds since the Unix epoch.
    pub fn date(ms: i64) -> Computed<'a> {
        Computed::Small(Small::new(ty::DATE, &ms.to_le_bytes()))
    }

    /// A string.
    pub fn string(text: &str) -> Computed<'a> {
        let mut bytes = Vec::with_capacity(text.len() + 5);
        bytes.extend_from_slice(&(text.len() as i32 + 1).to_le_bytes());
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(0);
        Computed::of(ty::STRING, bytes)
    }

    /// A value of these bytes.
    pub fn of(ty: u8, bytes: Vec<u8>) -> Computed<'a> {
        match bytes.len() {
            0..=SMALL_LEN_MAX => Computed::Small(Small::new(ty, &bytes)),
            _ => Computed::Owned(OwnedValue { ty, bytes: bytes.into_boxed_slice() }),
        }
    }

    /// Its type; `None` if there is no value.
    pub fn ty(&self) -> Option<u8> {
        self.as_value().map(|value| value.ty)
    }

    /// Its type's name, "missing" included.
    pub fn type_name(&self) -> &'static str {
        self.ty().map_or("missing", ty::name)
    }

    /// Is it null, undefined or missing?
    pub fn is_nullish(&self) -> bool {
        matches!(self.ty(), None | Some(ty::NULL | ty::UNDEFINED))
    }

    /// Is it an array?
    pub fn is_array(&self) -> bool {
        self.ty() == Some(ty::ARRAY)
    }

    /// Is it a number?
    pub fn is_number(&self) -> bool {
        matches!(self.ty(), Some(ty::INT32 | ty::INT64 | ty::DOUBLE | ty::DECIMAL128))
    }

    /// Is it true, as conditions have it?
    pub fn is_true(&self) -> bool {
        match self.as_value() {
            None => false,
            Some(Value { ty: ty::DECIMAL128, bytes }) => {
                let value = Value { ty: ty::DECIMAL128, bytes };
                !Decimal::of(value).is_some_and(|decimal| decimal.is_zero())
            }
            Some(value) => value.is_true(),
        }
    }

    /// Its text, if it is a string.
    pub fn as_text(&self) -> Option<Cow<'_, str>> {
        let value = self.as_value().filter(|v| matches!(v.ty, ty::STRING | ty::SYMBOL))?;
        let text = value.bytes.get(4..value.bytes.len().checked_sub(1)?)?;
        Some(String::from_utf8_lossy(text))
    }

    /// The number, but for decimals.
    pub fn as_number(&self) -> Option<Number> {
        self.as_value()?.as_number()
    }

    /// Milliseconds of a date.
    pub fn as_date(&self) -> Option<i64> {
        let value = self.as_value().filter(|value| value.ty == ty::DATE)?;
        read_i64(value.bytes)
    }

    /// Gives each element of an array, borrowed if the array is.
    pub fn each_element(&self, mut each: impl FnMut(Computed<'a>) -> Result<()>) -> Result<()> {
        match self {
            Computed::Borrowed(array) => {
                for element in Elements::new(array.bytes)? {
                    each(Computed::Borrowed(element?.val()))?;
                }
            }
            other => {
                for element in Elements::new(other.or_null().bytes)? {
                    each(Computed::copy_of(element?.val()))?;
                }
            }
        }
        Ok(())
    }

    /// The elements of an array.
    pub fn elements(&self) -> Result<Vec<Computed<'a>>> {
        let mut elements = vec![];
        self.each_element(|element| {
            elements.push(element);
            Ok(())
        })?;
        Ok(elements)
    }
}

/// Refuses a value that is too long to be made.
pub(crate) fn check_len(len: usize) -> Result<()> {
    if len > VALUE_LEN_MAX {
        let message = format!("a value of more than {VALUE_LEN_MAX} bytes cannot be made");
        return Err(Error::refused(Reason::BSONObjectTooLarge, message));
    }
    Ok(())
}

/// An array being made.
#[derive(Debug, Default)]
pub(crate) struct ArrayBuilder {
    builder: Builder,
    count: usize,
}

impl ArrayBuilder {
    pub fn push(&mut self, value: Value<'_>) -> Result<()> {
        check_len(self.builder.len() + value.bytes.len())?;
        self.builder.value(Index::new(self.count), value);
        self.count += 1;
        Ok(())
    }

    pub fn finish<'a>(self) -> Computed<'a> {
        Computed::of(ty::ARRAY, self.builder.finish())
    }
}

/// An array of these.
pub(crate) fn array_of<'a, 'v>(
    values: impl IntoIterator<Item = &'v Computed<'v>>,
) -> Result<Computed<'a>> {
    let mut array = ArrayBuilder::default();
    values.into_iter().try_for_each(|value| array.push(value.or_null()))?;
    Ok(array.finish())
}
