//! What can still be read of a damaged database.
//!
//! V1. A sound collection is salvaged whole, in natural order. Of a damaged one the documents in
//!     natural order up to the damage come first, then what else is found.
//! V2. Past damage, each extent of the chain is walked forward and backward as far as links lead
//!     to places where records may be, and so is the chain of extents. A record is reached if a
//!     record or extent that was reached names it; its document counts if it is BSON and ends
//!     inside of its extent, whatever else of the record is damaged.
//! V3. Every walk ends: no record and no extent is visited twice in one direction.
//! V4. What neither direction reaches is lost, and so is every document that is not BSON. A hole
//!     is no document: deleting stamps the bytes where its length was.

use std::collections::HashSet;
use std::sync::Arc;

use bson::{RawDocument, RawDocumentBuf};

use super::catalog::{Catalog, document_in};
use super::database_core::DatabaseCore;
use super::options::{Capped, CollectionOptions};
use super::scan::Located;
use super::stored_options::StoredOptions;
use crate::bson::document::{check, doc_len};
use crate::disk::View;
use crate::disk_loc::{ExtentLoc, RecordLoc};
use crate::error::{Error, Result};
use crate::format::namespace::details::FLAG_NO_PADDING;
use crate::format::record::{LEN, NEXT_OFS, PREV_OFS};
use crate::namespace_string::NamespaceString;
use crate::store::extent::Extent;
use crate::store::{CappedExtents, Direction, NamespaceDetails, RecordScan, SizingPolicy};

/// The collections of users in a database, as far as they can be read.
#[derive(Debug)]
#[non_exhaustive]
pub struct SalvageReport {
    /// One for each collection that the `.ns` file names, by name.
    pub collections: Vec<Salvage>,
    /// What is wrong with the catalogue.
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
    /// How many documents it should have.
    pub recorded: u64,
    /// Records that were reached and hold no readable document.
    pub unreadable: Vec<RecordLoc>,
    /// What is wrong with it.
    pub problems: Vec<String>,
    records: Vec<RecordLoc>,
    database: Arc<DatabaseCore>,
}

impl Salvage {
    /// How many documents can be read.
    pub fn count(&self) -> usize {
        self.records.len()
    }

    /// The documents that can be read.
    pub fn documents(&self) -> impl Iterator<Item = Result<Located>> {
        self.records.iter().map(|&loc| {
            let found = self.database.read_whole(|view, _| document(view, loc))?;
            let document = found.ok_or_else(|| missing(&self.database))?;
            Ok(Located { loc, document })
        })
    }
}

impl SalvageReport {
    /// Looks at everything.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the database does not exist.
    pub(crate) fn read(database: &Arc<DatabaseCore>) -> Result<SalvageReport> {
        let found = database
            .read_whole(|view, open| Ok(SalvageReport::of(view, database, &open.catalog)))?;
        found.ok_or_else(|| missing(database))
    }

    fn of(view: &impl View, database: &Arc<DatabaseCore>, catalog: &Catalog) -> SalvageReport {
        let mut report = SalvageReport { collections: Vec::new(), problems: Vec::new() };
        let system = |name: &str| report_of(view, catalog, &format!("{}.{name}", database.name));
        let entries = system("system.namespaces");
        let specs = system("system.indexes");
        let stored = system(StoredOptions::COLLECTION);
        report.problems.extend(entries.problems.iter().chain(&specs.problems).cloned());
        for node in catalog.nodes().iter(view) {
            let (ns, details) = match node {
                Ok((name, loc)) => (NamespaceString::parse(name), NamespaceDetails::at(loc)),
                Err(error) => {
                    report.problems.push(error.in_database(&database.name).to_string());
                    continue;
                }
            };
            // A `$` is in the names of indexes and of overflow nodes.
            let Ok(ns) = ns else { continue };
            if ns.is_system() || ns.collection() == StoredOptions::COLLECTION {
                continue;
            }
            let found = Reachable::find(view, details);
            let mut salvage = Salvage {
                options: options(view, details, &ns, &entries, &stored),
                indexes: specs.documents.iter().filter_map(|spec| index_of(spec, &ns)).collect(),
                recorded: details.stats(view).map_or(0, |stats| stats.records.max(0) as u64),
                unreadable: found.unreadable,
                problems: found.problems,
                records: found.records,
                database: database.clone(),
                ns,
            };
            salvage.indexes.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
            report.collections.push(salvage);
        }
        report.collections.sort_by(|a, b| a.ns.cmp(&b.ns));
        report
    }
}

