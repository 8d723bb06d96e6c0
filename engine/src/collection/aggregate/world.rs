//! The other collections of the database, for stages; and the time that is left.

use std::sync::Arc;
use std::time::Duration;

use bson::{RawDocument, RawDocumentBuf};

use super::Source;
use crate::aggregate::{Documents, Pipeline, Stage, World};
use crate::collection::DatabaseCore;
use crate::collection::shared::EngineShared;
use crate::collection::variables::collation_of;
use crate::collection::view::{DEPTH_MAX, Known, too_deep};
use crate::error::{Error, Reason, Result};
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
    collation: Option<RawDocumentBuf>,
    views: Known,
    /// Views within views.
    depth: usize,
}

impl DatabaseWorld {
    pub fn new(source: &Source<'_>, deadline: Deadline) -> DatabaseWorld {
        DatabaseWorld {
            database: source.collection.database.clone(),
            deadline,
            collation: source.collation.map(RawDocument::to_owned),
            views: Known::default(),
            depth: source.depth,
        }
    }
}

impl World for DatabaseWorld {
    fn check_time(&self) -> Result<()> {
        self.deadline.left().map(|_| ())
    }

    fn documents(
        &self,
        collection_name: &str,
        filter: &[u8],
        pipeline: &Pipeline,
        vars: Arc<Variables<'static>>,
    ) -> Result<Documents> {
        let (collection_name, ns) = readable(&self.database.name, collection_name)?;
        let collection = self.database.collection(ns)?;
        let (deadline, collation) = (self.deadline.clone(), self.collation.as_deref());
        let source = Source { collection: &collection, hint: None, collation, depth: self.depth };
        let Some(view) = self.views.view(&self.database, collection_name, collation)? else {
            return source.documents(filter, pipeline.stages(), vars, deadline);
        };
        // A view whose stages read views, and so on: definitions may be another's.
        if self.depth >= DEPTH_MAX {
            return Err(too_deep());
        }
        let source = Source { collection: &view.base, depth: self.depth + 1, ..source };
        let mut stages = view.pipeline.stages().to_vec();
        stages.push(Stage::matching(filter, collation_of(collation)?)?);
        stages.extend_from_slice(pipeline.stages());
        source.documents(&[5, 0, 0, 0, 0], &stages, vars, deadline)
    }
}

/// The collection of a name; one that never is, if none can have that name.
fn readable<'a>(database: &str, name: &'a str) -> Result<(&'a str, NamespaceString)> {
    // Numbers of temporary collections begin with 1.
    const NEVER: &str = "tmp.agg_out.0";
    if name.starts_with('.') {
        let message = format!("Collection names cannot start with '.': {name}");
        return Err(Error::refused(Reason::InvalidNamespace, message));
    }
    match NamespaceString::new(database, name) {
        Err(_) if !name.is_empty() => Ok((NEVER, NamespaceString::new(database, NEVER)?)),
        ns => Ok((name, ns?)),
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
