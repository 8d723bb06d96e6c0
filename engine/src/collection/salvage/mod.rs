//! What can still be read of a damaged database.
//!
//! - S1. A sound collection is salvaged whole, in natural order.
//! - S2. Of a damaged one every document is found that the damage did not touch: its extents by
//!   what they look like ([`extents`]) and by chains ([`chains`]), its records by links and by
//!   their place ([`records`]). Those that the chains lead to come first, in natural order as
//!   far as they lead; in a capped collection, in the order of extents.
//! - S3. A document counts if it is BSON and ends inside of its extent, whatever else of its
//!   record is damaged. A hole is none: deleting stamps the bytes where its length was.
//! - S4. Every walk ends.

mod chains;
mod description;
mod extents;
mod nodes;
mod records;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use bson::{RawDocument, RawDocumentBuf};

use self::chains::Chains;
use self::extents::Extents;
use self::nodes::Node;
use super::catalog::document_in;
use super::options::CollectionOptions;
use super::scan::Located;
use super::stored_options::StoredOptions;
use crate::bson::document::{check, doc_len};
use crate::disk::View;
use crate::disk_loc::RecordLoc;
use crate::error::Result;
use crate::journal::DamagedFiles;
use crate::namespace_string::NamespaceString;
use crate::store::{Direction, NamespaceDetails, RecordScan};

/// The collections of users in a database, as far as they can be read.
#[derive(Debug)]
#[non_exhaustive]
pub struct SalvageReport {
    /// One for each collection that the `.ns` file, the catalogue or an extent names, by name.
    pub collections: Vec<Salvage>,
    /// What is wrong with the files and with the catalogue.
    pub problems: Vec<String>,
}

/// One collection, as far as it can be read.
#[derive(Debug)]
#[non_exhaustive]
pub struct Salvage {
    /// Its full name.
    pub ns: NamespaceString,
    /// What it was created with.
    pub options: CollectionOptions,
    /// The specifications of its indexes, that on `_id` excepted.
    pub indexes: Vec<RawDocumentBuf>,
    /// How many documents it should have; 0 if that is not known.
    pub recorded: u64,
    /// Records that were reached and hold no readable document.
    pub unreadable: Vec<RecordLoc>,
    /// What is wrong with it.
    pub problems: Vec<String>,
    records: Vec<RecordLoc>,
    files: Arc<DamagedFiles>,
}

impl Salvage {
    /// How many documents can be read.
    pub fn count(&self) -> usize {
        self.records.len()
    }

    /// The documents that can be read.
    pub fn documents(&self) -> impl Iterator<Item = Result<Located>> {
        let read = |&loc| Ok(Located { loc, document: document(&*self.files, loc)? });
        self.records.iter().map(read)
    }
}

impl SalvageReport {
    /// Looks at everything. `problems` are those that are known already.
    pub(crate) fn read(name: &str, files: DamagedFiles, problems: Vec<String>) -> SalvageReport {
        let files = Arc::new(files);
        let view = &*files;
        let (extents, nodes) = (extents::find(view), nodes::read(view, name));
        let chains = Chains::follow(view, &extents, &nodes);
        let remains = Remains { view, extents, nodes, chains };
        let mut report = SalvageReport { collections: Vec::new(), problems };
        let mut system = |collection: &str| {
            let ns = NamespaceString::system(name, collection);
            let found = remains.records(ns.as_str());
            let name = |problem| format!("{ns}: {problem}");
            report.problems.extend(found.problems.into_iter().map(name));
            let records = found.records.into_iter();
            records.filter_map(|loc| document(view, loc).ok()).collect::<Vec<_>>()
        };
        let entries = system("system.namespaces");
        let specs = system("system.indexes");
        let stored = system(StoredOptions::COLLECTION);
        for (ns, node) in remains.collections(&entries) {
            let details = node.map(|node| node.details);
            let found = remains.records(ns.as_str());
            let is_listed = entries.iter().any(|entry| names(entry, &ns));
            if details.is_none() && !is_listed && found.records.is_empty() {
                continue;
            }
            if details.is_none() {
                let how = if is_listed { "is listed" } else { "has extents" };
                report.problems.push(format!("{ns} {how}, but the .ns file has no node of it"));
            }
            let own = specs.iter().filter_map(|spec| description::index_of(spec, &ns));
            let mut indexes: Vec<RawDocumentBuf> = own.collect();
            indexes.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
            report.collections.push(Salvage {
                options: description::options(view, details, &ns, &entries, &stored, found.bytes),
                indexes,
                recorded: recorded(view, details).unwrap_or(0),
                unreadable: found.unreadable,
                problems: found.problems,
                records: found.records,
                files: files.clone(),
                ns,
            });
        }
        report
    }
}

