//! More than one thing wrong, bytes made up to mislead, and databases with a past.

use super::*;
use crate::format::extent::MAGIC_VALUE;
use crate::store::namespace_index::hash;

fn small(disk: &Arc<HeapDisk>) -> crate::EngineBuilder {
    Engine::builder("heap").disk(disk.clone()).background(false).ns_size_mib(1).small_files(true)
}

fn put(engine: &Engine, ns: &str, count: i32, pad: usize) {
    let collection = engine.collection(ns).expect("a name");
    for n in 0..count {
        collection.insert_one(rawdoc! { "_id": n, "pad": "x".repeat(pad) }).expect("room");
    }
}

/// A database with what `fill` makes, closed.
fn made(fill: impl FnOnce(&Engine)) -> Arc<HeapDisk> {
    let disk = Arc::new(HeapDisk::new());
    let engine = small(&disk).open().expect("opens");
    fill(&engine);
    engine.close().expect("closes");
    disk
}

fn bytes(disk: &HeapDisk, file: &str) -> Vec<u8> {
    let file = disk.open(Path::new(file), Access::Read).expect("is there");
    let mut bytes = vec![0; file.len().expect("a length") as usize];
    file.read_at(0, &mut bytes).expect("reads");
    bytes
}

/// The node of `name`.
fn node(disk: &HeapDisk, name: &str) -> u64 {
    let (ns, key) = (bytes(disk, "d.ns"), format!("{name}\0"));
    let mut slots = (0..ns.len() / 628).map(|slot| slot * 628);
    slots.find(|at| ns[at + 4..].starts_with(key.as_bytes())).expect("a node") as u64
}

/// How many documents of each collection come back.
fn counts(disk: &Arc<HeapDisk>) -> Vec<(String, usize)> {
    let report = report(disk);
    report.collections.iter().map(|found| (found.ns.to_string(), found.count())).collect()
}

fn of(name: &str, count: usize) -> (String, usize) {
    (name.to_owned(), count)
}

#[test]
fn a_renamed_collection_whose_node_has_a_wrong_hash() {
    for again in [false, true] {
        let disk = made(|engine| {
            put(engine, "d.a", 30, 50);
            engine.database("d").expect("d").rename_collection("a", "b").expect("renamed");
            if again {
                put(engine, "d.a", 3, 10);
            }
        });
        damage(&disk, "d.ns", node(&disk, "d.b"), &[0x55]);
        let mut expected = vec![of("d.a", 3), of("d.b", 30)];
        expected.retain(|(name, _)| again || name == "d.b");
        assert_eq!(counts(&disk), expected);
    }
}

#[test]
fn the_middle_of_a_renamed_chain_with_two_breaks() {
    let mut chain = Vec::new();
    let disk = made(|engine| {
        put(engine, "d.a", 900, 300);
        let database = engine.database("d").expect("d");
        database.rename_collection("a", "b").expect("renamed");
        let owner = ExtentOwner::Namespace("d.b".into());
        let map = database.map().expect("drawn");
        let own = map.files[0].extents.iter().filter(|extent| extent.owner == owner);
        chain.extend(own.map(|extent| extent.ofs));
    });
    assert!(chain.len() > 3, "{chain:x?}");
    // The link of the first extent, and that back of the last: what is between hangs together.
    damage(&disk, "d.0", chain[0] + 12, &[0xff; 8]);
    damage(&disk, "d.0", *chain.last().expect("many") + 20, &[0xff; 8]);
    assert_eq!(counts(&disk), [of("d.b", 900)]);
}

#[test]
fn what_was_dropped_stays_away_if_the_list_of_free_extents_is_lost() {
    let disk = made(|engine| {
        put(engine, "d.gone", 30, 50);
        put(engine, "d.c", 3, 50);
        engine.database("d").expect("d").drop_collection("gone").expect("dropped");
    });
    damage(&disk, "d.0", 0, &[0; 512]);
    assert_eq!(counts(&disk), [of("d.c", 3)]);
}

#[test]
fn bytes_of_users_that_look_like_an_extent() {
    for shift in 0..64 {
        let mut fake = vec![0; 1000];
        for at in (shift * 4..fake.len() - 160).step_by(256) {
            fake[at..at + 4].copy_from_slice(&MAGIC_VALUE.to_le_bytes());
            fake[at + 28..at + 35].copy_from_slice(b"d.evil\0");
            fake[at + 156..at + 160].copy_from_slice(&256_i32.to_le_bytes());
        }
        let fake = bson::Binary { subtype: bson::spec::BinarySubtype::Generic, bytes: fake };
        let mut places = Vec::new();
        let disk = made(|engine| {
            put(engine, "d.c", 5, 100);
            let c = engine.collection("d.c").expect("c");
            c.insert_one(rawdoc! { "_id": "fake", "b": fake }).expect("room");
            for n in 6..30 {
                c.insert_one(rawdoc! { "_id": n, "pad": "x".repeat(100) }).expect("room");
            }
            places = documents(&c);
        });
        damage(&disk, "d.0", ofs(&places[10]), &[0xff; 16]);
        assert_eq!(counts(&disk), [of("d.c", 30)], "{shift}");
    }
}

