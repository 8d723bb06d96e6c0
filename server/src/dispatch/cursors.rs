//! Open cursors: what a client has not fetched yet, by number.
//!
//! A cursor that somebody fetches from is out of the table, its place marked: another fetch is
//! refused, and who kills it meanwhile has it dropped when it comes back. Cursors outlive the
//! connection that opened them, and are dropped after ten minutes without use.

mod counts;

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bson::RawDocumentBuf;
use tallymap::Reason;
use tallymap::bson::builder::{Builder, Index};
use tallymap::bson::element::get;
use tallymap::bson::ty;
use tallymap::limits::DOCUMENT_LEN_MAX;

pub use self::counts::{CursorCounts, Open};
use super::failure::{Failure, Outcome};
use super::own_cursors::OwnCursors;
use super::put::Put;
use super::sessions::{SessionId, check_same};
use super::waiting::Waiting;
use crate::auth::Owner;

/// Documents of a first batch, unless told.
pub const FIRST_BATCH: u64 = 101;
/// Time without use after which a cursor is dropped, unless told, milliseconds.
const TIMEOUT_MS: u64 = 600_000;
/// Time between two looks for such cursors.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);
/// Most cursors that are open at a time.
const CURSORS_MAX: usize = 10_000;

/// Where documents come from.
#[derive(Debug)]
pub enum Source {
    /// The engine.
    Engine(tallymap::Cursor),
    /// They are here.
    Ready(VecDeque<RawDocumentBuf>),
    /// Nowhere any more, and why.
    Gone(String),
}

/// A cursor that has documents, or may have.
#[derive(Debug)]
pub struct OpenCursor {
    source: Source,
    /// Full name of what it reads.
    pub ns: String,
    /// One that did not fit into the last batch.
    held: Option<RawDocumentBuf>,
    /// Documents that it may still give.
    left: u64,
    /// Documents that it gave.
    given: u64,
    session: Option<SessionId>,
    /// Who may fetch from it.
    owner: Owner,
    /// Does it stay at its end, and wait there for so long?
    pub tailable: Option<Duration>,
    /// Is it dropped when nobody uses it?
    pub has_timeout: bool,
    is_at_end: bool,
    /// Has it given more than its first batch?
    pub went_on: bool,
    /// Is it over with the last document of its limit only if that comes in a later batch?
    pub ends_later: bool,
    /// Does it need its collection to the end? A pipeline that began with collecting documents
    /// does not.
    pub follows: bool,
}

#[derive(Debug)]
enum Place {
    Idle { cursor: Box<OpenCursor>, since: Instant },
    InUse { is_killed: bool, owner: Owner, session: Option<SessionId> },
}

/// The open cursors.
#[derive(Debug)]
pub struct Cursors {
    /// Those who wait for more.
    pub waiting: Waiting,
    table: Mutex<Table>,
    random: RandomState,
    /// What was counted.
    pub counts: CursorCounts,
}

#[derive(Debug)]
struct Table {
    places: HashMap<i64, Place>,
    swept: Instant,
    opened: u64,
    /// Time without use after which one is dropped, milliseconds.
    timeout_ms: u64,
}

impl Default for Cursors {
    fn default() -> Cursors {
        let swept = Instant::now();
        let table = Table { places: HashMap::new(), swept, opened: 0, timeout_ms: TIMEOUT_MS };
        let (table, random) = (Mutex::new(table), RandomState::new());
        let (waiting, counts) = (Waiting::default(), CursorCounts::default());
        Cursors { waiting, table, random, counts }
    }
}

impl OpenCursor {
    /// A cursor on `ns` that gives at most `limit` documents; all if that is 0.
    pub fn new(source: Source, ns: String, limit: u64, session: Option<SessionId>) -> OpenCursor {
        OpenCursor {
            source,
            ns,
            held: None,
            left: if limit == 0 { u64::MAX } else { limit },
            given: 0,
            session,
            owner: Owner::default(),
            tailable: None,
            has_timeout: true,
            is_at_end: false,
            went_on: false,
            ends_later: false,
            follows: true,
        }
    }

    fn next(&mut self) -> Outcome<Option<RawDocumentBuf>> {
        if self.left == 0 {
            return Ok(None);
        }
        if let Some(held) = self.held.take() {
            return Ok(Some(held));
        }
        Ok(match &mut self.source {
            Source::Engine(cursor) => cursor.next().transpose()?,
            Source::Ready(documents) => documents.pop_front(),
            Source::Gone(why) => {
                return Err(Failure::new(Reason::QueryPlanKilled, std::mem::take(why)));
            }
        })
    }

