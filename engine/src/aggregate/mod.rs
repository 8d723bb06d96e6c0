//! Aggregations: documents go through stages, one at a time.
//!
//! Pure: a [`Pipeline`] is parsed once; a [`Chain`] is one run of it, which is given documents
//! and gives documents. What needs other collections asks a [`World`]. One file a stage.

mod accumulator;
mod add_fields;
mod bucket;
mod bucket_auto;
mod chain;
mod count;
mod facet;
mod granularity;
mod graph_lookup;
mod group;
pub(crate) mod key;
mod limit_skip;
mod lookup;
mod memory;
mod merge;
mod out;
mod overview;
mod project;
mod redact;
mod replace_root;
mod sample;
mod set_path;
mod sort;
mod sort_by_count;
mod stage;
mod stats;
#[cfg(test)]
mod tests;
mod union_with;
mod unwind;

pub(crate) use chain::Chain;
pub(crate) use merge::{Merge, WhenMatched, WhenNotMatched};
pub(crate) use stage::{Kind, Pipeline, Stage};
pub(crate) use stats::CollStatsParts;

use std::fmt::Debug;
use std::sync::Arc;

use crate::error::Result;
use crate::expression::Variables;

/// Documents from elsewhere, as BSON.
pub(crate) type Documents = Box<dyn Iterator<Item = Result<Vec<u8>>> + Send>;

/// The other collections of the database.
pub(crate) trait World: Debug + Send + Sync {
    /// The documents of a collection that a filter matches, sent through a pipeline.
    ///
    /// # Errors
    /// Those of the filter and of the stages.
    fn documents(
        &self,
        collection: &str,
        filter: &[u8],
        pipeline: &Pipeline,
        vars: Arc<Variables<'static>>,
    ) -> Result<Documents>;

    /// Is there time left?
    ///
    /// # Errors
    /// [`crate::Reason::MaxTimeMSExpired`].
    fn check_time(&self) -> Result<()>;
}

/// What a run knows.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub vars: Arc<Variables<'static>>,
    pub world: Arc<dyn World>,
}
