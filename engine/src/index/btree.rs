//! The b-tree of one index: find, insert, delete (format, §10.7–§10.8).
//!
//! [`Btree`] says where the tree is and how it is ordered; it reads through any view.
//! [`BtreeEdit`] changes it within a unit of work. Which bucket is split, balanced, merged or
//! freed, in which order, and which bytes a key gets, is mongod's: the same operations give the
//! same files. Nothing is kept between operations: the files are the state.
//!
//! T1. Entries ascend strictly by (key, record); records ascend in descending indexes too.
//! T2. A root has no parent; every other bucket's parent leads to it, and it has a key.
//! T3. No path is longer than [`DEPTH_MAX`]: a longer one is a cycle, hence corrupt.
//! T4. After an error the tree may be half changed: the caller rolls its unit of work back.

mod balance;
#[cfg(test)]
mod damage_tests;
mod delete;
mod find;
mod insert;
mod split;
#[cfg(test)]
mod tests;

use crate::disk::view::{Edit, View};
use crate::disk_loc::{BucketLoc, DiskLoc, RecordLoc};
use crate::error::{Error, Result};
use crate::format::namespace::index_details;
use crate::index::bucket::{Bucket, RawBucket, STRUCTURE};
use crate::index::bucket_edit::{BucketBuf, write_parent};
use crate::index::buckets::{self, Buckets};
use crate::index::index_version::IndexVersion;
use crate::index::key::KeyOrder;

/// Longest path from the root that is believed. A tree of one-key buckets this deep would be
/// larger than a database can be.
pub const DEPTH_MAX: usize = 64;

/// A b-tree: where it is, and how it is ordered.
#[derive(Debug, Clone, Copy)]
pub struct Btree {
    /// Layout of its buckets and keys.
    pub version: IndexVersion,
    /// Which fields descend.
    pub order: KeyOrder,
    /// Does it hold a key at most once?
    pub unique: bool,
    /// Its slot among the namespace's indexes: the IndexDetails that names the root.
    pub details: DiskLoc,
}

/// What became of an insertion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Inserted {
    /// The entry is there now.
    New,
    /// The very entry, key and record, was there and in use.
    AlreadyPresent,
    /// The index is unique and has the key, for this record. Nothing was changed.
    Duplicate(RecordLoc),
}

/// One change of a tree, within one unit of work.
#[derive(Debug)]
pub struct BtreeEdit<'u, E, B> {
    tree: Btree,
    edit: &'u mut E,
    buckets: &'u mut B,
}

impl Btree {
    /// The root, or none between the making of the slot and of the first bucket.
    ///
    /// # Errors
    /// `Corrupt` if the slot is not inside of its file.
    pub fn root(&self, view: &impl View) -> Result<Option<BucketLoc>> {
        let head = view.get(self.details, index_details::HEAD)?;
        Ok((!head.is_null_or_unset()).then_some(BucketLoc(head)))
    }

    /// The root, which must be there.
    pub(super) fn existing_root(&self, view: &impl View) -> Result<BucketLoc> {
        let root = self.root(view)?;
        root.ok_or_else(|| Error::corrupt(self.details, "IndexDetails", "names a root", -1))
    }

    /// The bucket at `loc`, its header checked.
    ///
    /// # Errors
    /// `Corrupt` if there is none.
    pub fn bucket<'v>(&self, view: &'v impl View, loc: BucketLoc) -> Result<Bucket<&'v [u8]>> {
        buckets::read(view, self.version, loc)
    }

    /// The tree, to change it.
    pub fn edit<'u, E: Edit, B: Buckets>(
        &self,
        edit: &'u mut E,
        buckets: &'u mut B,
    ) -> BtreeEdit<'u, E, B> {
        BtreeEdit { tree: *self, edit, buckets }
    }

    /// A path that is too long, met at `loc`.
    pub(super) fn too_deep(loc: BucketLoc) -> Error {
        Error::corrupt(loc, STRUCTURE, "path from the root is short", DEPTH_MAX as i64)
    }
}

impl<E: Edit, B: Buckets> BtreeEdit<'_, E, B> {
    /// Makes the tree: one empty bucket, and the slot leads to it.
    ///
    /// # Errors
    /// The store's, for want of space.
    pub fn create(&mut self) -> Result<BucketLoc> {
        let root = self.allocate()?;
        self.write(&root)?;
        self.set_root(root.loc())?;
        Ok(root.loc())
    }

    /// The bucket at `loc` to edit, all its keys checked.
    pub(super) fn load(&self, loc: BucketLoc) -> Result<BucketBuf> {
        self.peek(loc)?.to_edit()
    }

    /// The bucket at `loc` to look at.
    pub(super) fn peek(&self, loc: BucketLoc) -> Result<Bucket<&[u8]>> {
        self.tree.bucket(&*self.edit, loc)
    }

    pub(super) fn write(&mut self, bucket: &BucketBuf) -> Result<()> {
        bucket.write_to(self.edit)
    }

    /// A new empty bucket, not written yet.
    pub(super) fn allocate(&mut self) -> Result<BucketBuf> {
        let version = self.tree.version;
        let loc = self.buckets.allocate(self.edit, version.bucket_len())?;
        let RawBucket { version, loc, bytes } = buckets::raw(&*self.edit, version, loc)?;
        Ok(RawBucket { version, loc, bytes: bytes.to_vec() }.into_empty())
    }

    /// Gives a bucket back.
    fn free(&mut self, mut bucket: BucketBuf) -> Result<()> {
        bucket.mark_freed();
        self.write(&bucket)?;
        self.buckets.free(self.edit, bucket.loc())
    }

    pub(super) fn set_root(&mut self, root: BucketLoc) -> Result<()> {
        self.edit.put(self.tree.details, index_details::HEAD, root.loc())
    }

    /// Tells `child` who its parent is; does nothing without a child.
    fn set_parent(&mut self, child: Option<BucketLoc>, parent: Option<BucketLoc>) -> Result<()> {
        let Some(child) = child else { return Ok(()) };
        self.peek(child)?;
        write_parent(self.edit, self.tree.version, child, parent)
    }

    /// Tells the children `from ..= to` of a bucket, written already, that they are its own.
    fn adopt(&mut self, bucket: &BucketBuf, from: usize, to: usize) -> Result<()> {
        for i in from..=to {
            self.set_parent(bucket.child(i), Some(bucket.loc()))?;
        }
        Ok(())
    }
}
