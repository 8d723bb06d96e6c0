//! What is behind a collection's lock.
//!
//! There is one [`CollectionCore`] per name for as long as somebody holds it, whether or not
//! the collection exists. Creating and dropping it changes what is behind the lock, not the
//! core, so that handles stay good.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, MutexGuard};

use super::building::Building;
use super::catalog::Catalog;
use super::hit_request::PathMemo;
use super::index_keys::Index;
use super::plan_cache::PlanCache;
use super::record_memo::RecordMemo;
use super::saved_cursors::SavedCursors;
use super::shapes::Shapes;
use super::stored_options::StoredOptions;
use super::validation::{ValidationRules, Validator};
use super::variables::collation_of;
use crate::bson::collation::Collation;
use crate::disk::View;
use crate::disk_loc::RecordLoc;
use crate::error::{Error, Reason, Result};
use crate::format::namespace::details::FLAG_NO_PADDING;
use crate::journal::DatabaseFiles;
use crate::locks::{Exclusive, RecordStripes, Shared, Stripe, StripeRead, StructureLock};
use crate::namespace_string::NamespaceString;
use crate::store::{
    Direction, NamespaceDetails, RecordScan, RecordStore, SizingPolicy, StoreOptions,
};
use crate::update::template::Template;
use crate::update::{FieldOrder, IndexedPaths};

/// One name's collection: its lock, and what it is when it exists.
#[derive(Debug)]
pub struct CollectionCore {
    pub ns: NamespaceString,
    lock: StructureLock<Known>,
    /// Paths that hits have named.
    pub paths: PathMemo,
    /// Held by whoever changes what the catalogue says of it, from beginning to end; an index is
    /// built so without the lock being held. It is taken before all locks.
    turn: Mutex<()>,
    stripes: Arc<RecordStripes>,
}

/// The right to change what the catalogue says of a collection, in as many steps as it takes.
#[derive(Debug)]
pub struct Turn<'a>(#[expect(dead_code, reason = "held")] MutexGuard<'a, ()>);

/// What is known of a collection: what it is, that it does not exist, or why neither can be said.
#[derive(Debug)]
pub struct Known(Result<Option<OpenCollection>>);

/// A collection that exists.
#[derive(Debug)]
pub struct OpenCollection {
    pub files: Arc<DatabaseFiles>,
    pub store: RecordStore,
    /// Completed indexes, by slot.
    pub indexes: Vec<Index>,
    /// The index that is being built while others write.
    pub building: Option<Arc<Building>>,
    /// The fields that their keys are made of.
    pub indexed_paths: IndexedPaths,
    pub is_capped: bool,
    /// The document that a missing `_id` starts from.
    pub template: Option<Template>,
    /// The order in which updates create fields.
    pub field_order: FieldOrder,
    /// What documents have to match to be written.
    pub validator: Option<Validator>,
    /// By which collation texts are compared unless a request says.
    pub collation: Option<Arc<Collation>>,
    /// Is no update made in place? Not where each has its say in the padding, where documents are
    /// validated, and where an `_id` may be another text.
    pub updates_generally: bool,
    /// Records by `_id`; none where memos are switched off.
    pub memo: Option<RecordMemo>,
    pub shapes: Shapes,
    /// Scans in progress, to be moved off records that go away. Those of other generations are
    /// none of them.
    pub cursors: SavedCursors,
    /// Plans that did best, of the indexes that there are.
    pub plans: PlanCache,
    /// Tells this state of the collection from those before it was emptied or rebuilt.
    pub generation: u64,
    /// Tells this state of its indexes from those before one was created or dropped.
    pub index_generation: u64,
    is_catalogue: bool,
    /// Why an index keeps the collection from being written, if one does.
    unmaintainable: Option<String>,
    stored: StoredOptions,
}

/// How a collection is opened.
#[derive(Debug)]
pub struct Opening<'a> {
    pub files: &'a Arc<DatabaseFiles>,
    pub catalog: &'a Catalog,
    pub stored: StoredOptions,
    pub store_options: StoreOptions,
    pub memos: bool,
    /// Where the collection has none of its own.
    pub field_order: FieldOrder,
}

