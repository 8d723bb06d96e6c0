//! Validating a collection: every invariant of its records and indexes, and that they are one
//! to one.

use std::collections::BTreeMap;

use bson::{Bson, Document, doc};

use super::catalog::document_in;
use super::handle::Collection;
use super::index_keys::Index;
use super::locked::OpenCollection;
use super::stats::number;
use crate::bson::document::check;
use crate::disk::View;
use crate::disk_loc::RecordLoc;
use crate::error::Result;
use crate::index::key;
use crate::namespace_string::NamespaceString;
use crate::store::{CheckReport, ExtentDump};

/// Findings of one kind that are put into words; more are counted.
const FINDINGS_MAX: usize = 200;

/// What validating a collection found.
#[derive(Debug)]
pub struct Validation {
    ns: NamespaceString,
    full: bool,
    records: CheckReport,
    invalid_documents: u64,
    bytes_bson: u64,
    /// Each index's namespace with the number of its entries.
    keys_per_index: Vec<(String, u64)>,
    errors: Vec<String>,
    notes: Vec<String>,
}

impl Collection {
    /// Checks everything that can be checked of the collection; with `full`, also that every
    /// document is valid BSON, and that indexes and documents are one to one.
    ///
    /// Damage is what it reports, not what it fails at. Holds the collection shared.
    /// Indexes in which nothing of an array was met may be read instead of the documents then.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`] if it does not exist.
    pub fn validate(&self, full: bool) -> Result<Validation> {
        let of_catalogue = self.check_catalogue();
        self.existing(|view, open| {
            let mut validation = Validation::run(view, self.namespace(), open, full);
            validation.errors.extend(of_catalogue);
            Ok(validation)
        })
    }

    /// Of the namespace of namespaces: what is wrong between it and the `.ns` file. Holds the
    /// database shared, which comes before a collection.
    fn check_catalogue(&self) -> Vec<String> {
        self.database
            .read(Vec::new(), |view, open| {
                match self.namespace().as_str() == open.catalog.namespaces_name() {
                    true => open.catalog.check(view),
                    false => Ok(Vec::new()),
                }
            })
            .unwrap_or_else(|error| vec![error.to_string()])
    }
}

/// The entries that documents should have in one index.
#[derive(Debug, Clone, Default)]
struct Expected {
    /// How many of each record.
    entries: BTreeMap<RecordLoc, u32>,
    /// May some be of an array?
    of_arrays: bool,
}

impl Validation {
    fn run(
        view: &impl View,
        ns: &NamespaceString,
        open: &OpenCollection,
        full: bool,
    ) -> Validation {
        let mut documents = Documents::default();
        let mut expected: Vec<Expected> = vec![Expected::default(); open.indexes.len()];
        let records = crate::store::check(view, &open.store, |loc, data| {
            if let Some(document) = documents.meet(loc, data)
                && full
            {
                expect_keys(open, document, loc, &mut expected);
            }
        });
        let mut out = Validation {
            ns: ns.clone(),
            full,
            records,
            invalid_documents: documents.invalid,
            bytes_bson: documents.bytes,
            keys_per_index: Vec::new(),
            errors: Vec::new(),
            notes: Vec::new(),
        };
        for finding in &out.records.findings {
            let text = finding.problem.to_string();
            if finding.is_error { out.errors.push(text) } else { out.notes.push(text) }
        }
        for loc in documents.first_invalid {
            out.errors.push(format!("the record at {loc} holds no valid document"));
        }
        let mut without_arrays = Vec::new();
        for (index, expected) in open.indexes.iter().zip(expected) {
            without_arrays.extend((full && !expected.of_arrays).then_some(index));
            out.check_index(view, open, index, expected.entries);
        }
        // Whoever wrote them, there is nothing to be noted.
        if out.is_valid() {
            without_arrays.into_iter().for_each(Index::set_notes_arrays);
        }
        out
    }

