//! Building a tree from sorted entries: leaves are filled from left to right (format, §10.9).
//!
//! The build may be spread over several units of work. Between calls the builder keeps the
//! rightmost leaf in memory; [`BulkBuilder::flush`] writes it before a unit ends. If a unit is
//! rolled back the builder is of no more use: the index is dropped and built again.
//!
//! K1. Keys come in the order of (key, record): the caller sorted them by [`key::compare`].
//! K2. Every bucket is packed; all but the rightmost of each level are as full as can be, less
//!     the one key that went up.

use std::cmp::Ordering;

use crate::disk::view::Edit;
use crate::disk_loc::RecordLoc;
use crate::error::{Error, Result};
use crate::index::btree::{Btree, BtreeEdit, DEPTH_MAX, Inserted};
use crate::index::bucket::STRUCTURE;
use crate::index::bucket_edit::{BucketBuf, Entry};
use crate::index::buckets::Buckets;
use crate::index::key;

/// A tree being built.
#[derive(Debug, Clone)]
pub struct BulkBuilder {
    tree: Btree,
    leaf: BucketBuf,
    key: Vec<u8>,
    record: Option<RecordLoc>,
}

impl BulkBuilder {
    /// Starts at the empty root of `tree`.
    ///
    /// # Errors
    /// `Corrupt` if there is none, or if it is not empty.
    pub fn new(tree: Btree, edit: &impl Edit) -> Result<BulkBuilder> {
        let root = tree.existing_root(edit)?;
        let leaf = tree.bucket(edit, root)?.to_edit()?;
        if leaf.n() != 0 || leaf.next_child().is_some() || leaf.parent().is_some() {
            return Err(Error::corrupt(root, STRUCTURE, "is empty before it is built", 0));
        }
        Ok(BulkBuilder { tree, leaf, key: Vec::new(), record: None })
    }

    /// Appends an entry.
    ///
    /// # Errors
    /// The store's for want of space; `Corrupt` if buckets written before have changed.
    ///
    /// # Panics
    /// If the entry belongs before the one appended last (K1), or the key is too long.
    pub fn push<E: Edit, B: Buckets>(
        &mut self,
        edit: &mut E,
        buckets: &mut B,
        key: &[u8],
        record: RecordLoc,
    ) -> Result<Inserted> {
        assert!(key.len() <= self.tree.version.key_len_max(), "key length was not checked");
        if let Some(last) = self.record {
            let by_key = key::compare(self.tree.version, &self.key, key, self.tree.order);
            match by_key.then(last.cmp(&record)) {
                Ordering::Equal => return Ok(Inserted::AlreadyPresent),
                Ordering::Greater => panic!("K1: entries were not sorted"),
                Ordering::Less if self.tree.unique && by_key.is_eq() => {
                    return Ok(Inserted::Duplicate(last));
                }
                Ordering::Less => {}
            }
        }
        if !self.leaf.fits(key.len()) {
            let mut tree = self.tree.edit(edit, buckets);
            self.leaf = tree.next_sibling(&mut self.leaf, DEPTH_MAX)?;
        }
        self.leaf.push_back(&Entry { key, record, unused: false, left: None });
        self.key.clear();
        self.key.extend_from_slice(key);
        self.record = Some(record);
        Ok(Inserted::New)
    }

    /// Writes what is only in memory yet. To be called before a unit of work ends.
    ///
    /// # Errors
    /// `Corrupt` if the leaf's record is not there.
    pub fn flush(&self, edit: &mut impl Edit) -> Result<()> {
        self.leaf.write_to(edit)
    }
}

impl<E: Edit, B: Buckets> BtreeEdit<'_, E, B> {
    /// Closes a full bucket at the right edge: its last key goes up, and a new empty bucket
    /// follows it. Writes all but the new one, which the caller fills and writes.
    fn next_sibling(&mut self, full: &mut BucketBuf, depth: usize) -> Result<BucketBuf> {
        let depth = depth.checked_sub(1).ok_or_else(|| Btree::too_deep(full.loc()))?;
        let (key, node) = full.pop_back()?;
        full.set_next_child(node.left);
        let mut parent = match full.parent() {
            Some(parent) => self.load(parent)?,
            None => {
                let root = self.allocate()?;
                self.set_root(root.loc())?;
                root
            }
        };
        if !parent.fits(key.len()) {
            parent = self.next_sibling(&mut parent, depth)?;
        }
        let left = Some(full.loc());
        parent.push_back(&Entry { key: &key, record: node.record, unused: node.unused, left });
        full.set_parent(Some(parent.loc()));
        self.write(full)?;
        let mut sibling = self.allocate()?;
        sibling.set_parent(Some(parent.loc()));
        parent.set_next_child(Some(sibling.loc()));
        self.write(&parent)?;
        self.write(&sibling)?;
        Ok(sibling)
    }
}

