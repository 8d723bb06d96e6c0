//! Where users and roles are kept: `admin.system.users` and `admin.system.roles`, as mongod keeps
//! them, with its indexes and its note in `admin.system.version`.

use bson::{RawDocument, RawDocumentBuf, rawdoc};
use tallymap::{Collection, Engine, Error};

use super::name::{Kind, Name};
use crate::dispatch::failure::Outcome;

/// The version of the form in which users are kept.
pub const SCHEMA_VERSION: i32 = 5;

/// The documents of users, or of roles.
#[derive(Debug, Clone, Copy)]
pub struct Store<'a> {
    engine: &'a Engine,
    kind: Kind,
}

impl<'a> Store<'a> {
    /// Those of users.
    pub fn users(engine: &'a Engine) -> Store<'a> {
        Store { engine, kind: Kind::User }
    }

    /// Those of roles.
    pub fn roles(engine: &'a Engine) -> Store<'a> {
        Store { engine, kind: Kind::Role }
    }

    fn collection(&self) -> Outcome<Collection> {
        let name = match self.kind {
            Kind::User => "admin.system.users",
            Kind::Role => "admin.system.roles",
        };
        Ok(self.engine.collection(name)?)
    }

    /// The order of the names, and the index that has them once.
    fn order(&self) -> RawDocumentBuf {
        match self.kind {
            Kind::User => rawdoc! { "user": 1, "db": 1 },
            Kind::Role => rawdoc! { "role": 1, "db": 1 },
        }
    }

    /// The document of this name.
    ///
    /// # Errors
    /// The engine's.
    pub fn get(&self, name: &Name) -> Outcome<Option<RawDocumentBuf>> {
        let found = self.collection()?.find_by_id(name.id().as_str())?;
        // `a.b` of `c` and `b` of `c.a` would have one `_id`.
        Ok(found.filter(|document| {
            document.get_str("db").is_ok_and(|db| db == name.db)
                && document.get_str(self.kind.field()).is_ok_and(|own| own == name.name)
        }))
    }

    /// Those that a filter matches, in the order of their names.
    ///
    /// # Errors
    /// The engine's.
    pub fn find(&self, filter: &RawDocument) -> Outcome<Vec<RawDocumentBuf>> {
        let found = self.collection()?.find(filter).sort(self.order()).run()?;
        Ok(found.collect::<Result<_, Error>>()?)
    }

    /// Is there none?
    ///
    /// # Errors
    /// The engine's.
    pub fn is_empty(&self) -> Outcome<bool> {
        Ok(self.collection()?.find_one(rawdoc! {})?.is_none())
    }

    /// Adds a document. Answers whether there was none of its name.
    ///
    /// # Errors
    /// The engine's.
    pub fn add(&self, document: &RawDocument) -> Outcome<bool> {
        let collection = self.collection()?;
        if !collection.exists() {
            let key = self.order();
            let name = format!("{}_1_db_1", self.kind.field());
            collection.create_index_from(rawdoc! { "key": key, "name": name, "unique": true })?;
            self.engine
                .collection("admin.system.version")?
                .update_one(
                    rawdoc! { "_id": "authSchema" },
                    rawdoc! { "$set": { "currentVersion": SCHEMA_VERSION } },
                )?
                .upsert(true)
                .run()?;
        }
        match collection.insert_one(document) {
            Err(Error::DuplicateKey { .. }) => Ok(false),
            other => Ok(other.map(|_| true)?),
        }
    }

    /// Puts a document in the place of the one of this name.
    ///
    /// # Errors
    /// The engine's.
    pub fn replace(&self, name: &Name, document: &RawDocument) -> Outcome<()> {
        self.collection()?.replace_one(rawdoc! { "_id": name.id() }, document)?.run()?;
        Ok(())
    }

    /// Changes the document of this name by an update. Answers whether there is one.
    ///
    /// # Errors
    /// The engine's.
    pub fn change(&self, name: &Name, update: &RawDocument) -> Outcome<bool> {
        let filter = rawdoc! { "_id": name.id(), "db": name.db.as_str() };
        Ok(self.collection()?.update_one(filter, update)?.run()?.matched > 0)
    }

    /// Changes all documents that a filter matches.
    ///
    /// # Errors
    /// The engine's.
    pub fn change_all(&self, filter: &RawDocument, update: &RawDocument) -> Outcome<()> {
        self.collection()?.update_many(filter, update)?.run()?;
        Ok(())
    }

    /// Deletes what a filter matches. Answers how many.
    ///
    /// # Errors
    /// The engine's.
    pub fn remove(&self, filter: &RawDocument) -> Outcome<u64> {
        Ok(self.collection()?.delete_many(filter)?)
    }
}
