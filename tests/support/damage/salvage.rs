//! What has to be salvaged, document by document: all that the damage did not touch, under its
//! collection, and nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;

use bson::RawDocumentBuf;
use tallymap::disk::Disk;
use tallymap::{Direction, Located, Salvage};

use super::{Damage, image};
use crate::fuzz::image::builder;
use crate::fuzz::probe;

/// Where a document begins in data file 0, and the document.
type Documents = BTreeMap<u64, RawDocumentBuf>;

/// The documents of a sound database by collection.
pub struct Expected(pub BTreeMap<String, Documents>);

/// How many documents there were.
#[derive(Debug, Default, Clone, Copy)]
pub struct Count {
    /// Not touched by the damage.
    pub untouched: u64,
    /// Of these, salvaged.
    pub salvaged: u64,
    /// Touched, and so perhaps lost.
    pub touched: u64,
    /// Not in the sound database, but once: what was dropped or emptied, come up again.
    pub stale: u64,
}

impl Expected {
    /// What an engine finds in the sound database; a salvage finds nothing wrong with it.
    pub fn of(disk: Arc<dyn Disk>) -> Expected {
        let report = probe::salvage(disk.clone()).expect("the database");
        assert!(report.problems.is_empty(), "{:?}", report.problems);
        for salvaged in &report.collections {
            assert!(salvaged.problems.is_empty(), "{}: {:?}", salvaged.ns, salvaged.problems);
        }
        let engine = builder(disk).read_only(true).open().expect("sound");
        let database = engine.database("d").expect("a valid name");
        let mut expected = BTreeMap::new();
        for name in database.collection_names().expect("sound") {
            if name.starts_with("system.") || name.starts_with("tallymap.") {
                continue;
            }
            let collection = database.collection(&name).expect("sound");
            let scan = collection.scan(Direction::Forward).expect("sound");
            let documents = scan.map(|found| place(found.expect("sound"))).collect();
            expected.insert(collection.namespace().to_string(), documents);
        }
        Expected(expected)
    }

    /// Salvages the damaged disk. Answers what is wrong with that.
    pub fn check(&self, disk: Arc<dyn Disk>, damage: &Damage, count: &mut Count) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut found = BTreeMap::new();
        for salvaged in probe::salvage(disk).iter().flat_map(|report| &report.collections) {
            let all: Vec<_> = documents(salvaged).collect();
            let of_ns = Documents::from_iter(all.iter().cloned());
            if of_ns.len() != all.len() {
                wrong.push(format!("{} gives a document twice", salvaged.ns));
            }
            found.insert(salvaged.ns.to_string(), of_ns);
        }
        let mut expected = self.0.clone();
        if damage.is_of_a_sector() {
            // Extents keep the name that they were made for: where more than that is lost, nobody
            // can tell a collection that was renamed from a later one of its old name.
            join(&mut expected);
            join(&mut found);
        }
        for (ns, documents) in &expected {
            let of_ns = found.remove(ns).unwrap_or_default();
            let is_touched = |ofs: u64, document: &RawDocumentBuf| {
                damage.touches(ofs, ofs + document.as_bytes().len() as u64)
            };
            for (ofs, document) in documents {
                if is_touched(*ofs, document) {
                    count.touched += 1;
                    continue;
                }
                count.untouched += 1;
                if of_ns.get(ofs) == Some(document) {
                    count.salvaged += 1;
                } else {
                    wrong.push(format!("{ns}: the document at {ofs:x} is lost"));
                }
            }
            for (ofs, document) in &of_ns {
                if documents.contains_key(ofs) || is_touched(*ofs, document) {
                    continue;
                }
                if damage.is_of_a_sector() && image::was_gone(document) {
                    count.stale += 1;
                } else {
                    wrong.push(format!("{ns}: the document at {ofs:x} is invented"));
                }
            }
        }
        for (ns, documents) in found.iter().filter(|(_, documents)| !documents.is_empty()) {
            wrong.push(format!("{} documents of {ns}, which there was not", documents.len()));
        }
        wrong
    }
}

/// Puts what was renamed and what has its old name together.
fn join(collections: &mut BTreeMap<String, Documents>) {
    if let Some(renamed) = collections.remove(image::RENAMED) {
        collections.entry(image::OLD_NAME.to_owned()).or_default().extend(renamed);
    }
}

fn documents(salvaged: &Salvage) -> impl Iterator<Item = (u64, RawDocumentBuf)> {
    salvaged.documents().map(|found| place(found.expect("was readable")))
}

/// The only data file is number 0.
fn place(found: Located) -> (u64, RawDocumentBuf) {
    assert_eq!(found.loc.0.file, 0);
    (found.loc.0.ofs as u64 + 16, found.document)
}
