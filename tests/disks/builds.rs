//! An index that was dropped to be built again cannot be, for want of space.

use std::sync::Arc;

use bson::{doc, rawdoc};
use tallymap::disk::HeapDisk;
use tallymap::disk::sim_disk::{Done, Fault, FaultDisk, Injection, Lasting};
use tallymap::{Collection, CollectionOptions, Engine, Error, IndexSpec, Reason};
use tallymap_tests::order::raw;

use crate::stage::{How, builder};

const DOCUMENTS: u64 = 130;
/// Room for the compacted documents, not for all of the indexes beside them.
const LEFT: i64 = 500 << 10;

fn open(disk: &FaultDisk) -> Engine {
    builder(How::default()).disk(Arc::new(disk.clone())).open().expect("opens")
}

/// Lets no data file be made from now on.
fn fill_up(disk: &FaultDisk) {
    let at = disk.calls().len() as u64 + 1;
    disk.inject(Injection {
        at,
        fault: Fault::NoSpace,
        lasting: Lasting::All,
        done: Done::Nothing,
    });
}

/// Takes what the files have free, but for [`LEFT`].
fn fill_files(engine: &Engine) {
    let d = engine.database("d").expect("named");
    let free = |extent: &&tallymap::ExtentMap| extent.owner == tallymap::ExtentOwner::Free;
    let map = d.map().expect("reads");
    let extents = map.files.iter().flat_map(|file| &file.extents).filter(free);
    let mut sizes: Vec<_> = extents.map(|extent| extent.usage.extent_bytes as i64).collect();
    sizes.push(map.files.last().map_or(0, |file| file.unused as i64) - LEFT);
    let options = CollectionOptions::default().capped(4096).capped_extent_sizes(&sizes);
    d.create_collection("filler", options).expect("created");
}

/// A collection whose compaction could not build its indexes again.
fn half_compacted() -> (HeapDisk, FaultDisk, Engine, Collection) {
    let heap = HeapDisk::new();
    let disk = FaultDisk::new(Arc::new(heap.clone()));
    let engine = open(&disk);
    let c = engine.collection("d.c").expect("opens");
    c.create_index(IndexSpec::new(&[("v", 1)])).expect("an index");
    for n in 0..DOCUMENTS as i32 {
        // Few keys to a bucket.
        let v = format!("{n}{}", "v".repeat(900));
        c.insert_one(raw(&doc! { "_id": n, "v": v })).expect("inserted");
    }
    fill_files(&engine);
    fill_up(&disk);
    let full = c.compact();
    assert!(matches!(full, Err(Error::DiskFull { .. })), "{full:?}");
    (heap, disk, engine, c)
}

fn is_read_and_not_written(c: &Collection) {
    assert_eq!(c.count().expect("counts"), DOCUMENTS);
    assert!(c.find_by_id(7).expect("reads").is_some());
    match c.insert_one(rawdoc! { "_id": "new" }) {
        Err(Error::Refused { reason: Reason::UnsupportedIndex, message }) => {
            assert!(message.contains("compact"), "{message}");
        }
        other => panic!("{other:?}"),
    }
}

fn is_whole(c: &Collection) {
    assert_eq!(c.indexes().expect("reads").len(), 2);
    c.insert_one(rawdoc! { "_id": "new" }).expect("inserted");
    let validation = c.validate(true).expect("validates");
    assert!(validation.findings().is_empty(), "{:?}", validation.findings());
}

#[test]
fn another_compaction_builds_it_when_there_is_room() {
    let (_, disk, _engine, c) = half_compacted();
    is_read_and_not_written(&c);
    assert!(c.compact().is_err(), "still full");
    is_read_and_not_written(&c);
    disk.mend();
    c.compact().expect("there is room");
    is_whole(&c);
}

/// After a crash, opened while there is no room for a data file; then with room.
#[test]
fn the_next_open_with_room_builds_it() {
    let (heap, disk, engine, _) = half_compacted();
    disk.mend();
    engine.wait_durable().expect("durable");
    let heap = heap.image();
    let crashed = FaultDisk::new(Arc::new(heap.image()));
    let engine = open(&crashed);
    is_whole(&engine.collection("d.c").expect("opens"));
    let makes = crashed.calls().iter().position(|call| call.file.starts_with("_tmp/d.1"));

    let crashed = FaultDisk::new(Arc::new(heap));
    let at = makes.expect("a data file is made") as u64 + 1;
    crashed.inject(Injection {
        at,
        fault: Fault::NoSpace,
        lasting: Lasting::All,
        done: Done::Nothing,
    });
    let engine = open(&crashed);
    is_read_and_not_written(&engine.collection("d.c").expect("opens"));
    engine
        .collection("d.filler")
        .expect("opens")
        .insert_one(rawdoc! { "_id": 1 })
        .expect("goes on");
    crashed.mend();
    engine.close().expect("closes");
    is_whole(&open(&crashed).collection("d.c").expect("opens"));
}
