//! Crashes in the middle of long work: builds of indexes, compaction. While it runs, another
//! thread commits and copies the files, as a crash at that moment would leave them.

use std::sync::atomic::{AtomicBool, Ordering};

use bson::{doc, rawdoc};
use tallymap::{Collection, Direction, Engine, IndexSpec};
use tallymap_tests::dbpath::{self, Dbpath};
use tallymap_tests::order::raw;

const DOCUMENTS: i32 = 6000;

/// More images than these would only cost time.
const IMAGES_MAX: usize = 12;

/// Runs `work` and takes crash images until it is done, one more at the end.
fn images(dbpath: &Dbpath, engine: &Engine, work: impl FnOnce()) -> Vec<Dbpath> {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let taker = scope.spawn(|| {
            let mut taken = Vec::new();
            loop {
                let last = done.load(Ordering::Acquire);
                if last || taken.len() < IMAGES_MAX {
                    engine.wait_durable().expect("durable");
                    taken.push(dbpath.crashed());
                }
                if last {
                    return taken;
                }
                std::thread::yield_now();
            }
        });
        work();
        done.store(true, Ordering::Release);
        taker.join().expect("took images")
    })
}

fn fill(engine: &Engine) -> Collection {
    let collection = engine.collection("d.c").expect("valid");
    for n in 0..DOCUMENTS {
        let doc = doc! { "_id": n, "v": n / 2, "w": -n, "list": [n, -n] };
        collection.insert_one(raw(&doc)).expect("inserts");
    }
    collection.delete_many(rawdoc! { "v": { "$lt": DOCUMENTS / 8 } }).expect("deletes");
    collection
}

/// All documents are there, and each index that is there has all entries.
fn check_image(image: &Dbpath, expected: u64) -> usize {
    let engine = image.builder().read_only(true).open().expect("recovers in memory");
    // Reading, builds in progress stay so.
    let completed = engine.collection("d.c").expect("valid").indexes().expect("indexes").len();
    engine.close().expect("closes");
    let engine = image.open();
    let collection = engine.collection("d.c").expect("valid");
    assert_eq!(collection.count().expect("count"), expected);
    assert_eq!(collection.scan(Direction::Forward).expect("a scan").count() as u64, expected);
    let indexes = collection.indexes().expect("indexes");
    assert!(completed <= indexes.len(), "what was complete stays");
    for index in &indexes {
        let per_document = if index.name == "list_1" { 2 } else { 1 };
        let scan = collection.index_scan(&index.name, Direction::Forward).expect("an index");
        assert_eq!(scan.count() as u64, per_document * expected, "{}", index.name);
    }
    collection.insert_one(rawdoc! { "_id": "new", "v": -1, "w": 1 }).expect("inserts");
    drop(collection);
    dbpath::close(engine);
    indexes.len()
}

#[test]
fn builds_of_indexes() {
    let dbpath = Dbpath::new();
    let engine = dbpath.open();
    let collection = fill(&engine);
    let count = collection.count().expect("count");
    let taken = images(&dbpath, &engine, || {
        collection.create_index(IndexSpec::new(&[("w", 1)]).unique(true)).expect("an index");
        collection.create_index(IndexSpec::new(&[("list", 1)])).expect("an index");
        // Refused for a duplicate, after much of it was built.
        assert!(collection.create_index(IndexSpec::new(&[("v", 1)]).unique(true)).is_err());
    });
    let mut counts: Vec<usize> = taken.iter().map(|image| check_image(image, count)).collect();
    assert_eq!(counts.pop(), Some(3), "all were complete at the end");
    assert!(counts.iter().all(|count| (1..=3).contains(count)), "{counts:?}");
    drop(collection);
    dbpath::close(engine);
}

#[test]
fn compaction() {
    let dbpath = Dbpath::new();
    let engine = dbpath.open();
    let collection = fill(&engine);
    let count = collection.count().expect("count");
    collection.create_index(IndexSpec::new(&[("w", -1)]).unique(true)).expect("an index");
    collection.create_index(IndexSpec::new(&[("list", 1)])).expect("an index");
    let taken = images(&dbpath, &engine, || {
        let report = collection.compact().expect("compacts");
        assert_eq!(report.moved, count);
    });
    for image in &taken {
        assert_eq!(check_image(image, count), 3, "no index is lost");
    }
    drop(collection);
    dbpath::close(engine);
}