fn missing(database: &DatabaseCore) -> Error {
    Error::NotFound { what: "database", name: database.name.clone() }
}

/// The documents of a namespace of the catalogue, and what is wrong with it.
#[derive(Default)]
struct Documents {
    documents: Vec<RawDocumentBuf>,
    problems: Vec<String>,
}

fn report_of(view: &impl View, catalog: &Catalog, ns: &str) -> Documents {
    let Ok(Some(details)) = catalog.find(view, ns) else { return Documents::default() };
    let found = Reachable::find(view, details);
    let documents = found.records.iter().filter_map(|loc| document(view, *loc).ok()).collect();
    let name = |problem: &String| format!("{ns}: {problem}");
    Documents { documents, problems: found.problems.iter().map(name).collect() }
}

/// The specification in `spec` if it is one of collection `ns`, without what only a stored one
/// has: the version may be one that is no longer made.
fn index_of(spec: &RawDocument, ns: &NamespaceString) -> Option<RawDocumentBuf> {
    let is_own = spec.get_str("ns").is_ok_and(|found| found == ns.as_str());
    if !is_own || spec.get_str("name").is_ok_and(|name| name == "_id_") {
        return None;
    }
    let mut request = RawDocumentBuf::new();
    for (name, value) in spec.iter().flatten().filter(|(name, _)| *name != "v") {
        request.append(name, value);
    }
    Some(request)
}

/// What the catalogue, our own collection, and the details say, in that order.
fn options(
    view: &impl View,
    details: NamespaceDetails,
    ns: &NamespaceString,
    entries: &Documents,
    stored: &Documents,
) -> CollectionOptions {
    let mut options = CollectionOptions::default();
    if details.user_flags(view).is_ok_and(|flags| flags & FLAG_NO_PADDING != 0) {
        options.policy = SizingPolicy::Exact;
    }
    let own =
        |document: &&RawDocumentBuf| document.get_str("_id").is_ok_and(|id| id == ns.collection());
    if let Some(own) = stored.documents.iter().find(own).map(|own| StoredOptions::parse(own))
        && let Ok(own) = own
    {
        options.policy = own.policy.unwrap_or(options.policy);
        options.template = own.template;
    }
    if details.is_capped(view).unwrap_or(false) {
        let own =
            |entry: &&RawDocumentBuf| entry.get_str("name").is_ok_and(|name| name == ns.as_str());
        let entry = entries.documents.iter().find(own);
        let listed = entry.and_then(|entry| entry.get_document("options").ok());
        let size = listed.and_then(|listed| integer(listed, "size"));
        let extents = || Reachable::extents(view, details).0;
        let storage = || extents().iter().map(|extent| i64::from(extent.len)).sum();
        let max = details.max_docs(view).unwrap_or(None).map(i64::from);
        options.template = None;
        let size = size.unwrap_or_else(storage).max(1);
        options.capped = Some(Capped { size, max, extents: CappedExtents::Whole });
    }
    options
}

fn integer(document: &RawDocument, name: &str) -> Option<i64> {
    match document.get(name).ok()?? {
        bson::RawBsonRef::Int32(n) => Some(n.into()),
        bson::RawBsonRef::Int64(n) => Some(n),
        bson::RawBsonRef::Double(n) => Some(n as i64),
        _ => None,
    }
}

/// The document in the record at `loc`, whose header may be damaged (V2).
fn document(view: &impl View, loc: RecordLoc) -> Result<RawDocumentBuf> {
    let len = doc_len_at(view, loc)?;
    let bytes = view.bytes(loc.data(), len)?;
    check(bytes)?;
    Ok(document_in(bytes, loc)?.to_owned())
}