#[test]
fn bytes_of_users_that_look_like_records_of_another_extent() {
    for header_field in [0, 156] {
        let mut places = Vec::new();
        let disk = made(|engine| {
            put(engine, "d.c", 8, 100);
            let c = engine.collection("d.c").expect("c");
            let at = documents(&c)[6].loc.0.ofs / 256 * 256;
            let fake = [[32, at].map(i32::to_le_bytes).concat(), vec![0; 8]].concat().repeat(4);
            for shift in 0..4 {
                let bytes = [vec![0; shift], fake.clone()].concat();
                let fake = bson::Binary { subtype: bson::spec::BinarySubtype::Generic, bytes };
                let id = 100 + shift as i32;
                c.insert_one(rawdoc! { "_id": id, "b": fake }).expect("room");
            }
            for n in 8..30 {
                c.insert_one(rawdoc! { "_id": n, "pad": "x".repeat(100) }).expect("room");
            }
            places = documents(&c);
        });
        damage(&disk, "d.0", ofs(&places[0]) - 176 + header_field, &[0x11; 4]);
        assert_eq!(counts(&disk), [of("d.c", 34)], "{header_field}");
    }
}

#[test]
fn a_first_sector_that_is_an_older_one() {
    let disk = made(|engine| put(engine, "d.c", 3, 50));
    let old = bytes(&disk, "d.0")[..512].to_vec();
    let engine = small(&disk).open().expect("opens");
    let c = engine.collection("d.c").expect("c");
    for n in 3..200 {
        c.insert_one(rawdoc! { "_id": n, "pad": "x".repeat(200) }).expect("room");
    }
    engine.close().expect("closes");
    damage(&disk, "d.0", 0, &old);
    assert_eq!(counts(&disk), [of("d.c", 200)]);
}

#[test]
fn an_extent_whose_chain_has_lost_both_ends() {
    let (disk, all) = filled(CollectionOptions::default());
    for ends in [[0xff; 16], [0; 16], [0x55; 16]] {
        damage(&disk, "d.0", ofs(&all[0]) - 176 + 160, &ends);
        let (salvage, found) = salvage(&disk);
        assert_eq!(found.len(), all.len(), "{ends:?}");
        assert!(!salvage.problems.is_empty());
    }
}

#[test]
fn a_damaged_journal_costs_nothing_that_the_data_files_have() {
    let disk = Arc::new(HeapDisk::new());
    let engine = small(&disk).open().expect("opens");
    let c = engine.collection("d.c").expect("c");
    for n in 0..50 {
        c.insert_one(rawdoc! { "_id": n }).expect("room");
        engine.wait_durable().expect("durable");
    }
    let entries = disk.list(Path::new("journal")).expect("lists");
    let name = entries.iter().find(|entry| entry.name.starts_with("j._")).expect("one");
    let journal = format!("journal/{}", name.name);
    let damaged = Arc::new(disk.image());
    damage(&damaged, &journal, 5 * 8192 + 40, &[0x55; 16]);
    assert_eq!(counts(&damaged), [of("d.c", 50)]);
    let salvager = Engine::builder("heap").disk(damaged).salvage().expect("opens");
    assert!(salvager.problems()[0].contains("journal"), "{:?}", salvager.problems());
    // The names of its files were lost, and the journal has them.
    let nameless = Arc::new(disk.image());
    for file in ["d.ns", "d.0"] {
        nameless.remove(Path::new(file)).expect("removed");
    }
    assert_eq!(counts(&nameless), [of("d.c", 50)]);
}

#[test]
fn documents_that_lie_over_each_other_are_not_multiplied() {
    let mut places = Vec::new();
    let disk = made(|engine| {
        put(engine, "d.c", 100, 40);
        places = documents(&engine.collection("d.c").expect("c"));
    });
    // The binary of each document reaches over all that follow it.
    let end = places.iter().map(ofs).max().expect("many") + 128;
    for one in &places {
        let at = ofs(one) + 16;
        let len = (end - at) as i32;
        let head = [&len.to_le_bytes()[..], &[5, b'b', 0], &(len - 13).to_le_bytes(), &[0]];
        damage(&disk, "d.0", at, &head.concat());
    }
    damage(&disk, "d.0", end - 1, &[0]);
    let found = salvage(&disk).1;
    let bytes: usize = found.iter().map(|found| found.document.as_bytes().len()).sum();
    assert!(bytes as u64 <= end - ofs(&places[0]), "{bytes} bytes of {} documents", found.len());
}

