//! The process that is killed: four writers who do as their scripts say, and tell so on standard
//! output. With `recover` it opens the directory and closes it, no more.

mod record;
mod script;

use std::error::Error;
use std::io::Write;
use std::time::Duration;

use bson::{RawDocumentBuf, doc, rawdoc};
use record::{RECORD_LEN, Record, STAGES, Stage};
use script::{HOT, Operation, Script, WRITERS};
use tallymap::{Engine, FieldPath, IndexSpec, Result};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let usage = "kill-victim load|recover DIRECTORY SEED";
    let (what, dir) = (args.next().ok_or(usage)?, args.next().ok_or(usage)?);
    let seed: u64 = args.next().ok_or(usage)?.parse()?;
    tell(Record { writer: 0, stage: Stage::Opening, operation: 0 });
    // From one commit a millisecond to one in sixteen; the data files are synced meanwhile.
    let engine = Engine::builder(dir)
        .ns_size_mib(1)
        .commit_interval(Duration::from_millis(1 << (seed % 5)))
        .sync_interval(Duration::from_millis(15))
        .private_budget(64 << 10)
        .open()?;
    if what == "load" {
        prepare(&engine)?;
    }
    tell(Record { writer: 0, stage: Stage::Open, operation: 0 });
    if what == "load" {
        std::thread::scope(|scope| {
            for writer in 0..WRITERS {
                let engine = &engine;
                scope.spawn(move || write(engine, seed, writer).expect("a writer"));
            }
        });
    }
    engine.close()?;
    Ok(())
}

/// Tells it, and waits until it is in the pipe.
fn tell(record: Record) {
    let mut bytes = [0; RECORD_LEN];
    bytes[..4].copy_from_slice(&record.writer.to_le_bytes());
    let stage = STAGES.iter().position(|stage| *stage == record.stage).expect("listed");
    bytes[4..8].copy_from_slice(&(stage as u32).to_le_bytes());
    bytes[8..].copy_from_slice(&record.operation.to_le_bytes());
    let mut out = std::io::stdout().lock();
    // Who listens no more has killed us, or is about to.
    let _ = out.write_all(&bytes).and_then(|()| out.flush());
}

/// What the scripts find there.
fn prepare(engine: &Engine) -> Result<()> {
    let hot = engine.collection("kill.hot")?;
    for document in 0..HOT as i64 {
        hot.insert_one(rawdoc! {
            "_id": document, "w0": 0i64, "w1": 0i64, "w2": 0i64, "w3": 0i64,
            "pad": "x".repeat(200), "all": 0i64,
        })?;
    }
    engine.collection("kill.events")?.create_index(IndexSpec::new(&[("kind", 1), ("by", -1)]))?;
    engine.collection("kill.trees")?.create_index(IndexSpec::new(&[("all", 1)]))?;
    engine.wait_durable()
}

fn write(engine: &Engine, seed: u64, writer: u32) -> Result<()> {
    let mut script = Script::new(seed, writer);
    for operation in 0.. {
        let (work, wait) = script.step();
        tell(Record { writer, stage: Stage::Attempted, operation });
        perform(engine, writer, &work)?;
        tell(Record { writer, stage: Stage::Acknowledged, operation });
        if wait {
            engine.wait_durable()?;
            tell(Record { writer, stage: Stage::Durable, operation });
        }
    }
    Ok(())
}

fn perform(engine: &Engine, writer: u32, operation: &Operation) -> Result<()> {
    let own = format!("w{writer}");
    match *operation {
        Operation::Count { document, by } => {
            let paths = [FieldPath::parse(&own)?, FieldPath::parse("all")?];
            let increments = [(&paths[0], by), (&paths[1], by)];
            let report = engine.collection("kill.hot")?.increment(document as i64, &increments)?;
            assert!(report.in_place && report.matched == 1, "{report:?}");
        }
        Operation::Upsert { document, by } => {
            let update = raw(&doc! { "$inc": { &own: by, "all": by } });
            let filter = rawdoc! { "_id": document as i64 };
            engine.collection("kill.upserted")?.update_one(filter, update)?.upsert(true).run()?;
        }
        Operation::Grow { document, field, len } => {
            let field = format!("{own}.f{field}");
            let update = raw(&doc! { "$set": { field: "g".repeat(len) }, "$inc": { "all": 1i64 } });
            let filter = rawdoc! { "_id": document as i64 };
            engine.collection("kill.trees")?.update_one(filter, update)?.upsert(true).run()?;
        }
        Operation::Insert { id, kind, len } => {
            let document = rawdoc! {
                "_id": id as i64, "kind": kind, "by": writer as i32, "pad": "e".repeat(len),
            };
            engine.collection("kill.events")?.insert_one(document)?;
        }
        Operation::Delete { id } => {
            let deleted =
                engine.collection("kill.events")?.delete_one(rawdoc! { "_id": id as i64 });
            assert_eq!(deleted?, 1);
        }
    }
    Ok(())
}

fn raw(document: &bson::Document) -> RawDocumentBuf {
    RawDocumentBuf::try_from(document).expect("BSON")
}
