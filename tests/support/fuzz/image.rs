//! A small sound database in RAM, made once, and damage to it: each input's disk is an overlay
//! that holds the patched bytes and nothing else.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use bson::doc;
use tallymap::disk::{Access, Disk, HeapDisk, OverlayDisk};
use tallymap::{CollectionOptions, Database, Engine, EngineBuilder, ExtentOwner, IndexSpec};

use super::input::Input;
use crate::order::raw;

/// Most patches of one input.
const PATCHES_MAX: usize = 16;
/// Bytes that are compared with zeros at once.
const PAGE: usize = 4096;
/// Values that mean something somewhere: null and invalid places, lengths, boundaries.
const TELLING: [i32; 12] =
    [0, 1, -1, -2, 16, 176, 4096, 8192, 0xffff, 0x7fff_fff0, i32::MAX, i32::MIN];

/// The files of the database `d`.
const FILES: [&str; 2] = ["d.ns", "d.0"];

/// Four bytes that are not all zero: where there is something to damage.
#[derive(Debug, Clone, Copy)]
pub struct Word {
    file: usize,
    ofs: u64,
}

/// The database.
pub struct Image {
    disk: Arc<HeapDisk>,
    /// All words, in order.
    pub words: Vec<Word>,
    /// Those of the extents of the indexes of `d.c`.
    pub index_words: Vec<Word>,
}

/// The options of every engine here.
pub fn builder(disk: Arc<dyn Disk>) -> EngineBuilder {
    Engine::builder("").disk(disk).ns_size_mib(1).small_files(true).background(false)
}

/// The key of `n`: long, so that few fit into a bucket, and mostly zeros, which are no words.
pub fn key(n: i32) -> String {
    format!("{:02}{}", n.rem_euclid(97), "\0".repeat(900))
}

/// Fills `d`: a tree of several levels, holes, moved records, a capped collection that has
/// wrapped, a namespace with extra slots for indexes, a free extent.
fn fill(database: &Database) -> tallymap::Result<()> {
    let c = database.collection("c")?;
    for n in 0..42 {
        c.insert_one(raw(&doc! { "_id": n, "k": key(7 * n), "n": 0 }))?;
    }
    c.create_index(IndexSpec::new(&[("k", 1)]))?;
    c.create_index(IndexSpec::new(&[("n", -1), ("tags", 1)]))?;
    for n in (0..42).step_by(3) {
        c.delete_one(raw(&doc! { "_id": n }))?;
        let grow = raw(&doc! { "$set": { "tags": [n, 8], "pad": "\0".repeat(1500) } });
        c.update_one(raw(&doc! { "_id": n + 1 }), grow)?.run()?;
    }
    database.collection("gone")?.insert_one(raw(&doc! { "_id": 1 }))?;
    database.drop_collection("gone")?;
    let capped = database.create_collection("k", CollectionOptions::default().capped(4096))?;
    for n in 0..50 {
        capped.insert_one(raw(&doc! { "_id": n, "pad": "\0".repeat(90) }))?;
    }
    let many = database.collection("many")?;
    for n in 0..12 {
        many.create_index(IndexSpec::new(&[(&format!("f{n}"), 1)]))?;
    }
    many.insert_one(raw(&doc! { "_id": 1, "f3": 1 })).map(drop)
}

impl Image {
    /// The one that all inputs share.
    pub fn shared() -> &'static Image {
        static IMAGE: OnceLock<Image> = OnceLock::new();
        IMAGE.get_or_init(|| Image::make().expect("a disk that never fails"))
    }

    fn make() -> tallymap::Result<Image> {
        let disk = Arc::new(HeapDisk::new());
        let engine = builder(disk.clone()).open()?;
        let database = engine.database("d")?;
        fill(&database)?;
        crate::dbpath::check(&engine);
        let mut extents = Vec::new();
        for extent in database.map()?.files.iter().flat_map(|file| &file.extents) {
            if matches!(&extent.owner, ExtentOwner::Namespace(ns) if ns.starts_with("d.c.$")) {
                extents.push(extent.ofs..extent.ofs + extent.usage.extent_bytes);
            }
        }
        engine.close()?;
        let mut words = Vec::new();
        for (file, name) in FILES.into_iter().enumerate() {
            let found = find_words(&*disk.open(Path::new(name), Access::Read)?)?;
            words.extend(found.into_iter().map(|ofs| Word { file, ofs }));
        }
        assert!(words.len() <= 1 << 16, "{} words: an input names one by 16 bits", words.len());
        let is_index =
            |word: &&Word| word.file == 1 && extents.iter().any(|e| e.contains(&word.ofs));
        let index_words = words.iter().filter(is_index).copied().collect();
        Ok(Image { disk, words, index_words })
    }

    /// The database with up to `count` patches of `words`.
    pub fn damaged(&self, words: &[Word], count: usize, input: &mut Input<'_>) -> Arc<dyn Disk> {
        let disk = OverlayDisk::new(self.disk.clone());
        for _ in 0..count.min(PATCHES_MAX) {
            if input.is_empty() {
                break;
            }
            patch(&disk, words, input).expect("inside of a file");
        }
        Arc::new(disk)
    }
}

/// Overwrites bytes at a word or a few words after it: with bytes of the input, with what lies
/// elsewhere, with a telling value, or by adding a little.
fn patch(disk: &OverlayDisk, words: &[Word], input: &mut Input<'_>) -> tallymap::Result<()> {
    let how = input.u8();
    let Word { file, ofs } = words[usize::from(input.u16()) % words.len()];
    let ofs = ofs + 4 * u64::from(how >> 6);
    let file = disk.open(Path::new(FILES[file]), Access::Write)?;
    let mut bytes = [0; 8];
    match how & 3 {
        0 => file.write_at(ofs, input.take(1 + usize::from(how >> 2 & 7))),
        1 => {
            let from = words[usize::from(input.u16()) % words.len()];
            disk.open(Path::new(FILES[from.file]), Access::Read)?.read_at(from.ofs, &mut bytes)?;
            file.write_at(ofs, &bytes[..if how & 4 == 0 { 4 } else { 8 }])
        }
        2 => file.write_at(ofs, &TELLING[usize::from(how >> 2) % TELLING.len()].to_le_bytes()),
        _ => {
            file.read_at(ofs, &mut bytes[..4])?;
            let [a, b, c, d, ..] = bytes;
            let sum = i32::from_le_bytes([a, b, c, d]).wrapping_add(i32::from(input.u8() as i8));
            file.write_at(ofs, &sum.to_le_bytes())
        }
    }
}

/// The offsets of all words of a file, but for its last bytes.
fn find_words(file: &dyn tallymap::disk::DiskFile) -> tallymap::Result<Vec<u64>> {
    let (mut found, mut page) = (Vec::new(), [0; PAGE]);
    for at in (0..file.len()? / PAGE as u64 - 1).map(|page| page * PAGE as u64) {
        file.read_at(at, &mut page)?;
        if page != [0; PAGE] {
            let words = page.chunks_exact(4).enumerate().filter(|(_, word)| *word != [0; 4]);
            found.extend(words.map(|(n, _)| at + 4 * n as u64));
        }
    }
    Ok(found)
}
