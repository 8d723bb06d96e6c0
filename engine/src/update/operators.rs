//! Parses the update document: operators on paths, or a whole document to put in place.
//!
//! One enum, [`Action`], names every operator; each has a file of its own. A new one is a
//! variant, a line in [`Action::parse`], an arm in [`Action::effect`] and its file.
//!
//! U1. No path of an update is another's beginning. So every operator finds the document as it
//!     was, and their order only decides the order of new fields.

use std::sync::Arc;

use super::apply::Context;
use super::array_filters::ArrayFilters;
use super::bit::Operation;
use super::path_tree::PathTree;
use super::pipeline::Pipeline;
use super::pop::End;
use super::pull::Pull;
use super::push::Push;
use super::replacement::Replacement;
use super::{
    add_to_set, bit, current_date, inc, min_max, mul, pop, pull, pull_all, push, rename, set,
    set_on_insert, unset, update_path,
};
use crate::bson::decimal::Decimal;
use crate::bson::element::{Element, Elements, OwnedValue, Value};
use crate::bson::field::{FieldPath, FieldSpan};
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
    /// Stages make another document of it.
    Pipeline(Pipeline),
}

/// Operators on paths, in the order written.
#[derive(Debug, Clone, Default)]
pub struct Modifiers {
    pub(super) list: Vec<Modifier>,
    pub(super) tree: PathTree,
    /// Does a document decide where some of the paths lead?
    pub(super) is_dynamic: bool,
    pub(super) array_filters: ArrayFilters,
}

/// One operator on one path.
#[derive(Debug, Clone)]
pub struct Modifier {
    pub(super) path: FieldPath,
    pub(super) action: Arc<Action>,
}

/// What is done to a field.
#[derive(Debug, Clone)]
pub enum Action {
    /// `$inc`
    Inc(Number),
    /// `$inc` by a decimal.
    IncDecimal(Decimal),
    /// `$mul`
    Mul(Number),
    /// `$mul` by a decimal.
    MulDecimal(Decimal),
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
    /// `$bit`
    Bit(Vec<Operation>),
    /// `$currentDate`: a value of this type.
    CurrentDate(u8),
    /// `$rename`, on the old name: to here.
    RenameFrom(FieldPath),
    /// `$rename`, on the new name: from here.
    RenameTo(FieldPath),
    /// `$push`
    Push(Push),
    /// `$addToSet`: an array of values.
    AddToSet(OwnedValue),
    /// `$pull`
    Pull(Pull),
    /// `$pullAll`: an array of values.
    PullAll(OwnedValue),
    /// `$pop`
    Pop(End),
}

/// What an operator wants done to its field.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect<'a> {
    /// The field stays as it is, or missing.
    Keep,
    /// The field gets this value.
    Put(Value<'a>),
    /// The field gets this number.
    PutNumber(Number),
    /// The field gets this value, which was made for it.
    PutOwned(OwnedValue),
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
    /// What the update knows besides.
    pub context: &'a Context<'a>,
}

impl Site<'_> {
    /// The field's own name.
    pub fn name(&self) -> &str {
        self.path.component(self.path.depth() - 1)
    }
}

impl Update {
    /// Parses the bytes of a checked document. Array filters may follow.
    pub fn parse(update: &[u8]) -> Result<Update> {
        Update::parse_with(update, None)
    }

    /// Parses the bytes of a checked document with all its array filters: one that is missing is
    /// told before anything behind it.
    ///
    /// # Errors
    /// MongoDB's.
    pub fn parse_given<'a>(
        update: &[u8],
        filters: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Update> {
        let filters = ArrayFilters::parse(filters)?;
        let mut parsed = Update::parse_with(update, Some(&filters))?;
        if let Update::Modify(modifiers) = &mut parsed {
            modifiers.array_filters = filters;
        }
        parsed.check_array_filters()?;
        Ok(parsed)
    }

