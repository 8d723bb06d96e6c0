//! One bad document of the catalogue concerns the collection that it describes, and no other.

use std::path::Path;
use std::sync::Arc;

use bson::{doc, rawdoc};
use tallymap::disk::{Access, Disk, HeapDisk};
use tallymap::{CollectionOptions, Engine, Error, IndexSpec, SalvageReport, SizingPolicy};
use tallymap_tests::order::raw;

use crate::stage::{How, builder};

fn open(disk: &HeapDisk) -> Engine {
    builder(How::default()).disk(Arc::new(disk.clone())).open().expect("opens")
}

/// What can be read of `d`, whatever is damaged.
fn salvaged(disk: &HeapDisk) -> SalvageReport {
    let salvager = Engine::builder("").disk(Arc::new(disk.image())).salvage().expect("opens");
    salvager.database("d").expect("is there")
}

/// Replaces the only occurrence of `old` in the data files of database `d`.
fn damage(disk: &HeapDisk, old: &[u8], new: &[u8]) {
    let file = disk.open(Path::new("d.0"), Access::Write).expect("there");
    let mut bytes = vec![0; file.len().expect("looks") as usize];
    file.read_at(0, &mut bytes).expect("reads");
    let found: Vec<_> =
        (0..bytes.len() - old.len()).filter(|&i| bytes[i..].starts_with(old)).collect();
    let [at] = found[..] else { panic!("{} of them", found.len()) };
    file.write_at(at as u64, new).expect("writes");
}

/// Collections `good` and `bad` with a document each.
fn closed() -> HeapDisk {
    let disk = HeapDisk::new();
    let engine = open(&disk);
    let d = engine.database("d").expect("named");
    let adaptive =
        CollectionOptions::default().policy(SizingPolicy::PaddingFactor { quantized: true });
    d.create_collection("bad", adaptive).expect("created");
    for name in ["good", "bad"] {
        let collection = d.collection(name).expect("opens");
        collection.insert_one(raw(&doc! { "_id": 1, name: 1 })).expect("inserted");
        collection.create_index(IndexSpec::new(&[(name, 1)])).expect("an index");
    }
    engine.close().expect("closes");
    disk
}

/// Opens, finds `bad` refused and all else as ever.
fn only_bad_is_bad(disk: &HeapDisk, is_as_expected: impl Fn(&Error) -> bool) {
    for _ in 0..2 {
        let engine = open(disk);
        let refused = engine.collection("d.bad").expect_err("it cannot be opened");
        assert!(is_as_expected(&refused), "{refused}");
        let good = engine.collection("d.good").expect("opens");
        let id = good.count().expect("counts") as i32 + 1;
        good.insert_one(rawdoc! { "_id": id, "good": id }).expect("inserted");
        assert!(good.validate(true).expect("validates").is_valid());
        let d = engine.database("d").expect("named");
        assert!(d.collection_names().expect("listed").contains(&"bad".to_owned()));
        engine.close().expect("closes");
        assert_eq!(salvaged(disk).collections[0].count(), 1, "its documents can be had");
    }
}

#[test]
fn an_unreadable_index_specification() {
    let disk = closed();
    damage(&disk, b"\x03key\0\x0e\0\0\0\x10bad\0", b"\x63");
    only_bad_is_bad(&disk, |error| matches!(error, Error::Corrupt { .. }));
}

#[test]
fn bad_options_in_our_own_collection() {
    let disk = closed();
    damage(&disk, b"\x02policy\0\x0f\0\0\0padding_factor\0", b"\x01");
    only_bad_is_bad(&disk, |error| matches!(error, Error::Corrupt { .. }));
    let disk = closed();
    damage(&disk, b"padding_factor\0", b"p_dding");
    only_bad_is_bad(&disk, |error| error.to_string().contains("unknown policy"));
}

/// Where a collection's own document is not needed, it is read and written as ever; the others
/// are created, renamed and dropped past it.
#[test]
fn an_unreadable_document_of_a_namespace() {
    let disk = closed();
    damage(&disk, b"\x02name\0\x06\0\0\0d.bad\0", b"\x63");
    let engine = open(&disk);
    let d = engine.database("d").expect("named");
    let good = d.collection("good").expect("opens");
    good.create_index(IndexSpec::new(&[("more", 1)])).expect("an index");
    good.drop_index("more_1").expect("dropped");
    d.rename_collection("good", "better").expect("renamed");
    assert!(d.drop_collection("better").expect("dropped"));
    let new = d.create_collection("new", CollectionOptions::default()).expect("created");
    new.insert_one(rawdoc! { "_id": 1 }).expect("inserted");

    let bad = d.collection("bad").expect("opens");
    bad.insert_one(rawdoc! { "_id": 2 }).expect("inserted");
    let dropped = d.drop_collection("bad");
    assert!(matches!(dropped, Err(Error::Corrupt { .. })), "{dropped:?}");
    let renamed = d.rename_collection("bad", "worse");
    assert!(matches!(renamed, Err(Error::Corrupt { .. })), "{renamed:?}");
    assert_eq!(bad.count().expect("counts"), 2);
    engine.close().expect("closes");
    assert_eq!(open(&disk).collection("d.bad").expect("opens").count().expect("counts"), 2);
}

/// What all collections of a database depend on concerns no other database.
#[test]
fn an_unreadable_index_of_our_own_collection() {
    let disk = closed();
    let engine = open(&disk);
    engine.collection("e.c").expect("opens").insert_one(rawdoc! { "_id": 1 }).expect("inserted");
    engine.close().expect("closes");
    damage(&disk, b"\x02ns\0\x17\0\0\0d.tallymap.collections\0", b"\x63");
    let engine = open(&disk);
    let c = engine.collection("e.c").expect("opens");
    c.insert_one(rawdoc! { "_id": 2 }).expect("inserted");
    for name in ["good", "bad", "new"] {
        let refused = engine.collection(&format!("d.{name}"));
        assert!(matches!(refused, Err(Error::Corrupt { .. })), "{name}: {refused:?}");
    }
    engine.close().expect("closes");
    let salvaged = salvaged(&disk);
    assert!(salvaged.collections.iter().all(|salvage| salvage.count() == 1));
    assert_eq!(salvaged.collections.len(), 2);
}
