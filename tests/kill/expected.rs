//! What one writer's operations amount to, computed from its script alone; and what is found of
//! it in the files.
//!
//! Commits take all threads along at one moment, so what a crash leaves of a writer is what its
//! first `k` operations amount to, for some `k`: never an operation without those before it,
//! never half of one.

use std::collections::BTreeMap;

use bson::{RawBsonRef, RawDocument};
use tallymap::{Collection, Direction, Engine};

use crate::script::{Operation, Script, WRITERS};

/// The work of one writer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Work {
    /// Its counters by document.
    pub hot: BTreeMap<u64, i64>,
    pub upserted: BTreeMap<u64, i64>,
    /// Length of each field it added, by document and number.
    pub grown: BTreeMap<(u64, u64), usize>,
    /// Kind and length of each document it inserted.
    pub events: BTreeMap<u64, (i32, usize)>,
}

impl Work {
    fn apply(&mut self, operation: Operation) {
        match operation {
            Operation::Count { document, by } => *self.hot.entry(document).or_default() += by,
            Operation::Upsert { document, by } => {
                *self.upserted.entry(document).or_default() += by;
            }
            Operation::Grow { document, field, len } => {
                self.grown.insert((document, field), len);
            }
            Operation::Insert { id, kind, len } => drop(self.events.insert(id, (kind, len))),
            Operation::Delete { id } => drop(self.events.remove(&id).expect("inserted before")),
        }
    }

    /// How many of the writer's first operations amount to this, if any number from `least` to
    /// `most` does.
    pub fn operations(&self, seed: u64, writer: u32, least: u64, most: u64) -> Option<u64> {
        let mut script = Script::new(seed, writer);
        let mut work = Work::default();
        for done in 0..=most {
            if done >= least && work == *self {
                return Some(done);
            }
            work.apply(script.step().0);
        }
        None
    }
}

fn integer(document: &RawDocument, name: &str) -> Option<i64> {
    match document.get(name).expect("BSON")? {
        RawBsonRef::Int32(n) => Some(i64::from(n)),
        RawBsonRef::Int64(n) => Some(n),
        other => panic!("{name} is {other:?}"),
    }
}

fn scan(collection: &Collection, mut met: impl FnMut(u64, &RawDocument)) {
    for located in collection.scan(Direction::Forward).expect("scans") {
        let document = located.expect("a whole document").document;
        met(integer(&document, "_id").expect("an _id") as u64, &document);
    }
}

/// What is found of each writer's work. Checks on the way that every document is whole.
pub fn found(engine: &Engine) -> [Work; WRITERS as usize] {
    let mut works: [Work; WRITERS as usize] = Default::default();
    let collection = |name: &str| engine.collection(&format!("kill.{name}")).expect("named");
    for name in ["hot", "upserted"] {
        scan(&collection(name), |id, document| {
            let mut sum = 0;
            for (writer, work) in works.iter_mut().enumerate() {
                let counted = integer(document, &format!("w{writer}")).unwrap_or(0);
                sum += counted;
                if counted > 0 {
                    let counters = if name == "hot" { &mut work.hot } else { &mut work.upserted };
                    assert_eq!(counters.insert(id, counted), None, "{id} twice in {name}");
                }
            }
            assert_eq!(Some(sum), integer(document, "all"), "half an update: {document:?}");
        });
    }
    scan(&collection("trees"), |id, document| {
        let mut fields = 0;
        for (writer, work) in works.iter_mut().enumerate() {
            let Ok(grown) = document.get_document(format!("w{writer}")) else { continue };
            for (name, value) in grown.iter().map(|field| field.expect("BSON")) {
                let number = name.as_str()[1..].parse().expect("a number");
                let text = value.as_str().expect("text");
                assert!(text.bytes().all(|byte| byte == b'g'), "torn: {text}");
                assert_eq!(work.grown.insert((id, number), text.len()), None);
                fields += 1;
            }
        }
        assert_eq!(Some(fields), integer(document, "all"), "half an update: {document:?}");
    });
    scan(&collection("events"), |id, document| {
        let writer = (id >> 32) as usize;
        assert_eq!(integer(document, "by"), Some(writer as i64));
        let pad = document.get_str("pad").expect("text");
        assert!(pad.bytes().all(|byte| byte == b'e'), "torn: {pad}");
        let kind = integer(document, "kind").expect("a kind") as i32;
        assert_eq!(works[writer].events.insert(id, (kind, pad.len())), None);
    });
    works
}
