//! What is behind a database's name: its files and its catalogue behind one lock, and the cores
//! of its collections.
//!
//! There is one [`DatabaseCore`] per name for as long as somebody holds it, whether or not the
//! database exists; what exists is behind its lock.

use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use super::catalog::Catalog;
use super::create::{create_collection, drop_collection, rename_collection};
use super::handle::Collection;
use super::held::Held;
use super::index_build::finish_interrupted_builds;
use super::locked::{CollectionCore, Known, OpenCollection, Opening, Turn};
use super::name_table::NameTable;
use super::options::CollectionOptions;
use super::profile::Profiler;
use super::shared::EngineShared;
use super::stored_options::StoredOptions;
use crate::disk::View;
use crate::error::{Error, Reason, Result};
use crate::journal::{DatabaseFiles, ReadView, UnitOfWork};
use crate::limits::EXTENT_LEN_MIN;
use crate::locks::{Exclusive, StructureLock};
use crate::namespace_string::{CATALOGUE, NamespaceString};
use crate::store::{FileSizes, SizingPolicy, StoreOptions};

/// One name's database.
#[derive(Debug)]
pub struct DatabaseCore {
    pub name: String,
    pub shared: Arc<EngineShared>,
    lock: StructureLock<Option<OpenDatabase>>,
    collections: Mutex<NameTable<CollectionCore>>,
    /// The catalogue's collections: whoever changes the catalogue holds them exclusively, so
    /// that they can be read like any other.
    catalogue: [Arc<CollectionCore>; CATALOGUE.len()],
    /// The files of a database that could not be completed, for want of space, for the next try.
    incomplete: Mutex<Option<Arc<DatabaseFiles>>>,
    /// Held by whoever makes, changes or drops a view, or gives a collection its name: V1. Taken
    /// behind a collection's turn, and before all locks.
    views: Mutex<()>,
    /// Says which operations are profiled.
    pub profiler: Profiler,
}

/// A database that exists.
#[derive(Debug)]
pub struct OpenDatabase {
    pub files: Arc<DatabaseFiles>,
    pub catalog: Catalog,
}

impl DatabaseCore {
    /// The core of a database that does not exist yet. Its name was checked.
    pub fn new(name: &str, shared: Arc<EngineShared>) -> Arc<DatabaseCore> {
        let catalogue = CATALOGUE.map(|collection| {
            let ns = NamespaceString::system(name, collection);
            Arc::new(CollectionCore::new(ns, shared.journal.stripes(), Known::MISSING))
        });
        let mut collections = NameTable::new(CollectionCore::exists);
        for core in &catalogue {
            collections.add(core.ns.as_str(), core.clone());
        }
        let profiler = Profiler::new(&shared.profiled);
        Arc::new(DatabaseCore {
            name: name.to_owned(),
            shared,
            lock: StructureLock::new(None),
            collections: Mutex::new(collections),
            catalogue,
            incomplete: Mutex::default(),
            views: Mutex::default(),
            profiler,
        })
    }

    /// Opens the database `name`, whose files are there. Builds of indexes that a crash has
    /// interrupted are done again; the headers of older versions are brought up to date.
    ///
    /// # Errors
    /// `Corrupt`, and the disk's.
    pub fn open(name: &str, shared: Arc<EngineShared>) -> Result<Arc<DatabaseCore>> {
        let files = shared.journal.open_database(name)?;
        let writable = !shared.options.read_only;
        let core = DatabaseCore::new(name, shared);
        core.install(&mut core.lock.exclusive(), files, writable)
            .map_err(|error| error.in_database(name))?;
        if writable {
            finish_interrupted_builds(&core)?;
        }
        Ok(core)
    }

    /// Does it exist?
    pub fn exists(&self) -> bool {
        self.lock.shared().is_some()
    }

    /// Does it exist, or is there something of it that the next attempt to make it needs?
    pub fn is_needed(&self) -> bool {
        self.exists() || self.incomplete.lock().is_some()
    }

