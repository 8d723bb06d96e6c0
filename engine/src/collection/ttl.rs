//! Documents that expire: an index with `expireAfterSeconds` says when, and its entries which.
//!
//! Dates lie together in an index, the oldest at one end of them; a document with several
//! expires by the least. What is no date never expires, nor does anything in a capped collection.

use std::sync::Arc;

use super::catalog::document_at;
use super::database_core::DatabaseCore;
use super::handle::{Collection, if_it_exists};
use super::index_keys::Index;
use super::locked::OpenCollection;
use crate::bson::element::{Value, get, read_i64};
use crate::bson::ty;
use crate::disk::View;
use crate::disk_loc::RecordLoc;
use crate::error::{Error, Result};
use crate::index::btree_cursor::BtreeCursor;
use crate::index::key;
use crate::namespace_string::NamespaceString;
use crate::store::{Direction, RecordScan};

/// Documents that are deleted before others may go on.
const DELETED_AT_ONCE: usize = 64;

impl DatabaseCore {
    /// Deletes what has expired by now. Answers how many documents that were. A collection in
    /// which it fails keeps nobody from the others: it is tried again the next time. If nobody
    /// asked for that, it stops when the engine is to write nothing by itself.
    ///
    /// # Errors
    /// [`Error::ReadOnly`] if the engine takes no writes.
    pub fn expire(self: &Arc<Self>, now_ms: i64, is_own_write: bool) -> Result<u64> {
        let mut deleted = 0;
        for (ns, index) in self.ttl_indexes().unwrap_or_default() {
            let expired = self.collection(ns.clone()).and_then(|collection| {
                collection.expire_by(&index, now_ms, is_own_write, &mut deleted)
            });
            match expired {
                Err(error @ Error::ReadOnly { .. }) => return Err(error),
                Err(error) => tracing::warn!(%error, %ns, index, "expired documents are left"),
                Ok(()) => {}
            }
        }
        Ok(deleted)
    }

    /// The indexes by which documents expire, as the catalogue names them: so that no collection
    /// is opened that has none.
    fn ttl_indexes(&self) -> Result<Vec<(NamespaceString, String)>> {
        self.read(Vec::new(), |view, open| {
            let specs = open.catalog.index_specs(view)?;
            let mut scan = RecordScan::new(specs.details(), Direction::Forward);
            let mut found = Vec::new();
            while let Some(loc) = scan.next(view)? {
                let Ok(spec) = document_at(&specs, view, loc) else { continue };
                let (Ok(ns), Ok(name)) = (spec.get_str("ns"), spec.get_str("name")) else {
                    continue;
                };
                let has_seconds = matches!(get(spec.as_bytes(), "expireAfterSeconds"), Ok(Some(_)));
                if let (true, Ok(ns)) = (has_seconds, NamespaceString::parse(ns)) {
                    found.push((ns, name.to_owned()));
                }
            }
            Ok(found)
        })
    }
}

impl Collection {
    /// Deletes what has expired by an index, some documents at a time; adds to `deleted`.
    fn expire_by(
        &self,
        index: &str,
        now_ms: i64,
        is_own_write: bool,
        deleted: &mut u64,
    ) -> Result<()> {
        loop {
            let own_write = self.database.shared.own_write();
            if is_own_write && own_write.is_none() {
                return Ok(());
            }
            let removed = if_it_exists(self.change_after(
                |open, view| match expiring(open, index) {
                    Some((index, seconds)) => {
                        let cutoff = now_ms.saturating_sub(seconds.saturating_mul(1000));
                        expired(index, view, cutoff)
                    }
                    None => Ok(Vec::new()),
                },
                |open, unit, expired| {
                    for loc in &expired {
                        open.remove(unit, *loc)?;
                    }
                    Ok(expired.len())
                },
            ))?;
            *deleted += removed as u64;
            self.database.shared.counters.ttl_deleted.add(removed as u64);
            if removed < DELETED_AT_ONCE {
                return Ok(());
            }
        }
    }
}

/// The index of this name and the seconds after which documents expire by it, if they do.
fn expiring<'o>(open: &'o OpenCollection, name: &str) -> Option<(&'o Index, i64)> {
    let index = open.index_named(name).ok()?;
    let (key, seconds) = (index.definition.key(), index.definition.expire_after_seconds()?);
    let is_by_value = key.paths().len() == 1 && key.plugin().is_none();
    let may = is_by_value && !open.is_capped && open.check_maintainable().is_ok();
    may.then_some((index, seconds))
}

/// The first records whose date is not after `cutoff`.
fn expired(index: &Index, view: &impl View, cutoff: i64) -> Result<Vec<RecordLoc>> {
    let is_descending = index.tree.order.is_descending(0);
    let first = if is_descending { cutoff } else { i64::MIN }.to_le_bytes();
    let mut bound = Vec::new();
    key::encode_bound(index.tree.version, &[Value { ty: ty::DATE, bytes: &first }], &mut bound);
    let mut cursor = BtreeCursor::seek(index.tree, Direction::Forward, &bound, true);
    let mut found = Vec::new();
    while let Some(loc) = cursor.next(view)? {
        let key = key::decode(index.tree.version, cursor.key());
        let date = get(&key, "")?.filter(|value| value.ty == ty::DATE);
        let Some(date) = date.and_then(|date| read_i64(date.value)) else { break };
        if date > cutoff {
            break;
        }
        // A document with several dates is met by each.
        if !found.contains(&loc) {
            found.push(loc);
        }
        if found.len() == DELETED_AT_ONCE {
            break;
        }
    }
    Ok(found)
}
