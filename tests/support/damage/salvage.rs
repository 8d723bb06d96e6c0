//! What has to be salvaged, document by document: all that the damage did not touch, under its
//! collection, and nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;

use bson::RawDocumentBuf;
use tallymap::disk::Disk;

use super::Damage;
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
}

impl Expected {
    /// What the sound database has.
    pub fn of(disk: Arc<dyn Disk>) -> Expected {
        let report = probe::salvage(disk).expect("the database");
        assert!(report.problems.is_empty(), "{:?}", report.problems);
        let mut expected = BTreeMap::new();
        for salvaged in &report.collections {
            assert!(salvaged.problems.is_empty(), "{}: {:?}", salvaged.ns, salvaged.problems);
            expected.insert(salvaged.ns.to_string(), Documents::from_iter(documents(salvaged)));
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
        for (ns, documents) in &self.0 {
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
                if !documents.contains_key(ofs) && !is_touched(*ofs, document) {
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

fn documents(salvaged: &tallymap::Salvage) -> impl Iterator<Item = (u64, RawDocumentBuf)> {
    let found = salvaged.documents().map(|found| found.expect("was readable"));
    found.map(|found| (found.loc.0.ofs as u64 + 16, found.document))
}
