//! From a filter to a record.
//!
//! An `_id` is looked for in the record memo, then in the b-tree; what the memo says is compared
//! with the record before it is believed. Any other filter is the planner's.

use std::sync::Arc;

use super::catalog::document_in;
use super::execute::Cx;
use super::id_key::{IdKey, VALUE_OFS};
use super::locked::{CollectionCore, OpenCollection};
use super::planning::hinted;
use super::query_run::{self, Query};
use super::record_memo::ShapeNo;
use super::search::Search;
use crate::bson::compare::compare_values;
use crate::bson::element::{self, Value};
use crate::counters::Counters;
use crate::disk::View;
use crate::disk_loc::RecordLoc;
use crate::error::Result;
use crate::format::record;
use crate::journal::ReadView;
use crate::locks::{Stripe, StripeRead};
use crate::query::plan::Question;
use crate::store::{Direction, RecordScan};

/// A record that was found, and what is remembered of it.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    pub loc: RecordLoc,
    /// The layout of its document, or 0.
    pub shape: ShapeNo,
}

/// How records are kept still while they are read.
#[derive(Debug, Clone, Copy)]
pub enum Holding<'a> {
    /// The collection is held shared: writers in place are about, so each record is held.
    EachRecord(&'a CollectionCore),
    /// The collection is held exclusively, by a unit of work: nobody else is about. No stripe may
    /// be taken, as the unit is inside of the gate, which comes after the stripes.
    WholeCollection,
}

impl<'a> Holding<'a> {
    /// Holds a record to read it.
    pub fn record(self, loc: RecordLoc) -> Option<StripeRead<'a>> {
        match self {
            Holding::EachRecord(core) => Some(core.read_record(loc)),
            Holding::WholeCollection => None,
        }
    }
}

/// The record whose document has this `_id`, and the right to read it.
///
/// # Errors
/// `Corrupt` only.
#[inline]
pub fn find_by_id<'a>(
    holding: Holding<'a>,
    open: &OpenCollection,
    view: &impl View,
    id: &IdKey<'_>,
    counters: &Counters,
) -> Result<Option<(Place, Option<StripeRead<'a>>)>> {
    find_and_hold(holding, open, view, id, counters, |place| holding.record(place.loc))
}

/// The same with the right to write it, for a hit. `foresee` is told of each place that may be
/// the one.
///
/// # Errors
/// `Corrupt` only.
#[inline]
pub fn find_for_hit<'a>(
    core: &'a CollectionCore,
    open: &OpenCollection,
    view: &impl View,
    id: &IdKey<'_>,
    counters: &Counters,
    foresee: impl Fn(Place),
) -> Result<Option<(Place, Stripe<'a>)>> {
    find_and_hold(Holding::EachRecord(core), open, view, id, counters, |place| {
        let record = core.write_record(place.loc);
        // Not before: lines that another thread is writing would be taken away from it.
        foresee(place);
        record
    })
}

#[inline]
fn find_and_hold<G>(
    holding: Holding<'_>,
    open: &OpenCollection,
    view: &impl View,
    id: &IdKey<'_>,
    counters: &Counters,
    hold: impl Fn(Place) -> G,
) -> Result<Option<(Place, G)>> {
    let hash = id.hash();
    if let Some(memo) = &open.memo {
        for (loc, shape) in memo.candidates(hash) {
            let place = Place { loc, shape };
            let held = hold(place);
            if leads_at(view, loc, id) {
                counters.record_memo_hits.add(1);
                return Ok(Some((place, held)));
            }
        }
    }
    let place = find_beyond_memo(holding, open, view, id, hash, counters)?;
    Ok(place.map(|place| (place, hold(place))))
}

