//! Makes the document of an upsert that found none, and readies documents for insertion.

use std::borrow::Cow;

use super::apply::Context;
use super::field_order::FieldOrder;
use super::indexed_paths::IndexedPaths;
use super::operators::{Effect, Update};
use super::path_tree::PathTree;
use super::rebuild::rebuild;
use super::replacement::{append_stamped, is_empty_timestamp};
use super::storage_names;
use crate::bson::builder::Builder;
use crate::bson::document;
use crate::bson::element::{Elements, OwnedValue, Value, get};
use crate::bson::field::FieldPath;
use crate::bson::ty;
use crate::error::{Error, Reason, Result};

/// An upsert that matched nothing.
#[derive(Debug, Clone, Copy)]
pub struct Upsert<'a> {
    /// The fields that the filter wants equal, from [`crate::query::Filter::equalities`].
    pub equalities: &'a [(&'a FieldPath, Value<'a>)],
    /// What is to be done to the document.
    pub update: &'a Update,
    /// The document, without `_id`, that operators start from. Replacements ignore it.
    pub template: Option<&'a [u8]>,
    /// The `_id` if neither filter nor update give one.
    pub new_id: [u8; 12],
    /// Takes the place of empty timestamps at the top level, as its 64 bits are stored.
    pub timestamp: u64,
    /// The time of the update, milliseconds since the Unix epoch.
    pub now_ms: i64,
    /// The order in which new fields are made.
    pub field_order: FieldOrder,
    /// Variables of a pipeline.
    pub variables: &'a [(String, OwnedValue)],
}

impl Upsert<'_> {
    /// The document to insert: `_id`, the filter's fields, the template's, then what the
    /// operators add. A field of the template that the filter sets keeps the template's place.
    pub fn document(&self) -> Result<Vec<u8>> {
        let doc = match self.update {
            Update::Replace(replacement) => {
                let id = self.equalities.iter().find(|(path, _)| path.is_id());
                if let Some((path, _)) = id.filter(|(path, _)| path.depth() > 1) {
                    let message = format!(
                        "field at '_id' must be exactly specified, field at sub-path '{path}'found"
                    );
                    return Err(Error::refused(Reason::NotExactValueField, message));
                }
                if let Some(id) = replacement.id()?.or(id.map(|(_, value)| *value)) {
                    check_no_array(id)?;
                }
                replacement.with_id(id.map(|(_, value)| *value), self.timestamp)?
            }
            Update::Modify(_) | Update::Pipeline(_) => {
                let start = self.start()?;
                let indexed = &IndexedPaths::NONE;
                let context = Context {
                    timestamp: self.timestamp,
                    now_ms: self.now_ms,
                    inserting: true,
                    field_order: self.field_order,
                    variables: self.variables,
                    ..Context::new(indexed)
                };
                let doc = self.update.apply(&start, &context)?.mutation.into_document(start);
                if let (Update::Pipeline(_), Some(id)) = (self.update, get(&doc, "_id")?) {
                    check_no_array(id.val())?;
                }
                doc
            }
        };
        Ok(prepare_insert(&doc, self.new_id, self.timestamp)?.into_owned())
    }

    /// What the operators start from.
    fn start(&self) -> Result<Vec<u8>> {
        let template = self.template.unwrap_or(&[5, 0, 0, 0, 0]);
        let (mut ids, mut before, mut inside) = (vec![], vec![], vec![]);
        let mut equalities: Vec<_> = self.equalities.iter().collect();
        if self.field_order != FieldOrder::Document {
            // By the whole path, even where numbers have an order of their own.
            equalities.sort_by(|(a, _), (b, _)| a.as_str().cmp(b.as_str()));
        }
        for equality in equalities {
            let name = equality.0.component(0);
            match name {
                "" if equality.0.depth() == 1 => {
                    let message = "Cannot call setValue on the root object";
                    return Err(Error::refused(Reason::IllegalOperation, message));
                }
                "_id" => ids.push(equality),
                _ if get(template, name)?.is_some() => inside.push(equality),
                _ => before.push(equality),
            }
        }
        let empty = Builder::new().finish();
        let mut out = Builder::with_capacity(template.len() + 256);
        out.raw(elements(&with(&empty, &ids)?)).raw(elements(&with(&empty, &before)?));
        out.raw(elements(&with(template, &inside)?));
        Ok(out.finish())
    }
}

/// Refuses an array as the `_id` that an upsert comes to.
fn check_no_array(id: Value<'_>) -> Result<()> {
    if id.ty != ty::ARRAY {
        return Ok(());
    }
    let message = "After applying the update to the document, the (immutable) field '_id' was \
                   found to be an array or array descendant.";
    Err(Error::refused(Reason::NotSingleValueField, message))
}

/// The elements of a whole document, between its length and its terminator.
fn elements(doc: &[u8]) -> &[u8] {
    &doc[4..doc.len() - 1]
}

/// `doc` with the fields of `equalities` set.
fn with(doc: &[u8], equalities: &[&(&FieldPath, Value<'_>)]) -> Result<Vec<u8>> {
    let mut tree = PathTree::default();
    for (i, (path, _)) in equalities.iter().enumerate() {
        tree.insert(path, i)?;
    }
    let (places, _) = tree.locate(doc, equalities.len())?;
    for ((path, _), place) in equalities.iter().zip(places) {
        if let super::path_tree::Place::Blocked { .. } = place {
            let message = format!("the template has no room for the filter's field '{path}'");
            return Err(Error::refused(Reason::PathNotViable, message));
        }
    }
    let effects: Vec<_> = equalities.iter().map(|(_, value)| Effect::Put(*value)).collect();
    rebuild(doc, &tree, &effects, FieldOrder::Document)
}

/// The checked document `doc` as it is inserted: `_id` first, made of `new_id` if it has none;
/// empty timestamps at the top level filled. Refuses an `_id` and names that may not be stored.
pub fn prepare_insert(doc: &[u8], new_id: [u8; 12], timestamp: u64) -> Result<Cow<'_, [u8]>> {
    document::check_len(doc.len())?;
    let mut id = None;
    let mut as_it_is = true;
    for (i, element) in Elements::new(doc)?.enumerate() {
        let element = element?;
        if element.name == b"_id" && id.is_none() {
            storage_names::check_id(element.val())?;
            as_it_is &= i == 0;
            id = Some(element);
            continue;
        }
        if element.name == b"_id" {
            let message = "can't have multiple _id fields in one document";
            return Err(Error::refused(Reason::BadValue, message));
        }
        as_it_is &= !is_empty_timestamp(&element);
    }
    if as_it_is && id.is_some() {
        return Ok(Cow::Borrowed(doc));
    }
    let mut out = Builder::with_capacity(doc.len() + 32);
    match &id {
        Some(id) => out.element(id),
        None => out.object_id("_id", new_id),
    };
    for element in Elements::new(doc)? {
        let element = element?;
        if id.as_ref().is_none_or(|id| id.ofs != element.ofs) {
            append_stamped(&mut out, &element, timestamp);
        }
    }
    let doc = out.finish();
    document::check_len(doc.len())?;
    Ok(Cow::Owned(doc))
}