    fn parse_with(update: &[u8], filters: Option<&ArrayFilters>) -> Result<Update> {
        match Elements::new(update)?.next().transpose()? {
            Some(first) if first.name.starts_with(b"$") => {
                Ok(Update::Modify(Modifiers::parse(update, filters)?))
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

    /// Gives it its array filters.
    ///
    /// # Errors
    /// MongoDB's: one that is missing, or that nothing uses.
    pub fn with_array_filters<'a>(
        mut self,
        filters: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Update> {
        let filters = ArrayFilters::parse(filters)?;
        match &mut self {
            Update::Modify(modifiers) => modifiers.array_filters = filters,
            Update::Pipeline(_) if filters.identifiers().next().is_some() => {
                let message = "arrayFilters may not be specified for pipeline-syle updates";
                return Err(failed_to_parse(message.to_owned()));
            }
            Update::Pipeline(_) | Update::Replace(_) => {}
        }
        Ok(self)
    }

    /// Refuses an update that lacks array filters, or has some that it does not use.
    pub fn check_array_filters(&self) -> Result<()> {
        match self {
            Update::Modify(modifiers) => modifiers.check_array_filters(),
            Update::Replace(_) | Update::Pipeline(_) => Ok(()),
        }
    }

    /// Does it put a whole document in place?
    pub fn is_replacement(&self) -> bool {
        matches!(self, Update::Replace(_))
    }

    /// May it write a timestamp that the server makes?
    pub fn needs_timestamp(&self) -> bool {
        let is_timestamp =
            |modifier: &Modifier| matches!(*modifier.action, Action::CurrentDate(ty::TIMESTAMP));
        match self {
            Update::Modify(modifiers) => modifiers.list.iter().any(is_timestamp),
            Update::Replace(_) => true,
            Update::Pipeline(_) => false,
        }
    }

    /// Must it be told which element of an array the filter matched?
    pub fn needs_match(&self) -> bool {
        let is_positional =
            |modifier: &Modifier| modifier.path.components().any(|name| name == "$");
        match self {
            Update::Modify(modifiers) if modifiers.is_dynamic => {
                modifiers.list.iter().any(is_positional)
            }
            _ => false,
        }
    }
}

impl Modifiers {
    fn parse(update: &[u8], filters: Option<&ArrayFilters>) -> Result<Modifiers> {
        let mut modifiers = Modifiers::default();
        for operator in Elements::new(update)? {
            let operator = operator?;
            let name = operator.name_lossy();
            if !Action::is_known(operator.name) {
                return Err(failed_to_parse(format!(
                    "Unknown modifier: {name}. Expected a valid update modifier or pipeline-style \
                     update specified as an array"
                )));
            }
            if operator.ty != ty::DOCUMENT {
                return Err(failed_to_parse(format!(
                    "Modifiers operate on fields but we found type {} instead. For example: \
                     {{$mod: {{<field>: ...}}}} not {{{}}}",
                    ty::name(operator.ty),
                    text::named(operator.name, operator.val()),
                )));
            }
            for field in Elements::new(operator.value)? {
                modifiers.push_field(operator.name, &field?, filters)?;
            }
        }
        Ok(modifiers)
    }

    fn push_field(
        &mut self,
        operator: &[u8],
        field: &Element<'_>,
        filters: Option<&ArrayFilters>,
    ) -> Result<()> {
        let name = std::str::from_utf8(field.name)
            .map_err(|_| Error::invalid_bson(field.ofs + 1, "text is UTF-8"))?;
        let path = update_path::parse(name)?;
        if operator == b"$rename" {
            self.tree.insert(&path, self.list.len())?;
            let to = rename::operand(field, &path)?;
            self.add(path.clone(), Action::RenameFrom(to.clone()));
            return self.push(to, Action::RenameTo(path));
        }
        let action = Action::parse(operator, field)?;
        self.tree.insert(&path, self.list.len())?;
        if let Some(filters) = filters {
            check_filters_of(&path, filters)?;
        }
        self.add(path, action);
        Ok(())
    }

    /// Adds an operator; refuses a path that another one of them is, begins or ends in.
    pub(super) fn push(&mut self, path: FieldPath, action: Action) -> Result<()> {
        self.tree.insert(&path, self.list.len())?;
        self.add(path, action);
        Ok(())
    }

    /// Adds an operator whose path is in the tree.
    fn add(&mut self, path: FieldPath, action: Action) {
        self.is_dynamic |= update_path::is_dynamic(&path);
        self.list.push(Modifier { path, action: Arc::new(action) });
    }

    fn check_array_filters(&self) -> Result<()> {
        let mut used: Vec<&str> = vec![];
        for modifier in self.list.iter().filter(|_| self.is_dynamic) {
            check_filters_of(&modifier.path, &self.array_filters)?;
            used.extend(modifier.path.components().filter_map(update_path::array_filter));
        }
        match self.array_filters.identifiers().find(|identifier| !used.contains(identifier)) {
            Some(unused) => Err(failed_to_parse(format!(
                "The array filter for identifier '{unused}' was not used in the update"
            ))),
            None => Ok(()),
        }
    }
}

/// Refuses a path that names an array filter which there is none of.
fn check_filters_of(path: &FieldPath, filters: &ArrayFilters) -> Result<()> {
    let identifiers = path.components().filter_map(update_path::array_filter);
    match identifiers.into_iter().find(|name| !name.is_empty() && filters.find(name).is_none()) {
        Some(identifier) => {
            let message =
                format!("No array filter found for identifier '{identifier}' in path '{path}'");
            Err(Error::refused(Reason::BadValue, message))
        }
        None => Ok(()),
    }
}

impl Modifier {
    /// The path by which MongoDB orders operators: that of the new name for a `$rename`.
    pub fn stands_at(&self) -> &str {
        match &*self.action {
            Action::RenameFrom(to) => to.as_str(),
            _ => self.path.as_str(),
        }
    }
}

impl Action {
    fn is_known(operator: &[u8]) -> bool {
        matches!(
            operator,
            b"$inc"
                | b"$mul"
                | b"$set"
                | b"$setOnInsert"
                | b"$unset"
                | b"$min"
                | b"$max"
                | b"$bit"
                | b"$currentDate"
                | b"$rename"
                | b"$push"
                | b"$addToSet"
                | b"$pull"
                | b"$pullAll"
                | b"$pop"
        )
    }

    fn parse(operator: &[u8], field: &Element<'_>) -> Result<Action> {
        Ok(match operator {
            b"$inc" => inc::parse(field)?,
            b"$mul" => mul::parse(field)?,
            b"$set" => Action::Set(field.val().to_owned()),
            b"$setOnInsert" => Action::SetOnInsert(field.val().to_owned()),
            b"$min" => Action::Min(field.val().to_owned()),
            b"$max" => Action::Max(field.val().to_owned()),
            b"$bit" => Action::Bit(bit::operand(field)?),
            b"$currentDate" => Action::CurrentDate(current_date::operand(field)?),
            b"$push" => Action::Push(push::operand(field)?),
            b"$addToSet" => Action::AddToSet(add_to_set::operand(field)?),
            b"$pull" => Action::Pull(pull::operand(field)?),
            b"$pullAll" => Action::PullAll(pull_all::operand(field)?),
            b"$pop" => Action::Pop(pop::operand(field)?),
            _ => Action::Unset,
        })
    }

    /// What it does to the field at `site`.
    pub fn effect<'a>(&'a self, site: &Site<'a>) -> Result<Effect<'a>> {
        match self {
            Action::Inc(by) => inc::effect(site, *by),
            Action::IncDecimal(by) => inc::effect_of_decimal(site, *by),
            Action::Mul(by) => mul::effect(site, *by),
            Action::MulDecimal(by) => mul::effect_of_decimal(site, *by),
            Action::Set(value) => Ok(set::effect(site, value.as_ref())),
            Action::SetOnInsert(value) => Ok(set_on_insert::effect(site, value.as_ref())),
            Action::Unset => Ok(unset::effect(site)),
            Action::Min(value) => Ok(min_max::min(site, value.as_ref())),
            Action::Max(value) => Ok(min_max::max(site, value.as_ref())),
            Action::Bit(operations) => bit::effect(site, operations),
            Action::CurrentDate(wanted) => Ok(current_date::effect(*wanted, site.context)),
            Action::RenameFrom(_) => rename::from_effect(site),
            Action::RenameTo(from) => rename::to_effect(site, from),
            Action::Push(push) => push::effect(site, push),
            Action::AddToSet(values) => add_to_set::effect(site, values),
            Action::Pull(pull) => pull::effect(site, pull),
            Action::PullAll(values) => pull_all::effect(site, values),
            Action::Pop(end) => pop::effect(site, *end),
        }
    }

    /// What it does where the value `by` on the way cannot have component `depth` of the path: it
    /// fails, or leaves that alone.
    pub fn on_blocked(&self, site: &Site<'_>, by: &FieldSpan, depth: usize) -> Result<()> {
        let (doc, path) = (site.doc, site.path);
        let shown = || {
            let value = Value { ty: by.ty, bytes: by.value(doc) };
            text::named(path.component(depth - 1).as_bytes(), value)
        };
        let next = path.component(depth);
        let message = match self {
            Action::Unset => return Ok(()),
            Action::SetOnInsert(_) if !site.context.inserting => return Ok(()),
            Action::RenameFrom(_) => return Err(rename::from_is_blocked(doc, path, by, depth)),
            Action::RenameTo(from) if !rename::to_is_blocked(doc, path, from)? => return Ok(()),
            Action::Pull(_) | Action::PullAll(_) | Action::Pop(_) => {
                let shown = shown();
                format!(
                    "Cannot use the part ({next}) of ({path}) to traverse the element ({{{shown}}})"
                )
            }
            _ => format!("Cannot create field '{next}' in element {{{}}}", shown()),
        };
        Err(Error::refused(Reason::PathNotViable, message))
    }
}

fn failed_to_parse(message: String) -> Error {
    Error::refused(Reason::FailedToParse, message)
}
