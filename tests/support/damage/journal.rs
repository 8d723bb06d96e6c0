//! Damage to the journal of a database that was killed: every field of its files, of sections
//! and, the sums being made right again, of the writes in them.
//!
//! What is left opens with the documents of all commits before the damage, or is refused by a
//! typed error: so where a section is damaged that was whole once, since data files may have pages
//! that are newer. What is salvaged has them all. A section that was forged may write anything, and
//! then damage is what is found.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use bson::doc;
use tallymap::disk::{Access, Disk, HeapDisk};
use tallymap::{Direction, EngineBuilder};

use super::field::{Field, Kind, fields};
use super::structures::table;
use super::values::numbers;
use crate::fuzz::image::builder;
use crate::fuzz::probe;
use crate::journal_bytes::{ALIGNMENT, append_body};
use crate::order::raw;

/// Commits before and after the data files are synced, each of some documents.
const COMMITS: i32 = 8;
const SYNCED: i32 = 3;
const DOCUMENTS: i32 = 4;
/// Length of a journal file's header.
const HEADER: usize = 8192;

/// One damaged file of the journal.
pub struct JournalDamage {
    /// The structure and the field.
    pub field: (&'static str, &'static str),
    path: &'static str,
    bytes: Vec<u8>,
    /// Commits before the damage; `None` for a write whose section has a fitting sum.
    intact: Option<i32>,
}

/// The killed database.
pub struct Killed {
    disk: HeapDisk,
}

/// The journal is long enough for several files.
fn engine(disk: Arc<dyn Disk>) -> EngineBuilder {
    builder(disk).journal_file_len(30_000)
}

impl Killed {
    /// Makes it.
    ///
    /// # Errors
    /// Those of the engine: none.
    pub fn make() -> tallymap::Result<Killed> {
        let disk = HeapDisk::new();
        let engine = engine(Arc::new(disk.clone())).open()?;
        let c = engine.collection("d.c")?;
        for commit in 0..COMMITS {
            for n in 0..DOCUMENTS {
                let id = commit * DOCUMENTS + n;
                c.insert_one(raw(&doc! { "_id": id, "pad": "x".repeat(200) }))?;
            }
            engine.wait_durable()?;
            if commit + 1 == SYNCED {
                engine.sync()?;
            }
        }
        let disk = disk.image();
        // As a sync of the data files that ended before all these commits would write it.
        let lsn = disk.open(Path::new("journal/lsn"), Access::Write)?;
        lsn.write_at(8, &1_u64.to_le_bytes())?;
        lsn.write_at(16, &(!1_u64).to_le_bytes())?;
        Ok(Killed { disk })
    }

    fn read(&self, path: &str) -> Vec<u8> {
        let file = self.disk.open(Path::new(path), Access::Read).expect("is there");
        let mut bytes = vec![0; file.len().expect("a length") as usize];
        file.read_at(0, &mut bytes).expect("reads");
        bytes
    }

    /// All damages.
    pub fn damages(&self) -> Vec<JournalDamage> {
        let mut damages = Vec::new();
        let lsn = self.read("journal/lsn");
        let of_lsn = fields(table("LSNFile"), "journal/lsn", 0);
        of_fields(&of_lsn, &lsn, COMMITS, &mut damages);
        let entries = self.disk.list(Path::new("journal")).expect("lists");
        let mut names: Vec<_> = entries.into_iter().map(|entry| entry.name).collect();
        names.retain(|name| name.starts_with("j._"));
        names.sort();
        assert!(names.len() > 1, "several journal files: {names:?}");
        let mut commits = SYNCED;
        for name in names {
            let path: &'static str = format!("journal/{name}").leak();
            let bytes = self.read(path);
            of_fields(&fields(table("JHeader"), path, 0), &bytes, commits, &mut damages);
            for (at, len) in sections(&bytes) {
                let head = fields(table("JSectHeader"), path, at as u64);
                of_fields(&head, &bytes, commits, &mut damages);
                let foot = fields(table("JSectFooter"), path, (at + len - 32) as u64);
                of_fields(&foot, &bytes, commits, &mut damages);
                forge(path, &bytes, at, len, &mut damages);
                commits += 1;
            }
        }
        assert_eq!(commits, COMMITS, "one section each");
        damages
    }

