//! Edits within one bucket: pure, over a copy of its bytes, never leaving it.
//!
//! Links are written as told; that a child knows its parent is the tree's business
//! ([`crate::index::btree`]). Every edit keeps B1. What an edit costs in bytes is exact, because
//! it decides where the next key of a real mongod would lie:
//!
//! D1. A new key's data goes just below the key data in use or garbage.
//! D2. Removing a key leaves its data behind as garbage and clears the Packed mark; only
//!     [`BucketBuf::pack`] and [`BucketBuf::pop_back`] give bytes back.
//! D3. Packing writes the keys' data in key order, the first one at the end of the body.

use crate::disk::view::Edit;
use crate::disk_loc::{BucketLoc, DiskLoc, RecordLoc};
use crate::error::{Error, Result};
use crate::format::bucket::{PACKED, v0, v1};
use crate::index::bucket::{Bucket, KeyNode, RawBucket, STRUCTURE, next_child_field, parent_field};
use crate::index::bucket_link as link;
use crate::index::index_version::IndexVersion;

/// A bucket with its own copy of the bytes.
pub type BucketBuf = Bucket<Vec<u8>>;

/// A key with what its node says, as it is moved from bucket to bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'k> {
    /// The encoded key.
    pub key: &'k [u8],
    /// The record it was made from.
    pub record: RecordLoc,
    /// Deleted, but still parting its neighbours.
    pub unused: bool,
    /// The bucket of the keys before it.
    pub left: Option<BucketLoc>,
}

impl<B: AsRef<[u8]>> Bucket<B> {
    /// Entry `i`, key included.
    ///
    /// # Errors
    /// `Corrupt` if the key breaks B2.
    pub fn entry(&self, i: usize) -> Result<Entry<'_>> {
        let node = self.node(i);
        let key = self.key(i)?;
        Ok(Entry { key, record: node.record, unused: node.unused, left: node.left })
    }

    /// A copy to edit, all its keys checked. If it says that it is packed and has garbage, the
    /// copy says so no more: what relies on the mark would find no room.
    ///
    /// # Errors
    /// `Corrupt` if a key breaks B2 or B3.
    pub fn to_edit(&self) -> Result<BucketBuf> {
        let key_bytes = self.check_keys()?;
        let Bucket { version, loc, .. } = *self;
        let mut copy = Bucket { version, loc, bytes: self.bytes().to_vec() };
        if self.is_packed() && key_bytes != self.top_size() {
            copy.set_packed(false);
        }
        Ok(copy)
    }

    /// Is there room for one more key of this length?
    pub fn fits(&self, key_len: usize) -> bool {
        key_len + self.version.node_len() <= self.empty_size()
    }
}

/// Writes the link upwards of the bucket at `loc`, and nothing else of it.
///
/// # Errors
/// `Corrupt` if the bucket is not inside of its file.
pub fn write_parent(
    edit: &mut impl Edit,
    version: IndexVersion,
    loc: BucketLoc,
    parent: Option<BucketLoc>,
) -> Result<()> {
    let field = parent_field(version);
    let mut raw = [0; 8];
    let raw = &mut raw[..field.len()];
    link::put(version, raw, link::from_bucket(parent));
    edit.write(loc.record().data().add(field.start as i32), raw)
}

impl RawBucket<Vec<u8>> {
    /// Makes it an empty bucket. The body keeps whatever bytes it has.
    pub fn into_empty(self) -> BucketBuf {
        let RawBucket { version, loc, bytes } = self;
        let mut bucket = Bucket { version, loc, bytes };
        if version == IndexVersion::V0 {
            v0::WAS_SIZE.put(&mut bucket.bytes, v0::LEN as u16);
            v0::RESERVED_A.put(&mut bucket.bytes, 0);
            v0::FLAGS.put(&mut bucket.bytes, 0);
            v0::RESERVED_B.put(&mut bucket.bytes, 0);
        } else {
            v1::FLAGS.put(&mut bucket.bytes, 0);
        }
        bucket.set_parent(None);
        bucket.set_next_child(None);
        bucket.set_sizes(0, 0);
        bucket.set_packed(true);
        bucket
    }
}

