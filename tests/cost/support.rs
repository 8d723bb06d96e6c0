//! Engines and documents that the questions here are asked of.

use bson::{Bson, RawDocumentBuf, doc};
use tallymap::reports::{Day, MinuteLayout, PageViews};
use tallymap::{Collection, Direction, Engine, EngineBuilder, FieldPath, RecordLoc};

pub const PAGE_ID: &str = "20001010/site-1/apache_pb.gif";

/// An engine of which nothing happens that is not asked for: no thread commits.
pub fn quiet(dir: &tempfile::TempDir) -> EngineBuilder {
    Engine::builder(dir.path()).ns_size_mib(1).background(false)
}

pub fn path(text: &str) -> FieldPath {
    FieldPath::parse(text).expect("a path")
}

/// `{operator: {field: value}}`
pub fn operator(operator: &str, field: &str, value: impl Into<Bson>) -> RawDocumentBuf {
    RawDocumentBuf::try_from(&doc! { operator: { field: value.into() } }).expect("BSON")
}

pub fn day() -> Day {
    "2000-10-10".parse().expect("a day")
}

/// The zeroed day of [`PAGE_ID`], and the collection that holds it.
pub fn zeroed_day(engine: &Engine, layout: MinuteLayout) -> Collection {
    let views = PageViews::builder(engine, "stats").layout(layout).open().expect("opens");
    views.preallocate(day(), "site-1", "/apache_pb.gif").expect("made");
    views.daily().clone()
}

/// Where a scan finds the document with this `_id`.
pub fn place_of(collection: &Collection, id: &str) -> Option<(RecordLoc, RawDocumentBuf)> {
    let scan = collection.scan(Direction::Forward).expect("scans");
    let mut found = scan
        .map(|located| located.expect("a document"))
        .filter(|located| located.document.get_str("_id").ok() == Some(id));
    let first = found.next().map(|located| (located.loc, located.document));
    assert!(found.next().is_none(), "{id} is there twice");
    first
}

/// Every document in natural order.
pub fn documents(collection: &Collection) -> Vec<RawDocumentBuf> {
    let scan = collection.scan(Direction::Forward).expect("scans");
    scan.map(|located| located.expect("a document").document).collect()
}

pub fn assert_valid(collection: &Collection) {
    let validation = collection.validate(true).expect("validates");
    assert!(validation.is_valid(), "{:?}", validation.findings());
}
