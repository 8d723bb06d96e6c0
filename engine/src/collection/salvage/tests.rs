//! Databases damaged byte by byte: what was not hit comes back.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use bson::rawdoc;

use crate::disk::{Access, Disk, HeapDisk};
use crate::{
    Collection, CollectionOptions, Direction, Engine, ExtentOwner, IndexSpec, Located, Salvage,
    SalvageReport, SizingPolicy,
};

mod hostile;

const DOCUMENTS: i32 = 400;

fn open(disk: &Arc<HeapDisk>, read_only: bool) -> Engine {
    let builder = Engine::builder("heap").disk(disk.clone()).background(false);
    builder.ns_size_mib(1).read_only(read_only).open().expect("opens")
}

/// A database `d` with a collection `c` of several extents, and where its documents are.
fn filled(options: CollectionOptions) -> (Arc<HeapDisk>, Vec<Located>) {
    let disk = Arc::new(HeapDisk::new());
    let engine = open(&disk, false);
    let database = engine.database("d").expect("a name");
    let collection = database.create_collection("c", options).expect("created");
    collection.create_index(IndexSpec::new(&[("n", -1)]).sparse(true)).expect("an index");
    for n in 0..DOCUMENTS {
        let text = "x".repeat(n as usize % 200);
        collection.insert_one(rawdoc! { "_id": n, "n": n % 7, "text": text }).expect("room");
    }
    let found = documents(&collection);
    engine.close().expect("closes");
    (disk, found)
}

fn documents(collection: &Collection) -> Vec<Located> {
    collection.scan(Direction::Forward).expect("scan").map(|d| d.expect("sound")).collect()
}

fn damage(disk: &HeapDisk, file: &str, ofs: u64, bytes: &[u8]) {
    let file = disk.open(Path::new(file), Access::Write).expect("is there");
    file.write_at(ofs, bytes).expect("inside");
}

fn report(disk: &Arc<HeapDisk>) -> SalvageReport {
    let salvager = Engine::builder("heap").disk(disk.clone()).salvage().expect("opens");
    salvager.database("d").expect("exists")
}

/// What is salvaged of `d.c`, and how.
fn salvage(disk: &Arc<HeapDisk>) -> (Salvage, Vec<Located>) {
    let mut report = report(disk);
    assert_eq!(report.collections.len(), 1, "our own collections are none of users");
    let salvage = report.collections.remove(0);
    let found: Vec<_> = salvage.documents().map(|d| d.expect("was readable")).collect();
    assert_eq!(found.len(), salvage.count());
    (salvage, found)
}

fn ofs(located: &Located) -> u64 {
    assert_eq!(located.loc.0.file, 0);
    located.loc.0.ofs as u64
}

#[test]
fn a_sound_collection_is_salvaged_whole_and_in_order() {
    let (disk, all) = filled(CollectionOptions::default().policy(SizingPolicy::Exact));
    let (salvage, found) = salvage(&disk);
    assert_eq!(found, all);
    let extents: BTreeSet<_> = all.iter().map(|d| d.loc.0.ofs >> 16).collect();
    assert!(extents.len() > 1, "the documents lie in several extents");
    assert_eq!(salvage.recorded, all.len() as u64);
    assert!(salvage.problems.is_empty() && salvage.unreadable.is_empty());
    assert_eq!(salvage.options.policy, SizingPolicy::Exact);
    let [index] = salvage.indexes.as_slice() else { panic!("one beside that on _id") };
    assert_eq!(index.get_str("name").ok(), Some("n_-1"));
    assert_eq!(index.get_bool("sparse").ok(), Some(true));
    assert!(index.get("v").expect("valid").is_none(), "a request names no version");
}

#[test]
fn a_capped_collection_that_looped_keeps_its_order_and_options() {
    let (disk, all) = filled(CollectionOptions::default().capped(20_000).max_documents(90));
    assert!(all.len() <= 90 && all[0].document.get_i32("_id").is_ok_and(|id| id > 0));
    let (salvage, found) = salvage(&disk);
    assert_eq!(found, all);
    let capped = salvage.options.capped.expect("capped");
    assert_eq!((capped.size, capped.max), (20_224, Some(90)));
}

#[test]
fn a_broken_header_costs_no_document() {
    let (disk, all) = filled(CollectionOptions::default());
    damage(&disk, "d.0", ofs(&all[200]), &[0xff; 16]);
    let (salvage, mut found) = salvage(&disk);
    assert!(!salvage.problems.is_empty(), "the break is said");
    found.sort_by_key(|located| located.loc);
    let mut all = all;
    all.sort_by_key(|located| located.loc);
    assert_eq!(found, all);
}

#[test]
fn only_the_documents_that_were_hit_are_lost() {
    let (disk, all) = filled(CollectionOptions::default());
    let hit = [3, 77, 78, 399];
    for n in hit {
        damage(&disk, "d.0", ofs(&all[n]) + 16, &[0xee; 4]);
    }
    let (salvage, found) = salvage(&disk);
    let unreadable: Vec<_> = hit.iter().map(|n| all[*n].loc).collect();
    assert_eq!(salvage.unreadable, unreadable);
    let left = all.iter().enumerate().filter(|(n, _)| !hit.contains(n)).map(|(_, d)| d.clone());
    assert_eq!(found, left.collect::<Vec<_>>());
}

