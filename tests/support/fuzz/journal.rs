//! Replay: journal files of any bytes beside a database that was open. Recovery ends in a
//! database that can be read, or in a typed error; it writes inside of files only; and done
//! twice it leaves the same bytes as once.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use bson::doc;
use tallymap::disk::{Access, Disk, HeapDisk, OverlayDisk};
use tallymap::{Engine, Error};

use super::image::builder;
use super::input::Input;
use super::probe;
use crate::journal_bytes::{append_body, append_section, file_header};
use crate::order::raw;
use crate::watched_disk::WatchedDisk;

const FILE_ID: u64 = 0x1234_5678_9abc;
/// Most sections of one input.
const SECTIONS_MAX: usize = 12;

/// Runs one input: how its journal is made, then the bytes of it.
pub fn run(input: &[u8]) {
    let files = journal_files(&mut Input::new(input));
    let disk = crashed(&files).expect("a disk in RAM");
    let once = Arc::new(WatchedDisk::new(disk));
    let first = recover(&once);
    let twice = Arc::new(WatchedDisk::new(Arc::new(OverlayDisk::new(once.clone()))));
    assert_eq!(recover(&twice), first, "another outcome when it is done again");
    if first {
        for page in once.pages().union(&twice.pages()) {
            assert!(once.page(page) == twice.page(page), "{page:?} is another, done again");
        }
        assert_eq!(once.files(), twice.files(), "other files when it is done again");
    }
    twice.keep_journal(false);
    match builder(twice).open() {
        Ok(engine) => {
            assert!(first, "recovered only at the third time");
            probe::read(&engine);
            engine.close().expect("nothing stops it");
        }
        Err(error) => assert_typed(&error),
    }
}

/// Recovers, but for the end of the journal. Was everything replayed?
fn recover(disk: &Arc<WatchedDisk>) -> bool {
    disk.keep_journal(true);
    match builder(disk.clone()).open() {
        // Where there is nothing to recover the journal is not looked at.
        Ok(engine) => drop(engine),
        Err(Error::Io { op: "remove", .. }) => return true,
        Err(error) => assert_typed(&error),
    }
    false
}

fn assert_typed(error: &Error) {
    let typed =
        matches!(error, Error::BadFile { .. } | Error::Corrupt { .. } | Error::DiskFull { .. });
    assert!(typed, "{error:?}");
}

/// The journal files of an input: its bytes as they are, or in sections whose sums are right.
fn journal_files(input: &mut Input<'_>) -> Vec<Vec<u8>> {
    let (how, mut files, mut file) = (input.u8(), Vec::new(), file_header(FILE_ID));
    if how & 1 == 1 {
        return vec![input.rest().to_vec()];
    }
    for number in 1..=SECTIONS_MAX as u64 {
        if input.is_empty() {
            break;
        }
        let (kind, len) = (input.u8(), usize::from(input.u16()));
        match kind & 3 {
            0 | 1 => append_section(input.take(len), number, FILE_ID, &mut file),
            2 => {
                let mut body = [&[0; 20], input.take(len)].concat();
                append_body(&mut body, number, FILE_ID, &mut file);
            }
            _ => file.extend_from_slice(input.take(len)),
        }
        if kind & 0x80 != 0 {
            files.push(std::mem::replace(&mut file, file_header(FILE_ID)));
        }
    }
    files.push(file);
    files
}

/// A database that was open when its process was killed, with these journal files.
fn crashed(files: &[Vec<u8>]) -> tallymap::Result<Arc<dyn Disk>> {
    static IMAGE: OnceLock<Arc<HeapDisk>> = OnceLock::new();
    let image = IMAGE.get_or_init(|| Arc::new(killed().expect("a disk in RAM")));
    let disk = OverlayDisk::new(image.clone());
    let names: Vec<String> = disk.list(Path::new("journal"))?.into_iter().map(|e| e.name).collect();
    for name in names {
        disk.remove(&Path::new("journal").join(name))?;
    }
    for (n, bytes) in files.iter().enumerate() {
        let path = Path::new("journal").join(format!("j._{n}"));
        disk.create(&path, 0)?.write_at(0, bytes)?;
    }
    disk.open(Path::new("mongod.lock"), Access::Write)?.write_at(0, b"1\n")?;
    Ok(Arc::new(disk))
}

fn killed() -> tallymap::Result<HeapDisk> {
    let disk = HeapDisk::new();
    let engine: Engine = builder(Arc::new(disk.clone())).open()?;
    let c = engine.collection("d.c")?;
    for n in 0..5 {
        c.insert_one(raw(&doc! { "_id": n, "n": 0 }))?;
    }
    engine.wait_durable()?;
    Ok(disk.image())
}
