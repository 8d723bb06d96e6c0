//! Updating documents: a request becomes a filter, a record, a mutation, and bytes in the
//! private view; the journal does the rest.
//!
//! Values that keep their width and type are overwritten in place, the collection being held
//! shared. Everything else holds it exclusively, in a unit of work that is rolled back if it
//! cannot be completed: an update is there whole or not at all, its indexes included.

use std::collections::HashSet;

use bson::RawDocument;

use super::catalog::document_at;
use super::handle::{Collection, checked_filter, if_it_exists};
use super::hit_request::HitRequest;
use super::insert::{insert_document, timestamp};
use super::locate::{Holding, data_at, find_first};
use super::locked::OpenCollection;
use super::search::Search;
use super::update_report::{LocatedBy, Move, UpdateReport};
use crate::bson::document;
use crate::counters::Work;
use crate::disk::Edit;
use crate::disk_loc::RecordLoc;
use crate::error::{Error, Reason, Result};
use crate::journal::{ReadView, UnitInPlace, UnitOfWork};
use crate::query::Filter;
use crate::store::Outcome;
use crate::update::template::Template;
use crate::update::upsert::Upsert;
use crate::update::{Applied, Context, Mutation, Update};

/// An update that is ready to run. Made by [`Collection::update_one`],
/// [`Collection::update_many`] and [`Collection::replace_one`].
#[derive(Debug)]
#[must_use = "an update does nothing until it is run"]
pub struct UpdateRequest<'c> {
    collection: &'c Collection,
    what: What,
    upsert: bool,
    many: bool,
}

/// What is asked for.
#[derive(Debug)]
enum What {
    /// A hit: not parsed.
    Hit(HitRequest),
    Any(Filter, Update),
}

impl Collection {
    /// Updates the first document that `filter` matches, with operators or by replacing it.
    ///
    /// # Errors
    /// [`Error::Refused`] if one of them is not what it should be.
    pub fn update_one(
        &self,
        filter: impl AsRef<RawDocument>,
        update: impl AsRef<RawDocument>,
    ) -> Result<UpdateRequest<'_>> {
        let (filter, update) = (filter.as_ref(), update.as_ref());
        match HitRequest::of(&self.core.paths, filter.as_bytes(), update.as_bytes()) {
            Some(hit) => {
                let what = What::Hit(hit);
                Ok(UpdateRequest { collection: self, what, upsert: false, many: false })
            }
            None => self.request(filter, update, false),
        }
    }

    /// Updates every document that `filter` matches, with operators, one unit of work each.
    ///
    /// # Errors
    /// As [`Collection::update_one`]; a replacement is refused.
    pub fn update_many(
        &self,
        filter: impl AsRef<RawDocument>,
        update: impl AsRef<RawDocument>,
    ) -> Result<UpdateRequest<'_>> {
        let request = self.request(filter.as_ref(), update.as_ref(), true)?;
        match request.is_replacement() {
            false => Ok(request),
            true => Err(Error::refused(
                Reason::FailedToParse,
                "multi update only works with $ operators",
            )),
        }
    }

    /// Puts a document in the place of the first one that `filter` matches, whose `_id` stays.
    ///
    /// # Errors
    /// As [`Collection::update_one`]; operators are refused.
    pub fn replace_one(
        &self,
        filter: impl AsRef<RawDocument>,
        replacement: impl AsRef<RawDocument>,
    ) -> Result<UpdateRequest<'_>> {
        let request = self.request(filter.as_ref(), replacement.as_ref(), false)?;
        match request.is_replacement() {
            true => Ok(request),
            false => Err(Error::refused(
                Reason::FailedToParse,
                "the replacement document must not contain update operators",
            )),
        }
    }

    fn request(
        &self,
        filter: &RawDocument,
        update: &RawDocument,
        many: bool,
    ) -> Result<UpdateRequest<'_>> {
        let (filter, update) = parse(filter, update)?;
        let what = What::Any(filter, update);
        Ok(UpdateRequest { collection: self, what, upsert: false, many })
    }
}

impl UpdateRequest<'_> {
    /// Whether a document is inserted if none matches: made of the collection's template, the
    /// fields that the filter equates, and the update.
    pub fn upsert(mut self, upsert: bool) -> Self {
        self.upsert = upsert;
        self
    }

    /// Runs it.
    ///
    /// # Errors
    /// [`Error::Refused`] with MongoDB's reason, [`Error::DuplicateKey`],
    /// [`Error::DocumentTooLarge`] …; the document is unchanged then.
    pub fn run(self) -> Result<UpdateReport> {
        let UpdateRequest { collection, what, upsert, many } = &self;
        let (filter, update) = match what {
            What::Hit(hit) => return collection.hit(hit, *upsert),
            What::Any(filter, update) => (filter, update),
        };
        if *many {
            let report = collection.update_all(filter, update)?;
            if report.matched > 0 || !upsert {
                return Ok(report);
            }
        }
        collection.update_first(filter, update, *upsert)
    }

    fn is_replacement(&self) -> bool {
        matches!(&self.what, What::Any(_, update) if update.is_replacement())
    }
}

