//! Work in many units: how much of it there is at a time.

use std::path::Path;
use std::sync::{Arc, Mutex};

use bson::{RawArrayBuf, rawdoc};

use super::assert_valid;
use crate::disk::sim_disk::{Change, Done, Fault, FaultDisk, Injection, Lasting, SimDisk};
use crate::disk::{Disk, HeapDisk};
use crate::{Collection, Direction, Engine, Error, IndexEntry, IndexSpec, Result};

const DIRTY_MAX: u64 = 128 << 10;
/// What may be dirty when a commit comes: four times the threshold before the unit begins, and
/// what one unit of long work changes.
const SECTION_MAX: u64 = 4 * DIRTY_MAX + (2 << 20);

/// The most that one section of the journal held, of those that `work` and a commit at its end
/// have written; and all of them together.
fn sections(disk: &SimDisk, engine: &Engine, work: impl FnOnce()) -> (u64, u64) {
    let written = || engine.counters().journaled_bytes.get();
    let sums = Arc::new(Mutex::new(vec![written()]));
    let (of, watched) = (engine.clone(), sums.clone());
    disk.before_each_change(move |_, change: &Change| {
        if change.op == "write" && change.path.starts_with("journal") {
            let sum = of.counters().journaled_bytes.get();
            watched.lock().expect("no panic holds it").push(sum);
        }
    });
    work();
    engine.wait_durable().expect("durable");
    disk.before_each_change(|_, _| {});
    let mut sums = sums.lock().expect("no panic holds it");
    sums.push(written());
    let most = sums.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0);
    (most, sums[sums.len() - 1] - sums[0])
}

fn filled(engine: &Engine, documents: i32, text_len: usize) -> Collection {
    let collection = engine.collection("d.c").expect("a name");
    for n in 0..documents {
        let text = format!("{n:06}{}", "x".repeat(text_len));
        collection.insert_one(rawdoc! { "_id": n, "text": text }).expect("inserted");
    }
    engine.wait_durable().expect("durable");
    collection
}

fn engine() -> (SimDisk, Engine) {
    let disk = SimDisk::new(HeapDisk::new());
    let builder = Engine::builder("simulated").disk(Arc::new(disk.clone())).background(false);
    (disk, builder.ns_size_mib(1).dirty_max(DIRTY_MAX).open().expect("opens"))
}

#[test]
fn an_index_build_commits_on_its_way() {
    let (disk, engine) = engine();
    let collection = filled(&engine, 8_000, 800);
    let (most, all) = sections(&disk, &engine, || {
        collection.create_index(IndexSpec::new(&[("text", 1)])).expect("built");
    });
    assert!(most <= SECTION_MAX, "{most} of {all}");
    assert!(all > 2 * SECTION_MAX, "{all}: it shows something");
    assert_valid(&collection);
}

#[test]
fn a_compaction_commits_on_its_way() {
    let (disk, engine) = engine();
    let collection = filled(&engine, 400, 40_000);
    let (most, all) = sections(&disk, &engine, || {
        collection.compact().expect("compacted");
    });
    assert!(most <= SECTION_MAX, "{most} of {all}");
    assert!(all > 2 * SECTION_MAX, "{all}: it shows something");
    assert_valid(&collection);
}

/// Room for a few keys: a thousand of them make many runs.
const MEMORY: u64 = 4 << 10;

fn with_index_memory(disk: impl Disk + 'static, memory: u64) -> (Engine, Collection) {
    let builder = Engine::builder("heap").disk(Arc::new(disk)).background(false);
    let builder = builder.ns_size_mib(1).index_build_memory(memory);
    let engine = builder.open().expect("opens");
    let collection = engine.collection("d.c").expect("a name");
    (engine, collection)
}

fn fill(collection: &Collection) {
    let mut random = oorandom::Rand32::new(11);
    for n in 0..1_000 {
        let text = "k".repeat(random.rand_range(0..90) as usize);
        let many: RawArrayBuf = (0..n % 4).map(|i| (n * 7919 + i) % 501).collect();
        let document = rawdoc! { "_id": n, "u": (n * 7919) % 10_007, "text": text, "many": many };
        collection.insert_one(document).expect("inserted");
    }
}

