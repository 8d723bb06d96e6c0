//! Aggregations: a pipeline of stages over a collection's documents.

use std::time::Duration;

use bson::{RawDocument, RawDocumentBuf};

use super::cursor::Cursor;
use super::find::Verbosity;
use super::handle::Collection;
use super::search::Hint;
use crate::error::{Error, Reason, Result};

/// An aggregation that is ready to run. Made by [`Collection::aggregate`].
#[derive(Debug, Clone)]
#[must_use = "an aggregation does nothing until it is run"]
pub struct Aggregate {
    collection: Collection,
    pipeline: Vec<RawDocumentBuf>,
    hint: Option<Hint>,
    variables: Option<RawDocumentBuf>,
    max_time: Option<Duration>,
}

impl Collection {
    /// Runs documents through stages. Nothing is looked at before [`Aggregate::run`].
    pub fn aggregate<S: AsRef<RawDocument>>(
        &self,
        pipeline: impl IntoIterator<Item = S>,
    ) -> Aggregate {
        let pipeline = pipeline.into_iter().map(|stage| stage.as_ref().to_owned()).collect();
        let collection = self.clone();
        Aggregate { collection, pipeline, hint: None, variables: None, max_time: None }
    }
}

impl Aggregate {
    /// Which index the stages at the beginning are to use.
    pub fn hint(mut self, hint: Hint) -> Self {
        self.hint = Some(hint);
        self
    }

    /// Variables of its expressions, as `let` names them.
    pub fn variables(mut self, variables: impl AsRef<RawDocument>) -> Self {
        self.variables = Some(variables.as_ref().to_owned());
        self
    }

    /// Time after which to give up.
    pub fn max_time(mut self, max_time: Duration) -> Self {
        self.max_time = Some(max_time);
        self
    }

    /// Runs it.
    ///
    /// # Errors
    /// [`Error::Refused`] with MongoDB's reason.
    pub fn run(self) -> Result<Cursor> {
        match self.pipeline.first() {
            None => self.collection.find(RawDocumentBuf::new()).run(),
            Some(_) => Err(Error::refused(Reason::Location(40324), "Unrecognized pipeline stage")),
        }
    }

    /// Says how it would be run, or was.
    ///
    /// # Errors
    /// As [`Aggregate::run`].
    pub fn explain(self, _verbosity: Verbosity) -> Result<RawDocumentBuf> {
        Ok(RawDocumentBuf::new())
    }
}
