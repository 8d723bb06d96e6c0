//! A database: its files, its catalogue, its collections by name.
//!
//! There is one [`DatabaseCore`] per name for as long as the engine is open, whether or not the
//! database exists; what exists is behind its lock.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::collection::{
    Catalog, Collection, CollectionCore, CollectionOptions, DbStats, OpenCollection, Opening,
    StoredOptions, create_collection, drop_collection, rename_collection,
};
use crate::disk::View;
use crate::engine::EngineShared;
use crate::error::{Error, Reason, Result};
use crate::journal::{DatabaseFiles, ReadView, UnitOfWork};
use crate::locks::{Exclusive, StructureLock};
use crate::namespace_string::NamespaceString;
use crate::store::{FileSizes, SizingPolicy, StoreOptions};

/// A database, by name: it need not exist yet. Cheap to clone, and to be shared by threads.
#[derive(Clone)]
pub struct Database {
    core: Arc<DatabaseCore>,
}

/// One name's database.
#[derive(Debug)]
pub(crate) struct DatabaseCore {
    pub(crate) name: String,
    pub(crate) shared: Arc<EngineShared>,
    lock: StructureLock<Option<OpenDatabase>>,
    collections: Mutex<HashMap<String, Arc<CollectionCore>>>,
}

/// A database that exists.
#[derive(Debug)]
pub(crate) struct OpenDatabase {
    pub(crate) files: Arc<DatabaseFiles>,
    pub(crate) catalog: Catalog,
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
        let guard = self.core.lock.shared();
        let Some(open) = guard.as_ref() else { return Ok(Vec::new()) };
        let names = open.catalog.collection_names(&ReadView::new(&open.files, &guard))?;
        let prefix = self.core.name.len() + 1;
        Ok(names.iter().filter_map(|name| name.get(prefix..)).map(str::to_owned).collect())
    }

    /// A collection by name. It need not exist yet.
    ///
    /// # Errors
    /// [`Error::InvalidNamespace`]; `Corrupt` if it exists and cannot be opened.
    pub fn collection(&self, name: &str) -> Result<Collection> {
        let ns = NamespaceString::new(&self.core.name, name)?;
        Ok(Collection::new(self.core.clone(), self.core.collection(ns)?))
    }

    /// Creates a collection.
    ///
    /// # Errors
    /// [`Error::NamespaceExists`]; [`Reason::InvalidOptions`] for options that contradict each
    /// other; the disk's.
    pub fn create_collection(&self, name: &str, options: CollectionOptions) -> Result<Collection> {
        options.check()?;
        let collection = self.collection(name)?;
        check_not_system(collection.namespace())?;
        let stored = StoredOptions::new(&options)?;
        if collection.exists() {
            return Err(Error::NamespaceExists { ns: collection.namespace().to_string() });
        }
        // First, so that a crash in between leaves no collection without them.
        StoredOptions::save(self, name, stored.as_ref())?;
        self.core.create(collection.core(), &options, stored)?;
        Ok(collection)
    }

    /// Drops a collection with its indexes. Answers whether it existed.
    ///
    /// # Errors
    /// [`Reason::IllegalOperation`] for the catalogue's own; the journal's.
    pub fn drop_collection(&self, name: &str) -> Result<bool> {
        let collection = self.collection(name)?;
        check_not_system(collection.namespace())?;
        let existed = {
            let mut held = self.core.hold(collection.core());
            let existed = held.collection.is_some();
            if existed {
                held.unit(|open, state, unit| {
                    let Some(state) = state else { return Ok(()) };
                    drop_collection(&open.catalog, unit, collection.namespace(), state.details())
                })?;
                held.reopen()?;
            }
            existed
        };
        if existed {
            StoredOptions::save(self, name, None)?;
        }
        Ok(existed)
    }

    /// Gives a collection another name in this database.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::NamespaceExists`].
    pub fn rename_collection(&self, from: &str, to: &str) -> Result<()> {
        let (from, to) = (self.collection(from)?, self.collection(to)?);
        check_not_system(from.namespace())?;
        check_not_system(to.namespace())?;
        if from.namespace() == to.namespace() {
            return Err(Error::refused(
                Reason::IllegalOperation,
                "can't rename a collection to itself",
            ));
        }
        let stored = StoredOptions::load(self, from.namespace().collection())?;
        StoredOptions::save(self, to.namespace().collection(), stored.as_ref())?;
        self.core.rename(from.core(), to.core())?;
        StoredOptions::save(self, from.namespace().collection(), None)
    }

    /// Drops the database with all its files. Answers whether it existed.
    ///
    /// # Errors
    /// The journal's and the disk's.
    pub fn drop(&self) -> Result<bool> {
        self.core.drop_all()
    }

    /// Its figures; zeros if it does not exist.
    ///
    /// # Errors
    /// `Corrupt` only.
    pub fn stats(&self) -> Result<DbStats> {
        let guard = self.core.lock.shared();
        match guard.as_ref() {
            None => Ok(DbStats { database: self.core.name.clone(), ..DbStats::default() }),
            Some(open) => {
                DbStats::read(&ReadView::new(&open.files, &guard), &self.core.name, &open.catalog)
            }
        }
    }
}

