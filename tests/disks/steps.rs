//! The steps of the script, each with what it does to the model.

use bson::{Document, doc, rawdoc};
use tallymap::{CollectionOptions, ExtentOwner, FieldPath, IndexSpec, Result, SizingPolicy};
use tallymap_tests::order::raw;

use crate::stage::Stage;
use crate::world::World;

/// One call of the engine.
pub struct Step {
    pub name: &'static str,
    pub act: fn(&Stage) -> Result<()>,
    /// What it does to the model.
    pub effect: fn(&mut World),
    /// The states that it may leave when it fails, beside that before it: what
    /// `docs/durability.md` says of operations that are several units.
    pub halfway: &'static [fn(&mut World)],
    /// May its effect show after the next open although it failed?
    pub may_have_finished: bool,
    /// When it has returned, all before it is durable.
    pub is_durable: bool,
    /// It needs another data file.
    pub grows: bool,
}

/// A step that needs another data file.
pub fn growing(step: Step) -> Step {
    Step { grows: true, ..step }
}

fn step(name: &'static str, act: fn(&Stage) -> Result<()>, effect: fn(&mut World)) -> Step {
    let (may_have_finished, is_durable, grows) = (false, false, false);
    Step { name, act, effect, halfway: &[], may_have_finished, is_durable, grows }
}

fn made_database_d(world: &mut World) {
    world.0.entry("d".to_owned()).or_default();
}

fn made_database_e(world: &mut World) {
    world.0.entry("e".to_owned()).or_default();
}

/// A document of about `len` bytes.
fn document(id: i32, len: usize) -> Document {
    doc! { "_id": id, "v": id, "n": 0_i64, "pad": "x".repeat(len) }
}

fn insert(stage: &Stage, ns: &str, id: i32, len: usize) -> Result<()> {
    stage.engine().collection(ns)?.insert_one(raw(&document(id, len))).map(drop)
}

fn inserted(world: &mut World, ns: &str, id: i32, len: usize) {
    world.collection(ns).documents.insert(id, document(id, len));
}

fn update(stage: &Stage, ns: &str, id: i32, update: &Document) -> Result<()> {
    let collection = stage.engine().collection(ns)?;
    collection.update_one(rawdoc! { "_id": id }, raw(update))?.run().map(drop)
}

pub fn wait_durable() -> Step {
    let wait = |stage: &Stage| stage.engine().wait_durable();
    Step { is_durable: true, ..step("wait_durable", wait, |_| {}) }
}

pub fn sync() -> Step {
    Step { is_durable: true, ..step("sync", |stage| stage.engine().sync(), |_| {}) }
}

pub fn insert_first() -> Step {
    Step {
        halfway: &[made_database_d, |world| _ = world.collection("d.daily")],
        ..step(
            "insert into a new database",
            |stage| insert(stage, "d.daily", 1, 10),
            |world| inserted(world, "d.daily", 1, 10),
        )
    }
}

pub fn insert_elsewhere() -> Step {
    Step {
        halfway: &[made_database_e, |world| _ = world.collection("e.c")],
        ..step(
            "insert into another new database",
            |stage| insert(stage, "e.c", 1, 10),
            |world| inserted(world, "e.c", 1, 10),
        )
    }
}

pub fn create_with_options() -> Step {
    step(
        "create with template and policy",
        |stage| {
            let template = rawdoc! { "n": 0_i64 };
            let options = CollectionOptions::default()
                .template(template)
                .policy(SizingPolicy::PaddingFactor { quantized: true });
            stage.engine().database("d")?.create_collection("views", options).map(drop)
        },
        |world| world.collection("d.views").has_template = true,
    )
}

pub fn create_capped() -> Step {
    step(
        "create capped",
        |stage| {
            let options = CollectionOptions::default().capped(1 << 16);
            stage.engine().database("d")?.create_collection("log", options).map(drop)
        },
        |world| {
            world.collection("d.log");
        },
    )
}

/// Leaves so little of the data files that whatever needs an extent next needs a file.
pub fn fill_up() -> Step {
    step(
        "fill up the files",
        |stage| {
            let d = stage.engine().database("d")?;
            let map = d.map()?;
            let unused = map.files.last().map_or(0, |file| file.unused);
            let extents = map.files.iter().flat_map(|file| &file.extents);
            let free = extents.filter(|extent| extent.owner == ExtentOwner::Free);
            let mut sizes: Vec<_> = free.map(|it| it.usage.extent_bytes as i64).collect();
            sizes.push(unused as i64 - LEFT);
            let options = CollectionOptions::default().capped(1 << 16).capped_extent_sizes(&sizes);
            d.create_collection("filler", options).map(drop)
        },
        |world| {
            world.collection("d.filler");
        },
    )
}

