//! The profiler: what operations did and what it cost them, kept in the capped collection
//! `system.profile` of their database.
//!
//! While it is off, as it is unless told, an operation reads one word for it.

mod asked_by;
mod filter;
mod held;
mod shown;

use std::cell::Cell;
use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bson::{DateTime, Document, RawDocument, RawDocumentBuf, doc, rawdoc};

use super::database_core::DatabaseCore;
use super::execute::{Cost, Listening, Looked};
use super::handle::Collection;
use super::insert::insert_document;
use super::options::CollectionOptions;
use super::update_report::{LocatedBy, UpdateReport};
use crate::error::{Error, Reason, Result};
use crate::namespace_string::NamespaceString;

use self::filter::ProfileFilter;

pub use asked_by::AskedBy;

/// The collection that holds the entries.
const COLLECTION: &str = "system.profile";
/// Its size, bytes, as mongod makes it.
const SIZE: i64 = 1 << 20;
/// Which operations are profiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProfilingLevel {
    /// None.
    #[default]
    Off,
    /// Those that take longer than a threshold.
    Slow,
    /// All.
    All,
}

/// What the profiler of a database is told. The level is the database's own; the rest it has in
/// common with all of its engine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Profiling {
    /// Which operations.
    pub level: ProfilingLevel,
    /// From how many milliseconds on an operation is slow, in any database. Below zero all are.
    pub slow_ms: i64,
    /// Of the operations that are to be profiled, the share that is, in any database: 0 to 1.
    pub sample_rate: f64,
}

impl Default for Profiling {
    fn default() -> Profiling {
        Profiling { level: ProfilingLevel::Off, slow_ms: 100, sample_rate: 1.0 }
    }
}

/// A database's profiler.
#[derive(Debug, Default)]
pub struct Profiler {
    level: AtomicU8,
    /// Looked at when an operation is over, at the level of slow ones.
    filter: RwLock<Option<Arc<ProfileFilter>>>,
}

/// What the profilers of an engine have in common.
#[derive(Debug)]
pub struct Thresholds {
    slow_ms: AtomicI64,
    /// The bits of the sample rate.
    sample_rate: AtomicU64,
    /// Operations that the sample was taken of.
    seen: AtomicU64,
    /// The level of databases that are not told another.
    level: AtomicU8,
}

impl Default for Thresholds {
    fn default() -> Thresholds {
        let thresholds = Thresholds {
            slow_ms: AtomicI64::new(0),
            sample_rate: AtomicU64::new(0),
            seen: AtomicU64::new(0),
            level: AtomicU8::new(0),
        };
        thresholds.set(Profiling::default());
        thresholds
    }
}

impl Thresholds {
    fn set(&self, told: Profiling) {
        self.slow_ms.store(told.slow_ms, Ordering::Relaxed);
        self.sample_rate.store(told.sample_rate.to_bits(), Ordering::Relaxed);
    }

    /// From what time on an operation is slow.
    #[inline]
    pub fn slow(&self) -> Duration {
        let ms = self.slow_ms.load(Ordering::Relaxed);
        Duration::from_millis(u64::try_from(ms).unwrap_or(0))
    }

    /// The share of operations that is told of.
    pub fn sample_rate(&self) -> f64 {
        f64::from_bits(self.sample_rate.load(Ordering::Relaxed))
    }

    /// What databases are told that nobody tells anything else.
    pub fn set_default(&self, told: Profiling) {
        self.set(told);
        self.level.store(told.level as u8, Ordering::Relaxed);
    }
}

impl Profiler {
    /// That of a database whom nobody told anything yet.
    pub fn new(common: &Thresholds) -> Profiler {
        let level = AtomicU8::new(common.level.load(Ordering::Relaxed));
        Profiler { level, filter: RwLock::default() }
    }

    /// What it was told last.
    pub fn get(&self, common: &Thresholds) -> Profiling {
        Profiling {
            level: match self.level.load(Ordering::Relaxed) {
                0 => ProfilingLevel::Off,
                1 => ProfilingLevel::Slow,
                _ => ProfilingLevel::All,
            },
            slow_ms: common.slow_ms.load(Ordering::Relaxed),
            sample_rate: common.sample_rate(),
        }
    }

