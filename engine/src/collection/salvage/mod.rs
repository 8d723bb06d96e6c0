//! What can still be read of a damaged database.
//!
//! - S1. A sound collection is salvaged whole, in natural order.
//! - S2. Of a damaged one every document is found that the damage did not touch: its extents by
//!   what they look like ([`extents`]) and by chains ([`chains`]), its records by links and by
//!   their place ([`records`]). Those that the chains lead to come first, in natural order as
//!   far as they lead; in a capped collection, in the order of extents.
//! - S3. A document counts if it is BSON and ends before the next record begins, whatever else
//!   of its record is damaged. A hole is none: its header tells, and deleting stamps the bytes
//!   where its length was.
//! - S4. Every walk ends.

mod catalogue;
mod chains;
mod extents;
mod nodes;
mod records;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use bson::RawDocumentBuf;

use self::catalogue::Catalogue;
use self::chains::Chains;
use self::extents::Extents;
use self::nodes::Node;
use super::catalog::document_in;
use super::options::CollectionOptions;
use super::scan::Located;
use super::stored_options::StoredOptions;
use crate::bson::document::{check, doc_len};
use crate::disk::View;
use crate::disk_loc::{DiskLoc, RecordLoc};
use crate::error::{Error, Result};
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
        let mut remains = Remains::look(view, name);
        let mut report = SalvageReport { collections: Vec::new(), problems };
        let [entries, specs, stored] =
            SYSTEM.map(|collection| remains.system(name, collection, &mut report.problems));
        let catalogue = Catalogue::of(&entries, &specs, &stored);
        remains.believe_listed(view, &catalogue);
        // What a node leads to is its own; what is left over goes to those that have none.
        let mut collections = Vec::from_iter(remains.collections(name, &catalogue));
        collections.sort_by_key(|(ns, details)| (details.is_none(), !catalogue.lists(ns)));
        report.problems.extend(remains.adopt(name, &collections, &catalogue));
        for (ns, details) in collections {
            let found = remains.records(&ns, details);
            let is_listed = catalogue.lists(&ns);
            if details.is_none() && !is_listed && found.records.is_empty() {
                continue;
            }
            if details.is_none() {
                let how = if is_listed { "is listed" } else { "has extents" };
                report.problems.push(format!("{ns} {how}, but the .ns file has no node of it"));
            }
            let mut problems = found.problems;
            report.collections.push(Salvage {
                options: catalogue.options(view, details, &ns, found.bytes, &mut problems),
                indexes: catalogue.indexes(&ns),
                recorded: recorded(view, details).unwrap_or(0),
                unreadable: found.unreadable,
                problems,
                records: found.records,
                files: files.clone(),
                ns,
            });
        }
        report.collections.sort_by(|a, b| a.ns.cmp(&b.ns));
        report.problems.extend(remains.unclaimed());
        report
    }
}

/// The collections of the catalogue that a salvage reads.
const SYSTEM: [&str; 3] = ["system.namespaces", "system.indexes", StoredOptions::COLLECTION];

/// How many documents the details say there are.
fn recorded(view: &impl View, details: Option<NamespaceDetails>) -> Option<u64> {
    let stats = details?.stats(view).ok()?;
    u64::try_from(stats.records).ok()
}

/// Length of the document in the record at `loc`, whose header may be damaged (S3).
fn document_len(view: &impl View, loc: RecordLoc) -> Result<usize> {
    let left = view.file_len(loc.0.file_no()).saturating_sub(loc.data().ofs as u64);
    let most = usize::try_from(left).unwrap_or(0).min(crate::limits::DOCUMENT_LEN_MAX);
    let len = doc_len(view.bytes(loc.data(), most)?)?;
    check(view.bytes(loc.data(), len)?)?;
    Ok(len)
}

fn document(view: &impl View, loc: RecordLoc) -> Result<RawDocumentBuf> {
    let len = document_len(view, loc)?;
    Ok(document_in(view.bytes(loc.data(), len)?, loc)?.to_owned())
}

