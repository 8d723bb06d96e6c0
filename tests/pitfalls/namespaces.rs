//! Items 9 to 18: the hash table and the catalogue.

use std::collections::{BTreeMap, BTreeSet};

use crate::reader::{Db, Node};

/// The hash of a name, over signed characters.
pub fn hash(name: &[u8]) -> i32 {
    let step = |x: u32, c: &u8| x.wrapping_mul(131).wrapping_add(i32::from(*c as i8) as u32);
    ((name.iter().fold(0, step) & 0x7fff_ffff) | 0x0800_0000) as i32
}

#[test]
fn item_10_hashes_of_known_names() {
    for (name, expected) in [
        ("test.c", 2_086_826_675),
        ("test.system.namespaces", 1_280_417_447),
        ("test.c.$_id_", 501_566_346),
        ("test.é", 241_196_898),
    ] {
        assert_eq!(hash(name.as_bytes()), expected, "{name}");
    }
}

pub fn check(db: &Db) {
    check_table(db);
    check_catalogue(db);
    for node in db.nodes().iter().filter(|node| !node.name().contains('$')) {
        check_index_slots(db, node);
    }
}

fn check_table(db: &Db) {
    let slots = db.slots();
    let window = slots / 20;
    let mut names = BTreeSet::new();
    for node in db.nodes() {
        let name = node.name();
        assert!(names.insert(name.to_owned()), "item 9: {name} is there once");
        assert_eq!(node.hash, hash(&node.name), "item 10: hash of {name}");
        let home = node.hash as usize % slots;
        let distance = (node.slot + slots - home) % slots;
        assert!(distance < window, "item 9: {name} is {distance} nodes from home");
        assert!(name.starts_with(&format!("{}.", db.name)), "{name} names its database");
        if let Some(at) = name.find('$') {
            let is_extra = ["$extra", "$extrb"].contains(&&name[at..]);
            assert_ne!(name[..at].ends_with('.'), is_extra, "item 15: the dot before $ in {name}");
        }
    }
}

fn check_catalogue(db: &Db) {
    let mut listed = BTreeMap::new();
    for (loc, document) in db.documents(&format!("{}.system.namespaces", db.name)) {
        let name = document.get_str("name").expect("item 11: a name").to_owned();
        let node = db.node(&name).unwrap_or_else(|| panic!("item 11: no node of {name}"));
        assert!(listed.insert(name.clone(), loc).is_none(), "item 12: two documents of {name}");
        let flags = document.get_document("options").ok().and_then(|o| o.get_i32("flags").ok());
        if let Some(flags) = flags {
            assert_eq!(flags, db.details(&node).user_flags(), "item 13: flags of {name}");
        }
    }
    for node in db.nodes() {
        let name = node.name();
        let unlisted = name.ends_with(".system.namespaces") || name.contains("$extr");
        assert_eq!(listed.contains_key(name), !unlisted, "item 11: document of {name}");
    }
}

fn check_index_slots(db: &Db, node: &Node) {
    let name = node.name();
    let details = db.details(node);
    let count = details.indexes() as usize;
    assert_eq!(details.builds_in_progress(), 0, "item 17: {name}");
    let multikey = details.multikey_bits();
    assert!(count >= 64 || multikey >> count == 0, "item 18: multikey bits beyond {count} indexes");
    for (block, suffix) in [(0, "$extra"), (1, "$extrb")] {
        let slots_before = [10, 40][block];
        let extra = db.node(&format!("{name}{suffix}"));
        if count > slots_before {
            let extra = extra.unwrap_or_else(|| panic!("item 14: {name} has {suffix}"));
            assert_eq!(db.extra(node, block), extra.value(), "item 14: distance of {suffix}");
        }
    }
    let specs: BTreeMap<_, _> =
        db.documents(&format!("{}.system.indexes", db.name)).into_iter().collect();
    for slot in 0..count {
        let (head, info) = db.index_slot(node, slot);
        let spec = specs.get(&info).unwrap_or_else(|| panic!("item 16: info {info} of {name}"));
        assert_eq!(spec.get_str("ns").ok(), Some(name), "item 16: ns of the specification");
        let index = spec.get_str("name").expect("item 16: name of the index");
        assert_eq!(spec.get_i32("v").ok(), Some(1), "version of {index}");
        assert!(spec.get_document("key").is_ok(), "item 16: key of {index}");
        let index_ns = format!("{name}.${index}");
        assert!(index_ns.len() <= 127, "item 16: length of {index_ns}");
        assert!(db.node(&index_ns).is_some(), "item 11: node of {index_ns}");
        assert!(!head.is_null(), "{index_ns} has a root");
    }
    for slot in count..10 {
        let (head, info) = db.index_slot(node, slot);
        assert!(head.is_null() && info.is_null(), "slot {slot} of {name} is empty");
    }
}
