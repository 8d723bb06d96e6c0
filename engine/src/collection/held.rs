//! A database and one of its collections, held exclusively: for work on what the catalogue says
//! of the collection, in as many units of work as it takes.

use super::database_core::{DatabaseCore, OpenDatabase};
use super::locked::OpenCollection;
use super::stored_options::StoredOptions;
use crate::error::{Error, Result};
use crate::journal::{ReadView, UnitOfWork};
use crate::locks::Exclusive;
use crate::namespace_string::NamespaceString;

/// A database and one of its collections, held exclusively: for work on what the catalogue says
/// of the collection.
#[derive(Debug)]
pub struct Held<'a> {
    core: &'a DatabaseCore,
    ns: &'a NamespaceString,
    database: Exclusive<'a, Option<OpenDatabase>>,
    #[expect(dead_code, reason = "held")]
    system: [Exclusive<'a, Option<OpenCollection>>; 2],
    pub collection: Exclusive<'a, Option<OpenCollection>>,
}

/// What is behind the collection's lock.
type State<'a> = Option<&'a OpenCollection>;

/// Steps of long work that make one unit: a commit waits for no more than these.
const STEPS_PER_UNIT: usize = 256;

impl<'a> Held<'a> {
    pub(super) fn new(
        core: &'a DatabaseCore,
        ns: &'a NamespaceString,
        database: Exclusive<'a, Option<OpenDatabase>>,
        system: [Exclusive<'a, Option<OpenCollection>>; 2],
        collection: Exclusive<'a, Option<OpenCollection>>,
    ) -> Held<'a> {
        Held { core, ns, database, system, collection }
    }
}

impl Held<'_> {
    /// Does one unit of work. Where a data file is needed it is added, and the work done again.
    pub fn unit<R>(
        &mut self,
        mut work: impl FnMut(&OpenDatabase, State<'_>, &mut UnitOfWork<'_>) -> Result<R>,
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
    pub fn steps<S: Clone>(
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
    pub fn reopen(&mut self) -> Result<()> {
        let stored = self.collection.as_ref().map(OpenCollection::stored);
        self.reopen_with(stored.unwrap_or_default())
    }

    /// The same, for a collection that was created with these options.
    pub fn reopen_with(&mut self, stored: StoredOptions) -> Result<()> {
        let Some(open) = self.database.as_ref() else { return Ok(()) };
        let view = ReadView::new(&open.files, &self.database);
        *self.collection = self.core.load(open, &view, self.ns, stored)?;
        Ok(())
    }
}
