//! What an update says: a document of operators, a whole document, or a pipeline of stages.

use bson::{RawArrayBuf, RawBson, RawDocument, RawDocumentBuf};

use crate::bson::document;
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

    /// Refuses a replacement of many documents.
    pub fn check_many(&self) -> Result<()> {
        match self.is_replacement() {
            false => Ok(()),
            true => Err(Error::refused(
                Reason::FailedToParse,
                "multi update is not supported for replacement-style update",
            )),
        }
    }

    /// Refuses a whole document where operators are asked for.
    pub fn check_operators(&self) -> Result<()> {
        match self.is_replacement() {
            false => Ok(()),
            true => Err(Error::refused(
                Reason::FailedToParse,
                "the update must contain update operators",
            )),
        }
    }

    /// Refuses operators where a whole document is asked for.
    pub fn check_replacement(&self) -> Result<()> {
        match self.is_replacement() {
            true => Ok(()),
            false => Err(Error::refused(
                Reason::FailedToParse,
                "the replacement document must not contain update operators",
            )),
        }
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