    /// Tells it something else; answers what it was told before.
    ///
    /// # Errors
    /// [`Reason::BadValue`] for a sample rate that is no share.
    pub fn tell(&self, common: &Thresholds, told: Profiling) -> Result<Profiling> {
        if !(0.0..=1.0).contains(&told.sample_rate) {
            let message = "'sampleRate' must be between 0.0 and 1.0 inclusive";
            return Err(Error::refused(Reason::BadValue, message));
        }
        let before = self.get(common);
        common.set(told);
        self.level.store(told.level as u8, Ordering::Relaxed);
        Ok(before)
    }

    /// Forgets what it was told: the database is gone.
    pub fn forget(&self, common: &Thresholds) {
        self.level.store(common.level.load(Ordering::Relaxed), Ordering::Relaxed);
        *self.filter.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The filter, as it is told of.
    pub fn filter(&self) -> Option<RawDocumentBuf> {
        self.own_filter().map(|filter| filter.shown())
    }

    /// Takes another filter, or none.
    ///
    /// # Errors
    /// If it is none of entries.
    pub fn set_filter(&self, filter: Option<&RawDocument>) -> Result<()> {
        let filter = filter.map(|filter| ProfileFilter::parse(filter.as_bytes())).transpose()?;
        *self.filter.write().unwrap_or_else(PoisonError::into_inner) = filter.map(Arc::new);
        Ok(())
    }

    fn own_filter(&self) -> Option<Arc<ProfileFilter>> {
        self.filter.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Is this entry to be written? Where all operations are profiled the filter is not asked.
    fn admits(&self, entry: &Document, now_ms: i64) -> bool {
        let is_slow = self.level.load(Ordering::Relaxed) == ProfilingLevel::Slow as u8;
        let filter = self.own_filter().filter(|_| is_slow);
        filter.is_none_or(|filter| filter.admits(entry, now_ms))
    }

    #[inline]
    fn is_off(&self) -> bool {
        self.level.load(Ordering::Relaxed) == 0
    }

    /// Is an operation profiled that took so long? Of those that could be, the sample is spread
    /// evenly.
    fn wants(&self, common: &Thresholds, took_us: u64) -> bool {
        let told = self.get(common);
        match told.level {
            ProfilingLevel::Off => return false,
            // The filter takes the place of the threshold and of the sample.
            ProfilingLevel::Slow if self.own_filter().is_some() => return true,
            ProfilingLevel::Slow if i128::from(took_us) <= i128::from(told.slow_ms) * 1000 => {
                return false;
            }
            _ => {}
        }
        let n = common.seen.fetch_add(1, Ordering::Relaxed) as f64;
        ((n + 1.0) * told.sample_rate).floor() > (n * told.sample_rate).floor()
    }
}

/// An operation under way that may be profiled.
#[derive(Debug)]
pub struct Watch<'a> {
    database: &'a Arc<DatabaseCore>,
    began_ns: u64,
    /// To the queries that are a part of it.
    listening: Option<Listening>,
}

thread_local! {
    /// Are operations on this thread parts of another one, which is the one that is profiled?
    static IN_PARTS: Cell<bool> = const { Cell::new(false) };
}

/// Puts back what was before, whatever happens.
struct Parts(bool);

impl Drop for Parts {
    fn drop(&mut self) {
        IN_PARTS.with(|place| place.set(self.0));
    }
}

/// What an operation says of itself.
#[derive(Debug)]
pub struct Entry<'a> {
    /// "query", "getmore", "insert", "update", "remove" or "command".
    pub op: &'static str,
    pub ns: &'a NamespaceString,
    /// The request, as a command would put it.
    pub command: RawDocumentBuf,
    pub keys_examined: Option<u64>,
    pub docs_examined: Option<u64>,
    pub returned: Option<u64>,
    pub inserted: Option<u64>,
    pub deleted: Option<u64>,
    pub update: Option<&'a UpdateReport>,
    pub has_sort_stage: bool,
    /// Is there nothing more to be had of the cursor?
    pub exhausted: bool,
    /// How documents were found: `IXSCAN { a: 1 }`.
    pub plan: Option<String>,
    pub error: Option<&'a Error>,
}

