//! Walks that change what they meet, while others remove it.

use std::sync::Arc;

use bson::rawdoc;

use super::{assert_valid, open};
use crate::disk::HeapDisk;
use crate::disk::sim_disk::SimDisk;
use crate::{Direction, Error, IndexSpec, Result};

/// Where a walk stood means nothing once the collection is emptied, rebuilt or made anew: it is
/// not moved along with those that began later.
#[test]
fn walks_of_earlier_generations_are_forgotten() {
    let engine = open(Arc::new(HeapDisk::new()));
    let collection = engine.collection("d.c").expect("a name");
    let database = engine.database("d").expect("named");
    let registered = || collection.read(0, |_, open| Ok(open.cursors.count())).expect("readable");
    let fill = || {
        for n in 0..600 {
            collection.insert_one(rawdoc! { "_id": n }).expect("inserted");
        }
    };
    let changes: [(&str, &dyn Fn() -> Result<()>); 4] = [
        ("truncate", &|| collection.truncate()),
        ("compact", &|| collection.compact().map(|_| ())),
        ("drop", &|| database.drop_collection("c").map(|_| ())),
        ("drop all", &|| database.drop().map(|_| ())),
    ];
    for (name, change) in changes {
        fill();
        let mut scans: Vec<_> =
            (0..5).map(|_| collection.scan(Direction::Forward).expect("scans")).collect();
        scans.iter_mut().for_each(|scan| assert!(scan.next().expect("one").is_ok()));
        assert_eq!(registered(), 5, "{name}");
        collection.create_index(IndexSpec::new(&[("a", 1)])).expect("an index");
        assert_eq!(registered(), 5, "{name}: its records are where they were");
        change().expect(name);
        assert_eq!(registered(), 0, "{name}");
        collection.insert_one(rawdoc! { "_id": 1000 }).expect("inserted");
        collection.delete_many(rawdoc! {}).expect("deleted");
        for scan in &mut scans {
            let end = scan.by_ref().find_map(Result::err);
            let refused = matches!(end, Some(Error::Refused { .. }));
            assert!(refused, "{name}: {end:?}");
        }
    }
}

/// While a walk waits for a data file it holds no lock, and the record that it was about to
/// change may go. It goes on with the one after it.
#[test]
#[cfg_attr(miri, ignore = "too long")]
fn update_many_does_not_return_to_a_removed_record() {
    let disk = SimDisk::new(HeapDisk::new());
    let engine = open(Arc::new(disk.clone()));
    let collection = engine.collection("d.c").expect("a name");
    for n in 0..40 {
        collection.insert_one(rawdoc! { "_id": n, "text": "" }).expect("inserted");
    }
    let files = engine.counters().files_created.get();

    let other = collection.clone();
    disk.after_next_sync(move || {
        let mut scan = other.scan(Direction::Forward).expect("scans");
        let next = scan.find_map(|located| {
            let document = located.expect("sound").document;
            document.get_str("text").is_ok_and(str::is_empty).then_some(document)
        });
        let next = next.expect("one that is still to be changed").get_i32("_id").expect("a number");
        assert_eq!(other.delete_one(rawdoc! { "_id": next }).expect("deleted"), 1);
    });
    let text = "x".repeat(1 << 20);
    let request = collection.update_many(rawdoc! {}, rawdoc! { "$set": { "text": text } });
    let report = request.expect("an update").run().expect("no record is met that is gone");
    assert!(engine.counters().files_created.get() > files, "the walk had to wait");
    assert_eq!((report.modified, collection.count().expect("readable")), (39, 39));
    assert_valid(&collection);
}
