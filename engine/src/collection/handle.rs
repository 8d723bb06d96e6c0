//! [`Collection`]: what a user holds, and what every verb needs in hand.

use std::fmt;
use std::sync::Arc;

use bson::{RawBsonRef, RawDocument, RawDocumentBuf};

use super::catalog::{document_at, document_in};
use super::database_core::{DatabaseCore, check_not_catalogue};
use super::id_key::IdKey;
use super::locate::{Holding, find_by_id};
use super::locked::{CollectionCore, OpenCollection};
use super::scan::{IndexScan, Scan};
use super::stats::CollStats;
use crate::bson::document;
use crate::disk_loc::RecordLoc;
use crate::error::{Error, Result};
use crate::journal::{ReadView, UnitOfWork};
use crate::namespace_string::NamespaceString;
use crate::query::Filter;
use crate::store::Direction;

/// A collection of documents, by name: it need not exist yet. Cheap to clone, and to be shared
/// by threads.
///
/// The first insert or upsert creates it. Until then reading finds nothing.
#[derive(Clone)]
pub struct Collection {
    pub(super) database: Arc<DatabaseCore>,
    pub(super) core: Arc<CollectionCore>,
    /// Is the validator not asked?
    pub(super) bypasses_validation: bool,
}

impl Collection {
    pub(super) fn new(database: Arc<DatabaseCore>, core: Arc<CollectionCore>) -> Collection {
        Collection { database, core, bypasses_validation: false }
    }

    pub(crate) fn core(&self) -> &CollectionCore {
        &self.core
    }

    /// Its full name.
    pub fn namespace(&self) -> &NamespaceString {
        &self.core.ns
    }

    /// Does it exist?
    pub fn exists(&self) -> bool {
        self.core.exists()
    }

    /// Number of documents.
    ///
    /// # Errors
    /// `Corrupt` only.
    pub fn count(&self) -> Result<u64> {
        self.read(0, |view, open| Ok(open.details().stats(view)?.records.max(0) as u64))
    }

