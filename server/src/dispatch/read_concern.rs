//! Read concerns: a standalone reads what is there, and refuses what it cannot promise.

use tallymap::Reason;
use tallymap::bson::element::{Elements, Value};
use tallymap::bson::ty;

use super::failure::{Failure, Outcome};

/// Refuses what a standalone cannot keep.
///
/// # Errors
/// With the numbers and texts of 5.0.
pub fn check(concern: Value<'_>) -> Outcome<()> {
    if concern.ty != ty::DOCUMENT {
        let message = "readConcern field should be an object";
        return Err(Failure::new(Reason::FailedToParse, message));
    }
    for element in Elements::new(concern.bytes)? {
        let element = element?;
        match element.name {
            b"level" => check_level(element.val())?,
            b"provenance" => {}
            b"afterClusterTime" | b"atClusterTime" => {
                let message = format!(
                    "Cannot specify {} readConcern without replication enabled",
                    element.name_lossy()
                );
                return Err(Failure::new(Reason::IllegalOperation, message));
            }
            _ => {
                let message =
                    format!("Unrecognized option in readConcern: {}", element.name_lossy());
                return Err(Failure::new(Reason::InvalidOptions, message));
            }
        }
    }
    Ok(())
}

fn check_level(level: Value<'_>) -> Outcome<()> {
    let Some(level) = level.as_str() else {
        let found = ty::name(level.ty);
        let message = format!("\"level\" had the wrong type. Expected string, found {found}");
        return Err(Failure::new(Reason::TypeMismatch, message));
    };
    match level {
        "local" | "available" | "majority" => Ok(()),
        "snapshot" => {
            let message = "node needs to be a replica set member to use readConcern: snapshot";
            Err(Failure::new(Reason::NotAReplicaSet, message))
        }
        "linearizable" => {
            let message = "node needs to be a replica set member to use read concern";
            Err(Failure::new(Reason::NotAReplicaSet, message))
        }
        _ => {
            let message = "readConcern.level must be either 'local', 'majority', 'linearizable', \
                           'available', or 'snapshot'";
            Err(Failure::new(Reason::FailedToParse, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use bson::rawdoc;

    use super::*;

    #[test]
    fn levels() {
        for (doc, code) in [
            (rawdoc! { "level": "local" }, 0),
            (rawdoc! { "level": "majority" }, 0),
            (rawdoc! {}, 0),
            (rawdoc! { "level": "snapshot" }, 123),
            (rawdoc! { "level": "linearizable" }, 123),
            (rawdoc! { "level": "foo" }, 9),
            (rawdoc! { "level": 1 }, 14),
            (rawdoc! { "foo": 1 }, 72),
            (rawdoc! { "afterClusterTime": 1 }, 20),
        ] {
            let value = Value { ty: ty::DOCUMENT, bytes: doc.as_bytes() };
            assert_eq!(check(value).map_or_else(|failure| failure.code(), |()| 0), code, "{doc:?}");
        }
        assert_eq!(check(Value { ty: ty::NULL, bytes: &[] }).unwrap_err().code(), 9);
    }
}