/// What is left of a database.
struct Remains<'v, V> {
    view: &'v V,
    extents: Extents,
    /// Those in use come first.
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

impl<'v, V: View> Remains<'v, V> {
    fn look(view: &'v V, name: &str) -> Remains<'v, V> {
        let nodes = nodes::read(view, name);
        let ends = nodes.iter().flat_map(|node| [node.ends.0, node.ends.1]).flatten();
        let extents = extents::find(view, ends.map(|end| end.0));
        let in_use: Vec<&Node> = nodes.iter().filter(|node| node.is_in_use).collect();
        let chains = Chains::follow(view, &extents, &in_use);
        Remains { view, extents, nodes, chains }
    }

    /// The documents of one of the catalogue's own collections.
    fn system(
        &mut self,
        name: &str,
        collection: &str,
        problems: &mut Vec<String>,
    ) -> Vec<RawDocumentBuf> {
        let ns = NamespaceString::system(name, collection);
        let node = self.nodes.iter().find(|node| node.is_in_use && node.name == ns.as_str());
        let found = self.records(&ns, node.map(|node| node.details));
        problems.extend(found.problems.into_iter().map(|problem| format!("{ns}: {problem}")));
        found.records.into_iter().filter_map(|loc| document(self.view, loc).ok()).collect()
    }

    /// A node whose hash is wrong counts if the catalogue lists its name and no other node has
    /// it. Then chains are followed anew.
    fn believe_listed(&mut self, view: &V, catalogue: &Catalogue<'_>) {
        let in_use = self.nodes.iter().filter(|node| node.is_in_use);
        let names: HashSet<String> = in_use.map(|node| node.name.clone()).collect();
        let mut is_any = false;
        for node in self.nodes.iter_mut().filter(|node| !node.is_in_use) {
            node.is_in_use = catalogue.has(&node.name) && !names.contains(&node.name);
            is_any |= node.is_in_use;
        }
        if is_any {
            let in_use: Vec<&Node> = self.nodes.iter().filter(|node| node.is_in_use).collect();
            self.chains = Chains::follow(view, &self.extents, &in_use);
        }
    }

    /// The collections of users in database `name`, with what their nodes say.
    fn collections(
        &self,
        name: &str,
        catalogue: &Catalogue<'_>,
    ) -> BTreeMap<NamespaceString, Option<NamespaceDetails>> {
        let in_use = self.nodes.iter().filter(|node| node.is_in_use);
        let nodes = in_use.map(|node| (node.name.as_str(), Some(node.details)));
        let others = catalogue.names().chain(self.chains.left_over().map(|(name, _)| name));
        let mut found = BTreeMap::new();
        for (full, details) in others.map(|name| (name, None)).chain(nodes) {
            // A `$` is in the names of indexes and of overflow nodes.
            let Ok(ns) = NamespaceString::parse(full) else { continue };
            let is_ours = ns.is_system() || ns.collection() == StoredOptions::COLLECTION;
            if ns.database() == name && !is_ours {
                found.insert(ns, details);
            }
        }
        found
    }

    /// A collection always has an extent. If just one has lost all of its own, it was renamed, and
    /// what is left over was made for it under another name.
    fn adopt(
        &mut self,
        name: &str,
        collections: &[(NamespaceString, Option<NamespaceDetails>)],
        catalogue: &Catalogue<'_>,
    ) -> Option<String> {
        let is_known = |ns: &&NamespaceString| self.node(ns.as_str()) || catalogue.lists(ns);
        let known = || collections.iter().map(|(ns, _)| ns).filter(is_known);
        let mut bare = known().filter(|ns| self.chains.has_nothing_for(ns.as_str()));
        let (Some(bare), None) = (bare.next(), bare.next()) else { return None };
        let is_users = |made_for: &str| {
            NamespaceString::parse(made_for)
                .is_ok_and(|ns| ns.database() == name && !ns.is_system())
        };
        let nodes: HashSet<String> =
            known().filter(|ns| self.node(ns.as_str())).map(|ns| ns.to_string()).collect();
        let listed = |made_for: &str| catalogue.has(made_for) && !nodes.contains(made_for);
        let made_for = self.chains.adopt(bare.as_str(), &self.extents, is_users, listed)?;
        Some(format!("{bare} is taken to be what was made as {made_for}, and renamed"))
    }

    /// Is there a node of that name?
    fn node(&self, name: &str) -> bool {
        self.nodes.iter().any(|node| node.is_in_use && node.name == name)
    }

    /// Finds the records of namespace `ns`: by a scan (S1), else by all that is left (S2).
    fn records(&mut self, ns: &NamespaceString, details: Option<NamespaceDetails>) -> Found {
        let chain = self.chains.take(ns.as_str(), &self.extents);
        let extents: Vec<_> =
            chain.extents.iter().filter_map(|loc| self.extents.get(loc)).collect();
        let bytes = extents.iter().map(|extent| i64::from(extent.end - extent.loc.0.ofs)).sum();
        let mut found = Found { bytes, ..Found::default() };
        match details {
            Some(details) if chain.is_whole => match self.scan(details) {
                Ok(records) => {
                    let recorded = recorded(self.view, Some(details)).unwrap_or(0);
                    if recorded == records.len() as u64 {
                        return Found { records, ..found };
                    }
                    let scanned = records.len();
                    found.problems.push(format!("{scanned} records of {recorded} can be scanned"));
                }
                Err(error) => found.problems.push(error.to_string()),
            },
            Some(_) => found.problems.push("its chain of extents is broken".to_owned()),
            None => {}
        }
        for extent in extents {
            let of_extent = records::find(self.view, extent);
            if !of_extent.is_whole {
                found.problems.push(format!("the records of extent {} are damaged", extent.loc));
            }
            let (readable, unreadable) = self.readable(&of_extent.found, extent.end);
            found.records.extend(readable);
            found.unreadable.extend(unreadable);
        }
        found
    }

    /// Which records of an extent that ends at `end` hold a document: each ends before the next
    /// record begins, so that together they are no longer than the extent.
    fn readable(&self, records: &[RecordLoc], end: i32) -> (Vec<RecordLoc>, Vec<RecordLoc>) {
        let starts: BTreeSet<i32> = records.iter().map(|loc| loc.0.ofs).collect();
        records.iter().partition(|loc| {
            let next = starts.range(loc.0.ofs + 1..).next().copied().unwrap_or(end);
            let room = usize::try_from(next - loc.data().ofs).unwrap_or(0);
            document_len(self.view, **loc).is_ok_and(|len| len <= room)
        })
    }

    /// The records in natural order, if all of them can be read and lie apart.
    fn scan(&self, details: NamespaceDetails) -> Result<Vec<RecordLoc>> {
        let mut scan = RecordScan::new(details, Direction::Forward);
        let (mut records, mut ends) = (Vec::new(), BTreeMap::new());
        while let Some(loc) = scan.next(self.view)? {
            let len = document_len(self.view, loc)?;
            ends.insert(loc, loc.data().ofs as i64 + len as i64);
            records.push(loc);
        }
        let mut at = RecordLoc(DiskLoc::MIN);
        let mut end = 0;
        for (loc, its_end) in ends {
            if loc.0.file == at.0.file && i64::from(loc.0.ofs) < end {
                let rule = "records do not overlap";
                return Err(Error::corrupt(loc, "Record", rule, loc.0.record_id()));
            }
            (at, end) = (loc, its_end);
        }
        Ok(records)
    }

    /// What of user's extents nobody has taken.
    fn unclaimed(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (name, extents) in self.chains.left_over() {
            let remains = extents.iter().filter_map(|loc| self.extents.get(loc));
            let found: usize =
                remains.map(|extent| records::find(self.view, extent).found.len()).sum();
            if found > 0 && !name.contains('$') {
                problems
                    .push(format!("{found} records of extents made for '{name}' belong to none"));
            }
        }
        problems.sort();
        problems
    }
}

#[cfg(test)]
mod tests;