    /// Writes the next documents as the array `name`: at most `count`, and 16 MiB with the names
    /// of its elements, but one if there is one. Answers how many.
    ///
    /// # Errors
    /// The engine's; the cursor is of no use then.
    pub fn put_batch(&mut self, out: &mut Builder, name: &str, count: u64) -> Outcome<u64> {
        out.begin(ty::ARRAY, name);
        let (mut written, start) = (0, out.len());
        if let Source::Engine(cursor) = &mut self.source {
            cursor.expect(count.min(self.left));
        }
        while written < count {
            let Some(document) = self.next()? else {
                self.is_at_end = true;
                break;
            };
            let bytes = document.as_bytes();
            if written > 0 && out.len() - start + bytes.len() > DOCUMENT_LEN_MAX {
                self.held = Some(document);
                break;
            }
            out.document(Index::new(written as usize), bytes);
            written += 1;
            self.left -= 1;
        }
        self.given += written;
        // One that waits at its end looks often, and mostly in vain.
        if let Source::Engine(cursor) = &mut self.source
            && (written > 0 || self.tailable.is_none())
        {
            cursor.end_batch();
        }
        out.end();
        Ok(written)
    }

    /// Has it nothing more to give, ever?
    pub fn is_done(&self) -> bool {
        let is_over = match &self.source {
            // At the end of a capped collection there may be more later.
            Source::Engine(cursor) if self.tailable.is_some() => cursor.is_exhausted(),
            _ => true,
        };
        let is_given = self.left == 0 && (self.went_on || !self.ends_later);
        is_given || self.is_at_end && is_over
    }
}

impl Cursors {
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a cursor. Answers its number, above 0.
    ///
    /// # Errors
    /// If too many are open.
    pub fn keep(&self, cursor: OpenCursor) -> Outcome<i64> {
        let mut table = self.lock();
        self.counts.timed_out.add_many(table.sweep(Instant::now()));
        if table.places.len() >= CURSORS_MAX {
            let message = format!("more than {CURSORS_MAX} cursors are open");
            return Err(Failure::new(Reason::OperationFailed, message));
        }
        let id = loop {
            table.opened += 1;
            let mut hasher = self.random.build_hasher();
            hasher.write_u64(table.opened);
            let id = (hasher.finish() >> 1) as i64;
            if id > 0 && !table.places.contains_key(&id) {
                break id;
            }
        };
        let place = Place::Idle { cursor: Box::new(cursor), since: Instant::now() };
        table.places.insert(id, place);
        Ok(id)
    }

    pub(super) fn take(
        &self,
        id: i64,
        ns: &str,
        session: Option<SessionId>,
        owner: &Owner,
    ) -> Outcome<Box<OpenCursor>> {
        let mut table = self.lock();
        self.counts.timed_out.add_many(table.sweep(Instant::now()));
        let not_found =
            || Failure::new(Reason::CursorNotFound, format!("cursor id {id} not found"));
        match table.places.get(&id) {
            None | Some(Place::InUse { is_killed: true, .. }) => Err(not_found()),
            Some(Place::InUse { .. }) => {
                let message = format!("cursor id {id} is already in use");
                Err(Failure::numbered(12051, "CursorInUse", message))
            }
            Some(Place::Idle { cursor, .. }) => {
                if !cursor.owner.shares_with(owner) {
                    let message =
                        format!("cursor id {id} was not created by the authenticated user");
                    return Err(Failure::new(Reason::Unauthorized, message));
                }
                if cursor.ns != ns {
                    let own = &cursor.ns;
                    let message = format!(
                        "Requested getMore on namespace '{ns}', but cursor belongs to a different \
                         namespace {own}"
                    );
                    return Err(Failure::new(Reason::Unauthorized, message));
                }
                check_same(id, cursor.session, session)?;
                let (owner, session) = (cursor.owner.clone(), cursor.session);
                let in_use = Place::InUse { is_killed: false, owner, session };
                match table.places.insert(id, in_use) {
                    Some(Place::Idle { cursor, .. }) => Ok(cursor),
                    _ => Err(not_found()),
                }
            }
        }
    }

    /// Puts a cursor back that was taken; drops it if it was killed meanwhile.
    pub fn put_back(&self, id: i64, cursor: Box<OpenCursor>) {
        let mut table = self.lock();
        match table.places.get_mut(&id) {
            Some(place @ Place::InUse { is_killed: false, .. }) => {
                *place = Place::Idle { cursor, since: Instant::now() };
            }
            _ => drop(table.places.remove(&id)),
        }
    }

    /// Drops a cursor that was taken, or that nobody may fetch from any more.
    pub fn forget(&self, id: i64) {
        self.lock().places.remove(&id);
    }

    /// Was a cursor killed that was taken?
    pub fn is_killed(&self, id: i64) -> bool {
        matches!(self.lock().places.get(&id), Some(Place::InUse { is_killed: true, .. }))
    }

    /// Kills a cursor. Answers whether there was one.
    pub fn kill(&self, id: i64, ns: Option<&str>) -> bool {
        let mut table = self.lock();
        match table.places.get_mut(&id) {
            None | Some(Place::InUse { is_killed: true, .. }) => false,
            Some(Place::InUse { is_killed, .. }) => {
                *is_killed = true;
                drop(table);
                self.waiting.wake(|_| true);
                true
            }
            Some(Place::Idle { cursor, .. }) if ns.is_some_and(|ns| ns != cursor.ns) => false,
            Some(Place::Idle { .. }) => table.places.remove(&id).is_some(),
        }
    }