#[test]
fn links_in_a_circle_end_and_lose_nothing() {
    let (disk, all) = filled(CollectionOptions::default());
    let mut of_last_extent: Vec<_> = all.iter().collect();
    of_last_extent.sort_by_key(|located| located.loc);
    let [from, .., to] = of_last_extent.as_slice() else { panic!("several") };
    let (first, last) = (ofs(from), ofs(to));
    // The last record leads back into its extent, the first one to itself.
    damage(&disk, "d.0", last + 8, &(last as i32 - 256).to_le_bytes());
    damage(&disk, "d.0", first + 8, &(first as i32).to_le_bytes());
    let (_, found) = salvage(&disk);
    let found: BTreeSet<_> = found.iter().map(|located| located.loc).collect();
    assert!(all.iter().all(|located| found.contains(&located.loc)));
}

#[test]
fn damage_beside_the_records_costs_none_of_them() {
    let owners = ["d.c.$_id_", "d.c.$n_-1", "d.system.indexes", "d.system.namespaces"];
    for owner in owners {
        let (disk, all) = filled(CollectionOptions::default());
        let engine = open(&disk, true);
        let map = engine.database("d").expect("a name").map().expect("drawn");
        assert!(map.problems.is_empty(), "{:?}", map.problems);
        let owner = ExtentOwner::Namespace(owner.to_owned());
        let mut hit = 0;
        for extent in map.files[0].extents.iter().filter(|extent| extent.owner == owner) {
            let len = extent.usage.extent_bytes as usize;
            damage(&disk, "d.0", extent.ofs, &vec![0x5a; len]);
            hit += 1;
        }
        assert!(hit > 0, "{owner:?} has extents");
        drop(engine);
        assert_eq!(salvage(&disk).1, all, "{owner:?}");
    }
}

#[test]
fn a_collection_without_a_node_is_found_by_its_extents() {
    let (disk, all) = filled(CollectionOptions::default());
    let file = disk.open(Path::new("d.ns"), Access::Read).expect("is there");
    let mut bytes = vec![0; file.len().expect("a length") as usize];
    file.read_at(0, &mut bytes).expect("read");
    let name = bytes.windows(4).position(|window| window == b"d.c\0").expect("its node");
    damage(&disk, "d.ns", name as u64, b"X");
    let (salvage, mut found) = salvage(&disk);
    assert_eq!((salvage.ns.as_str(), salvage.recorded, salvage.indexes.len()), ("d.c", 0, 1));
    found.sort_by_key(|located| located.loc);
    let mut all = all;
    all.sort_by_key(|located| located.loc);
    assert_eq!(found, all);
    let problems = report(&disk).problems;
    assert!(problems.iter().any(|problem| problem.starts_with("d.c is listed")), "{problems:?}");
}

#[test]
fn random_damage_never_stops_a_salvage() {
    let seed = 20_101_010;
    let mut random = oorandom::Rand64::new(seed);
    for round in 0..60 {
        let (disk, all) = filled(CollectionOptions::default());
        let end = all.iter().map(ofs).max().expect("documents") + 512;
        for _ in 0..1 + random.rand_range(0..8) {
            let at = random.rand_range(8192..end);
            let len = 1 + random.rand_range(0..40) as usize;
            let bytes: Vec<u8> = (0..len).map(|_| random.rand_u64() as u8).collect();
            damage(&disk, "d.0", at, &bytes);
        }
        for salvage in &report(&disk).collections {
            let found = salvage.documents().filter(Result::is_ok).count();
            assert_eq!(found, salvage.count(), "seed {seed}, round {round}");
        }
        open(&disk, true).database("d").expect("a name").map().expect("drawn");
    }
}

#[test]
fn a_map_tiles_its_files_and_agrees_with_the_collection() {
    let (disk, all) = filled(CollectionOptions::default());
    let engine = open(&disk, true);
    let database = engine.database("d").expect("a name");
    let map = database.map().expect("drawn");
    for file in &map.files {
        let mut at = 8192;
        for extent in &file.extents {
            assert_eq!(extent.ofs, at, "file {}", file.file);
            at += extent.usage.extent_bytes;
        }
        assert_eq!(at + file.unused + 16, file.len, "file {}", file.file);
    }
    let of_c = map.namespaces.iter().find(|namespace| namespace.ns == "d.c").expect("named");
    let stats = database.collection("c").expect("opens").stats().expect("stats");
    let usage = of_c.usage;
    assert_eq!(usage.records, all.len() as u64);
    assert_eq!(usage.extent_bytes, stats.storage_size() as u64);
    assert_eq!(usage.document_bytes + usage.padding_bytes, stats.size as u64);
    let documents: usize = all.iter().map(|located| located.document.as_bytes().len()).sum();
    assert_eq!(usage.document_bytes, documents as u64);
    assert_eq!(usage.holes, of_c.holes.iter().map(|list| list.holes).sum::<u64>());
    assert_eq!(usage.hole_bytes, of_c.holes.iter().map(|list| list.bytes).sum::<u64>());
}
