//! What all databases and collections of an engine share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Mutex, RwLock, RwLockReadGuard};

use super::profile::Thresholds;
use crate::bson::object_id::ObjectIdMaker;
use crate::bson::timestamp::TimestampMaker;
use crate::clock::Clock;
use crate::counters::Counters;
use crate::journal::Journal;
use crate::options::Options;
use crate::store::PaddingSamples;
use crate::update::FieldOrder;

/// The journal, and whatever there is one of.
#[derive(Debug)]
pub struct EngineShared {
    pub journal: Journal,
    pub options: Options,
    pub counters: Arc<Counters>,
    pub clock: Arc<dyn Clock>,
    /// Which calls change a padding factor.
    pub samples: Arc<PaddingSamples>,
    pub object_ids: ObjectIdMaker,
    pub timestamps: TimestampMaker,
    /// Held by who moves a collection from one database to another.
    pub moving: Mutex<()>,
    /// Are expired documents left alone for now?
    pub spares_expired: AtomicBool,
    /// Is nothing written that nobody asks for?
    pub is_silent: AtomicBool,
    /// Held, not for oneself alone, by who writes what nobody asks for.
    pub own_writes: RwLock<()>,
    /// What the databases' profilers have in common.
    pub profiled: Thresholds,
    /// The order in which updates create fields, where a collection has none of its own.
    pub field_order: FieldOrder,
}

impl EngineShared {
    /// To be held by who writes what nobody asks for; none if that is not to be.
    pub fn own_write(&self) -> Option<RwLockReadGuard<'_, ()>> {
        let guard = self.own_writes.read_recursive();
        (!self.is_silent.load(Ordering::Relaxed)).then_some(guard)
    }

    /// Are documents left alone for now that have expired?
    pub fn spares_expired(&self) -> bool {
        self.spares_expired.load(Ordering::Relaxed) || self.is_silent.load(Ordering::Relaxed)
    }
}