    /// Lets cursors whose collection is gone know why: who waits, and the next fetch, is told.
    pub fn interrupt(&self, is_gone: impl Fn(&str) -> bool, why: &str) {
        self.waiting.interrupt(&is_gone, why);
        for place in self.lock().places.values_mut() {
            if let Place::Idle { cursor, .. } = place
                && cursor.follows
                && matches!(cursor.source, Source::Engine(_))
                && is_gone(&cursor.ns)
            {
                cursor.held = None;
                cursor.source = Source::Gone(why.to_owned());
            }
        }
    }

    /// What an idle cursor reads, and how many documents it gave.
    pub fn look_at(&self, id: i64) -> Option<(String, u64)> {
        match self.lock().places.get(&id)? {
            Place::Idle { cursor, .. } => Some((cursor.ns.clone(), cursor.given)),
            Place::InUse { .. } => None,
        }
    }

    /// Is it a cursor of somebody else?
    pub(super) fn is_of_another(&self, id: i64, owner: &Owner) -> bool {
        match self.lock().places.get(&id) {
            Some(Place::Idle { cursor, .. }) => !cursor.owner.shares_with(owner),
            Some(Place::InUse { owner: own, .. }) => !own.shares_with(owner),
            None => false,
        }
    }

    pub(super) fn kill_session(&self, of: SessionId, by: Option<&Owner>) {
        let is_meant = |session: &Option<SessionId>, owner: &Owner| {
            *session == Some(of) && by.is_none_or(|by| owner.shares_with(by))
        };
        self.lock().places.retain(|_, place| match place {
            Place::Idle { cursor, .. } => !is_meant(&cursor.session, &cursor.owner),
            Place::InUse { is_killed, owner, session } => {
                *is_killed |= is_meant(session, owner);
                true
            }
        });
        self.waiting.wake(|_| true);
    }

    /// Sets the time without use after which one is dropped; answers what it was.
    pub fn set_timeout_ms(&self, ms: u64) -> u64 {
        std::mem::replace(&mut self.lock().timeout_ms, ms)
    }

    /// That time.
    pub fn timeout_ms(&self) -> u64 {
        self.lock().timeout_ms
    }

    /// How many are open.
    pub fn open(&self) -> Open {
        let table = self.lock();
        let count = |is: fn(&Place) -> bool| table.places.values().filter(|it| is(it)).count();
        Open {
            total: table.places.len(),
            no_timeout: count(|it| matches!(it, Place::Idle { cursor, .. } if !cursor.has_timeout)),
            pinned: count(|it| matches!(it, Place::InUse { .. })),
        }
    }
}

impl Table {
    /// Drops what nobody uses. Answers how many those were.
    fn sweep(&mut self, now: Instant) -> u64 {
        if now.duration_since(self.swept) < SWEEP_INTERVAL {
            return 0;
        }
        self.swept = now;
        let (before, timeout) = (self.places.len(), Duration::from_millis(self.timeout_ms));
        self.places.retain(|_, place| match place {
            Place::Idle { cursor, since } => {
                !cursor.has_timeout || now.duration_since(*since) < timeout
            }
            Place::InUse { .. } => true,
        });
        (before - self.places.len()) as u64
    }
}

/// Writes `cursor: { firstBatch, id, ns }`, the cursor being kept if it may have more.
///
/// # Errors
/// The engine's; no cursor is kept then.
pub fn put_first(
    cursors: OwnCursors<'_>,
    mut cursor: OpenCursor,
    count: u64,
    is_single: bool,
) -> Outcome<Builder> {
    let mut out = Builder::with_capacity(4096);
    out.begin(ty::DOCUMENT, "cursor");
    let given = cursor.put_batch(&mut out, "firstBatch", count)?;
    cursors.counts.opened.add();
    cursors.counts.returned.add_many(given);
    let ns = cursor.ns.clone();
    cursor.owner = cursors.owner.clone();
    let id = if is_single || cursor.is_done() { 0 } else { cursors.keep(cursor)? };
    out.put_i64("id", id);
    out.str("ns", &ns);
    out.end();
    Ok(out)
}

/// Writes `cursor: { id, ns, firstBatch }`, in which order lists and nothing have it.
///
/// # Errors
/// As [`put_first`].
pub fn put_list(
    cursors: OwnCursors<'_>,
    cursor: OpenCursor,
    count: u64,
    is_single: bool,
) -> Outcome<Builder> {
    let found = put_first(cursors, cursor, count, is_single)?.finish();
    let mut out = Builder::with_capacity(found.len());
    out.begin(ty::DOCUMENT, "cursor");
    if let Some(cursor) = get(&found, "cursor")? {
        for name in ["id", "ns", "firstBatch"] {
            if let Some(field) = get(cursor.value, name)? {
                out.element(&field);
            }
        }
    }
    out.end();
    Ok(out)
}

#[cfg(test)]
mod tests;
