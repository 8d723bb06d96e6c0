//! A database and one of its collections, held exclusively: for work on what the catalogue says
//! of the collection, in as many units of work as it takes.

use bson::RawDocumentBuf;

use super::database_core::{DatabaseCore, OpenDatabase};
use super::index_keys::Index;
use super::locked::{Known, OpenCollection, Turn};
use super::shared::EngineShared;
use super::stored_options::{self, StoredOptions};
use crate::error::{Error, Result};
use crate::journal::{ReadView, UnitOfWork};
use crate::locks::Exclusive;
use crate::namespace_string::{CATALOGUE, NamespaceString};

/// A database and one of its collections, held exclusively: for work on what the catalogue says
/// of the collection.
#[derive(Debug)]
pub struct Held<'a> {
    core: &'a DatabaseCore,
    ns: &'a NamespaceString,
    database: Exclusive<'a, Option<OpenDatabase>>,
    catalogue: CatalogueHeld<'a>,
    pub collection: Exclusive<'a, Known>,
    /// Names of the indexes that were built meanwhile.
    built: Vec<String>,
    /// Of who holds it for this alone. Given up last.
    #[expect(dead_code, reason = "held")]
    turn: Option<Turn<'a>>,
}

/// The catalogue's collections, held. The last one is that of stored options.
pub type CatalogueHeld<'a> = [Exclusive<'a, Known>; CATALOGUE.len()];

/// What is behind a collection's lock.
type State<'a> = Option<&'a OpenCollection>;

/// Steps of long work that make one unit: a commit waits for no more than these.
pub const STEPS_PER_UNIT: usize = 256;
/// Lines after which such a unit ends before: 1 MiB, or one step that changes more.
const LINES_PER_UNIT: u32 = 1 << 14;

impl<'a> Held<'a> {
    pub(super) fn new(
        core: &'a DatabaseCore,
        ns: &'a NamespaceString,
        database: Exclusive<'a, Option<OpenDatabase>>,
        catalogue: CatalogueHeld<'a>,
        collection: Exclusive<'a, Known>,
        turn: Option<Turn<'a>>,
    ) -> Held<'a> {
        Held { core, ns, database, catalogue, collection, built: Vec::new(), turn }
    }

    /// What the engine shares.
    pub fn shared(&self) -> &'a EngineShared {
        &self.core.shared
    }
}

