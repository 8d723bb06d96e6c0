//! Names of databases, collections and indexes that are too long, or that no namespace may have.
//! They name files and lie in fields of 128 bytes.

use bson::rawdoc;
use tallymap::{CollectionOptions, IndexSpec};

use crate::world::World;

#[test]
fn of_databases() {
    let world = World::new();
    let long = "d".repeat(65);
    for name in ["", long.as_str(), "a.b", "a b", "a/b", "a\\b", "a\"b", "a$b", "a\0b", ".."] {
        world.refused(name, world.engine.database(name), 73);
        // Up to its first dot it may be another name.
        if !name.contains('.') {
            world.refused(name, world.engine.collection(&format!("{name}.c")), 73);
        }
    }
    world.unchanged();
}

#[test]
fn of_collections() {
    let world = World::new();
    let database = world.engine.database("d").expect("a name");
    let long = "c".repeat(119);
    // mongod takes dots in a row and at the end; MMAPv1's time did not. Its own limit is 255
    // bytes now; a node of a .ns file has room for 120 and an index.
    for name in ["", "$", "a$b", "$x", ".a", "a.", "a\0b", long.as_str()] {
        world.refused(name, database.collection(name), 73);
        let created = database.create_collection(name, CollectionOptions::default());
        world.refused(name, created, 73);
        world.refused(name, database.rename_collection("c", name), 73);
        world.refused(name, database.rename_collection(name, "other"), 73);
        world.refused(name, database.drop_collection(name), 73);
    }
    world.refused("missing", database.rename_collection("missing", "other"), 26);
    world.refused("there", database.rename_collection("c", "t"), 48);
    world.refused("itself", database.rename_collection("c", "c"), 20);
    let created = database.create_collection("c", CollectionOptions::default());
    world.refused("there", created, 48);
    for name in ["system.namespaces", "system.indexes", "tallymap.collections"] {
        let own = database.collection(name).expect("a name");
        world.refused(name, database.rename_collection(name, "other"), 20);
        world.refused(name, database.rename_collection("c", name), 20);
        world.refused(name, database.drop_collection(name), 20);
        world.refused(name, own.insert_one(rawdoc! { "_id": 1 }), 20);
        world.refused(name, own.delete_many(rawdoc! {}), 20);
        world.refused(name, own.create_index(IndexSpec::new(&[("a", 1)])), 20);
    }
    world.unchanged();
}

#[test]
fn of_indexes() {
    let world = World::new();
    let c = world.collection("c");
    // 127 bytes: "d.c.$" and the name.
    let longest = "i".repeat(127 - "d.c.$".len());
    c.create_index(IndexSpec::new(&[("z", 1)]).name(&longest)).expect("127 bytes");
    world.settle();
    let long = format!("{longest}i");
    for (name, code) in [("", 67), ("_id_", 2), ("*", 2), (long.as_str(), 67)] {
        world.refused(name, c.create_index(IndexSpec::new(&[("y", 1)]).name(name)), code);
    }
    // Its index would have a longer name then.
    let database = world.engine.database("d").expect("a name");
    world.refused("longer", database.rename_collection("c", "cc"), 73);
    world.refused("missing", c.drop_index("missing"), 27);
    world.refused("_id_", c.drop_index("_id_"), 72);
    world.unchanged();
}

#[test]
fn patterns_and_options_of_indexes() {
    let world = World::new();
    let c = world.collection("c");
    let fields: Vec<String> = (0..32).map(|n| format!("f{n}")).collect();
    let many: Vec<(&str, i32)> = fields.iter().map(|name| (name.as_str(), 1)).collect();
    world.refused("32 fields", c.create_index(IndexSpec::new(&many)), 13103);
    for key in [
        rawdoc! {},
        rawdoc! { "": 1 },
        rawdoc! { "a..b": 1 },
        rawdoc! { "a.": 1 },
        rawdoc! { "$a": 1 },
        rawdoc! { "a.$b": 1 },
        rawdoc! { "a": "unknown" },
        rawdoc! { "a": {} },
        rawdoc! { "a": "2d" },
        rawdoc! { "a": "2d", "b": "text" },
    ] {
        let spec = rawdoc! { "key": key, "name": "name" };
        world.refused(&spec, c.create_index_from(&spec), 67);
    }
    for (spec, code) in [
        (rawdoc! { "name": "name" }, 9),
        (rawdoc! { "key": 5, "name": "name" }, 14),
        (rawdoc! { "key": { "a": 1 }, "name": 5 }, 14),
        (rawdoc! { "key": { "a": 1 }, "name": "name", "v": 9 }, 67),
        (rawdoc! { "key": { "a": 1 }, "name": "name", "other": 1 }, 197),
        (rawdoc! { "key": { "k": 1 }, "name": "k_1", "expireAfterSeconds": 5 }, 85),
    ] {
        world.refused(&spec, c.create_index_from(&spec), code);
    }
    world.refused("options", c.create_index(IndexSpec::new(&[("k", 1)]).unique(true)), 86);
    world.refused("fields", c.create_index(IndexSpec::new(&[("a", 1)]).name("k_1")), 86);
    world.unchanged();
}
