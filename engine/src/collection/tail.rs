//! Tailable cursors: at the end of a capped collection they wait for what comes behind it.
//!
//! A tail remembers the record that it gave last. As long as that is there, what comes behind it
//! is what is new; once it was overwritten, nobody knows how much was lost.

use std::sync::Arc;

use bson::RawDocumentBuf;

use super::cursor::Source;
use super::execute::{Copied, Cx, Looked, Member, look};
use super::find::document_of;
use super::locate::Holding;
use super::locked::CollectionCore;
use super::planning::{natural, planner_error};
use super::query_run::Query;
use super::saved_cursors::Watch;
use super::scan::check_generation;
use super::shared::EngineShared;
use crate::disk_loc::RecordLoc;
use crate::error::{Error, Reason, Result};
use crate::journal::ReadView;
use crate::query::plan::Hinted;
use crate::store::{Direction, RecordScan};

/// Looks before the collection is given to others.
const LOOKS_MAX: usize = 1000;

/// A tailable cursor.
pub(super) struct Tail {
    core: Arc<CollectionCore>,
    shared: Arc<EngineShared>,
    query: Arc<Query>,
    direction: Direction,
    /// The record that was looked at last.
    last: Option<(RecordLoc, Watch)>,
    generation: u64,
    /// Matches that are still to be passed over.
    skip: u64,
    /// Matches that may still be given; what comes behind them is never given.
    left: u64,
    is_over: bool,
}

impl Tail {
    /// # Errors
    /// [`Reason::BadValue`] if the collection is not capped, or is sorted.
    pub fn new(
        core: Arc<CollectionCore>,
        shared: Arc<EngineShared>,
        query: Query,
        sort: Option<&bson::RawDocument>,
    ) -> Result<Tail> {
        let natural_sort = match sort.filter(|sort| !sort.is_empty()) {
            None => true,
            Some(sort) => natural(sort.as_bytes())? == Some(false),
        };
        if !natural_sort {
            let message = "cannot use tailable option with a sort other than {$natural: 1}";
            return Err(Error::refused(Reason::BadValue, message));
        }
        let state = match core.shared().open()? {
            None => None,
            Some(open) if !open.is_capped => {
                let why = "tailable cursor requested on non capped collection";
                return Err(planner_error(core.ns.as_str(), Reason::BadValue, why));
            }
            Some(open) => Some(open.generation),
        };
        let backward = query.question.hint == Hinted::Natural { backward: true };
        let direction = if backward { Direction::Backward } else { Direction::Forward };
        let (generation, is_over) = (state.unwrap_or(0), state.is_none());
        let (skip, left) = (query.skip, if query.limit > 0 { query.limit } else { u64::MAX });
        let (query, last) = (Arc::new(query), None);
        let mut tail =
            Tail { core, shared, query, direction, last, generation, skip, left, is_over };
        tail.end_if_empty()?;
        let counters = &tail.shared.counters;
        counters.collection_scans.add(1);
        counters.tailable_scans.add(1);
        Ok(tail)
    }

    /// Where there is nothing to come back to, there is nothing to wait at.
    fn end_if_empty(&mut self) -> Result<()> {
        let guard = self.core.shared();
        if let Some(open) = guard.open()? {
            let view = ReadView::new(&open.files, &guard);
            self.is_over = open.details().stats(&view)?.records == 0;
        }
        Ok(())
    }

    /// The next document; none at the end, for now. Where it must let the collection go before it
    /// knows, it goes on.
    fn find_next(&mut self) -> Result<Option<RawDocumentBuf>> {
        loop {
            let core = self.core.clone();
            let guard = core.shared();
            let Some(open) = guard.open()? else {
                self.is_over = true;
                return Ok(None);
            };
            check_generation(open, self.generation)?;
            let view = ReadView::new(&open.files, &guard);
            let (shared, query) = (self.shared.clone(), self.query.clone());
            let (holding, counters) = (Holding::EachRecord(&core), &*shared.counters);
            let variables = &query.variables();
            let cx = Cx { open, view: &view, holding, counters, variables };
            let mut scan = match &self.last {
                None => RecordScan::new(open.details(), self.direction),
                Some((loc, watch)) if watch.is_there() => {
                    RecordScan::behind(open.details(), self.direction, &view, *loc)?
                }
                Some(_) => return Err(lost()),
            };
            let mut met = None;
            for _ in 0..LOOKS_MAX {
                let Some(loc) = scan.next(&view)? else {
                    self.remember(&cx, met);
                    return Ok(None);
                };
                met = Some(loc);
                match self.shown(&cx, loc)? {
                    Some(_) if self.skip > 0 => self.skip -= 1,
                    Some(document) => {
                        self.left -= 1;
                        self.remember(&cx, met);
                        return Ok(Some(document));
                    }
                    None => {}
                }
            }
            self.remember(&cx, met);
        }
    }

    fn remember(&mut self, cx: &Cx<'_>, met: Option<RecordLoc>) {
        if let Some(loc) = met {
            self.last = Some((loc, cx.open.cursors.watch(loc)));
        }
    }

    /// What is wanted of the document in this record, if it matches.
    fn shown(&self, cx: &Cx<'_>, loc: RecordLoc) -> Result<Option<RawDocumentBuf>> {
        let mut member = Member::at(loc);
        let filter = Some(&*self.query.question.filter);
        if !look(cx, &mut member, filter, Copied::Document, &mut Looked::default())? {
            return Ok(None);
        }
        self.query.shown(vec![]).apply(&mut member)?;
        document_of(member).map(Some)
    }
}

impl Source for Tail {
    fn next(&mut self) -> Option<Result<RawDocumentBuf>> {
        if self.is_over || self.left == 0 {
            return None;
        }
        let found = self.find_next();
        self.is_over |= found.is_err();
        found.transpose()
    }

    fn is_exhausted(&self) -> bool {
        self.is_over
    }
}

fn lost() -> Error {
    let message = "CollectionScan died due to position in capped collection being deleted";
    Error::refused(Reason::CappedPositionLost, message)
}
