//! An ordered walk over a b-tree, either way, that survives changes of the tree.
//!
//! The cursor remembers the entry it gave last and, as a shortcut, the path to it. While the
//! caller holds the lock that excludes writers, the path is followed; after letting it go the
//! caller says [`BtreeCursor::forget_place`], and the next step finds the place again: just
//! behind the remembered entry, whether or not that entry still exists.
//!
//! C1. Entries come in strict order. One that does not follow its predecessor is `Corrupt`, so a
//!     walk over buckets that lead in a circle ends.
//! C2. Entries that are only marked as unused are not given.

use std::cmp::Ordering;

use crate::disk::view::View;
use crate::disk_loc::{BucketLoc, DiskLoc, RecordLoc};
use crate::error::{Error, Result};
use crate::index::btree::{Btree, DEPTH_MAX};
use crate::index::bucket::{Bucket, STRUCTURE};
use crate::store::Direction;

/// Where the next entry is to be looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    /// At the index's very end.
    End,
    /// At the remembered key and record, the entry itself included or not.
    Remembered { inclusive: bool },
}

/// A walk over the entries of one index.
#[derive(Debug, Clone)]
pub struct BtreeCursor {
    tree: Btree,
    direction: Direction,
    from: From,
    key: Vec<u8>,
    record: RecordLoc,
    /// Buckets from the root down, each with the gap between entries at which the walk is.
    path: Vec<(BucketLoc, usize)>,
    /// Does `path` lead to the remembered entry, which is still to be passed?
    at_remembered: bool,
}

impl BtreeCursor {
    /// From the first entry on; backward: from the last.
    pub fn new(tree: Btree, direction: Direction) -> BtreeCursor {
        BtreeCursor {
            tree,
            direction,
            from: From::End,
            key: Vec::new(),
            record: RecordLoc(DiskLoc::MIN),
            path: Vec::new(),
            at_remembered: false,
        }
    }

    /// From the first entry with `key`, or behind it, on; exclusive: behind all entries with
    /// `key`. Backward: likewise, from the other side.
    pub fn seek(tree: Btree, direction: Direction, key: &[u8], inclusive: bool) -> BtreeCursor {
        let mut cursor = BtreeCursor::new(tree, direction);
        let before = (direction == Direction::Forward) == inclusive;
        cursor.record = RecordLoc(if before { DiskLoc::MIN } else { DiskLoc::MAX });
        cursor.key.extend_from_slice(key);
        cursor.from = From::Remembered { inclusive: true };
        cursor
    }

    /// The encoded key of the entry that [`BtreeCursor::next`] gave last.
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// To be called before writers may come in between: the tree may change until the next step.
    pub fn forget_place(&mut self) {
        self.path.clear();
        self.at_remembered = false;
    }

    /// Goes on in the same tree where that is to be found now.
    pub fn go_on_in(&mut self, tree: Btree) {
        self.forget_place();
        self.tree = tree;
    }

    /// The record of the next entry; none at the end.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn next(&mut self, view: &impl View) -> Result<Option<RecordLoc>> {
        loop {
            if self.at_remembered {
                self.pass(view)?;
            } else {
                self.place(view)?;
            }
            let Some(unused) = self.settle(view)? else { return Ok(None) };
            if !unused {
                return Ok(Some(self.record));
            }
        }
    }

    fn is_forward(&self) -> bool {
        self.direction == Direction::Forward
    }

    /// Finds the gap from the root.
    fn place(&mut self, view: &impl View) -> Result<()> {
        self.path.clear();
        let Some(root) = self.tree.root(view)? else { return Ok(()) };
        let (order, from) = (self.tree.order, self.from);
        let forward = self.is_forward();
        let (key, record) = (std::mem::take(&mut self.key), self.record);
        let found = self.descend(view, root, |bucket| match from {
            From::End => Ok(if forward { 0 } else { bucket.n() }),
            From::Remembered { inclusive } => {
                let spot = bucket.search(&key, record, order)?;
                Ok(spot.pos + usize::from(spot.exact && forward != inclusive))
            }
        });
        self.key = key;
        found
    }

    /// Goes past the entry at the end of the path and down to its neighbour in a leaf.
    fn pass(&mut self, view: &impl View) -> Result<()> {
        let forward = self.is_forward();
        let Some((at, gap)) = self.path.last_mut() else { return Ok(()) };
        *gap = if forward { *gap + 1 } else { *gap - 1 };
        let (at, gap) = (*at, *gap);
        match self.tree.bucket(view, at)?.child(gap) {
            Some(child) => {
                self.descend(view, child, |bucket| Ok(if forward { 0 } else { bucket.n() }))
            }
            None => Ok(()),
        }
    }

    /// Extends the path from `at` to a leaf, by the gap that `choose` names in each bucket.
    fn descend<'v, V: View>(
        &mut self,
        view: &'v V,
        mut at: BucketLoc,
        choose: impl Fn(&Bucket<&'v [u8]>) -> Result<usize>,
    ) -> Result<()> {
        loop {
            if self.path.len() >= DEPTH_MAX {
                return Err(Btree::too_deep(at));
            }
            let bucket = self.tree.bucket(view, at)?;
            if bucket.n() == 0 && !self.path.is_empty() {
                return Err(Error::corrupt(at, STRUCTURE, "has a key, not being the root", 0));
            }
            let gap = choose(&bucket)?;
            self.path.push((at, gap));
            match bucket.child(gap) {
                Some(child) => at = child,
                None => return Ok(()),
            }
        }
    }

    /// Goes up until the gap has an entry on the side of the walk, and remembers that entry.
    /// Returns whether it is unused; none at the end.
    fn settle(&mut self, view: &impl View) -> Result<Option<bool>> {
        while let Some(&(at, gap)) = self.path.last() {
            let bucket = self.tree.bucket(view, at)?;
            let entry = if self.is_forward() { Some(gap) } else { gap.checked_sub(1) };
            if let Some(i) = entry.filter(|&i| i < bucket.n()) {
                self.check_order(&bucket, i)?;
                let node = bucket.node(i);
                self.key.clear();
                self.key.extend_from_slice(bucket.key(i)?);
                self.record = node.record;
                self.from = From::Remembered { inclusive: false };
                self.at_remembered = true;
                return Ok(Some(node.unused));
            }
            self.path.pop();
        }
        self.at_remembered = false;
        Ok(None)
    }

    /// Entry `i` must lie behind the remembered one (C1).
    fn check_order(&self, bucket: &Bucket<&[u8]>, i: usize) -> Result<()> {
        let From::Remembered { inclusive } = self.from else { return Ok(()) };
        let (_, by_both) = bucket.compare(i, &self.key, self.record, self.tree.order)?;
        let ahead = if self.is_forward() { Ordering::Greater } else { Ordering::Less };
        if by_both == ahead || inclusive && by_both.is_eq() {
            return Ok(());
        }
        Err(Error::corrupt(bucket.loc(), STRUCTURE, "entries ascend", i as i64))
    }
}
