//! A map of a database's files: which extents there are, whose they are, and how their bytes
//! divide into documents, padding and holes. A picture, not a check: what cannot be read is
//! listed as a problem, and the rest is shown.
//!
//! F1. The extents of a file follow each other without gap, from the file's header to its unused
//!     tail: what no chain names is there, too, with the owner unknown.
//! F2. Every walk ends: chains of extents and records are checked link by link, and a deleted
//!     list by a set of what was met.

use std::collections::{BTreeMap, HashSet};

use super::catalog::has_extents;
use super::database_core::DatabaseCore;
use crate::bson::document::doc_len;
use crate::disk::View;
use crate::disk_loc::{ExtentLoc, FileNo};
use crate::error::Result;
use crate::format::{data_file_header, record};
use crate::store::data_file::DataFile;
use crate::store::deleted_lists::walk;
use crate::store::extent::Extent;
use crate::store::extent_manager;
use crate::store::padding::{BUCKET_SIZES, BUCKETS, bucket};
use crate::store::record::RecordHeader;
use crate::store::record_scan::neighbour;
use crate::store::{Direction, NamespaceDetails};

/// How the bytes of an extent, or of all extents of a namespace, are used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SpaceUsage {
    /// Bytes of the extents, headers included.
    pub extent_bytes: u64,
    /// Live records.
    pub records: u64,
    /// Bytes of their headers.
    pub header_bytes: u64,
    /// Bytes of the documents (or index buckets) in them.
    pub document_bytes: u64,
    /// Bytes of these records after their documents.
    pub padding_bytes: u64,
    /// Deleted records.
    pub holes: u64,
    /// Their bytes.
    pub hole_bytes: u64,
}

/// Whose an extent is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExtentOwner {
    /// This namespace's: a collection, or an index (`db.collection.$index`).
    Namespace(String),
    /// Nobody's: it is in the list of free extents.
    Free,
    /// No chain names it: lost, or its owner is damaged.
    Unknown,
}

/// One extent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtentMap {
    /// Its offset in the file, bytes.
    pub ofs: u64,
    /// Whose it is.
    pub owner: ExtentOwner,
    /// How it is used.
    pub usage: SpaceUsage,
}

/// One data file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileMap {
    /// Its number.
    pub file: FileNo,
    /// Its length, bytes.
    pub len: u64,
    /// Its bytes that no extent ever had.
    pub unused: u64,
    /// Its extents, in the order of their offsets (F1).
    pub extents: Vec<ExtentMap>,
}

/// The deleted records of one list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HoleList {
    /// Every hole of this list is shorter than this, bytes.
    pub shorter_than: u64,
    /// How many there are.
    pub holes: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// One namespace: a collection or an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamespaceMap {
    /// Its full name.
    pub ns: String,
    /// How all of its extents are used.
    pub usage: SpaceUsage,
    /// Its holes by length, as 3.x lists them; empty lists included.
    pub holes: Vec<HoleList>,
}

/// The files of one database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DatabaseMap {
    /// Its data files, by number.
    pub files: Vec<FileMap>,
    /// Its namespaces, by name.
    pub namespaces: Vec<NamespaceMap>,
    /// What could not be read.
    pub problems: Vec<String>,
}

impl SpaceUsage {
    fn add(&mut self, other: &SpaceUsage) {
        self.extent_bytes += other.extent_bytes;
        self.records += other.records;
        self.header_bytes += other.header_bytes;
        self.document_bytes += other.document_bytes;
        self.padding_bytes += other.padding_bytes;
        self.holes += other.holes;
        self.hole_bytes += other.hole_bytes;
    }
}

impl DatabaseMap {
    /// Draws the map; empty if the database does not exist.
    ///
    /// # Errors
    /// None that damage causes.
    pub(crate) fn read(database: &DatabaseCore) -> Result<DatabaseMap> {
        let map = database.read_whole(|view, open| {
            let mut survey = Survey { view, extents: BTreeMap::new(), map: DatabaseMap::default() };
            for node in open.catalog.nodes().iter(view) {
                match node {
                    Ok((ns, loc)) if has_extents(ns) => {
                        survey.namespace(ns.to_owned(), NamespaceDetails::at(loc));
                    }
                    Ok(_) => {}
                    Err(error) => survey.problem("namespaces", error),
                }
            }
            survey.map.namespaces.sort_by(|a, b| a.ns.cmp(&b.ns));
            survey.free_extents();
            for no in 0..view.file_count() {
                survey.file(FileNo(no));
            }
            Ok(survey.map)
        })?;
        Ok(map.unwrap_or_default())
    }
}

/// A map that is being drawn.
struct Survey<'v, V> {
    view: &'v V,
    extents: BTreeMap<ExtentLoc, (ExtentOwner, SpaceUsage)>,
    map: DatabaseMap,
}

