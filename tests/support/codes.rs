//! MongoDB's numbers for the engine's errors: those of 5.0, and 17280 of the versions that had
//! MMAPv1. Where mongod has one number for each verb, that of an insert or of a request.

use tallymap::{Error, Reason};

/// The number.
pub fn code(error: &Error) -> i32 {
    match error {
        Error::InvalidBson { .. } => 22,
        // "object to insert too large"; 17419 if an update would make it, 17420 if an upsert.
        Error::DocumentTooLarge { .. } => 2,
        Error::KeyTooLong { .. } => 17280,
        Error::DuplicateKey { .. } => 11000,
        Error::InvalidNamespace { .. } => 73,
        Error::NamespaceExists { .. } => 48,
        Error::NotFound { what: "index", .. } => 27,
        Error::NotFound { .. } => 26,
        Error::Refused { reason, .. } => code_of(*reason),
        other => panic!("not a refusal: {other:?}"),
    }
}

fn code_of(reason: Reason) -> i32 {
    match reason {
        Reason::BadValue => 2,
        Reason::FailedToParse => 9,
        Reason::TypeMismatch => 14,
        Reason::Overflow => 15,
        Reason::InvalidLength => 16,
        Reason::IllegalOperation => 20,
        Reason::PathNotViable => 28,
        Reason::ConflictingUpdateOperators => 40,
        Reason::CursorNotFound => 43,
        Reason::DollarPrefixedFieldName => 52,
        Reason::InvalidIdField => 53,
        Reason::NotSingleValueField => 54,
        Reason::EmptyFieldName => 56,
        Reason::DottedFieldName => 57,
        Reason::ImmutableField => 66,
        Reason::CannotCreateIndex => 67,
        Reason::IndexAlreadyExists => 68,
        Reason::InvalidOptions => 72,
        Reason::InvalidNamespace => 73,
        Reason::IndexOptionsConflict => 85,
        Reason::IndexKeySpecsConflict => 86,
        Reason::CommandNotSupported => 115,
        Reason::CannotIndexParallelArrays => 171,
        Reason::CannotGrowDocumentInCappedNamespace => 10003,
        other => panic!("{other:?} has no number here"),
    }
}
