//! Counts hits, for the test "cost" to look at from outside: `cost-counter DIR HITS [yield]`.
//!
//! Whatever is needed before is done before it says "begin"; after that there is nothing but hits,
//! until it says "end". With `yield` there is one system call among them.

use std::io::Write;

use bson::rawdoc;
use tallymap::{Engine, FieldPath};

/// More documents than a cache of a few would hold.
const DOCUMENTS: usize = 1_000;

fn say(word: &str) {
    let mut out = std::io::stdout();
    writeln!(out, "{word}").and_then(|()| out.flush()).expect("said");
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let dir = arguments.next().expect("a directory");
    let hits: usize = arguments.next().and_then(|n| n.parse().ok()).expect("a number of hits");
    let yields = arguments.next().is_some();
    let engine = Engine::builder(dir).ns_size_mib(1).background(false).open().expect("opens");
    let daily = engine.collection("stats.daily").expect("named");
    let ids: Vec<String> = (0..DOCUMENTS).map(|i| format!("page-{i}")).collect();
    for id in &ids {
        let document = rawdoc! { "_id": id.as_str(), "n": 0i32, "m": { "0": 0i32, "1": 0i32 } };
        daily.insert_one(document).expect("inserted");
    }
    let [n, m] = ["n", "m.1"].map(|path| FieldPath::parse(path).expect("a path"));
    let hit = |i: usize| {
        let id = ids[i % DOCUMENTS].as_str();
        daily.increment(id, &[(&n, 1), (&m, 1)]).expect("counted");
    };
    (0..DOCUMENTS).for_each(hit);
    say("begin");
    (0..hits / 2).for_each(hit);
    if yields {
        std::thread::yield_now();
    }
    (hits / 2..hits).for_each(hit);
    say("end");
    let sum: i64 = ids
        .iter()
        .map(|id| {
            let document = daily.find_by_id(id.as_str()).expect("read").expect("there");
            i64::from(document.get_i32("n").expect("a counter"))
        })
        .sum();
    assert_eq!(sum, (hits + DOCUMENTS) as i64);
    engine.close().expect("closes");
}
