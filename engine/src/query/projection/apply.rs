//! Applies a projection to the bytes of a document.
//!
//! A1. Recursion is bounded by the nesting of documents that may be stored.

use super::slice::Slice;
use super::tree::{Mode, Node, Rule};
use crate::bson::builder::{Builder, Index};
use crate::bson::element::{Element, Elements, Value};
use crate::bson::{document, ty};
use crate::error::{Error, Reason, Result};
use crate::expression::{Expression, Variables};
use crate::limits::NESTING_MAX;
use crate::query::filter::Test;
use crate::query::matcher::first_match;

/// A projection on its way through one document.
pub(super) struct Application<'a, 'v> {
    /// The whole document, which expressions read.
    pub(super) doc: &'a [u8],
    pub(super) mode: Mode,
    /// What a positional `$` stands for.
    pub(super) position: Option<u32>,
    pub(super) vars: &'v Variables<'a>,
}

/// Where the walk is.
#[derive(Debug, Clone, Copy)]
struct At {
    /// Levels that it may still go down.
    levels_left: usize,
    /// Is it in an array that lies in an array? `$slice` does not go there.
    in_nested_array: bool,
    /// Was the array met that a positional `$` picks from?
    picked: bool,
}

impl At {
    fn down(self) -> Result<At> {
        let too_deep = Error::InvalidBson { at: 0, rule: "documents nest too deeply" };
        Ok(At { levels_left: self.levels_left.checked_sub(1).ok_or(too_deep)?, ..self })
    }
}

