//! Insertion: find the gap in a leaf, put the entry there, split when it is full.

use crate::disk::view::Edit;
use crate::disk_loc::{BucketLoc, RecordLoc};
use crate::error::{Error, Result};
use crate::index::btree::find::Place;
use crate::index::btree::{Btree, BtreeEdit, DEPTH_MAX, Inserted};
use crate::index::bucket::STRUCTURE;
use crate::index::bucket_edit::{BucketBuf, Entry};
use crate::index::buckets::Buckets;

impl<E: Edit, B: Buckets> BtreeEdit<'_, E, B> {
    /// Inserts an entry. An entry that was only marked as unused is put to use again.
    ///
    /// # Errors
    /// `Corrupt`, or the store's for want of space (T4).
    ///
    /// # Panics
    /// If the key is longer than the version's limit.
    pub fn insert(&mut self, key: &[u8], record: RecordLoc) -> Result<Inserted> {
        assert!(key.len() <= self.tree.version.key_len_max(), "key length was not checked");
        let Place { bucket: at, spot } = self.tree.locate(&*self.edit, key, record)?;
        // The very entry may be there as an unused one, and another record have the key since.
        if self.tree.unique
            && (spot.equal_met || spot.exact)
            && let Some(other) = self.tree.find_other(&*self.edit, key, Some(record))?
        {
            return Ok(Inserted::Duplicate(other));
        }
        let mut bucket = self.load(at)?;
        if !spot.exact {
            let entry = Entry { key, record, unused: false, left: None };
            if bucket.fits(key.len()) && bucket.child(spot.pos).is_none() {
                // As below, of which most is the bucket as it was.
                bucket.insert_entry(spot.pos, &entry);
                bucket.set_child(spot.pos + 1, None);
                bucket.write_inserted(self.edit, spot.pos, key.len())?;
                return Ok(Inserted::New);
            }
            self.insert_here(bucket, spot.pos, &entry, None, DEPTH_MAX)?;
            return Ok(Inserted::New);
        }
        if !bucket.node(spot.pos).unused {
            return Ok(Inserted::AlreadyPresent);
        }
        bucket.set_unused(spot.pos, false);
        self.write(&bucket)?;
        Ok(Inserted::New)
    }

    /// Puts an entry before entry `pos` of `bucket`, between its own left child, which is
    /// already there, and `right`. Writes the bucket. `depth` bounds the splits upwards.
    pub(super) fn insert_here(
        &mut self,
        mut bucket: BucketBuf,
        mut pos: usize,
        entry: &Entry<'_>,
        right: Option<BucketLoc>,
        depth: usize,
    ) -> Result<()> {
        let depth = depth.checked_sub(1).ok_or_else(|| Btree::too_deep(bucket.loc()))?;
        if bucket.child(pos) != entry.left {
            let rule = "gap of a new key holds its left child";
            return Err(Error::corrupt(bucket.loc(), STRUCTURE, rule, pos as i64));
        }
        if !bucket.fits(entry.key.len()) {
            pos = bucket.pack(pos)?;
        }
        if !bucket.fits(entry.key.len()) {
            return self.split(bucket, pos, entry, right, depth);
        }
        bucket.insert_entry(pos, entry);
        bucket.set_child(pos + 1, right);
        self.write(&bucket)?;
        self.set_parent(right, Some(bucket.loc()))
    }
}
