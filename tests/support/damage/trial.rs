//! One damage, and all that is done to the damaged database.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use bson::doc;
use parking_lot::Mutex;
use tallymap::disk::Disk;
use tallymap::{Class, Engine, Error, IndexSpec};

use super::Damage;
use super::salvage::{Count, Expected};
use crate::fuzz::image::builder;
use crate::fuzz::probe;
use crate::order::raw;

/// What many trials came to.
#[derive(Debug, Default)]
pub struct Tally {
    /// How many there were.
    pub trials: u64,
    /// The damaged database opened for writing; else it was refused by a typed error.
    pub opened: u64,
    /// What was salvaged.
    pub documents: Count,
    /// Promises broken, with the damage.
    pub broken: Vec<String>,
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Count { untouched, salvaged, touched, stale } = self.documents;
        write!(
            f,
            "{} damages, {} opened, {} refused; documents not touched {untouched}, salvaged \
             {salvaged}, touched {touched}, come up again {stale}; {} promises broken",
            self.trials,
            self.opened,
            self.trials - self.opened,
            self.broken.len()
        )
    }
}

/// What a panic said.
pub fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or(panic.downcast_ref::<&str>().copied()).unwrap_or_default()
}

/// Tries all damages, on all processors.
pub fn try_all(
    disk: &Arc<dyn Disk>,
    expected: &Expected,
    damages: &[Damage],
    tried: impl Fn() + Sync,
) -> Tally {
    let (next, tally) = (AtomicUsize::new(0), Mutex::new(Tally::default()));
    let work = || {
        while let Some(damage) = damages.get(next.fetch_add(1, Relaxed)) {
            let mut count = Count::default();
            let outcome =
                catch_unwind(AssertUnwindSafe(|| one(disk, expected, damage, &mut count)));
            let (opened, wrong) = outcome
                .unwrap_or_else(|panic| (false, vec![format!("panic: {}", panic_text(&*panic))]));
            let mut tally = tally.lock();
            tally.trials += 1;
            tally.opened += u64::from(opened);
            tally.documents.untouched += count.untouched;
            tally.documents.salvaged += count.salvaged;
            tally.documents.touched += count.touched;
            tally.documents.stale += count.stale;
            tally.broken.extend(
                wrong
                    .first()
                    .map(|first| format!("{damage}: {first}, and {} more", wrong.len() - 1)),
            );
            drop(tally);
            tried();
        }
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..workers).for_each(|_| drop(scope.spawn(work))));
    tally.into_inner()
}

/// Salvages, opens, reads, validates, writes, and opens again.
fn one(
    disk: &Arc<dyn Disk>,
    expected: &Expected,
    damage: &Damage,
    count: &mut Count,
) -> (bool, Vec<String>) {
    let wrong = expected.check(damage.of(disk.clone()), damage, count);
    let damaged = damage.of(disk.clone());
    let salvage = probe::salvage(damaged.clone());
    match builder(damaged.clone()).read_only(true).open() {
        Ok(engine) => {
            probe::read(&engine);
            if let Some(salvage) = salvage {
                probe::assert_has_scans(&salvage, &engine);
            }
        }
        Err(error) => probe::assert_damage("open read-only", &error),
    }
    let opened = match builder(damaged.clone()).open() {
        Ok(engine) => {
            probe::read(&engine);
            write(&engine);
            engine.close().expect("damage does not stop the journal");
            true
        }
        Err(error) => {
            probe::assert_damage("open", &error);
            false
        }
    };
    match builder(damaged).read_only(true).open() {
        Ok(engine) => probe::read(&engine),
        Err(error) => probe::assert_damage("open again", &error),
    }
    (opened, wrong)
}

/// Writes of every kind. They may be refused, for damage or for what they ask.
fn write(engine: &Engine) {
    let database = engine.database("d").expect("a valid name");
    let check = |what: &str, done: Result<(), Error>| {
        if let Err(error) = done {
            let fits = matches!(error.class(), Class::Restore | Class::Caller);
            assert!(fits, "{what}: {error:?}");
        }
    };
    for name in ["c", "k", "many", "new"] {
        let Ok(c) = database.collection(name) else { continue };
        for n in 0..3 {
            let by_id = raw(&doc! { "_id": 7 * n });
            let document = doc! { "_id": 3000 + n, "k": "n", "pad": "y".repeat(170 * n as usize) };
            check("insert", c.insert_one(raw(&document)).map(drop));
            let grow = raw(&doc! { "$set": { "pad": "z".repeat(1500), "tags": [7, 8] } });
            let upsert = c.update_one(&by_id, grow).and_then(|one| one.upsert(true).run());
            check("grow", upsert.map(drop));
            let add = raw(&doc! { "$inc": { "n": 1 } });
            check("add", c.update_one(&by_id, add).and_then(|one| one.run()).map(drop));
            check("delete", c.delete_one(raw(&doc! { "_id": 14 * n + 1 })).map(drop));
        }
        check("index", c.create_index(IndexSpec::new(&[("pad", 1)])).map(drop));
        check("drop index", c.drop_index("k_1").map(drop));
        check("compact", c.compact().map(drop));
        check("truncate", c.truncate().map(drop));
    }
    check("rename", database.rename_collection("many", "renamed").map(drop));
    check("drop", database.drop_collection("c").map(drop));
    check("sync", engine.sync());
}