/// The same by the b-tree; what is found is remembered.
#[cold]
fn find_beyond_memo(
    holding: Holding<'_>,
    open: &OpenCollection,
    view: &impl View,
    id: &IdKey<'_>,
    hash: u64,
    counters: &Counters,
) -> Result<Option<Place>> {
    let Some(loc) = find_in_index(holding, open, view, id)? else { return Ok(None) };
    counters.record_memo_misses.add(1);
    let mut shape = 0;
    if let Some(memo) = &open.memo {
        let _record = holding.record(loc);
        // M1: only the very bytes that the record holds; 1 and 1.0 find each other in the index.
        if leads_at(view, loc, id) {
            let document = document_in(data_at(view, loc)?, loc)?;
            let number = open.shapes.number_of(document.as_bytes());
            shape = number.map_err(|error| error.stored_at(loc))?;
            memo.remember(hash, loc, shape);
        }
    }
    Ok(Some(Place { loc, shape }))
}

/// Does the document in the record at `loc`, which is held, begin with this `_id`?
#[inline]
fn leads_at(view: &impl View, loc: RecordLoc, id: &IdKey<'_>) -> bool {
    let end = record::LEN + VALUE_OFS + id.value_len();
    // What would end beyond the file is no document with this `_id`.
    let Ok(bytes) = view.bytes(loc.loc(), end) else { return false };
    record::LENGTH.get(bytes) as usize >= end && id.leads(&bytes[record::LEN..])
}

/// The data of the record at `loc`, its header believed as far as it stays inside of the file:
/// enough to compare, at the cost of one cache line.
#[inline]
pub fn data_at(view: &impl View, loc: RecordLoc) -> Result<&[u8]> {
    Ok(view.measured(loc.loc())?.get(record::LEN..).unwrap_or_default())
}

fn find_in_index(
    holding: Holding<'_>,
    open: &OpenCollection,
    view: &impl View,
    id: &IdKey<'_>,
) -> Result<Option<RecordLoc>> {
    let value = id.value();
    let wanted = Value { ty: id.element_type(), bytes: &value };
    match open.id_index() {
        Some(index) => index.find_exact(view, wanted),
        None => {
            // A collection without an index on _id (autoIndexId: false): read it.
            let mut scan = RecordScan::new(open.details(), Direction::Forward);
            while let Some(loc) = scan.next(view)? {
                let _record = holding.record(loc);
                let document = document_in(data_at(view, loc)?, loc)?;
                let own = element::get(document.as_bytes(), "_id")?.map(|own| own.val());
                if own.is_some_and(|own| compare_values(own, wanted).is_eq()) {
                    return Ok(Some(loc));
                }
            }
            Ok(None)
        }
    }
}

/// The first record that is looked for. Each record is held while it is compared; by the time
/// the caller holds it again it may match no more.
///
/// # Errors
/// `Corrupt`; [`crate::Reason::BadValue`] for an index that is not there.
pub fn find_first(
    holding: Holding<'_>,
    open: &OpenCollection,
    view: &ReadView<'_>,
    search: &Search<'_>,
    counters: &Counters,
) -> Result<Option<Place>> {
    let filter = search.filter;
    if let Some(id) = filter.id_equality().filter(|_| search.hint.is_none()) {
        let found = find_by_id(holding, open, view, &IdKey::from_raw(id.ty, id.bytes), counters)?;
        // Not held while it is held once more.
        let Some(place) = found.map(|(place, _)| place) else { return Ok(None) };
        let _record = holding.record(place.loc);
        let document = document_in(data_at(view, place.loc)?, place.loc)?;
        return Ok(search.matches(document.as_bytes())?.then_some(place));
    }
    let mut query = Query::of(question(open, search)?);
    (query.limit, query.question.enough) = (1, 1);
    let variables = &search.values();
    let cx = Cx { open, view, holding, counters, variables };
    Ok(query_run::first(&cx, &query)?.map(|loc| Place { loc, shape: 0 }))
}

/// A search as a planner takes it.
///
/// # Errors
/// [`crate::Reason::BadValue`] for an index that is not there.
pub fn question(open: &OpenCollection, search: &Search<'_>) -> Result<Question> {
    let mut question = Question::of(Arc::new(search.filter.clone()));
    question.sort = search.sort.filter(|sort| !sort.parts().is_empty()).cloned();
    question.hint = hinted(Some(open), open.store.ns(), search.hint)?;
    Ok(question)
}
