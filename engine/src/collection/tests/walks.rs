//! Walks that change what they meet, while others remove it.

use std::sync::Arc;

use bson::rawdoc;

use super::{assert_valid, open};
use crate::Direction;
use crate::disk::HeapDisk;
use crate::disk::sim_disk::SimDisk;

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
