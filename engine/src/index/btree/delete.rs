//! Deletion: take the entry out of its leaf, or put a leaf's entry in its place.
//!
//! Every bucket on the way down was found to know its parent, so no path leads in a circle, and
//! a neighbour that names the same parent is neither an ancestor nor the bucket itself.

use crate::disk::view::Edit;
use crate::disk_loc::{BucketLoc, RecordLoc};
use crate::error::{Error, Result};
use crate::index::btree::find::Place;
use crate::index::btree::{Btree, BtreeEdit, DEPTH_MAX};
use crate::index::bucket::{Bucket, STRUCTURE};
use crate::index::bucket_edit::{BucketBuf, Entry};
use crate::index::buckets::Buckets;

impl<E: Edit, B: Buckets> BtreeEdit<'_, E, B> {
    /// Deletes the very entry, key and record. Returns whether it was there and in use.
    ///
    /// # Errors
    /// `Corrupt`, or the store's: replacing a key in an inner bucket may split it (T4).
    pub fn delete(&mut self, key: &[u8], record: RecordLoc) -> Result<bool> {
        let Place { bucket: at, spot } = self.tree.locate(&*self.edit, key, record)?;
        if !spot.exact || self.peek(at)?.node(spot.pos).unused {
            return Ok(false);
        }
        self.delete_at(at, spot.pos, DEPTH_MAX)?;
        Ok(true)
    }

    fn delete_at(&mut self, at: BucketLoc, pos: usize, depth: usize) -> Result<()> {
        let mut bucket = self.load(at)?;
        if pos >= bucket.n() {
            return Err(Error::corrupt(at, STRUCTURE, "stays as it was found", pos as i64));
        }
        let only = bucket.n() == 1;
        if bucket.child(pos).is_some() || only && bucket.next_child().is_some() {
            return self.delete_inner(bucket, pos, depth);
        }
        bucket.remove_entry(pos);
        self.write(&bucket)?;
        if bucket.parent().is_some() && !self.try_balance(at, depth)? && only {
            self.unlink(bucket)?;
        }
        Ok(())
    }

    /// Deletes an entry that parts two children: the entry next to it in a leaf replaces it.
    fn delete_inner(&mut self, mut bucket: BucketBuf, pos: usize, depth: usize) -> Result<()> {
        let depth = depth.checked_sub(1).ok_or_else(|| Btree::too_deep(bucket.loc()))?;
        let (left, right) = (bucket.child(pos), bucket.child(pos + 1));
        let (leaf_at, leaf_pos) = match (left, right) {
            (Some(child), _) => self.edge_entry(bucket.loc(), child, false)?,
            (None, Some(child)) => self.edge_entry(bucket.loc(), child, true)?,
            (None, None) => unreachable!("an inner entry has a child"),
        };
        let leaf = self.peek(leaf_at)?;
        if leaf.child(leaf_pos).is_some() || leaf.child(leaf_pos + 1).is_some() {
            bucket.set_unused(pos, true);
            return self.write(&bucket);
        }
        let entry = leaf.entry(leaf_pos)?;
        let key = entry.key.to_vec();
        let entry = Entry { key: &key, left, ..entry };
        self.replace(bucket, pos, &entry, right, depth)?;
        self.delete_at(leaf_at, leaf_pos, depth)
    }

    /// Puts `entry` in the place of entry `pos`, between the same children. May split.
    pub(super) fn replace(
        &mut self,
        mut bucket: BucketBuf,
        pos: usize,
        entry: &Entry<'_>,
        right: Option<BucketLoc>,
        depth: usize,
    ) -> Result<()> {
        bucket.remove_entry(pos);
        bucket.set_child(pos, entry.left);
        self.insert_here(bucket, pos, entry, right, depth)
    }

    /// The first or the last entry of the subtree at `child`.
    fn edge_entry(
        &self,
        mut parent: BucketLoc,
        mut child: BucketLoc,
        first: bool,
    ) -> Result<(BucketLoc, usize)> {
        for _ in 0..DEPTH_MAX {
            let bucket = self.peek_child(parent, child)?;
            let n = bucket.n();
            if n == 0 {
                return Err(Error::corrupt(child, STRUCTURE, "has a key, not being the root", 0));
            }
            match bucket.child(if first { 0 } else { n }) {
                Some(next) => (parent, child) = (child, next),
                None => return Ok((child, if first { 0 } else { n - 1 })),
            }
        }
        Err(Btree::too_deep(child))
    }

    /// The bucket at `child`, which must know that `parent` is above it.
    pub(super) fn peek_child(&self, parent: BucketLoc, child: BucketLoc) -> Result<Bucket<&[u8]>> {
        let bucket = self.peek(child)?;
        bucket.check_parent(Some(parent))?;
        Ok(bucket)
    }

    /// Frees a bucket that lost its last key and has no neighbour to balance with.
    fn unlink(&mut self, bucket: BucketBuf) -> Result<()> {
        let Some(parent) = bucket.parent() else { return Ok(()) };
        let mut parent = self.load(parent)?;
        let at = parent.index_of(bucket.loc())?;
        parent.set_child(at, None);
        self.write(&parent)?;
        self.free(bucket)
    }
}
