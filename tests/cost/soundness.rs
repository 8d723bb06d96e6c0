//! Memos never show: the same operations give the same documents and the same reports of what
//! was done with memos and without, whatever changes between two increments.

use bson::{RawDocumentBuf, rawdoc};
use oorandom::Rand64;
use tallymap::{Collection, CollectionOptions, Engine, Error, FieldPath, IndexSpec, Result};

use crate::support::{assert_valid, documents, operator, path, quiet};

struct Twins {
    dirs: [tempfile::TempDir; 2],
    engines: [Engine; 2],
}

impl Twins {
    fn open() -> Twins {
        let dirs = [(); 2].map(|()| tempfile::tempdir().expect("a directory"));
        let engines = [true, false].map(|memos| {
            let dir = &dirs[usize::from(!memos)];
            quiet(dir).memos(memos).open().expect("opens")
        });
        let twins = Twins { dirs, engines };
        for engine in &twins.engines {
            let template = rawdoc! { "pad": "", "h": { "$grid": [4] }, "m": { "$grid": [3, 4] } };
            let database = engine.database("t").expect("named");
            let options = CollectionOptions::default().template(template);
            database.create_collection("zeroed", options).expect("created");
            let plain = database.create_collection("plain", CollectionOptions::default());
            plain.and_then(|c| c.create_index(IndexSpec::new(&[("h.2", 1)]))).expect("created");
        }
        twins
    }

    fn collections(&self, name: &str) -> [Collection; 2] {
        let ns = format!("t.{name}");
        [0, 1].map(|twin: usize| self.engines[twin].collection(&ns).expect("named"))
    }

    /// Does the same to both, and compares what comes of it.
    fn both<R: std::fmt::Debug + PartialEq>(
        &self,
        name: &str,
        work: impl Fn(&Collection) -> Result<R>,
    ) -> Option<R> {
        let outcome = |collection: &Collection| match work(collection) {
            Ok(done) => Ok(done),
            Err(error @ (Error::Refused { .. } | Error::DuplicateKey { .. })) => {
                Err(error.to_string())
            }
            Err(error) => panic!("{error}"),
        };
        let [with, without] = self.collections(name);
        let (with, without) = (outcome(&with), outcome(&without));
        assert_eq!(with, without, "with memos and without, in {name}");
        with.ok()
    }

    fn compare(&self) {
        for name in ["zeroed", "plain"] {
            let [with, without] = self.collections(name);
            assert_eq!(documents(&with), documents(&without), "{name}");
            assert_valid(&with);
            assert_valid(&without);
        }
    }
}

/// A counter that may or may not be there, of the few that there are.
fn random_path(rng: &mut Rand64) -> FieldPath {
    let mut pick = |n| rng.rand_range(0..n);
    match pick(5) {
        0 => path(&format!("h.{}", pick(5))),
        1 => path("n"),
        2 => path(&format!("m.{}", pick(3))),
        _ => path(&format!("m.{}.{}", pick(3), pick(5))),
    }
}

/// A change of structure, or of type, of what surrounds the counters.
fn random_update(rng: &mut Rand64) -> RawDocumentBuf {
    let path = random_path(rng);
    let counter = path.as_str();
    let pad = "x".repeat(rng.rand_range(0..90) as usize);
    match rng.rand_range(0..9) {
        0 => rawdoc! { "$set": { "pad": pad } },
        1 => operator("$unset", counter, 1),
        2 => operator("$set", counter, 7i64),
        3 => operator("$set", counter, 7i32),
        4 => operator("$set", counter, 7.0),
        5 => operator("$inc", counter, 1i32 << 30),
        6 => rawdoc! { "$set": { "h": { "3": 1, "2": 2, "1": 3, "0": 4 } } },
        7 => operator("$mul", counter, 2i32),
        _ => operator("$min", counter, 3i32),
    }
}

fn step(twins: &Twins, rng: &mut Rand64) {
    let name = ["zeroed", "plain"][rng.rand_range(0..2) as usize];
    let id = format!("id-{}", rng.rand_range(0..12));
    let key = || rawdoc! { "_id": id.as_str() };
    match rng.rand_range(0..12) {
        0..=6 => {
            let (a, b) = (random_path(rng), random_path(rng));
            let by = rng.rand_range(0..4) as i64 - 1;
            let increments = [(&a, 1), (&b, by)];
            let increments = &increments[..rng.rand_range(1..3) as usize];
            twins.both(name, |c| {
                let report = c.increment(id.as_str(), increments)?;
                // How it was found is what may differ; what came of it may not.
                Ok((report.matched, report.modified, report.moved, report.padding_left))
            });
        }
        7 | 8 => {
            let update = random_update(rng);
            twins.both(name, |c| {
                let report = c.update_one(key(), &update)?.upsert(true).run()?;
                Ok((report.matched, report.modified, report.moved, report.upserted))
            });
        }
        9 => {
            let other = rawdoc! { "pad": "y", "n": 1, "m": { "0": { "1": 1i64, "0": 2 } } };
            twins.both(name, |c| Ok(c.replace_one(key(), &other)?.run()?.moved));
        }
        10 => {
            twins.both(name, |c| c.delete_one(key()));
        }
        _ => match rng.rand_range(0..6) {
            0 => {
                twins.both(name, |c| c.compact().map(drop));
            }
            1 => {
                twins.both(name, |c| c.truncate().map(drop));
            }
            _ => {
                let document = rawdoc! { "_id": id.as_str(), "n": 0i32, "h": { "1": 0i32 } };
                twins.both(name, |c| Ok(c.insert_one(&document)?.loc));
            }
        },
    }
}

#[test]
fn random_structural_changes_between_increments() {
    for seed in 0..4 {
        println!("seed {seed}");
        let twins = Twins::open();
        let mut rng = Rand64::new(seed);
        for round in 0..1_500 {
            step(&twins, &mut rng);
            if round % 100 == 0 {
                twins.compare();
            }
        }
        twins.compare();
        let [with, without] = &twins.engines;
        assert!(with.counters().layout_memo_hits.get() > 100, "the memo took part");
        assert!(with.counters().record_memo_hits.get() > 100, "the memo took part");
        assert_eq!(without.counters().layout_memo_hits.get(), 0);
        assert!(with.counters().moves.get() > 10, "documents moved");
        drop(twins.dirs);
    }
}
