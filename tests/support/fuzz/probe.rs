//! Reads all that can be read of a damaged database, and holds what is read against each other:
//! a scan, an index, `validate` and the salvage look at the same bytes.

use std::collections::HashSet;
use std::sync::Arc;

use bson::RawDocumentBuf;
use tallymap::bson::document;
use tallymap::disk::Disk;
use tallymap::{Class, Collection, Direction, Engine, Error, SalvageReport};

/// More than any walk of these small databases can give.
const ENDLESS: usize = 100_000;

/// What a walk gave before it ended, and the error that ended it.
pub struct Walk<T> {
    /// What it gave.
    pub items: Vec<T>,
    /// What ended it, if an error did.
    pub error: Option<Error>,
}

/// An error of damage, and no other.
pub fn assert_damage(what: &str, error: &Error) {
    assert!(error.class() == Class::Restore, "{what}: {error:?}");
}

fn walk<T>(what: &str, walk: Result<impl Iterator<Item = Result<T, Error>>, Error>) -> Walk<T> {
    let mut out = Walk { items: Vec::new(), error: None };
    let items = match walk {
        Ok(items) => items,
        Err(error) => {
            assert_damage(what, &error);
            return Walk { error: Some(error), ..out };
        }
    };
    for item in items {
        match item {
            Ok(item) => out.items.push(item),
            Err(error) => {
                assert_damage(what, &error);
                out.error = Some(error);
            }
        }
        assert!(out.items.len() < ENDLESS, "{what} does not end");
    }
    out
}

/// The documents of a collection in natural order.
pub fn scan(collection: &Collection, direction: Direction) -> Walk<RawDocumentBuf> {
    let scan = collection.scan(direction).map(|scan| scan.map(|found| found.map(|f| f.document)));
    walk("scan", scan)
}

/// Reads one collection in every way. Answers what `validate` found.
pub fn read_collection(collection: &Collection) -> Vec<String> {
    let forward = scan(collection, Direction::Forward);
    let backward = scan(collection, Direction::Backward);
    let findings = match collection.validate(true) {
        Ok(validation) => {
            validation.to_document();
            validation.findings().to_vec()
        }
        Err(error) => vec![error.to_string()],
    };
    let mut unread = Vec::from_iter([forward.error, backward.error].into_iter().flatten());
    match collection.indexes() {
        Err(error) => unread.push(error),
        Ok(indexes) => {
            for index in indexes {
                for direction in [Direction::Forward, Direction::Backward] {
                    let entries = collection.index_scan(&index.name, direction);
                    let entries = walk(&index.name, entries);
                    unread.extend(entries.error);
                }
            }
        }
    }
    unread.extend(collection.stats().map(|stats| stats.to_verbose_document()).err());
    if findings.is_empty() {
        assert!(unread.is_empty(), "validate finds nothing, but: {unread:?}");
        let mut reversed = backward.items;
        reversed.reverse();
        assert!(forward.items == reversed, "validate finds nothing, but the scans differ");
        assert_eq!(collection.count().ok(), Some(forward.items.len() as u64));
    }
    findings
}

/// Reads the database `d` in every way.
pub fn read(engine: &Engine) {
    let database = engine.database("d").expect("a valid name");
    if !database.exists() {
        return;
    }
    match database.stats() {
        Ok(stats) => drop(stats.to_document()),
        Err(error) => assert_damage("dbStats", &error),
    }
    let map = database.map().expect("damage is in the map");
    assert!(map.problems.len() < ENDLESS);
    let names = database.collection_names().unwrap_or_default();
    for name in &names {
        let Ok(collection) = database.collection(name) else { continue };
        if collection.exists() {
            read_collection(&collection);
        }
    }
}

/// Salvages the database `d`, whatever its files are like. `None` if there is none.
pub fn salvage(disk: Arc<dyn Disk>) -> Option<SalvageReport> {
    let salvager = Engine::builder("").disk(disk).salvage().expect("damage is in the report");
    if !salvager.database_names().iter().any(|name| name == "d") {
        return None;
    }
    let report = salvager.database("d").expect("damage is in the report");
    for salvaged in &report.collections {
        let found = walk("salvage", Ok(salvaged.documents())).items;
        assert_eq!(found.len(), salvaged.count(), "salvage of {}", salvaged.ns);
    }
    Some(report)
}

/// The salvage has, of every collection, what a scan gives: a scan does not look into a document,
/// the salvage does.
pub fn assert_has_scans(report: &SalvageReport, engine: &Engine) {
    let database = engine.database("d").expect("a valid name");
    for salvaged in &report.collections {
        let Ok(collection) = database.collection(salvaged.ns.collection()) else { continue };
        if !collection.exists() {
            continue;
        }
        let salvaged_ones = walk("salvage", Ok(salvaged.documents())).items;
        let found: HashSet<_> =
            salvaged_ones.iter().map(|found| (found.loc, found.document.as_bytes())).collect();
        let scanned = walk("scan", collection.scan(Direction::Forward)).items;
        for one in scanned.iter().filter(|one| document::check(one.document.as_bytes()).is_ok()) {
            let is_found = found.contains(&(one.loc, one.document.as_bytes()));
            assert!(is_found, "{}: {} is scanned and not salvaged", salvaged.ns, one.loc);
        }
    }
}