    /// Opens what one damage leaves, reads it, salvages it.
    ///
    /// # Panics
    /// If a promise is broken.
    pub fn try_one(&self, damage: &JournalDamage) -> bool {
        let disk = tallymap::disk::OverlayDisk::new(Arc::new(self.disk.clone()));
        let path = Path::new(damage.path);
        disk.remove(path).expect("in RAM");
        disk.create(path, 0).and_then(|file| file.write_at(0, &damage.bytes)).expect("in RAM");
        let disk: Arc<dyn Disk> = Arc::new(disk);
        let salvage = probe::salvage(disk.clone());
        if let Some(intact) = damage.intact {
            let found = salvage.iter().flat_map(|report| &report.collections);
            let count: usize = found.map(|salvaged| salvaged.count()).sum();
            assert!(
                count as i32 >= intact * DOCUMENTS,
                "{count} salvaged, {intact} commits intact"
            );
        }
        let opened = match engine(disk).open() {
            Ok(engine) => engine,
            Err(error) => {
                probe::assert_damage("open", &error);
                return false;
            }
        };
        probe::read(&opened);
        if let Some(intact) = damage.intact {
            let c = opened.collection("d.c").expect("opens");
            let ids = c.scan(Direction::Forward).expect("scans");
            let ids = ids.map(|found| found.expect("sound").document.get_i32("_id").expect("one"));
            let found: Vec<i32> = ids.collect();
            let ids = BTreeSet::from_iter(found.iter().copied());
            assert_eq!(ids.len(), found.len(), "twice: {found:?}");
            let all = BTreeSet::from_iter(0..COMMITS * DOCUMENTS);
            assert!(ids.is_subset(&all), "invented: {found:?}");
            let before = BTreeSet::from_iter(0..intact * DOCUMENTS);
            assert!(before.is_subset(&ids), "{intact} commits before the damage: {found:?}");
        }
        opened.close().expect("closes");
        true
    }
}

/// Begin and length of each section.
fn sections(bytes: &[u8]) -> Vec<(usize, usize)> {
    let (mut found, mut at) = (Vec::new(), HEADER);
    while at + 20 <= bytes.len() {
        let len = super::structures::i32_at(bytes, at) as usize;
        if len == 0 {
            break;
        }
        found.push((at, len));
        at = (at + len).next_multiple_of(ALIGNMENT);
    }
    found
}

fn of_fields(fields: &[Field], file: &[u8], intact: i32, damages: &mut Vec<JournalDamage>) {
    for field in fields {
        let at = field.ofs as usize..field.ofs as usize + field.width;
        let values = match field.kind {
            Kind::Number => numbers(&file[at.clone()]),
            _ => [0, 0xff, b'\n', b'j'].map(|byte| vec![byte; field.width]).to_vec(),
        };
        for value in values.iter().filter(|value| **value != file[at.clone()]) {
            let mut bytes = file.to_vec();
            bytes[at.clone()].copy_from_slice(value);
            let (path, name) = (field.file, (field.table, field.row));
            damages.push(JournalDamage { field: name, path, bytes, intact: Some(intact) });
        }
    }
}

/// The section at `at` with each field of each write in it changed, and a sum that fits.
fn forge(path: &'static str, file: &[u8], at: usize, len: usize, damages: &mut Vec<JournalDamage>) {
    let body = &file[at..at + len - 32];
    let payload = snap::raw::Decoder::new().decompress_vec(&body[20..]).expect("sound");
    let word = |at: usize| u64::from_le_bytes(*body[at..].first_chunk().expect("a header"));
    for write in writes(&payload) {
        for field in fields(table("BasicWrite"), path, write as u64) {
            let place = field.ofs as usize..field.ofs as usize + field.width;
            for value in numbers(&payload[place.clone()]) {
                let mut payload = payload.clone();
                payload[place.clone()].copy_from_slice(&value);
                let packed = snap::raw::Encoder::new().compress_vec(&payload).expect("short");
                let mut section = [&[0; 20][..], &packed].concat();
                let mut bytes = file[..at].to_vec();
                append_body(&mut section, word(4), word(12), &mut bytes);
                bytes.extend_from_slice(&file[(at + len).next_multiple_of(ALIGNMENT)..]);
                let field = (field.table, field.row);
                damages.push(JournalDamage { field, path, bytes, intact: None });
            }
        }
    }
}

/// Where the writes of a payload begin.
fn writes(payload: &[u8]) -> Vec<usize> {
    let nul = |from: usize| payload[from..].iter().position(|b| *b == 0).expect("ends in NUL");
    let text_end = |from: usize| from + nul(from) + 1;
    let (mut found, mut at) = (Vec::new(), 0);
    while at < payload.len() {
        let first = super::structures::i32_at(payload, at);
        at = match first {
            -2 => text_end(at + 4),
            -3 => text_end(at + 28),
            -4 => text_end(text_end(at + 20)),
            len => {
                found.push(at);
                at + 12 + len as usize
            }
        };
    }
    found
}
