//! Creating and dropping indexes; builds in several units of work.
//!
//! A build holds the collection exclusively. Its units are each consistent: until the last one
//! the index counts as a build in progress, which the next opening after a crash does again.

use std::sync::Arc;

use bson::{Document, RawDocument};

use super::catalog::{Catalog, document_at};
use super::create::{begin_index, drop_index};
use super::database_core::{DatabaseCore, OpenDatabase};
use super::handle::Collection;
use super::held::{Held, STEPS_PER_UNIT};
use super::index_keys::Index;
use super::key_sort::{KeySort, SortedKeys};
use super::locked::CollectionCore;
use crate::bson::document;
use crate::disk::View;
use crate::disk_loc::RecordLoc;
use crate::error::{Error, Reason, Result};
use crate::index::btree::Inserted;
use crate::index::bulk_build::BulkBuilder;
use crate::index::index_definition::{ID_INDEX, IndexDefinition, Relation};
use crate::index::index_spec::IndexSpec;
use crate::journal::UnitOfWork;
use crate::namespace_string::NamespaceString;
use crate::store::{Direction, NamespaceDetails, RecordScan, RecordStore};

/// An index as the catalogue describes it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct IndexInfo {
    /// Its name.
    pub name: String,
    /// Its specification as it is stored.
    pub specification: Document,
    /// Does some document have more than one key?
    pub is_multikey: bool,
}

impl Collection {
    /// Creates an index, unless it is there already, and fills it. Answers its name. The
    /// collection is created if it does not exist.
    ///
    /// # Errors
    /// [`Error::DuplicateKey`] if it is to be unique and cannot be; [`Error::KeyTooLong`];
    /// [`Reason::IndexOptionsConflict`] and [`Reason::IndexKeySpecsConflict`];
    /// [`Reason::CannotCreateIndex`]. There is no such index then.
    pub fn create_index(&self, spec: IndexSpec) -> Result<String> {
        self.create_index_of(&spec.to_bson()?)
    }

    /// As [`Collection::create_index`], from a specification as `createIndexes` takes it and
    /// [`IndexInfo`] gives it: `{key, name, …}`, all of its options kept.
    ///
    /// # Errors
    /// As [`Collection::create_index`].
    pub fn create_index_from(&self, spec: impl AsRef<RawDocument>) -> Result<String> {
        let spec = spec.as_ref().as_bytes();
        document::check(spec)?;
        self.create_index_of(spec)
    }

    fn create_index_of(&self, spec: &[u8]) -> Result<String> {
        let ns = self.namespace();
        let definition = IndexDefinition::parse_new(spec, ns.as_str())?;
        let name = definition.name().to_owned();
        if !definition.is_maintainable() {
            let message = format!("index '{name}' is of a kind that cannot be built here");
            return Err(Error::refused(Reason::CannotCreateIndex, message));
        }
        self.database.create_if_missing(&self.core)?;
        let mut held = self.database.hold(&self.core)?;
        let Some(open) = held.collection.open()? else { return Err(self.core.missing()) };
        for existing in &open.indexes {
            if definition.relation_to(&existing.definition)? == Relation::Same {
                return Ok(existing.definition.name().to_owned());
            }
        }
        let details = open.details();
        let index = held.unit(|database, _, unit| {
            Ok(begin_index(&database.catalog, unit, ns, details, &definition)?.0)
        })?;
        build(&mut held, &self.core, details, &index)?;
        held.reopen()?;
        Ok(name)
    }

    /// Drops an index.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Reason::InvalidOptions`] for the index on `_id`.
    pub fn drop_index(&self, name: &str) -> Result<()> {
        if name == ID_INDEX {
            return Err(Error::refused(Reason::InvalidOptions, "cannot drop _id index"));
        }
        let mut held = self.database.hold(&self.core)?;
        let Some(open) = held.collection.open()? else { return Err(self.core.missing()) };
        let (details, slot) = (open.details(), open.index_named(name)?.slot);
        held.unit(|database, _, unit| {
            drop_index(&database.catalog, unit, self.namespace(), details, slot)
        })?;
        held.reopen()
    }

    /// Its indexes, by slot; none if it does not exist.
    ///
    /// # Errors
    /// `Corrupt` only.
    pub fn indexes(&self) -> Result<Vec<IndexInfo>> {
        self.read(Vec::new(), |view, open| {
            let info = |index: &Index| {
                let stored = index.definition.to_stored(self.namespace().as_str());
                let specification = RawDocument::from_bytes(&stored).and_then(Document::try_from);
                let rule = "an index specification is a document";
                Ok(IndexInfo {
                    name: index.definition.name().to_owned(),
                    specification: specification.map_err(|_| Error::InvalidBson { at: 0, rule })?,
                    is_multikey: open.details().is_multikey(view, index.slot)?,
                })
            };
            open.indexes.iter().map(info).collect()
        })
    }
}

/// Fills an index that was begun, and completes it. If that fails it is dropped.
///
/// # Errors
/// As [`Collection::create_index`].
fn build(
    held: &mut Held<'_>,
    core: &CollectionCore,
    details: NamespaceDetails,
    index: &Index,
) -> Result<()> {
    let built = fill(held, core, details, index);
    held.unit(|database, _, unit| match &built {
        Ok(()) => details.finish_index_build(unit, index.slot).map(|_| ()),
        Err(_) => drop_index(&database.catalog, unit, &core.ns, details, index.slot),
    })?;
    built
}

