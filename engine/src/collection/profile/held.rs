//! Entries of operations that are a whole request: they wait for its reply, whose length they tell,
//! and repeat the request as it was sent.

use std::cell::RefCell;
use std::sync::Arc;

use bson::{Document, RawDocumentBuf};

use super::{shown, write};
use crate::collection::database_core::DatabaseCore;

/// The field that tells it.
pub const LENGTH: &str = "responseLength";
/// Entries that wait at most; a request has one, or few.
const HELD_MAX: usize = 16;

type Held = Vec<(Arc<DatabaseCore>, Document)>;

thread_local! {
    /// The entries of the request on this thread; none if nobody will reply.
    static HELD: RefCell<Option<Held>> = const { RefCell::new(None) };
}

/// Has an operation a reply of its own? Updates and deletions are parts of a batch.
pub fn is_answered(op: &str) -> bool {
    !matches!(op, "update" | "remove") && HELD.with(|place| place.borrow().is_some())
}

/// Keeps an entry until the reply is known, or writes it.
pub fn put(database: &Arc<DatabaseCore>, mut entry: Document, op: &str) {
    if is_answered(op) {
        let full = HELD.with(|place| {
            let mut place = place.borrow_mut();
            let held = place.as_mut().filter(|held| held.len() < HELD_MAX);
            let Some(held) = held else { return true };
            held.push((Arc::clone(database), std::mem::take(&mut entry)));
            false
        });
        if !full {
            return;
        }
        entry.remove(LENGTH);
    }
    write_down(database, &entry);
}

fn write_down(database: &Arc<DatabaseCore>, entry: &Document) {
    if !database.profiler.admits(entry, database.shared.clock.unix_ms()) {
        return;
    }
    if let Err(error) = write(database, entry) {
        tracing::warn!(%error, database = database.name, "not profiled");
    }
}

/// Ends the waiting, whatever happens.
struct Waiting;

impl Drop for Waiting {
    fn drop(&mut self) {
        HELD.with(|place| place.borrow_mut().take());
    }
}

/// Does the work of one request, which is this, and whose reply is so long; the profiler tells
/// both. They are asked for only if it has something to tell.
pub fn run<R>(
    work: impl FnOnce() -> R,
    length: impl FnOnce(&R) -> usize,
    request: impl FnOnce() -> Option<RawDocumentBuf>,
) -> R {
    HELD.with(|place| place.replace(Some(Held::new())));
    let waiting = Waiting;
    let reply = work();
    let held = HELD.with(|place| place.borrow_mut().take()).unwrap_or_default();
    drop(waiting);
    if held.is_empty() {
        return reply;
    }
    let length = i32::try_from(length(&reply)).unwrap_or(i32::MAX);
    let request = request().map(|request| shown::request(&request));
    for (database, mut entry) in held {
        entry.insert(LENGTH, length);
        if let Some(request) = request.as_ref().filter(|_| !shown::is_hidden(&entry)) {
            entry.insert("command", request.clone());
        }
        write_down(&database, &entry);
    }
    reply
}
