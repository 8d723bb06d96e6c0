//! Building an index with the collection held exclusively, in several units of work: of an empty
//! collection, after a compaction, where a crash has interrupted a build, and where it is asked
//! for. [`super::background_build`] does it beside others.
//!
//! The units are each consistent: until the last one the index counts as a build in progress,
//! which the next opening after a crash does again.

use std::sync::Arc;

use super::aggregate::TEMPORARY;
use super::catalog::{Catalog, document_at};
use super::create::{begin_index, drop_index};
use super::database_core::{DatabaseCore, OpenDatabase};
use super::held::{Held, STEPS_PER_UNIT};
use super::index_keys::Index;
use super::key_sort::{KeySort, SortedKeys};
use super::locked::CollectionCore;
use crate::disk::View;
use crate::disk_loc::RecordLoc;
use crate::error::{Error, Result};
use crate::index::btree::Inserted;
use crate::index::bulk_build::BulkBuilder;
use crate::index::index_definition::IndexDefinition;
use crate::journal::UnitOfWork;
use crate::namespace_string::NamespaceString;
use crate::store::{Direction, NamespaceDetails, RecordScan, RecordStore};

/// Fills an index that was begun, and completes it. If that fails it is dropped.
///
/// # Errors
/// As [`super::Collection::create_index`].
pub fn build(
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

/// All entries of a collection for one index, in its order; and whether some are of an array.
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
        is_multikey |= keys.met_array;
        for key in keys.set {
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
    let sort = KeySort::new(&shared.journal, &core.ns, details, &index.tree, budget);
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
            held.note_built(index);
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

/// Does the index builds of a database again that a crash has interrupted, and drops what one
/// has left of an `$out`. A collection that
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
            if name.starts_with(TEMPORARY) {
                return database.drop_collection(&collection.core).map(|_| ());
            }
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
