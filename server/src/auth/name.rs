//! Names of users and roles, which belong to a database each: how commands give them, and how
//! they are shown.

use std::collections::HashSet;
use std::fmt;

use tallymap::Reason;
use tallymap::bson::builder::{Builder, Index};
use tallymap::bson::element::{Elements, Value};
use tallymap::bson::ty;

use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::put::Put;

/// The name of a user or a role.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    /// Its name within the database.
    pub name: String,
    /// The database that it belongs to.
    pub db: String,
}

/// What a name is of: the field that has it, and how texts call it.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// A user.
    User,
    /// A role.
    Role,
}

impl Kind {
    /// The field that has the name.
    pub const fn field(self) -> &'static str {
        match self {
            Kind::User => "user",
            Kind::Role => "role",
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.db)
    }
}

impl Name {
    /// This name in this database.
    pub fn new(name: &str, db: &str) -> Name {
        Name { name: name.to_owned(), db: db.to_owned() }
    }

    /// The `_id` of its document.
    pub fn id(&self) -> String {
        format!("{}.{}", self.db, self.name)
    }

    /// The user that `db.name` names. The name may have dots, a database's may not.
    ///
    /// # Errors
    /// If there is no dot.
    pub fn of_dotted(text: &str) -> Outcome<Name> {
        match text.split_once('.') {
            Some((db, name)) => Ok(Name::new(name, db)),
            None => bad("username must contain a '.' separated database.user pair"),
        }
    }

    /// A text, or a document of a name and a database: `{ user: "x", db: "d" }`.
    ///
    /// # Errors
    /// For anything else, as 5.0 says it.
    pub fn of_value(kind: Kind, value: Value<'_>, db: &str) -> Outcome<Name> {
        if let Some(name) = value.as_str() {
            return Ok(Name::new(name, db));
        }
        match (value.as_document(), kind) {
            (Some(document), _) => Name::of_document(kind, document),
            (None, Kind::User) => bad("username must be either a string or an object"),
            (None, Kind::Role) => bad("Role name must be either a document or string"),
        }
    }

    fn of_document(kind: Kind, document: &[u8]) -> Outcome<Name> {
        let (mut name, mut db) = (None, None);
        for field in Elements::new(document)? {
            let field = field?;
            match field.name {
                b"db" => db = field.val().as_str(),
                own if own == kind.field().as_bytes() => name = field.val().as_str(),
                _ => {
                    let what = if matches!(kind, Kind::User) { "username" } else { "role name" };
                    let other = field.name_lossy();
                    return bad(format!("{what} contains an unknown field named: '{other}"));
                }
            }
        }
        let lacking = |field: &str| match kind {
            Kind::User => bad(format!("username must contain a field named: {field}")),
            Kind::Role => bad(format!("role name must contain a string field named: {field}")),
        };
        match (name, db) {
            (Some(name), Some(db)) => Ok(Name::new(name, db)),
            (None, _) => lacking(kind.field()),
            (_, None) => lacking("db"),
        }
    }

    /// The names that an array has, each once.
    ///
    /// # Errors
    /// As [`Name::of_value`].
    pub fn of_array(kind: Kind, array: &[u8], db: &str) -> Outcome<Vec<Name>> {
        let (mut names, mut met) = (Vec::new(), HashSet::new());
        for element in Elements::new(array)? {
            let name = Name::of_value(kind, element?.val(), db)?;
            if met.insert(name.clone()) {
                names.push(name);
            }
        }
        Ok(names)
    }

    /// Writes it as `{ user, db }` or `{ role, db }`.
    pub fn put(&self, kind: Kind, out: &mut Builder) {
        out.str(kind.field(), &self.name);
        out.str("db", &self.db);
    }
}

/// Writes names as an array.
pub fn put_names<'a>(
    out: &mut Builder,
    field: &str,
    kind: Kind,
    names: impl IntoIterator<Item = &'a Name>,
) {
    out.put_array(field, |out| {
        for (at, name) in names.into_iter().enumerate() {
            out.begin(ty::DOCUMENT, Index::new(at));
            name.put(kind, out);
            out.end();
        }
    });
}

/// A refusal of a value.
pub fn bad<T>(message: impl Into<String>) -> Outcome<T> {
    Err(Failure::new(Reason::BadValue, message))
}

#[cfg(test)]
mod tests {
    use bson::rawdoc;

    use super::*;

    fn of(kind: Kind, doc: &bson::RawDocument) -> Result<String, String> {
        let value = Value { ty: ty::DOCUMENT, bytes: doc.as_bytes() };
        let name = Name::of_value(kind, value, "d");
        name.map(|name| name.to_string()).map_err(|failure| failure.message().to_owned())
    }

    #[test]
    fn of_texts_and_documents() {
        let (user, role) = (Kind::User, Kind::Role);
        assert_eq!(of(user, &rawdoc! { "user": "u", "db": "e" }), Ok("u@e".to_owned()));
        assert_eq!(of(role, &rawdoc! { "role": "r", "db": "e" }), Ok("r@e".to_owned()));
        for (kind, doc, message) in [
            (user, rawdoc! {}, "username must contain a field named: user"),
            (user, rawdoc! { "user": "u" }, "username must contain a field named: db"),
            (role, rawdoc! { "role": "r" }, "role name must contain a string field named: db"),
            (
                user,
                rawdoc! { "user": "u", "db": "e", "x": 1 },
                "username contains an unknown field named: 'x",
            ),
        ] {
            assert_eq!(of(kind, &doc), Err(message.to_owned()));
        }
        assert_eq!(Name::of_dotted("d.a.b").expect("a name"), Name::new("a.b", "d"));
        assert_eq!(Name::of_dotted("nodot").unwrap_err().code(), 2);
    }

    #[test]
    fn arrays_have_each_name_once() {
        let doc = rawdoc! { "a": ["read", { "role": "read", "db": "d" }, "x"] };
        let array = tallymap::bson::element::get(doc.as_bytes(), "a").expect("sound");
        let names = Name::of_array(Kind::Role, array.expect("there").value, "d").expect("names");
        assert_eq!(names, [Name::new("read", "d"), Name::new("x", "d")]);
        // However many there are, each takes one look.
        let many: bson::RawArrayBuf = (0..200_000).map(|n: i32| n.to_string()).collect();
        let names = Name::of_array(Kind::User, many.as_bytes(), "d").expect("names");
        assert_eq!(names.len(), 200_000);
    }
}
