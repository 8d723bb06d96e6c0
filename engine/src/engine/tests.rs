//! Names that are asked for, profilers, writes of an engine.

use bson::rawdoc;

use super::*;
use crate::collection::ProfilingLevel;
use crate::disk::HeapDisk;

#[test]
fn databases_to_come_are_profiled_as_those_that_are() {
    let builder = Engine::builder("heap").disk(Arc::new(HeapDisk::new())).background(false);
    let engine = builder.ns_size_mib(1).open().expect("opens");
    engine.collection("old.c").expect("a name").insert_one(rawdoc! { "_id": 1 }).expect("in");
    let slow = Duration::from_millis(7);
    let told = Profiling { level: ProfilingLevel::All, slow_ms: 7, sample_rate: 0.5 };
    engine.set_default_profiling(told).expect("a share");
    for name in ["old", "new"] {
        assert_eq!(engine.database(name).expect("a name").profiling(), told, "{name}");
    }
    assert_eq!((engine.slow_after(), engine.slow_sample_rate()), (slow, 0.5));
    let wrong = Profiling { sample_rate: 2.0, ..told };
    assert!(engine.set_default_profiling(wrong).is_err());
}

#[test]
fn who_is_closed_takes_no_writes() {
    let builder = Engine::builder("heap").disk(Arc::new(HeapDisk::new())).background(false);
    let engine = builder.ns_size_mib(1).open().expect("opens");
    assert!(engine.check_writes().is_ok());
    engine.clone().close().expect("closed");
    assert!(matches!(engine.check_writes(), Err(Error::ReadOnly { .. })));
}

#[test]
fn names_that_are_only_asked_for_are_forgotten() {
    let builder = Engine::builder("heap").disk(Arc::new(HeapDisk::new())).background(false);
    let engine = builder.ns_size_mib(1).open().expect("opens");
    let held = engine.collection("held.c").expect("a name");
    engine.collection("there.c").expect("a name").insert_one(rawdoc! { "_id": 1 }).expect("in");
    let (mut databases, mut collections) = (0, 0);
    for n in 0..100_000 {
        let asked = engine.collection(&format!("d{n}.c")).expect("a name");
        assert!(!asked.exists());
        let asked = engine.collection(&format!("there.c{n}")).expect("a name");
        assert!(!asked.exists());
        let table = engine.inner.databases.lock();
        databases = databases.max(table.iter().count());
        let there = table.get("there").expect("it exists");
        collections = collections.max(there.known_collections());
    }
    assert!(databases <= 64 && collections <= 64, "{databases}, {collections}");
    assert_eq!(engine.database_names(), ["there"]);
    // A name still leads all who ask to the same one.
    held.insert_one(rawdoc! { "_id": 1 }).expect("inserted");
    let found = engine.collection("held.c").expect("a name").find_by_id(1);
    assert!(found.expect("readable").is_some());
    assert_eq!(engine.database_names(), ["held", "there"]);
}

#[test]
fn who_writes_nothing_by_himself_deletes_what_he_is_told_to() {
    let builder = Engine::builder("heap").disk(Arc::new(HeapDisk::new())).background(false);
    let engine = builder.ns_size_mib(1).open().expect("opens");
    let c = engine.collection("d.c").expect("a name");
    c.create_index(crate::IndexSpec::new(&[("at", 1)]).expire_after_seconds(0)).expect("built");
    for id in 0..3 {
        let at = bson::DateTime::from_millis(i64::from(id));
        c.insert_one(rawdoc! { "_id": id, "at": at }).expect("in");
    }
    engine
        .set_default_profiling(Profiling { level: ProfilingLevel::All, ..Profiling::default() })
        .expect("told");
    let by_itself = || expire(&engine.inner.shared, &engine.inner.databases, true);
    engine.write_by_itself(false);
    assert_eq!(by_itself().expect("runs"), 0);
    assert_eq!(c.count_documents(rawdoc! {}).run().expect("counted"), 3);
    assert_eq!(engine.expire_now().expect("runs"), 3);
    assert!(!engine.collection("d.system.profile").expect("a name").exists());
    c.insert_one(rawdoc! { "at": bson::DateTime::from_millis(1) }).expect("in");
    engine.write_by_itself(true);
    assert_eq!(by_itself().expect("runs"), 1);
}
