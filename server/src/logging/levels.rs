//! How much is logged of each part of the server, and whether who comes and goes is left out.
//!
//! Parts have mongod's names, also those that this server has not: who sets them says nothing.
//! One that was not set is as what it is part of. All of it may change while the server runs.

use std::sync::atomic::{AtomicBool, AtomicI8, Ordering};

use tracing::{Level, Metadata};

use super::{CONNECTION, component};

/// The most that can be asked for.
const MOST: i64 = 5;
/// As what it is part of.
const UNSET: i8 = -1;
/// The whole server: the first of the parts.
pub const WHOLE: usize = 0;
/// Those that have parts themselves.
const NETWORK: usize = 7;
const REPLICATION: usize = 12;
const SHARDING: usize = 17;
const STORAGE: usize = 23;

/// A part of the server.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// Its name, as it is set.
    pub name: &'static str,
    /// Its name in lines of the log; empty if it has none.
    in_log: &'static str,
    /// What it is part of.
    pub within: usize,
}

const fn part(name: &'static str, in_log: &'static str) -> Part {
    Part { name, in_log, within: WHOLE }
}

impl Part {
    const fn of(self, within: usize) -> Part {
        Part { within, ..self }
    }
}

/// All of them, each after what it is part of.
pub const PARTS: [Part; 32] = [
    part("default", ""),
    part("accessControl", "ACCESS"),
    part("command", "COMMAND"),
    part("control", "CONTROL"),
    part("executor", ""),
    part("geo", ""),
    part("index", "INDEX"),
    part("network", "NETWORK"),
    part("asio", "").of(NETWORK),
    part("bridge", "").of(NETWORK),
    part("connectionPool", "").of(NETWORK),
    part("query", ""),
    part("replication", ""),
    part("election", "").of(REPLICATION),
    part("heartbeats", "").of(REPLICATION),
    part("initialSync", "").of(REPLICATION),
    part("rollback", "").of(REPLICATION),
    part("sharding", ""),
    part("rangeDeleter", "").of(SHARDING),
    part("shardingCatalogRefresh", "").of(SHARDING),
    part("migration", "").of(SHARDING),
    part("reshard", "").of(SHARDING),
    part("migrationPerf", "").of(SHARDING),
    part("storage", "STORAGE"),
    part("recovery", "").of(STORAGE),
    part("journal", "JOURNAL").of(STORAGE),
    part("write", ""),
    part("ftdc", ""),
    part("tracking", ""),
    part("transaction", ""),
    part("tenantMigration", ""),
    part("test", ""),
];

/// What is logged at present. To be shared.
#[derive(Debug)]
pub struct Levels {
    verbosity: [AtomicI8; PARTS.len()],
    is_quiet: AtomicBool,
}

impl Levels {
    /// The same of every part.
    pub fn new(verbosity: u8, is_quiet: bool) -> Levels {
        let levels = Levels {
            verbosity: [const { AtomicI8::new(UNSET) }; PARTS.len()],
            is_quiet: AtomicBool::new(is_quiet),
        };
        levels.put(WHOLE, i64::from(verbosity));
        levels
    }

    /// How much was asked for of a part; -1 if nothing was.
    pub fn get(&self, part: usize) -> i8 {
        self.verbosity.get(part).map_or(UNSET, |level| level.load(Ordering::Relaxed))
    }

    /// Is who comes and goes left out?
    pub fn is_quiet(&self) -> bool {
        self.is_quiet.load(Ordering::Relaxed)
    }

    /// Sets both. What is more than can be had is the most, what is less than nothing unset.
    pub fn set(&self, parts: &[(usize, i64)], is_quiet: Option<bool>) {
        parts.iter().for_each(|(part, level)| self.put(*part, *level));
        if let Some(is_quiet) = is_quiet {
            self.is_quiet.store(is_quiet, Ordering::Relaxed);
        }
        // Whether a line is wanted is asked once for each place that writes one.
        tracing_core::callsite::rebuild_interest_cache();
    }

    fn put(&self, part: usize, level: i64) {
        let least = if part == WHOLE { 0 } else { i64::from(UNSET) };
        if let Some(place) = self.verbosity.get(part) {
            place.store(level.clamp(least, MOST) as i8, Ordering::Relaxed);
        }
    }

    /// Is such a line wanted?
    pub fn want(&self, line: &Metadata<'_>) -> bool {
        let name = component(line.target());
        let part = PARTS.iter().position(|part| part.in_log == name && !name.is_empty());
        let verbosity = self.in_force(part.unwrap_or(WHOLE));
        *line.level() <= level(verbosity) && !(self.is_quiet() && line.target() == CONNECTION)
    }

    fn in_force(&self, part: usize) -> i8 {
        match (self.get(part), PARTS.get(part)) {
            (UNSET, Some(it)) if part != WHOLE => self.in_force(it.within),
            (level, _) => level,
        }
    }

    /// The level of the most talkative part.
    pub fn most(&self) -> Level {
        let all = (WHOLE..PARTS.len()).map(|part| self.get(part));
        level(all.max().unwrap_or(0))
    }
}

impl Default for Levels {
    fn default() -> Levels {
        Levels::new(0, false)
    }
}

fn level(verbosity: i8) -> Level {
    match verbosity {
        ..=0 => Level::INFO,
        1 => Level::DEBUG,
        _ => Level::TRACE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_after_what_they_are_part_of() {
        for (at, part) in PARTS.iter().enumerate().skip(1) {
            assert!(part.within < at, "{}", part.name);
        }
        let within = [WHOLE, NETWORK, REPLICATION, SHARDING, STORAGE].map(|at| PARTS[at].name);
        assert_eq!(within, ["default", "network", "replication", "sharding", "storage"]);
    }

    #[test]
    fn what_was_not_set_is_as_what_it_is_part_of() {
        let at = |name| PARTS.iter().position(|part| part.name == name).expect("a part");
        let (storage, journal) = (at("storage"), at("journal"));
        let levels = Levels::new(1, false);
        let in_force = || [WHOLE, storage, journal].map(|part| levels.in_force(part));
        assert_eq!(in_force(), [1, 1, 1]);
        levels.set(&[(storage, 0)], None);
        assert_eq!(in_force(), [1, 0, 0]);
        levels.set(&[(journal, 99), (WHOLE, -7)], Some(true));
        assert_eq!(in_force(), [0, 0, 5]);
        assert!(levels.is_quiet() && levels.most() == Level::TRACE);
        levels.set(&[(storage, -2), (journal, i64::MIN), (WHOLE, 1)], Some(false));
        assert_eq!((in_force(), levels.get(storage)), ([1, 1, 1], -1));
        assert!(!levels.is_quiet() && levels.most() == Level::DEBUG);
    }
}