    /// The document with this `_id`.
    ///
    /// # Errors
    /// `Corrupt`, or an `_id` that BSON cannot hold.
    pub fn find_by_id<'a>(&self, id: impl Into<RawBsonRef<'a>>) -> Result<Option<RawDocumentBuf>> {
        self.read_by_id(id.into(), |document| Ok(document.to_owned()))
    }

    /// Reads the document with this `_id` where it lies. Its record is held until `read` is done,
    /// which is to be soon.
    pub(crate) fn read_by_id<R>(
        &self,
        id: RawBsonRef<'_>,
        read: impl FnOnce(&RawDocument) -> Result<R>,
    ) -> Result<Option<R>> {
        let id = IdKey::new(id)?;
        self.read(None, |view, open| {
            let Some((place, _record)) = find_by_id(
                Holding::EachRecord(&self.core),
                open,
                view,
                &id,
                &self.database.shared.counters,
            )?
            else {
                return Ok(None);
            };
            let document = document_at(&open.store, view, place.loc)?;
            read(document).map(Some).map_err(|error| error.stored_at(place.loc))
        })
    }

    /// The document in the record at `loc`, as a scan or an index named it.
    ///
    /// A place whose record was removed meanwhile may hold another document, or none: `Corrupt`.
    /// So it is if the place was never one of this collection's. Costs a look at its extents.
    ///
    /// # Errors
    /// `Corrupt` if no sound record of the collection is there.
    pub fn read_at(&self, loc: RecordLoc) -> Result<RawDocumentBuf> {
        self.existing(|view, open| {
            let _record = self.core.read_record(loc);
            let record = open.store.read_named(view, loc)?;
            Ok(document_in(record.data, loc)?.to_owned())
        })
    }

    /// The first document that `filter` matches.
    ///
    /// # Errors
    /// [`Error::Refused`] for a filter that is none; `Corrupt`.
    pub fn find_one(&self, filter: impl AsRef<RawDocument>) -> Result<Option<RawDocumentBuf>> {
        let parsed = checked_filter(filter.as_ref())?;
        let is_collated = self.collation_for(None)?.is_some();
        if let Some(id) = parsed.id_equality().filter(|_| !is_collated) {
            let id = IdKey::from_raw(id.ty, id.bytes);
            return self.read(None, |view, open| {
                let counters = &self.database.shared.counters;
                let holding = Holding::EachRecord(&self.core);
                let found = find_by_id(holding, open, view, &id, counters)?;
                let Some((place, _record)) = found else { return Ok(None) };
                let document = document_at(&open.store, view, place.loc)?;
                let matches = parsed.matches(document.as_bytes())?;
                Ok(matches.then(|| document.to_owned()))
            });
        }
        self.find(filter).limit(1).run()?.next().transpose()
    }

    /// Every document, in natural order or against it.
    ///
    /// # Errors
    /// `Corrupt` only.
    pub fn scan(&self, direction: Direction) -> Result<Scan> {
        Scan::new(self.core.clone(), direction)
    }

    /// Every entry of index `name`, in its order or against it.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such collection or index.
    pub fn index_scan(&self, name: &str, direction: Direction) -> Result<IndexScan> {
        IndexScan::new(self.core.clone(), name, direction)
    }

    /// Its figures.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it does not exist.
    pub fn stats(&self) -> Result<CollStats> {
        self.existing(|view, open| CollStats::read(view, &self.core.ns, open))
    }

    /// Reads under the collection's lock; `otherwise` if it does not exist.
    pub(super) fn read<R>(
        &self,
        otherwise: R,
        work: impl FnOnce(&ReadView<'_>, &OpenCollection) -> Result<R>,
    ) -> Result<R> {
        let guard = self.core.shared();
        let Some(open) = guard.open()? else { return Ok(otherwise) };
        work(&ReadView::new(&open.files, &guard), open)
            .map_err(|e| e.in_database(self.core.ns.database()))
    }

    /// Reads a collection that has to exist.
    pub(super) fn existing<R>(
        &self,
        work: impl FnOnce(&ReadView<'_>, &OpenCollection) -> Result<R>,
    ) -> Result<R> {
        let missing = || Err(self.missing());
        self.read(None, |view, open| work(view, open).map(Some))?.map_or_else(missing, Ok)
    }

    /// Changes structure in one unit of work: all of it, or nothing.
    ///
    /// Where no data file has room for an extent, the unit is rolled back, a file is added with
    /// no lock held, and the work is done again from the start.
    pub(super) fn change<R>(
        &self,
        mut work: impl FnMut(&mut OpenCollection, &mut UnitOfWork<'_>) -> Result<R>,
    ) -> Result<R> {
        self.change_after(|_, _| Ok(()), |open, unit, ()| work(open, unit))
    }

    /// As [`Collection::change`], after a search under the same lock but outside of the gate:
    /// however long that takes, no commit waits for it.
    pub(super) fn change_after<P, R>(
        &self,
        mut find: impl FnMut(&OpenCollection, &ReadView<'_>) -> Result<P>,
        mut work: impl FnMut(&mut OpenCollection, &mut UnitOfWork<'_>, P) -> Result<R>,
    ) -> Result<R> {
        check_not_catalogue(&self.core.ns)?;
        self.database.shared.journal.make_room()?;
        loop {
            let mut guard = self.core.exclusive();
            let Some(open) = guard.open()? else {
                drop(guard);
                return Err(self.missing());
            };
            let found = find(open, &ReadView::new(&open.files, &guard))
                .map_err(|error| error.in_database(self.core.ns.database()))?;
            let (open, changes) = guard.split();
            let open = open.open_mut()?.ok_or_else(|| self.core.missing())?;
            let files = open.files.clone();
            let seen_count = files.count();
            let mut unit = UnitOfWork::structural(&files, changes)?;
            let done = work(open, &mut unit, found)
                .and_then(|done| Ok((done, open.details().stats(&unit)?.records)));
            match done {
                Ok((done, records)) => {
                    unit.finish();
                    open.unit_kept();
                    open.grow_memo(records);
                    return Ok(done);
                }
                Err(error) => {
                    drop(unit);
                    open.unit_rolled_back();
                    drop(guard);
                    self.database.make_room(&files, seen_count, error)?;
                }
            }
        }
    }

    /// Does `change` on a collection that is created if it does not exist.
    pub(super) fn or_create<R>(&self, mut change: impl FnMut() -> Result<R>) -> Result<R> {
        loop {
            match change() {
                Err(Error::NotFound { what: "collection" | "database", .. }) => {
                    self.database.create_if_missing(&self.core)?;
                }
                done => return done,
            }
        }
    }
}

/// What a change came to; nothing was done where the collection does not exist.
pub(super) fn if_it_exists<R: Default>(changed: Result<R>) -> Result<R> {
    match changed {
        Err(Error::NotFound { what: "collection" | "database", .. }) => Ok(R::default()),
        done => done,
    }
}

/// A filter as it comes from outside.
pub(super) fn checked_filter(filter: &RawDocument) -> Result<Filter> {
    document::check(filter.as_bytes())?;
    Filter::parse(filter.as_bytes())
}

impl fmt::Debug for Collection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Collection({})", self.core.ns)
    }
}
