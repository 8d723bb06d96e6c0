//! Documents: `$mergeObjects`, `$objectToArray`, `$arrayToObject`.

use super::computed::{ArrayBuilder, Computed, check_len};
use super::node::{Frame, Node};
use super::operator::{Operator, Takes};
use super::parse::location;
use crate::bson::builder::Builder;
use crate::bson::element::{Elements, OwnedValue, Value};
use crate::bson::{text, ty};
use crate::error::{Error, Result};

pub(super) const OPERATORS: &[Operator] = &[
    Operator::all("$mergeObjects", Takes::Any, merge),
    Operator::one("$objectToArray", to_array),
    Operator::one("$arrayToObject", from_array),
];

/// Fields of several documents: the last one of a name, in the place of the first.
#[derive(Debug, Default)]
pub(crate) struct Merge {
    fields: Vec<(Box<[u8]>, OwnedValue)>,
    /// Where a name is, once there are many.
    places: std::collections::HashMap<Box<[u8]>, usize, foldhash::fast::RandomState>,
    len: usize,
}

impl Merge {
    pub fn set(&mut self, name: &[u8], value: Value<'_>) -> Result<()> {
        self.len += name.len() + value.bytes.len() + 2;
        check_len(self.len)?;
        match self.places.get(name) {
            Some(place) => self.fields[*place].1 = value.to_owned(),
            None => {
                self.places.insert(name.into(), self.fields.len());
                self.fields.push((name.into(), value.to_owned()));
            }
        }
        Ok(())
    }

    /// Adds a document's fields, and refuses what is neither a document nor null.
    pub fn add(&mut self, value: &Computed<'_>) -> Result<()> {
        match value.as_value() {
            None | Some(Value { ty: ty::NULL | ty::UNDEFINED, .. }) => Ok(()),
            Some(Value { ty: ty::DOCUMENT, bytes }) => {
                for element in Elements::new(bytes)? {
                    let element = element?;
                    self.set(element.name, element.val())?;
                }
                Ok(())
            }
            Some(other) => {
                let message = format!(
                    "$mergeObjects requires object inputs, but input {} is of type {}",
                    text::value(other),
                    ty::name(other.ty)
                );
                Err(location(40400, message))
            }
        }
    }

    /// Bytes that it takes, about.
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn document<'a>(&self) -> Computed<'a> {
        let mut out = Builder::with_capacity(self.len + 5);
        for (name, value) in &self.fields {
            out.value(name, value.as_ref());
        }
        Computed::of(ty::DOCUMENT, out.finish())
    }
}

fn merge<'a>(args: &'a [Node], frame: &mut Frame<'a>) -> Result<Computed<'a>> {
    let mut merge = Merge::default();
    for arg in args {
        let value = arg.eval(frame)?;
        // One argument may be an array of documents.
        if args.len() == 1 && value.is_array() {
            value.each_element(|element| merge.add(&element))?;
        } else {
            merge.add(&value)?;
        }
    }
    Ok(merge.document())
}

fn to_array<'a>(value: Computed<'a>) -> Result<Computed<'a>> {
    if value.is_nullish() {
        return Ok(Computed::null());
    }
    if value.ty() != Some(ty::DOCUMENT) {
        let name = value.type_name();
        let message = format!("$objectToArray requires a document input, found: {name}");
        return Err(location(40390, message));
    }
    let mut out = ArrayBuilder::default();
    for element in Elements::new(value.or_null().bytes)? {
        let element = element?;
        let mut pair = Builder::new();
        pair.str("k", &element.name_lossy()).value("v", element.val());
        out.push(Value { ty: ty::DOCUMENT, bytes: &pair.finish() })?;
    }
    Ok(out.finish())
}

fn from_array<'a>(value: Computed<'a>) -> Result<Computed<'a>> {
    if value.is_nullish() {
        return Ok(Computed::null());
    }
    if !value.is_array() {
        let name = value.type_name();
        let message = format!("$arrayToObject requires an array input, found: {name}");
        return Err(location(40386, message));
    }
    let mut merge = Merge::default();
    let mut first = None;
    for element in Elements::new(value.or_null().bytes)? {
        let element = element?.val();
        let (key, value) = match (*first.get_or_insert(element.ty), element.ty) {
            (ty::ARRAY, ty::ARRAY) => pair_of_array(element)?,
            (ty::DOCUMENT, ty::DOCUMENT) => pair_of_document(element)?,
            (ty::ARRAY, other) => return Err(inconsistent(40396, "Array", other)),
            (ty::DOCUMENT, other) => return Err(inconsistent(40391, "Object", other)),
            (other, _) => {
                let name = ty::name(other);
                let message = format!("Unrecognised input type format for $arrayToObject: {name}");
                return Err(location(40398, message));
            }
        };
        merge.set(key.as_bytes(), value)?;
    }
    Ok(merge.document())
}

fn inconsistent(code: i32, first: &str, now: u8) -> Error {
    let message = format!(
        "$arrayToObject requires a consistent input format. Elements mustall be arrays or all be \
         objects. {first} was detected, now found: {}",
        ty::name(now)
    );
    location(code, message)
}

/// A key that can be the name of a field.
fn key_of<'v>(value: Value<'v>, codes: (i32, i32), before: &str) -> Result<&'v str> {
    let Some(key) = value.as_str() else {
        return Err(location(codes.0, format!("{before}{}", ty::name(value.ty))));
    };
    if key.contains('\0') {
        return Err(location(codes.1, "Key field cannot contain an embedded null byte"));
    }
    Ok(key)
}

fn pair_of_array(array: Value<'_>) -> Result<(&str, Value<'_>)> {
    let parts = Elements::new(array.bytes)?.collect::<Result<Vec<_>>>()?;
    let [key, value] = &parts[..] else {
        let message = format!(
            "$arrayToObject requires an array of size 2 arrays,found array of size: {}",
            parts.len()
        );
        return Err(location(40397, message));
    };
    let before = "$arrayToObject requires an array of key-value pairs, where the key must be of \
                  type string. Found key type: ";
    Ok((key_of(key.val(), (40395, 4_940_400), before)?, value.val()))
}

fn pair_of_document(document: Value<'_>) -> Result<(&str, Value<'_>)> {
    let parts = Elements::new(document.bytes)?.collect::<Result<Vec<_>>>()?;
    if parts.len() != 2 {
        let message = format!(
            "$arrayToObject requires an object keys of 'k' and 'v'. Found incorrect number of \
             keys:{}",
            parts.len()
        );
        return Err(location(40392, message));
    }
    let part = |name: &[u8]| parts.iter().find(|part| part.name == name).map(|part| part.val());
    let (Some(key), Some(value)) = (part(b"k"), part(b"v")) else {
        let message = format!(
            "$arrayToObject requires an object with keys 'k' and 'v'. Missing either or both keys \
             from: {}",
            text::value(document)
        );
        return Err(location(40393, message));
    };
    let before = "$arrayToObject requires an object with keys 'k' and 'v', where the value of 'k' \
                  must be of type string. Found type: ";
    Ok((key_of(key, (40394, 4_940_401), before)?, value))
}
