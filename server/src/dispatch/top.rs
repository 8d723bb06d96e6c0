//! What is done in each collection: how often, and for how long.
//!
//! T1. There is an entry only for what exists: names that are only asked for are not kept.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use super::counts::Count;
use super::table::Does;

/// Powers of two that latencies are counted by.
const POWERS: usize = 40;

/// How often, and how long in all.
#[derive(Debug, Default)]
pub struct Usage {
    /// Microseconds.
    pub time: Count,
    /// Times.
    pub count: Count,
}

/// The same, with how often it took how long.
#[derive(Debug)]
pub struct Latency {
    /// The sum.
    pub usage: Usage,
    powers: [Count; POWERS],
}

/// What was done, in the words of `top` and of `latencyStats`.
#[derive(Debug, Default)]
pub struct Latencies {
    /// Finds, aggregations, counts.
    pub reads: Latency,
    /// Inserts, updates, deletions.
    pub writes: Latency,
    /// Anything else.
    pub commands: Latency,
}

/// What was done in one collection.
#[derive(Debug, Default)]
pub struct Entry {
    /// Each kind of it, by [`KINDS`].
    pub kinds: [Usage; KINDS.len()],
    /// How long it took.
    pub latencies: Latencies,
}

/// The kinds that are told apart.
pub const KINDS: [&str; 6] = ["queries", "getmore", "insert", "update", "remove", "commands"];

/// All collections in which something was done.
#[derive(Debug, Default)]
pub struct Top {
    entries: RwLock<Entries>,
}

/// By database and collection.
type Entries = HashMap<String, BTreeMap<String, Arc<Entry>>>;

fn find<'e>(entries: &'e Entries, database: &str, collection: &str) -> Option<&'e Arc<Entry>> {
    entries.get(database)?.get(collection)
}

impl Usage {
    fn add(&self, took: Duration) {
        self.time.add_many(took.as_micros() as u64);
        self.count.add();
    }
}

impl Default for Latency {
    fn default() -> Latency {
        Latency { usage: Usage::default(), powers: std::array::from_fn(|_| Count::default()) }
    }
}

impl Latency {
    /// Counts one.
    pub fn add(&self, took: Duration) {
        self.usage.add(took);
        let micros = took.as_micros() as u64;
        let power = micros.checked_ilog2().unwrap_or(0) as usize;
        self.powers[power.min(POWERS - 1)].add();
    }

    /// From how many microseconds on, up to twice as many, it took how often.
    pub fn histogram(&self) -> impl Iterator<Item = (u64, u64)> {
        let lower = |power: usize| if power == 0 { 0 } else { 1_u64 << power };
        let counts = self.powers.iter().enumerate();
        counts.map(move |(power, count)| (lower(power), count.get())).filter(|(_, n)| *n > 0)
    }
}

impl Latencies {
    /// Counts something that was done.
    pub fn add(&self, does: Does, took: Duration) {
        match does {
            Does::Command => self.commands.add(took),
            _ if does.writes() => self.writes.add(took),
            _ => self.reads.add(took),
        }
    }
}

impl Entry {
    fn add(&self, does: Does, took: Duration) {
        self.kinds[does.kind()].add(took);
        self.latencies.add(does, took);
    }

    /// Anything.
    pub fn total(&self) -> Usage {
        let sum = Usage::default();
        for kind in &self.kinds {
            sum.time.add_many(kind.time.get());
            sum.count.add_many(kind.count.get());
        }
        sum
    }

    /// What reads.
    pub fn reads(&self) -> &Usage {
        &self.latencies.reads.usage
    }

    /// What writes.
    pub fn writes(&self) -> &Usage {
        &self.latencies.writes.usage
    }
}

impl Top {
    /// Something was done in a collection; it counts if that exists.
    pub fn add(
        &self,
        (database, collection): (&str, &str),
        does: Does,
        took: Duration,
        exists: impl FnOnce() -> bool,
    ) {
        if let Some(entry) = find(&self.read(), database, collection) {
            return entry.add(does, took);
        }
        if !exists() {
            return;
        }
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        let database = entries.entry(database.to_owned()).or_default();
        database.entry(collection.to_owned()).or_default().add(does, took);
    }

    /// What was done in a collection.
    pub fn entry(&self, database: &str, collection: &str) -> Option<Arc<Entry>> {
        find(&self.read(), database, collection).cloned()
    }

    fn read(&self) -> RwLockReadGuard<'_, Entries> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was done anywhere, by full names in their order.
    pub fn all(&self) -> BTreeMap<String, Arc<Entry>> {
        let entries = self.read();
        let mut all = BTreeMap::new();
        for (database, collections) in &*entries {
            for (collection, entry) in collections {
                all.insert(format!("{database}.{collection}"), entry.clone());
            }
        }
        all
    }

    /// A collection is gone, or with none named its whole database (T1).
    pub fn forget(&self, database: &str, collection: Option<&str>) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        match (collection, entries.get_mut(database)) {
            (Some(collection), Some(collections)) => drop(collections.remove(collection)),
            _ => drop(entries.remove(database)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_exists_is_counted_until_it_is_gone() {
        let top = Top::default();
        let ms = Duration::from_millis;
        top.add(("d", "none"), Does::Query, ms(1), || false);
        top.add(("d", "c"), Does::Query, ms(2), || true);
        top.add(("d", "c"), Does::Update, ms(3), || panic!("known"));
        let all = top.all();
        assert_eq!(all.keys().collect::<Vec<_>>(), ["d.c"]);
        let entry = &all["d.c"];
        let sums = |usage: &Usage| (usage.time.get(), usage.count.get());
        assert_eq!(sums(&entry.total()), (5000, 2));
        assert_eq!((sums(entry.reads()), sums(entry.writes())), ((2000, 1), (3000, 1)));
        assert_eq!(entry.latencies.writes.histogram().collect::<Vec<_>>(), [(2048, 1)]);
        assert_eq!(entry.kinds.each_ref().map(|usage| usage.count.get()), [1, 0, 0, 1, 0, 0]);
        top.forget("d", Some("c"));
        assert!(top.entry("d", "c").is_none());
        top.add(("d", "c"), Does::Insert, ms(1), || true);
        top.forget("d", None);
        assert!(top.all().is_empty());
    }
}
