//! Does a process that is killed while it writes leave a directory that opens with what it had
//! acknowledged?
//!
//! What was durable is there, nothing that was never attempted is, every document is whole, and
//! of each writer a first part of its operations is there, without gaps: see [`expected`].
//! `TALLYMAP_SEED=n` runs other moments.

mod expected;
mod record;
mod script;

use std::io::Read;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use bson::RawDocumentBuf;
use oorandom::Rand64;
use record::{RECORD_LEN, Record, STAGES, Stage};
use script::WRITERS;
use tallymap::{Direction, Engine, RecordLoc};

const COLLECTIONS: [&str; 4] = ["hot", "upserted", "trees", "events"];

/// What the parent was told of one writer: numbers of operations.
#[derive(Debug, Default, Clone, Copy)]
struct Told {
    attempted: u64,
    acknowledged: u64,
    durable: u64,
}

fn start(what: &str, dir: &Path, seed: u64) -> (Child, ChildStdout) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_kill-victim"))
        .args([what, dir.to_str().expect("text"), &seed.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let out = child.stdout.take().expect("piped");
    (child, out)
}

/// The next message, or none when the victim is dead.
fn hear(from: &mut impl Read) -> Option<Record> {
    let mut bytes = [0; RECORD_LEN];
    from.read_exact(&mut bytes).ok()?;
    let (writer, rest) = bytes.split_at(4);
    let (stage, operation) = rest.split_at(4);
    let word = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().expect("four bytes"));
    Some(Record {
        writer: word(writer),
        stage: STAGES[word(stage) as usize],
        operation: u64::from_le_bytes(operation.try_into().expect("eight bytes")),
    })
}

/// Kills it, and reads what it had still told.
fn kill(mut child: Child, out: &mut impl Read, mut heard: impl FnMut(Record)) {
    child.kill().expect("killed");
    while let Some(record) = hear(out) {
        heard(record);
    }
    let status = child.wait().expect("ends");
    assert_eq!(status.code(), None, "it ended before it was killed: {status}");
}

/// Lets a victim work until it has told `messages`, then kills it.
fn load_and_kill(dir: &Path, seed: u64, messages: u64) -> [Told; WRITERS as usize] {
    let (child, mut out) = start("load", dir, seed);
    let mut told = [Told::default(); WRITERS as usize];
    let note = |told: &mut [Told], record: Record| {
        let of_writer = &mut told[record.writer as usize];
        match record.stage {
            Stage::Opening | Stage::Open => {}
            Stage::Attempted => of_writer.attempted = record.operation + 1,
            Stage::Acknowledged => of_writer.acknowledged = record.operation + 1,
            Stage::Durable => of_writer.durable = record.operation + 1,
        }
    };
    for _ in 0..messages {
        match hear(&mut out) {
            Some(record) => note(&mut told, record),
            None => break,
        }
    }
    kill(child, &mut out, |record| note(&mut told, record));
    told
}

/// Kills a process `micros` after it began to recover. Was it in time?
fn recover_and_kill(dir: &Path, seed: u64, micros: u64) -> bool {
    let (mut child, mut out) = start("recover", dir, seed);
    let first = hear(&mut out).expect("it begins");
    assert_eq!(first.stage, Stage::Opening);
    std::thread::sleep(Duration::from_micros(micros));
    child.kill().expect("killed");
    let finished = hear(&mut out).is_some();
    child.wait().expect("ends");
    !finished
}

/// Everything that an engine gives back of the collections: documents with their places in
/// natural order, index entries in order.
#[derive(Debug, PartialEq)]
struct Contents {
    documents: Vec<(RecordLoc, RawDocumentBuf)>,
    entries: Vec<(RawDocumentBuf, RecordLoc)>,
}

