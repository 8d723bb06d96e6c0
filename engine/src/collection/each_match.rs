//! Changing every document that a filter matches, one unit of work each.

use super::catalog::document_at;
use super::handle::Collection;
use super::locked::OpenCollection;
use super::scan::check_generation;
use super::search::Search;
use crate::disk_loc::RecordLoc;
use crate::error::{Error, Result};
use crate::journal::{ReadView, UnitOfWork};
use crate::store::{Direction, RecordScan};

/// Records that are looked at before the collection is given to others for a moment.
const LOOKS_MAX: usize = 1000;

/// What one step of a walk came to.
enum Step<R> {
    Changed(R),
    NothingYet,
    End,
}

impl Collection {
    /// Walks the collection in natural order; each record that is looked for is changed by
    /// `work`, and what that answers is given to `done` once it is sure to stay.
    ///
    /// Others may change the collection between two steps. A record that moves ahead of the walk
    /// is met again: who moves records remembers where to.
    ///
    /// # Errors
    /// Those of `work`; what was changed before stays.
    pub(super) fn each_match<R>(
        &self,
        search: &Search<'_>,
        mut work: impl FnMut(&OpenCollection, &mut UnitOfWork<'_>, RecordLoc) -> Result<R>,
        mut done: impl FnMut(R),
    ) -> Result<()> {
        let (position, generation) = {
            let guard = self.core.shared();
            let Some(open) = guard.open()? else { return Ok(()) };
            let scan = RecordScan::new(open.details(), Direction::Forward);
            (open.cursors.register(scan), open.generation)
        };
        loop {
            let find = |open: &OpenCollection, view: &ReadView<'_>| {
                check_generation(open, generation)?;
                // A copy goes ahead: until the change is sure to stay the walk stands where it
                // was, and is moved off what others remove.
                let mut ahead = position.lock().clone();
                for _ in 0..LOOKS_MAX {
                    let Some(loc) = ahead.next(view)? else { return Ok((Step::End, ahead)) };
                    let document = document_at(&open.store, view, loc)?;
                    if search.filter.matches(document.as_bytes())? {
                        return Ok((Step::Changed(loc), ahead));
                    }
                }
                Ok((Step::NothingYet, ahead))
            };
            let step = self.change_after(find, |open, unit, (step, ahead)| {
                let step = match step {
                    Step::Changed(loc) => Step::Changed(work(open, unit, loc)?),
                    Step::NothingYet => Step::NothingYet,
                    Step::End => Step::End,
                };
                *position.lock() = ahead;
                Ok(step)
            });
            match step {
                Ok(Step::Changed(result)) => done(result),
                Ok(Step::NothingYet) => {}
                Ok(Step::End) => return Ok(()),
                // Dropped meanwhile: with it went what there was left to change.
                Err(Error::NotFound { what: "collection" | "database", .. }) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}