impl Opening<'_> {
    /// The collection `ns`, if it exists.
    ///
    /// # Errors
    /// `Corrupt`; a template that is none.
    pub fn open(self, view: &impl View, ns: &NamespaceString) -> Result<Option<OpenCollection>> {
        static GENERATIONS: AtomicU64 = AtomicU64::new(1);
        let Some(details) = self.catalog.find(view, ns.as_str())? else { return Ok(None) };
        let mut indexes = Vec::new();
        for slot in 0..details.index_counts(view)?.completed {
            indexes.push(Index::at_slot(self.catalog, view, ns, details, slot)?);
        }
        // What comes is written here.
        if let Ok(None) = RecordScan::new(details, Direction::Forward).next(view) {
            indexes.iter().for_each(Index::set_notes_arrays);
        }
        let mut store_options = self.store_options;
        store_options.policy = match self.stored.policy {
            Some(policy) => policy,
            None if details.user_flags(view)? & FLAG_NO_PADDING != 0 => SizingPolicy::Exact,
            None => SizingPolicy::PowerOf2,
        };
        let template = self.stored.template.as_ref();
        let template = template.map(|template| Template::new(template.as_bytes())).transpose()?;
        let building = details.index_counts(view)?.building;
        let mut unmaintainable = unmaintainable(&indexes, building);
        let collation = collation_of(self.stored.collation.as_deref())?;
        let options = self.catalog.validation_of(view, ns.as_str());
        let rules = ValidationRules::read(options.as_deref(), &self.stored);
        let validator = Validator::new(&rules, collation.clone()).unwrap_or_else(|error| {
            unmaintainable.get_or_insert(format!("the collection's validator is none: {error}"));
            None
        });
        let updates_generally =
            store_options.policy.is_adaptive() || validator.is_some() || collation.is_some();
        let records = details.stats(view)?.records.max(0) as u64;
        Ok(Some(OpenCollection {
            files: self.files.clone(),
            store: RecordStore::new(details, ns.as_str(), store_options),
            indexed_paths: paths_of(indexes.iter())?,
            is_capped: details.is_capped(view)?,
            template,
            field_order: self.stored.field_order.unwrap_or(self.field_order),
            validator,
            collation,
            updates_generally,
            memo: self.memos.then(|| RecordMemo::for_records(records)),
            shapes: Shapes::default(),
            cursors: SavedCursors::default(),
            plans: PlanCache::default(),
            generation: GENERATIONS.fetch_add(1, Ordering::Relaxed),
            index_generation: GENERATIONS.fetch_add(1, Ordering::Relaxed),
            unmaintainable,
            is_catalogue: ns.is_catalogue(),
            indexes,
            building: None,
            stored: self.stored,
        }))
    }
}

/// The fields on which the entries of these indexes depend.
fn paths_of<'i>(indexes: impl Iterator<Item = &'i Index>) -> Result<IndexedPaths> {
    let mut paths = Vec::new();
    for index in indexes {
        paths.extend(index.paths()?);
    }
    Ok(IndexedPaths::new(paths))
}

/// Why indexes like these keep a collection from being written, if they do.
fn unmaintainable(indexes: &[Index], building: usize) -> Option<String> {
    if building > 0 {
        let why = "an index of the collection could not be built to its end: compact the \
                   collection, or open the engine again, to write to it";
        return Some(why.to_owned());
    }
    indexes.iter().find_map(Index::unmaintainable)
}

impl Known {
    /// It does not exist.
    pub const MISSING: Known = Known(Ok(None));

    /// What opening it came to.
    pub fn new(opened: Result<Option<OpenCollection>>) -> Known {
        Known(opened)
    }

    /// The collection, if it exists.
    ///
    /// # Errors
    /// That with which it could not be opened.
    #[inline]
    pub fn open(&self) -> Result<Option<&OpenCollection>> {
        self.0.as_ref().map(Option::as_ref).map_err(Error::again)
    }

    /// The same, to change what is remembered of it.
    ///
    /// # Errors
    /// As [`Known::open`].
    pub fn open_mut(&mut self) -> Result<Option<&mut OpenCollection>> {
        self.0.as_mut().map(Option::as_mut).map_err(|error| error.again())
    }

    /// Is there something by its name, even if it cannot be opened?
    pub fn exists(&self) -> bool {
        !matches!(self.0, Ok(None))
    }
}