#[cfg(test)]
mod tests {
    use bson::rawdoc;

    use super::*;
    use crate::index::index_version::IndexVersion;
    use crate::index::key::KeyOrder;
    use crate::index::test_index::{TestIndex, record};
    use crate::rounds::rounds;
    use crate::store::Direction;

    /// Builds an index of these entries, in units of `unit` entries.
    fn build(index: &mut TestIndex, entries: &[(Vec<u8>, RecordLoc)], unit: usize) {
        let mut builder = BulkBuilder::new(index.tree, &index.files).unwrap();
        for unit in entries.chunks(unit) {
            for (key, record) in unit {
                let pushed =
                    builder.push(&mut index.files, &mut index.buckets, key, *record).unwrap();
                assert_eq!(pushed, Inserted::New);
            }
            builder.flush(&mut index.files).unwrap();
        }
        builder.flush(&mut index.files).unwrap();
    }

    #[test]
    #[cfg_attr(miri, ignore = "too long")]
    fn holds_what_was_pushed_whatever_the_units() {
        for version in [IndexVersion::V1, IndexVersion::V0] {
            for count in [0, 1, 281, 282, 283, 600, rounds(6_000)] {
                let mut index = TestIndex::new(version, KeyOrder::ASCENDING, false, 400);
                let mut rng = oorandom::Rand32::new(8);
                let mut entries: Vec<_> = (0..count)
                    .map(|i| {
                        let text = "x".repeat(rng.rand_range(0..40) as usize);
                        (index.key(&rawdoc! { "": i as i32 / 3, "": text }), record(i))
                    })
                    .collect();
                entries.sort_by(|a, b| {
                    let by_key = key::compare(version, &a.0, &b.0, KeyOrder::ASCENDING);
                    by_key.then(a.1.cmp(&b.1))
                });
                let mut other = index.clone();
                build(&mut index, &entries, 777);
                build(&mut other, &entries, 1);
                let report = index.tree.check(&index.files, |_, _| ());
                assert!(report.is_sound(), "{:?}", report.findings);
                assert_eq!(report.buckets, index.buckets.live);
                assert!(index.walk(Direction::Forward).unwrap() == entries);
                assert!(other.walk(Direction::Forward).unwrap() == entries);
                for (key, record) in &entries {
                    assert!(index.delete(key, *record).unwrap());
                }
                assert_eq!(index.buckets.live, 1);
            }
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "too long")]
    fn leaves_are_full_less_the_key_that_went_up() {
        let mut index = TestIndex::v1();
        let entries: Vec<_> =
            (0..1000).map(|i| (index.key(&rawdoc! { "": i }), record(i as u32))).collect();
        build(&mut index, &entries, 1000);
        // 9-byte keys: a leaf takes 326, and one went up.
        let root = index.tree.root(&index.files).unwrap().unwrap();
        let root = index.tree.bucket(&index.files, root).unwrap();
        let leaves: Vec<_> = (0..=root.n())
            .map(|i| index.tree.bucket(&index.files, root.child(i).unwrap()).unwrap())
            .collect();
        let ns: Vec<_> = leaves.iter().map(|leaf| leaf.n()).collect();
        assert_eq!(ns, [325, 325, 325, 22]);
        assert!(leaves.iter().all(|leaf| leaf.is_packed() && leaf.parent() == Some(root.loc())));
        // The first leaf was the root; the new root was allocated before the second leaf.
        assert!(leaves[0].loc() < root.loc() && root.loc() < leaves[1].loc());
    }

    #[test]
    fn unique_builds_refuse_equal_neighbours() {
        let mut index = TestIndex::new(IndexVersion::V1, KeyOrder::ASCENDING, true, 10);
        let (one, same) = (index.key(&rawdoc! { "": 1 }), index.key(&rawdoc! { "": 1.0 }));
        let mut builder = BulkBuilder::new(index.tree, &index.files).unwrap();
        let (files, buckets) = (&mut index.files, &mut index.buckets);
        let first = builder.push(files, buckets, &one, record(1)).unwrap();
        assert_eq!(first, Inserted::New);
        let again = builder.push(files, buckets, &one, record(1)).unwrap();
        assert_eq!(again, Inserted::AlreadyPresent);
        let second = builder.push(files, buckets, &same, record(2)).unwrap();
        assert_eq!(second, Inserted::Duplicate(record(1)));
    }
}
