//! An update that is parsed and ready: of the first match, or of every one.
//!
//! Values that keep their width and type are overwritten in place, the collection being held
//! shared. Everything else holds it exclusively, in a unit of work that is rolled back if it
//! cannot be completed: an update is there whole or not at all, its indexes included.

use std::collections::HashSet;

use super::catalog::document_in;
use super::handle::{Collection, if_it_exists};
use super::locate::{Holding, data_at, find_first};
use super::locked::OpenCollection;
use super::search::Search;
use super::update_report::UpdateReport;
use crate::error::{Error, Reason, Result};
use crate::journal::{ReadView, UnitInPlace};
use crate::query::Filter;
use crate::update::{Applied, Context, Mutation, Update};

/// What is to be updated, and how.
#[derive(Debug)]
pub struct UpdateJob<'a> {
    pub search: Search<'a>,
    pub update: &'a Update,
    /// Is a document inserted if none matches?
    pub upsert: bool,
    /// What is handed back of the document.
    pub keep: Keep,
}

/// Which state of a document is handed back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    Nothing,
    Before,
    After,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Updated {
    pub report: UpdateReport,
    /// The document, if it was to be handed back and there is one.
    pub document: Option<Vec<u8>>,
}

impl<'a> UpdateJob<'a> {
    /// One of a filter and an update alone.
    pub fn of(filter: &'a Filter, update: &'a Update, upsert: bool) -> UpdateJob<'a> {
        UpdateJob { search: Search::of(filter), update, upsert, keep: Keep::Nothing }
    }

    /// Refuses an upsert whose filter says nothing of a document.
    pub fn check(&self) -> Result<()> {
        if self.upsert && self.search.filter.has_expr() {
            let message = "$expr is not allowed in the query predicate for an upsert";
            return Err(Error::refused(Reason::QueryFeatureNotAllowed, message));
        }
        Ok(())
    }

    /// The element of an array that the filter matches in `document`, where the update asks.
    fn position_in(&self, document: &[u8]) -> Result<Option<u32>> {
        if !self.update.needs_match() {
            return Ok(None);
        }
        let matched = self.search.find_match(document)?;
        Ok(matched.and_then(|matched| matched.position))
    }
}

impl Collection {
    /// Updates the first match, or inserts: in place if it can be, else holding the collection
    /// exclusively.
    pub(super) fn update_first(&self, job: &UpdateJob<'_>) -> Result<Updated> {
        self.database.shared.journal.make_room()?;
        match self.update_in_place(job)? {
            InPlace::Done(updated) => return Ok(updated),
            InPlace::NoMatch if !job.upsert => return Ok(Updated::default()),
            InPlace::NoMatch | InPlace::Impossible => {}
        }
        let find = |open: &OpenCollection, view: &ReadView<'_>| {
            let counters = &self.database.shared.counters;
            find_first(Holding::WholeCollection, open, view, &job.search, counters)
        };
        let change = || {
            self.change_after(find, |open, unit, found| match found {
                Some(place) => self.update_record(open, unit, place.loc, job),
                None if job.upsert => self.upsert(open, unit, job),
                None => Ok(Updated::default()),
            })
        };
        if job.upsert { self.or_create(change) } else { if_it_exists(change()) }
    }

    /// The common case: the first match changes only values of fixed width. Holds the collection
    /// shared and one record.
    fn update_in_place(&self, job: &UpdateJob<'_>) -> Result<InPlace> {
        let guard = self.core.shared();
        let Some(open) = guard.open()? else {
            drop(guard);
            return self.check_no_view().map(|()| InPlace::NoMatch);
        };
        let view = ReadView::new(&open.files, &guard);
        let counters = &self.database.shared.counters;
        let holding = Holding::EachRecord(&self.core);
        let Some(place) = find_first(holding, open, &view, &job.search, counters)? else {
            return Ok(InPlace::NoMatch);
        };
        if open.updates_generally {
            // The shared lock guards not the padding factor in which every update has its say.
            return Ok(InPlace::Impossible);
        }
        let mut record = self.core.write_record(place.loc);
        let data = data_at(&view, place.loc)?;
        let document = document_in(data, place.loc)?.as_bytes();
        if !job.search.matches(document)? {
            // Changed between the search and the lock: search again, holding everything.
            return Ok(InPlace::Impossible);
        }
        let context = self.context(open, job, document)?;
        let Applied { mutation, skips, .. } = job.update.apply(document, &context)?;
        let mut report = UpdateReport {
            matched: 1,
            fields_skipped: skips.fields,
            bytes_skipped: skips.bytes,
            padding_left: (data.len() - document.len()) as u32,
            ..UpdateReport::default()
        };
        let mut kept = (job.keep != Keep::Nothing).then(|| document.to_vec());
        match mutation {
            Mutation::Nothing => {}
            Mutation::InPlace(damages) if !damages.changes_layout() => {
                if let Some(kept) = kept.as_mut().filter(|_| job.keep == Keep::After) {
                    damages.write_to(kept);
                }
                open.check_maintainable()?;
                let mut unit = UnitInPlace::new(&open.files, &guard, &mut record)?;
                for (ofs, bytes) in damages.iter() {
                    unit.write(ofs, bytes)?;
                }
                report.modified = 1;
                report.in_place = true;
                report.bytes_written = damages.len() as u32;
                report.lines_dirtied = unit.lines_changed();
                unit.finish();
            }
            Mutation::InPlace(_) | Mutation::Regrow(_) => return Ok(InPlace::Impossible),
        }
        Ok(InPlace::Done(Updated { report, document: kept }))
    }

    /// What an update has to know of the collection and the document.
    pub(super) fn context<'o>(
        &self,
        open: &'o OpenCollection,
        job: &UpdateJob<'o>,
        document: &[u8],
    ) -> Result<Context<'o>> {
        let shared = &self.database.shared;
        let now = shared.clock.unix_ms();
        Ok(Context {
            timestamp: match job.update.needs_timestamp() {
                true => shared.timestamps.make(now),
                false => 0,
            },
            now_ms: now,
            field_order: open.field_order,
            position: job.position_in(document)?,
            variables: job.search.variables,
            ..Context::new(&open.indexed_paths)
        })
    }

    /// Updates every match.
    pub(super) fn update_all(&self, job: &UpdateJob<'_>) -> Result<UpdateReport> {
        let mut total = UpdateReport::default();
        // A record that moved ahead of the walk is met again: it has been updated.
        let moved_to = std::cell::RefCell::new(HashSet::new());
        self.each_match(
            &job.search,
            |_| Ok(()),
            |open, unit, loc| {
                if moved_to.borrow().contains(&loc) {
                    return Ok(UpdateReport::default());
                }
                Ok(self.update_record(open, unit, loc, job)?.report)
            },
            |report: UpdateReport| {
                moved_to.borrow_mut().extend(report.moved.map(|moved| moved.to));
                total.absorb(report);
            },
        )?;
        Ok(total)
    }
}

/// What became of the attempt to update in place.
enum InPlace {
    Done(Updated),
    NoMatch,
    Impossible,
}
