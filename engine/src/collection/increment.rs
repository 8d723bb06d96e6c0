//! The hit: adds to counters of the document with a given `_id`, without building BSON.
//!
//! On a document whose counters are there it takes no allocation, no system call and no b-tree:
//! the record memo leads to the record, the layout memo to the counters.

use bson::{RawBsonRef, RawDocumentBuf};

use super::catalog::document_in;
use super::handle::{Collection, checked_filter};
use super::id_key::IdKey;
use super::locate::{Holding, data_at, find_by_id};
use super::locked::OpenCollection;
use super::update_report::{LocatedBy, UpdateReport};
use crate::bson::field_path::FieldPath;
use crate::error::Result;
use crate::journal::{ReadView, UnitOfWork};
use crate::update::Update;
use crate::update::increment::{self, Plan};

impl Collection {
    /// Adds to each counter of the document with this `_id`. A counter that is missing is
    /// created; a document that is missing is not (`matched` is 0 then), except where the
    /// collection has a template: then it is instantiated.
    ///
    /// # Errors
    /// [`crate::Error::Refused`] where `$inc` would be: a field that is no number, an overflow,
    /// two paths of which one holds the other. Nothing is changed then.
    pub fn increment<'a>(
        &self,
        id: impl Into<RawBsonRef<'a>>,
        increments: &[(&FieldPath, i64)],
    ) -> Result<UpdateReport> {
        let has_template = |open: &OpenCollection| open.template.is_some();
        self.increment_or(id.into(), increments, has_template)
    }

    /// As [`Collection::increment`], but a missing document is never created: for those who give
    /// it more than its `_id` and the template.
    pub(crate) fn increment_existing(
        &self,
        id: &str,
        increments: &[(&FieldPath, i64)],
    ) -> Result<UpdateReport> {
        self.increment_or(RawBsonRef::String(id), increments, |_| false)
    }

    /// `upsert` decides what becomes of a missing document.
    fn increment_or(
        &self,
        id: RawBsonRef<'_>,
        increments: &[(&FieldPath, i64)],
        upsert: fn(&OpenCollection) -> bool,
    ) -> Result<UpdateReport> {
        let key = IdKey::new(id)?;
        self.database.shared.journal.make_room()?;
        match self.increment_in_place(&key, increments, upsert)? {
            Some(report) => Ok(report),
            None => self.increment_generally(id, increments, upsert),
        }
    }

    /// `None` where the general path has to do it.
    fn increment_in_place(
        &self,
        id: &IdKey,
        increments: &[(&FieldPath, i64)],
        upsert: fn(&OpenCollection) -> bool,
    ) -> Result<Option<UpdateReport>> {
        let guard = self.core.shared();
        let Some(open) = guard.open()? else { return Ok(None) };
        let view = ReadView::new(&open.files, &guard);
        let shared = &self.database.shared;
        let Some(place) =
            find_by_id(Holding::EachRecord(&self.core), open, &view, id, &shared.counters)?
        else {
            return Ok((!upsert(open)).then(UpdateReport::default));
        };
        if open.store.options().policy.is_adaptive() {
            return Ok(None);
        }
        let mut record = self.core.write_record(place.loc);
        let data = data_at(&view, place.loc)?;
        let document = document_in(data, place.loc)?.as_bytes();
        let shape = open.shapes.get(place.shape);
        let plan = increment::plan(document, increments, &open.indexed_paths, shape)?;
        let Plan::InPlace(plan) = plan else { return Ok(None) };
        let mut report = UpdateReport {
            matched: 1,
            in_place: true,
            fields_skipped: plan.skips.fields,
            bytes_skipped: plan.skips.bytes,
            padding_left: (data.len() - document.len()) as u32,
            ..UpdateReport::default()
        };
        if plan.by_shape as usize == increments.len() {
            report.located_by = LocatedBy::Memo;
            shared.counters.layout_memo_hits.add(1);
        } else {
            shared.counters.layout_memo_misses.add(1);
        }
        if plan.writes().is_empty() {
            return Ok(Some(report));
        }
        open.check_maintainable()?;
        let mut unit = UnitOfWork::in_place(&open.files, &guard, &mut record)?;
        for write in plan.writes() {
            unit.write_final(place.loc.data().add(write.ofs as i32), write.bytes())?;
            report.bytes_written += write.bytes().len() as u32;
        }
        report.modified = 1;
        report.lines_dirtied = unit.lines_changed();
        unit.finish();
        Ok(Some(report))
    }

    #[cold]
    fn increment_generally(
        &self,
        id: RawBsonRef<'_>,
        increments: &[(&FieldPath, i64)],
        upsert: fn(&OpenCollection) -> bool,
    ) -> Result<UpdateReport> {
        // An `_id` that looks like operators is still a value.
        let (mut equal, mut filter) = (RawDocumentBuf::new(), RawDocumentBuf::new());
        equal.append(bson::cstr!("$eq"), id);
        filter.append(bson::cstr!("_id"), equal);
        let filter = checked_filter(&filter)?;
        let update = Update::increments(increments)?;
        let upsert = self.core.shared().open()?.is_some_and(upsert);
        self.update_first(&filter, &update, upsert)
    }
}