impl DatabaseCore {
    pub(crate) fn new(
        name: &str,
        shared: Arc<EngineShared>,
        open: Option<OpenDatabase>,
    ) -> DatabaseCore {
        DatabaseCore {
            name: name.to_owned(),
            shared,
            lock: StructureLock::new(open),
            collections: Mutex::default(),
        }
    }

    pub(crate) fn exists(&self) -> bool {
        self.lock.shared().is_some()
    }

    /// Reads the catalogue of the database, if it exists.
    pub(crate) fn read<R>(
        &self,
        otherwise: R,
        work: impl FnOnce(&ReadView<'_>, &OpenDatabase) -> Result<R>,
    ) -> Result<R> {
        let guard = self.lock.shared();
        let Some(open) = guard.as_ref() else { return Ok(otherwise) };
        work(&ReadView::new(&open.files, &guard), open).map_err(|e| e.in_database(&self.name))
    }

    /// How records of the catalogue and of indexes are placed.
    fn store_options(&self, policy: SizingPolicy) -> StoreOptions {
        StoreOptions {
            policy,
            file_sizes: FileSizes::new(self.shared.options.small_files),
            samples: self.shared.samples.clone(),
            counters: self.shared.counters.clone(),
        }
    }

    /// The core of a collection; opened if it exists and is asked for the first time.
    fn collection(self: &Arc<Self>, ns: NamespaceString) -> Result<Arc<CollectionCore>> {
        if let Some(core) = self.collections.lock().get(ns.as_str()) {
            return Ok(core.clone());
        }
        let stored = if ns.collection() == StoredOptions::COLLECTION || ns.is_system() {
            None
        } else {
            StoredOptions::load(&Database::new(self.clone()), ns.collection())?
        };
        let guard = self.lock.shared();
        let mut collections = self.collections.lock();
        if let Some(core) = collections.get(ns.as_str()) {
            return Ok(core.clone());
        }
        let state = match guard.as_ref() {
            None => None,
            Some(open) => {
                let view = ReadView::new(&open.files, &guard);
                self.load(open, &view, &ns, stored.unwrap_or_default())?
            }
        };
        let core = Arc::new(CollectionCore::new(ns, self.shared.stripes.clone(), state));
        collections.insert(core.ns.to_string(), core.clone());
        Ok(core)
    }

    fn load(
        &self,
        open: &OpenDatabase,
        view: &impl View,
        ns: &NamespaceString,
        stored: StoredOptions,
    ) -> Result<Option<OpenCollection>> {
        let opening = Opening {
            files: &open.files,
            catalog: &open.catalog,
            store_options: self.store_options(SizingPolicy::default()),
            stored,
            memos: self.shared.options.memos,
        };
        opening.open(view, ns).map_err(|e| e.in_database(&self.name))
    }

    /// Creates the collection of `core` with default options, unless it exists.
    pub(crate) fn create_if_missing(&self, core: &CollectionCore) -> Result<()> {
        check_not_system(&core.ns)?;
        match self.create(core, &CollectionOptions::default(), None) {
            Err(Error::NamespaceExists { .. }) => Ok(()),
            done => done,
        }
    }

    fn create(
        &self,
        core: &CollectionCore,
        options: &CollectionOptions,
        stored: Option<StoredOptions>,
    ) -> Result<()> {
        self.create_database()?;
        let mut held = self.hold(core);
        if held.collection.is_some() {
            return Err(Error::NamespaceExists { ns: core.ns.to_string() });
        }
        let store_options = self.store_options(options.policy);
        held.unit(|open, _, unit| {
            create_collection(&open.catalog, unit, &core.ns, options, store_options.clone())
        })?;
        held.reopen_with(stored.unwrap_or_default())
    }

    fn rename(&self, from: &CollectionCore, to: &CollectionCore) -> Result<()> {
        let mut database = self.lock.exclusive();
        // Two collections at once: nobody else holds two without the database.
        let (mut from_guard, mut to_guard) = (from.exclusive(), to.exclusive());
        if to_guard.is_some() {
            return Err(Error::NamespaceExists { ns: to.ns.to_string() });
        }
        let old = from_guard.as_ref().ok_or_else(|| from.missing())?;
        let (details, stored) = (old.details(), old.stored());
        let (open, changes) = database.split();
        let open = open.as_ref().ok_or_else(|| from.missing())?;
        let mut unit = UnitOfWork::structural(&open.files, changes)?;
        rename_collection(&open.catalog, &mut unit, &from.ns, &to.ns, details)?;
        *to_guard = self.load(open, &unit, &to.ns, stored)?;
        *from_guard = None;
        unit.finish();
        Ok(())
    }

    /// Holds the database and one of its collections exclusively.
    pub(crate) fn hold<'a>(&'a self, collection: &'a CollectionCore) -> Held<'a> {
        let database = self.lock.exclusive();
        Held { core: self, ns: &collection.ns, database, collection: collection.exclusive() }
    }

    /// Adds a data file if that is what `error` asks for; else gives the error back.
    pub(crate) fn make_room(
        &self,
        files: &DatabaseFiles,
        seen_count: i32,
        error: Error,
    ) -> Result<()> {
        match error {
            Error::NeedsDataFile { extent_len } => files.add_data_file(extent_len, seen_count),
            error => Err(error.in_database(&self.name)),
        }
    }

    /// Creates the database's files and catalogue, unless they are there.
    fn create_database(&self) -> Result<()> {
        let mut guard = self.lock.exclusive();
        if guard.is_some() {
            return Ok(());
        }
        let shared = &self.shared;
        let files = shared.journal.create_database(&self.name)?;
        *guard = Some(self.initialize(files, true)?);
        Ok(())
    }

    /// Opens the database `name`, whose files are there. Builds of indexes that a crash has
    /// interrupted are done again; the headers of older versions are brought up to date.
    pub(crate) fn open(name: &str, shared: Arc<EngineShared>) -> Result<Arc<DatabaseCore>> {
        let files = shared.journal.open_database(name)?;
        let read_only = shared.options.read_only;
        let core = Arc::new(DatabaseCore::new(name, shared, None));
        let open = core.initialize(files, !read_only).map_err(|e| e.in_database(name))?;
        *core.lock.exclusive() = Some(open);
        if !read_only {
            crate::collection::finish_interrupted_builds(&Database::new(core.clone()))?;
        }
        Ok(core)
    }

    /// Reads the catalogue; with `writable`, makes what is missing of it: a crash may have come
    /// between the `.ns` file and the first data file.
    fn initialize(&self, files: Arc<DatabaseFiles>, writable: bool) -> Result<OpenDatabase> {
        let lock = StructureLock::new(());
        let options = self.store_options(SizingPolicy::default());
        if files.count() == 0 && writable {
            files.add_data_file(crate::limits::EXTENT_LEN_MIN, 0)?;
        }
        let catalog = Catalog::open(&ReadView::new(&files, &lock.shared()), &self.name, options)?;
        if writable {
            let mut guard = lock.exclusive();
            let mut unit = UnitOfWork::structural(&files, guard.split().1)?;
            catalog.prepare(&mut unit)?;
            unit.finish();
        }
        Ok(OpenDatabase { files, catalog })
    }

    fn drop_all(&self) -> Result<bool> {
        let mut guard = self.lock.exclusive();
        let Some(open) = guard.take() else { return Ok(false) };
        for core in self.collections.lock().values() {
            *core.exclusive() = None;
        }
        self.shared.journal.drop_database(&open.files)?;
        Ok(true)
    }
}

/// A database and one of its collections, held exclusively: for work on what the catalogue says
/// of the collection.
pub(crate) struct Held<'a> {
    core: &'a DatabaseCore,
    ns: &'a NamespaceString,
    database: Exclusive<'a, Option<OpenDatabase>>,
    pub(crate) collection: Exclusive<'a, Option<OpenCollection>>,
}

