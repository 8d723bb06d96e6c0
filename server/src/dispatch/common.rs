//! What any command may say beside its own: database, session, time limit, concerns, API version.

use std::time::Duration;

use tallymap::Reason;
use tallymap::bson::element::{Element, Elements, Value};
use tallymap::bson::number::Number;
use tallymap::bson::ty;

use super::failure::{Failure, Outcome};
use super::fields::{Field, Fields, missing};
use super::read_concern;
use super::sessions::SessionId;
use super::write_concern::{self, WriteConcern};

/// The fields that any command may have.
#[derive(Debug, Clone, Default)]
pub struct Common<'a> {
    /// The database that the command is sent to.
    pub database: &'a str,
    /// The session that it belongs to.
    pub session: Option<SessionId>,
    /// Time after which to give up.
    pub max_time: Option<Duration>,
    /// How far a write is to be kept before it is answered.
    pub write_concern: Option<WriteConcern>,
    /// Are only commands of API version 1 wanted?
    pub is_strict: bool,
}

impl<'a> Common<'a> {
    /// Reads them from a command.
    ///
    /// # Errors
    /// As a standalone server refuses them.
    pub fn parse(command: &'static str, body: &'a [u8]) -> Outcome<Common<'a>> {
        let mut common = Common::default();
        let mut database = None;
        let mut api = Api::default();
        let mut transaction = Transaction::default();
        for element in Elements::new(body)? {
            let element = element?;
            let value = element.val();
            check_type(command, &element)?;
            match element.name {
                b"$db" => database = Some(database_name(value)?),
                b"lsid" => common.session = session(value)?,
                b"maxTimeMS" => common.max_time = max_time(value)?,
                b"readConcern" => read_concern::check(value)?,
                b"writeConcern" => common.write_concern = Some(WriteConcern::parse(value)?),
                b"txnNumber" => transaction.has_number = true,
                b"startTransaction" => transaction.is_started = true,
                b"autocommit" => transaction.has_autocommit = true,
                b"$readPreference" if value.ty != ty::DOCUMENT => {
                    let found = ty::name(value.ty);
                    let message = format!(
                        "$readPreference has incorrect type: expected object but got {found}"
                    );
                    return Err(Failure::new(Reason::TypeMismatch, message));
                }
                b"apiVersion" | b"apiStrict" | b"apiDeprecationErrors" => {
                    api.meet(Field::new("APIParametersFromClient", element)?)?;
                }
                _ => {}
            }
        }
        common.is_strict = api.check()?;
        transaction.check(common.session.is_some())?;
        common.database = database.ok_or_else(|| {
            Failure::new(Reason::Location(40571), "OP_MSG requests require a $db argument")
        })?;
        Ok(common)
    }
}

/// Refuses a value of another type than the command has for it. Few commands look so early.
fn check_type(command: &'static str, element: &Element<'_>) -> Outcome<()> {
    match (command, element.name) {
        ("aggregate", b"readConcern") | ("findAndModify", b"writeConcern") => {
            Field::new(command, *element)?.object().map(drop)
        }
        ("aggregate", b"writeConcern") => {
            let Some(concern) = Field::new(command, *element)?.object()? else { return Ok(()) };
            write_concern::check_names(concern)
        }
        ("aggregate", b"maxTimeMS") => Field::new(command, *element)?.non_negative().map(drop),
        ("getMore", b"maxTimeMS") => Field::new(command, *element)?.integer().map(drop),
        _ => Ok(()),
    }
}

/// What a client says of a transaction, of which a standalone has none.
#[derive(Default)]
struct Transaction {
    has_number: bool,
    is_started: bool,
    has_autocommit: bool,
}

impl Transaction {
    fn check(&self, has_session: bool) -> Outcome<()> {
        let invalid = |message| Err(Failure::new(Reason::InvalidOptions, message));
        if self.has_number && !has_session {
            return invalid("Transaction number requires a session ID to also be specified");
        }
        if self.is_started && !self.has_autocommit {
            return invalid(
                "'startTransaction' field requires 'autocommit' field to also be specified",
            );
        }
        if self.has_autocommit && !self.has_number {
            return invalid(
                "'autocommit' field requires a transaction number to also be specified",
            );
        }
        if self.has_number {
            let message = "Transaction numbers are only allowed on a replica set member or mongos";
            return Err(Failure::new(Reason::IllegalOperation, message));
        }
        Ok(())
    }
}

/// What a client says of the API that it speaks.
#[derive(Default)]
struct Api<'a> {
    version: Option<&'a str>,
    strict: Option<bool>,
    deprecation_errors: Option<bool>,
}

impl<'a> Api<'a> {
    fn meet(&mut self, field: Field<'a>) -> Outcome<()> {
        match field.name {
            "apiVersion" => self.version = field.string()?,
            "apiStrict" => self.strict = field.bool()?,
            _ => self.deprecation_errors = field.bool()?,
        }
        Ok(())
    }

    /// Whether it is to be kept strictly.
    fn check(&self) -> Outcome<bool> {
        match self.version {
            Some("1") => Ok(self.strict.unwrap_or(false)),
            Some(other) => {
                let message = format!("Cannot accept API version {other}");
                Err(Failure::new(Reason::APIVersionError, message))
            }
            None if self.strict.is_some() || self.deprecation_errors.is_some() => {
                let message =
                    "Provided apiStrict and/or apiDeprecationErrors without passing apiVersion";
                Err(Failure::new(Reason::Location(4_886_600), message))
            }
            None => Ok(false),
        }
    }
}

