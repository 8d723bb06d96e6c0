//! Finds, counts and searches for different values on views, as the pipelines that they are.

use bson::{RawBson, RawDocument, RawDocumentBuf, rawdoc};

use crate::error::{Error, Reason, Result};

/// Refuses an option that no pipeline has.
///
/// # Errors
/// [`Reason::InvalidPipelineOperator`].
pub fn check_find(options: &[(&str, bool)]) -> Result<()> {
    let Some((name, _)) = options.iter().find(|(_, is_given)| *is_given) else { return Ok(()) };
    let message = match *name {
        "tailable" => "Tailable cursors are not supported in aggregation.".to_owned(),
        name => format!("Option {name} not supported in aggregation."),
    };
    Err(Error::refused(Reason::InvalidPipelineOperator, message))
}

/// The stages of a find.
pub fn find_as_pipeline(
    filter: &RawDocument,
    sort: Option<&RawDocument>,
    (skip, limit): (u64, u64),
    projection: Option<&RawDocument>,
) -> Vec<RawDocumentBuf> {
    let mut stages = Vec::new();
    if !filter.is_empty() {
        stages.push(rawdoc! { "$match": filter.to_owned() });
    }
    if let Some(sort) = sort {
        stages.push(rawdoc! { "$sort": sort.to_owned() });
    }
    let number = |n: u64| RawBson::Int64(i64::try_from(n).unwrap_or(i64::MAX));
    if skip > 0 {
        stages.push(rawdoc! { "$skip": number(skip) });
    }
    if limit > 0 {
        stages.push(rawdoc! { "$limit": number(limit) });
    }
    if let Some(projection) = projection {
        stages.push(rawdoc! { "$project": projection.to_owned() });
    }
    stages
}

/// What a find has that no pipeline has, as a find is told of it.
pub fn unsupported(error: Error) -> Error {
    match error {
        Error::Refused { reason: reason @ Reason::InvalidPipelineOperator, message } => {
            Error::refused(reason, format!("Unsupported in view pipeline: {message}"))
        }
        error => error,
    }
}
