//! The disk is full when a database has its `.ns` file, and no data file yet.

use std::sync::Arc;

use bson::rawdoc;
use tallymap::disk::sim_disk::{Done, Fault, FaultDisk, Injection, Lasting, Op};
use tallymap::disk::{Disk, HeapDisk};
use tallymap::{Engine, Error};

use crate::stage::{How, builder};

fn open(disk: &FaultDisk) -> Engine {
    builder(How::default()).disk(Arc::new(disk.clone())).open().expect("opens")
}

fn insert(engine: &Engine, ns: &str) -> Result<(), Error> {
    engine.collection(ns).expect("opens").insert_one(rawdoc! { "_id": 1 }).map(drop)
}

fn fill_up(disk: &FaultDisk, at: u64) {
    disk.inject(Injection {
        at,
        fault: Fault::NoSpace,
        lasting: Lasting::All,
        done: Done::Nothing,
    });
}

/// A disk that fills up before the first data file of database `d` is made.
fn half_made() -> (FaultDisk, Engine) {
    let find = FaultDisk::new(Arc::new(HeapDisk::new()));
    let engine = open(&find);
    insert(&engine, "d.c").expect("there is room");
    let calls = find.calls();
    let is_data_file = |name: &str| name.ends_with("d.0");
    let makes = calls
        .iter()
        .position(|call| call.op == Op::Create && call.file.to_str().is_some_and(is_data_file));
    engine.close().expect("closes");

    let disk = FaultDisk::new(Arc::new(HeapDisk::new()));
    fill_up(&disk, makes.expect("made") as u64 + 1);
    let engine = open(&disk);
    let full = insert(&engine, "d.c");
    assert!(matches!(full, Err(Error::DiskFull { .. })), "{full:?}");
    assert!(exists(&disk, "d.ns") && !exists(&disk, "d.0"));
    (disk, engine)
}

fn exists(disk: &FaultDisk, file: &str) -> bool {
    disk.metadata(file.as_ref()).expect("looks").is_some()
}

/// Makes room and uses it.
fn goes_on(disk: &FaultDisk, engine: Engine) {
    disk.mend();
    insert(&engine, "d.c").expect("there is room again");
    assert_eq!(engine.database_names(), ["d"]);
    engine.close().expect("closes");
    let again = open(disk);
    assert_eq!(again.collection("d.c").expect("opens").count().expect("counts"), 1);
    again.close().expect("closes");
}

#[test]
fn is_completed_when_there_is_room() {
    let (disk, engine) = half_made();
    assert!(engine.database_names().is_empty());
    goes_on(&disk, engine);
}

#[test]
fn is_dropped() {
    let (disk, engine) = half_made();
    // Not by a full disk: a drop is journaled.
    disk.mend();
    assert!(!engine.database("d").expect("named").drop().expect("drops"), "it did not exist yet");
    assert!(!exists(&disk, "d.ns"));
    goes_on(&disk, engine);
}

#[test]
fn is_gone_when_closed() {
    let (disk, engine) = half_made();
    disk.mend();
    engine.close().expect("closes");
    assert!(!exists(&disk, "d.ns"));
}

/// Opening makes no data file.
#[test]
fn is_gone_when_opened_again() {
    let (disk, engine) = half_made();
    // Not cleanly, for want of space.
    engine.close().expect_err("the disk is full");
    disk.mend();
    let before = disk.calls().len();
    let engine = open(&disk);
    let calls = disk.calls();
    let made = calls[before..].iter().filter(|call| call.op == Op::Create);
    let made: Vec<_> = made.map(|call| call.file.to_string_lossy()).collect();
    assert_eq!(made, ["journal/j._0"]);
    assert!(!exists(&disk, "d.ns"));
    assert!(engine.database_names().is_empty());
    assert!(!engine.database("d").expect("named").drop().expect("nothing to drop"));
    goes_on(&disk, engine);
}
