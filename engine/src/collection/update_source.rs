//! What an update says: a document of operators, a whole document, or a pipeline of stages.

use bson::{RawArrayBuf, RawBson, RawDocument, RawDocumentBuf};

use crate::bson::{document, text};
use crate::error::{Error, Reason, Result};
use crate::expression::Scope;
use crate::update::{Pipeline, Update};

/// An update as it was given.
#[derive(Debug, Clone)]
pub enum UpdateSource {
    /// Operators, or a document to put in place.
    Document(RawDocumentBuf),
    /// Stages.
    Pipeline(Vec<RawDocumentBuf>),
}

impl UpdateSource {
    /// Operators, or a document to put in place.
    pub fn document(update: &RawDocument) -> UpdateSource {
        UpdateSource::Document(update.to_owned())
    }

    /// Stages.
    pub fn pipeline<S: AsRef<RawDocument>>(stages: impl IntoIterator<Item = S>) -> UpdateSource {
        let stages = stages.into_iter().map(|stage| stage.as_ref().to_owned());
        UpdateSource::Pipeline(stages.collect())
    }

    /// The update as it is put in a command.
    pub fn to_bson(&self) -> RawBson {
        match self {
            UpdateSource::Document(update) => update.clone().into(),
            UpdateSource::Pipeline(stages) => {
                let stages: RawArrayBuf = stages.iter().map(|stage| stage.as_ref()).collect();
                stages.into()
            }
        }
    }

    fn is_replacement(&self) -> bool {
        let UpdateSource::Document(update) = self else { return false };
        let first = update.iter().next();
        !matches!(first, Some(Ok((name, _))) if name.as_str().starts_with('$'))
    }

    /// Parses it, as far as it can be without array filters.
    pub fn parse(&self, scope: &Scope) -> Result<Update> {
        let stages = match self {
            UpdateSource::Document(update) => {
                document::check(update.as_bytes())?;
                return Update::parse(update.as_bytes());
            }
            UpdateSource::Pipeline(stages) => stages,
        };
        stages.iter().try_for_each(|stage| document::check(stage.as_bytes()))?;
        let stages = stages.iter().map(|stage| stage.as_bytes());
        Pipeline::parse(stages, scope).map(Update::Pipeline)
    }

    /// Parses it with all its array filters.
    pub fn parse_given(&self, scope: &Scope, filters: &[RawDocumentBuf]) -> Result<Update> {
        filters.iter().try_for_each(|filter| document::check(filter.as_bytes()))?;
        match self {
            UpdateSource::Document(update) => {
                document::check(update.as_bytes())?;
                let filters = filters.iter().map(|filter| filter.as_bytes());
                Update::parse_given(update.as_bytes(), filters).map_err(|error| match error {
                    Error::Refused { reason, message } if message.ends_with("in the update") => {
                        let shown = text::document(update.as_bytes());
                        Error::refused(reason, format!("{message} {shown}"))
                    }
                    error => error,
                })
            }
            UpdateSource::Pipeline(_) => with_array_filters(self.parse(scope)?, filters),
        }
    }

    /// May it name array filters?
    pub fn may_name_filters(&self) -> bool {
        match self {
            UpdateSource::Document(update) => {
                update.as_bytes().windows(2).any(|bytes| bytes == b"$[")
            }
            UpdateSource::Pipeline(_) => false,
        }
    }

    /// Refuses a replacement of many documents.
    pub fn check_many(&self) -> Result<()> {
        let message = "multi update is not supported for replacement-style update";
        self.refuse_if(self.is_replacement(), message)
    }

    /// Refuses a whole document where operators are asked for.
    pub fn check_operators(&self) -> Result<()> {
        self.refuse_if(self.is_replacement(), "the update must contain update operators")
    }

    /// Refuses operators where a whole document is asked for.
    pub fn check_replacement(&self) -> Result<()> {
        let message = "the replacement document must not contain update operators";
        self.refuse_if(!self.is_replacement(), message)
    }

    /// What is no document is refused as that, whatever it looks like.
    fn refuse_if(&self, is_refused: bool, message: &str) -> Result<()> {
        match self {
            _ if !is_refused => return Ok(()),
            UpdateSource::Document(update) => document::check(update.as_bytes())?,
            UpdateSource::Pipeline(_) => {}
        }
        Err(Error::refused(Reason::FailedToParse, message))
    }
}

/// Gives a parsed update its array filters.
///
/// # Errors
/// [`Error::Refused`] for what is no filter, or one too few or too many.
pub fn with_array_filters(update: Update, filters: &[RawDocumentBuf]) -> Result<Update> {
    filters.iter().try_for_each(|filter| document::check(filter.as_bytes()))?;
    let update = update.with_array_filters(filters.iter().map(|filter| filter.as_bytes()))?;
    update.check_array_filters()?;
    Ok(update)
}