impl BucketBuf {
    /// Writes the bucket back to its record.
    ///
    /// # Errors
    /// `Corrupt` if the record is not there: it was read from there.
    pub fn write_to(&self, edit: &mut impl Edit) -> Result<()> {
        edit.write(self.loc.record().data(), &self.bytes)
    }

    /// Writes what the insertion of one entry, at `pos` with a key of `key_len` bytes, changed of
    /// the bucket that the record holds: header, key nodes from there on, the key's data.
    ///
    /// # Errors
    /// As [`BucketBuf::write_to`].
    pub fn write_inserted(&self, edit: &mut impl Edit, pos: usize, key_len: usize) -> Result<()> {
        let header = 0..self.version.body_ofs();
        let nodes = self.node_at(pos)..self.node_at(self.n());
        let key = self.version.bucket_len() - self.top_size();
        for range in [header, nodes, key..key + key_len] {
            let at = self.loc.record().data().add(range.start as i32);
            edit.write(at, &self.bytes[range])?;
        }
        Ok(())
    }

    /// Sets the bucket above.
    pub fn set_parent(&mut self, parent: Option<BucketLoc>) {
        let field = parent_field(self.version);
        link::put(self.version, &mut self.bytes[field], link::from_bucket(parent));
    }

    /// Sets the bucket of the keys after the last one.
    pub fn set_next_child(&mut self, child: Option<BucketLoc>) {
        let field = next_child_field(self.version);
        link::put(self.version, &mut self.bytes[field], link::from_bucket(child));
    }

    /// Sets the bucket of the keys between entries `i − 1` and `i`; `i` up to and including `n`.
    pub fn set_child(&mut self, i: usize, child: Option<BucketLoc>) {
        if i == self.n() {
            return self.set_next_child(child);
        }
        let field = match self.version {
            IndexVersion::V0 => v0::key_node::LEFT_CHILD.ofs..v0::key_node::LEFT_CHILD.end(),
            IndexVersion::V1 => v1::key_node::LEFT_CHILD.ofs..v1::key_node::LEFT_CHILD.end(),
        };
        let at = self.node_at(i);
        let field = &mut self.bytes[at..][field];
        link::put(self.version, field, link::from_bucket(child));
    }

    /// Marks entry `i` as unused, or as used again.
    pub fn set_unused(&mut self, i: usize, unused: bool) {
        self.put_record(i, self.node(i).record, unused);
        if unused {
            self.set_packed(false);
        }
    }

    /// Marks the bucket as freed, before its record is given back.
    pub fn mark_freed(&mut self) {
        self.set_parent(None);
        match self.version {
            IndexVersion::V0 => v0::N.put(&mut self.bytes, -1),
            IndexVersion::V1 => v1::N.put(&mut self.bytes, v1::N_FREED),
        }
    }

    /// Inserts an entry before entry `pos` (D1). The links around it are the caller's.
    ///
    /// # Panics
    /// If it does not fit: [`Bucket::fits`] was to be asked.
    pub fn insert_entry(&mut self, pos: usize, entry: &Entry<'_>) {
        assert!(self.fits(entry.key.len()), "no room for the key");
        self.open_gap(pos, 1);
        self.fill_gap(pos, entry);
    }

    /// Moves the nodes from `pos` on up by `count`. The gap is to be filled at once.
    pub fn open_gap(&mut self, pos: usize, count: usize) {
        let n = self.n();
        let (from, to) = (self.node_at(pos), self.node_at(n));
        let by = count * self.version.node_len();
        assert!(by <= self.empty_size(), "no room for {count} nodes");
        self.bytes.copy_within(from..to, from + by);
        self.set_sizes(n + count, self.top_size());
    }

