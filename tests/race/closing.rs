//! Writers that meet a close: what was acknowledged is there, what came too late was refused.

use std::sync::Barrier;

use bson::rawdoc;
use tallymap::{Class, Engine, FieldPath};

const WRITERS: usize = 4;
const CLOSES: usize = 40;

#[test]
fn a_close_loses_no_acknowledged_hit() {
    let folder = tempfile::tempdir().expect("a directory");
    let mut acknowledged = 0i64;
    for round in 0..CLOSES {
        let engine = Engine::builder(folder.path()).ns_size_mib(1).open().expect("opens");
        let hits = engine.collection("stats.hits").expect("a name");
        if round == 0 {
            hits.insert_one(rawdoc! { "_id": 1, "n": 0i64 }).expect("room");
        }
        let start = Barrier::new(WRITERS + 1);
        let count = FieldPath::parse("n").expect("a path");
        let done: i64 = std::thread::scope(|scope| {
            let write = || {
                start.wait();
                let mut done = 0;
                loop {
                    match hits.increment(1, &[(&count, 1)]) {
                        Ok(report) => done += report.modified as i64,
                        Err(error) => {
                            assert_eq!(error.class(), Class::Stop, "{error}");
                            return done;
                        }
                    }
                }
            };
            let writers: Vec<_> = (0..WRITERS).map(|_| scope.spawn(write)).collect();
            start.wait();
            engine.close().expect("closes");
            writers.into_iter().map(|writer| writer.join().expect("no panic")).sum()
        });
        acknowledged += done;
        let engine = Engine::builder(folder.path()).read_only(true).open().expect("opens");
        let hits = engine.collection("stats.hits").expect("a name");
        let document = hits.find_by_id(1).expect("readable").expect("there");
        assert_eq!(document.get_i64("n").expect("a number"), acknowledged, "close {round}");
    }
    assert!(acknowledged > 0, "no writer was fast enough to be tested");
}
