//! A bucket of a b-tree as bytes that were checked, and what can be read from it.
//!
//! Generic over who owns the bytes: a lookup borrows them from the view, an edit
//! ([`crate::index::bucket_edit`]) works on its own copy. Nothing here follows a link.
//!
//! B1. Empty space + key data + key nodes = the body, always.
//! B2. A key lies inside of the key data, is well-formed, and is no longer than the limit.
//! B3. The header is checked once, by [`RawBucket::check`]; a key when it is read; all keys, and
//!     that together they fit into the key data, by [`Bucket::check_keys`] before an edit.

use std::cmp::Ordering;
use std::ops::Range;

use crate::disk_loc::{BucketLoc, RecordLoc};
use crate::error::{Error, Result};
use crate::format::bucket::{PACKED, v0, v1};
use crate::index::bucket_link as link;
use crate::index::index_version::IndexVersion;
use crate::index::key::{self, KeyOrder};

/// The structure's name in errors.
pub const STRUCTURE: &str = "b-tree bucket";

/// The bytes found where a bucket should be.
#[derive(Debug)]
pub struct RawBucket<B> {
    /// Layout they should have.
    pub version: IndexVersion,
    /// Where they were found.
    pub loc: BucketLoc,
    /// Exactly [`IndexVersion::bucket_len`] bytes.
    pub bytes: B,
}

/// A bucket whose header keeps its invariant (B1).
#[derive(Debug, Clone)]
pub struct Bucket<B> {
    pub(super) version: IndexVersion,
    pub(super) loc: BucketLoc,
    pub(super) bytes: B,
}

/// One key node, decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyNode {
    /// The bucket of the keys before this one.
    pub left: Option<BucketLoc>,
    /// The record that the key was made from.
    pub record: RecordLoc,
    /// Deleted, but still needed to part its neighbours' children.
    pub unused: bool,
    /// Start of the key's data in the body.
    pub key_ofs: usize,
}

/// Where a key belongs in a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spot {
    /// Number of entries before it.
    pub pos: usize,
    /// Is the very entry, key and record, at `pos`?
    pub exact: bool,
    /// Was an equal key of another record met on the way?
    pub equal_met: bool,
}

impl<B: AsRef<[u8]>> RawBucket<B> {
    /// Checks the header (B1).
    ///
    /// # Errors
    /// `Corrupt` for a freed bucket and for sizes that do not add up.
    pub fn check(self) -> Result<Bucket<B>> {
        let RawBucket { version, loc, bytes } = self;
        let bucket = Bucket { version, loc, bytes };
        let raw = bucket.bytes.as_ref();
        let (n, freed, empty, top) = match version {
            IndexVersion::V0 => {
                let n = v0::N.get(raw);
                (n.into(), n == -1, v0::EMPTY_SIZE.get(raw).into(), v0::TOP_SIZE.get(raw).into())
            }
            IndexVersion::V1 => {
                let n = v1::N.get(raw);
                let freed = n == v1::N_FREED;
                (n.into(), freed, v1::EMPTY_SIZE.get(raw).into(), v1::TOP_SIZE.get(raw).into())
            }
        };
        let (n, empty, top): (i64, i64, i64) = (n, empty, top);
        let fail = |rule, found: i64| Err(Error::corrupt(loc, STRUCTURE, rule, found));
        if freed {
            return fail("was freed", n);
        }
        let sum = empty + top + n * version.node_len() as i64;
        if n < 0 || empty < 0 || top < 0 || sum != version.body_len() as i64 {
            return fail("sizes add up to its body", sum);
        }
        Ok(bucket)
    }
}

impl<B: AsRef<[u8]>> Bucket<B> {
    /// Its layout.
    pub fn version(&self) -> IndexVersion {
        self.version
    }

    /// Where it lies.
    pub fn loc(&self) -> BucketLoc {
        self.loc
    }

