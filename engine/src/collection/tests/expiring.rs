//! Documents that expire.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bson::{Bson, DateTime, Document, RawDocumentBuf, doc};

use super::assert_valid;
use crate::disk::HeapDisk;
use crate::{Clock, Collection, CollectionOptions, Direction, Engine, IndexSpec};

/// A clock that stands where it is put.
#[derive(Debug)]
struct Stopped(AtomicI64);

impl Clock for Stopped {
    fn unix_ms(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    fn uptime_ms(&self) -> u64 {
        0
    }
}

const NOW: i64 = 1_600_000_000_000;

fn engine() -> (Engine, Arc<Stopped>) {
    let clock = Arc::new(Stopped(AtomicI64::new(NOW)));
    let builder = Engine::builder("heap").disk(Arc::new(HeapDisk::new())).background(false);
    (builder.ns_size_mib(1).clock(clock.clone()).open().expect("opens"), clock)
}

fn ago(seconds: i64) -> Bson {
    Bson::DateTime(DateTime::from_millis(NOW - seconds * 1000))
}

fn insert(c: &Collection, doc: &Document) {
    c.insert_one(RawDocumentBuf::try_from(doc).expect("can be stored")).expect("inserts");
}

fn ids(c: &Collection) -> Vec<i32> {
    let scan = c.scan(Direction::Forward).expect("scans");
    scan.map(|it| it.expect("sound").document.get_i32("_id").expect("a number")).collect()
}

#[test]
fn what_is_older_goes_and_nothing_else() {
    for direction in [1, -1] {
        let (engine, clock) = engine();
        let c = engine.collection("d.c").expect("a name");
        let values = [
            ago(61),
            ago(60),
            ago(59),
            ago(-100),
            Bson::Int32(5),
            Bson::Null,
            Bson::String("1970".into()),
            Bson::Array(vec![ago(0), ago(100), ago(200)]),
            Bson::Array(vec![ago(0), Bson::Int32(1)]),
            Bson::Timestamp(bson::Timestamp { time: 1, increment: 1 }),
            Bson::Document(doc! { "x": ago(100) }),
            Bson::MinKey,
            Bson::MaxKey,
            Bson::DateTime(DateTime::from_millis(i64::MIN)),
        ];
        for (id, value) in values.iter().enumerate() {
            insert(&c, &doc! { "_id": id as i32, "at": value.clone() });
        }
        insert(&c, &doc! { "_id": 100 });
        assert_eq!(engine.expire_now().expect("runs"), 0, "no index says so");
        let spec = IndexSpec::new(&[("at", direction)]).expire_after_seconds(60);
        c.create_index(spec).expect("an index");
        assert_eq!(engine.expire_now().expect("runs"), 4);
        assert_eq!(ids(&c), [2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 100]);
        assert_valid(&c);
        clock.0.fetch_add(1000, Ordering::Relaxed);
        assert_eq!(engine.expire_now().expect("runs"), 1);
        assert_eq!(ids(&c)[0], 3);
        let counters = engine.counters();
        assert_eq!((counters.ttl_deleted.get(), counters.ttl_passes.get()), (5, 3));
    }
}

#[test]
fn many_go_some_at_a_time_by_whichever_index() {
    let (engine, _) = engine();
    let c = engine.collection("d.c").expect("a name");
    let partial = IndexSpec::new(&[("at", 1)]).partial_filter(bson::rawdoc! { "old": true });
    c.create_indexes([
        partial.expire_after_seconds(0).hidden(true),
        IndexSpec::new(&[("b", -1)]).expire_after_seconds(10),
        IndexSpec::hashed("h").expire_after_seconds(0),
    ])
    .expect("made");
    for n in 0..1000 {
        insert(&c, &doc! { "_id": n, "at": ago(1), "old": n % 2 == 0, "h": ago(5) });
    }
    for n in 1000..1300 {
        insert(&c, &doc! { "_id": n, "b": [ago(11), ago(12), ago(i64::from(n))] });
    }
    assert_eq!(engine.expire_now().expect("runs"), 800);
    assert_eq!(c.count().expect("counts"), 500);
    assert!(ids(&c).iter().all(|id| id % 2 == 1 && *id < 1000));
    assert_valid(&c);
    c.modify_index("b_-1", Some(1_000_000), None).expect("modified");
    insert(&c, &doc! { "_id": 2000, "b": ago(999_999) });
    assert_eq!(engine.expire_now().expect("runs"), 0);
}

#[test]
fn nothing_goes_from_capped_collections() {
    let (engine, _) = engine();
    let options = CollectionOptions::default().capped(1 << 16);
    let database = engine.database("d").expect("named");
    let capped = database.create_collection("z", options).expect("made");
    capped.create_index(IndexSpec::new(&[("at", 1)]).expire_after_seconds(0)).expect("made");
    insert(&capped, &doc! { "_id": 1, "at": ago(100) });
    assert_eq!(engine.expire_now().expect("runs"), 0);
    assert_eq!(ids(&capped), [1]);
    database.drop_collection("z").expect("drops");
    assert_eq!(engine.expire_now().expect("runs"), 0);
}

/// The thread does it without being asked.
#[test]
#[cfg_attr(miri, ignore = "waits")]
fn a_thread_deletes_what_has_expired() {
    let builder = Engine::builder("heap").disk(Arc::new(HeapDisk::new())).ns_size_mib(1);
    let builder = builder.ttl_interval(std::time::Duration::from_millis(5));
    let engine = builder.open().expect("opens");
    let c = engine.collection("d.c").expect("a name");
    c.create_index(IndexSpec::new(&[("at", 1)]).expire_after_seconds(1)).expect("made");
    insert(&c, &doc! { "_id": 1, "at": DateTime::from_millis(0) });
    while c.count().expect("counts") > 0 {
        std::thread::yield_now();
    }
    assert_eq!(engine.counters().ttl_deleted.get(), 1);
    drop(c);
    engine.close().expect("closes");
}
