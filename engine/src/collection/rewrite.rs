//! Writing what an update came to, the collection being held exclusively: over the record, in
//! another one, or as a new document.

use bson::RawDocument;

use super::catalog::{document_at, document_in};
use super::handle::Collection;
use super::insert::insert_document;
use super::locked::OpenCollection;
use super::update_job::{Keep, UpdateJob, Updated};
use super::update_report::{LocatedBy, Move, UpdateReport};
use crate::bson::document;
use crate::bson::field_path::FieldPath;
use crate::counters::Work;
use crate::disk::Edit;
use crate::disk_loc::RecordLoc;
use crate::error::{Error, Reason, Result};
use crate::journal::UnitOfWork;
use crate::store::Outcome;
use crate::update::template::Template;
use crate::update::upsert::Upsert;
use crate::update::{Applied, Mutation};

impl Collection {
    /// Updates one record, the collection being held exclusively: in place, or rewritten where
    /// it lies, or moved.
    pub(super) fn update_record(
        &self,
        open: &OpenCollection,
        edit: &mut UnitOfWork<'_>,
        loc: RecordLoc,
        job: &UpdateJob<'_>,
    ) -> Result<Updated> {
        let old = document_at(&open.store, edit, loc)?.as_bytes().to_vec();
        let context = self.context(open, job, &old)?;
        let Applied { mutation, skips, touches_indexes } = job.update.apply(&old, &context)?;
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
                if open.validator.is_some() {
                    let mut new = old.clone();
                    damages.write_to(&mut new);
                    open.validate(self, &new, Some(&old))?;
                }
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
                open.validate(self, &new, Some(&old))?;
                at = self.rewrite(open, edit, loc, &old, &new, touches_indexes)?;
                report.moved = (at != loc).then_some(Move { from: loc, to: at });
                report.modified = 1;
                report.bytes_written = new.len() as u32;
            }
        }
        report.lines_dirtied = edit.lines_changed() - lines_before;
        let data = open.store.read(edit, at)?.data;
        let document = document_in(data, at)?.as_bytes();
        report.padding_left = (data.len() - document.len()) as u32;
        let document = match job.keep {
            Keep::Nothing => None,
            Keep::Before => Some(old),
            Keep::After => Some(document.to_vec()),
        };
        Ok(Updated { report, document })
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
        document::check_len(new.len())?;
        if open.is_capped && new.len() != old.len() {
            return Err(Error::refused(
                Reason::CannotGrowDocumentInCappedNamespace,
                "Cannot change the size of a document in a capped collection",
            ));
        }
        open.forget(edit, loc)?;
        if open.store.fits(edit, loc, new.len())? {
            if touches_indexes {
                open.reindex(edit, &self.core.ns, old, new, loc)?;
            }
            open.store.rewrite(edit, loc, new)?;
            open.store.adapt_padding(edit, Outcome::Fits)?;
            return Ok(loc);
        }
        open.cursors.advance_off(edit, loc)?;
        let to = open.store.relocate(edit, loc, new)?;
        open.unindex_document(edit, old, loc)?;
        open.index(edit, &self.core.ns, new, to)?;
        edit.note(Work::Move);
        Ok(to)
    }

    /// Inserts the document of an upsert that matched nothing.
    pub(super) fn upsert(
        &self,
        open: &OpenCollection,
        edit: &mut UnitOfWork<'_>,
        job: &UpdateJob<'_>,
    ) -> Result<Updated> {
        open.check_maintainable()?;
        let shared = &self.database.shared;
        let now = shared.clock.unix_ms();
        let id = FieldPath::parse("_id")?;
        let equalities = match job.search.filter.equalities() {
            // A replacement takes nothing but the _id from the filter.
            Err(_) if job.update.is_replacement() => {
                job.search.filter.id_equality().map(|value| (&id, value)).into_iter().collect()
            }
            equalities => equalities?,
        };
        let document = Upsert {
            equalities: &equalities,
            update: job.update,
            template: open.template.as_ref().map(Template::as_bytes),
            new_id: shared.object_ids.make(now),
            timestamp: shared.timestamps.make(now),
            now_ms: now,
            field_order: open.field_order,
            variables: job.search.variables,
        }
        .document()?;
        let report = self.insert_upserted(open, edit, &document)?;
        Ok(Updated { report, document: (job.keep == Keep::After).then_some(document) })
    }

    /// Inserts the prepared document of an upsert.
    pub(super) fn insert_upserted(
        &self,
        open: &OpenCollection,
        edit: &mut UnitOfWork<'_>,
        document: &[u8],
    ) -> Result<UpdateReport> {
        open.validate(self, document, None)?;
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
