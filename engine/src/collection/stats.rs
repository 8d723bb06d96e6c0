//! The figures of a collection and of a database, in the shape of mongod 3.2's replies.

use std::sync::Arc;

use bson::{Bson, Document, doc};

use super::database_core::DatabaseCore;
use super::locked::OpenCollection;
use crate::disk::View;
use crate::disk_loc::{DiskLoc, ExtentLoc, FileNo};
use crate::error::Result;
use crate::format::data_file_header::{VERSION_MAJOR, VERSION_MINOR};
use crate::namespace_string::NamespaceString;
use crate::store::check::check_free_list;

const PADDING_FACTOR_NOTE: &str = "paddingFactor is unused and unmaintained in 3.0. \
    It remains hard coded to 1.0 for compatibility only.";

/// Figures of one collection: `collStats`. Sizes are in bytes.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CollStats {
    /// The collection.
    pub ns: NamespaceString,
    /// Number of documents.
    pub count: i64,
    /// Σ record lengths without their headers: padding counts.
    pub size: i64,
    /// Each extent's place and length, in chain order.
    pub extents: Vec<(ExtentLoc, i32)>,
    /// Length of the extent added last.
    pub last_extent_size: i32,
    /// The factor of 2.x, as stored.
    pub padding_factor: f64,
    /// Bit 0 `usePowerOf2Sizes`, bit 1 `noPadding`.
    pub user_flags: i32,
    /// Of a capped collection: most documents, if that is limited.
    pub capped: Option<Option<i32>>,
    /// Each index with the size of its buckets.
    pub index_sizes: Vec<(String, i64)>,
}

impl CollStats {
    pub(super) fn read(
        view: &impl View,
        ns: &NamespaceString,
        open: &OpenCollection,
    ) -> Result<CollStats> {
        let details = open.details();
        let stats = details.stats(view)?;
        let mut extents = Vec::new();
        for extent in open.store.extents(view)? {
            let extent = extent?;
            extents.push((extent.loc, extent.len));
        }
        let mut index_sizes = Vec::new();
        for index in &open.indexes {
            let size = index.namespace_details().stats(view)?.data_size;
            index_sizes.push((index.definition.name().to_owned(), size));
        }
        let is_capped = details.is_capped(view)?;
        Ok(CollStats {
            ns: ns.clone(),
            count: stats.records,
            size: stats.data_size,
            extents,
            last_extent_size: details.last_extent_size(view)?,
            padding_factor: details.padding_factor(view)?,
            user_flags: details.user_flags(view)?,
            capped: if is_capped { Some(details.max_docs(view)?) } else { None },
            index_sizes,
        })
    }

    /// Σ extent lengths.
    pub fn storage_size(&self) -> i64 {
        self.extents.iter().map(|(_, len)| i64::from(*len)).sum()
    }

    /// Σ sizes of the indexes.
    pub fn total_index_size(&self) -> i64 {
        self.index_sizes.iter().fold(0, |sum: i64, (_, size)| sum.saturating_add(*size))
    }

    /// As `collStats` replies.
    pub fn to_document(&self) -> Document {
        self.document(false)
    }

    /// As `collStats` with `verbose` replies: with the extents.
    pub fn to_verbose_document(&self) -> Document {
        self.document(true)
    }

    fn document(&self, verbose: bool) -> Document {
        let mut out = doc! {
            "ns": self.ns.as_str(), "count": number(self.count), "size": number(self.size),
        };
        if self.count > 0 {
            out.insert("avgObjSize", number(self.size / self.count));
        }
        out.insert("numExtents", self.extents.len() as i32);
        if verbose {
            let extent = |(loc, len): &(ExtentLoc, i32)| {
                let place = doc! { "file": loc.0.file, "offset": loc.0.ofs };
                // The key really is "loc: ".
                Bson::Document(doc! { "len": number(i64::from(*len)), "loc: ": place })
            };
            out.insert("extents", self.extents.iter().map(extent).collect::<Vec<_>>());
        }
        out.insert("storageSize", number(self.storage_size()));
        out.insert("lastExtentSize", f64::from(self.last_extent_size));
        out.insert("paddingFactor", 1.0);
        out.insert("paddingFactorNote", PADDING_FACTOR_NOTE);
        out.insert("userFlags", self.user_flags);
        out.insert("capped", self.capped.is_some());
        if let Some(max) = self.capped {
            out.insert("max", max.map_or(Bson::Int64(i64::MAX), Bson::Int32));
            out.insert("maxSize", number(self.storage_size()));
        }
        out.insert("nindexes", self.index_sizes.len() as i32);
        out.insert("indexDetails", Document::new());
        out.insert("totalIndexSize", number(self.total_index_size()));
        let sizes = self.index_sizes.iter().map(|(name, size)| (name.clone(), number(*size)));
        out.insert("indexSizes", sizes.collect::<Document>());
        out
    }
}