fn database_name(value: Value<'_>) -> Outcome<&str> {
    let Some(name) = value.as_str() else {
        let found = ty::name(value.ty);
        let message = format!("wrong type for field ($db) {found} != string");
        return Err(Failure::new(Reason::Location(13111), message));
    };
    let is_name = !name.is_empty()
        && name.len() < 64
        && !name.contains(['/', '\\', '.', ' ', '"', '$', '\0']);
    // The drivers' own database for what is authenticated elsewhere.
    match is_name || name == "$external" {
        true => Ok(name),
        false => {
            let message = format!("Invalid database name: '{name}'");
            Err(Failure::new(Reason::InvalidNamespace, message))
        }
    }
}

fn session(value: Value<'_>) -> Outcome<Option<SessionId>> {
    const PATH: &str = "OperationSessionInfo.lsid";
    match value.ty {
        ty::DOCUMENT => session_in(PATH, value.bytes).map(Some),
        ty::NULL => Ok(None),
        _ => {
            let found = ty::name(value.ty);
            let message =
                format!("BSON field '{PATH}' is the wrong type '{found}', expected type 'object'");
            Err(Failure::new(Reason::TypeMismatch, message))
        }
    }
}

/// The session that a document `{ id: UUID }` names.
///
/// # Errors
/// As the server refuses it, calling it `path`.
pub fn session_in(path: &'static str, document: &[u8]) -> Outcome<SessionId> {
    let mut id = None;
    for field in Fields::of(path, document)? {
        let field = field?;
        match field.name {
            "id" => match SessionId::of(field.value) {
                Some(found) => id = Some(found),
                None => return field.wrong_type("type 'binData'"),
            },
            "uid" | "txnNumber" | "txnUUID" => {}
            _ => return field.unknown(),
        }
    }
    id.ok_or_else(|| missing(path, "id"))
}

/// The time after which to give up; none for zero.
///
/// # Errors
/// If it is no number of milliseconds.
pub fn max_time(value: Value<'_>) -> Outcome<Option<Duration>> {
    let refused = |message: String| Err(Failure::new(Reason::BadValue, message));
    let whole = match value.as_number() {
        Some(number) => number.to_i64(),
        None if value.ty == ty::DECIMAL128 => super::fields::truncated(value),
        None => return refused("maxTimeMS must be a number".to_owned()),
    };
    match whole {
        None if matches!(value.as_number(), Some(Number::Double(_))) => {
            refused("maxTimeMS has non-integral value".to_owned())
        }
        Some(0) => Ok(None),
        Some(ms @ 1..=0x7fff_ffff) => Ok(Some(Duration::from_millis(ms as u64))),
        other => refused(format!("{} value for maxTimeMS is out of range", other.unwrap_or(-1))),
    }
}

#[cfg(test)]
mod tests {
    use bson::rawdoc;

    use super::*;

    fn lsid() -> bson::RawDocumentBuf {
        let subtype = bson::spec::BinarySubtype::Uuid;
        rawdoc! { "id": bson::Binary { subtype, bytes: vec![3; 16] } }
    }

    #[test]
    fn what_a_standalone_refuses() {
        for (body, code) in [
            (rawdoc! { "ping": 1 }, 40571),
            (rawdoc! { "ping": 1, "$db": 1 }, 13111),
            (rawdoc! { "ping": 1, "$db": "a.b" }, 73),
            (rawdoc! { "ping": 1, "$db": "a", "lsid": 1 }, 14),
            (rawdoc! { "ping": 1, "$db": "a", "lsid": {} }, 40414),
            (rawdoc! { "ping": 1, "$db": "a", "lsid": { "id": 1 } }, 14),
            (rawdoc! { "ping": 1, "$db": "a", "maxTimeMS": "x" }, 2),
            (rawdoc! { "ping": 1, "$db": "a", "maxTimeMS": 1.5 }, 2),
            (rawdoc! { "ping": 1, "$db": "a", "maxTimeMS": -1 }, 2),
            (rawdoc! { "ping": 1, "$db": "a", "maxTimeMS": 1_i64 << 40 }, 2),
            (rawdoc! { "ping": 1, "$db": "a", "txnNumber": 1_i64 }, 72),
            (rawdoc! { "ping": 1, "$db": "a", "txnNumber": 1_i64, "lsid": lsid() }, 20),
            (rawdoc! { "ping": 1, "$db": "a", "autocommit": false }, 72),
            (rawdoc! { "ping": 1, "$db": "a", "startTransaction": true }, 72),
            (rawdoc! { "ping": 1, "$db": "a", "$readPreference": 1 }, 14),
            (rawdoc! { "ping": 1, "$db": "a", "apiVersion": "2" }, 322),
            (rawdoc! { "ping": 1, "$db": "a", "apiVersion": 1 }, 14),
            (rawdoc! { "ping": 1, "$db": "a", "apiStrict": true }, 4_886_600),
        ] {
            assert_eq!(
                Common::parse("ping", body.as_bytes()).unwrap_err().code(),
                code,
                "{body:?}"
            );
        }
        let body = rawdoc! {
            "ping": 1, "$db": "a", "maxTimeMS": 5, "apiVersion": "1", "apiStrict": true,
            "comment": { "x": 1 }, "$clusterTime": 1, "$readPreference": { "mode": "primary" },
        };
        let common = Common::parse("ping", body.as_bytes()).expect("sound");
        assert_eq!((common.database, common.is_strict), ("a", true));
        assert_eq!(common.max_time, Some(Duration::from_millis(5)));
    }
}
