//! Runs an update on a document and decides how its bytes change (format, §8.1).
//!
//! In place, if every field that changes is there, keeps its number of bytes, and cannot be
//! part of an index key; else the document is written anew.

use super::indexed_paths::IndexedPaths;
use super::mutation::{Damages, Mutation};
use super::operators::{Effect, Modifier, Modifiers, Site, Update};
use super::path_tree::Place;
use super::rebuild::rebuild;
use crate::bson::document::doc_len;
use crate::bson::element::{OwnedValue, Value};
use crate::bson::field::{FieldSpan, Skips};
use crate::bson::{text, ty};
use crate::error::{Error, Reason, Result};

/// What an update must know besides the document.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Paths whose change concerns the indexes.
    pub indexed: &'a IndexedPaths,
    /// Takes the place of an empty timestamp in a replacement, as its 64 bits are stored.
    pub timestamp: u64,
    /// Does the document come into being by this update?
    pub inserting: bool,
}

/// What an update did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// How the bytes change.
    pub mutation: Mutation,
    /// What was passed over to find the fields, all operators together.
    pub skips: Skips,
    /// Might index keys have changed? Then old and new keys are to be compared.
    pub touches_indexes: bool,
}

impl Update {
    /// Applies it to the document at the start of `doc`, which is left as it is. What follows
    /// the document, such as a record's padding, is ignored.
    pub fn apply(&self, doc: &[u8], context: &Context<'_>) -> Result<Applied> {
        let doc = &doc[..doc_len(doc)?];
        match self {
            Update::Modify(modifiers) => modifiers.apply(doc, context),
            Update::Replace(replacement) => {
                let new = replacement.over(doc, context.timestamp)?;
                let unchanged = new == doc;
                let mutation = if unchanged { Mutation::Nothing } else { Mutation::Regrow(new) };
                Ok(Applied { mutation, skips: Skips::default(), touches_indexes: !unchanged })
            }
        }
    }
}

impl Modifiers {
    fn apply(&self, doc: &[u8], context: &Context<'_>) -> Result<Applied> {
        let (places, skips) = self.tree.locate(doc, self.list.len())?;
        let mut effects = Vec::with_capacity(self.list.len());
        let mut touches_indexes = false;
        for (modifier, place) in self.list.iter().zip(&places) {
            let effect = self.effect(modifier, place, doc, context)?;
            if effect != Effect::Keep {
                touches_indexes |= context.indexed.might_be_indexed(&modifier.path);
            }
            effects.push(effect);
        }
        let mutation = if effects.iter().all(|effect| *effect == Effect::Keep) {
            Mutation::Nothing
        } else if touches_indexes {
            Mutation::Regrow(rebuild(doc, &self.tree, &effects)?)
        } else {
            match damages(doc, &places, &effects) {
                // No byte may change: null takes the place of null, and that counts as a change.
                Some(damages) => Mutation::InPlace(damages),
                None => Mutation::Regrow(rebuild(doc, &self.tree, &effects)?),
            }
        };
        Ok(Applied { mutation, skips, touches_indexes })
    }

    fn effect<'a>(
        &'a self,
        modifier: &'a Modifier,
        place: &Place,
        doc: &[u8],
        context: &Context<'_>,
    ) -> Result<Effect<'a>> {
        let current = match place {
            Place::Blocked { .. } if modifier.tolerates_blocked_path(context.inserting) => {
                return Ok(Effect::Keep);
            }
            Place::Blocked { by, depth } => return Err(blocked(doc, modifier, by, *depth)),
            Place::Found { span, .. } => Some(Value { ty: span.ty, bytes: span.value(doc) }),
            Place::Missing => None,
        };
        let path = &modifier.path;
        let site = Site { doc, path, current, inserting: context.inserting };
        let effect = modifier.effect(&site)?;
        let is_id = effect != Effect::Keep && path.component(0) == "_id";
        if is_id && !(context.inserting && crate::bson::element::get(doc, "_id")?.is_none()) {
            let message = format!(
                "Performing an update on the path '{path}' would modify the immutable field '_id'"
            );
            return Err(Error::refused(Reason::ImmutableField, message));
        }
        Ok(effect)
    }
}

/// The path of `modifier` goes through a value that cannot have component `depth`.
fn blocked(doc: &[u8], modifier: &Modifier, by: &FieldSpan, depth: usize) -> Error {
    let name = modifier.path.component(depth - 1).as_bytes();
    let value = OwnedValue { ty: by.ty, bytes: by.value(doc).into() };
    let message = format!(
        "Cannot create field '{}' in element {{{}}}",
        modifier.path.component(depth),
        text::named(name, value.as_ref())
    );
    Error::refused(Reason::PathNotViable, message)
}

/// The changes, if all of them can be made where the fields lie.
fn damages(doc: &[u8], places: &[Place], effects: &[Effect<'_>]) -> Option<Damages> {
    const NULL: Value<'_> = Value { ty: ty::NULL, bytes: &[] };
    let mut damages = Damages::default();
    for (place, effect) in places.iter().zip(effects) {
        if *effect == Effect::Keep {
            continue;
        }
        let &Place::Found { span, in_array } = place else {
            return None;
        };
        let number_bytes;
        let value = match *effect {
            Effect::Put(value) => value,
            Effect::PutNumber(number) => {
                number_bytes = number.to_bytes();
                Value { ty: number.ty(), bytes: &number_bytes[..number.width()] }
            }
            Effect::Remove if in_array => NULL,
            _ => return None,
        };
        if value.bytes.len() != span.value_len as usize {
            return None;
        }
        if value.ty != span.ty {
            damages.push(span.element_ofs, &[value.ty]);
        }
        if value.ty != span.ty || ty::is_container(value.ty) {
            damages.set_changes_layout();
        }
        if value.bytes != span.value(doc) {
            damages.push(span.value_ofs, value.bytes);
        }
    }
    Some(damages)
}