impl OpenCollection {
    /// Its details in the `.ns` file.
    pub fn details(&self) -> NamespaceDetails {
        self.store.details()
    }

    /// Its options beyond the catalogue's.
    pub fn stored(&self) -> StoredOptions {
        self.stored.clone()
    }

    /// The index on `_id`, if it has one.
    pub fn id_index(&self) -> Option<&Index> {
        self.indexes.iter().find(|index| index.definition.is_id())
    }

    /// The index `name`.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn index_named(&self, name: &str) -> Result<&Index> {
        let found = self.indexes.iter().find(|index| index.definition.name() == name);
        found.ok_or_else(|| Error::NotFound { what: "index", name: name.to_owned() })
    }

    /// Names of the indexes that are noted as multikey whenever keys are of an array.
    pub fn noting_arrays(&self) -> impl Iterator<Item = String> {
        let noting = self.indexes.iter().filter(|index| index.notes_arrays());
        noting.map(|index| index.definition.name().to_owned())
    }

    /// The indexes of these names are so: they were before the collection was read anew.
    pub fn note_arrays(&self, names: &[String]) {
        let is_named = |index: &&Index| names.iter().any(|name| name == index.definition.name());
        self.indexes.iter().filter(is_named).for_each(Index::set_notes_arrays);
    }

    /// Refuses to write where an index could not be kept up to date, and to what the catalogue
    /// alone writes.
    #[inline]
    pub fn check_maintainable(&self) -> Result<()> {
        match self.unmaintainable {
            None if !self.is_catalogue => Ok(()),
            _ => self.refuse_to_write(),
        }
    }

    #[cold]
    fn refuse_to_write(&self) -> Result<()> {
        match &self.unmaintainable {
            None => Err(Error::refused(
                Reason::IllegalOperation,
                "the catalogue changes with the collections and indexes that it describes",
            )),
            Some(why) => Err(Error::refused(Reason::UnsupportedIndex, why.clone())),
        }
    }

    /// From now on an index is built while others write.
    ///
    /// # Errors
    /// A path that is none.
    pub fn start_build(&mut self, building: Arc<Building>) -> Result<()> {
        self.indexed_paths = paths_of(self.indexes.iter().chain([&building.index]))?;
        self.building = Some(building);
        Ok(())
    }

    /// Makes room in the memo for the records that there are now. The collection is held
    /// exclusively.
    pub fn grow_memo(&mut self, records: i64) {
        let records = records.max(0) as u64;
        if let Some(memo) = self.memo.as_mut().filter(|memo| memo.is_outgrown_by(records)) {
            *memo = RecordMemo::for_records(records);
        }
    }
}

impl CollectionCore {
    pub fn new(ns: NamespaceString, stripes: Arc<RecordStripes>, known: Known) -> CollectionCore {
        let lock = StructureLock::new(known);
        CollectionCore { ns, lock, paths: PathMemo::default(), turn: Mutex::default(), stripes }
    }

    /// Does it exist?
    pub fn exists(&self) -> bool {
        self.shared().exists()
    }

    /// Waits until nobody else changes what the catalogue says of it. The caller holds no lock.
    pub fn turn(&self) -> Turn<'_> {
        Turn(self.turn.lock())
    }

    /// Holds the collection shared for a hit.
    #[inline]
    pub fn shared_briefly(&self) -> Shared<'_, Known> {
        self.lock.shared_briefly()
    }

    /// Holds the collection shared: to read, and to change values in place.
    #[inline]
    pub fn shared(&self) -> Shared<'_, Known> {
        self.lock.shared()
    }

    /// Holds it exclusively: to change structure.
    pub fn exclusive(&self) -> Exclusive<'_, Known> {
        self.lock.exclusive()
    }

    /// Holds one record to read it, the collection being held shared.
    #[inline]
    pub fn read_record(&self, loc: RecordLoc) -> StripeRead<'_> {
        self.stripes.read(loc)
    }

    /// Holds one record to change it in place, the collection being held shared.
    #[inline]
    pub fn write_record(&self, loc: RecordLoc) -> Stripe<'_> {
        self.stripes.write(loc)
    }

    /// The error of an operation on a collection that does not exist.
    pub fn missing(&self) -> Error {
        Error::NotFound { what: "collection", name: self.ns.to_string() }
    }
}