impl<V: View> Survey<'_, V> {
    fn problem(&mut self, where_: &str, problem: impl std::fmt::Display) {
        self.map.problems.push(format!("{where_}: {problem}"));
    }

    fn namespace(&mut self, ns: String, details: NamespaceDetails) {
        let mut own = BTreeMap::new();
        if let Err(error) = self.chain(&ns, details, &mut own) {
            self.problem(&ns, error);
        }
        let mut lists = BUCKET_SIZES.map(|shorter_than| HoleList {
            shorter_than: shorter_than as u64,
            holes: 0,
            bytes: 0,
        });
        if let Err(error) = self.holes(details, &mut own, &mut lists) {
            self.problem(&ns, error);
        }
        let mut usage = SpaceUsage::default();
        own.values().for_each(|of_extent| usage.add(of_extent));
        for (loc, usage) in own {
            self.extents.insert(loc, (ExtentOwner::Namespace(ns.clone()), usage));
        }
        self.map.namespaces.push(NamespaceMap { ns, usage, holes: lists.to_vec() });
    }

    fn chain(
        &mut self,
        ns: &str,
        details: NamespaceDetails,
        own: &mut BTreeMap<ExtentLoc, SpaceUsage>,
    ) -> Result<()> {
        let holds_buckets = ns.contains('$') && !details.is_capped(self.view)?;
        for extent in extent_manager::extents(self.view, details)? {
            let extent = extent?;
            let mut usage = SpaceUsage { extent_bytes: extent.len as u64, ..Default::default() };
            if let Err(error) = records(self.view, &extent, holds_buckets, &mut usage) {
                self.problem(ns, error);
            }
            own.insert(extent.loc, usage);
        }
        Ok(())
    }

    fn holes(
        &mut self,
        details: NamespaceDetails,
        own: &mut BTreeMap<ExtentLoc, SpaceUsage>,
        lists: &mut [HoleList; BUCKETS],
    ) -> Result<()> {
        let mut heads = vec![details.legacy_list(self.view)?];
        // List 1 of a capped namespace leads into list 0.
        let count = if details.is_capped(self.view)? { 1 } else { BUCKETS };
        for list in 0..count {
            heads.push(details.deleted_list(self.view, list)?);
        }
        let mut seen = HashSet::new();
        for head in heads.into_iter().filter(|head| !head.is_invalid()) {
            for hole in walk(self.view, head) {
                let hole = hole?;
                if !seen.insert(hole.loc) {
                    break;
                }
                let list = &mut lists[bucket(hole.len)];
                list.holes += 1;
                list.bytes += hole.len as u64;
                if let Some(usage) = own.get_mut(&hole.loc.extent(hole.extent_ofs)) {
                    usage.holes += 1;
                    usage.hole_bytes += hole.len as u64;
                }
            }
        }
        Ok(())
    }

    fn free_extents(&mut self) {
        let chain = match extent_manager::free_extents(self.view) {
            Ok(chain) => chain,
            Err(error) => return self.problem("free extents", error),
        };
        for extent in chain {
            match extent {
                Ok(Extent { loc, len, .. }) => {
                    let usage = SpaceUsage { extent_bytes: len as u64, ..Default::default() };
                    self.extents.insert(loc, (ExtentOwner::Free, usage));
                }
                Err(error) => self.problem("free extents", error),
            }
        }
    }

    fn file(&mut self, file: FileNo) {
        let len = self.view.file_len(file);
        let tail = data_file_header::TAIL as u64;
        let unused = match DataFile::read(self.view, file) {
            Ok(header) => header.unused_len as u64,
            Err(error) => {
                self.problem(&format!("data file {file}"), error);
                0
            }
        };
        let mut extents = Vec::new();
        let mut covered = data_file_header::LEN as u64;
        let gap = |from: u64, to: u64, extents: &mut Vec<ExtentMap>| {
            if from < to {
                let usage = SpaceUsage { extent_bytes: to - from, ..Default::default() };
                extents.push(ExtentMap { ofs: from, owner: ExtentOwner::Unknown, usage });
            }
        };
        for (loc, (owner, usage)) in self.extents.iter().filter(|(loc, _)| loc.0.file == file.0) {
            let ofs = loc.0.ofs as u64;
            gap(covered, ofs, &mut extents);
            extents.push(ExtentMap { ofs, owner: owner.clone(), usage: *usage });
            covered = covered.max(ofs + usage.extent_bytes);
        }
        gap(covered, len.saturating_sub(unused + tail), &mut extents);
        self.map.files.push(FileMap { file, len, unused, extents });
    }
}

/// Adds the records of one extent up.
fn records(
    view: &impl View,
    extent: &Extent,
    holds_buckets: bool,
    usage: &mut SpaceUsage,
) -> Result<()> {
    let mut next = extent.enter(view, Direction::Forward)?;
    while let Some(loc) = next {
        let header = RecordHeader::read(view, loc)?;
        let data = view.bytes(loc.data(), header.len_net())?;
        let used = if holds_buckets { data.len() } else { doc_len(data).unwrap_or(0) };
        usage.records += 1;
        usage.header_bytes += record::LEN as u64;
        usage.document_bytes += used as u64;
        usage.padding_bytes += (data.len() - used) as u64;
        next = neighbour(view, loc, &header, Direction::Forward)?;
    }
    Ok(())
}
