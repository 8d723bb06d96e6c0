//! The figures of a collection and of its database, against sums made from outside.

use tallymap::{Collection, Direction, Engine};

use crate::model::Model;
use crate::order::raw;

/// Bytes that a bucket of an index counts: its record without the header.
const BUCKET: i64 = 8_176;

/// Compares `collStats` and `dbStats` with what the model has and with what scans count.
pub fn check(engine: &Engine, collection: &Collection, model: &Model) {
    let stats = collection.stats().expect("stats");
    assert_eq!(stats.count, model.documents.len() as i64);
    let bytes: usize = model.documents.values().map(|doc| raw(doc).as_bytes().len()).sum();
    // Padding is counted too.
    assert!(stats.size >= bytes as i64 && stats.size <= stats.storage_size(), "{stats:?}");
    assert_eq!(stats.capped, None);
    let names = stats.index_sizes.iter().map(|(name, _)| name.as_str());
    let expected = model.indexes.iter().map(|index| index.name.as_str());
    assert!(names.eq(std::iter::once("_id_").chain(expected)), "{stats:?}");
    assert!(stats.index_sizes.iter().all(|(_, size)| *size >= BUCKET && size % BUCKET == 0));

    let database = engine.database("d").expect("valid");
    let (mut objects, mut indexes, mut storage, mut size) = (0, 0, 0, 0);
    let names = database.collection_names().expect("names");
    for name in &names {
        let collection = database.collection(name).expect("valid");
        for located in collection.scan(Direction::Forward).expect("scan") {
            located.expect("sound");
            objects += 1;
        }
        let stats = collection.stats().expect("stats");
        indexes += stats.index_sizes.len();
        storage += stats.storage_size();
        size += stats.size;
    }
    let all = database.stats().expect("stats");
    assert_eq!((all.collections as usize, all.indexes as usize), (names.len(), indexes));
    assert_eq!((all.objects as usize, all.storage_size, all.data_size), (objects, storage, size));
    // Each index has its specification, and a namespace beside that of its collection.
    let listed = |name: &str| database.collection(name).and_then(|it| it.count()).expect("listed");
    assert_eq!(listed("system.indexes") as usize, indexes);
    assert!(listed("system.namespaces") as usize >= indexes + names.len() - 1);
}
