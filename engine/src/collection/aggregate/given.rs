//! Stages over documents that no collection holds: what a server knows of itself.

use std::sync::Arc;

use bson::RawDocumentBuf;

use super::world::DatabaseWorld;
use super::{Aggregate, cursor};
use crate::aggregate::{Chain, Context, Documents};
use crate::collection::Cursor;
use crate::error::{Error, Reason, Result};

impl Aggregate {
    /// Runs these documents through the stages, and not those of the collection, whose database
    /// is the one that stages look other collections up in.
    ///
    /// # Errors
    /// As [`Aggregate::run`]; stages that make documents themselves.
    pub fn run_over(self, documents: Vec<RawDocumentBuf>) -> Result<Cursor> {
        let parsed = self.parse()?;
        let stages = parsed.pipeline.stages();
        let (last, stages) = match stages.split_last() {
            Some((last, before)) if last.writes() => (Some(last), before),
            _ => (None, stages),
        };
        if let Some(stage) = stages.iter().find(|stage| stage.writes() || stage.is_source()) {
            let message = format!("{} is not for documents of no collection", stage.name());
            return Err(Error::refused(Reason::InvalidNamespace, message));
        }
        let world = DatabaseWorld::new(&self.source(), parsed.deadline.clone());
        let context = Context { vars: parsed.vars.clone(), world: Arc::new(world) };
        let documents = documents.into_iter().map(|document| Ok(document.into_bytes()));
        let documents: Documents = Box::new(Chain::new(stages, &context).run(documents));
        let Some(last) = last else { return Ok(cursor(documents)) };
        self.write(last, documents, &parsed)?;
        Ok(cursor(Box::new(std::iter::empty())))
    }
}
