//! Threads write while the disk fails under them, and under the engine's own threads.

use std::sync::Arc;
use std::time::Duration;

use bson::{doc, rawdoc};
use oorandom::Rand32;
use tallymap::disk::sim_disk::{Done, Fault, FaultDisk, Injection, Lasting, SimDisk};
use tallymap::disk::{Disk, HeapDisk};
use tallymap::{Direction, Engine, Error};
use tallymap_tests::order::raw;

use crate::errors;
use crate::stage::{How, builder};

const WRITERS: usize = 4;

/// What a writer had before its first error: documents acknowledged, and of those durable.
#[derive(Debug, Default, Clone, Copy)]
struct Told {
    acknowledged: i32,
    durable: i32,
}

/// Inserts documents 0, 1, 2 … of its own collection until that fails.
fn write(engine: &Engine, writer: usize) -> (Told, Error) {
    let collection = engine.collection(&format!("d.c{writer}")).expect("opens");
    let mut told = Told::default();
    loop {
        let document = doc! { "_id": told.acknowledged, "pad": "x".repeat(300) };
        if let Err(error) = collection.insert_one(raw(&document)) {
            return (told, error);
        }
        told.acknowledged += 1;
        if let Err(error) = engine.wait_durable() {
            return (told, error);
        }
        told.durable = told.acknowledged;
    }
}

/// How many documents of a writer there are: the first ones, without a gap.
fn found(engine: &Engine, writer: usize) -> i32 {
    let collection = engine.collection(&format!("d.c{writer}")).expect("opens");
    let mut ids: Vec<i32> = collection
        .scan(Direction::Forward)
        .expect("scans")
        .map(|located| located.expect("sound").document.get_i32("_id").expect("a number"))
        .collect();
    ids.sort_unstable();
    assert!(ids.iter().copied().eq(0..ids.len() as i32), "writer {writer}: {ids:?}");
    if collection.exists() {
        assert!(collection.validate(true).expect("validates").is_valid());
    }
    ids.len() as i32
}

fn fails_under_threads(fault: Fault, after: u64) {
    let sim = SimDisk::new(HeapDisk::new());
    let disk = FaultDisk::new(Arc::new(sim.clone()));
    let open = |disk: Arc<dyn Disk>| builder(How::default()).disk(disk);
    let engine = open(Arc::new(disk.clone()))
        .background(true)
        .commit_interval(Duration::from_millis(1))
        .sync_interval(Duration::from_millis(5))
        .open()
        .expect("opens");
    let at = disk.calls().len() as u64 + after;
    disk.inject(Injection { at, fault, lasting: Lasting::All, done: Done::Nothing });
    let told: Vec<Told> = std::thread::scope(|scope| {
        let start = |writer| {
            let engine = &engine;
            scope.spawn(move || write(engine, writer))
        };
        let writers: Vec<_> = (0..WRITERS).map(start).collect();
        let ended = writers.into_iter().map(|writer| writer.join().expect("no panic"));
        let check = |(told, error): (Told, Error)| {
            errors::check(&error, fault, &disk.failed());
            told
        };
        ended.map(check).collect()
    });
    for (writer, told) in told.iter().enumerate() {
        assert_eq!(found(&engine, writer), told.acknowledged, "reading goes on");
    }
    let lost_power = sim.after_power_cut(&mut Rand32::new(after));
    if engine.close().is_ok() {
        // Only a data file could not be made, and that stops nobody.
        assert!(disk.failed().iter().all(|call| call.file.starts_with("_tmp")));
    }
    disk.mend();
    for left in [Arc::new(disk) as Arc<dyn Disk>, Arc::new(lost_power)] {
        let engine = open(left).open().expect("opens again");
        for (writer, told) in told.iter().enumerate() {
            let found = found(&engine, writer);
            assert!((told.durable..=told.acknowledged).contains(&found), "{found} of {told:?}");
        }
        engine.collection("d.c0").expect("opens").insert_one(rawdoc! { "_id": -1 }).expect("works");
        engine.close().expect("closes");
    }
}

#[test]
fn the_disk_fails_under_threads() {
    for fault in [Fault::Io, Fault::NoSpace] {
        for after in (1..300).step_by(13) {
            println!("{fault:?} after {after} calls");
            fails_under_threads(fault, after);
        }
    }
}