    fn check_index(
        &mut self,
        view: &impl View,
        open: &OpenCollection,
        index: &Index,
        mut expected: BTreeMap<RecordLoc, u32>,
    ) {
        let name = index.definition.namespace(self.ns.as_str());
        let comparable = self.full && index.unmaintainable().is_none();
        let mut stray = Vec::new();
        let report = index.tree.check(view, |key, loc| {
            if !comparable {
                return;
            }
            let wanted = expected.get_mut(&loc).filter(|left| **left > 0);
            match wanted.filter(|_| has_key(view, open, index, key, loc)) {
                Some(left) => *left -= 1,
                None => stray.push(loc),
            }
        });
        for finding in &report.findings {
            self.errors.push(format!("{name}: {finding}"));
        }
        if !report.is_sound() && report.damaged > report.findings.len() as u64 {
            self.errors.push(format!("{name}: {} damaged places in all", report.damaged));
        }
        for loc in stray.iter().take(FINDINGS_MAX) {
            self.errors.push(format!("{name}: an entry for {loc}, whose document has no such key"));
        }
        let missing = expected.iter().filter(|(_, left)| **left > 0);
        for (loc, left) in missing.take(FINDINGS_MAX) {
            self.errors
                .push(format!("{name}: {left} entries of the document at {loc} are missing"));
        }
        self.check_counts(open, index, view, report.keys);
        let buckets = crate::store::check(view, index.store(), |_, _| {});
        for finding in buckets.findings.iter().filter(|finding| finding.is_error) {
            self.errors.push(format!("{name}: {}", finding.problem));
        }
        self.keys_per_index.push((name, report.keys));
    }

    /// What mongod checks of the number of entries.
    fn check_counts(&mut self, open: &OpenCollection, index: &Index, view: &impl View, keys: u64) {
        let records = self.records.stats.records.max(0) as u64;
        let name = index.definition.name();
        let is_multikey = open.details().is_multikey(view, index.slot).unwrap_or(false);
        let covers_all = !index.definition.is_sparse()
            && index.definition.partial_filter().is_none()
            && index.unmaintainable().is_none();
        if (!is_multikey && keys > records) || (covers_all && keys < records) {
            self.errors.push(format!("index {name} has {keys} entries for {records} documents"));
        }
    }

    /// Is nothing wrong?
    pub fn is_valid(&self) -> bool {
        self.errors.is_empty()
    }

    /// What is wrong, in words.
    pub fn findings(&self) -> &[String] {
        &self.errors
    }

    /// What is worth a note, and harms nothing.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Number of documents that were read.
    pub fn objects_found(&self) -> u64 {
        self.records.objects_found
    }

    /// Entries of each index, by its namespace.
    pub fn keys_per_index(&self) -> &[(String, u64)] {
        &self.keys_per_index
    }

    /// The records' part: extents, holes, lengths.
    pub fn records(&self) -> &CheckReport {
        &self.records
    }

