//! Items 1 to 8: the directory, file headers, the free list.

use std::collections::BTreeMap;

use crate::reader::{Db, Details, FILE_HEADER_LEN, NULL, Numbers};

/// Checks the files of a database made with small file sizes, or with large ones.
pub fn check(db: &Db, small_files: bool) {
    let (smallest, largest) =
        if small_files { (16 << 20, 0x1ffc_0000) } else { (64 << 20, 0x7ff0_0000) };
    assert!(!db.files.is_empty(), "item 2: there is a first file");
    for (n, file) in db.files.iter().enumerate() {
        let len = file.len();
        assert_eq!(len, (smallest << n).min(largest), "item 1: length of file {n}");
        assert_eq!(len % 4096, 0, "item 1: file {n} is whole pages");
        assert_eq!(file.u32_at(0), 4, "item 2: versionMajor of file {n}");
        let minor = file.u32_at(4);
        assert_eq!(minor, 22, "item 3: versionMinor of file {n}");
        assert_eq!(file.i32_at(8), len as i32, "item 4: fileLength of file {n}");
        let unused = file.loc_at(12);
        assert_eq!(unused.file, n as i32, "item 4: unused of file {n}");
        let end = unused.ofs + file.i32_at(20) + 16;
        assert_eq!(end, len as i32, "item 4: unused space of file {n} ends 16 bytes before it");
        assert!(file[40..8192].iter().all(|b| *b == 0), "reserved bytes of file {n}");
    }
    check_extents_tile(db);
    check_ns(db);
    check_directory(db);
}

/// Every byte between a file's header and its unused space is in exactly one extent: of a
/// namespace, of the free list, or the one that was lost on purpose.
fn check_extents_tile(db: &Db) {
    let mut owners: BTreeMap<_, (i32, String)> = BTreeMap::new();
    let mut own = |extent: &crate::reader::Extent, name: &str| {
        let before = owners.insert(extent.loc, (extent.len, name.to_owned()));
        assert!(before.is_none(), "item 4: {} is {name}'s and {before:?}'s", extent.loc);
    };
    for node in db.nodes().iter().filter(|node| !is_extra(node.name())) {
        for extent in db.extents_from(Details(&db.ns[node.value()..]).first_extent()) {
            own(&extent, node.name());
        }
    }
    let (start, end) = (db.files[0].loc_at(24), db.files[0].loc_at(32));
    assert_eq!(start.is_null(), end.is_null(), "item 5: both ends of the free list are null");
    assert!(start.is_null() || start.ofs != 0, "item 5: the free list begins at {start}");
    let free = db.extents_from(start);
    assert_eq!(free.last().map_or(NULL, |last| last.loc), end, "item 5: the free list's end");
    free.iter().for_each(|extent| own(extent, "the free list"));
    own(&db.extent(crate::reader::Loc { file: 0, ofs: FILE_HEADER_LEN }), "nobody");

    for (n, file) in db.files.iter().enumerate() {
        let mut at = FILE_HEADER_LEN;
        for (loc, (len, name)) in owners.iter().filter(|(loc, _)| loc.file == n as i32) {
            assert_eq!(loc.ofs, at, "item 4: no hole before extent {loc} of {name}");
            assert!(*len >= 4096 && len % 4096 == 0, "length of extent {loc} of {name}: {len}");
            at += len;
        }
        assert_eq!(at, file.loc_at(12).ofs, "item 4: extents end where unused space begins");
        if n > 0 {
            let ends = (file.loc_at(24), file.loc_at(32));
            assert_eq!(ends, (NULL, NULL), "item 5: file {n} has no free list");
        }
    }
}

fn is_extra(name: &str) -> bool {
    name.ends_with("$extra") || name.ends_with("$extrb")
}

fn check_ns(db: &Db) {
    assert_eq!(db.ns.len() % (1 << 20), 0, "item 6: whole MiB");
    assert_eq!(db.slots() % 2, 1, "item 6: an odd number of slots");
    if db.ns.len() == 1 << 20 {
        assert_eq!(db.slots(), 1669, "item 6: slots of 1 MiB");
    }
}

fn check_directory(db: &Db) {
    let apart = db.folder.file_name().is_some_and(|name| *name == *db.name);
    let dbpath = if apart { db.folder.parent().expect("a dbpath") } else { &db.folder };
    let storage = std::fs::read(dbpath.join("storage.bson")).expect("item 7: storage.bson");
    let mut expected =
        hex("45000000 03 73746f7261676500 37000000 02 656e67696e6500 07000000 6d6d6170763100 \
         03 6f7074696f6e7300 16000000 08 6469726563746f727950657244420000 00 00 00");
    expected[65] = u8::from(apart);
    assert_eq!(storage, expected, "item 7: storage.bson");
    let lock = std::fs::metadata(dbpath.join("mongod.lock")).expect("item 8: mongod.lock");
    assert_eq!(lock.len(), 0, "item 8: the lock is empty");
    let journal = std::fs::read_dir(dbpath.join("journal")).expect("journal/");
    for entry in journal {
        let name = entry.expect("an entry").file_name();
        assert!(!name.to_string_lossy().starts_with("j._"), "item 8: {name:?} is left");
    }
}

/// Bytes written as hexadecimal digits with blanks.
pub fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    let byte = |pair: &[u8]| {
        let text = std::str::from_utf8(pair).expect("ASCII");
        u8::from_str_radix(text, 16).expect("hexadecimal")
    };
    digits.chunks(2).map(byte).collect()
}
