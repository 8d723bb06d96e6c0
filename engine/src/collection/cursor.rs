//! The documents that a query gives, one after the other.

use bson::RawDocumentBuf;

use super::execute::{Cost, Listening, Looked};
use super::handle::Collection;
use super::profile::{Entry, Watch};
use crate::error::{Error, Result};

/// Documents that a find or an aggregation gives.
///
/// Between two of them no lock is held: others may change the collection meanwhile. A cursor
/// survives that; a document that moves may be met twice or not at all, one that stays is met
/// once.
///
/// The cursor of a tailable find gives nothing at the end of its collection, and more when there
/// is more; [`Cursor::is_exhausted`] tells whether it ever will.
pub struct Cursor {
    source: Box<dyn Source>,
    /// A document that a batch had no room for.
    kept: Option<RawDocumentBuf>,
    failed: bool,
    /// What the profiler is to be told.
    profile: Option<Profile>,
}

/// An operation that is profiled while its cursor is read.
struct Profile {
    collection: Collection,
    op: &'static str,
    command: RawDocumentBuf,
    /// Time taken, and documents given, since the profiler was told last.
    took_ns: u64,
    returned: u64,
    /// What had been looked at then.
    told: Looked,
    /// What was heard of queries since, where the source does not know.
    heard: Cost,
}

/// Where a cursor's documents come from.
pub(super) trait Source: Send {
    /// The next document; none at the end, for now or for good.
    fn next(&mut self) -> Option<Result<RawDocumentBuf>>;

    /// Is it known that there is no more, ever?
    fn is_exhausted(&self) -> bool;

    /// So many will be asked for now: no more need be looked for in one go.
    fn expect(&mut self, _documents: u64) {}

    /// What finding them came to so far, where that is known.
    fn cost(&self) -> Option<Cost> {
        None
    }
}

/// Documents that an iterator gives.
struct Given<I> {
    documents: I,
    is_over: bool,
}

impl<I: Iterator<Item = Result<RawDocumentBuf>> + Send> Source for Given<I> {
    fn next(&mut self) -> Option<Result<RawDocumentBuf>> {
        let next = self.documents.next();
        self.is_over |= next.is_none();
        next
    }

    fn is_exhausted(&self) -> bool {
        self.is_over
    }
}

impl Cursor {
    pub(super) fn new(
        source: impl Iterator<Item = Result<RawDocumentBuf>> + Send + 'static,
    ) -> Cursor {
        Cursor::of(Given { documents: source, is_over: false })
    }

    pub(super) fn of(source: impl Source + 'static) -> Cursor {
        Cursor { source: Box::new(source), kept: None, failed: false, profile: None }
    }

    /// Tells it what was heard of queries before it was made.
    pub(super) fn having_heard(mut self, heard: Option<Cost>) -> Cursor {
        if let (Some(profile), Some(heard)) = (&mut self.profile, heard) {
            profile.heard.add_work(heard);
        }
        self
    }

    /// Has the profiler told of it, if it listens: of every batch, or at the end of all that is
    /// taken one by one.
    pub(super) fn profiled(
        mut self,
        collection: &Collection,
        op: &'static str,
        command: impl FnOnce() -> RawDocumentBuf,
    ) -> Cursor {
        if collection.database.watch().is_some() {
            let (collection, command) = (collection.clone(), command());
            let (took_ns, returned, told, heard) = (0, 0, Looked::default(), Cost::default());
            let profile = Profile { collection, op, command, took_ns, returned, told, heard };
            self.profile = Some(profile);
        }
        self
    }

    /// The next documents: at most so many (0: any number) and at most so many bytes, but one if
    /// there is one.
    ///
    /// # Errors
    /// What ends the cursor; what was found before it in this batch is lost.
    pub fn next_batch(&mut self, max_docs: usize, max_bytes: usize) -> Result<Vec<RawDocumentBuf>> {
        let mut batch = vec![];
        let mut bytes = 0;
        self.expect(if max_docs == 0 { u64::MAX } else { max_docs as u64 });
        while max_docs == 0 || batch.len() < max_docs {
            let Some(document) = self.next().transpose()? else { break };
            bytes += document.as_bytes().len();
            if bytes > max_bytes && !batch.is_empty() {
                self.kept = Some(document);
                break;
            }
            batch.push(document);
        }
        self.tell(None);
        Ok(batch)
    }

    /// So many documents will be taken now. Documents are found ahead of those that are taken,
    /// up to 256: what somebody changes meanwhile is not seen. A batch that says how many it
    /// takes has no such documents left over.
    pub fn expect(&mut self, documents: u64) {
        self.source.expect(documents);
    }

    /// To be called when a batch is over that was taken document by document: the profiler is
    /// told of it.
    pub fn end_batch(&mut self) {
        self.tell(None);
    }

    fn tell(&mut self, error: Option<&Error>) {
        let exhausted = self.is_exhausted();
        let Some(profile) = &mut self.profile else { return };
        let mut cost = self.source.cost().unwrap_or_else(|| profile.heard.clone());
        if cost.plan.is_empty() {
            // No query was at work: there was nothing to look at.
            cost.plan = "EOF".to_owned();
        }
        let (looked, told) = (cost.looked, profile.told);
        let database = &profile.collection.database;
        Watch::since(database, profile.took_ns).finish(|| Entry {
            keys_examined: Some(looked.keys.saturating_sub(told.keys)),
            docs_examined: Some(looked.documents.saturating_sub(told.documents)),
            returned: Some(profile.returned),
            has_sort_stage: cost.sorts,
            plan: Some(cost.plan),
            exhausted,
            error,
            ..Entry::new(profile.op, profile.collection.namespace(), profile.command.clone())
        });
        profile.op = "getmore";
        (profile.took_ns, profile.returned, profile.told) = (0, 0, looked);
    }

    fn take_next(&mut self) -> Option<Result<RawDocumentBuf>> {
        self.kept.take().map(Ok).or_else(|| self.source.next())
    }

    /// Is it known that it gives no more, ever?
    pub fn is_exhausted(&self) -> bool {
        self.failed || self.kept.is_none() && self.source.is_exhausted()
    }
}

impl Iterator for Cursor {
    type Item = Result<RawDocumentBuf>;

    fn next(&mut self) -> Option<Result<RawDocumentBuf>> {
        if self.failed {
            return None;
        }
        let clock = self.profile.as_ref().map(|told| told.collection.database.shared.clock.clone());
        let began = clock.as_ref().map(|clock| clock.uptime_ns());
        let listening = self.profile.as_ref().map(|_| Listening::begin());
        let next = self.take_next();
        let heard = listening.and_then(Listening::end);
        if let (Some(profile), Some(clock), Some(began)) = (&mut self.profile, clock, began) {
            heard.into_iter().for_each(|heard| profile.heard.add_work(heard));
            profile.took_ns += clock.uptime_ns().saturating_sub(began);
            profile.returned += u64::from(matches!(next, Some(Ok(_))));
        }
        self.failed = matches!(next, Some(Err(_)));
        if let Some(Err(error)) = &next {
            self.tell(Some(error));
        }
        next
    }
}

impl Drop for Cursor {
    fn drop(&mut self) {
        if self
            .profile
            .as_ref()
            .is_some_and(|profile| profile.op != "getmore" || profile.returned > 0)
        {
            self.tell(None);
        }
    }
}

impl std::fmt::Debug for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cursor")
    }
}
