//! Runs an update on a document and decides how its bytes change (format, §8.1).
//!
//! In place, if every field that changes is there, keeps its number of bytes, and cannot be
//! part of an index key; else the document is written anew.

use super::field_order::FieldOrder;
use super::indexed_paths::IndexedPaths;
use super::mutation::{Damages, Mutation};
use super::operators::{Effect, Modifier, Modifiers, Site, Update};
use super::path_tree::Place;
use super::rebuild::rebuild;
use super::storage_names;
use crate::bson::document::doc_len;
use crate::bson::element::{OwnedValue, Value};
use crate::bson::field::Skips;
use crate::bson::ty;
use crate::error::{Error, Reason, Result};

/// What an update must know besides the document.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Paths whose change concerns the indexes.
    pub indexed: &'a IndexedPaths,
    /// Takes the place of an empty timestamp in a replacement, as its 64 bits are stored.
    pub timestamp: u64,
    /// The time of the update, milliseconds since the Unix epoch.
    pub now_ms: i64,
    /// Does the document come into being by this update?
    pub inserting: bool,
    /// The element of an array that the filter matched: what `$` in a path stands for.
    pub position: Option<u32>,
    /// The order in which new fields are made.
    pub field_order: FieldOrder,
    /// Variables of a pipeline, as `let` names them.
    pub variables: &'a [(String, OwnedValue)],
}

impl<'a> Context<'a> {
    /// What is known of a document with these indexes, at the beginning of time.
    pub fn new(indexed: &'a IndexedPaths) -> Context<'a> {
        Context {
            indexed,
            timestamp: 0,
            now_ms: 0,
            inserting: false,
            position: None,
            field_order: FieldOrder::default(),
            variables: &[],
        }
    }
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

impl Applied {
    /// A whole document in the place of another, if there is one.
    fn whole(new: Option<Vec<u8>>) -> Applied {
        let touches_indexes = new.is_some();
        let mutation = new.map_or(Mutation::Nothing, Mutation::Regrow);
        Applied { mutation, skips: Skips::default(), touches_indexes }
    }
}

impl Update {
    /// Applies it to the document at the start of `doc`, which is left as it is. What follows
    /// the document, such as a record's padding, is ignored.
    pub fn apply(&self, doc: &[u8], context: &Context<'_>) -> Result<Applied> {
        let doc = &doc[..doc_len(doc)?];
        self.applied(doc, context).map_err(|error| match error {
            Error::DocumentTooLarge { max, .. } => {
                let (code, what) = match context.inserting {
                    true => (17420, "Document to upsert"),
                    false => (17419, "Resulting document after update"),
                };
                Error::refused(Reason::Location(code), format!("{what} is larger than {max}"))
            }
            other => other,
        })
    }

    fn applied(&self, doc: &[u8], context: &Context<'_>) -> Result<Applied> {
        match self {
            Update::Modify(modifiers) if modifiers.is_dynamic => {
                let (modifiers, wrong) = modifiers.expand(doc, context.position)?;
                modifiers.apply(doc, context, wrong)
            }
            Update::Modify(modifiers) => modifiers.apply(doc, context, vec![]),
            Update::Replace(replacement) => {
                let new = replacement.over(doc, context.timestamp)?;
                if new != doc {
                    return Ok(Applied::whole(Some(new)));
                }
                // With an _id that was left out, or stood elsewhere, that counts as a change.
                let mutation = match replacement.is(doc) {
                    true => Mutation::Nothing,
                    false => Mutation::InPlace(Damages::default()),
                };
                Ok(Applied { mutation, skips: Skips::default(), touches_indexes: false })
            }
            Update::Pipeline(pipeline) => Ok(Applied::whole(pipeline.apply(doc, context)?)),
        }
    }
}

impl Modifiers {
    /// `wrong` are errors of paths that have none in this document.
    fn apply<'a>(
        &'a self,
        doc: &'a [u8],
        context: &'a Context<'a>,
        mut wrong: Vec<(String, Error)>,
    ) -> Result<Applied> {
        let (places, skips) = self.tree.locate(doc, self.list.len())?;
        let mut effects = Vec::with_capacity(self.list.len());
        let mut touches_indexes = false;
        for (modifier, place) in self.list.iter().zip(&places) {
            match self.effect(modifier, place, doc, context) {
                Ok(effect) => {
                    if !matches!(effect, Effect::Keep) {
                        touches_indexes |= context.indexed.might_be_indexed(&modifier.path);
                    }
                    effects.push(effect);
                }
                Err(error) => wrong.push((modifier.stands_at().to_owned(), error)),
            }
        }
        if let Some((_, error)) = wrong.into_iter().reduce(first_by_path) {
            return Err(error);
        }
        let mutation = if effects.iter().all(|effect| matches!(effect, Effect::Keep)) {
            Mutation::Nothing
        } else if touches_indexes {
            Mutation::Regrow(rebuild(doc, &self.tree, &effects, context.field_order)?)
        } else {
            match damages(doc, &places, &effects) {
                // No byte may change: null takes the place of null, and that counts as a change.
                Some(damages) => Mutation::InPlace(damages),
                None => Mutation::Regrow(rebuild(doc, &self.tree, &effects, context.field_order)?),
            }
        };
        Ok(Applied { mutation, skips, touches_indexes })
    }

    fn effect<'a>(
        &self,
        modifier: &'a Modifier,
        place: &Place,
        doc: &'a [u8],
        context: &'a Context<'a>,
    ) -> Result<Effect<'a>> {
        let path = &modifier.path;
        let site = |current| Site { doc, path, current, context };
        let effect = match place {
            Place::Blocked { by, depth } => {
                modifier.action.on_blocked(&site(None), by, *depth)?;
                return Ok(Effect::Keep);
            }
            Place::Found { span, .. } => {
                let current = Value { ty: span.ty, bytes: span.value(doc) };
                modifier.action.effect(&site(Some(current)))?
            }
            Place::Missing => modifier.action.effect(&site(None))?,
        };
        match effect {
            Effect::Keep => return Ok(effect),
            Effect::Remove => {}
            _ if context.inserting => {}
            _ => storage_names::check_written(path.component(0))?,
        }
        if path.is_id() && !(context.inserting && crate::bson::element::get(doc, "_id")?.is_none())
        {
            let message = format!(
                "Performing an update on the path '{path}' would modify the immutable field '_id'"
            );
            return Err(Error::refused(Reason::ImmutableField, message));
        }
        Ok(effect)
    }
}

