//! Engines under pressure, and what every race ends with.

use std::time::Duration;

use bson::{Bson, RawDocument, RawDocumentBuf, doc};
use tallymap::{Collection, Engine};

/// An engine that commits every millisecond, syncs its data files often, and gives pages back
/// all the time.
pub fn pressed() -> (tempfile::TempDir, Engine) {
    let dir = tempfile::tempdir().expect("a directory");
    let engine = Engine::builder(dir.path())
        .ns_size_mib(1)
        .commit_interval(Duration::from_millis(1))
        .sync_interval(Duration::from_millis(20))
        .private_budget(16 << 10)
        .open()
        .expect("opens");
    (dir, engine)
}

/// `{operator: {field: value}}`
pub fn operator(operator: &str, field: &str, value: impl Into<Bson>) -> RawDocumentBuf {
    RawDocumentBuf::try_from(&doc! { operator: { field: value.into() } }).expect("BSON")
}

/// A counter of `document`; 0 if it is not there.
pub fn counter(document: &RawDocument, name: &str) -> i64 {
    match document.get(name).expect("BSON") {
        None => 0,
        Some(bson::RawBsonRef::Int32(n)) => i64::from(n),
        Some(bson::RawBsonRef::Int64(n)) => n,
        Some(other) => panic!("{name} is {other:?}"),
    }
}

pub fn assert_valid(collection: &Collection) {
    let validation = collection.validate(true).expect("validates");
    assert!(validation.is_valid(), "{:?}", validation.findings());
}

/// Every document in natural order.
pub fn documents(collection: &Collection) -> Vec<RawDocumentBuf> {
    let scan = collection.scan(tallymap::Direction::Forward).expect("scans");
    scan.map(|located| located.expect("a document").document).collect()
}

/// Closes the engine and opens it again: `check` holds before and after.
pub fn reopen_and(dir: &tempfile::TempDir, engine: Engine, check: impl Fn(&Engine)) {
    check(&engine);
    engine.close().expect("closes");
    let engine = Engine::builder(dir.path()).open().expect("opens again");
    check(&engine);
}