    /// As mongod 3.2's `validate` replies.
    pub fn to_document(&self) -> Document {
        let records = &self.records;
        let count = |n: u64| number(n as i64);
        let mut out = doc! { "ns": self.ns.as_str() };
        if records.is_capped {
            out.insert("capped", true);
            out.insert("max", records.max_docs.map_or(Bson::Int64(i64::MAX), Bson::Int32));
        }
        out.insert("datasize", number(records.stats.data_size));
        out.insert("nrecords", number(records.stats.records));
        out.insert("lastExtentSize", number(i64::from(records.last_extent_size)));
        let place = |extent: Option<&ExtentDump>| match extent {
            Some(extent) => format!("{} ns:{}", extent.loc, extent.ns_diagnostic),
            None => "null".to_owned(),
        };
        out.insert("firstExtent", place(records.extents.first()));
        out.insert("lastExtent", place(records.extents.last()));
        out.insert("extentCount", records.extents.len() as i32);
        if self.full {
            out.insert("extents", records.extents.iter().map(extent_document).collect::<Vec<_>>());
        }
        if let Some(first) = records.extents.first() {
            out.insert("firstExtentDetails", extent_document(first));
        }
        if records.extents.len() > 1
            && let Some(last) = records.extents.last()
        {
            out.insert("lastExtentDetails", extent_document(last));
        }
        if let Some(out_of_order) = records.capped_out_of_order {
            out.insert("cappedOutOfOrder", count(out_of_order));
        }
        out.insert("objectsFound", count(records.objects_found));
        if self.full {
            out.insert("invalidObjects", count(self.invalid_documents));
        }
        out.insert("nQuantizedSize", count(records.quantized));
        out.insert("bytesWithHeaders", count(records.bytes_with_headers));
        out.insert("bytesWithoutHeaders", count(records.bytes_without_headers));
        if self.full {
            out.insert("bytesBson", count(self.bytes_bson));
        }
        out.insert("deletedCount", count(records.deleted_count));
        out.insert("deletedSize", count(records.deleted_size));
        if self.full {
            let sizes = records.del_bucket_sizes.iter().map(|n| count(*n));
            out.insert("delBucketSizes", sizes.collect::<Vec<_>>());
        }
        out.insert("nIndexes", self.keys_per_index.len() as i32);
        let keys = self.keys_per_index.iter().map(|(name, keys)| (name.clone(), count(*keys)));
        out.insert("keysPerIndex", keys.collect::<Document>());
        if self.full {
            let empty =
                self.keys_per_index.iter().map(|(name, _)| (name.clone(), Bson::Document(doc! {})));
            out.insert("indexDetails", empty.collect::<Document>());
        }
        out.insert("valid", self.is_valid());
        out.insert("errors", self.errors.clone());
        if !self.full {
            out.insert(
                "warning",
                "Some checks omitted for speed. use {full:true} option to do \
                more thorough scan.",
            );
        }
        if !self.is_valid() {
            out.insert("advice", "ns corrupt. See http://dochub.mongodb.org/core/data-recovery");
        }
        out
    }
}

/// The documents as they are met.
#[derive(Default)]
struct Documents {
    invalid: u64,
    first_invalid: Vec<RecordLoc>,
    bytes: u64,
}

impl Documents {
    fn meet<'d>(&mut self, loc: RecordLoc, data: &'d [u8]) -> Option<&'d [u8]> {
        let document = document_in(data, loc).ok().map(|document| document.as_bytes());
        match document.filter(|document| check(document).is_ok()) {
            Some(document) => {
                self.bytes += document.len() as u64;
                Some(document)
            }
            None => {
                self.invalid += 1;
                if self.first_invalid.len() < FINDINGS_MAX {
                    self.first_invalid.push(loc);
                }
                None
            }
        }
    }
}

fn expect_keys(open: &OpenCollection, document: &[u8], loc: RecordLoc, expected: &mut [Expected]) {
    for (index, expected) in open.indexes.iter().zip(expected) {
        // A key that cannot be made is in no index either: mongod lets such documents be.
        let keys = index.keys_of(document);
        expected.of_arrays |= keys.as_ref().map_or(true, |keys| keys.met_array);
        let keys = keys.map_or(0, |keys| keys.set.len() as u32);
        if index.unmaintainable().is_none() && keys > 0 {
            expected.entries.insert(loc, keys);
        }
    }
}

/// Is `wanted` one of the keys of the document at `loc`?
fn has_key(
    view: &impl View,
    open: &OpenCollection,
    index: &Index,
    wanted: &[u8],
    loc: RecordLoc,
) -> bool {
    let (version, order) = (index.tree.version, index.tree.order);
    let keys = super::catalog::document_at(&open.store, view, loc)
        .and_then(|document| index.keys_of(document.as_bytes()));
    keys.is_ok_and(|keys| {
        keys.set.iter().any(|own| key::compare(version, own, wanted, order).is_eq())
    })
}

fn extent_document(extent: &ExtentDump) -> Document {
    doc! {
        "loc": extent.loc.to_string(),
        "xnext": extent.next.to_string(),
        "xprev": extent.prev.to_string(),
        "nsdiag": &extent.ns_diagnostic,
        "size": number(i64::from(extent.len)),
        "firstRecord": extent.first_record.to_string(),
        "lastRecord": extent.last_record.to_string(),
    }
}
