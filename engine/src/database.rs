//! A database: its collections by name.

use std::fmt;
use std::sync::Arc;

use bson::{RawDocument, RawDocumentBuf};

use crate::collection::{
    Collection, CollectionOptions, DatabaseCore, DatabaseMap, DbStats, Profiling, ProfilingLevel,
    StoredOptions, View, check_not_catalogue, prepare_profile, temporary,
};
use crate::error::{Error, Reason, Result};
use crate::namespace_string::NamespaceString;

/// A database, by name: it need not exist yet. Cheap to clone, and to be shared by threads.
#[derive(Clone)]
pub struct Database {
    core: Arc<DatabaseCore>,
}

impl Database {
    pub(crate) fn new(core: Arc<DatabaseCore>) -> Database {
        Database { core }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.core.name
    }

    /// Does it exist?
    pub fn exists(&self) -> bool {
        self.core.exists()
    }

    /// Names of its collections, sorted, without the database's name; the catalogue's own
    /// (`system.…`) included.
    ///
    /// # Errors
    /// `Corrupt` only.
    pub fn collection_names(&self) -> Result<Vec<String>> {
        self.core.collection_names()
    }

    /// A collection by name. It need not exist yet.
    ///
    /// # Errors
    /// [`Error::InvalidNamespace`]; `Corrupt` if it exists and cannot be opened.
    pub fn collection(&self, name: &str) -> Result<Collection> {
        self.core.collection(NamespaceString::new(&self.core.name, name)?)
    }

    /// Creates a collection.
    ///
    /// # Errors
    /// [`Error::NamespaceExists`]; [`Reason::InvalidOptions`] for options that contradict each
    /// other; the disk's.
    pub fn create_collection(&self, name: &str, options: CollectionOptions) -> Result<Collection> {
        options.check()?;
        let collection = self.collection(name)?;
        check_not_catalogue(collection.namespace())?;
        if collection.view()?.is_some() {
            let message = format!("A view already exists. NS: {}", collection.namespace());
            return Err(Error::refused(Reason::NamespaceExists, message));
        }
        let stored = StoredOptions::new(&options)?;
        self.core.create(collection.core(), &options, stored)?;
        Ok(collection)
    }

    /// Makes a view, which is read like a collection, and not written.
    ///
    /// # Errors
    /// [`Reason::NamespaceExists`]; [`Reason::GraphContainsCycle`] and
    /// [`Reason::ViewDepthLimitExceeded`] of views that lead to each other; those of a pipeline
    /// that a view may not have.
    pub fn create_view(&self, view: View) -> Result<()> {
        self.core.create_view(view)
    }

    /// Changes what a view is of, or its pipeline.
    ///
    /// # Errors
    /// [`Error::NotFound`]; as [`Database::create_view`].
    pub fn modify_view(
        &self,
        name: &str,
        on: Option<String>,
        pipeline: Option<Vec<RawDocumentBuf>>,
    ) -> Result<()> {
        self.core.modify_view(name, on, pipeline)
    }

    /// Drops a view. Answers whether there was one.
    ///
    /// # Errors
    /// `Corrupt`; the journal's.
    pub fn drop_view(&self, name: &str) -> Result<bool> {
        self.core.drop_view(name)
    }

    /// Its views, by name.
    ///
    /// # Errors
    /// [`Reason::InvalidViewDefinition`] for one that is none; `Corrupt`.
    pub fn views(&self) -> Result<Vec<View>> {
        self.core.views()
    }

    /// Drops a collection with its indexes. Answers whether it existed.
    ///
    /// # Errors
    /// [`Reason::IllegalOperation`] for the catalogue's own; the journal's.
    pub fn drop_collection(&self, name: &str) -> Result<bool> {
        let collection = self.collection(name)?;
        check_not_catalogue(collection.namespace())?;
        self.core.drop_collection(collection.core())
    }

    /// Gives a collection another name in this database.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::NamespaceExists`].
    pub fn rename_collection(&self, from: &str, to: &str) -> Result<()> {
        self.collection(from)?.move_to(&self.collection(to)?, false)
    }

    /// Gives a collection the name of another one of this database, which is dropped in the same
    /// unit of work, if there is one.
    ///
    /// # Errors
    /// As [`Database::rename_collection`].
    pub fn replace_collection(&self, from: &str, to: &str) -> Result<()> {
        let (from, to) = (self.collection(from)?, self.collection(to)?);
        check_not_catalogue(from.namespace())?;
        check_not_catalogue(to.namespace())?;
        if from.namespace() == to.namespace() {
            let message = "can't rename a collection to itself";
            return Err(Error::refused(Reason::IllegalOperation, message));
        }
        self.core.rename_over(from.core(), to.core(), true)
    }

    /// A collection that nobody has yet, by a name that no other caller gets: what is put together
    /// in it takes the place of another one. What is left of it the next opening drops.
    ///
    /// # Errors
    /// `Corrupt` only.
    pub fn temporary_collection(&self) -> Result<Collection> {
        temporary(&self.core)
    }

    /// Drops the database with all its files. Answers whether it existed.
    ///
    /// # Errors
    /// The journal's and the disk's.
    pub fn drop(&self) -> Result<bool> {
        self.core.drop_database()
    }

    /// What its profiler was told.
    pub fn profiling(&self) -> Profiling {
        self.core.profiler.get(&self.core.shared.profiled)
    }

    /// Tells its profiler which operations to describe in `system.profile`, a capped collection
    /// that is made if there is none. What is slow, and which share is described, it tells the
    /// profilers of all databases. Answers what it was told before.
    ///
    /// # Errors
    /// [`Reason::BadValue`] for a sample rate that is no share.
    pub fn set_profiling(&self, told: Profiling) -> Result<Profiling> {
        let before = self.core.profiler.tell(&self.core.shared.profiled, told)?;
        if told.level != ProfilingLevel::Off {
            prepare_profile(&self.core);
        }
        Ok(before)
    }

    /// The filter that its profiler was told, as a query that says the same.
    pub fn profiling_filter(&self) -> Option<RawDocumentBuf> {
        self.core.profiler.filter()
    }

    /// Tells its profiler a filter, or none: at [`ProfilingLevel::Slow`](crate::ProfilingLevel) it
    /// describes the operations whose entry matches, and asks neither how slow they were nor for
    /// the share.
    ///
    /// # Errors
    /// The filter's; 4910200 if it looks for what no entry has.
    pub fn set_profiling_filter(&self, filter: Option<&RawDocument>) -> Result<()> {
        self.core.profiler.set_filter(filter)
    }

    /// A map of its files: extents, records, padding and holes. Empty if it does not exist.
    /// Holds the database and all its collections until it is made.
    ///
    /// # Errors
    /// None that damage causes: that is in the map.
    pub fn map(&self) -> Result<DatabaseMap> {
        DatabaseMap::read(&self.core)
    }

    /// Its figures; zeros if it does not exist.
    ///
    /// # Errors
    /// `Corrupt` only.
    pub fn stats(&self) -> Result<DbStats> {
        DbStats::read(&self.core)
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Database({})", self.core.name)
    }
}
