//! What may be done to what: resources, the patterns that stand for them, and sets of privileges.
//!
//! A pattern for all collections of a database does not stand for its system collections, and one
//! for all databases stands for neither `local` nor `config`.

use std::collections::BTreeMap;

use tallymap::Reason;
use tallymap::bson::builder::{Builder, Index};
use tallymap::bson::element::Elements;
use tallymap::bson::ty;

use super::action::{Action, Actions};
use super::name::bad;
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::put::Put;

/// What a privilege is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pattern {
    /// The server.
    Cluster,
    /// Everything.
    Anything,
    /// All collections of a database, and the database; of all databases, if it has no name.
    Database(String),
    /// A collection; those of this name in all databases, if the first is empty.
    Collection(String, String),
    /// The collections of time series, of which this server has none.
    Buckets,
}

/// What somebody wants to do something to.
#[derive(Debug, Clone, Copy)]
pub enum Resource<'a> {
    /// The server.
    Cluster,
    /// A database.
    Database(&'a str),
    /// A collection.
    Collection(&'a str, &'a str),
    /// Collections of all databases.
    AllCollections,
}

/// Privileges, at most one for a pattern.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Privileges {
    of: BTreeMap<Pattern, Actions>,
    /// The same for databases and collections, to be found without a copy of a name.
    databases: BTreeMap<String, Actions>,
    collections: BTreeMap<String, BTreeMap<String, Actions>>,
}

impl Privileges {
    /// These.
    pub fn of(privileges: impl IntoIterator<Item = (Pattern, Actions)>) -> Privileges {
        let mut all = Privileges::default();
        for (pattern, actions) in privileges {
            all.add(pattern, actions);
        }
        all
    }

    /// Adds actions on what a pattern stands for.
    pub fn add(&mut self, pattern: Pattern, actions: Actions) {
        let all = self.of.entry(pattern.clone()).or_default();
        *all = all.and(actions);
        let all = *all;
        match pattern {
            Pattern::Database(name) => {
                self.databases.insert(name, all);
            }
            Pattern::Collection(database, name) => {
                self.collections.entry(database).or_default().insert(name, all);
            }
            Pattern::Cluster | Pattern::Anything | Pattern::Buckets => {}
        }
    }

    /// Adds all of others.
    pub fn add_all(&mut self, others: &Privileges) {
        for (pattern, actions) in &others.of {
            self.add(pattern.clone(), *actions);
        }
    }

    /// These without others.
    pub fn without(&self, others: &Privileges) -> Privileges {
        let rest = self.of.iter().map(|(pattern, actions)| {
            let taken = others.of.get(pattern).copied().unwrap_or(Actions::NONE);
            (pattern.clone(), actions.without(taken))
        });
        Privileges::of(rest.filter(|(_, actions)| !actions.is_empty()))
    }

    /// May this be done to that?
    pub fn allow(&self, resource: Resource<'_>, action: Action) -> bool {
        self.actions_on(resource).has(action)
    }

    /// What may be done to it.
    pub fn actions_on(&self, resource: Resource<'_>) -> Actions {
        let pattern = |pattern: &Pattern| self.of.get(pattern).copied().unwrap_or(Actions::NONE);
        let everywhere = || self.databases.get("").copied().unwrap_or(Actions::NONE);
        let anything = pattern(&Pattern::Anything);
        match resource {
            Resource::Cluster => anything.and(pattern(&Pattern::Cluster)),
            Resource::AllCollections => anything.and(everywhere()),
            Resource::Database(database) => anything.and(self.on_normal(database)),
            Resource::Collection(database, name) => {
                let of_this = |database: &str| {
                    let collections = self.collections.get(database);
                    collections.and_then(|all| all.get(name)).copied().unwrap_or(Actions::NONE)
                };
                let normal = match name.starts_with("system.") {
                    true => Actions::NONE,
                    false => self.on_normal(database),
                };
                anything.and(normal).and(of_this(database)).and(of_this(""))
            }
        }
    }

    fn on_normal(&self, database: &str) -> Actions {
        let named = |name: &str| self.databases.get(name).copied().unwrap_or(Actions::NONE);
        match database {
            "local" | "config" => named(database),
            _ => named(database).and(named("")),
        }
    }

    /// May anything be done to something in a database?
    pub fn touch(&self, database: &str) -> bool {
        self.of.iter().any(|(pattern, actions)| {
            let is_in_it = match pattern {
                Pattern::Anything => true,
                Pattern::Database(name) if name.is_empty() => {
                    !matches!(database, "local" | "config")
                }
                Pattern::Database(name) => name == database,
                Pattern::Collection(of, _) => of.is_empty() || of == database,
                Pattern::Cluster | Pattern::Buckets => false,
            };
            is_in_it && !actions.is_empty()
        })
    }

