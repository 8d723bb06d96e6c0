//! Examination of a whole tree: every bucket, every key, every link. Nothing is changed.
//!
//! Damage is reported, not returned as an error: what can still be read is read. A bucket below
//! the low-water mark is not damage: bulk builds and splits at the edge leave such.
//!
//! X1. Each bucket is entered once, so the examination ends whatever the links say.

use std::collections::HashSet;
use std::fmt;

use crate::bson::element::{Elements, Value};
use crate::disk::view::View;
use crate::disk_loc::{BucketLoc, DiskLoc, RecordLoc};
use crate::error::{Error, Result};
use crate::index::btree::{Btree, DEPTH_MAX};
use crate::index::bucket::Bucket;
use crate::index::index_version::IndexVersion;
use crate::index::key;

/// Findings kept; more are only counted.
const FINDINGS_KEPT: usize = 200;

/// What an examination found.
#[derive(Debug, Default)]
pub struct BtreeReport {
    /// Entries in use.
    pub keys: u64,
    /// Entries that were deleted but still part their neighbours.
    pub unused: u64,
    /// Buckets.
    pub buckets: u64,
    /// Buckets on the longest path from the root.
    pub depth: usize,
    /// Bytes of encoded keys.
    pub key_bytes: u64,
    /// What is damaged, up to 200 places.
    pub findings: Vec<Finding>,
    /// Number of damaged places.
    pub damaged: u64,
}

/// A damaged place.
#[derive(Debug)]
pub struct Finding {
    /// The bucket, or the index's slot if there is no root.
    pub loc: DiskLoc,
    /// Position of the entry, where one entry is meant.
    pub pos: Option<usize>,
    /// What is wrong.
    pub problem: Problem,
}

/// What can be wrong with a tree.
#[derive(Debug)]
pub enum Problem {
    /// The slot names no root.
    NoRoot,
    /// No bucket can be read there, or not its keys.
    Unreadable(Error),
    /// Two links lead to the bucket.
    MetTwice,
    /// The path to the bucket is longer than any can be.
    TooDeep,
    /// The bucket's link upwards does not lead to where it was reached from.
    WrongParent(Option<BucketLoc>),
    /// The bucket, not being the root, has no key.
    Empty,
    /// The bucket says that it is packed, but has garbage or unused keys.
    NotPacked,
    /// The entry does not come after the one before it.
    OutOfOrder,
    /// The index is unique, and the entry before has an equal key.
    DuplicateKey,
    /// The key's bytes are not those that its values are encoded to.
    WrongEncoding,
    /// The entry leads to no record.
    NullRecord,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pos {
            Some(pos) => write!(f, "bucket {} entry {pos}: {}", self.loc, self.problem),
            None => write!(f, "bucket {}: {}", self.loc, self.problem),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::NoRoot => f.write_str("the index has no root"),
            Problem::Unreadable(error) => error.fmt(f),
            Problem::MetTwice => f.write_str("two links lead to it"),
            Problem::TooDeep => f.write_str("it lies deeper than any bucket can"),
            Problem::WrongParent(Some(parent)) => write!(f, "it names {parent} as its parent"),
            Problem::WrongParent(None) => f.write_str("it names no parent and is not the root"),
            Problem::Empty => f.write_str("it has no key and is not the root"),
            Problem::NotPacked => f.write_str("it is called packed and is not"),
            Problem::OutOfOrder => f.write_str("the key comes before the one in front of it"),
            Problem::DuplicateKey => f.write_str("the key is there twice in a unique index"),
            Problem::WrongEncoding => f.write_str("the key's bytes are not those of its values"),
            Problem::NullRecord => f.write_str("the key leads to no record"),
        }
    }
}

impl BtreeReport {
    /// Is the tree without damage?
    pub fn is_sound(&self) -> bool {
        self.damaged == 0
    }
}

impl Btree {
    /// Examines the tree. `visit` sees every entry in use, in order.
    pub fn check(&self, view: &impl View, visit: impl FnMut(&[u8], RecordLoc)) -> BtreeReport {
        let report = BtreeReport::default();
        let mut check =
            Check { tree: *self, view, visit, report, seen: HashSet::new(), last: None };
        check.run();
        check.report
    }
}

/// A bucket being examined: which child or entry comes next.
struct Level<'v> {
    bucket: Bucket<&'v [u8]>,
    gap: usize,
}

struct Check<'v, V, F> {
    tree: Btree,
    view: &'v V,
    visit: F,
    report: BtreeReport,
    seen: HashSet<BucketLoc>,
    last: Option<(Vec<u8>, RecordLoc, bool)>,
}

