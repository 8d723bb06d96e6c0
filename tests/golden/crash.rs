//! A dbpath as SIGKILL left it: read-only, then recovered for good.

use serde_json::Value;
use tallymap::{Collection, Engine};

use crate::compare::{Depth, compare_database};
use crate::truth::{Golden, fingerprint};

#[test]
fn journal_is_replayed_into_memory_only() {
    let Some(golden) = Golden::unpack("crash") else { return };
    let before = fingerprint(&golden.dbpath());
    let engine = Engine::builder(golden.dbpath()).read_only(true).open().expect("opens");
    let truth = golden.truth("truth-after-recovery.json");
    compare_database(&engine, &truth, "crash", Depth::EveryDocument);
    engine.close().expect("closes");
    assert_eq!(fingerprint(&golden.dbpath()), before, "reading changed the dbpath");
}

#[test]
fn recovery_brings_back_what_was_acknowledged() {
    let Some(golden) = Golden::unpack("crash") else { return };
    let truth = golden.truth("truth-after-recovery.json");
    for pass in ["recovering", "after a clean shutdown"] {
        let engine = Engine::open(golden.dbpath()).unwrap_or_else(|e| panic!("{pass}: {e}"));
        compare_database(&engine, &truth, "crash", Depth::EveryDocument);
        let said = golden.truth("truth.json");
        compare_acknowledged(&engine.collection("crash.ev").expect("crash.ev"), &said);
        engine.close().expect("closes");
    }
    let journal = std::fs::read_dir(golden.dbpath().join("journal")).expect("journal/");
    assert_eq!(journal.count(), 0, "a clean shutdown leaves no journal");
    let lock = golden.dbpath().join("mongod.lock").metadata().expect("mongod.lock");
    assert_eq!(lock.len(), 0, "a clean shutdown leaves the lock empty");
}

fn compare_acknowledged(ev: &Collection, said: &Value) {
    for id in said["ackedJ"].as_array().expect("ackedJ") {
        let id = id.as_str().expect("a string");
        let found = ev.find_by_id(id).expect("a lookup");
        assert!(found.is_some(), "{id} was acknowledged with j and is gone");
    }
    let count = said["afterRecoveryByRealMongod"]["evCount"].as_u64().expect("evCount");
    assert_eq!(ev.count().expect("count"), count);
}