impl<'a> Application<'a, '_> {
    /// What is left of the document.
    pub(super) fn run(&self, root: &'a Node) -> Result<Vec<u8>> {
        let capacity = if self.mode == Mode::Exclusion { self.doc.len() } else { 256 };
        let mut out = Builder::with_capacity(capacity.min(self.doc.len()) + 64);
        let levels_left = NESTING_MAX + 2;
        let at = At { levels_left, in_nested_array: false, picked: false };
        self.fields(root, self.doc, &mut out, at)?;
        Ok(out.finish())
    }

    /// Writes what is left of the fields of `doc`.
    fn fields(&self, node: &'a Node, doc: &[u8], out: &mut Builder, at: At) -> Result<()> {
        // Which rules were done with, where those that were not still have something to add.
        let mut done = if node.has_behind { vec![false; node.rules().len()] } else { vec![] };
        for element in Elements::new(doc)? {
            let element = element?;
            let Some(place) = node.place(element.name) else {
                if self.mode == Mode::Exclusion {
                    out.element(&element);
                }
                continue;
            };
            let written = self.field(&node.rules()[place].rule, &element, out, at)?;
            if written && let Some(done) = done.get_mut(place) {
                *done = true;
            }
        }
        if node.has_behind {
            self.behind(node, out, &done, at)?;
        }
        Ok(())
    }

    /// Writes what is left of one field; is that all that its rule does?
    fn field(
        &self,
        rule: &'a Rule,
        element: &Element<'_>,
        out: &mut Builder,
        at: At,
    ) -> Result<bool> {
        match rule {
            Rule::Include => {
                out.element(element);
            }
            Rule::Exclude => {}
            Rule::Slice(slice) if element.ty == ty::ARRAY && !at.in_nested_array => {
                sliced(*slice, element, out)?;
            }
            Rule::Slice(_) => {
                out.element(element);
            }
            Rule::Positional if element.ty == ty::ARRAY && !at.picked => {
                let picked = self.pick(element.value)?;
                out.begin(ty::ARRAY, element.name).value(Index::new(0), picked).end();
            }
            Rule::Positional => {
                out.element(element);
            }
            Rule::ElemMatch(test) if self.mode == Mode::Exclusion => {
                elem_match(test, element, out)?;
            }
            // It comes behind, and so does what is computed.
            Rule::ElemMatch(_) | Rule::Computed(_) => return Ok(false),
            Rule::Below(node) => return self.below(node, element, out, at),
        }
        Ok(true)
    }

    fn below(
        &self,
        node: &'a Node,
        element: &Element<'_>,
        out: &mut Builder,
        at: At,
    ) -> Result<bool> {
        match element.ty {
            ty::DOCUMENT => {
                out.begin(ty::DOCUMENT, element.name);
                self.fields(node, element.value, out, at.down()?)?;
                out.end();
            }
            ty::ARRAY if node.has_positional && !at.picked => {
                let picked = self.pick(element.value)?;
                out.begin(ty::ARRAY, element.name);
                let at = At { picked: true, ..at.down()? };
                self.array_element(node, 0, picked, out, at)?;
                out.end();
            }
            ty::ARRAY => {
                out.begin(ty::ARRAY, element.name);
                self.array(node, element.value, out, at.down()?)?;
                out.end();
            }
            // Replaced by what is computed below it, if there is anything.
            _ if node.has_computed => {
                out.begin(ty::DOCUMENT, element.name);
                self.behind(node, out, &[], at.down()?)?;
                out.end();
            }
            _ if self.mode == Mode::Inclusion => {}
            _ => {
                out.element(element);
            }
        }
        Ok(true)
    }

    fn array(&self, node: &'a Node, array: &[u8], out: &mut Builder, at: At) -> Result<()> {
        let mut count = 0;
        for element in Elements::new(array)? {
            if self.array_element(node, count, element?.val(), out, at)? {
                count += 1;
            }
        }
        Ok(())
    }

    /// Writes what is left of an array's element, as element `place`; is anything?
    fn array_element(
        &self,
        node: &'a Node,
        place: usize,
        value: Value<'_>,
        out: &mut Builder,
        at: At,
    ) -> Result<bool> {
        let name = Index::new(place);
        match value.ty {
            ty::DOCUMENT => {
                out.begin(ty::DOCUMENT, name);
                self.fields(node, value.bytes, out, at.down()?)?;
                out.end();
            }
            ty::ARRAY => {
                out.begin(ty::ARRAY, name);
                let at = At { in_nested_array: true, ..at.down()? };
                self.array(node, value.bytes, out, at)?;
                out.end();
            }
            _ if self.mode == Mode::Exclusion => {
                out.value(name, value);
            }
            _ if node.has_computed => {
                out.begin(ty::DOCUMENT, name);
                self.behind(node, out, &[], at.down()?)?;
                out.end();
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Writes what comes behind the fields that are kept: what is computed, and the elements
    /// that `$elemMatch` found.
    fn behind(&self, node: &'a Node, out: &mut Builder, done: &[bool], at: At) -> Result<()> {
        for (place, named) in node.rules().iter().enumerate() {
            if done.get(place) == Some(&true) {
                continue;
            }
            match &named.rule {
                Rule::Computed(expression) => self.compute(expression, named.name(), out)?,
                Rule::Below(below) if below.has_computed => {
                    out.begin(ty::DOCUMENT, named.name());
                    self.behind(below, out, &[], at.down()?)?;
                    out.end();
                }
                Rule::ElemMatch(test) if self.mode == Mode::Inclusion => {
                    for element in Elements::new(self.doc)? {
                        let element = element?;
                        if element.name == named.name() {
                            elem_match(test, &element, out)?;
                            break;
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn compute(&self, expression: &'a Expression, name: &[u8], out: &mut Builder) -> Result<()> {
        let computed = expression.evaluate(self.doc, self.vars)?;
        if let Some(value) = computed.as_value() {
            document::check_depth(out.depth(), value)?;
            document::check_len(out.len() + value.bytes.len())?;
            out.value(name, value);
        }
        Ok(())
    }

    /// The element of an array that a positional `$` stands for.
    fn pick<'d>(&self, array: &'d [u8]) -> Result<Value<'d>> {
        let refused = |code, what| {
            let message = format!("positional operator '.$' {what}");
            Err(Error::refused(Reason::Location(code), message))
        };
        let Some(position) = self.position else {
            return refused(51246, "couldn't find a matching element in the array");
        };
        match Elements::new(array)?.nth(position as usize) {
            Some(element) => Ok(element?.val()),
            None => refused(51247, "element mismatch"),
        }
    }
}

fn elem_match(test: &Test, element: &Element<'_>, out: &mut Builder) -> Result<()> {
    if element.ty != ty::ARRAY {
        return Ok(());
    }
    if let Some((_, value)) = first_match(test, element.value)? {
        out.begin(ty::ARRAY, element.name).value(Index::new(0), value).end();
    }
    Ok(())
}

fn sliced(slice: Slice, element: &Element<'_>, out: &mut Builder) -> Result<()> {
    let len = Elements::new(element.value)?.count();
    let (start, end) = slice.range(len);
    out.begin(ty::ARRAY, element.name);
    for (place, one) in Elements::new(element.value)?.enumerate().take(end).skip(start) {
        out.value(Index::new(place - start), one?.val());
    }
    out.end();
    Ok(())
}
