//! Four writers and two readers on overlapping documents, in place and moving, while commits are
//! forced and pages dropped.

use std::sync::atomic::{AtomicBool, Ordering};

use bson::rawdoc;
use oorandom::Rand64;
use tallymap::{Collection, CollectionOptions, Direction, Engine, IndexSpec, SizingPolicy};

use crate::support::{assert_valid, counter, documents, operator, pressed, reopen_and};

const WRITERS: usize = 4;
const STEPS: usize = 5_000;
const DOCUMENTS: u64 = 24;

/// What one writer is sure to have counted.
#[derive(Default)]
struct Done {
    per_document: Vec<i64>,
    grown: usize,
}

fn write(engine: &Engine, counters: &Collection, writer: usize) -> Done {
    let mut rng = Rand64::new(writer as u128);
    let mut done = Done { per_document: vec![0; DOCUMENTS as usize], grown: 0 };
    let paths = ["a", "b"].map(|name| tallymap::FieldPath::parse(name).expect("a path"));
    for step in 0..STEPS {
        let n = rng.rand_range(0..DOCUMENTS);
        let by = rng.rand_range(1..4) as i64;
        match rng.rand_range(0..20) {
            0 => {
                // Grows: rewritten, and now and then moved.
                let field = format!("pad.w{writer}-{step}");
                let pad = "x".repeat(rng.rand_range(1..60) as usize);
                let update = operator("$set", &field, pad);
                let request = counters.update_one(rawdoc! { "_id": n as i64 }, update);
                let report = request.and_then(|request| request.run()).expect("grown");
                assert_eq!((report.matched, report.modified), (1, 1));
                done.grown += 1;
            }
            1 => {
                // Shrinks: leaves padding for others to grow into.
                let field = rawdoc! { "$set": { "pad": {} } };
                let request = counters.update_one(rawdoc! { "_id": n as i64 }, field);
                request.and_then(|request| request.run()).expect("shrunk");
            }
            2..=6 => {
                let inc = rawdoc! { "$inc": { "a": by, "b": by } };
                let request = counters.update_one(rawdoc! { "_id": n as i64 }, inc);
                let report = request.and_then(|request| request.run()).expect("counted");
                assert_eq!(report.matched, 1);
                done.per_document[n as usize] += by;
            }
            7 if step % 3 == 0 => engine.wait_durable().expect("durable"),
            _ => {
                let increments = [(&paths[0], by), (&paths[1], by)];
                let report = counters.increment(n as i64, &increments).expect("counted");
                assert_eq!((report.matched, report.modified), (1, 1));
                done.per_document[n as usize] += by;
            }
        }
    }
    done
}

/// Reads until it is told to stop; every document that it meets is whole.
fn read(counters: &Collection, reader: u64, stop: &AtomicBool) -> u64 {
    let mut rng = Rand64::new(100 + u128::from(reader));
    let (mut reads, mut last) = (0, vec![0; DOCUMENTS as usize]);
    while !stop.load(Ordering::Relaxed) || reads == 0 {
        let n = rng.rand_range(0..DOCUMENTS);
        let document = counters.find_by_id(n as i64).expect("read").expect("always there");
        let (a, b) = (counter(&document, "a"), counter(&document, "b"));
        assert_eq!(a, b, "torn: {document:?}");
        assert!(a >= last[n as usize], "a count went back");
        last[n as usize] = a;
        if reads % 16 == 0 {
            for located in counters.scan(Direction::Forward).expect("scans") {
                let document = located.expect("a document").document;
                assert_eq!(counter(&document, "a"), counter(&document, "b"), "torn");
            }
        }
        reads += 1;
    }
    reads
}

fn race(policy: SizingPolicy) {
    let (dir, engine) = pressed();
    let database = engine.database("race").expect("named");
    let options = CollectionOptions::default().policy(policy);
    let counters = database.create_collection("counters", options).expect("created");
    counters.create_index(IndexSpec::new(&[("group", 1), ("_id", -1)])).expect("indexed");
    for n in 0..DOCUMENTS as i64 {
        let zeroed = rawdoc! { "_id": n, "group": n % 3, "a": 0i64, "b": 0i64, "pad": {} };
        counters.insert_one(zeroed).expect("inserted");
    }
    let stop = AtomicBool::new(false);
    let (done, reads) = std::thread::scope(|scope| {
        let readers = [0, 1].map(|reader| {
            let (counters, stop) = (&counters, &stop);
            scope.spawn(move || read(counters, reader, stop))
        });
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (engine, counters) = (&engine, &counters);
                scope.spawn(move || write(engine, counters, writer))
            })
            .collect();
        let joined: Vec<_> = writers.into_iter().map(|writer| writer.join()).collect();
        stop.store(true, Ordering::Relaxed);
        let reads = readers.map(|reader| reader.join().expect("a reader"));
        let done: Vec<Done> = joined.into_iter().map(|done| done.expect("a writer")).collect();
        (done, reads)
    });
    println!("{policy:?}: reads {reads:?}, {:?}", engine.counters().all());
    let worked = engine.counters();
    assert!(worked.moves.get() > 0, "documents moved");
    assert!(worked.pages_dropped.get() > 0, "pages were dropped");
    assert!(worked.commits.get() > 20, "commits came often");
    assert!(done.iter().all(|done| done.grown > 0));
    reopen_and(&dir, engine, |engine| {
        let counters = engine.collection("race.counters").expect("named");
        let mut found = documents(&counters);
        found.sort_by_key(|document| counter(document, "_id"));
        assert_eq!(found.len(), DOCUMENTS as usize);
        for (n, document) in found.iter().enumerate() {
            let sum: i64 = done.iter().map(|done| done.per_document[n]).sum();
            assert_eq!((counter(document, "a"), counter(document, "b")), (sum, sum), "{n}");
            assert_eq!(counter(document, "group"), n as i64 % 3);
        }
        assert_valid(&counters);
    });
}

#[test]
fn powers_of_two() {
    race(SizingPolicy::PowerOf2);
}

#[test]
fn exact_records_which_move_all_the_time() {
    race(SizingPolicy::Exact);
}

#[test]
fn an_adaptive_factor() {
    race(SizingPolicy::PaddingFactor { quantized: true });
}