#[test]
fn headers_at_the_end_of_the_longest_file() {
    let disk = made(|engine| put(engine, "d.c", 3, 40));
    let file = disk.open(Path::new("d.0"), Access::Write).expect("is there");
    file.set_len(0x7fff_ffff).expect("grown");
    damage(&disk, "d.0", 0x7fff_ff00, &MAGIC_VALUE.to_le_bytes());
    damage(&disk, "d.0", 0x7fff_ff04, &[0, 0, 0, 0, 0, 0xff, 0xff, 0x7f]);
    assert_eq!(counts(&disk), [of("d.c", 3)]);
}

#[test]
fn files_that_have_no_business_there() {
    let disk = made(|engine| put(engine, "d.c", 3, 40));
    for name in ["d.15999", "d.+1", "d.007"] {
        disk.create(Path::new(name), 4096).expect("made");
    }
    assert_eq!(counts(&disk), [of("d.c", 3)]);
    assert_eq!(report(&disk).problems, ["15998 of 16000 data files of d cannot be read"]);
}

#[test]
fn a_directory_for_each_database_without_what_says_so() {
    let disk = Arc::new(HeapDisk::new());
    let engine = small(&disk).directory_per_db(true).open().expect("opens");
    put(&engine, "d.c", 3, 40);
    engine.close().expect("closes");
    for file in ["storage.bson", "d/d.ns"] {
        disk.remove(Path::new(file)).expect("removed");
        assert_eq!(counts(&disk), [of("d.c", 3)], "without {file}");
    }
}

#[test]
fn a_wrong_bit_in_the_catalogue_names_another_database() {
    let disk = made(|engine| {
        put(engine, "d.c", 5, 60);
        put(engine, "d.z", 5, 60);
        let capped = CollectionOptions::default().capped(8192).max_documents(90);
        engine.database("d").expect("d").create_collection("k", capped).expect("created");
    });
    let raw = bytes(&disk, "d.0");
    let place = |needle: &[u8]| {
        raw.windows(needle.len()).position(|window| window == needle).expect("there") as u64
    };
    damage(&disk, "d.0", place(b"name\0\x04\0\0\0d.c\0") + 9, b"e");
    assert_eq!(counts(&disk), [of("d.c", 5), of("d.k", 0), of("d.z", 5)]);
    damage(&disk, "d.0", place(b"max\0") + 7, &[0x80]);
    damage(&disk, "d.ns", node(&disk, "d.z") + 132 + 352, &[1]);
    let report = report(&disk);
    let options = |n: usize| report.collections[n].options.capped.as_ref();
    assert_eq!(options(1).map(|capped| capped.max), Some(Some(90)), "the node still has it");
    assert!(options(2).is_none(), "the catalogue says that it is not");
    assert!(report.collections[2].problems[0].contains("capped"));
}

#[test]
fn as_many_nodes_and_extents_as_there_can_be() {
    let disk = made(|engine| put(engine, "d.c", 3, 40));
    damage(&disk, "d.0", 0, &[0; 4]);
    let (count, base) = (20_000, 1 << 20);
    let mut raw = vec![0; count * 256];
    for (n, extent) in raw.chunks_exact_mut(256).enumerate() {
        let loc = |n: usize| [[0; 4], ((base + n * 256) as i32).to_le_bytes()].concat();
        let next = if n + 1 < count { loc(n + 1) } else { vec![0xff; 8] };
        let prev = if n > 0 { loc(n - 1) } else { vec![0xff; 8] };
        let head = [&MAGIC_VALUE.to_le_bytes()[..], &loc(n), &next, &prev].concat();
        extent[..head.len()].copy_from_slice(&head);
        extent[156..160].copy_from_slice(&256_i32.to_le_bytes());
        extent[160..176].copy_from_slice(&[0xff; 16]);
    }
    damage(&disk, "d.0", base as u64, &raw);
    // All nodes lead to one chain. Were it followed for each, this would take minutes.
    for slot in 0..1600 {
        let name = format!("d.x{slot}");
        let mut node = hash(name.as_bytes()).to_le_bytes().to_vec();
        node.extend(name.as_bytes());
        node.resize(132, 0);
        node.extend([0; 4]);
        node.extend((base as i32).to_le_bytes());
        node.extend([0; 8]);
        damage(&disk, "d.ns", slot * 628, &node);
    }
    assert!(counts(&disk).len() >= 1600);
}