impl Held<'_> {
    /// Reads, outside of the gate: however long it takes, no commit waits for it.
    pub fn read<R>(
        &self,
        work: impl FnOnce(&ReadView<'_>, &OpenCollection) -> Result<R>,
    ) -> Result<R> {
        let missing = || Error::NotFound { what: "collection", name: self.ns.to_string() };
        let open = self.collection.open()?.ok_or_else(missing)?;
        work(&ReadView::new(&open.files, &self.collection), open)
    }

    /// Does one unit of work. Where a data file is needed it is added, and the work done again.
    pub fn unit<R>(
        &mut self,
        mut work: impl FnMut(&OpenDatabase, State<'_>, &mut UnitOfWork<'_>) -> Result<R>,
    ) -> Result<R> {
        let collection = self.collection.open()?;
        attempt(self.core, &mut self.database, |database, unit| work(database, collection, unit))
    }

    /// As [`Held::unit`]; then stores what is to be stored for collections by these names, or
    /// forgets it, in the same unit.
    pub fn unit_with_options<R>(
        &mut self,
        options: &[(&str, Option<&StoredOptions>)],
        mut work: impl FnMut(&OpenDatabase, &mut UnitOfWork<'_>) -> Result<R>,
    ) -> Result<R> {
        let [.., there] = &mut self.catalogue;
        let known = there.open()?;
        let core = self.core;
        let attempted = attempt(core, &mut self.database, |database, unit| {
            let done = work(database, unit)?;
            let mut made = None;
            for (name, stored) in options {
                let there = made.as_ref().or(known);
                made = stored_options::put(core, database, there, unit, name, *stored)?.or(made);
            }
            Ok((done, made))
        });
        match attempted {
            Ok((done, made)) => {
                known.iter().for_each(|open| open.cursors.keep());
                if made.is_some() {
                    **there = Known::new(Ok(made));
                }
                Ok(done)
            }
            Err(error) => {
                known.iter().for_each(|open| open.cursors.roll_back());
                Err(error)
            }
        }
    }

    /// Does long work in several units: `step` advances `state`, and answers whether there is
    /// more to do.
    pub fn steps<S: Clone>(
        &mut self,
        state: &mut S,
        mut step: impl FnMut(&mut S, &mut UnitOfWork<'_>) -> Result<bool>,
    ) -> Result<()> {
        loop {
            let (advanced, more) = self.unit(|_, _, unit| {
                let mut state = state.clone();
                let (mut more, mut steps) = (true, 0);
                while more && steps < STEPS_PER_UNIT && unit.lines_changed() < LINES_PER_UNIT {
                    more = step(&mut state, unit)?;
                    steps += 1;
                }
                Ok((state, more))
            })?;
            *state = advanced;
            if !more {
                return Ok(());
            }
        }
    }

    /// All entries of an index of the collection were made here.
    pub fn note_built(&mut self, index: &Index) {
        self.built.push(index.definition.name().to_owned());
    }

    /// Reads anew what the files say of the collection, whose records are where they were.
    pub fn reopen(&mut self) -> Result<()> {
        let stored = self.collection.open()?.map(OpenCollection::stored);
        self.reopen_as(stored.unwrap_or_default())
    }

    /// The options that the catalogue has of the collection.
    pub fn options_of_collection(&self) -> Result<Option<RawDocumentBuf>> {
        let Some(open) = self.database.as_ref() else { return Ok(None) };
        let view = ReadView::new(&open.files, &self.database);
        open.catalog.options_of(&view, self.ns.as_str())
    }

    /// As [`Held::reopen`], of a collection for which other options are stored now.
    pub fn reopen_as(&mut self, stored: StoredOptions) -> Result<()> {
        let Some(old) = self.collection.open_mut()? else { return self.reopen_with(stored) };
        let (generation, cursors) = (old.generation, std::mem::take(&mut old.cursors));
        self.reopen_with(stored)?;
        if let Some(open) = self.collection.open_mut()? {
            (open.generation, open.cursors) = (generation, cursors);
        }
        Ok(())
    }

    /// The same, where records were removed or moved otherwise than one by one: walks in
    /// progress cannot go on.
    pub fn reopen_rebuilt(&mut self) -> Result<()> {
        let stored = self.collection.open()?.map(OpenCollection::stored);
        self.reopen_with(stored.unwrap_or_default())
    }

    /// The same, for a collection that was created with these options.
    pub fn reopen_with(&mut self, stored: StoredOptions) -> Result<()> {
        // If it cannot be read, what was known of it holds no longer: nobody reads or writes by
        // it, and everybody is told why.
        let Some(open) = self.database.as_ref() else {
            *self.collection = Known::MISSING;
            return Ok(());
        };
        let view = ReadView::new(&open.files, &self.database);
        let mut built = std::mem::take(&mut self.built);
        if let Ok(Some(old)) = self.collection.open() {
            built.extend(old.noting_arrays());
        }
        let loaded = self.core.load(open, &view, self.ns, stored);
        if let Ok(Some(open)) = &loaded {
            open.note_arrays(&built);
        }
        *self.collection = Known::new(loaded);
        self.collection.open().map(|_| ())
    }
}

/// Does one unit of work on a database that is held, once not too much is dirty. Where a data
/// file is needed it is added, and the work done again.
fn attempt<R>(
    core: &DatabaseCore,
    database: &mut Exclusive<'_, Option<OpenDatabase>>,
    mut work: impl FnMut(&OpenDatabase, &mut UnitOfWork<'_>) -> Result<R>,
) -> Result<R> {
    loop {
        // With all that is held: a commit takes none of it, and its holders wait for nobody here.
        core.shared.journal.make_room()?;
        let (open, changes) = database.split();
        let missing = || Error::NotFound { what: "database", name: core.name.clone() };
        let open = open.as_ref().ok_or_else(missing)?;
        let files = open.files.clone();
        let seen_count = files.count();
        let mut unit = UnitOfWork::structural(&files, changes)?;
        match work(open, &mut unit) {
            Ok(done) => {
                unit.finish();
                return Ok(done);
            }
            Err(error) => {
                drop(unit);
                core.make_room(&files, seen_count, error)?;
            }
        }
    }
}
