//! Collections where another thread comes in between, where the files hold what this engine would
//! not have written, and what indexes of every kind make of documents.

mod bounds;
mod built_beside;
mod expiring;
mod failed;
mod find_and_modify;
mod index_kinds;
mod index_requests;
mod instances;
mod interrupted;
mod long_work;
mod multikey;
mod older;
mod places;
mod profiled;
mod reads;
mod updates;
mod validators;
mod views;
mod walks;
mod winners;

use std::sync::Arc;

use crate::disk::Disk;
use crate::{Collection, Engine};

/// An engine on `disk` that commits when it is asked to.
fn open(disk: Arc<dyn Disk>) -> Engine {
    let builder = Engine::builder("heap").disk(disk).background(false);
    builder.ns_size_mib(1).open().expect("opens")
}

fn assert_valid(collection: &Collection) {
    let validation = collection.validate(true).expect("validates");
    assert!(validation.is_valid(), "{:?}", validation.findings());
}