    /// Reads the catalogue; `otherwise` if the database does not exist.
    ///
    /// # Errors
    /// Those of `work`.
    pub fn read<R>(
        &self,
        otherwise: R,
        work: impl FnOnce(&ReadView<'_>, &OpenDatabase) -> Result<R>,
    ) -> Result<R> {
        let guard = self.lock.shared();
        let Some(open) = guard.as_ref() else { return Ok(otherwise) };
        work(&ReadView::new(&open.files, &guard), open).map_err(|e| e.in_database(&self.name))
    }

    /// Reads all that the files hold, whoever it belongs to; `None` if the database does not
    /// exist.
    ///
    /// # Errors
    /// Those of `work`.
    pub fn read_whole<R>(
        &self,
        work: impl FnOnce(&ReadView<'_>, &OpenDatabase) -> Result<R>,
    ) -> Result<Option<R>> {
        let guard = self.lock.exclusive();
        let Some(open) = guard.as_ref() else { return Ok(None) };
        let cores = self.collection_cores();
        let _held: Vec<_> = cores.iter().map(|core| core.exclusive()).collect();
        let view = ReadView::new(&open.files, &guard);
        work(&view, open).map(Some).map_err(|e| e.in_database(&self.name))
    }

    /// How records of the catalogue and of indexes are placed.
    pub fn store_options(&self, policy: SizingPolicy) -> StoreOptions {
        StoreOptions {
            policy,
            file_sizes: FileSizes::new(self.shared.options.small_files),
            samples: self.shared.samples.clone(),
        }
    }

    /// Names of its collections, sorted, without the database's name.
    ///
    /// # Errors
    /// `Corrupt` only.
    pub fn collection_names(&self) -> Result<Vec<String>> {
        let names = self.read(Vec::new(), |view, open| open.catalog.collection_names(view))?;
        let prefix = self.name.len() + 1;
        Ok(names.iter().filter_map(|name| name.get(prefix..)).map(str::to_owned).collect())
    }

    /// A collection; opened if it exists and is asked for the first time.
    ///
    /// # Errors
    /// `Corrupt` if it exists and cannot be opened.
    pub fn collection(self: &Arc<Self>, ns: NamespaceString) -> Result<Collection> {
        Ok(Collection::new(self.clone(), self.collection_core(ns)?))
    }

    fn collection_core(self: &Arc<Self>, ns: NamespaceString) -> Result<Arc<CollectionCore>> {
        if let Some(core) = self.collections.lock().get(ns.as_str()) {
            return Ok(core.clone());
        }
        let stored = StoredOptions::load(self, ns.collection())?;
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
        let core =
            Arc::new(CollectionCore::new(ns, self.shared.journal.stripes(), Known::new(Ok(state))));
        collections.add(core.ns.as_str(), core.clone());
        Ok(core)
    }

    fn collection_cores(&self) -> Vec<Arc<CollectionCore>> {
        self.collections.lock().iter().map(|(_, core)| core.clone()).collect()
    }

    /// Names of collections that are known, whether they exist or not.
    #[cfg(test)]
    pub fn known_collections(&self) -> usize {
        self.collections.lock().iter().count()
    }

    pub(super) fn load(
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
            field_order: self.shared.field_order,
        };
        opening.open(view, ns).map_err(|e| e.in_database(&self.name))
    }

    /// Creates the collection of `core` with default options, unless it exists.
    ///
    /// # Errors
    /// As [`DatabaseCore::create`].
    pub fn create_if_missing(self: &Arc<Self>, core: &CollectionCore) -> Result<()> {
        loop {
            match self.create(core, &CollectionOptions::default(), None) {
                // Only if somebody else was first: a namespace that is in the way may be damage.
                Err(Error::NamespaceExists { .. }) if core.exists() => return Ok(()),
                // Somebody dropped the database that was made for it.
                Err(Error::NotFound { what: "database", .. }) => {}
                done => return done,
            }
        }
    }

    /// Creates a collection.
    ///
    /// # Errors
    /// [`Error::NamespaceExists`]; the store's and the disk's.
    pub fn create(
        self: &Arc<Self>,
        core: &CollectionCore,
        options: &CollectionOptions,
        stored: Option<StoredOptions>,
    ) -> Result<()> {
        check_not_catalogue(&core.ns)?;
        self.create_database()?;
        let (turn, _views) = (core.turn(), self.free_of_views(&core.ns)?);
        let mut held = self.hold_all(core, Some(turn));
        if held.collection.exists() {
            return Err(Error::NamespaceExists { ns: core.ns.to_string() });
        }
        let store_options = self.store_options(options.policy);
        held.unit_with_options(&[(core.ns.collection(), stored.as_ref())], |open, unit| {
            create_collection(&open.catalog, unit, &core.ns, options, store_options.clone())
        })?;
        held.reopen_with(stored.unwrap_or_default())
    }

    /// Drops a collection. Answers whether it existed.
    ///
    /// # Errors
    /// The journal's.
    pub fn drop_collection(&self, core: &CollectionCore) -> Result<bool> {
        self.drop_held(&mut self.hold(core)?, core)
    }

    /// The same of one that is held.
    pub fn drop_held(&self, held: &mut Held<'_>, core: &CollectionCore) -> Result<bool> {
        let Some(details) = held.collection.open()?.map(OpenCollection::details) else {
            return Ok(false);
        };
        held.unit_with_options(&[(core.ns.collection(), None)], |open, unit| {
            drop_collection(&open.catalog, unit, &core.ns, details)
        })?;
        held.reopen()?;
        Ok(true)
    }

    /// Keeps others from making, changing or dropping views.
    pub fn hold_views(&self) -> MutexGuard<'_, ()> {
        self.views.lock()
    }