/// Is it the catalogue's document of namespace `ns`?
fn names(entry: &RawDocument, ns: &NamespaceString) -> bool {
    entry.get_str("name").is_ok_and(|name| name == ns.as_str())
}

/// How many documents the details say there are.
fn recorded(view: &impl View, details: Option<NamespaceDetails>) -> Option<u64> {
    let stats = details?.stats(view).ok()?;
    u64::try_from(stats.records).ok()
}

/// The document in the record at `loc`, whose header may be damaged (S3).
fn document(view: &impl View, loc: RecordLoc) -> Result<RawDocumentBuf> {
    let left = view.file_len(loc.0.file_no()).saturating_sub(loc.data().ofs as u64);
    let most = usize::try_from(left).unwrap_or(0).min(crate::limits::DOCUMENT_LEN_MAX);
    let len = doc_len(view.bytes(loc.data(), most)?)?;
    let bytes = view.bytes(loc.data(), len)?;
    check(bytes)?;
    Ok(document_in(bytes, loc)?.to_owned())
}

/// What is left of a database.
struct Remains<'v, V> {
    view: &'v V,
    extents: Extents,
    nodes: Vec<Node>,
    chains: Chains,
}

/// The records of a namespace that were found.
#[derive(Default)]
struct Found {
    /// Those with a readable document.
    records: Vec<RecordLoc>,
    unreadable: Vec<RecordLoc>,
    problems: Vec<String>,
    /// Length of its extents.
    bytes: i64,
}

impl<V: View> Remains<'_, V> {
    fn node(&self, name: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.is_in_use && node.name == name)
    }

    /// The collections of users, with the node of each, if it has one.
    fn collections(&self, entries: &[RawDocumentBuf]) -> BTreeMap<NamespaceString, Option<&Node>> {
        let in_use = self.nodes.iter().filter(|node| node.is_in_use);
        let mut names: BTreeSet<&str> = in_use.map(|node| node.name.as_str()).collect();
        names.extend(entries.iter().filter_map(|entry| entry.get_str("name").ok()));
        names.extend(self.chains.left_over());
        let of_users = names.into_iter().filter_map(|name| {
            // A `$` is in the names of indexes and of overflow nodes.
            let ns = NamespaceString::parse(name).ok()?;
            let is_ours = ns.is_system() || ns.collection() == StoredOptions::COLLECTION;
            (!is_ours).then_some(ns)
        });
        of_users.map(|ns| (ns.clone(), self.node(ns.as_str()))).collect()
    }

    /// Finds the records of namespace `name`: by a scan (S1), else by all that is left (S2).
    fn records(&self, name: &str) -> Found {
        let chain = self.chains.of(name);
        let extents: Vec<_> =
            chain.extents.iter().filter_map(|loc| self.extents.get(loc)).collect();
        let bytes = extents.iter().map(|extent| i64::from(extent.end - extent.loc.0.ofs)).sum();
        let details = self.node(name).map(|node| node.details);
        let is_all = |found: &[RecordLoc]| recorded(self.view, details) == Some(found.len() as u64);
        let mut problems = Vec::new();
        if let Some(details) = details {
            match self.scan(details) {
                Ok(records) if chain.is_whole && is_all(&records) => {
                    return Found { records, bytes, ..Found::default() };
                }
                Ok(records) => {
                    problems.push(format!("{} records can be scanned", records.len()));
                }
                Err(error) => problems.push(error.to_string()),
            }
        }
        let mut found = Found { problems, bytes, ..Found::default() };
        if details.is_some() && !chain.is_whole {
            found.problems.push("its chain of extents is broken".to_owned());
        }
        for extent in extents {
            let of_extent = records::find(self.view, extent);
            if !of_extent.is_whole {
                found.problems.push(format!("the records of extent {} are damaged", extent.loc));
            }
            for loc in of_extent.found {
                let document = document(self.view, loc);
                let end = |len: usize| i64::from(loc.data().ofs) + len as i64;
                match document {
                    Ok(document) if end(document.as_bytes().len()) <= i64::from(extent.end) => {
                        found.records.push(loc);
                    }
                    _ => found.unreadable.push(loc),
                }
            }
        }
        found
    }

    /// The records in natural order, all of them readable.
    fn scan(&self, details: NamespaceDetails) -> Result<Vec<RecordLoc>> {
        let mut scan = RecordScan::new(details, Direction::Forward);
        let (mut records, mut met) = (Vec::new(), HashSet::new());
        while let Some(loc) = scan.next(self.view)? {
            document(self.view, loc)?;
            if !met.insert(loc) {
                let rule = "a scan meets each record once";
                return Err(crate::error::Error::corrupt(loc, "Record", rule, loc.0.record_id()));
            }
            records.push(loc);
        }
        Ok(records)
    }
}

#[cfg(test)]
mod tests;
