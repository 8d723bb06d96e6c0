//! `_mergeAuthzCollections`: users and roles that stand in other collections become the server's.
//! It is how mongorestore ends: what it restores it cannot write among them itself.

use std::collections::HashSet;

use bson::{RawDocument, rawdoc};
use tallymap::bson::builder::Builder;
use tallymap::bson::element::{Elements, Value, get};
use tallymap::bson::ty;
use tallymap::{Collection, Reason};

use crate::auth::name::{Kind, Name, bad};
use crate::auth::privilege::Privileges;
use crate::auth::store::Store;
use crate::dispatch::call::Call;
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::fields::missing;

const PATH: &str = "_mergeAuthzCollections";

/// What is merged.
#[derive(Debug, Default)]
struct Given<'a> {
    users: Option<&'a str>,
    roles: Option<&'a str>,
    /// Only theirs of this database; of all, if it is empty.
    db: Option<&'a str>,
    /// Do those that are given take the place of those that are there?
    replaces: bool,
}

impl<'a> Given<'a> {
    fn parse(call: &Call<'a>) -> Outcome<Given<'a>> {
        let mut given = Given::default();
        let named = |name: &&str| !name.is_empty();
        for field in call.fields(PATH)? {
            let field = field?;
            match field.name {
                "tempUsersCollection" => given.users = field.string()?.filter(named),
                "tempRolesCollection" => given.roles = field.string()?.filter(named),
                "db" => given.db = field.string()?,
                "drop" => given.replaces = field.bool()?.unwrap_or_default(),
                _ => return field.unknown(),
            }
        }
        Ok(given)
    }
}

/// Merges. All that is given is looked at before any of it is written.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    let given = Given::parse(call)?;
    let db = given.db.ok_or_else(|| missing(PATH, "db"))?;
    if given.users.or(given.roles).is_none() {
        return bad(
            r#"Must provide at least one of "tempUsersCollection" and "tempRolescollection""#,
        );
    }
    let kinds = [(Kind::User, given.users), (Kind::Role, given.roles)];
    let sources = kinds.into_iter().filter_map(|(kind, name)| Some((kind, name?)));
    let sources = sources.map(|(kind, name)| Source::find(call, kind, name, db));
    let sources = sources.collect::<Outcome<Vec<_>>>()?;
    for source in &sources {
        source.each(|_, _| Ok(()))?;
    }
    let _changing = call.auth().changing();
    let merged = sources.iter().try_for_each(|source| source.merge(call, given.replaces));
    // Some may be there even if one was refused.
    call.auth().changed();
    merged.map(|()| Builder::new())
}

/// Where users or roles are taken from.
struct Source<'a> {
    kind: Kind,
    collection: Collection,
    db: &'a str,
}

impl<'a> Source<'a> {
    fn find(call: &Call<'_>, kind: Kind, name: &str, db: &'a str) -> Outcome<Source<'a>> {
        if !name.contains('.') {
            let message = format!("Invalid namespace specified '{name}.'");
            return Err(Failure::new(Reason::InvalidNamespace, message));
        }
        let collection = call.engine().collection(name)?;
        Ok(Source { kind, collection, db })
    }

    /// Whose they are: those of one database, or all.
    fn filter(&self) -> bson::RawDocumentBuf {
        match self.db {
            "" => rawdoc! {},
            db => rawdoc! { "db": db },
        }
    }

    /// Does something with each of them.
    fn each(&self, mut run: impl FnMut(Name, &RawDocument) -> Outcome<()>) -> Outcome<()> {
        for document in self.collection.find(self.filter()).run()? {
            let document = document?;
            run(check(self.kind, document.as_bytes())?, &document)?;
        }
        Ok(())
    }

    fn merge(&self, call: &Call<'_>, replaces: bool) -> Outcome<()> {
        let store = match self.kind {
            Kind::User => Store::users(call.engine()),
            Kind::Role => Store::roles(call.engine()),
        };
        let mut kept = HashSet::new();
        self.each(|name, document| {
            if !store.add(document)? && replaces {
                store.replace(&name, document)?;
            }
            if matches!(self.kind, Kind::User) {
                call.auth().note_user();
            }
            kept.insert(name.id());
            Ok(())
        })?;
        if !replaces {
            return Ok(());
        }
        for document in store.find(&self.filter())? {
            let id = document.get_str("_id").unwrap_or_default();
            if !kept.contains(id) {
                store.remove(&rawdoc! { "_id": id })?;
            }
        }
        Ok(())
    }
}

/// The name of a user or a role.
///
/// # Errors
/// If the document is neither, with mongod's numbers and texts; if its `_id` is not its name's.
fn check(kind: Kind, document: &[u8]) -> Outcome<Name> {
    let name = Name::new(text(document, kind.field())?, text(document, "db")?);
    let no_object = |field: &str| {
        let message = format!("invalid parameter: expected an object ({field})");
        Failure::new(Reason::Location(10065), message)
    };
    let part = |field: &'static str, expected: u8| match get(document, field)? {
        None => Err(no_object("")),
        Some(found) if found.ty != expected => Err(no_object(field)),
        Some(found) => Ok(found.value),
    };
    match kind {
        Kind::User => drop(part("credentials", ty::DOCUMENT)?),
        Kind::Role => drop(Privileges::parse(&documents(
            part("privileges", ty::ARRAY)?,
            Reason::FailedToParse,
            "Elements in privilege arrays must be objects",
        )?)?),
    }
    let roles = part("roles", ty::ARRAY)?;
    let refused = "User and role names must be either strings or objects";
    for role in documents(roles, Reason::BadValue, refused)? {
        text(role, "role")?;
        text(role, "db")?;
    }
    let id = get(document, "_id")?.and_then(|id| id.val().as_str());
    match id == Some(name.id().as_str()) {
        true => Ok(name),
        false => bad(format!("the _id of {name} has to be '{}'", name.id())),
    }
}

fn text<'d>(document: &'d [u8], field: &str) -> Outcome<&'d str> {
    let Some(found) = get(document, field)? else {
        let message = format!("Missing expected field \"{field}\"");
        return Err(Failure::new(Reason::NoSuchKey, message));
    };
    found.val().as_str().ok_or_else(|| {
        let found = ty::name(found.ty);
        let message = format!("\"{field}\" had the wrong type. Expected string, found {found}");
        Failure::new(Reason::TypeMismatch, message)
    })
}

fn documents<'d>(array: &'d [u8], reason: Reason, refused: &str) -> Outcome<Vec<&'d [u8]>> {
    let one = |value: Value<'d>| value.as_document().ok_or_else(|| Failure::new(reason, refused));
    Elements::new(array)?.map(|element| one(element?.val())).collect()
}
