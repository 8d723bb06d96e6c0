//! The reverse: a rule is broken in a sound database, and reading it has to notice, by an error
//! or by a finding of `validate`. Whatever is broken, nothing panics and everything ends, be it
//! read or written to.

use std::path::Path;
use std::sync::Arc;

use bson::doc;
use tallymap::disk::{Access, Disk, OsDisk, OverlayDisk};
use tallymap::{Collection, CollectionOptions, Direction, Engine, Error, IndexSpec};
use tallymap_tests::dbpath::{self, Dbpath};
use tallymap_tests::order::raw;
use tallymap_tests::seed::Seed;

use crate::reader::{Db, Loc, Numbers};

/// More than any chain of these small databases can hold.
const ENDLESS: usize = 100_000;

/// Bytes to be overwritten: in a data file, or (`None`) in the `.ns` file.
struct Damage {
    what: String,
    file: Option<i32>,
    at: usize,
    bytes: Vec<u8>,
}

fn in_file(what: &str, loc: Loc, plus: usize, bytes: &[u8]) -> Damage {
    let at = loc.ofs as usize + plus;
    Damage { what: what.to_owned(), file: Some(loc.file), at, bytes: bytes.to_vec() }
}

fn in_ns(what: &str, at: usize, bytes: &[u8]) -> Damage {
    Damage { what: what.to_owned(), file: None, at, bytes: bytes.to_vec() }
}

fn loc_bytes(loc: Loc) -> [u8; 8] {
    let mut out = [0; 8];
    out[..4].copy_from_slice(&loc.file.to_le_bytes());
    out[4..].copy_from_slice(&loc.ofs.to_le_bytes());
    out
}

/// A sound database: moved and deleted records, trees of several levels, more than 10 indexes,
/// a wrapped capped collection, a free extent.
fn sound() -> (Dbpath, Db) {
    let dbpath = Dbpath::new();
    let engine = dbpath.open();
    let database = engine.database("d").expect("valid");
    let mut seed = Seed::new("corrupt: the sound database", 6);
    let c = database.collection("c").expect("valid");
    for n in 0..450 {
        c.insert_one(raw(&doc! { "_id": 1000 + n, "own": n })).expect("inserts");
    }
    crate::databases::churn(&c, &mut seed, 150);
    crate::databases::churn(&database.collection("gone").expect("valid"), &mut seed, 20);
    database.drop_collection("gone").expect("drops");
    let options = CollectionOptions::default().capped(9000);
    let capped = database.create_collection("k", options).expect("creates");
    for n in 0..300 {
        capped.insert_one(raw(&doc! { "_id": n, "pad": "x".repeat(50) })).expect("inserts");
    }
    let many = database.collection("many").expect("valid");
    for n in 0..12 {
        many.create_index(IndexSpec::new(&[(&format!("f{n}"), 1)])).expect("an index");
    }
    many.insert_one(raw(&doc! { "_id": 1 })).expect("inserts");
    drop((c, many, capped));
    dbpath::close(engine);
    let db = Db::read(dbpath.path(), "d");
    (dbpath, db)
}

/// Opens the directory with damage that is in memory only.
fn open(dbpath: &Path, damages: &[Damage]) -> Result<Engine, Error> {
    let disk = OverlayDisk::new(Arc::new(OsDisk::open(dbpath)?));
    for Damage { file, at, bytes, .. } in damages {
        let name = file.map_or("d.ns".to_owned(), |n| format!("d.{n}"));
        disk.open(Path::new(&name), Access::Write)?.write_at(*at as u64, bytes)?;
    }
    Engine::builder(dbpath).disk(Arc::new(disk)).background(false).open()
}

/// What reading came to.
#[derive(Default)]
struct Noticed(Vec<String>);

impl Noticed {
    fn note<T>(&mut self, what: &str, result: Result<T, Error>) -> Option<T> {
        result.map_err(|error| self.0.push(format!("{what}: {error}"))).ok()
    }

    fn walk<T>(&mut self, what: &str, walk: Result<impl Iterator<Item = Result<T, Error>>, Error>) {
        let Some(walk) = self.note(what, walk) else { return };
        let mut count = 0;
        for item in walk {
            self.note(what, item);
            count += 1;
            assert!(count < ENDLESS, "{what} does not end");
        }
    }

    fn read(&mut self, engine: &Engine) {
        let database = engine.database("d").expect("valid");
        self.note("database stats", database.stats());
        let names = self.note("names", database.collection_names()).unwrap_or_default();
        for name in &names {
            let Some(c) = self.note(name, database.collection(name)) else { continue };
            if c.exists() {
                self.read_collection(&c);
            } else {
                self.0.push(format!("{name} is listed and does not exist"));
            }
        }
    }