impl<'v, V: View, F: FnMut(&[u8], RecordLoc)> Check<'v, V, F> {
    fn run(&mut self) {
        let root = match self.tree.root(self.view) {
            Ok(Some(root)) => root,
            Ok(None) => return self.found(self.tree.details, None, Problem::NoRoot),
            Err(error) => {
                return self.found(self.tree.details, None, Problem::Unreadable(error));
            }
        };
        let mut path: Vec<Level<'v>> = self.enter(root, None, 1).into_iter().collect();
        while let Some(level) = path.last_mut() {
            let gap = level.gap;
            level.gap += 1;
            let (parent, child) = (level.bucket.loc(), level.bucket.child(gap));
            let below = child.and_then(|child| self.enter(child, Some(parent), path.len() + 1));
            if let Some(below) = below {
                path.push(below);
                continue;
            }
            self.entries_up(&mut path);
        }
    }

    /// Examines the entry behind the gap just left, and those that follow as levels end.
    fn entries_up(&mut self, path: &mut Vec<Level<'v>>) {
        while let Some(level) = path.last() {
            let passed = level.gap - 1;
            if passed < level.bucket.n() {
                let bucket = level.bucket.clone();
                return self.entry(&bucket, passed);
            }
            path.pop();
        }
    }

    /// Reads and examines a bucket as a whole. None if it cannot be walked.
    fn enter(
        &mut self,
        loc: BucketLoc,
        parent: Option<BucketLoc>,
        depth: usize,
    ) -> Option<Level<'v>> {
        let found_before = !self.seen.insert(loc);
        if found_before || depth > DEPTH_MAX {
            let problem = if found_before { Problem::MetTwice } else { Problem::TooDeep };
            self.found(loc, None, problem);
            return None;
        }
        let bucket = match self.read(loc) {
            Ok(bucket) => bucket,
            Err(error) => {
                self.found(loc, None, Problem::Unreadable(error));
                return None;
            }
        };
        self.report.buckets += 1;
        self.report.depth = self.report.depth.max(depth);
        if bucket.parent() != parent {
            self.found(loc, None, Problem::WrongParent(bucket.parent()));
        }
        if bucket.n() == 0 && parent.is_some() {
            self.found(loc, None, Problem::Empty);
        }
        if bucket.is_packed() && !is_really_packed(&bucket) {
            self.found(loc, None, Problem::NotPacked);
        }
        Some(Level { bucket, gap: 0 })
    }

    fn read(&self, loc: BucketLoc) -> Result<Bucket<&'v [u8]>> {
        let bucket = self.tree.bucket(self.view, loc)?;
        bucket.check_keys()?;
        Ok(bucket)
    }

    /// Examines entry `i`, after everything before it.
    fn entry(&mut self, bucket: &Bucket<&[u8]>, i: usize) {
        let node = bucket.node(i);
        // Its bucket was entered only after all keys were read.
        let Ok(key) = bucket.key(i) else { return };
        let (version, order) = (self.tree.version, self.tree.order);
        if let Some((last_key, last_record, last_unused)) = self.last.take() {
            let by_key = key::compare(version, &last_key, key, order);
            if by_key.then(last_record.cmp(&node.record)).is_ge() {
                self.found(bucket.loc(), Some(i), Problem::OutOfOrder);
            } else if self.tree.unique && by_key.is_eq() && !node.unused && !last_unused {
                self.found(bucket.loc(), Some(i), Problem::DuplicateKey);
            }
        }
        if !is_canonical(version, key) {
            self.found(bucket.loc(), Some(i), Problem::WrongEncoding);
        }
        if node.record.loc().is_null() {
            self.found(bucket.loc(), Some(i), Problem::NullRecord);
        }
        self.report.key_bytes += key.len() as u64;
        if node.unused {
            self.report.unused += 1;
        } else {
            self.report.keys += 1;
            (self.visit)(key, node.record);
        }
        self.last = Some((key.to_vec(), node.record, node.unused));
    }

    fn found(&mut self, loc: impl Into<DiskLoc>, pos: Option<usize>, problem: Problem) {
        self.report.damaged += 1;
        if self.report.findings.len() < FINDINGS_KEPT {
            self.report.findings.push(Finding { loc: loc.into(), pos, problem });
        }
    }
}

/// Are there as many bytes of key data as keys need, and no key that packing would drop?
fn is_really_packed(bucket: &Bucket<&[u8]>) -> bool {
    let lens = (0..bucket.n()).map(|i| bucket.key(i).map_or(0, <[u8]>::len));
    lens.sum::<usize>() == bucket.top_size()
        && (0..bucket.n()).all(|i| !bucket.is_droppable(i, bucket.n()))
}

/// Are these the bytes to which the key's values are encoded?
fn is_canonical(version: IndexVersion, key: &[u8]) -> bool {
    let object = key::decode(version, key);
    let values: Result<Vec<Value<'_>>> = Elements::new(&object)
        .and_then(|elements| elements.map(|element| Ok(element?.val())).collect());
    let mut again = Vec::new();
    match values {
        Ok(values) => key::encode(version, &values, "", &mut again).is_ok() && again == key,
        Err(_) => false,
    }
}
