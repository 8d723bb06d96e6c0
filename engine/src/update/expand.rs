//! Paths whose places a document decides become plain paths of that document.
//!
//! X1. What comes out is again a list of operators on paths that exclude each other; of one
//!     operator there are as many as places, in the order of the places.

use super::array_filters::ArrayFilters;
use super::operators::{Modifier, Modifiers};
use super::path_tree::PathTree;
use super::update_path::array_filter;
use crate::bson::builder::Index;
use crate::bson::element::{Elements, Value, get};
use crate::bson::field::FieldPath;
use crate::bson::{text, ty};
use crate::error::{Error, Reason, Result};

impl Modifiers {
    /// The operators as they are for the document `doc`, of which the filter matched the element
    /// at `position` of an array; and what is wrong with paths, and where.
    pub(super) fn expand(
        &self,
        doc: &[u8],
        position: Option<u32>,
    ) -> Result<(Modifiers, Vec<(String, Error)>)> {
        let (tree, filters) = (&self.tree, &self.array_filters);
        let (wrapped, found, wrong) = (vec![], vec![], vec![]);
        let mut walk = Walk { tree, filters, position, wrapped, found, wrong };
        let root = Value { ty: ty::DOCUMENT, bytes: doc };
        walk.node(PathTree::ROOT, Some(root), &mut String::new())?;
        // Stable: the places of one operator stay in their order.
        walk.found.sort_by_key(|(operator, _)| *operator);
        let mut expanded = Modifiers::default();
        for (operator, path) in walk.found {
            let path = FieldPath::parse(&path)?;
            let action = self.list[operator].action.clone();
            match expanded.tree.try_insert(&path, expanded.list.len()) {
                Ok(()) => expanded.list.push(Modifier { path, action }),
                Err(depth) => walk.wrong.push(conflict(path.prefix(depth))),
            }
        }
        Ok((expanded, walk.wrong))
    }
}

struct Walk<'a> {
    tree: &'a PathTree,
    filters: &'a ArrayFilters,
    position: Option<u32>,
    /// A buffer.
    wrapped: Vec<u8>,
    /// Operators and their paths.
    found: Vec<(usize, String)>,
    wrong: Vec<(String, Error)>,
}

impl Walk<'_> {
    /// The paths of the operators at and below node `id`, which is the field `path` of the
    /// document, whose value this is. Depth is bounded by the longest path.
    fn node(&mut self, id: usize, value: Option<Value<'_>>, path: &mut String) -> Result<()> {
        let tree = self.tree;
        let node = tree.node(id);
        if let Some(operator) = node.operator {
            self.found.push((operator, path.clone()));
            return Ok(());
        }
        let len = path.len();
        for &child in &node.children {
            let name = tree.node(child).name();
            if let Some(identifier) = array_filter(name) {
                self.elements(child, identifier, value, path)?;
                continue;
            }
            let digits;
            let name = match (name, self.position) {
                ("$", Some(position)) => {
                    digits = position.to_string();
                    if let Some(other) = tree.child_named(id, digits.as_bytes()) {
                        let place = format!("{path}.{digits}");
                        self.check_merge(child, node.children[other], &place, &place);
                    }
                    &digits
                }
                ("$", None) => {
                    self.wrong.push((path.clone(), no_match()));
                    continue;
                }
                _ => name,
            };
            let below = match value {
                Some(value) => field(value, name)?,
                None => None,
            };
            append(path, name);
            self.node(child, below, path)?;
            path.truncate(len);
        }
        Ok(())
    }

    /// Two nodes are one field, `path`: what is below them must exclude each other. They met at
    /// `place`.
    fn check_merge(&mut self, a: usize, b: usize, path: &str, place: &str) {
        let (kind, other_kind) = (self.tree.has_filters(a), self.tree.has_filters(b));
        // Without anything below there is an operator.
        if kind.is_none() || kind != other_kind {
            let (_, error) = conflict(path);
            self.wrong.push((place.to_owned(), error));
            return;
        }
        for &child in &self.tree.node(a).children {
            let name = self.tree.node(child).name();
            if let Some(position) = self.tree.child_named(b, name.as_bytes()) {
                let other = self.tree.node(b).children[position];
                self.check_merge(child, other, &format!("{path}.{name}"), place);
            }
        }
    }

    /// The same for every element of the array `value` that node `id` stands for.
    fn elements(
        &mut self,
        id: usize,
        identifier: &str,
        value: Option<Value<'_>>,
        path: &mut String,
    ) -> Result<()> {
        let array = match value {
            Some(value) if value.ty == ty::ARRAY => value,
            Some(value) => {
                let name = path.rsplit('.').next().unwrap_or_default();
                let shown = text::named(name.as_bytes(), value);
                let message = format!("Cannot apply array updates to non-array element {shown}");
                self.wrong.push((path.clone(), Error::refused(Reason::BadValue, message)));
                return Ok(());
            }
            None => {
                let message = format!(
                    "The path '{path}' must exist in the document in order to apply array updates."
                );
                self.wrong.push((path.clone(), Error::refused(Reason::BadValue, message)));
                return Ok(());
            }
        };
        let len = path.len();
        for (i, element) in Elements::new(array.bytes)?.enumerate() {
            let element = element?.val();
            if self.filters.matches(identifier, element, &mut self.wrapped)? {
                append(path, &i.to_string());
                self.node(id, Some(element), path)?;
                path.truncate(len);
            }
        }
        Ok(())
    }
}

fn append(path: &mut String, name: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(name);
}

/// The value below, in a document or in a place of an array.
fn field<'a>(value: Value<'a>, name: &str) -> Result<Option<Value<'a>>> {
    match value.ty {
        ty::DOCUMENT => Ok(get(value.bytes, name)?.map(|element| element.val())),
        ty::ARRAY => {
            for (i, element) in Elements::new(value.bytes)?.enumerate() {
                let element = element?;
                if Index::new(i).as_ref() == name.as_bytes() {
                    return Ok(Some(element.val()));
                }
            }
            Ok(None)
        }
        _ => Ok(None),
    }
}

fn no_match() -> Error {
    let message = "The positional operator did not find the match needed from the query.";
    Error::refused(Reason::BadValue, message)
}

fn conflict(path: &str) -> (String, Error) {
    let message = format!("Update created a conflict at '{path}'");
    (path.to_owned(), Error::refused(Reason::ConflictingUpdateOperators, message))
}