    fn read_collection(&mut self, c: &Collection) {
        for direction in [Direction::Forward, Direction::Backward] {
            self.walk("scan", c.scan(direction));
            for index in self.note("indexes", c.indexes()).unwrap_or_default() {
                self.walk(&index.name, c.index_scan(&index.name, direction));
            }
        }
        for id in 0..20 {
            self.note("find", c.find_by_id(id));
        }
        self.note("stats", c.stats());
        if let Some(validation) = self.note("validate", c.validate(true)) {
            self.0.extend(validation.findings().iter().cloned());
            validation.to_document();
        }
    }
}

/// Writes of every kind: they may fail.
fn write(engine: &Engine) {
    let database = engine.database("d").expect("valid");
    for name in ["c", "k", "many", "new"] {
        let Ok(c) = database.collection(name) else { continue };
        for n in 0..10 {
            let by_id = raw(&doc! { "_id": n });
            let document = doc! { "_id": 3000 + n, "pad": "y".repeat(170 * n as usize) };
            drop(c.insert_one(raw(&document)));
            let grow = raw(&doc! { "$set": { "pad": "z".repeat(1500), "tags": [7, 8] } });
            drop(c.update_one(&by_id, grow).map(|request| request.upsert(true).run()));
            let count = raw(&doc! { "$inc": { "n": 1 } });
            drop(c.update_one(&by_id, count).map(|request| request.run()));
            drop(c.delete_one(raw(&doc! { "_id": 2 * n + 1 })));
        }
        drop(c.create_index(IndexSpec::new(&[("pad", 1)])));
        drop(c.drop_index("site_1_n_-1"));
        drop(c.compact());
        drop(c.truncate());
    }
    drop(database.rename_collection("many", "renamed"));
    drop(database.drop_collection("c"));
    drop(database.drop_collection("k"));
    drop(engine.sync());
}

/// Reads and writes the damaged database. Answers what was noticed.
fn probe(dbpath: &Path, damages: &[Damage]) -> Vec<String> {
    let mut noticed = Noticed::default();
    match open(dbpath, damages) {
        Ok(engine) => {
            noticed.read(&engine);
            write(&engine);
            drop(engine.close());
        }
        Err(error) => noticed.0.push(format!("open: {error}")),
    }
    noticed.0
}

const WILD: Loc = Loc { file: 0, ofs: 0x7fff_fff0 };
const NO_FILE: Loc = Loc { file: 77, ofs: 8192 };
const ODD: Loc = Loc { file: 0, ofs: 8195 };

fn header_damages(db: &Db) -> Vec<Damage> {
    let start = Loc { file: 0, ofs: 0 };
    let free = db.files[0].loc_at(24);
    let half_unset = [loc_bytes(crate::reader::NULL), [0; 8]].concat();
    vec![
        in_file("item 2: versionMajor 0", start, 0, &[0; 4]),
        in_file("item 2: versionMajor 5", start, 0, &[5, 0, 0, 0]),
        in_file("item 3: versionMinor 0x40", start, 4, &[0x56, 0, 0, 0]),
        in_file("item 3: versionMinor 7", start, 4, &[7, 0, 0, 0]),
        in_file("item 5: the free list begins at (0,0)", start, 24, &[0; 8]),
        in_file("item 5: one end of the free list is (0,0)", start, 24, &half_unset),
        in_file("item 5: the free list begins outside", start, 24, &loc_bytes(WILD)),
        in_file("item 5: the free list goes in a circle", free, 12, &loc_bytes(free)),
    ]
}

