//! The other collections of the database, for stages; and the time that is left.

use std::sync::Arc;
use std::time::Duration;

use super::Source;
use crate::aggregate::{Documents, Pipeline, World};
use crate::collection::shared::EngineShared;
use crate::collection::{Collection, DatabaseCore};
use crate::error::Result;
use crate::expression::Variables;
use crate::interrupt;
use crate::namespace_string::NamespaceString;

/// Documents between two looks at the clock.
const DOCS_PER_LOOK: u32 = 128;

/// A database whose collections stages ask for.
#[derive(Debug)]
pub struct DatabaseWorld {
    database: Arc<DatabaseCore>,
    deadline: Deadline,
}

impl DatabaseWorld {
    pub fn new(collection: &Collection, deadline: Deadline) -> DatabaseWorld {
        DatabaseWorld { database: collection.database.clone(), deadline }
    }
}

impl World for DatabaseWorld {
    fn check_time(&self) -> Result<()> {
        self.deadline.left().map(|_| ())
    }

    fn documents(
        &self,
        collection: &str,
        filter: &[u8],
        pipeline: &Pipeline,
        vars: Arc<Variables<'static>>,
    ) -> Result<Documents> {
        let ns = NamespaceString::new(&self.database.name, collection)?;
        let collection = self.database.collection(ns)?;
        let source = Source { collection: &collection, hint: None, collation: None };
        source.documents(filter, pipeline.stages(), vars, self.deadline.clone())
    }
}

/// When to give up.
#[derive(Debug, Clone)]
pub struct Deadline {
    shared: Arc<EngineShared>,
    /// Uptime, milliseconds.
    at: Option<u64>,
}

impl Deadline {
    pub fn new(shared: &Arc<EngineShared>, max_time: Option<Duration>) -> Deadline {
        let max = max_time.filter(|time| !time.is_zero());
        let now = shared.clock.uptime_ms();
        let at = max.map(|time| now.saturating_add(time.as_millis() as u64));
        Deadline { shared: shared.clone(), at }
    }

    /// The time that is left, if it is limited.
    pub fn left(&self) -> Result<Option<Duration>> {
        interrupt::check()?;
        let Some(at) = self.at else { return Ok(None) };
        match at.saturating_sub(self.shared.clock.uptime_ms()) {
            0 => Err(interrupt::too_late()),
            left => Ok(Some(Duration::from_millis(left))),
        }
    }

    /// The documents, as long as there is time.
    pub fn watch(
        self,
        docs: impl Iterator<Item = Result<Vec<u8>>> + Send,
    ) -> impl Iterator<Item = Result<Vec<u8>>> + Send {
        let mut looked = 0;
        docs.map(move |doc| {
            looked += 1;
            if looked == DOCS_PER_LOOK {
                looked = 0;
                self.left()?;
            }
            doc
        })
    }
}