/// Room for the first extent of one index, which is the filler's own.
const LEFT: i64 = 200 << 10;

pub fn upsert() -> Step {
    step(
        "upsert",
        |stage| {
            let views = stage.engine().collection("d.views")?;
            let update = views.update_one(rawdoc! { "_id": 7 }, rawdoc! { "$inc": { "n": 2_i64 } });
            update?.upsert(true).run().map(drop)
        },
        |world| {
            let views = &mut world.collection("d.views").documents;
            views.insert(7, doc! { "_id": 7, "n": 2_i64 });
        },
    )
}

pub fn increment() -> Step {
    step(
        "increment",
        |stage| {
            let n = FieldPath::parse("n")?;
            stage.engine().collection("d.daily")?.increment(1, &[(&n, 5)]).map(drop)
        },
        |world| {
            let daily = &mut world.collection("d.daily").documents;
            let n = daily[&1].get_i64("n").expect("a count");
            daily.get_mut(&1).expect("there").insert("n", n + 5);
        },
    )
}

pub fn insert_more() -> Step {
    step(
        "insert more",
        |stage| (10..30).try_for_each(|id| insert(stage, "d.daily", id, 50)),
        |world| (10..30).for_each(|id| inserted(world, "d.daily", id, 50)),
    )
}

pub fn log() -> Step {
    step(
        "insert into capped",
        |stage| insert(stage, "d.log", 1, 100),
        |world| inserted(world, "d.log", 1, 100),
    )
}

pub fn insert_large() -> Step {
    step(
        "insert a large document",
        |stage| insert(stage, "d.daily", 2, 300_000),
        |world| inserted(world, "d.daily", 2, 300_000),
    )
}

pub fn move_document() -> Step {
    step(
        "update, the document moves",
        |stage| update(stage, "d.daily", 1, &doc! { "$set": { "pad": "y".repeat(100_000) } }),
        |world| {
            let daily = &mut world.collection("d.daily").documents;
            daily.get_mut(&1).expect("there").insert("pad", "y".repeat(100_000));
        },
    )
}

pub fn delete_large() -> Step {
    step(
        "delete",
        |stage| stage.engine().collection("d.daily")?.delete_one(rawdoc! { "_id": 2 }).map(drop),
        |world| {
            world.collection("d.daily").documents.remove(&2);
        },
    )
}

pub fn create_index() -> Step {
    Step {
        may_have_finished: true,
        ..step(
            "create an index",
            |stage| {
                let spec = IndexSpec::new(&[("v", 1)]).unique(true);
                stage.engine().collection("d.daily")?.create_index(spec).map(drop)
            },
            |world| {
                world.collection("d.daily").indexes.insert("v_1".to_owned());
            },
        )
    }
}

pub fn drop_index() -> Step {
    step(
        "drop an index",
        |stage| stage.engine().collection("d.daily")?.drop_index("v_1"),
        |world| {
            world.collection("d.daily").indexes.remove("v_1");
        },
    )
}

pub fn compact() -> Step {
    let compact = |stage: &Stage| stage.engine().collection("d.daily")?.compact().map(drop);
    Step {
        halfway: &[|world| world.collection("d.daily").indexes.clear()],
        ..step("compact", compact, |_| {})
    }
}

pub fn rename() -> Step {
    step(
        "rename",
        |stage| stage.engine().database("d")?.rename_collection("views", "seen"),
        |world| {
            let d = world.0.get_mut("d").expect("there");
            let views = d.remove("views").expect("there");
            d.insert("seen".to_owned(), views);
        },
    )
}

pub fn truncate() -> Step {
    step(
        "truncate",
        |stage| stage.engine().collection("d.seen")?.truncate(),
        |world| world.collection("d.seen").documents.clear(),
    )
}

pub fn drop_collection() -> Step {
    step(
        "drop a collection",
        |stage| stage.engine().database("d")?.drop_collection("log").map(drop),
        |world| {
            world.0.get_mut("d").expect("there").remove("log");
        },
    )
}

pub fn drop_database() -> Step {
    Step {
        may_have_finished: true,
        is_durable: true,
        ..step(
            "drop a database",
            |stage| stage.engine().database("e")?.drop().map(drop),
            |world| {
                world.0.remove("e");
            },
        )
    }
}
