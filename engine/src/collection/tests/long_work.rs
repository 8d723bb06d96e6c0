//! Work in many units: how much of it there is at a time.

use std::sync::{Arc, Mutex};

use bson::rawdoc;

use super::assert_valid;
use crate::disk::HeapDisk;
use crate::disk::sim_disk::{Change, SimDisk};
use crate::{Collection, Engine, IndexSpec};

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
