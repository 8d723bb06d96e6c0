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
