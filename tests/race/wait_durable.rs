//! Those who wait for durability together share one sync.

use std::sync::Barrier;
use std::time::Duration;

use bson::rawdoc;
use tallymap::{Engine, FieldPath};

#[test]
fn waiters_share_the_journals_syncs() {
    const WAITERS: u64 = 16;
    const WAITS: u64 = 40;
    let dir = tempfile::tempdir().expect("a directory");
    // Nobody commits but those who wait.
    let builder = Engine::builder(dir.path()).ns_size_mib(1).background(false);
    let engine = builder.commit_interval(Duration::from_millis(500)).open().expect("opens");
    let collection = engine.collection("race.waited").expect("named");
    for id in 0..WAITERS as i32 {
        collection.insert_one(rawdoc! { "_id": id, "n": 0i32 }).expect("inserted");
    }
    let before = engine.counters().journal_syncs.get();
    let rounds = Barrier::new(WAITERS as usize);
    std::thread::scope(|scope| {
        for id in 0..WAITERS as i32 {
            let (engine, collection, rounds) = (&engine, &collection, &rounds);
            scope.spawn(move || {
                let n = FieldPath::parse("n").expect("a path");
                for _ in 0..WAITS {
                    collection.increment(id, &[(&n, 1)]).expect("counted");
                    // All have written before the first waits.
                    rounds.wait();
                    engine.wait_durable().expect("durable");
                    rounds.wait();
                }
            });
        }
    });
    let syncs = engine.counters().journal_syncs.get() - before;
    println!("{syncs} syncs for {} waits", WAITERS * WAITS);
    // Each round needs one; who comes late to it may need another.
    assert!(syncs >= WAITS, "{syncs} syncs");
    assert!(syncs * 4 <= WAITERS * WAITS, "{syncs} syncs for {} waits", WAITERS * WAITS);
}

#[test]
fn what_was_waited_for_is_in_a_copy_taken_then() {
    let dir = tempfile::tempdir().expect("a directory");
    let builder = Engine::builder(dir.path()).ns_size_mib(1).background(false);
    let engine = builder.open().expect("opens");
    let collection = engine.collection("race.copied").expect("named");
    for id in 0..20i32 {
        collection.insert_one(rawdoc! { "_id": id }).expect("inserted");
    }
    engine.wait_durable().expect("durable");
    collection.insert_one(rawdoc! { "_id": 20 }).expect("inserted");
    // As a crash now would leave it, read by another engine.
    let copy = tempfile::tempdir().expect("a directory");
    copy_tree(dir.path(), copy.path());
    let recovered = Engine::builder(copy.path()).open().expect("recovers");
    let collection = recovered.collection("race.copied").expect("named");
    assert_eq!(collection.count().expect("counts"), 20);
    assert!(collection.validate(true).expect("validates").is_valid());
}

fn copy_tree(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for entry in std::fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        match from.is_dir() {
            true => copy_tree(&from, &to),
            false => drop(std::fs::copy(&from, &to).expect("copied")),
        }
    }
}