    /// Writes node `pos` and its key's data (D1).
    pub fn fill_gap(&mut self, pos: usize, entry: &Entry<'_>) {
        let len = entry.key.len();
        assert!(len <= self.empty_size(), "no room for key data");
        let ofs = self.version.body_len() - self.top_size() - len;
        let at = self.version.body_ofs() + ofs;
        self.bytes[at..at + len].copy_from_slice(entry.key);
        self.set_sizes(self.n(), self.top_size() + len);
        self.put_key_ofs(pos, ofs);
        self.put_record(pos, entry.record, entry.unused);
        self.set_child(pos, entry.left);
        if entry.unused {
            self.set_packed(false);
        }
    }

    /// Appends an entry after the last one. The rightmost child is left as it is.
    pub fn push_back(&mut self, entry: &Entry<'_>) {
        self.insert_entry(self.n(), entry);
    }

    /// Takes the last entry off and gives its bytes back; it must have been appended last.
    ///
    /// # Errors
    /// `Corrupt` if its data does not lie where appending puts it.
    pub fn pop_back(&mut self) -> Result<(Vec<u8>, KeyNode)> {
        let Some(last) = self.n().checked_sub(1) else {
            return Err(Error::corrupt(self.loc, STRUCTURE, "full bucket has keys", 0));
        };
        let node = self.node(last);
        let key = self.key(last)?.to_vec();
        if node.key_ofs != self.version.body_len() - self.top_size() {
            let rule = "last key was appended last";
            return Err(Error::corrupt(self.loc, STRUCTURE, rule, node.key_ofs as i64));
        }
        self.set_sizes(last, self.top_size() - key.len());
        Ok((key, node))
    }

    /// Takes entry `pos` out (D2). The link on its left goes with it.
    pub fn remove_entry(&mut self, pos: usize) {
        let (from, end, to) = (self.node_at(pos + 1), self.node_at(self.n()), self.node_at(pos));
        self.bytes.copy_within(from..end, to);
        self.set_sizes(self.n() - 1, self.top_size());
        self.set_packed(false);
    }

    /// Keeps the first `n` entries and packs. Returns where entry `keep` went.
    ///
    /// # Errors
    /// `Corrupt` if a key breaks B2.
    pub fn truncate(&mut self, n: usize, keep: usize) -> Result<usize> {
        self.set_sizes(n, self.top_size());
        self.set_packed(false);
        self.pack(keep)
    }

    /// Drops the first `count` entries, with the links on their left, and packs.
    ///
    /// # Errors
    /// `Corrupt` if a key breaks B2.
    pub fn drop_front(&mut self, count: usize) -> Result<()> {
        let (from, end, to) = (self.node_at(count), self.node_at(self.n()), self.node_at(0));
        self.bytes.copy_within(from..end, to);
        self.set_sizes(self.n() - count, self.top_size());
        self.set_packed(false);
        self.pack(0).map(drop)
    }

    /// Drops unused keys that part nothing, and garbage (D3). Position `keep`, which may be `n`,
    /// is not dropped; returns where it went. Does nothing to a packed bucket.
    ///
    /// # Errors
    /// `Corrupt` if a key breaks B2 or B3.
    pub fn pack(&mut self, keep: usize) -> Result<usize> {
        if self.is_packed() {
            return Ok(keep);
        }
        self.check_keys()?;
        let old = self.clone();
        let (mut n, mut kept_at) = (0, keep);
        let mut ofs = self.version.body_len();
        for i in 0..old.n() {
            if i == keep {
                kept_at = n;
            }
            if old.is_droppable(i, keep) {
                continue;
            }
            let (from, to) = (old.node_at(i), old.node_at(i + 1));
            let node_at = self.node_at(n);
            self.bytes[node_at..][..to - from].copy_from_slice(&old.bytes[from..to]);
            let key = old.key(i)?;
            ofs -= key.len();
            let at = self.version.body_ofs() + ofs;
            self.bytes[at..at + key.len()].copy_from_slice(key);
            self.put_key_ofs(n, ofs);
            n += 1;
        }
        if keep >= old.n() {
            kept_at = n;
        }
        self.set_sizes(n, self.version.body_len() - ofs);
        self.set_packed(true);
        Ok(kept_at)
    }

