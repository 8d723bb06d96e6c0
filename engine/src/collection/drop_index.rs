//! Dropping indexes: by name, by key, or all but the one on `_id`.

use bson::RawDocument;

use super::create::drop_index;
use super::handle::Collection;
use super::held::Held;
use super::index_keys::Index;
use super::locked::OpenCollection;
use crate::bson::text;
use crate::error::{Error, Reason, Result};
use crate::index::index_definition::ID_INDEX;

impl Collection {
    /// Drops an index; by the name `*` all but the one on `_id`.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Reason::InvalidOptions`] for the index on `_id`.
    pub fn drop_index(&self, name: &str) -> Result<()> {
        self.drop_indexes(&[name]).map(|_| ())
    }

    /// Drops the indexes of these names: all of them, or none. Answers how many indexes there
    /// were.
    ///
    /// # Errors
    /// As [`Collection::drop_index`].
    pub fn drop_indexes(&self, names: &[&str]) -> Result<usize> {
        let mut held = self.database.hold(&self.core)?;
        let Some(open) = held.collection.open()? else { return Err(self.core.missing()) };
        let all = open.indexes.iter().filter(|index| !index.definition.is_id());
        let names = match names {
            ["*"] => all.map(|index| index.definition.name().to_owned()).collect(),
            names => names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(),
        };
        self.drop_named(&mut held, &names)
    }

    /// Drops the index with just this key. Answers how many indexes there were.
    ///
    /// # Errors
    /// [`Reason::IndexNotFound`]; [`Reason::AmbiguousIndexKeyPattern`] if there are several;
    /// [`Reason::InvalidOptions`] for the index on `_id`.
    pub fn drop_index_by_key(&self, key: impl AsRef<RawDocument>) -> Result<usize> {
        let key = key.as_ref().as_bytes();
        let mut held = self.database.hold(&self.core)?;
        let Some(open) = held.collection.open()? else { return Err(self.core.missing()) };
        let name = open.index_with_key(key)?.definition.name().to_owned();
        self.drop_named(&mut held, &[name])
    }

    pub(super) fn drop_named(&self, held: &mut Held<'_>, names: &[String]) -> Result<usize> {
        let Some(open) = held.collection.open()? else { return Err(self.core.missing()) };
        let (details, before) = (open.details(), open.indexes.len());
        let mut slots = Vec::new();
        for name in names {
            if name == ID_INDEX {
                return Err(Error::refused(Reason::InvalidOptions, "cannot drop _id index"));
            }
            slots.push(open.index_named(name)?.slot);
        }
        // Slots behind one that is dropped move down.
        slots.sort_unstable();
        slots.dedup();
        held.unit(|database, _, unit| {
            let mut slots = slots.iter().rev();
            slots.try_for_each(|slot| {
                drop_index(&database.catalog, unit, self.namespace(), details, *slot)
            })
        })?;
        held.reopen()?;
        Ok(before)
    }
}

impl OpenCollection {
    /// The index with just this key.
    ///
    /// # Errors
    /// [`Reason::IndexNotFound`]; [`Reason::AmbiguousIndexKeyPattern`] if there are several.
    pub fn index_with_key(&self, key: &[u8]) -> Result<&Index> {
        let found: Vec<_> =
            self.indexes.iter().filter(|index| index.definition.has_key(key)).collect();
        match found[..] {
            [] => {
                let message = format!("can't find index with key: {}", text::document(key));
                Err(Error::refused(Reason::IndexNotFound, message))
            }
            [index] => Ok(index),
            _ => {
                let shown = found.iter().map(|index| index.definition.describe());
                let message = format!(
                    "{} indexes found for key: {}, identify by name instead. Conflicting indexes: \
                     {}",
                    found.len(),
                    text::document(key),
                    shown.collect::<Vec<_>>().join(", ")
                );
                Err(Error::refused(Reason::AmbiguousIndexKeyPattern, message))
            }
        }
    }
}
