//! What an update says: a document of operators, a whole document, or a pipeline of stages.

use bson::{RawDocument, RawDocumentBuf};

use crate::bson::document;
use crate::error::{Error, Reason, Result};
use crate::update::Update;

/// An update as it was given.
#[derive(Debug, Clone)]
pub struct UpdateSource {
    update: RawDocumentBuf,
}

impl UpdateSource {
    /// Operators, or a document to put in place.
    pub fn new(update: &RawDocument) -> UpdateSource {
        UpdateSource { update: update.to_owned() }
    }

    /// Is it a document that takes the place of another?
    pub fn is_replacement(&self) -> bool {
        let first = self.update.iter().next();
        !matches!(first, Some(Ok((name, _))) if name.as_str().starts_with('$'))
    }

    /// Parses it, as far as it can be without array filters.
    pub fn parse(&self) -> Result<Update> {
        document::check(self.update.as_bytes())?;
        Update::parse(self.update.as_bytes())
    }

    /// Gives the parsed update its array filters.
    ///
    /// # Errors
    /// [`Error::Refused`] for what is no filter, or one too few or too many.
    pub fn with_array_filters(&self, update: Update, filters: &[RawDocumentBuf]) -> Result<Update> {
        let mut checked = vec![];
        for filter in filters {
            document::check(filter.as_bytes())?;
            checked.push(filter.as_bytes());
        }
        let update = update.with_array_filters(checked)?;
        update.check_array_filters()?;
        Ok(update)
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
