//! The hit: adds to counters of the document with a given `_id`, without building BSON.
//!
//! On a document whose counters are there it takes no allocation, no system call and no b-tree:
//! the record memo leads to the record, the layout memo to the counters.

use bson::raw::CString;
use bson::{RawBsonRef, RawDocumentBuf, rawdoc};

use super::catalog::document_bytes_in;
use super::handle::Collection;
use super::id_key::IdKey;
use super::locate::{Place, find_for_hit};
use super::locked::OpenCollection;
use super::profile::Entry;
use super::update_job::UpdateJob;
use super::update_report::{LocatedBy, UpdateReport};
use crate::bson::document;
use crate::bson::field_path::FieldPath;
use crate::bson::number::Number;
use crate::error::Result;
use crate::expression::Scope;
use crate::journal::{ReadView, UnitInPlace};
use crate::query::Filter;
use crate::update::Update;
use crate::update::increment::{self, How, Plan};

impl Collection {
    /// Adds to each counter of the document with this `_id`. A counter that is missing is
    /// created; a document that is missing is not (`matched` is 0 then), except where the
    /// collection has a template: then it is instantiated.
    ///
    /// # Errors
    /// [`crate::Error::Refused`] where `$inc` would be: a field that is no number, an overflow,
    /// two paths of which one holds the other. [`crate::Error::ReadOnly`] if the engine takes no
    /// writes, also where nothing would change. Nothing is changed then.
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
    #[inline]
    fn increment_or(
        &self,
        id: RawBsonRef<'_>,
        increments: &[(&FieldPath, i64)],
        upsert: fn(&OpenCollection) -> bool,
    ) -> Result<UpdateReport> {
        match self.database.watch() {
            None => self.increment_unwatched(id, increments, upsert),
            Some(watch) => {
                let done = self.increment_unwatched(id, increments, upsert);
                watch.finish(|| Entry::of_update(&self.core.ns, as_command(id, increments), &done));
                done
            }
        }
    }

    #[inline]
    fn increment_unwatched(
        &self,
        id: RawBsonRef<'_>,
        increments: &[(&FieldPath, i64)],
        upsert: fn(&OpenCollection) -> bool,
    ) -> Result<UpdateReport> {
        let key = IdKey::new(id)?;
        self.database.shared.journal.make_room()?;
        let mut hit = Hit::default();
        match self.increment_in_place(&key, increments, &mut hit)? {
            Outcome::Hit => Ok(hit.report(increments.len())),
            Outcome::General => self.increment_generally(id, increments, upsert),
            Outcome::NoDocument => self.increment_missing(id, &key, increments, upsert),
        }
    }

    /// Does a hit in place. A document that is missing comes to `missing`; `None` where the
    /// general path has to do it.
    pub(super) fn increment_if_there(
        &self,
        id: &IdKey<'_>,
        increments: &[(&FieldPath, i64)],
        missing: Option<UpdateReport>,
    ) -> Result<Option<UpdateReport>> {
        self.database.shared.journal.make_room()?;
        let mut hit = Hit::default();
        Ok(match self.increment_in_place(id, increments, &mut hit)? {
            Outcome::Hit => Some(hit.report(increments.len())),
            Outcome::General => None,
            Outcome::NoDocument => missing,
        })
    }

