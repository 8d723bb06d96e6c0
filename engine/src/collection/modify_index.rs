//! Changing what can be changed of an index that exists: when documents expire, and whether it is
//! hidden. The rest of `collMod` is the collection's.
//!
//! A number is written over the old one, of its type. What is longer than the stored
//! specification is stored anew, and the index's slot leads there.

use bson::RawDocument;

use super::create::replace_spec;
use super::handle::Collection;
use super::locked::OpenCollection;
use crate::bson::element::Value;
use crate::bson::number::Number;
use crate::bson::{text, ty};
use crate::error::{Error, Reason, Result};
use crate::index::index_definition::IndexDefinition;

/// What changing an index came to: what was, and what is. Nothing where nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ModifiedIndex {
    /// Seconds after which documents expired, and do.
    pub expire_after_seconds: Option<(i64, i64)>,
    /// Was it hidden, and is it?
    pub hidden: Option<(bool, bool)>,
}

impl Collection {
    /// Changes the index of this name.
    ///
    /// # Errors
    /// [`Reason::IndexNotFound`]; [`Reason::InvalidOptions`] if documents do not expire by it, or
    /// nothing is asked for; [`Reason::BadValue`] for hiding the index on `_id`.
    pub fn modify_index(
        &self,
        name: &str,
        expire_after_seconds: Option<i64>,
        hidden: Option<bool>,
    ) -> Result<ModifiedIndex> {
        let find = |open: &OpenCollection| open.index_named(name).map(|index| index.slot).ok();
        self.modify(find, name, expire_after_seconds, hidden)
    }

    /// Changes the index with just this key.
    ///
    /// # Errors
    /// As [`Collection::modify_index`]; [`Reason::AmbiguousIndexKeyPattern`].
    pub fn modify_index_by_key(
        &self,
        key: impl AsRef<RawDocument>,
        expire_after_seconds: Option<i64>,
        hidden: Option<bool>,
    ) -> Result<ModifiedIndex> {
        let key = key.as_ref().as_bytes();
        let mut ambiguous = None;
        let find = |open: &OpenCollection| match open.index_with_key(key) {
            Ok(index) => Some(index.slot),
            Err(error) => {
                ambiguous = Some(error).filter(|error| error.code() == 181);
                None
            }
        };
        let modified = self.modify(find, &text::document(key), expire_after_seconds, hidden);
        ambiguous.map_or(modified, Err)
    }

    fn modify(
        &self,
        find: impl FnOnce(&OpenCollection) -> Option<usize>,
        shown: &str,
        expire_after_seconds: Option<i64>,
        hidden: Option<bool>,
    ) -> Result<ModifiedIndex> {
        if expire_after_seconds.is_none() && hidden.is_none() {
            let message = "no expireAfterSeconds or hidden field";
            return Err(Error::refused(Reason::InvalidOptions, message));
        }
        let mut held = self.database.hold(&self.core)?;
        let Some(open) = held.collection.open()? else { return Err(self.core.missing()) };
        let not_found = || {
            let message = format!("cannot find index {shown} for ns {}", self.namespace());
            Error::refused(Reason::IndexNotFound, message)
        };
        let slot = find(open).ok_or_else(not_found)?;
        let index = open.indexes.iter().find(|index| index.slot == slot).ok_or_else(not_found)?;
        let (details, old) = (open.details(), index.definition.clone());
        let (new, report) = changed(&old, expire_after_seconds, hidden)?;
        if new != *old {
            held.unit(|database, _, unit| {
                let spec = new.to_stored(self.namespace().as_str());
                replace_spec(&database.catalog, unit, details, slot, &spec)
            })?;
            held.reopen()?;
        }
        Ok(report)
    }
}

/// The definition after the change, and what that changed.
fn changed(
    old: &IndexDefinition,
    expire_after_seconds: Option<i64>,
    hidden: Option<bool>,
) -> Result<(IndexDefinition, ModifiedIndex)> {
    let mut new = old.clone();
    let mut report = ModifiedIndex::default();
    if let Some(seconds) = expire_after_seconds {
        let Some(before) = old.option("expireAfterSeconds").and_then(Value::as_number) else {
            let message = "no expireAfterSeconds field to update";
            return Err(Error::refused(Reason::InvalidOptions, message));
        };
        let number = match before {
            Number::Int32(_) => Number::integer(seconds),
            Number::Int64(_) => Number::Int64(seconds),
            Number::Double(_) => Number::Double(seconds as f64),
        };
        let bytes = number.to_bytes();
        let value = Value { ty: number.ty(), bytes: &bytes[..number.width()] };
        new = new.with_option("expireAfterSeconds", Some(value));
        let before = old.expire_after_seconds().unwrap_or_default();
        report.expire_after_seconds = Some((before, seconds));
    }
    if let Some(hidden) = hidden {
        if old.is_id() && hidden {
            return Err(Error::refused(Reason::BadValue, "can't hide _id index"));
        }
        if hidden != old.is_hidden() {
            let yes = Value { ty: ty::BOOL, bytes: &[1] };
            new = new.with_option("hidden", hidden.then_some(yes));
            report.hidden = Some((old.is_hidden(), hidden));
        }
    }
    Ok((new, report))
}
