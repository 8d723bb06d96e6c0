//! What all databases and collections of an engine share.

use std::sync::Arc;

use super::profile::Thresholds;
use crate::bson::object_id::ObjectIdMaker;
use crate::clock::Clock;
use crate::counters::Counters;
use crate::journal::Journal;
use crate::options::Options;
use crate::store::PaddingSamples;

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
    /// What the databases' profilers have in common.
    pub profiled: Thresholds,
}
