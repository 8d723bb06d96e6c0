//! Splitting a full bucket: its upper part goes to a new bucket on the right, one key goes up.

use crate::counters::Work;
use crate::disk::view::Edit;
use crate::disk_loc::BucketLoc;
use crate::error::{Error, Result};
use crate::index::btree::BtreeEdit;
use crate::index::bucket::STRUCTURE;
use crate::index::bucket_edit::{BucketBuf, Entry};
use crate::index::buckets::Buckets;

/// Which key goes up when an entry is to be inserted at `pos` of a full, packed bucket: the
/// first from the right at which the bytes passed exceed a tenth of all if the entry is to be
/// the last one, else half of all. So ascending insertions leave buckets nine tenths full.
///
/// # Errors
/// `Corrupt` if a key is malformed, or if there are fewer than three.
pub(super) fn split_point(bucket: &BucketBuf, pos: usize) -> Result<usize> {
    let n = bucket.n();
    if n <= 2 {
        let rule = "full bucket has three keys";
        return Err(Error::corrupt(bucket.loc(), STRUCTURE, rule, n as i64));
    }
    let node_len = bucket.version().node_len();
    let all = bucket.top_size() + node_len * n;
    let limit = all / if pos == n { 10 } else { 2 };
    let mut passed = 0;
    for i in (0..n).rev() {
        passed += bucket.key(i)?.len() + node_len;
        if passed > limit {
            return Ok(i.clamp(1, n - 2));
        }
    }
    Ok(1)
}

impl<E: Edit, B: Buckets> BtreeEdit<'_, E, B> {
    /// Splits `bucket`, which is packed, and inserts the entry at `pos` in the half it belongs
    /// to. Writes both.
    pub(super) fn split(
        &mut self,
        mut bucket: BucketBuf,
        pos: usize,
        entry: &Entry<'_>,
        right_child: Option<BucketLoc>,
        depth: usize,
    ) -> Result<()> {
        let point = split_point(&bucket, pos)?;
        self.edit.note(Work::BucketSplit);
        let mut right = self.allocate()?;
        for i in point + 1..bucket.n() {
            right.push_back(&bucket.entry(i)?);
        }
        right.set_next_child(bucket.next_child());
        right.set_parent(bucket.parent());
        self.write(&right)?;
        self.adopt(&right, 0, right.n())?;
        bucket.set_next_child(bucket.node(point).left);
        self.write(&bucket)?;

        let up = bucket.entry(point)?;
        let key = up.key.to_vec();
        let up = Entry { key: &key, left: Some(bucket.loc()), ..up };
        match bucket.parent() {
            None => self.grow(&up, right.loc())?,
            Some(parent) => {
                let parent = self.load(parent)?;
                let at = parent.index_of(bucket.loc())?;
                self.insert_here(parent, at, &up, Some(right.loc()), depth)?;
            }
        }

        // The parent may have been split as well: both halves are read again with their links.
        let mut bucket = self.reload(&bucket)?;
        let pos_kept = bucket.truncate(point, pos)?;
        if pos <= point {
            return self.insert_here(bucket, pos_kept, entry, right_child, depth);
        }
        self.write(&bucket)?;
        let right = self.reload(&right)?;
        self.insert_here(right, pos - point - 1, entry, right_child, depth)
    }

    /// Reads a bucket again of which nothing but the link upwards may have changed.
    fn reload(&self, old: &BucketBuf) -> Result<BucketBuf> {
        let new = self.load(old.loc())?;
        if (new.n(), new.top_size()) != (old.n(), old.top_size()) {
            let rule = "stays while its parent is split";
            return Err(Error::corrupt(old.loc(), STRUCTURE, rule, new.n() as i64));
        }
        Ok(new)
    }

    /// Makes a new root over `up.left`, which was the root, and `right`.
    fn grow(&mut self, up: &Entry<'_>, right: BucketLoc) -> Result<()> {
        let mut root = self.allocate()?;
        root.push_back(up);
        root.set_next_child(Some(right));
        self.write(&root)?;
        self.adopt(&root, 0, 1)?;
        self.set_root(root.loc())
    }
}
