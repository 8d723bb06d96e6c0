//! `$out`: the documents are written to a collection of their own, which then takes the place of
//! the target.
//!
//! O1. Until all is written the target is as it was. Its indexes are built on the new documents
//!     before it is replaced, in one unit of work. What the target was created with, it keeps.
//! O2. A crash may leave the other collection. The next opening drops it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bson::RawDocument;

use crate::aggregate::Documents;
use crate::bson::builder::Builder;
use crate::bson::element::{Elements, get};
use crate::collection::{Collection, CollectionOptions, DatabaseCore};
use crate::error::{Error, Reason, Result};
use crate::interrupt;
use crate::namespace_string::NamespaceString;

/// What the names of such collections begin with.
pub const TEMPORARY: &str = "tmp.agg_out.";

/// Writes the documents to their target.
pub fn write(target: &Collection, docs: Documents) -> Result<()> {
    let database = &target.database;
    if target.exists() && target.stats()?.capped.is_some() {
        let message =
            format!("namespace '{}' is capped so it can't be used for $out", target.namespace());
        return Err(Error::refused(Reason::Location(17152), message));
    }
    let temporary = temporary(database)?.bypassing_validation(target.bypasses_validation);
    let written = fill(&temporary, target, docs).and_then(|()| {
        // From here on no index of the target is created, or dropped, which would be lost.
        let _turn = target.core.turn();
        copy_indexes(&temporary, &specifications(target)?)?;
        database.rename_over(&temporary.core, &target.core, true)
    });
    if written.is_err() {
        // What is left of it is in nobody's way; the first error is the one to tell.
        let _ = database.drop_collection(&temporary.core);
    }
    written
}

/// A collection of a database that nobody else has.
pub fn temporary(database: &Arc<DatabaseCore>) -> Result<Collection> {
    static MADE: AtomicU64 = AtomicU64::new(1);
    loop {
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("{TEMPORARY}{number}");
        let temporary = database.collection(NamespaceString::new(&database.name, &name)?)?;
        if !temporary.exists() {
            return Ok(temporary);
        }
    }
}

fn fill(temporary: &Collection, target: &Collection, docs: Documents) -> Result<()> {
    let mut options = CollectionOptions::default();
    let stored = target.read(None, |_, open| {
        options.policy = open.store.options().policy;
        Ok(Some(open.stored()))
    })?;
    options.validation = target.validation()?;
    let stored = stored.filter(|stored| !stored.is_empty());
    temporary.database.create(&temporary.core, &options, stored)?;
    for doc in docs {
        interrupt::check()?;
        let doc = doc?;
        let doc = RawDocument::from_bytes(&doc)
            .map_err(|_| Error::invalid_bson(0, "a stage gives documents"))?;
        temporary.insert_one(doc)?;
    }
    Ok(())
}

/// The stored specifications of a collection's indexes.
fn specifications(collection: &Collection) -> Result<Vec<Vec<u8>>> {
    let ns = collection.namespace().as_str();
    collection.read(Vec::new(), |_, open| {
        Ok(open.indexes.iter().map(|index| index.definition.to_stored(ns)).collect())
    })
}

/// Builds indexes as these stored specifications say, but for that on `_id`.
pub fn copy_indexes(to: &Collection, specifications: &[Vec<u8>]) -> Result<()> {
    for stored in specifications {
        let mut specification = Builder::new();
        for field in Elements::new(stored)? {
            let field = field?;
            if field.name != b"ns" {
                specification.element(&field);
            }
        }
        let specification = specification.finish();
        if get(&specification, "name")?.and_then(|name| name.val().as_str()) == Some("_id_") {
            continue;
        }
        let specification = RawDocument::from_bytes(&specification)
            .map_err(|_| Error::invalid_bson(0, "an index specification is a document"))?;
        to.create_index_from(specification)?;
    }
    Ok(())
}
