//! Where buckets come from and go to, and how their bytes are read.
//!
//! The tree needs little of a store: a record of a fixed length, and to give it back. Reading
//! needs nothing but the view: a bucket is the data of a record at a known place.

use crate::disk::view::{Edit, View};
use crate::disk_loc::BucketLoc;
use crate::error::{Error, Result};
use crate::format::record;
use crate::index::bucket::{Bucket, RawBucket, STRUCTURE};
use crate::index::index_version::IndexVersion;
use crate::store::RecordStore;

/// The records of one index namespace.
pub trait Buckets {
    /// Takes a record for a bucket of `data_len` bytes. Its data may be anything.
    ///
    /// # Errors
    /// What the store's insertion says: no space, corruption.
    fn allocate(&mut self, edit: &mut impl Edit, data_len: usize) -> Result<BucketLoc>;

    /// Gives the record of a bucket back. The bucket was marked as freed before.
    ///
    /// # Errors
    /// What the store's removal says: corruption.
    fn free(&mut self, edit: &mut impl Edit, loc: BucketLoc) -> Result<()>;
}

impl Buckets for RecordStore {
    fn allocate(&mut self, edit: &mut impl Edit, data_len: usize) -> Result<BucketLoc> {
        Ok(self.insert_len(edit, data_len, &[])?.bucket())
    }

    fn free(&mut self, edit: &mut impl Edit, loc: BucketLoc) -> Result<()> {
        self.remove(edit, loc.record())
    }
}

/// The bytes at `loc`, not yet believed to be a bucket.
///
/// # Errors
/// `Corrupt` if the record there is shorter than a bucket, or no record at all.
pub fn raw(view: &impl View, version: IndexVersion, loc: BucketLoc) -> Result<RawBucket<&[u8]>> {
    let data_len = version.bucket_len();
    let record_len = view.get(loc, record::LENGTH)?;
    if loc.loc().file_no().is_ns() || (record_len as i64) < (record::LEN + data_len) as i64 {
        return Err(Error::corrupt(loc, STRUCTURE, "fills its record", record_len));
    }
    Ok(RawBucket { version, loc, bytes: view.bytes(loc.record().data(), data_len)? })
}

/// The bucket at `loc`, its header checked.
///
/// # Errors
/// `Corrupt` if there is none.
pub fn read(view: &impl View, version: IndexVersion, loc: BucketLoc) -> Result<Bucket<&[u8]>> {
    raw(view, version, loc)?.check()
}

#[cfg(test)]
mod tests {
    use bson::rawdoc;

    use super::*;
    use crate::disk::heap_files::HeapFiles;
    use crate::disk_loc::FileNo;
    use crate::index::btree::{Btree, Inserted};
    use crate::index::key::KeyOrder;
    use crate::index::test_index::{encode, record};
    use crate::store::new_database::{create_orphan_extent, ensure_system_namespaces};
    use crate::store::{FileSizes, NamespaceIndex, NewNamespace, StoreOptions, check};

    /// A tree in the records of a real namespace: the buckets lie where the format's §14 says,
    /// and the store counts them.
    #[test]
    #[cfg_attr(miri, ignore = "too long")]
    fn buckets_are_records() {
        let mut files = HeapFiles::default();
        files.add(FileNo::NS, 1 << 20);
        files.add_data_file(FileNo::FIRST, 16 << 20);
        create_orphan_extent(&mut files, FileSizes::Small).unwrap();
        let names = NamespaceIndex::open(&files).unwrap();
        ensure_system_namespaces(&mut files, &names, "test").unwrap();
        let new = NewNamespace::default();
        let collection = names.add(&mut files, "test.c", new).unwrap();
        let details = names.add(&mut files, "test.c.$_id_", new).unwrap();
        let mut store = RecordStore::new(details, "test.c.$_id_", StoreOptions::default());
        let tree = Btree {
            version: IndexVersion::V1,
            order: KeyOrder::ASCENDING,
            unique: true,
            details: collection.index_slot_loc(&files, 0).unwrap(),
        };

        let first = tree.edit(&mut files, &mut store).create().unwrap();
        assert_eq!(first.loc().ofs % 4096, 0);
        assert_eq!(store.details().stats(&files).unwrap().data_size, 8176);
        for i in 0..3000 {
            let key = encode(IndexVersion::V1, &rawdoc! { "": i });
            let inserted = tree.edit(&mut files, &mut store).insert(&key, record(i as u32));
            assert_eq!(inserted.unwrap(), Inserted::New);
        }
        let report = tree.check(&files, |_, _| ());
        assert!(report.is_sound() && report.buckets > 10);
        let stats = store.details().stats(&files).unwrap();
        assert_eq!(stats.records as u64, report.buckets);
        assert_eq!(stats.data_size as u64, 8176 * report.buckets);

        for i in 0..3000 {
            let key = encode(IndexVersion::V1, &rawdoc! { "": i });
            assert!(tree.edit(&mut files, &mut store).delete(&key, record(i as u32)).unwrap());
        }
        assert_eq!(store.details().stats(&files).unwrap().records, 1);
        assert!(check(&files, &store, |_, _| ()).findings.is_empty());
    }
}
