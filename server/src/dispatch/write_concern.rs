//! Write concerns: how far a write is to be kept before it is answered. What needs other servers
//! is refused before anything is written.

use tallymap::Reason;
use tallymap::bson::element::Value;
use tallymap::bson::ty;

use super::failure::{Failure, Outcome};
use super::fields::{Field, Fields, truncated};

/// The most servers that a client may ask for.
const SERVERS_MAX: i64 = 50;

/// The fields that there are.
const NAMES: [&str; 8] =
    ["w", "j", "fsync", "wtimeout", "wElectionId", "wOpTime", "getLastError", "provenance"];

/// What of a write concern a standalone has to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WriteConcern {
    /// Is the write to be in the journal before the answer?
    pub is_journaled: bool,
    /// Is that to be so by a journal, and not by a sync of the data files?
    pub asks_journal: bool,
    /// Does nobody want to know what becomes of it? Then the reply of a batch does not tell.
    pub is_unacknowledged: bool,
}

impl WriteConcern {
    /// Reads a write concern.
    ///
    /// # Errors
    /// With the numbers and texts of 5.0; [`Reason::BadValue`] for what needs other servers.
    pub fn parse(concern: Value<'_>) -> Outcome<WriteConcern> {
        if concern.ty != ty::DOCUMENT {
            let found = ty::name(concern.ty);
            let message =
                format!("\"writeConcern\" had the wrong type. Expected object, found {found}");
            return Err(Failure::new(Reason::TypeMismatch, message));
        }
        let (mut journaled, mut synced) = (false, false);
        let (mut refusal, mut is_unacknowledged) = (None, false);
        for field in Fields::of("writeConcern", concern.bytes)? {
            let field = field?;
            match field.name {
                "w" => {
                    is_unacknowledged =
                        field.value.as_str() == Some("") || truncated(field.value) == Some(0);
                    refusal = check_servers(&field)?;
                }
                "j" => journaled = field.number_or_bool()?.unwrap_or(false),
                "fsync" => synced = field.number_or_bool()?.unwrap_or(false),
                "wtimeout" => drop(field.integer()?),
                name if NAMES.contains(&name) => {}
                _ => return field.unknown(),
            }
        }
        if journaled && synced {
            let message = "fsync and j options cannot be used together";
            return Err(Failure::new(Reason::FailedToParse, message));
        }
        let is_journaled = journaled || synced;
        match refusal {
            Some(message) => Err(Failure::new(Reason::BadValue, message)),
            None => Ok(WriteConcern {
                is_journaled,
                asks_journal: journaled,
                is_unacknowledged: is_unacknowledged && !is_journaled,
            }),
        }
    }
}

impl WriteConcern {
    /// The refusal of `j: true` where there is no journal.
    pub fn no_journal() -> Failure {
        let message = "cannot use 'j' option when a host does not have journaling enabled";
        Failure::new(Reason::BadValue, message)
    }
}

/// Refuses what is no field of a write concern, in the words of `aggregate`.
///
/// # Errors
/// [`Reason::FailedToParse`] with the name.
pub fn check_names(concern: &[u8]) -> Outcome<()> {
    for field in Fields::of("writeConcern", concern)? {
        let field = field?;
        if !NAMES.contains(&field.name) {
            let message = format!("unrecognized write concern field: {}", field.name);
            return Err(Failure::new(Reason::FailedToParse, message));
        }
    }
    Ok(())
}

/// Looks at the number of servers, or the name of a set of them. The answer is why there are
/// not so many.
fn check_servers(field: &Field<'_>) -> Outcome<Option<String>> {
    let value = field.value;
    if let Some(name) = value.as_str() {
        let message = format!(
            "cannot use non-majority 'w' mode {name} when a host is not a member of a replica set"
        );
        return Ok((name != "majority" && !name.is_empty()).then_some(message));
    }
    match truncated(value) {
        Some(0 | 1) => Ok(None),
        Some(2..=SERVERS_MAX) => {
            Ok(Some("cannot use 'w' > 1 when a host is not replicated".to_owned()))
        }
        Some(_) => {
            let message = "w has to be a non-negative number and not greater than 50";
            Err(Failure::new(Reason::FailedToParse, message))
        }
        None if value.ty == ty::NULL => Ok(None),
        None => field.wrong_type("types '[string, int, decimal, double, long']"),
    }
}

#[cfg(test)]
mod tests {
    use bson::{RawDocumentBuf, rawdoc};

    use super::*;

    fn parse(doc: &RawDocumentBuf) -> Outcome<WriteConcern> {
        WriteConcern::parse(Value { ty: ty::DOCUMENT, bytes: doc.as_bytes() })
    }

    #[test]
    fn what_a_standalone_refuses() {
        for (doc, code, text) in [
            (rawdoc! { "w": 2 }, 2, "cannot use 'w' > 1 when a host is not replicated"),
            (
                rawdoc! { "w": "foo" },
                2,
                "cannot use non-majority 'w' mode foo when a host is not a member of a replica set",
            ),
            (rawdoc! { "w": 51 }, 9, "w has to be a non-negative number and not greater than 50"),
            (rawdoc! { "w": -1 }, 9, "w has to be a non-negative number and not greater than 50"),
            (
                rawdoc! { "w": 1, "j": true, "fsync": true },
                9,
                "fsync and j options cannot be used together",
            ),
            (rawdoc! { "foo": 1 }, 40415, "BSON field 'writeConcern.foo' is an unknown field."),
        ] {
            let failure = parse(&doc).unwrap_err();
            assert_eq!((failure.code(), failure.message()), (code, text));
        }
        let failure = WriteConcern::parse(Value { ty: ty::NULL, bytes: &[] }).unwrap_err();
        assert_eq!(
            failure.message(),
            "\"writeConcern\" had the wrong type. Expected object, found null"
        );
    }

    #[test]
    fn what_it_keeps() {
        for (doc, is_journaled) in [
            (rawdoc! {}, false),
            (rawdoc! { "w": 0 }, false),
            (rawdoc! { "w": 1.0, "wtimeout": 100 }, false),
            (rawdoc! { "w": "majority", "j": true }, true),
            (rawdoc! { "w": 1, "fsync": true }, true),
        ] {
            assert_eq!(parse(&doc).map(|it| it.is_journaled), Ok(is_journaled), "{doc:?}");
        }
    }
}
