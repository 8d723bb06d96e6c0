//! Changing every document that a filter matches, one unit of work each.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use super::catalog::document_at;
use super::execute::Cx;
use super::handle::Collection;
use super::locate::{Holding, question};
use super::locked::OpenCollection;
use super::query_run::{Query, QueryRun};
use super::saved_cursors::Watch;
use super::search::Search;
use crate::disk_loc::RecordLoc;
use crate::error::{Error, Result};
use crate::interrupt;
use crate::journal::{ReadView, UnitOfWork};

/// What one step of a walk came to.
enum Step<R> {
    Changed(R),
    NothingYet,
    End,
}

/// A walk over records that are changed on the way.
struct Walk<'s> {
    run: QueryRun,
    search: &'s Search<'s>,
    /// Records that were found, and whether they are still there: the collection may have been
    /// let go since.
    found: VecDeque<(RecordLoc, Watch)>,
    /// Records that were changed, and are still where they were: what a change does to the index
    /// that is walked leads to them again.
    changed: HashSet<RecordLoc>,
}

impl Walk<'_> {
    /// The next record that is looked for, which stays at the front until it was changed.
    fn find(&mut self, cx: &Cx<'_>) -> Result<Step<RecordLoc>> {
        if self.found.is_empty() {
            if self.run.is_over() {
                return Ok(Step::End);
            }
            for member in self.run.look_on(cx)? {
                self.found.push_back((member.loc, cx.open.cursors.watch(member.loc)));
            }
        }
        while let Some((loc, watch)) = self.found.front() {
            if watch.is_there() && !self.changed.contains(loc) {
                let document = document_at(&cx.open.store, cx.view, *loc)?;
                if self.search.matches(document.as_bytes())? {
                    return Ok(Step::Changed(*loc));
                }
            }
            self.found.pop_front();
        }
        Ok(Step::NothingYet)
    }
}

impl Collection {
    /// Walks what is looked for, in natural order or in that of an index; each record is changed
    /// by `work`, and what that answers is given to `done` once it is sure to stay. Before
    /// anything is looked for, `may` can refuse.
    ///
    /// Others may change the collection between two steps. A record that moves ahead of the walk
    /// is met again: who moves records remembers where to.
    ///
    /// # Errors
    /// Those of `may` and `work`, and what ends long work before its time; what was changed before
    /// stays.
    pub(super) fn each_match<R>(
        &self,
        search: &Search<'_>,
        may: impl FnOnce(&OpenCollection) -> Result<()>,
        mut work: impl FnMut(&OpenCollection, &mut UnitOfWork<'_>, RecordLoc) -> Result<R>,
        mut done: impl FnMut(R),
    ) -> Result<()> {
        let stays = |walk: &Walk<'_>| walk.found.front().is_some_and(|(_, w)| w.is_there());
        let (core, shared) = (self.core.clone(), self.database.shared.clone());
        let query = {
            let guard = core.shared();
            let Some(open) = guard.open()? else {
                drop(guard);
                return self.check_no_view();
            };
            may(open)?;
            Query::of(question(open, search)?)
        };
        let run = QueryRun::new(core, shared, query)?;
        let (found, changed) = (VecDeque::new(), HashSet::new());
        let mut walk = Walk { run, search, found, changed };
        loop {
            interrupt::check()?;
            let counters = Arc::clone(&self.database.shared.counters);
            let find = |open: &OpenCollection, view: &ReadView<'_>| {
                let holding = Holding::WholeCollection;
                let variables = &search.values();
                walk.find(&Cx { open, view, holding, counters: &counters, variables })
            };
            let step = self.change_after(find, |open, unit, step| {
                Ok(match step {
                    Step::Changed(loc) => Step::Changed((loc, work(open, unit, loc)?)),
                    Step::NothingYet => Step::NothingYet,
                    Step::End => Step::End,
                })
            });
            match step {
                Ok(Step::Changed((loc, result))) => {
                    if stays(&walk) {
                        walk.changed.insert(loc);
                    }
                    walk.found.pop_front();
                    done(result);
                }
                Ok(Step::NothingYet) => {}
                Ok(Step::End) => return Ok(()),
                // Dropped meanwhile: with it went what there was left to change.
                Err(Error::NotFound { what: "collection" | "database", .. }) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}