/// Figures of one database: `dbStats`. Sizes are in bytes; every namespace without `$` counts,
/// the catalogue's own included.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct DbStats {
    /// The database.
    pub database: String,
    /// Namespaces that are no indexes.
    pub collections: i32,
    /// Their documents.
    pub objects: i64,
    /// Σ record lengths without their headers.
    pub data_size: i64,
    /// Σ lengths of their extents.
    pub storage_size: i64,
    /// Number of their extents.
    pub extents: i64,
    /// Number of indexes.
    pub indexes: i32,
    /// Σ sizes of the indexes' buckets.
    pub index_size: i64,
    /// Σ lengths of the data files.
    pub file_size: i64,
    /// Size of the `.ns` file, MiB.
    pub ns_size_mib: i32,
    /// Free extents: number, and Σ lengths.
    pub free_extents: (i32, i64),
    /// Version of the first data file: major, minor.
    pub version: (u32, u32),
}

impl DbStats {
    /// The figures of a database, each collection held for itself.
    pub(crate) fn read(database: &Arc<DatabaseCore>) -> Result<DbStats> {
        let mut out = DbStats { database: database.name.clone(), ..DbStats::default() };
        for name in database.collection_names()? {
            let ns = NamespaceString::new(&database.name, &name)?;
            database.collection(ns)?.read((), |view, open| out.add(view, open))?;
        }
        database.read((), |view, open| {
            out.ns_size_mib = (view.file_len(FileNo::NS) >> 20) as i32;
            if view.file_count() == 0 {
                // A crash came between the namespace file and the first data file.
                return Ok(());
            }
            let _extents = open.files.claim_extents();
            let (free, free_len) = check_free_list(view)?;
            out.free_extents = (free as i32, free_len as i64);
            out.file_size = (0..view.file_count()).map(|n| view.file_len(FileNo(n)) as i64).sum();
            let first = DiskLoc::new(FileNo::FIRST, 0);
            out.version = (view.get(first, VERSION_MAJOR)?, view.get(first, VERSION_MINOR)?);
            Ok(())
        })?;
        Ok(out)
    }

    fn add(&mut self, view: &impl View, open: &OpenCollection) -> Result<()> {
        let stats = open.details().stats(view)?;
        self.collections += 1;
        // The figures are those of the files, whatever damage has made of them.
        self.objects = self.objects.saturating_add(stats.records);
        self.data_size = self.data_size.saturating_add(stats.data_size);
        for extent in open.store.extents(view)? {
            self.storage_size += i64::from(extent?.len);
            self.extents += 1;
        }
        self.indexes += open.indexes.len() as i32;
        for index in &open.indexes {
            let size = index.namespace_details().stats(view)?.data_size;
            self.index_size = self.index_size.saturating_add(size);
        }
        Ok(())
    }

    /// As `dbStats` replies.
    pub fn to_document(&self) -> Document {
        let average = match self.objects {
            0 => 0.0,
            objects => self.data_size as f64 / objects as f64,
        };
        let (free, free_len) = self.free_extents;
        let (major, minor) = self.version;
        doc! {
            "db": &self.database,
            "collections": self.collections,
            "objects": number(self.objects),
            "avgObjSize": average,
            "dataSize": self.data_size as f64,
            "storageSize": self.storage_size as f64,
            "numExtents": number(self.extents),
            "indexes": self.indexes,
            "indexSize": self.index_size as f64,
            "fileSize": self.file_size as f64,
            "nsSizeMB": self.ns_size_mib,
            "extentFreeList": { "num": free, "totalSize": number(free_len) },
            "dataFileVersion": { "major": major as i32, "minor": minor as i32 },
        }
    }
}

/// A number in the type that mongod 3.2 gives it: int32 below 2^30, double below 2^40, else
/// int64.
pub(super) fn number(n: i64) -> Bson {
    match n.unsigned_abs() {
        size if size < 1 << 30 => Bson::Int32(n as i32),
        size if size < 1 << 40 => Bson::Double(n as f64),
        _ => Bson::Int64(n),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_types_of_the_time() {
        assert_eq!(number((1 << 30) - 1), Bson::Int32((1 << 30) - 1));
        assert_eq!(number(-(1 << 30)), Bson::Double(-f64::from(1 << 30)));
        assert_eq!(number(1 << 30), Bson::Double(f64::from(1 << 30)));
        assert_eq!(number(1 << 40), Bson::Int64(1 << 40));
    }
}