impl<'a> Entry<'a> {
    /// One that says what was asked for, and nothing yet of what it came to.
    pub fn new(op: &'static str, ns: &'a NamespaceString, command: RawDocumentBuf) -> Entry<'a> {
        Entry {
            op,
            ns,
            command,
            keys_examined: None,
            docs_examined: None,
            returned: None,
            inserted: None,
            deleted: None,
            update: None,
            has_sort_stage: false,
            exhausted: false,
            plan: None,
            error: None,
        }
    }

    /// That of an update, and what it came to.
    pub fn of_update(
        ns: &'a NamespaceString,
        command: RawDocumentBuf,
        done: &'a Result<UpdateReport>,
    ) -> Entry<'a> {
        let (update, error) = (done.as_ref().ok(), done.as_ref().err());
        Entry { update, error, ..Entry::new("update", ns, command) }
    }

    /// Adds what finding documents came to, unless that is known. Where no query was at work,
    /// they were found by their `_id`, or there was nothing to look at.
    fn put_cost(&mut self, heard: Option<Cost>) {
        if self.plan.is_some() || self.op == "insert" {
            return;
        }
        let by_id = || {
            self.command.iter().flatten().any(|(name, value)| {
                let filter = value.as_document().filter(|_| name == "q" || name == "query");
                filter.is_some_and(|filter| matches!(filter.get("_id"), Ok(Some(_))))
            })
        };
        let cost = match heard {
            Some(cost) => cost,
            None if by_id() => {
                let found = self.update.map(|update| update.matched).or(self.deleted).unwrap_or(0);
                let looked = Looked { keys: found, documents: found, bytes: 0 };
                Cost { looked, sorts: false, plan: "IDHACK".to_owned() }
            }
            None => Cost { plan: "EOF".to_owned(), ..Cost::default() },
        };
        self.keys_examined = Some(cost.looked.keys);
        self.docs_examined = Some(cost.looked.documents);
        self.has_sort_stage |= cost.sorts;
        self.plan = Some(cost.plan);
    }

    fn to_document(&self, took_us: u64, now_ms: i64) -> Document {
        let mut out = doc! { "op": self.op, "ns": self.ns.as_str() };
        let command = match self.ns.collection() {
            "system.users" => shown::hidden(),
            _ => shown::request(&self.command),
        };
        if self.op == "getmore" {
            out.insert("command", command.clone());
            out.insert("originatingCommand", command);
        } else {
            out.insert("command", command);
        }
        put_count(&mut out, "keysExamined", self.keys_examined);
        put_count(&mut out, "docsExamined", self.docs_examined);
        for (name, is_so) in
            [("hasSortStage", self.has_sort_stage), ("cursorExhausted", self.exhausted)]
        {
            if is_so {
                out.insert(name, true);
            }
        }
        if let Some(report) = self.update {
            put_update(&mut out, report);
        }
        put_count(&mut out, "ninserted", self.inserted);
        put_count(&mut out, "ndeleted", self.deleted);
        put_count(&mut out, "nreturned", self.returned);
        if let Some(error) = self.error {
            out.insert("ok", 0.0);
            out.insert("errMsg", error.to_string());
            out.insert("errName", error.code_name());
            out.insert("errCode", error.code());
        }
        if held::is_answered(self.op) {
            out.insert(held::LENGTH, 0);
        }
        out.insert("millis", (took_us / 1000) as i64);
        out.insert("micros", took_us as i64);
        if let Some(plan) = &self.plan {
            out.insert("planSummary", plan);
        }
        out.insert("ts", DateTime::from_millis(now_ms));
        asked_by::put(&mut out);
        out
    }
}

fn put_count(out: &mut Document, name: &str, count: Option<u64>) {
    if let Some(count) = count {
        out.insert(name, count as i64);
    }
}

