//! Looking up: where an entry is or belongs, and which record has a key.

use crate::disk::view::View;
use crate::disk_loc::{BucketLoc, DiskLoc, RecordLoc};
use crate::error::Result;
use crate::index::btree::{Btree, DEPTH_MAX};
use crate::index::btree_cursor::BtreeCursor;
use crate::index::bucket::Spot;
use crate::store::Direction;

/// Where an entry is, or the gap of the lowest bucket in which it belongs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// The bucket.
    pub bucket: BucketLoc,
    /// The position in it. `equal_met` speaks for the whole path.
    pub spot: Spot,
}

impl Btree {
    /// Walks from the root to `(key, record)`, for an edit: every bucket on the way must know
    /// its parent.
    pub(super) fn locate(&self, view: &impl View, key: &[u8], record: RecordLoc) -> Result<Place> {
        let mut at = self.existing_root(view)?;
        let mut equal_met = false;
        let mut parent = None;
        for _ in 0..DEPTH_MAX {
            let bucket = self.bucket(view, at)?;
            bucket.check_parent(parent)?;
            let mut spot = bucket.search(key, record, self.order)?;
            equal_met |= spot.equal_met;
            spot.equal_met = equal_met;
            match bucket.child(spot.pos) {
                Some(child) if !spot.exact => (parent, at) = (Some(at), child),
                _ => return Ok(Place { bucket: at, spot }),
            }
        }
        Err(Btree::too_deep(at))
    }

    /// The first record, by location, that has this key.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn find_one(&self, view: &impl View, key: &[u8]) -> Result<Option<RecordLoc>> {
        let Some(mut at) = self.root(view)? else { return Ok(None) };
        let before = RecordLoc(DiskLoc::MIN);
        let mut found = None;
        for _ in 0..DEPTH_MAX {
            let bucket = self.bucket(view, at)?;
            let pos = bucket.search(key, before, self.order)?.pos;
            if pos < bucket.n() && bucket.compare(pos, key, before, self.order)?.0.is_eq() {
                found = Some(bucket.node(pos));
            }
            match bucket.child(pos) {
                Some(child) => at = child,
                None => {
                    return match found {
                        Some(node) if node.unused => self.find_other(view, key, None),
                        _ => Ok(found.map(|node| node.record)),
                    };
                }
            }
        }
        Err(Btree::too_deep(at))
    }

    /// The first record, by location, that has this key and is not `except`: before writing to a
    /// unique index, whom the key would collide with.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn find_other(
        &self,
        view: &impl View,
        key: &[u8],
        except: Option<RecordLoc>,
    ) -> Result<Option<RecordLoc>> {
        let mut cursor = BtreeCursor::seek(*self, Direction::Forward, key, true);
        while let Some(record) = cursor.next(view)? {
            if crate::index::key::compare(self.version, cursor.key(), key, self.order).is_ne() {
                return Ok(None);
            }
            if Some(record) != except {
                return Ok(Some(record));
            }
        }
        Ok(None)
    }
}