fn contents(engine: &Engine) -> Contents {
    let mut all = Contents { documents: Vec::new(), entries: Vec::new() };
    for name in COLLECTIONS {
        let collection = engine.collection(&format!("kill.{name}")).expect("named");
        if !collection.exists() {
            continue;
        }
        let scan = collection.scan(Direction::Forward).expect("scans");
        let documents = scan.map(|located| located.expect("a document"));
        all.documents.extend(documents.map(|located| (located.loc, located.document)));
        for index in collection.indexes().expect("read") {
            let entries = collection.index_scan(&index.name, Direction::Forward).expect("scans");
            let entries = entries.map(|entry| entry.expect("an entry"));
            all.entries.extend(entries.map(|entry| (entry.key, entry.loc)));
        }
        let validation = collection.validate(true).expect("validates");
        assert!(validation.is_valid(), "{name}: {:?}", validation.findings());
    }
    all
}

/// Opens what the victim left: read-only, then recovering, then once more. All three give the
/// same, and it is what the victim told of.
fn check(dir: &Path, seed: u64, told: &[Told; WRITERS as usize]) {
    let builder = Engine::builder(dir).background(false);
    let reader = builder.clone().read_only(true).open().expect("opens read-only");
    let seen = contents(&reader);
    reader.close().expect("closes");
    let engine = builder.clone().open().expect("recovers");
    let recovered = contents(&engine);
    assert!(recovered == seen, "a reader of the crashed directory saw something else");
    for (writer, work) in (0..WRITERS).zip(expected::found(&engine)) {
        let told = told[writer as usize];
        let done = work.operations(seed, writer, told.durable, told.attempted);
        assert!(
            done.is_some(),
            "seed {seed}: what is found of writer {writer} is no part of its script: {told:?}"
        );
        assert!(told.durable <= told.acknowledged && told.acknowledged <= told.attempted);
    }
    engine.close().expect("closes");
    let again = builder.open().expect("opens again");
    assert!(contents(&again) == recovered, "the second opening gave something else");
    again.close().expect("closes");
}

fn base_seed() -> u64 {
    let seed = std::env::var("TALLYMAP_SEED").ok().and_then(|seed| seed.parse().ok());
    seed.unwrap_or(2026)
}

/// Kills under load.
const KILLS: u64 = 50;
/// Recoveries that are killed before they end, and how many are tried for them at most.
const INTERRUPTED: u64 = 10;
const TRIED: u64 = 100;

#[test]
fn killed_under_load() {
    let mut rng = Rand64::new(u128::from(base_seed()));
    let mut all = Told::default();
    for round in 0..KILLS {
        let dir = tempfile::tempdir().expect("a directory");
        let seed = base_seed() + round;
        // From the very beginning to some thousand operations.
        let messages = rng.rand_range(0..100u64.pow(1 + (round % 2) as u32) + 2) + round * 60;
        println!("seed {seed}: killed after {messages} messages");
        let told = load_and_kill(dir.path(), seed, messages);
        check(dir.path(), seed, &told);
        for told in told {
            all.attempted += told.attempted;
            all.acknowledged += told.acknowledged;
            all.durable += told.durable;
        }
    }
    println!("{KILLS} kills under {WRITERS} writers: {all:?}, none of the durable lost");
    assert!(0 < all.durable && all.durable < all.acknowledged, "not both kinds of writes: {all:?}");
}

#[test]
fn killed_again_while_it_recovers() {
    let mut rng = Rand64::new(u128::from(base_seed()) + 1);
    let (mut interrupted, mut tried) = (0, 0);
    for seed in base_seed() + 100.. {
        let dir = tempfile::tempdir().expect("a directory");
        let told = load_and_kill(dir.path(), seed, 3_000 + rng.rand_range(0..2_000));
        // At once, and later.
        for bound in [1_000, 5_000, 10_000, 40_000] {
            let micros = rng.rand_range(0..bound);
            let hit = recover_and_kill(dir.path(), seed, micros);
            println!("seed {seed}: killed {micros} µs after it began to recover: in time {hit}");
            interrupted += u64::from(hit);
            tried += 1;
            if !hit {
                break; // it recovered: nothing is left to interrupt
            }
        }
        check(dir.path(), seed, &told);
        if interrupted >= INTERRUPTED {
            break;
        }
        assert!(tried < TRIED, "{interrupted} of {tried} recoveries were interrupted");
    }
    println!("{interrupted} of {tried} recoveries were killed before they ended");
}