    fn increment_in_place(
        &self,
        id: &IdKey<'_>,
        increments: &[(&FieldPath, i64)],
        hit: &mut Hit,
    ) -> Result<Outcome> {
        let guard = self.core.shared_briefly();
        let Some(open) = guard.open()? else { return Ok(Outcome::General) };
        if open.updates_generally {
            return Ok(Outcome::General);
        }
        let view = ReadView::new(&open.files, &guard);
        let counters = &self.database.shared.counters;
        let foresee = |place| open.foresee(place, id, increments);
        let found = find_for_hit(&self.core, open, &view, id, counters, foresee)?;
        let Some((place, mut record)) = found else { return Ok(Outcome::NoDocument) };
        let mut unit = UnitInPlace::new(&open.files, &guard, &mut record)?;
        let data = unit.data()?;
        let document = document_bytes_in(data, place.loc)?;
        let shape = open.shapes.get(place.shape);
        if increment::make(&mut hit.plan, document, increments, &open.indexed_paths, shape)?
            == How::General
        {
            return Ok(Outcome::General);
        }
        hit.padding_left = (data.len() - document.len()) as u32;
        match hit.located_by(increments.len()) {
            LocatedBy::Memo => counters.layout_memo_hits.add(1),
            LocatedBy::Scan => counters.layout_memo_misses.add(1),
        }
        if hit.plan.writes().is_empty() {
            return Ok(Outcome::Hit);
        }
        open.check_maintainable()?;
        for write in hit.plan.writes() {
            let ofs = write.ofs as usize;
            match write.value {
                Number::Int32(value) => unit.overwrite(ofs, value.to_le_bytes())?,
                other => unit.overwrite(ofs, other.to_bytes())?,
            }
        }
        hit.lines_dirtied = unit.lines_changed();
        unit.finish();
        Ok(Outcome::Hit)
    }

    #[cold]
    fn increment_missing(
        &self,
        id: RawBsonRef<'_>,
        key: &IdKey<'_>,
        increments: &[(&FieldPath, i64)],
        upsert: fn(&OpenCollection) -> bool,
    ) -> Result<UpdateReport> {
        if !self.core.shared().open()?.is_some_and(upsert) {
            return Ok(UpdateReport::default());
        }
        match self.instantiate(key, increments)? {
            Some(report) => Ok(report),
            None => self.increment_generally(id, increments, upsert),
        }
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
        document::check(filter.as_bytes())?;
        let scope = Scope::default().under(self.collation_for(None)?);
        let filter = Filter::parse_in(filter.as_bytes(), &scope)?;
        let update = Update::increments(increments)?;
        let upsert = self.core.shared().open()?.is_some_and(upsert);
        Ok(self.update_first(&UpdateJob::of(&filter, &update, upsert))?.report)
    }
}

impl OpenCollection {
    /// Counters of the document at `place` are about to be incremented, if its `_id` is this one:
    /// to wait for them one after the other would take longer than the hit.
    #[inline(always)]
    fn foresee(&self, place: Place, id: &IdKey<'_>, increments: &[(&FieldPath, i64)]) {
        let Some(shape) = self.shapes.get(place.shape) else { return };
        let id_len = id.value_len();
        let counters = increments.iter().filter_map(|(path, _)| shape.guess(path, id_len));
        self.files.foresee(place.loc.data(), counters);
    }
}

/// What became of an attempt in place.
enum Outcome {
    Hit,
    /// The general path has to do it.
    General,
    NoDocument,
}

/// A hit and its cost. The report is made of it where it is returned: to carry that through
/// several results would take longer than the hit.
#[derive(Default)]
struct Hit {
    plan: Plan,
    padding_left: u32,
    lines_dirtied: u32,
}

impl Hit {
    #[inline]
    fn located_by(&self, increments: usize) -> LocatedBy {
        match self.plan.by_shape as usize == increments {
            true => LocatedBy::Memo,
            false => LocatedBy::Scan,
        }
    }

    #[inline]
    fn report(&self, increments: usize) -> UpdateReport {
        let writes = self.plan.writes();
        UpdateReport {
            matched: 1,
            modified: u64::from(!writes.is_empty()),
            upserted: None,
            in_place: true,
            moved: None,
            fields_skipped: self.plan.skips.fields,
            bytes_skipped: self.plan.skips.bytes,
            bytes_written: writes.iter().map(|write| write.value.width() as u32).sum(),
            lines_dirtied: self.lines_dirtied,
            padding_left: self.padding_left,
            located_by: self.located_by(increments),
        }
    }
}

/// A hit as a statement of the command `update`.
fn as_command(id: RawBsonRef<'_>, increments: &[(&FieldPath, i64)]) -> RawDocumentBuf {
    let mut amounts = rawdoc! {};
    for (path, by) in increments {
        if let Ok(name) = CString::try_from(path.as_str()) {
            amounts.append(name, *by);
        }
    }
    let mut filter = rawdoc! {};
    filter.append(bson::cstr!("_id"), id);
    rawdoc! { "q": filter, "u": { "$inc": amounts } }
}
