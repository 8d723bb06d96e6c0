//! `$unwind`: a document for each element of an array.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use super::chain::{Run, Sink};
use super::set_path::set_path;
use crate::bson::builder::Builder;
use crate::bson::element::{Elements, Value};
use crate::bson::field::FieldPath;
use crate::bson::number::Number;
use crate::bson::ty;
use crate::error::Result;
use crate::expression::{location, parse_path};

/// An `$unwind` as it is specified.
#[derive(Debug)]
pub(crate) struct Unwind {
    path: FieldPath,
    /// The field that is given each element's place.
    index: Option<Box<str>>,
    /// Does a document without elements go on?
    keeps_empty: bool,
}

impl Unwind {
    pub fn parse(value: Value<'_>) -> Result<Unwind> {
        let (mut path, mut index, mut keeps_empty) = (None, None, false);
        match value.ty {
            ty::STRING => path = value.as_str(),
            ty::DOCUMENT => {
                for element in Elements::new(value.bytes)? {
                    let element = element?;
                    let (value, name) = (element.val(), ty::name(element.ty));
                    match element.name {
                        b"path" => path = Some(text_of(value)?),
                        b"includeArrayIndex" => index = Some(index_name(value)?),
                        b"preserveNullAndEmptyArrays" if value.ty == ty::BOOL => {
                            keeps_empty = value.is_true();
                        }
                        b"preserveNullAndEmptyArrays" => {
                            let message = format!(
                                "expected a boolean for the preserveNullAndEmptyArrays option to \
                                 $unwind stage, got {name}"
                            );
                            return Err(location(28809, message));
                        }
                        _ => {
                            let name = element.name_lossy();
                            let message = format!("unrecognized option to $unwind stage: {name}");
                            return Err(location(28811, message));
                        }
                    }
                }
            }
            other => {
                let message = format!(
                    "expected either a string or an object as specification for $unwind stage, \
                     got {}",
                    ty::name(other)
                );
                return Err(location(15981, message));
            }
        }
        let Some(path) = path.filter(|path| !path.is_empty()) else {
            return Err(location(28812, "no path specified to $unwind stage"));
        };
        let Some(path) = path.strip_prefix('$') else {
            let message =
                format!("path option to $unwind stage should be prefixed with a '$': {path}");
            return Err(location(28818, message));
        };
        if path.is_empty() {
            return Err(location(40352, "FieldPath cannot be constructed with empty string"));
        }
        Ok(Unwind { path: parse_path(path)?, index: index.map(Into::into), keeps_empty })
    }

    pub fn start(self: &Arc<Self>) -> Box<dyn Run> {
        Box::new(UnwindRun { spec: self.clone(), left: VecDeque::new() })
    }
}

fn text_of(value: Value<'_>) -> Result<&str> {
    value.as_str().ok_or_else(|| {
        let name = ty::name(value.ty);
        let message = format!("expected a string as the path for $unwind stage, got {name}");
        location(28808, message)
    })
}

fn index_name(value: Value<'_>) -> Result<&str> {
    let Some(name) = value.as_str().filter(|name| !name.is_empty()) else {
        let message = format!(
            "expected a non-empty string for the includeArrayIndex  option to $unwind stage, got \
             {}",
            ty::name(value.ty)
        );
        return Err(location(28810, message));
    };
    if name.starts_with('$') {
        let message = format!(
            "includeArrayIndex option to $unwind stage should not be prefixed with a '$': {name}"
        );
        return Err(location(28822, message));
    }
    parse_path(name)?;
    Ok(name)
}

#[derive(Debug)]
struct UnwindRun {
    spec: Arc<Unwind>,
    /// Documents whose elements have not all come out.
    left: VecDeque<Unwinding>,
}

/// A document, and the elements of its array.
#[derive(Debug)]
struct Unwinding {
    doc: Vec<u8>,
    /// Types, and where in the document the values are.
    elements: Vec<(u8, Range<usize>)>,
    /// How many have come out.
    given: usize,
}

impl Run for UnwindRun {
    fn push(&mut self, doc: Vec<u8>, out: &mut dyn Sink) -> Result<()> {
        let spec = &self.spec;
        match find(&doc, &spec.path)? {
            Some((Value { ty: ty::ARRAY, bytes }, ofs)) => {
                let elements = Elements::new(bytes)?.map(|element| {
                    let element = element?;
                    let start = ofs + element.value_ofs;
                    Ok((element.ty, start..start + element.value.len()))
                });
                let elements = elements.collect::<Result<Vec<_>>>()?;
                if !elements.is_empty() {
                    self.left.push_back(Unwinding { doc, elements, given: 0 });
                } else if spec.keeps_empty {
                    let without = with(&doc, &spec.path, 0, None)?;
                    out.accept(self.indexed(without, None)?)?;
                }
                Ok(())
            }
            None | Some((Value { ty: ty::NULL | ty::UNDEFINED, .. }, _)) if !spec.keeps_empty => {
                Ok(())
            }
            _ => out.accept(self.indexed(doc, None)?),
        }
    }

    fn more(&mut self, out: &mut dyn Sink) -> Result<bool> {
        let Some(first) = self.left.front_mut() else { return Ok(false) };
        let Some((ty, range)) = first.elements.get(first.given).cloned() else {
            self.left.pop_front();
            return Ok(true);
        };
        let value = Value { ty, bytes: &first.doc[range] };
        let one = with(&first.doc, &self.spec.path, 0, Some(value))?;
        let place = first.given as i64;
        first.given += 1;
        out.accept(self.indexed(one, Some(place))?).map(|()| true)
    }
}

impl UnwindRun {
    /// The document with the place of its element.
    fn indexed(&self, doc: Vec<u8>, index: Option<i64>) -> Result<Vec<u8>> {
        let Some(name) = &self.spec.index else { return Ok(doc) };
        let number = index.map(|index| Number::Int64(index).to_bytes());
        let value = match &number {
            Some(bytes) => Value { ty: ty::INT64, bytes },
            None => Value { ty: ty::NULL, bytes: &[] },
        };
        set_path(&doc, name, value)
    }
}

/// What a path leads to, through documents only, and its offset.
fn find<'a>(doc: &'a [u8], path: &FieldPath) -> Result<Option<(Value<'a>, usize)>> {
    let (mut doc, mut ofs) = (doc, 0);
    for depth in 0..path.depth() {
        let found = crate::bson::element::get(doc, path.component(depth))?;
        match found {
            Some(found) if depth + 1 == path.depth() => {
                return Ok(Some((found.val(), ofs + found.value_ofs)));
            }
            Some(found) if found.ty == ty::DOCUMENT => {
                doc = found.value;
                ofs += found.value_ofs;
            }
            _ => return Ok(None),
        }
    }
    Ok(None)
}

/// The document with another value at a path that is there, or without it.
fn with(doc: &[u8], path: &FieldPath, depth: usize, value: Option<Value<'_>>) -> Result<Vec<u8>> {
    let mut out = Builder::with_capacity(doc.len());
    for element in Elements::new(doc)? {
        let element = element?;
        if element.name != path.component(depth).as_bytes() {
            out.element(&element);
        } else if depth + 1 < path.depth() && element.ty == ty::DOCUMENT {
            out.document(element.name, &with(element.value, path, depth + 1, value)?);
        } else if let Some(value) = value {
            out.value(element.name, value);
        }
    }
    Ok(out.finish())
}