    /// Each pattern with its actions.
    pub fn iter(&self) -> impl Iterator<Item = (&Pattern, Actions)> {
        self.of.iter().map(|(pattern, actions)| (pattern, *actions))
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    /// Reads documents `{ resource, actions }`.
    ///
    /// # Errors
    /// For what is none, as 5.0 says it.
    pub fn parse(documents: &[&[u8]]) -> Outcome<Privileges> {
        let mut all = Privileges::default();
        for document in documents {
            let (pattern, actions) = parse_one(document)?;
            all.add(pattern, actions);
        }
        Ok(all)
    }

    /// Writes them as an array of documents `{ resource, actions }`.
    pub fn put(&self, out: &mut Builder, field: &str) {
        out.put_array(field, |out| {
            for (at, (pattern, actions)) in self.iter().enumerate() {
                out.begin(ty::DOCUMENT, Index::new(at));
                out.put_document("resource", |out| pattern.put(out));
                out.put_array("actions", |out| {
                    for (at, name) in actions.names().enumerate() {
                        out.str(Index::new(at), name);
                    }
                });
                out.end();
            }
        });
    }
}

impl Pattern {
    /// Writes its fields.
    fn put(&self, out: &mut Builder) {
        match self {
            Pattern::Cluster => out.put_bool("cluster", true),
            Pattern::Anything => out.put_bool("anyResource", true),
            Pattern::Database(database) => drop(out.str("db", database).str("collection", "")),
            Pattern::Collection(database, name) => {
                out.str("db", database).str("collection", name);
            }
            Pattern::Buckets => drop(out.str("system_buckets", "")),
        }
    }

    /// The database that it is about; none if it is about more than one.
    pub fn database(&self) -> Option<&str> {
        match self {
            Pattern::Database(database) | Pattern::Collection(database, _) => {
                Some(&**database).filter(|database| !database.is_empty())
            }
            Pattern::Cluster | Pattern::Anything | Pattern::Buckets => None,
        }
    }

    fn parse(document: &[u8]) -> Outcome<Pattern> {
        let refused = |message: &str| Err(Failure::new(Reason::FailedToParse, message));
        let (mut db, mut collection, mut cluster, mut anything) = (None, None, None, None);
        for field in Elements::new(document)? {
            let field = field?;
            let value = field.val();
            let is = || (value.ty == ty::BOOL).then(|| value.is_true());
            let mistyped = || {
                let message = format!("resource field {} has a wrong type", field.name_lossy());
                Failure::new(Reason::FailedToParse, message)
            };
            match field.name {
                b"db" => db = Some(value.as_str().ok_or_else(mistyped)?),
                b"collection" => collection = Some(value.as_str().ok_or_else(mistyped)?),
                b"cluster" => cluster = Some(is().ok_or_else(mistyped)?),
                b"anyResource" => anything = Some(is().ok_or_else(mistyped)?),
                _ => return refused("resource has an unknown field"),
            }
        }
        if db.is_some() != collection.is_some() {
            return refused(
                "resource must set both db and collection or neither, but not exactly one.",
            );
        }
        match (db.zip(collection), cluster, anything) {
            (Some((database, "")), None, None) => Ok(Pattern::Database(database.to_owned())),
            (Some((database, name)), None, None) => {
                Ok(Pattern::Collection(database.to_owned(), name.to_owned()))
            }
            (None, Some(true), None) => Ok(Pattern::Cluster),
            (None, Some(false), None) => refused("cluster must be true when specified"),
            (None, None, Some(true)) => Ok(Pattern::Anything),
            (None, None, Some(false)) => refused("anyResource must be true when specified"),
            _ => refused(
                "resource must have exactly db and collection set, or have only cluster set  or \
                 have only anyResource set",
            ),
        }
    }
}

fn parse_one(document: &[u8]) -> Outcome<(Pattern, Actions)> {
    let refused = |message: &str| Err(Failure::new(Reason::FailedToParse, message));
    let (mut resource, mut names) = (None, Vec::new());
    for field in Elements::new(document)? {
        let field = field?;
        match field.name {
            b"resource" => resource = field.val().as_document(),
            b"actions" if field.ty == ty::ARRAY => {
                for name in Elements::new(field.value)? {
                    match name?.val().as_str() {
                        Some(name) => names.push(name),
                        None => return refused("actions must be an array of strings"),
                    }
                }
            }
            _ => {}
        }
    }
    if names.is_empty() {
        return refused("missing actions field");
    }
    let Some(resource) = resource else { return refused("missing resource field") };
    let pattern = Pattern::parse(resource)?;
    let mut actions = Actions::NONE;
    for name in names {
        match Action::named(name) {
            Some(action) => actions = actions.and(Actions::of(&[action])),
            None => return bad(format!("Unrecognized action: {name}")),
        }
    }
    Ok((pattern, actions))
}
