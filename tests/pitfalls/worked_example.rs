//! The worked example of the format's description (§14): a first insert into an empty directory
//! puts everything where a real mongod 3.2 puts it.

use bson::{Document, doc};
use tallymap_tests::dbpath::{self, Dbpath};
use tallymap_tests::order::raw;

use crate::reader::{Db, INVALID, Loc, NULL, Numbers};

const fn loc(ofs: i32) -> Loc {
    Loc { file: 0, ofs }
}

#[test]
fn first_insert_into_an_empty_dbpath() {
    let dbpath = Dbpath::new();
    let engine = dbpath.builder().ns_size_mib(16).open().expect("opens");
    // 40 bytes, in a record of 64.
    let document = doc! { "_id": bson::oid::ObjectId::from_bytes([7; 12]), "n": 1, "pad": 2 };
    let document = raw(&document);
    let inserted = engine.collection("test.c").expect("valid").insert_one(&document);
    assert_eq!(inserted.expect("inserts").loc.to_string(), "0:50b0");
    dbpath::close(engine);

    let db = Db::read(dbpath.path(), "test");
    assert_eq!(db.slots(), 26_715);
    for (name, slot) in [
        ("test.c", 11_165),
        ("test.system.namespaces", 20_927),
        ("test.system.indexes", 19_293),
        ("test.c.$_id_", 18_936),
    ] {
        assert_eq!(db.node(name).expect("a node").slot, slot, "{name}");
    }
    for (at, len) in
        [(0x2000, 8192), (0x4000, 4096), (0x5000, 8192), (0x7000, 8192), (0x9000, 131_072)]
    {
        assert_eq!(db.extent(loc(at)).len, len, "the extent at {at:x}");
    }
    let header = &db.files[0];
    assert_eq!(header.loc_at(12), loc(0x29000), "unused");
    assert_eq!(header.i32_at(20), header.len() as i32 - 0x29000 - 16, "unusedLength");

    let listed: Vec<(Loc, Document)> = db
        .documents("test.system.namespaces")
        .into_iter()
        .map(|(loc, document)| (loc, Document::try_from(&*document).expect("a document")))
        .collect();
    let expected = [
        (loc(0x40b0), doc! { "name": "test.system.indexes" }),
        (loc(0x40f0), doc! { "name": "test.c" }),
        (loc(0x4130), doc! { "name": "test.c.$_id_" }),
    ];
    assert_eq!(listed, expected);
    let specs = db.documents("test.system.indexes");
    let spec = "3d000000 10 7600 01000000 03 6b657900 0e000000 10 5f696400 01000000 00
        02 6e616d6500 05000000 5f69645f00 02 6e7300 07000000 746573742e6300 00";
    assert_eq!(specs.len(), 1);
    assert_eq!((specs[0].0, specs[0].1.as_bytes()), (loc(0x70b0), &crate::files::hex(spec)[..]));
    assert_eq!(db.record(loc(0x70b0)).len, 128);
    check_nodes(&db, document.as_bytes());
}

fn check_nodes(db: &Db, document: &[u8]) {
    let node = db.node("test.c").expect("a node");
    let details = db.details(&node);
    let extents = [details.first_extent(), details.last_extent(), details.cap_extent()];
    assert_eq!(extents, [loc(0x5000); 3], "item 29: capExtent as well");
    assert_eq!((details.last_extent_size(), details.indexes()), (8192, 1));
    assert_eq!(db.index_slot(&node, 0), (loc(0xa000), loc(0x70b0)));
    assert_eq!((details.user_flags(), details.cap_first_new_record()), (1, INVALID));
    assert_eq!(details.0.i32_at(356), 0x7fff_ffff, "maxDocsInCapped");
    assert_eq!(f64::from_bits(details.0.u64_at(360)), 1.0, "paddingFactor");
    assert_eq!((details.data_size(), details.records()), (48, 1));
    let record = db.record(loc(0x50b0));
    assert_eq!((record.len, record.extent_ofs, record.next, record.prev), (64, 0x5000, -1, -1));
    assert_eq!(db.document(loc(0x50b0)).as_bytes(), document);
    assert_eq!(details.deleted_list(8), loc(0x50f0));
    let rest = db.record(loc(0x50f0));
    assert_eq!((rest.len, Loc { file: rest.next, ofs: rest.prev }), (7952, NULL));

    let node = db.node("test.c.$_id_").expect("a node");
    let details = db.details(&node);
    assert_eq!(details.first_extent(), loc(0x9000));
    assert_eq!((details.data_size(), details.records(), details.user_flags()), (8176, 1, 0));
    assert_eq!(db.record(loc(0xa000)).len, 8192, "item 30: the root is 4096 bytes in");
    assert_eq!(details.deleted_list(12), loc(0xc000));
    assert_eq!(db.record(loc(0xc000)).len, 118_784);
}

/// Ten thousand documents of 40 bytes in `_id` order.
#[test]
fn ten_thousand_documents() {
    let dbpath = Dbpath::new();
    let engine = dbpath.open();
    let collection = engine.collection("test.c").expect("valid");
    for n in 0..10_000_u32 {
        let mut id = [0; 12];
        id[8..].copy_from_slice(&n.to_be_bytes());
        let document = doc! { "_id": bson::oid::ObjectId::from_bytes(id), "n": 1, "pad": 2 };
        collection.insert_one(raw(&document)).expect("inserts");
    }
    drop(collection);
    dbpath::close(engine);
    let db = Db::read(dbpath.path(), "test");
    crate::check(&db, true, false);
    let node = db.node("test.c").expect("a node");
    let extents = db.extents_from(db.details(&node).first_extent());
    let lens: Vec<i32> = extents.iter().map(|extent| extent.len).collect();
    assert_eq!(lens, [8192, 32_768, 131_072, 524_288]);
    // Full leaves hold 281 keys; one that was split at its right edge about 253.
    let index = db.node("test.c.$_id_").expect("a node");
    let root = db.index_slot(&node, 0).0;
    let extents = db.extents_from(db.details(&index).first_extent());
    let buckets = extents.iter().flat_map(|extent| db.records(extent));
    for bucket in buckets.filter(|bucket| bucket.loc != root) {
        let keys = db.at(bucket.loc)[16..].u16_at(20);
        assert!((250..=281).contains(&keys) || keys < 282, "{keys} keys in {}", bucket.loc);
    }
}