/// Steps of long work that make one unit: a commit waits for no more than these.
const STEPS_PER_UNIT: usize = 256;

impl Held<'_> {
    /// Does one unit of work. Where a data file is needed it is added, and the work done again.
    pub(crate) fn unit<R>(
        &mut self,
        mut work: impl FnMut(&OpenDatabase, Option<&OpenCollection>, &mut UnitOfWork<'_>) -> Result<R>,
    ) -> Result<R> {
        loop {
            let (open, changes) = self.database.split();
            let open = open.as_ref().ok_or_else(|| Error::NotFound {
                what: "database",
                name: self.core.name.clone(),
            })?;
            let files = open.files.clone();
            let seen_count = files.count();
            let mut unit = UnitOfWork::structural(&files, changes)?;
            match work(open, self.collection.as_ref(), &mut unit) {
                Ok(done) => {
                    unit.finish();
                    return Ok(done);
                }
                Err(error) => {
                    drop(unit);
                    self.core.make_room(&files, seen_count, error)?;
                }
            }
        }
    }

    /// Does long work in several units: `step` advances `state`, and answers whether there is
    /// more to do.
    pub(crate) fn steps<S: Clone>(
        &mut self,
        state: &mut S,
        mut step: impl FnMut(&mut S, &mut UnitOfWork<'_>) -> Result<bool>,
    ) -> Result<()> {
        loop {
            let (advanced, more) = self.unit(|_, _, unit| {
                let mut state = state.clone();
                let more = (0..STEPS_PER_UNIT).try_fold(true, |more, _| match more {
                    true => step(&mut state, unit),
                    false => Ok(false),
                })?;
                Ok((state, more))
            })?;
            *state = advanced;
            if !more {
                return Ok(());
            }
        }
    }

    /// Reads anew what the files say of the collection.
    pub(crate) fn reopen(&mut self) -> Result<()> {
        let stored = self.collection.as_ref().map(OpenCollection::stored);
        self.reopen_with(stored.unwrap_or_default())
    }

    fn reopen_with(&mut self, stored: StoredOptions) -> Result<()> {
        let Some(open) = self.database.as_ref() else { return Ok(()) };
        let view = ReadView::new(&open.files, &self.database);
        *self.collection = self.core.load(open, &view, self.ns, stored)?;
        Ok(())
    }
}

fn check_not_system(ns: &NamespaceString) -> Result<()> {
    match ns.is_system() {
        false => Ok(()),
        true => Err(Error::refused(
            Reason::IllegalOperation,
            format!("{ns} is the catalogue's own: it changes with the collections it describes"),
        )),
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Database({})", self.core.name)
    }
}