/// Fills an index that was there before, and completes it. Keys that it has twice it keeps, as
/// MongoDB does. If that fails it stays a build in progress.
///
/// # Errors
/// `Corrupt`, and the store's.
pub fn rebuild(
    held: &mut Held<'_>,
    core: &CollectionCore,
    details: NamespaceDetails,
    index: &Index,
) -> Result<()> {
    let mut tolerant = index.clone();
    tolerant.tree.unique = false;
    fill(held, core, details, &tolerant)?;
    held.unit(|_, _, unit| details.finish_index_build(unit, index.slot).map(|_| ()))
}

/// All entries of a collection for one index, in its order; and whether a document has several.
fn sorted_keys(
    view: &impl View,
    store: &RecordStore,
    index: &Index,
    mut sort: KeySort<'_>,
) -> Result<(SortedKeys, bool)> {
    let mut is_multikey = false;
    let mut scan = RecordScan::new(store.details(), Direction::Forward);
    while let Some(loc) = scan.next(view)? {
        let keys = index.keys_of(document_at(store, view, loc)?.as_bytes())?;
        is_multikey |= keys.len() > 1;
        for key in keys {
            sort.push(key, loc)?;
        }
    }
    Ok((sort.finish()?, is_multikey))
}

fn fill(
    held: &mut Held<'_>,
    core: &CollectionCore,
    details: NamespaceDetails,
    index: &Index,
) -> Result<()> {
    let shared = held.shared();
    let budget = shared.options.index_build_memory;
    let sort = KeySort::new(&shared.journal, core.ns.database(), &index.tree, budget);
    let (mut sorted, is_multikey) =
        held.read(|view, open| sorted_keys(view, &open.store, index, sort))?;
    let mut builder = held.unit(|_, _, unit| {
        if is_multikey {
            details.set_multikey(unit, index.slot)?;
        }
        BulkBuilder::new(index.tree, unit)
    })?;
    loop {
        // Outside of the gate: they may come from the disk.
        let entries = sorted.take(STEPS_PER_UNIT)?;
        if entries.is_empty() {
            return Ok(());
        }
        builder = held.unit(|_, _, unit| {
            let mut builder = builder.clone();
            for (key, loc) in &entries {
                match builder.push(unit, &mut index.store().clone(), key, *loc)? {
                    Inserted::New => {}
                    Inserted::Duplicate(_) => return Err(index.duplicate(&core.ns, key)),
                    Inserted::AlreadyPresent => {
                        let rule = "a document has a key once";
                        return Err(Error::corrupt(*loc, "b-tree", rule, 0));
                    }
                }
            }
            // What is only in memory has to be in the file when the unit ends.
            builder.flush(unit)?;
            Ok(builder)
        })?;
    }
}

/// Does the index builds of a database again that a crash has interrupted. A collection that
/// cannot be opened, or an index that cannot be built, keeps nobody from the others: it is told
/// to those who ask for it.
///
/// # Errors
/// [`Error::ReadOnly`] if the engine has stopped.
pub fn finish_interrupted_builds(database: &Arc<DatabaseCore>) -> Result<()> {
    for name in database.collection_names().unwrap_or_default() {
        let Ok(ns) = NamespaceString::new(&database.name, &name) else { continue };
        if ns.is_catalogue() {
            continue;
        }
        let finished = database.collection(ns).and_then(|collection| {
            let mut held = database.hold(&collection.core)?;
            finish_builds(&mut held, &collection.core)
        });
        match finished {
            Err(error @ Error::ReadOnly { .. }) => return Err(error),
            Err(error) => tracing::warn!(%error, database = database.name, name, "not completed"),
            Ok(()) => {}
        }
    }
    Ok(())
}

/// Does the builds of a collection again that were interrupted, by a crash or for want of space.
/// An index that its documents do not allow is dropped; one that fails otherwise stays a build
/// in progress, and the collection is read but not written.
///
/// # Errors
/// `Corrupt`, the store's and the disk's.
pub fn finish_builds(held: &mut Held<'_>, core: &CollectionCore) -> Result<()> {
    let Some(details) = held.collection.open()?.map(|open| open.details()) else { return Ok(()) };
    while held.read(|view, _| Ok(details.index_counts(view)?.building > 0))? {
        let again = |database: &OpenDatabase, unit: &mut UnitOfWork<'_>| {
            let (catalog, slot) = (&database.catalog, details.index_counts(unit)?.completed);
            let definition = definition_at(catalog, unit, &core.ns, details, slot)?;
            drop_index(catalog, unit, &core.ns, details, slot)?;
            Ok(begin_index(catalog, unit, &core.ns, details, &definition)?.0)
        };
        let index = held.unit(|database, _, unit| again(database, unit))?;
        let built = fill(held, core, details, &index);
        let completed = held.unit(|database, _, unit| match &built {
            Ok(()) => details.finish_index_build(unit, index.slot).map(|_| ()),
            Err(Error::DuplicateKey { .. } | Error::KeyTooLong { .. }) => {
                drop_index(&database.catalog, unit, &core.ns, details, index.slot)
            }
            Err(_) => Ok(()),
        });
        held.reopen()?;
        completed?;
        match built {
            Err(error @ (Error::DuplicateKey { .. } | Error::KeyTooLong { .. })) => {
                let index = index.definition.name();
                tracing::warn!(%error, index, "interrupted build dropped");
            }
            built => built?,
        }
    }
    Ok(())
}

/// The definition of the index in `slot`, whose build may not have come far.
pub fn definition_at(
    catalog: &Catalog,
    view: &impl View,
    ns: &NamespaceString,
    details: NamespaceDetails,
    slot: usize,
) -> Result<IndexDefinition> {
    let info = RecordLoc(details.index_slot(view, slot)?.info);
    let stored = document_at(&catalog.index_specs(view)?, view, info)?;
    IndexDefinition::parse_stored(stored.as_bytes(), ns.as_str(), info)
}