    /// All its bytes, header first.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.as_ref()
    }

    /// Number of keys, unused ones included.
    pub fn n(&self) -> usize {
        match self.version {
            IndexVersion::V0 => v0::N.get(self.bytes()) as usize,
            IndexVersion::V1 => v1::N.get(self.bytes()).into(),
        }
    }

    /// Bytes between key nodes and key data.
    pub fn empty_size(&self) -> usize {
        match self.version {
            IndexVersion::V0 => v0::EMPTY_SIZE.get(self.bytes()) as usize,
            IndexVersion::V1 => v1::EMPTY_SIZE.get(self.bytes()).into(),
        }
    }

    /// Bytes of key data, garbage included.
    pub fn top_size(&self) -> usize {
        match self.version {
            IndexVersion::V0 => v0::TOP_SIZE.get(self.bytes()) as usize,
            IndexVersion::V1 => v1::TOP_SIZE.get(self.bytes()).into(),
        }
    }

    /// Is its key data free of garbage and its keys all in use?
    pub fn is_packed(&self) -> bool {
        let flags = match self.version {
            IndexVersion::V0 => v0::FLAGS.get(self.bytes()) as u16,
            IndexVersion::V1 => v1::FLAGS.get(self.bytes()),
        };
        flags & PACKED != 0
    }

    /// The bucket above; none in the root.
    pub fn parent(&self) -> Option<BucketLoc> {
        let field = parent_field(self.version);
        link::to_bucket(link::get(self.version, &self.bytes()[field]))
    }

    /// The bucket of the keys after the last one.
    pub fn next_child(&self) -> Option<BucketLoc> {
        let field = next_child_field(self.version);
        link::to_bucket(link::get(self.version, &self.bytes()[field]))
    }

    /// The bucket of the keys between entries `i − 1` and `i`; `i` up to and including `n`.
    pub fn child(&self, i: usize) -> Option<BucketLoc> {
        if i == self.n() { self.next_child() } else { self.node(i).left }
    }

    /// Position of `child` among the links downwards.
    ///
    /// # Errors
    /// `Corrupt` if this bucket does not lead there.
    pub fn index_of(&self, child: BucketLoc) -> Result<usize> {
        (0..=self.n()).find(|&i| self.child(i) == Some(child)).ok_or_else(|| {
            Error::corrupt(child, STRUCTURE, "parent leads to it", child.loc().record_id())
        })
    }

    /// Checks the link upwards.
    ///
    /// # Errors
    /// `Corrupt` if it is another.
    pub fn check_parent(&self, parent: Option<BucketLoc>) -> Result<()> {
        let found = self.parent();
        if found == parent {
            return Ok(());
        }
        let found = link::from_bucket(found).record_id();
        Err(Error::corrupt(self.loc, STRUCTURE, "knows its parent", found))
    }

    /// Key node `i`.
    ///
    /// # Panics
    /// If there are not that many.
    pub fn node(&self, i: usize) -> KeyNode {
        assert!(i < self.n(), "key {i} of a bucket of {}", self.n());
        let at = self.node_at(i);
        let raw = &self.bytes()[at..at + self.version.node_len()];
        let (left, record, ofs) = match self.version {
            IndexVersion::V0 => (
                v0::key_node::LEFT_CHILD.get(raw),
                v0::key_node::RECORD_LOC.get(raw),
                v0::key_node::KEY_DATA_OFS.get(raw),
            ),
            IndexVersion::V1 => (
                link::get(self.version, &v1::key_node::LEFT_CHILD.get(raw)),
                link::get(self.version, &v1::key_node::RECORD_LOC.get(raw)),
                v1::key_node::KEY_DATA_OFS.get(raw),
            ),
        };
        let unused = !record.is_null() && record.ofs & 1 != 0;
        let mut record = record;
        record.ofs &= !1;
        let left = link::to_bucket(left);
        KeyNode { left, record: RecordLoc(record), unused, key_ofs: ofs.into() }
    }

    /// Start of the data of key `i` in the body, which nobody has checked.
    fn key_ofs(&self, i: usize) -> usize {
        assert!(i < self.n(), "key {i} of a bucket of {}", self.n());
        let raw = &self.bytes()[self.node_at(i)..];
        match self.version {
            IndexVersion::V0 => v0::key_node::KEY_DATA_OFS.get(raw).into(),
            IndexVersion::V1 => v1::key_node::KEY_DATA_OFS.get(raw).into(),
        }
    }

    /// Start of key node `i`, bytes from the start of the bucket.
    pub(super) fn node_at(&self, i: usize) -> usize {
        self.version.body_ofs() + i * self.version.node_len()
    }

    /// The encoded key of entry `i`.
    ///
    /// # Errors
    /// `Corrupt` if it breaks B2.
    pub fn key(&self, i: usize) -> Result<&[u8]> {
        let version = self.version;
        let ofs = self.key_ofs(i);
        let fail = |rule| Err(Error::corrupt(self.loc, STRUCTURE, rule, ofs as i64));
        if ofs < version.body_len() - self.top_size() || ofs >= version.body_len() {
            return fail("key lies in the key data");
        }
        let data = &self.bytes()[version.body_ofs() + ofs..version.bucket_len()];
        match key::len(version, data) {
            Some(len) if len <= version.key_len_max() => Ok(&data[..len]),
            Some(_) => fail("key is within the limit"),
            None => fail("key is well-formed"),
        }
    }

    /// Checks every key (B2), and that they fit into the key data without sharing bytes (B3).
    /// Returns the bytes of all keys.
    ///
    /// # Errors
    /// `Corrupt` if one does not.
    pub fn check_keys(&self) -> Result<usize> {
        let mut sum = 0;
        for i in 0..self.n() {
            sum += self.key(i)?.len();
        }
        if sum > self.top_size() {
            let rule = "keys do not share bytes";
            return Err(Error::corrupt(self.loc, STRUCTURE, rule, sum as i64));
        }
        Ok(sum)
    }

    /// Can entry `i` be dropped when the bucket is packed, `keep` being needed?
    pub fn is_droppable(&self, i: usize, keep: usize) -> bool {
        i > 0 && i != keep && self.node(i).unused && self.node(i).left.is_none()
    }

    /// Bytes of key nodes and key data once packed. The keys are counted: a bucket may say that
    /// it is packed, and not be.
    ///
    /// # Errors
    /// `Corrupt` if a key breaks B2.
    pub fn packed_size(&self) -> Result<usize> {
        let packed = self.is_packed();
        let mut sum = 0;
        for i in (0..self.n()).filter(|&i| packed || !self.is_droppable(i, 0)) {
            sum += self.key(i)?.len() + self.version.node_len();
        }
        Ok(sum)
    }

    /// How entry `i` compares with `(key, record)`.
    pub fn compare(
        &self,
        i: usize,
        key: &[u8],
        record: RecordLoc,
        order: KeyOrder,
    ) -> Result<(Ordering, Ordering)> {
        let by_key = key::compare(self.version, self.key(i)?, key, order);
        Ok((by_key, by_key.then(self.node(i).record.cmp(&record))))
    }

    /// Where `(key, record)` is, or belongs, among this bucket's entries.
    ///
    /// # Errors
    /// `Corrupt` if a key on the way breaks B2.
    pub fn search(&self, key: &[u8], record: RecordLoc, order: KeyOrder) -> Result<Spot> {
        let mut equal_met = false;
        let (mut low, mut high) = (0, self.n());
        while low < high {
            let middle = (low + high) / 2;
            let (by_key, by_both) = self.compare(middle, key, record, order)?;
            equal_met |= by_key.is_eq() && by_both.is_ne();
            match by_both {
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
                Ordering::Equal => return Ok(Spot { pos: middle, exact: true, equal_met }),
            }
        }
        Ok(Spot { pos: low, exact: false, equal_met })
    }
}

/// The bytes of a bucket's link upwards.
pub(super) fn parent_field(version: IndexVersion) -> Range<usize> {
    match version {
        IndexVersion::V0 => v0::PARENT.ofs..v0::PARENT.end(),
        IndexVersion::V1 => v1::PARENT.ofs..v1::PARENT.end(),
    }
}

/// The bytes of a bucket's link to its rightmost child.
pub(super) fn next_child_field(version: IndexVersion) -> Range<usize> {
    match version {
        IndexVersion::V0 => v0::NEXT_CHILD.ofs..v0::NEXT_CHILD.end(),
        IndexVersion::V1 => v1::NEXT_CHILD.ofs..v1::NEXT_CHILD.end(),
    }
}