fn specs() -> [IndexSpec; 4] {
    [
        IndexSpec::new(&[("text", 1)]),
        IndexSpec::new(&[("text", -1), ("u", 1)]),
        IndexSpec::new(&[("many", 1)]),
        IndexSpec::new(&[("u", -1)]).unique(true),
    ]
}

fn entries(collection: &Collection, index: &str) -> Vec<IndexEntry> {
    let scan = collection.index_scan(index, Direction::Forward).expect("scans");
    scan.collect::<Result<_>>().expect("sound")
}

#[test]
fn an_index_is_the_same_however_little_memory_sorts_its_keys() {
    let disk = FaultDisk::new(Arc::new(HeapDisk::new()));
    let (_engine, small) = with_index_memory(disk.clone(), MEMORY);
    let (_other, large) = with_index_memory(HeapDisk::new(), 100 << 20);
    for collection in [&small, &large] {
        fill(collection);
    }
    for spec in specs() {
        let before = disk.calls().len();
        let name = small.create_index(spec.clone()).expect("built");
        assert_eq!(large.create_index(spec).expect("built"), name);
        let calls = disk.calls();
        let wrote = calls[before..].iter().filter(|call| {
            let is_run = call.file.extension().is_some_and(|extension| extension == "keys");
            call.op == crate::disk::sim_disk::Op::WriteAt && is_run
        });
        assert!(wrote.count() >= 15, "{name}: many runs");
        assert!(entries(&small, &name) == entries(&large, &name), "{name}");
        let left = disk.list(Path::new("_tmp")).expect("looked");
        assert!(left.is_empty(), "{name}: no file is left");
    }
    let twice = small.create_index(IndexSpec::new(&[("text", 1), ("a", 1)]).unique(true));
    assert!(matches!(twice, Err(Error::DuplicateKey { .. })), "{twice:?}");
    assert_eq!(small.indexes().expect("reads").len(), 1 + specs().len());
    small.compact().expect("compacted");
    assert!(entries(&small, "many_1").len() > 1_000);
    assert_valid(&small);
}

/// Each call for the file fails once, with each error: the build is undone, or does not need
/// what failed; then it succeeds.
#[test]
fn a_build_whose_keys_cannot_be_sorted_is_undone() {
    let disk = FaultDisk::new(Arc::new(HeapDisk::new()));
    let (_engine, collection) = with_index_memory(disk.clone(), 16 << 10);
    fill(&collection);
    let rehearse = |fault| {
        let before = disk.calls().len();
        collection.create_index(IndexSpec::new(&[("u", 1)])).expect("built");
        collection.drop_index("u_1").expect("dropped");
        let calls = disk.calls();
        let of_keys = |at: &usize| {
            let call = &calls[*at];
            call.file.starts_with("_tmp") && (call.needs_space || fault == Fault::Io)
        };
        (before..calls.len()).filter(of_keys).map(|at| at - before).collect::<Vec<_>>()
    };
    let (mut full, mut failed, mut unharmed) = (0, 0, 0);
    for fault in [Fault::NoSpace, Fault::Io] {
        for at in rehearse(fault) {
            let at = (disk.calls().len() + at + 1) as u64;
            disk.inject(Injection { at, fault, lasting: Lasting::Once, done: Done::Nothing });
            match collection.create_index(IndexSpec::new(&[("u", 1)])) {
                Ok(_) => {
                    collection.drop_index("u_1").expect("dropped");
                    unharmed += 1;
                }
                Err(Error::DiskFull { .. }) => full += 1,
                Err(Error::Io { .. }) => failed += 1,
                Err(other) => panic!("{at}: {other:?}"),
            }
            disk.mend();
            assert_eq!(collection.indexes().expect("reads").len(), 1, "{at}");
            collection.insert_one(rawdoc! { "_id": at as i64 + 5_000 }).expect("goes on");
            collection.delete_one(rawdoc! { "_id": at as i64 + 5_000 }).expect("goes on");
        }
    }
    println!("{full} full, {failed} failed, {unharmed} unharmed");
    assert!(full >= 5 && failed > full && unharmed >= 1);
    collection.create_index(IndexSpec::new(&[("u", 1)])).expect("built");
    assert_valid(&collection);
}