/// Parses a filter and an update.
fn parse(filter: &RawDocument, update: &RawDocument) -> Result<(Filter, Update)> {
    document::check(update.as_bytes())?;
    Ok((checked_filter(filter)?, Update::parse(update.as_bytes())?))
}

impl Collection {
    /// Does a hit as [`Collection::increment`] does, or generally where it cannot.
    fn hit(&self, hit: &HitRequest, upsert: bool) -> Result<UpdateReport> {
        if let (Some(id), Some(amounts)) = (hit.id(), hit.amounts(&self.core.paths)) {
            let missing = if upsert { None } else { Some(UpdateReport::default()) };
            let done = self.increment_if_there(&id, &amounts[..hit.count()], missing)?;
            if let Some(report) = done {
                return Ok(report);
            }
        }
        let (filter, update) = hit
            .documents()
            .ok_or(Error::InvalidBson { at: 0, rule: "what was looked at as a document is one" })?;
        let (filter, update) = parse(filter, update)?;
        self.update_first(&filter, &update, upsert)
    }

    /// Updates the first match, or inserts: in place if it can be, else holding the collection
    /// exclusively.
    pub(super) fn update_first(
        &self,
        filter: &Filter,
        update: &Update,
        upsert: bool,
    ) -> Result<UpdateReport> {
        self.database.shared.journal.make_room()?;
        match self.update_in_place(filter, update)? {
            InPlace::Done(report) => return Ok(report),
            InPlace::NoMatch if !upsert => return Ok(UpdateReport::default()),
            InPlace::NoMatch | InPlace::Impossible => {}
        }
        let find = |open: &OpenCollection, view: &ReadView<'_>| {
            let counters = &self.database.shared.counters;
            find_first(Holding::WholeCollection, open, view, &Search::of(filter), counters)
        };
        let change = || {
            self.change_after(find, |open, unit, found| match found {
                Some(place) => self.update_record(open, unit, place.loc, update),
                None if upsert => self.upsert(open, unit, filter, update),
                None => Ok(UpdateReport::default()),
            })
        };
        if upsert { self.or_create(change) } else { if_it_exists(change()) }
    }

    /// The common case: the first match changes only values of fixed width. Holds the collection
    /// shared and one record.
    fn update_in_place(&self, filter: &Filter, update: &Update) -> Result<InPlace> {
        let guard = self.core.shared();
        let Some(open) = guard.open()? else { return Ok(InPlace::NoMatch) };
        let view = ReadView::new(&open.files, &guard);
        let counters = &self.database.shared.counters;
        let Some(place) = find_first(
            Holding::EachRecord(&self.core),
            open,
            &view,
            &Search::of(filter),
            counters,
        )?
        else {
            return Ok(InPlace::NoMatch);
        };
        if open.store.options().policy.is_adaptive() {
            // Every update has its say in the padding factor, which the shared lock guards not.
            return Ok(InPlace::Impossible);
        }
        let mut record = self.core.write_record(place.loc);
        let data = data_at(&view, place.loc)?;
        let document = super::catalog::document_in(data, place.loc)?.as_bytes();
        if !filter.matches(document)? {
            // Changed between the search and the lock: search again, holding everything.
            return Ok(InPlace::Impossible);
        }
        let Applied { mutation, skips, .. } = update.apply(document, &self.context(open))?;
        let mut report = UpdateReport {
            matched: 1,
            fields_skipped: skips.fields,
            bytes_skipped: skips.bytes,
            padding_left: (data.len() - document.len()) as u32,
            ..UpdateReport::default()
        };
        match mutation {
            Mutation::Nothing => {}
            Mutation::InPlace(damages) if !damages.changes_layout() => {
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
        Ok(InPlace::Done(report))
    }

    /// What an update has to know of the collection.
    fn context<'o>(&self, open: &'o OpenCollection) -> Context<'o> {
        let now = self.database.shared.clock.unix_ms();
        Context { indexed: &open.indexed_paths, timestamp: timestamp(now), inserting: false }
    }

    /// Updates every match.
    fn update_all(&self, filter: &Filter, update: &Update) -> Result<UpdateReport> {
        let mut total = UpdateReport::default();
        // A record that moved ahead of the walk is met again: it has been updated.
        let moved_to = std::cell::RefCell::new(HashSet::new());
        self.each_match(
            &Search::of(filter),
            |open, unit, loc| {
                if moved_to.borrow().contains(&loc) {
                    return Ok(UpdateReport::default());
                }
                self.update_record(open, unit, loc, update)
            },
            |report: UpdateReport| {
                moved_to.borrow_mut().extend(report.moved.map(|moved| moved.to));
                total.absorb(report);
            },
        )?;
        Ok(total)
    }

    /// Updates one record, the collection being held exclusively: in place, or rewritten where
    /// it lies, or moved.
    fn update_record(
        &self,
        open: &OpenCollection,
        edit: &mut UnitOfWork<'_>,
        loc: RecordLoc,
        update: &Update,
    ) -> Result<UpdateReport> {
        let old = document_at(&open.store, edit, loc)?.as_bytes().to_vec();
        let Applied { mutation, skips, touches_indexes } =
            update.apply(&old, &self.context(open))?;
        let lines_before = edit.lines_changed();
        let mut report = UpdateReport {
            matched: 1,
            fields_skipped: skips.fields,
            bytes_skipped: skips.bytes,
            located_by: LocatedBy::Scan,
            ..UpdateReport::default()
        };
        let mut at = loc;
        match mutation {
            Mutation::Nothing => {}
            Mutation::InPlace(damages) => {
                open.check_maintainable()?;
                open.forget(edit, loc)?;
                for (ofs, bytes) in damages.iter() {
                    edit.write(loc.data().add(ofs as i32), bytes)?;
                }
                open.store.adapt_padding(edit, Outcome::Fits)?;
                report.in_place = true;
                report.modified = 1;
                report.bytes_written = damages.len() as u32;
            }
            Mutation::Regrow(new) => {
                open.check_maintainable()?;
                at = self.rewrite(open, edit, loc, &old, &new, touches_indexes)?;
                report.moved = (at != loc).then_some(Move { from: loc, to: at });
                report.modified = 1;
                report.bytes_written = new.len() as u32;
            }
        }
        report.lines_dirtied = edit.lines_changed() - lines_before;
        let data = open.store.read(edit, at)?.data;
        let document = super::catalog::document_in(data, at)?.as_bytes();
        report.padding_left = (data.len() - document.len()) as u32;
        Ok(report)
    }

    /// Puts `new` in the place of the document `old` of the record at `loc`, moving the record
    /// if it has no room. Answers where it is.
    fn rewrite(
        &self,
        open: &OpenCollection,
        edit: &mut UnitOfWork<'_>,
        loc: RecordLoc,
        old: &[u8],
        new: &[u8],
        touches_indexes: bool,
    ) -> Result<RecordLoc> {
        let details = open.details();
        document::check_len(new.len())?;
        if open.is_capped && new.len() != old.len() {
            return Err(Error::refused(
                Reason::CannotGrowDocumentInCappedNamespace,
                "Cannot change the size of a document in a capped collection",
            ));
        }
        open.forget(edit, loc)?;
        if open.store.fits(edit, loc, new.len())? {
            for index in open.indexes.iter().filter(|_| touches_indexes) {
                let (gone, come) =
                    index.difference(index.stored_keys_of(old)?, index.keys_of(new)?);
                index.remove_keys(edit, &gone, loc)?;
                index.insert_keys(edit, &self.core.ns, details, &come, loc)?;
            }
            open.store.rewrite(edit, loc, new)?;
            open.store.adapt_padding(edit, Outcome::Fits)?;
            return Ok(loc);
        }
        open.cursors.advance_off(edit, loc)?;
        let to = open.store.relocate(edit, loc, new)?;
        for index in &open.indexes {
            index.remove_keys(edit, &index.stored_keys_of(old)?, loc)?;
        }
        open.index(edit, &self.core.ns, new, to)?;
        edit.note(Work::Move);
        Ok(to)
    }

    /// Inserts the document of an upsert that matched nothing.
    fn upsert(
        &self,
        open: &OpenCollection,
        edit: &mut UnitOfWork<'_>,
        filter: &Filter,
        update: &Update,
    ) -> Result<UpdateReport> {
        open.check_maintainable()?;
        let shared = &self.database.shared;
        let now = shared.clock.unix_ms();
        let document = Upsert {
            equalities: &filter.equalities()?,
            update,
            template: open.template.as_ref().map(Template::as_bytes),
            new_id: shared.object_ids.make(now),
            timestamp: timestamp(now),
        }
        .document()?;
        self.insert_upserted(open, edit, &document)
    }

    /// Inserts the prepared document of an upsert.
    pub(super) fn insert_upserted(
        &self,
        open: &OpenCollection,
        edit: &mut UnitOfWork<'_>,
        document: &[u8],
    ) -> Result<UpdateReport> {
        let lines_before = edit.lines_changed();
        let loc = insert_document(open, edit, &self.core.ns, document)?;
        let data_len = open.store.read(edit, loc)?.data.len();
        let id = RawDocument::from_bytes(document).ok().and_then(|d| d.get("_id").ok().flatten());
        Ok(UpdateReport {
            upserted: id.map(|id| id.into()),
            bytes_written: document.len() as u32,
            lines_dirtied: edit.lines_changed() - lines_before,
            padding_left: (data_len - document.len()) as u32,
            ..UpdateReport::default()
        })
    }
}

/// What became of the attempt to update in place.
enum InPlace {
    Done(UpdateReport),
    NoMatch,
    Impossible,
}