    /// The same for as long as a collection is given a name, which no view may have. Of the
    /// system's own names none is a view's.
    fn free_of_views(self: &Arc<Self>, ns: &NamespaceString) -> Result<Option<MutexGuard<'_, ()>>> {
        if ns.is_system() {
            return Ok(None);
        }
        let held = self.hold_views();
        self.check_no_view(ns)?;
        Ok(Some(held))
    }

    /// Gives a collection another name. Its records stay where they are. A collection of that name
    /// is dropped first if it `may_drop`, in the same unit of work.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::NamespaceExists`]; the store's.
    pub fn rename_over(
        self: &Arc<Self>,
        from: &CollectionCore,
        to: &CollectionCore,
        may_drop: bool,
    ) -> Result<()> {
        check_not_catalogue(&from.ns)?;
        check_not_catalogue(&to.ns)?;
        let (turn, _views) = (from.turn(), self.free_of_views(&to.ns)?);
        let mut held = self.hold_all(from, Some(turn));
        // Two collections at once: nobody else holds two without the database.
        let mut target = to.exclusive();
        if target.exists() && !may_drop {
            return Err(Error::NamespaceExists { ns: to.ns.to_string() });
        }
        let dropped = target.open()?.map(OpenCollection::details);
        let old = held.collection.open()?.ok_or_else(|| from.missing())?;
        let (details, stored) = (old.details(), old.stored());
        let noting_arrays: Vec<_> = old.noting_arrays().collect();
        let options = [
            (from.ns.collection(), None),
            (to.ns.collection(), Some(&stored).filter(|stored| !stored.is_empty())),
        ];
        let renamed = held.unit_with_options(&options, |open, unit| {
            if let Some(details) = dropped {
                drop_collection(&open.catalog, unit, &to.ns, details)?;
            }
            rename_collection(&open.catalog, unit, &from.ns, &to.ns, details)?;
            self.load(open, unit, &to.ns, stored.clone())
        })?;
        renamed.iter().for_each(|open| open.note_arrays(&noting_arrays));
        *target = Known::new(Ok(renamed));
        *held.collection = Known::MISSING;
        Ok(())
    }

    /// Holds the database, its catalogue and one of its collections exclusively. Waits for an
    /// index of it that is being built.
    ///
    /// # Errors
    /// [`Reason::IllegalOperation`] for the catalogue's own collections.
    pub fn hold<'a>(&'a self, collection: &'a CollectionCore) -> Result<Held<'a>> {
        check_not_catalogue(&collection.ns)?;
        let turn = collection.turn();
        Ok(self.hold_all(collection, Some(turn)))
    }

    /// The same for one who has the collection's turn.
    pub fn hold_in_turn<'a>(
        &'a self,
        collection: &'a CollectionCore,
        _turn: &Turn<'a>,
    ) -> Held<'a> {
        self.hold_all(collection, None)
    }

    fn hold_all<'a>(&'a self, collection: &'a CollectionCore, turn: Option<Turn<'a>>) -> Held<'a> {
        let database = self.lock.exclusive();
        let catalogue = self.catalogue.each_ref().map(|core| core.exclusive());
        Held::new(self, &collection.ns, database, catalogue, collection.exclusive(), turn)
    }

    /// The collection of stored options.
    pub fn options_core(&self) -> &CollectionCore {
        let [.., options] = &self.catalogue;
        options
    }

    /// Adds a data file if that is what `error` asks for; else gives the error back.
    pub fn make_room(&self, files: &DatabaseFiles, seen_count: i32, error: Error) -> Result<()> {
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
        let begun = self.incomplete.lock().take();
        let files = match begun {
            Some(files) => files,
            None => self.shared.journal.create_database(&self.name)?,
        };
        let installed = self.install(&mut guard, files.clone(), true);
        if installed.is_err() {
            *self.incomplete.lock() = Some(files);
        }
        installed
    }

    /// Puts an opened database behind the lock. With `writable`, makes what is missing of its
    /// catalogue: a crash, or a full disk, may have come after the `.ns` file.
    fn install(
        &self,
        guard: &mut Exclusive<'_, Option<OpenDatabase>>,
        files: Arc<DatabaseFiles>,
        writable: bool,
    ) -> Result<()> {
        let options = self.store_options(SizingPolicy::default());
        if files.count() == 0 && writable {
            files.add_data_file(EXTENT_LEN_MIN, 0)?;
        }
        let catalog = Catalog::open(&ReadView::new(&files, guard), &self.name, options)?;
        if writable {
            self.complete(guard, &files, &catalog)?;
        }
        let open = OpenDatabase { files, catalog };
        for core in &self.catalogue {
            let view = ReadView::new(&open.files, guard);
            // Damage in one of them is told to those who need it.
            *core.exclusive() =
                Known::new(self.load(&open, &view, &core.ns, StoredOptions::default()));
        }
        **guard = Some(open);
        Ok(())
    }

    /// Makes what is missing of the catalogue, in one unit.
    fn complete(
        &self,
        guard: &mut Exclusive<'_, Option<OpenDatabase>>,
        files: &DatabaseFiles,
        catalog: &Catalog,
    ) -> Result<()> {
        loop {
            let seen_count = files.count();
            let mut unit = UnitOfWork::structural(files, guard.split().1)?;
            match catalog.prepare(&mut unit) {
                Ok(()) => {
                    unit.finish();
                    return Ok(());
                }
                Err(error) => {
                    drop(unit);
                    self.make_room(files, seen_count, error)?;
                }
            }
        }
    }

    /// Drops the database with all its files, also one that could not be completed. Answers
    /// whether it existed.
    ///
    /// # Errors
    /// The journal's and the disk's: then the engine takes no more writes.
    pub fn drop_database(&self) -> Result<bool> {
        self.profiler.forget(&self.shared.profiled);
        let mut guard = self.lock.exclusive();
        if let Some(files) = self.incomplete.lock().take() {
            self.shared.journal.drop_database(&files)?;
        }
        let Some(open) = guard.as_ref() else { return Ok(false) };
        let cores = self.collection_cores();
        let mut held: Vec<_> = cores.iter().map(|core| core.exclusive()).collect();
        self.shared.journal.drop_database(&open.files)?;
        held.iter_mut().for_each(|collection| **collection = Known::MISSING);
        *guard = None;
        Ok(true)
    }
}

/// Refuses what would change the catalogue's own collections.
pub fn check_not_catalogue(ns: &NamespaceString) -> Result<()> {
    match ns.is_catalogue() {
        false => Ok(()),
        true => Err(Error::refused(
            Reason::IllegalOperation,
            format!("{ns} is the catalogue's own: it changes with the collections it describes"),
        )),
    }
}