/// Of two errors the one that MongoDB meets first: it goes through fields by their names, looks
/// for conflicts before it goes on and at the `_id` last.
fn first_by_path(a: (String, Error), b: (String, Error)) -> (String, Error) {
    let names = a.0.split('.').zip(b.0.split('.'));
    let mut orders = names.map(|(a, b)| FieldOrder::Numeric.compare(a, b));
    let order = orders.find(|order| order.is_ne()).unwrap_or(a.0.len().cmp(&b.0.len()));
    let step = |error: &Error| match error {
        Error::Refused { reason: Reason::ConflictingUpdateOperators, .. } => 0,
        Error::Refused { reason: Reason::ImmutableField, .. } => 2,
        _ => 1,
    };
    if order.then(step(&a.1).cmp(&step(&b.1))).is_gt() { b } else { a }
}

/// The changes, if all of them can be made where the fields lie.
fn damages(doc: &[u8], places: &[Place], effects: &[Effect<'_>]) -> Option<Damages> {
    const NULL: Value<'_> = Value { ty: ty::NULL, bytes: &[] };
    let mut damages = Damages::default();
    for (place, effect) in places.iter().zip(effects) {
        if matches!(effect, Effect::Keep) {
            continue;
        }
        let &Place::Found { span, in_array } = place else {
            return None;
        };
        let number_bytes;
        let value = match effect {
            Effect::Put(value) => *value,
            Effect::PutOwned(value) => value.as_ref(),
            &Effect::PutNumber(number) => {
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
