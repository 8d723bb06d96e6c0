//! After a deletion: a bucket that became too empty merges with a neighbour, or they share.
//!
//! The neighbour on the right is preferred, and sharing is preferred to merging: a neighbour
//! with which it cannot merge has bytes to give.

use std::cmp::Ordering;

use crate::disk::view::Edit;
use crate::disk_loc::BucketLoc;
use crate::error::{Error, Result};
use crate::index::btree::{Btree, BtreeEdit};
use crate::index::bucket::STRUCTURE;
use crate::index::bucket_edit::{BucketBuf, Entry};
use crate::index::buckets::Buckets;

/// Two neighbours and the entry that parts them.
struct Pair {
    parent: BucketBuf,
    /// Position of the parting entry in the parent.
    at: usize,
    left: BucketBuf,
    right: BucketBuf,
}

impl<E: Edit, B: Buckets> BtreeEdit<'_, E, B> {
    /// Balances or merges the bucket at `at` if it is too empty and has a neighbour. Returns
    /// whether it did.
    pub(super) fn try_balance(&mut self, at: BucketLoc, depth: usize) -> Result<bool> {
        let depth = depth.checked_sub(1).ok_or_else(|| Btree::too_deep(at))?;
        let bucket = self.peek(at)?;
        let Some(parent) = bucket.parent() else { return Ok(false) };
        if bucket.packed_size()? >= self.tree.version.low_water() {
            return Ok(false);
        }
        let above = self.peek(parent)?;
        let at = above.index_of(at)?;
        let has_right = at < above.n() && above.child(at + 1).is_some();
        let has_left = at > 0 && above.child(at - 1).is_some();
        if has_right && !self.can_merge(parent, at)? {
            self.share(parent, at, depth)?;
        } else if has_left && !self.can_merge(parent, at - 1)? {
            self.share(parent, at - 1, depth)?;
        } else if has_right {
            self.merge(parent, at, depth)?;
        } else if has_left {
            self.merge(parent, at - 1, depth)?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// Do the children on both sides of entry `at`, and the entry, fit into one bucket?
    fn can_merge(&self, parent: BucketLoc, at: usize) -> Result<bool> {
        let version = self.tree.version;
        let above = self.peek(parent)?;
        let (Some(left), Some(right)) = (above.child(at), above.child(at + 1)) else {
            return Ok(false);
        };
        if left == right {
            let rule = "neighbours are two buckets";
            return Err(Error::corrupt(parent, STRUCTURE, rule, at as i64));
        }
        let sum = self.peek_child(parent, left)?.packed_size()?
            + self.peek_child(parent, right)?.packed_size()?
            + above.key(at)?.len()
            + version.node_len();
        Ok(sum <= version.body_len())
    }

    /// The neighbours on both sides of entry `at`, packed. [`Self::can_merge`] saw them.
    fn load_pair(&self, parent: BucketLoc, at: usize) -> Result<Pair> {
        let parent = self.load(parent)?;
        let load = |i| {
            let child: Option<BucketLoc> = parent.child(i);
            let child = child.expect("can_merge found both");
            let mut bucket = self.load(child)?;
            bucket.pack(0).map(|_| bucket)
        };
        let (left, right) = (load(at)?, load(at + 1)?);
        Ok(Pair { at, left, right, parent })
    }

    /// Appends the parting entry and the right bucket's to the left one, and frees the right.
    fn merge(&mut self, parent: BucketLoc, at: usize, depth: usize) -> Result<()> {
        let Pair { mut parent, at, mut left, right } = self.load_pair(parent, at)?;
        let from = left.n() + 1;
        left.push_back(&Entry { left: left.next_child(), ..parent.entry(at)? });
        for i in 0..right.n() {
            left.push_back(&right.entry(i)?);
        }
        left.set_next_child(right.next_child());
        self.write(&left)?;
        self.adopt(&left, from, left.n())?;
        self.free(right)?;
        parent.set_child(at + 1, Some(left.loc()));
        parent.set_child(at, None);
        parent.remove_entry(at);
        self.write(&parent)?;
        if parent.n() == 0 {
            return self.replace_by_only_child(parent, left.loc());
        }
        self.try_balance(parent.loc(), depth).map(drop)
    }

    /// Frees a bucket without keys; what is above it leads to its child instead.
    fn replace_by_only_child(&mut self, bucket: BucketBuf, child: BucketLoc) -> Result<()> {
        match bucket.parent() {
            None => self.set_root(child)?,
            Some(above) => {
                let mut above = self.load(above)?;
                let at = above.index_of(bucket.loc())?;
                above.set_child(at, Some(child));
                self.write(&above)?;
            }
        }
        self.set_parent(Some(child), bucket.parent())?;
        self.free(bucket)
    }

    /// Moves entries through the parent so that both neighbours hold about half of the bytes.
    fn share(&mut self, parent: BucketLoc, at: usize, depth: usize) -> Result<()> {
        let pair = self.load_pair(parent, at)?;
        let point = pair.share_point()?;
        match point.cmp(&pair.left.n()) {
            Ordering::Less => self.share_to_right(pair, point, depth),
            Ordering::Greater => self.share_to_left(pair, point, depth),
            Ordering::Equal => {
                let rule = "neighbours of unlike size share";
                Err(Error::corrupt(parent, STRUCTURE, rule, point as i64))
            }
        }
    }

    /// The entries behind `point` of left and the parting one go to the front of right.
    fn share_to_right(&mut self, pair: Pair, point: usize, depth: usize) -> Result<()> {
        let Pair { parent, at, mut left, mut right } = pair;
        let count = left.n() - point;
        right.open_gap(0, count);
        for i in point + 1..left.n() {
            right.fill_gap(i - point - 1, &left.entry(i)?);
        }
        let parting = Entry { left: left.next_child(), ..parent.entry(at)? };
        right.fill_gap(count - 1, &parting);
        self.write(&right)?;
        self.adopt(&right, 0, count - 1)?;

        let up = left.entry(point)?;
        let key = up.key.to_vec();
        let below = up.left;
        let up = Entry { key: &key, left: Some(left.loc()), ..up };
        left.set_next_child(below);
        left.truncate(point, 0)?;
        self.write(&left)?;
        self.replace(parent, at, &up, Some(right.loc()), depth)
    }

    /// The parting entry and the first ones of right go behind the last one of left.
    fn share_to_left(&mut self, pair: Pair, point: usize, depth: usize) -> Result<()> {
        let Pair { parent, at, mut left, mut right } = pair;
        let from = left.n() + 1;
        let up_at = point - from;
        left.push_back(&Entry { left: left.next_child(), ..parent.entry(at)? });
        for i in 0..up_at {
            left.push_back(&right.entry(i)?);
        }
        let up = right.entry(up_at)?;
        let key = up.key.to_vec();
        left.set_next_child(up.left);
        let up = Entry { key: &key, left: Some(left.loc()), ..up };
        self.write(&left)?;
        self.adopt(&left, from, left.n())?;

        right.drop_front(up_at + 1)?;
        self.write(&right)?;
        self.replace(parent, at, &up, Some(right.loc()), depth)
    }
}

impl Pair {
    /// Which entry shall part them, counting left's, the parting one and right's as one
    /// sequence: the first from the right at which the bytes passed exceed half of all.
    fn share_point(&self) -> Result<usize> {
        let node_len = self.left.version().node_len();
        let mut lens = Vec::with_capacity(self.left.n() + 1 + self.right.n());
        for i in 0..self.left.n() {
            lens.push(self.left.key(i)?.len() + node_len);
        }
        lens.push(self.parent.key(self.at)?.len() + node_len);
        for i in 0..self.right.n() {
            lens.push(self.right.key(i)?.len() + node_len);
        }
        let limit = lens.iter().sum::<usize>() / 2;
        let mut passed = 0;
        let point = lens.iter().rposition(|len| {
            passed += len;
            passed > limit
        });
        Ok(point.unwrap_or(0).clamp(1, lens.len() - 2))
    }
}
