//! An index in plain memory, for tests: records of one length from a heap of files, and a tree.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use crate::bson::element::{Elements, Value};
use crate::disk::heap_files::HeapFiles;
use crate::disk::view::Edit;
use crate::disk_loc::{BucketLoc, DiskLoc, FileNo, RecordLoc};
use crate::error::Result;
use crate::format::record;
use crate::index::btree::{Btree, Inserted};
use crate::index::btree_cursor::BtreeCursor;
use crate::index::buckets::Buckets;
use crate::index::index_version::IndexVersion;
use crate::index::key::{self, KeyOrder};
use crate::store::Direction;

/// Where the test tree's IndexDetails lies.
const DETAILS: DiskLoc = DiskLoc { file: FileNo::NS.0, ofs: 132 + 192 };

/// Records handed out one after the other; freed ones again, the last one first.
#[derive(Debug, Clone, Default)]
pub struct HeapBuckets {
    next_ofs: i32,
    free: Vec<BucketLoc>,
    /// Buckets in use.
    pub live: u64,
}

impl Buckets for HeapBuckets {
    fn allocate(&mut self, edit: &mut impl Edit, data_len: usize) -> Result<BucketLoc> {
        self.live += 1;
        if let Some(loc) = self.free.pop() {
            return Ok(loc);
        }
        let len = (record::LEN + data_len) as i32;
        self.next_ofs = self.next_ofs.max(8192);
        let loc = BucketLoc(DiskLoc::new(FileNo::FIRST, self.next_ofs));
        edit.put(loc, record::LENGTH, len)?;
        self.next_ofs += len;
        Ok(loc)
    }

    fn free(&mut self, edit: &mut impl Edit, loc: BucketLoc) -> Result<()> {
        self.live -= 1;
        edit.write(loc.record().data(), &[0xee; 4])?;
        self.free.push(loc);
        Ok(())
    }
}

/// A tree with its files, and the oracle of what it should hold.
#[derive(Debug, Clone)]
pub struct TestIndex {
    /// The files.
    pub files: HeapFiles,
    /// The records.
    pub buckets: HeapBuckets,
    /// The tree.
    pub tree: Btree,
}

impl TestIndex {
    /// An empty index, in files of `bucket_count` buckets.
    pub fn new(version: IndexVersion, order: KeyOrder, unique: bool, bucket_count: usize) -> Self {
        let mut files = HeapFiles::default();
        files.add(FileNo::NS, 4096);
        files.add(FileNo::FIRST, 8192 + bucket_count * (version.bucket_len() + record::LEN));
        let tree = Btree { version, order, unique, details: DETAILS };
        let mut index = TestIndex { files, buckets: HeapBuckets::default(), tree };
        index.tree.edit(&mut index.files, &mut index.buckets).create().unwrap();
        index
    }

    /// An empty V1 index, ascending, not unique.
    pub fn v1() -> Self {
        TestIndex::new(IndexVersion::V1, KeyOrder::ASCENDING, false, 3000)
    }

    /// The key of the values of `doc`.
    pub fn key(&self, doc: &bson::RawDocument) -> Vec<u8> {
        encode(self.tree.version, doc)
    }

    /// Inserts an entry.
    pub fn insert(&mut self, key: &[u8], record: RecordLoc) -> Result<Inserted> {
        self.tree.edit(&mut self.files, &mut self.buckets).insert(key, record)
    }

    /// Deletes an entry.
    pub fn delete(&mut self, key: &[u8], record: RecordLoc) -> Result<bool> {
        self.tree.edit(&mut self.files, &mut self.buckets).delete(key, record)
    }

    /// All entries, in the order of a walk.
    pub fn walk(&self, direction: Direction) -> Result<Vec<(Vec<u8>, RecordLoc)>> {
        let mut cursor = BtreeCursor::new(self.tree, direction);
        let mut found = Vec::new();
        while let Some(record) = cursor.next(&self.files)? {
            found.push((cursor.key().to_vec(), record));
        }
        Ok(found)
    }
}

/// The key of the values of `doc`.
pub fn encode(version: IndexVersion, doc: &bson::RawDocument) -> Vec<u8> {
    let mut key = Vec::new();
    key::encode(version, &values(doc), "test", &mut key).unwrap();
    key
}

/// The values of a document, names ignored.
pub fn values(doc: &bson::RawDocument) -> Vec<Value<'_>> {
    Elements::new(doc.as_bytes()).unwrap().map(|element| element.unwrap().val()).collect()
}

/// Record number `i`: a place that sorts by `i`.
pub fn record(i: u32) -> RecordLoc {
    RecordLoc(DiskLoc { file: (i >> 24) as i32, ofs: (8192 + (i & 0xff_ffff) * 64) as i32 })
}

/// An entry that compares as the index's entries should.
#[derive(Debug, Clone)]
pub struct OracleEntry {
    version: IndexVersion,
    order: KeyOrder,
    /// Its encoded key.
    pub key: Vec<u8>,
    /// Its record.
    pub record: RecordLoc,
}

impl Ord for OracleEntry {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_key = key::compare(self.version, &self.key, &other.key, self.order);
        by_key.then(self.record.cmp(&other.record))
    }
}

impl PartialOrd for OracleEntry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for OracleEntry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for OracleEntry {}

/// What an index should hold.
#[derive(Debug, Clone, Default)]
pub struct Oracle(pub BTreeSet<OracleEntry>);

impl Oracle {
    /// The entry as the oracle holds it.
    pub fn entry(tree: &Btree, key: &[u8], record: RecordLoc) -> OracleEntry {
        OracleEntry { version: tree.version, order: tree.order, key: key.to_vec(), record }
    }

    /// The tree holds exactly this, both ways, and is sound.
    pub fn assert_equals(&self, index: &TestIndex) {
        let report = index.tree.check(&index.files, |_, _| ());
        assert!(report.is_sound(), "{:?}", report.findings);
        assert_eq!(report.keys, self.0.len() as u64);
        assert_eq!(report.buckets, index.buckets.live);
        let mut entries: Vec<_> = self.0.iter().map(|e| (e.key.clone(), e.record)).collect();
        assert!(index.walk(Direction::Forward).unwrap() == entries);
        entries.reverse();
        assert!(index.walk(Direction::Backward).unwrap() == entries);
    }
}
