//! Parses the update document: operators on paths, or a whole document to put in place.
//!
//! One enum, [`Action`], names every operator; each has a file of its own. A new one is a
//! variant, a line in [`Action::parse`], an arm in [`Modifier::effect`] and its file.
//!
//! U1. No path of an update is another's beginning. So every operator finds the document as it
//!     was, and their order only decides the order of new fields.

use super::path_tree::PathTree;
use super::replacement::Replacement;
use super::{inc, min_max, mul, set, set_on_insert, storage_names, unset};
use crate::bson::element::{Element, Elements, OwnedValue, Value};
use crate::bson::field::FieldPath;
use crate::bson::number::Number;
use crate::bson::{text, ty};
use crate::error::{Error, Reason, Result};

/// A parsed update.
#[derive(Debug, Clone)]
pub enum Update {
    /// A whole document takes the place of the old one, but for its `_id`.
    Replace(Replacement),
    /// Operators change fields.
    Modify(Modifiers),
}

/// Operators on paths, in the order written.
#[derive(Debug, Clone, Default)]
pub struct Modifiers {
    pub(super) list: Vec<Modifier>,
    pub(super) tree: PathTree,
}

/// One operator on one path.
#[derive(Debug, Clone)]
pub struct Modifier {
    pub(super) path: FieldPath,
    pub(super) action: Action,
}

/// What is done to a field.
#[derive(Debug, Clone)]
pub enum Action {
    /// `$inc`
    Inc(Number),
    /// `$mul`
    Mul(Number),
    /// `$set`
    Set(OwnedValue),
    /// `$setOnInsert`
    SetOnInsert(OwnedValue),
    /// `$unset`
    Unset,
    /// `$min`
    Min(OwnedValue),
    /// `$max`
    Max(OwnedValue),
}

/// What an operator wants done to its field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Effect<'a> {
    /// The field stays as it is, or missing.
    Keep,
    /// The field gets this value.
    Put(Value<'a>),
    /// The field gets this number.
    PutNumber(Number),
    /// The field goes; an array's element becomes null.
    Remove,
}

/// A field as an operator finds it.
#[derive(Debug, Clone, Copy)]
pub struct Site<'a> {
    /// The document, for messages.
    pub doc: &'a [u8],
    /// The field's path.
    pub path: &'a FieldPath,
    /// Its value, if it is there.
    pub current: Option<Value<'a>>,
    /// Does the document come into being by this update?
    pub inserting: bool,
}

impl Update {
    /// Parses the bytes of a checked document.
    pub fn parse(update: &[u8]) -> Result<Update> {
        match Elements::new(update)?.next().transpose()? {
            Some(first) if first.name.starts_with(b"$") => {
                Ok(Update::Modify(Modifiers::parse(update)?))
            }
            _ => Ok(Update::Replace(Replacement::parse(update)?)),
        }
    }

    /// Increments each path, with the narrowest integer type for each amount.
    pub fn increments(amounts: &[(&FieldPath, i64)]) -> Result<Update> {
        let mut modifiers = Modifiers::default();
        for &(path, by) in amounts {
            modifiers.push(path.clone(), Action::Inc(Number::integer(by)))?;
        }
        Ok(Update::Modify(modifiers))
    }

    /// Does it put a whole document in place?
    pub fn is_replacement(&self) -> bool {
        matches!(self, Update::Replace(_))
    }
}

impl Modifiers {
    fn parse(update: &[u8]) -> Result<Modifiers> {
        let mut modifiers = Modifiers::default();
        for operator in Elements::new(update)? {
            let operator = operator?;
            let name = operator.name_lossy();
            if !Action::is_known(operator.name) {
                return Err(failed_to_parse(format!("Unknown modifier: {name}")));
            }
            if operator.ty != ty::DOCUMENT {
                return Err(failed_to_parse(format!(
                    "Modifiers operate on fields but we found type {} instead. For example: \
                     {{$mod: {{<field>: ...}}}} not {{{}}}",
                    ty::name(operator.ty),
                    text::named(operator.name, operator.val()),
                )));
            }
            let mut is_empty = true;
            for field in Elements::new(operator.value)? {
                modifiers.push_field(operator.name, &field?)?;
                is_empty = false;
            }
            if is_empty {
                return Err(failed_to_parse(format!(
                    "'{name}' is empty. You must specify a field like so: \
                     {{{name}: {{<field>: ...}}}}"
                )));
            }
        }
        Ok(modifiers)
    }

    fn push_field(&mut self, operator: &[u8], field: &Element<'_>) -> Result<()> {
        let name = std::str::from_utf8(field.name)
            .map_err(|_| Error::invalid_bson(field.ofs + 1, "text is UTF-8"))?;
        let path = FieldPath::parse(name)?;
        storage_names::check_path(&path)?;
        let action = Action::parse(operator, field, &path)?;
        self.push(path, action)
    }

    /// Adds an operator; refuses a path that another one of them is, begins or ends in.
    pub(super) fn push(&mut self, path: FieldPath, action: Action) -> Result<()> {
        self.tree.insert(&path, self.list.len())?;
        self.list.push(Modifier { path, action });
        Ok(())
    }
}

impl Action {
    fn is_known(operator: &[u8]) -> bool {
        matches!(
            operator,
            b"$inc" | b"$mul" | b"$set" | b"$setOnInsert" | b"$unset" | b"$min" | b"$max"
        )
    }

    fn parse(operator: &[u8], field: &Element<'_>, path: &FieldPath) -> Result<Action> {
        Ok(match operator {
            b"$inc" => Action::Inc(inc::operand(field)?),
            b"$mul" => Action::Mul(mul::operand(field)?),
            b"$set" => Action::Set(set::operand(field, path)?),
            b"$setOnInsert" => Action::SetOnInsert(set::operand(field, path)?),
            b"$min" => Action::Min(set::operand(field, path)?),
            b"$max" => Action::Max(set::operand(field, path)?),
            _ => Action::Unset,
        })
    }
}

impl Modifier {
    /// What it does to the field at `site`.
    pub fn effect<'a>(&'a self, site: &Site<'_>) -> Result<Effect<'a>> {
        match &self.action {
            Action::Inc(by) => inc::effect(site, *by),
            Action::Mul(by) => mul::effect(site, *by),
            Action::Set(value) => Ok(set::effect(site, value.as_ref())),
            Action::SetOnInsert(value) => Ok(set_on_insert::effect(site, value.as_ref())),
            Action::Unset => Ok(unset::effect(site)),
            Action::Min(value) => Ok(min_max::min(site, value.as_ref())),
            Action::Max(value) => Ok(min_max::max(site, value.as_ref())),
        }
    }

    /// Does it leave alone what cannot have its field, instead of failing?
    pub fn tolerates_blocked_path(&self, inserting: bool) -> bool {
        match self.action {
            Action::Unset => true,
            Action::SetOnInsert(_) => !inserting,
            _ => false,
        }
    }
}

fn failed_to_parse(message: String) -> Error {
    Error::refused(Reason::FailedToParse, message)
}