fn doc_len_at(view: &impl View, loc: RecordLoc) -> Result<usize> {
    let left = view.file_len(loc.0.file_no()).saturating_sub(loc.data().ofs as u64);
    let most = usize::try_from(left).unwrap_or(0).min(crate::limits::DOCUMENT_LEN_MAX);
    doc_len(view.bytes(loc.data(), most)?)
}

/// The records of a namespace that can be reached.
#[derive(Default)]
struct Reachable {
    /// Those with a readable document.
    records: Vec<RecordLoc>,
    unreadable: Vec<RecordLoc>,
    problems: Vec<String>,
    met: HashSet<RecordLoc>,
}

impl Reachable {
    fn find(view: &impl View, details: NamespaceDetails) -> Reachable {
        let mut found = Reachable::default();
        let mut scan = RecordScan::new(details, Direction::Forward);
        let broken = loop {
            match scan.next(view) {
                Ok(Some(loc)) => found.meet(view, loc, None),
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        if let Some(error) = broken {
            found.problems.push(error.to_string());
            let (extents, problems) = Reachable::extents(view, details);
            found.problems.extend(problems);
            for extent in &extents {
                found.sweep(view, extent, Direction::Forward);
            }
            for extent in extents.iter().rev() {
                found.sweep(view, extent, Direction::Backward);
            }
        }
        found
    }

    /// Notes a record, once. `end` bounds its document where the header may be damaged.
    fn meet(&mut self, view: &impl View, loc: RecordLoc, end: Option<i32>) {
        if !self.met.insert(loc) {
            return;
        }
        let ends = |len: usize| loc.data().ofs as i64 + len as i64;
        let fits = |len: usize| end.is_none_or(|end| ends(len) <= i64::from(end));
        match doc_len_at(view, loc).is_ok_and(fits) && document(view, loc).is_ok() {
            true => self.records.push(loc),
            false => self.unreadable.push(loc),
        }
    }

    /// Walks the records of one extent in one direction, whatever their headers say of
    /// themselves, as long as links lead to places where records may be.
    fn sweep(&mut self, view: &impl View, extent: &Extent, direction: Direction) {
        let (end, field) = match direction {
            Direction::Forward => (extent.first_record(), NEXT_OFS),
            Direction::Backward => (extent.last_record(), PREV_OFS),
        };
        let mut visited = HashSet::new();
        let mut next = end;
        while let Some(loc) = next.filter(|loc| visited.insert(*loc)) {
            self.meet(view, loc, Some(extent.end()));
            let link = view.bytes(loc.0, LEN).map(|raw| field.get(raw)).ok();
            next = link.filter(|ofs| extent.has_record_at(*ofs)).map(|ofs| extent.loc.record(ofs));
        }
    }

    /// The extents of a namespace, from both ends of the chain, and what is wrong with it.
    fn extents(view: &impl View, details: NamespaceDetails) -> (Vec<Extent>, Vec<String>) {
        let mut problems = Vec::new();
        let mut met = HashSet::new();
        let mut from = |end: Result<Option<ExtentLoc>>, direction| {
            let (mut extents, mut visited) = (Vec::new(), HashSet::new());
            let mut next = end.unwrap_or(None);
            while let Some(loc) = next.filter(|loc| visited.insert(*loc)) {
                let extent = match Extent::read(view, loc) {
                    Ok(extent) => extent,
                    Err(error) => {
                        problems.push(error.to_string());
                        break;
                    }
                };
                if met.insert(loc) {
                    extents.push(extent);
                }
                next = extent.neighbour(direction);
            }
            extents
        };
        let mut extents = from(details.first_extent(view), Direction::Forward);
        let backward = from(details.last_extent(view), Direction::Backward);
        extents.extend(backward.into_iter().rev());
        (extents, problems)
    }
}

#[cfg(test)]
mod tests;