fn namespace_damages(db: &Db) -> Vec<Damage> {
    let at = db.node("d.c").expect("a node").value();
    let many = db.node("d.many").expect("a node").value();
    let (catalogue, first) = (db.documents("d.system.namespaces"), 16 + 4 + 1 + 5 + 4);
    let in_catalogue = |what: &str, bytes: &[u8]| in_file(what, catalogue[1].0, first + 2, bytes);
    let specs = db.documents("d.system.indexes");
    let mut out = vec![
        in_ns("item 10: another hash", at - 132, &[1, 2, 3, 8]),
        in_ns("item 11: another name", at - 128 + 2, b"q"),
        in_catalogue("item 11: a document without a node", b"q"),
        in_ns("item 14: more than 64 indexes", at + 188, &[70, 0, 0, 0]),
        in_ns("item 14: −1 indexes", at + 188, &[0xff; 4]),
        in_ns("item 14: no extra slots", many + 408, &[0; 8]),
        in_ns("item 14: extra slots outside", many + 408, &[0, 0, 0, 0x40, 0, 0, 0, 0]),
        in_ns("item 16: info leads nowhere", at + 200, &loc_bytes(WILD)),
        in_file("item 16: a specification of another", specs[0].0, 16 + 4 + 8, b"\xff"),
        in_ns("item 18: no index is multikey", at + 392, &[0; 8]),
        in_ns("item 19: another lastExtent", at + 8, &loc_bytes(NO_FILE)),
        in_ns("item 25: other statistics", at + 176, &[9, 9, 0, 0, 0, 0, 0, 0]),
        in_ns("item 25: negative statistics", at + 176, &[0xff; 8]),
    ];
    for (name, loc) in [("outside", WILD), ("in no file", NO_FILE), ("odd", ODD)] {
        out.push(in_ns(&format!("the first extent is {name}"), at, &loc_bytes(loc)));
        out.push(in_ns(&format!("the root is {name}"), at + 192, &loc_bytes(loc)));
        for list in 0..18 {
            let what = format!("list {list} begins {name}");
            out.push(in_ns(&what, at + 16 + 8 * list, &loc_bytes(loc)));
        }
    }
    out
}

fn record_damages(db: &Db) -> Vec<Damage> {
    let node = db.node("d.c").expect("a node");
    let details = db.details(&node);
    let extents = db.extents_from(details.first_extent());
    let extent = extents[1];
    let record = db.records(&extent)[3];
    let (e, r) = (extent.loc, record.loc);
    let this = r.ofs.to_le_bytes();
    let deleted = (0..26).map(|list| details.deleted_list(list)).find(|loc| !loc.is_null());
    let d = deleted.expect("a deleted record");
    let mut out = vec![
        in_file("item 19: magic", e, 0, b"XXXX"),
        in_file("item 19: myLoc", e, 4, &loc_bytes(NO_FILE)),
        in_file("item 19: xnext in a circle", e, 12, &loc_bytes(e)),
        in_file("item 19: xnext outside", e, 12, &loc_bytes(WILD)),
        in_file("item 19: xprev", e, 20, &loc_bytes(e)),
        in_file("item 20: firstRecord alone", e, 160, &loc_bytes(crate::reader::NULL)),
        in_file("item 20: lastRecord alone", e, 168, &loc_bytes(crate::reader::NULL)),
        in_file("item 20: firstRecord outside", e, 160, &loc_bytes(WILD)),
        in_file("item 20: nextOfs is its own", r, 8, &this),
        in_file("item 20: prevOfs is its own", r, 12, &this),
        in_file("item 20: nextOfs 0", r, 8, &[0; 4]),
        in_file("item 20: nextOfs odd", r, 8, &[1, 0x50, 0, 0]),
        in_file("item 21: extentOfs", r, 4, &[0, 0, 0x10, 0]),
        in_file("item 21: extentOfs of a deleted record", d, 4, &this),
        in_file("item 23: a deleted record twice", d, 8, &loc_bytes(d)),
        in_file("item 23: a live record is deleted", d, 8, &loc_bytes(r)),
        in_file("item 24: the wrong list", d, 0, &[0, 0, 0x20, 0]),
        in_file("a deleted record of no length", d, 0, &[0; 4]),
        in_file("nextDeleted outside", d, 8, &loc_bytes(WILD)),
    ];
    for len in [0_i32, -16, 15, 17, 0x7fff_ffff, record.len + 4, record.len - 4] {
        out.push(in_file(&format!("item 22: a record of {len}"), r, 0, &len.to_le_bytes()));
        out.push(in_file(&format!("a document of {len}"), r, 16, &(len - 16).to_le_bytes()));
    }
    for len in [0_i32, -4096, 175, 4097, 0x7fff_f000] {
        out.push(in_file(&format!("an extent of {len}"), e, 156, &len.to_le_bytes()));
    }
    out.push(in_file("a value of no type", r, 20, b"\x66"));
    out
}