/// What an update did, in mongod's words, and under `tallymap` in ours.
fn put_update(out: &mut Document, report: &UpdateReport) {
    out.insert("nMatched", report.matched as i64);
    out.insert("nModified", report.modified as i64);
    out.insert("nUpserted", i64::from(report.upserted.is_some()));
    if report.in_place {
        out.insert("fastmod", true);
    }
    let mut cost = doc! {
        "fieldsSkipped": i64::from(report.fields_skipped),
        "bytesSkipped": i64::from(report.bytes_skipped),
        "bytesWritten": i64::from(report.bytes_written),
        "linesDirtied": i64::from(report.lines_dirtied),
        "paddingLeft": i64::from(report.padding_left),
        "locatedBy": match report.located_by {
            LocatedBy::Scan => "scan",
            LocatedBy::Memo => "memo",
        },
    };
    if let Some(moved) = report.moved {
        out.insert("moved", true);
        out.insert("nmoved", 1);
        cost.insert("from", moved.from.to_string());
        cost.insert("to", moved.to.to_string());
    }
    out.insert("tallymap", cost);
}

impl DatabaseCore {
    /// To be called when an operation begins: nothing, unless operations are profiled.
    #[inline]
    pub fn watch(self: &Arc<Self>) -> Option<Watch<'_>> {
        match self.profiler.is_off() {
            true => None,
            false if IN_PARTS.with(Cell::get) => None,
            false => {
                let began_ns = self.shared.clock.uptime_ns();
                Some(Watch { database: self, began_ns, listening: Some(Listening::begin()) })
            }
        }
    }
}

impl Collection {
    /// Has inserts, which `work` does on this thread one by one, profiled as one. It answers with
    /// their number, too.
    pub fn insert_together<R>(&self, work: impl FnOnce() -> (R, u64)) -> R {
        let Some(watch) = self.database.watch() else { return work().0 };
        let (done, inserted) = {
            let _parts = Parts(IN_PARTS.with(|place| place.replace(true)));
            work()
        };
        watch.finish(|| {
            let command = rawdoc! { "insert": self.core.ns.collection() };
            let inserted = Some(inserted);
            Entry { inserted, ..Entry::new("insert", &self.core.ns, command) }
        });
        done
    }
}

impl<'a> Watch<'a> {
    /// One of an operation that was measured to take so long.
    pub fn since(database: &'a Arc<DatabaseCore>, took_ns: u64) -> Watch<'a> {
        let began_ns = database.shared.clock.uptime_ns().saturating_sub(took_ns);
        Watch { database, began_ns, listening: None }
    }

    /// To be called when the operation is over and holds nothing. That it cannot be profiled is
    /// no error of the operation's.
    pub fn finish<'e>(self, entry: impl FnOnce() -> Entry<'e>) {
        let heard = self.listening.map(Listening::end);
        let clock = &self.database.shared.clock;
        let took_us = clock.uptime_ns().saturating_sub(self.began_ns) / 1000;
        if !self.database.profiler.wants(&self.database.shared.profiled, took_us) {
            return;
        }
        let Some(_own_write) = self.database.shared.own_write() else { return };
        let mut entry = entry();
        if let Some(heard) = heard {
            entry.put_cost(heard);
        }
        let document = entry.to_document(took_us, clock.unix_ms());
        held::put(self.database, document, entry.op);
    }
}

fn write(database: &Arc<DatabaseCore>, entry: &Document) -> Result<()> {
    let collection = made(database)?;
    let bytes = RawDocumentBuf::try_from(entry)
        .map_err(|_| Error::InvalidBson { at: 0, rule: "an entry is a document" })?;
    collection.change(|open, unit| {
        insert_document(open, unit, collection.namespace(), bytes.as_bytes()).map(|_| ())
    })
}

/// The collection of the entries, which is made if there is none.
fn made(database: &Arc<DatabaseCore>) -> Result<Collection> {
    let collection = database.collection(NamespaceString::system(&database.name, COLLECTION))?;
    if !collection.exists() {
        let options = CollectionOptions::default().capped(SIZE).auto_index_id(false);
        match database.create(collection.core(), &options, None) {
            Ok(()) | Err(Error::NamespaceExists { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(collection)
}

/// Makes the collection of the entries, for those who look for it before there is one. That it
/// cannot be made is no error.
pub fn prepare(database: &Arc<DatabaseCore>) {
    let Some(_own_write) = database.shared.own_write() else { return };
    if let Err(error) = made(database) {
        tracing::warn!(%error, database = database.name, "no collection for the profiler");
    }
}