    fn put_record(&mut self, i: usize, record: RecordLoc, unused: bool) {
        let loc = record.loc();
        let loc = DiskLoc { file: loc.file, ofs: loc.ofs & !1 | i32::from(unused) };
        let field = match self.version {
            IndexVersion::V0 => v0::key_node::RECORD_LOC.ofs..v0::key_node::RECORD_LOC.end(),
            IndexVersion::V1 => v1::key_node::RECORD_LOC.ofs..v1::key_node::RECORD_LOC.end(),
        };
        let at = self.node_at(i);
        link::put(self.version, &mut self.bytes[at..][field], loc);
    }

    fn put_key_ofs(&mut self, i: usize, ofs: usize) {
        let field = match self.version {
            IndexVersion::V0 => v0::key_node::KEY_DATA_OFS,
            IndexVersion::V1 => v1::key_node::KEY_DATA_OFS,
        };
        let at = self.node_at(i);
        field.put(&mut self.bytes[at..], ofs as u16);
    }

    /// Sets the number of keys and the bytes of key data; the empty space follows (B1).
    fn set_sizes(&mut self, n: usize, top: usize) {
        let empty = self.version.body_len() - top - n * self.version.node_len();
        match self.version {
            IndexVersion::V0 => {
                v0::N.put(&mut self.bytes, n as i32);
                v0::TOP_SIZE.put(&mut self.bytes, top as i32);
                v0::EMPTY_SIZE.put(&mut self.bytes, empty as i32);
            }
            IndexVersion::V1 => {
                v1::N.put(&mut self.bytes, n as u16);
                v1::TOP_SIZE.put(&mut self.bytes, top as u16);
                v1::EMPTY_SIZE.put(&mut self.bytes, empty as u16);
            }
        }
    }

