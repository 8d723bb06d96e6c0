//! A database on files in memory, and what tests of the store ask of it.

use std::collections::BTreeMap;

use crate::disk::View;
use crate::disk::heap_files::HeapFiles;
use crate::disk_loc::{FileNo, RecordLoc};
use crate::error::{Error, Result};
use crate::format::data_file_header as header;
use crate::store::data_file::DataFile;
use crate::store::new_database::{create_orphan_extent, ensure_system_namespaces};
use crate::store::{
    CheckReport, Direction, FileSizes, NamespaceIndex, NewNamespace, RecordScan, RecordStore,
    StoreOptions, check, extent_manager,
};

/// What a collection should hold.
pub type Model = BTreeMap<RecordLoc, Vec<u8>>;

/// A database with one data file.
#[derive(Debug, Clone)]
pub struct TestDb {
    pub files: HeapFiles,
    pub index: NamespaceIndex,
    pub namespaces: RecordStore,
    pub indexes: RecordStore,
}

impl TestDb {
    /// A new database `test` with a first file of `file_len` bytes.
    pub fn new(file_len: usize) -> TestDb {
        let mut files = HeapFiles::default();
        files.add(FileNo::NS, 1 << 20);
        files.add_data_file(FileNo::FIRST, file_len as i32);
        create_orphan_extent(&mut files, FileSizes::Small).expect("room");
        let index = NamespaceIndex::open(&files).expect("whole MiB");
        assert!(ensure_system_namespaces(&mut files, &index, "test").expect("room"));
        let store = |ns: &str| {
            let details = index.find(&files, ns).expect("sound").expect("there");
            RecordStore::new(details, ns, StoreOptions::default())
        };
        let (namespaces, indexes) = (store("test.system.namespaces"), store("test.system.indexes"));
        TestDb { files, index, namespaces, indexes }
    }

    /// A namespace without extents.
    pub fn namespace(&mut self, ns: &str, new: NewNamespace, options: StoreOptions) -> RecordStore {
        let details = self.index.add(&mut self.files, ns, new).expect("room");
        RecordStore::new(details, ns, options)
    }

    /// A collection with its first extent.
    pub fn collection(&mut self, ns: &str, options: StoreOptions) -> RecordStore {
        let new =
            NewNamespace { user_flags: options.policy.user_flags(), ..NewNamespace::default() };
        let store = self.namespace(ns, new, options);
        store.create_first_extent(&mut self.files).expect("room");
        store
    }

    /// Runs `operation`, adding data files for as long as it asks for them.
    pub fn with_growth<T>(
        &mut self,
        mut operation: impl FnMut(&mut HeapFiles) -> Result<T>,
    ) -> Result<T> {
        loop {
            let before = self.files.clone();
            match operation(&mut self.files) {
                Err(Error::NeedsDataFile { extent_len }) => {
                    self.files = before;
                    self.add_file(extent_len);
                }
                answer => return answer,
            }
        }
    }

    fn add_file(&mut self, extent_len: i32) {
        let no = FileNo(self.files.file_count());
        let usual_len = 16 << 20 << no.0.min(3);
        let needed = extent_len + header::LEN as i32 + header::TAIL;
        let len = (needed + 4095) / 4096 * 4096;
        self.files.add_data_file(no, len.max(usual_len));
    }

    /// Checks a namespace: nothing found, not even a note, and exactly `model` in it, in the
    /// same order both ways.
    pub fn assert_holds(&self, store: &RecordStore, model: &Model) -> CheckReport {
        let mut found = Model::new();
        let report = check(&self.files, store, |loc, data| {
            found.insert(loc, data.to_vec());
        });
        assert!(report.findings.is_empty(), "{:?}", report.findings);
        assert!(report.is_valid());
        assert!(found.keys().eq(model.keys()), "{:?} ≠ {:?}", found.keys(), model.keys());
        for (loc, data) in model {
            assert_eq!(&found[loc][..data.len()], data, "{loc}");
            let record = store.read(&self.files, *loc).expect("live");
            assert_eq!(record.data, found[loc], "{loc}");
        }
        let forward = self.scan(store, Direction::Forward);
        let mut backward = self.scan(store, Direction::Backward);
        backward.reverse();
        assert_eq!(forward, backward);
        assert_eq!(forward.len(), model.len());
        assert!(forward.iter().all(|loc| model.contains_key(loc)));
        report
    }

    /// All records of a namespace, in the order of a walk.
    pub fn scan(&self, store: &RecordStore, direction: Direction) -> Vec<RecordLoc> {
        let mut scan = RecordScan::new(store.details(), direction);
        let mut found = Vec::new();
        while let Some(loc) = scan.next(&self.files).expect("sound") {
            found.push(loc);
        }
        found
    }

    /// Every byte of every file is a header, in an extent of one of `stores`, in a free one, in
    /// the first one that nobody has, unused, or tail.
    pub fn assert_extents_tile(&self, stores: &[&RecordStore]) {
        let mut spans = vec![(crate::disk_loc::DiskLoc { file: 0, ofs: 8192 }, 8192)];
        for store in [&self.namespaces, &self.indexes].iter().chain(stores) {
            for extent in store.extents(&self.files).expect("sound") {
                let extent = extent.expect("sound");
                spans.push((extent.loc.0, extent.len));
            }
        }
        for extent in extent_manager::free_extents(&self.files).expect("sound") {
            let extent = extent.expect("sound");
            spans.push((extent.loc.0, extent.len));
        }
        spans.sort_unstable();
        for no in 0..self.files.file_count() {
            let unused = DataFile::read(&self.files, FileNo(no)).expect("sound");
            let file_len = self.files.file_len(FileNo(no)) as i32;
            let mut at = 8192;
            for (loc, len) in spans.iter().filter(|(loc, _)| loc.file == no) {
                assert_eq!(loc.ofs, at, "hole or overlap before {loc}");
                at += len;
            }
            assert_eq!(at + unused.unused_len + 16, file_len, "file {no}");
        }
    }
}