fn btree_damages(db: &Db) -> Vec<Damage> {
    let node = db.node("d.c").expect("a node");
    let (root, _) = db.index_slot(&node, 0);
    let bucket = |loc: Loc| &db.at(loc)[16..];
    let (n, child) = (bucket(root).u16_at(20), bucket(root).i32_at(22));
    assert!(n > 0 && child > 0, "the tree has two levels");
    let leaf = Loc { file: 0, ofs: child };
    let first_key = 16 + 22 + usize::from(bucket(leaf).u16_at(22 + 14));
    let own = [&root.ofs.to_le_bytes()[..], &[0; 3]].concat();
    let outside = [0xf0, 0xff, 0xff, 0x7f, 0, 0, 0];
    vec![
        in_file("item 35: emptySize", leaf, 16 + 16, &[1, 0]),
        in_file("item 35: topSize", leaf, 16 + 18, &[0xff, 0xff]),
        in_file("item 37: keyDataOfs", leaf, 16 + 22 + 14, &[0xff, 0x7f]),
        in_file("item 37: keyDataOfs among the nodes", leaf, 16 + 22 + 14, &[0, 0]),
        in_file("item 39: a key out of order", leaf, first_key + 1, &[0, 0, 0, 0, 0, 0, 0, 0x7f]),
        in_file("item 40: a tag of no type", leaf, first_key, b"\x0f"),
        in_file("item 41: parent", leaf, 16, &outside),
        in_file("item 42: the root has a parent", root, 16, &own),
        in_file("item 42: a leaf without keys", leaf, 16 + 20, &[0, 0]),
        in_file("item 42: a freed bucket", leaf, 16 + 20, &[0xff, 0xff]),
        in_file("too many keys", leaf, 16 + 20, &[0, 8]),
        in_file("item 43: a short bucket", leaf, 0, &[0, 1, 0, 0]),
        in_file("a child is its own parent", root, 16 + 22, &own),
        in_file("the right child is its own parent", root, 16 + 7, &own),
        in_file("a child outside", root, 16 + 22, &outside),
        in_file("an entry leads outside", leaf, 16 + 22 + 7, &outside),
        in_file("an entry leads to a bucket", leaf, 16 + 22 + 7, &own),
    ]
}

fn capped_damages(db: &Db) -> Vec<Damage> {
    let at = db.node("d.k").expect("a node").value();
    let mut out = Vec::new();
    for (name, loc) in [("outside", WILD), ("in no file", NO_FILE), ("odd", ODD)] {
        out.push(in_ns(&format!("item 31: capExtent {name}"), at + 372, &loc_bytes(loc)));
        out.push(in_ns(&format!("item 33: capFirstNewRecord {name}"), at + 380, &loc_bytes(loc)));
        out.push(in_ns(&format!("the list of deleted records {name}"), at + 16, &loc_bytes(loc)));
    }
    out
}

#[test]
fn every_broken_rule_is_noticed() {
    let (dbpath, db) = sound();
    assert_eq!(probe(dbpath.path(), &[]), Vec::<String>::new());
    let all = [
        header_damages(&db),
        namespace_damages(&db),
        record_damages(&db),
        btree_damages(&db),
        capped_damages(&db),
    ];
    let mut wrong = Vec::new();
    for damage in all.into_iter().flatten() {
        let what = damage.what.clone();
        let noticed = std::panic::catch_unwind(|| probe(dbpath.path(), &[damage]));
        match noticed {
            Ok(noticed) if noticed.is_empty() => wrong.push(format!("not noticed: {what}")),
            Ok(_) => {}
            Err(_) => wrong.push(format!("panicked: {what}")),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Bytes of all kinds in places of all kinds: mostly noticed, never a panic, always an end.
#[test]
fn random_damage_neither_panics_nor_hangs() {
    let (dbpath, db) = sound();
    let mut seed = Seed::new("corrupt: random bytes", 7);
    let used = db.files[0].i32_at(16) as u32;
    let nodes = db.nodes();
    for round in 0..120 {
        let mut damages = Vec::new();
        for _ in 0..1 + seed.below(4) {
            let interesting = [0, 1, -1, -2, i32::MAX, i32::MIN, 8192, 4096, 0x5000, 0xffff];
            let value = match seed.one_in(3) {
                true => seed.below(u32::MAX) as i32,
                false => seed.pick(&interesting),
            };
            let what = format!("round {round}");
            let bytes = value.to_le_bytes();
            damages.push(match seed.below(3) {
                0 => {
                    let at = seed.pick(&nodes).value() + 4 * seed.below(124) as usize;
                    in_ns(&what, at, &bytes)
                }
                1 => {
                    // The beginnings of structures, which hold the pointers.
                    let page = 4096 * seed.below(used / 4096) as i32;
                    let plus = 4 * seed.below(64) as usize;
                    in_file(&what, Loc { file: 0, ofs: page }, plus, &bytes)
                }
                _ => in_file(&what, Loc { file: 0, ofs: 0 }, seed.below(used) as usize, &bytes),
            });
        }
        let text: Vec<_> = damages.iter().map(|d| (d.file, d.at, d.bytes.clone())).collect();
        let outcome = std::panic::catch_unwind(|| probe(dbpath.path(), &damages));
        assert!(outcome.is_ok(), "round {round}: {text:x?}");
    }
}