    fn set_packed(&mut self, packed: bool) {
        match self.version {
            IndexVersion::V0 => {
                let others = v0::FLAGS.get(&self.bytes) & !i32::from(PACKED);
                v0::FLAGS.put(&mut self.bytes, others | i32::from(packed));
            }
            IndexVersion::V1 => {
                let others = v1::FLAGS.get(&self.bytes) & !PACKED;
                v1::FLAGS.put(&mut self.bytes, others | u16::from(packed));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::key::KeyOrder;
    use crate::index::test_index::{encode, record};
    use bson::rawdoc;

    fn key(version: IndexVersion, i: i32) -> Vec<u8> {
        encode(version, &rawdoc! { "": i })
    }

    /// A bucket of the keys 0, 10, 20 … in a record full of old bytes.
    fn bucket(version: IndexVersion, n: i32) -> BucketBuf {
        let loc = BucketLoc(DiskLoc { file: 0, ofs: 8192 });
        let bytes = vec![0xcc; version.bucket_len()];
        let mut bucket = RawBucket { version, loc, bytes }.into_empty();
        for i in 0..n {
            let key = key(version, 10 * i);
            let entry = Entry { key: &key, record: record(i as u32), unused: false, left: None };
            bucket.push_back(&entry);
        }
        bucket
    }

    fn records(bucket: &BucketBuf) -> Vec<RecordLoc> {
        (0..bucket.n()).map(|i| bucket.node(i).record).collect()
    }

    /// The invariant holds, keys are readable and in order.
    fn assert_sound(bucket: &BucketBuf) {
        let Bucket { version, loc, ref bytes } = *bucket;
        let checked = RawBucket { version, loc, bytes }.check().unwrap();
        checked.check_keys().unwrap();
        for i in 1..checked.n() {
            let (key, record) = (checked.key(i).unwrap(), checked.node(i).record);
            assert!(checked.compare(i - 1, key, record, KeyOrder::ASCENDING).unwrap().1.is_lt());
        }
    }

    #[test]
    fn a_fresh_bucket_has_the_bytes_of_the_format() {
        let fresh = bucket(IndexVersion::V1, 0);
        let null = [0xfe, 0xff, 0xff, 0xff, 0, 0, 0];
        assert_eq!(fresh.bytes()[..14], [null, null].concat());
        assert_eq!(fresh.bytes()[14..22], [1, 0, 0xda, 0x1f, 0, 0, 0, 0]);
        assert!(fresh.bytes()[22..].iter().all(|byte| *byte == 0xcc), "the body is not cleared");
        let fresh = bucket(IndexVersion::V0, 0);
        assert_eq!(fresh.bytes()[16..20], [0, 0x20, 0, 0]);
        assert_eq!((fresh.empty_size(), fresh.is_packed()), (8152, true));
    }

    #[test]
    fn removal_leaves_garbage_and_packing_takes_it_back() {
        for version in [IndexVersion::V1, IndexVersion::V0] {
            let mut bucket = bucket(version, 6);
            let (empty, top) = (bucket.empty_size(), bucket.top_size());
            let len = top / 6;
            bucket.remove_entry(2);
            assert_eq!(bucket.empty_size(), empty + version.node_len());
            assert_eq!((bucket.top_size(), bucket.is_packed()), (top, false));
            assert_eq!(bucket.packed_size().unwrap(), 5 * (len + version.node_len()));
            let new = key(version, 15);
            let entry = Entry { key: &new, record: record(77), unused: false, left: None };
            bucket.insert_entry(2, &entry);
            assert_eq!(bucket.node(2).key_ofs, version.body_len() - top - len);
            assert_sound(&bucket);
            assert_eq!(bucket.pack(4).unwrap(), 4);
            assert_eq!((bucket.empty_size(), bucket.top_size()), (empty, top));
            for i in 0..6 {
                assert_eq!(bucket.node(i).key_ofs, version.body_len() - (i + 1) * len);
            }
            assert_eq!(records(&bucket), [0, 1, 77, 3, 4, 5].map(record));
            assert_sound(&bucket);
        }
    }

    #[test]
    fn packing_drops_unused_keys_that_part_nothing() {
        let mut bucket = bucket(IndexVersion::V1, 8);
        for i in [0, 2, 3, 5, 6] {
            bucket.set_unused(i, true);
        }
        let child = Some(BucketLoc(DiskLoc { file: 1, ofs: 4096 }));
        bucket.set_child(3, child);
        // 0 is the first, 3 has a child, 5 is the position that is kept.
        assert_eq!(bucket.packed_size().unwrap(), 5 * (9 + 16));
        assert_eq!(bucket.pack(5).unwrap(), 4);
        assert_eq!(records(&bucket), [0, 1, 3, 4, 5, 7].map(record));
        assert_eq!(bucket.child(2), child);
        assert_eq!(bucket.top_size(), 6 * 9);
        bucket.set_unused(1, true);
        assert_eq!(bucket.pack(6).unwrap(), 4, "the end stays the end");
    }

    #[test]
    fn both_ends_can_be_cut_off() {
        let mut bucket = bucket(IndexVersion::V1, 10);
        assert_eq!(bucket.truncate(7, 3).unwrap(), 3);
        bucket.drop_front(2).unwrap();
        assert_eq!(records(&bucket), [2, 3, 4, 5, 6].map(record));
        assert_eq!((bucket.top_size(), bucket.is_packed()), (5 * 9, true));
        let (popped, node) = bucket.pop_back().unwrap();
        assert_eq!((popped, node.record), (key(IndexVersion::V1, 60), record(6)));
        assert_eq!((bucket.n(), bucket.top_size(), bucket.is_packed()), (4, 4 * 9, true));
        assert_sound(&bucket);
        bucket.truncate(0, 0).unwrap();
        assert!(matches!(bucket.pop_back(), Err(Error::Corrupt { .. })));
    }

    #[test]
    fn a_false_mark_is_not_believed() {
        let mut bucket = bucket(IndexVersion::V1, 4);
        bucket.remove_entry(1);
        bucket.set_packed(true);
        let copy = bucket.to_edit().unwrap();
        assert!(!copy.is_packed());
        assert_eq!(bucket.packed_size().unwrap(), 3 * (9 + 16));
    }
}
