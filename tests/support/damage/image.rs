//! A sound database with a past: what was renamed, emptied, dropped and compacted has left bytes
//! behind that must not come up again, and a user has stored what looks like the format.

use std::sync::Arc;

use bson::spec::BinarySubtype;
use bson::{Binary, Bson, RawDocument, doc};
use tallymap::disk::{Disk, HeapDisk};
use tallymap::{CollectionOptions, Database, IndexSpec};

use crate::fuzz::image::{builder, key};
use crate::order::raw;

/// Makes it.
///
/// # Errors
/// Those of the engine: none.
pub fn make() -> tallymap::Result<Arc<dyn Disk>> {
    let disk = Arc::new(HeapDisk::new());
    let engine = builder(disk.clone()).open()?;
    let database = engine.database("d")?;
    growing(&database)?;
    gone(&database)?;
    let capped = CollectionOptions::default().capped(4096);
    let capped = database.create_collection("k", capped)?;
    for n in 0..50 {
        capped.insert_one(raw(&doc! { "_id": n, "pad": "\0".repeat(90) }))?;
    }
    let many = database.collection("many")?;
    for n in 0..12 {
        many.create_index(IndexSpec::new(&[(&format!("f{n}"), 1)]))?;
    }
    many.insert_one(raw(&doc! { "_id": 1, "f3": 1 }))?;
    crate::dbpath::check(&engine);
    engine.close()?;
    Ok(disk)
}

/// Several extents, a tree of several levels, holes, moved records, bytes like headers.
fn growing(database: &Database) -> tallymap::Result<()> {
    let c = database.collection("c")?;
    for n in 0..42 {
        c.insert_one(raw(&doc! { "_id": n, "k": key(7 * n), "n": 0, "like": like_headers(n) }))?;
    }
    c.create_index(IndexSpec::new(&[("k", 1)]))?;
    c.create_index(IndexSpec::new(&[("n", -1), ("tags", 1)]))?;
    for n in (0..42).step_by(3) {
        c.delete_one(raw(&doc! { "_id": n }))?;
        let grow = raw(&doc! { "$set": { "tags": [n, 8], "pad": "\0".repeat(1500) } });
        c.update_one(raw(&doc! { "_id": n + 1 }), grow)?.run()?;
    }
    Ok(())
}

/// The first words of an extent, and those of a record of one.
fn like_headers(n: i32) -> Bson {
    let mut bytes = vec![0; n as usize % 4];
    for word in [0x4142_4344, 0, 0x2000, 256, 32, 0x5000, -1, -1, 5] {
        bytes.extend_from_slice(&i32::to_le_bytes(word));
    }
    Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes })
}

/// A collection that was renamed, and one that has had its old name since.
pub const RENAMED: &str = "d.new";
/// The other one.
pub const OLD_NAME: &str = "d.old";

/// Is it a document of a collection that was dropped or emptied?
pub fn was_gone(document: &RawDocument) -> bool {
    document.get_str("of").is_ok_and(|of| GONE.contains(&of))
}

/// Collections whose documents went without being deleted one by one.
const GONE: [&str; 2] = ["dropped", "emptied"];

/// Collections that were dropped, emptied, renamed; their extents hold what they held.
fn gone(database: &Database) -> tallymap::Result<()> {
    let fill = |name: &str, count: i32| {
        let collection = database.collection(name)?;
        for n in 0..count {
            collection.insert_one(raw(&doc! { "_id": n, "of": name }))?;
        }
        tallymap::Result::Ok(collection)
    };
    fill("dropped", 60)?;
    fill("old", 30)?;
    fill("emptied", 200)?.truncate()?;
    fill("emptied", 3)?;
    database.drop_collection("dropped")?;
    database.rename_collection("old", "new")?;
    fill("old", 2)?;
    Ok(())
}
