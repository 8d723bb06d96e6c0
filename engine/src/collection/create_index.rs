//! Creating indexes, one or several: what is asked for becomes what is built, unless it is there.

use bson::{Document, RawDocument};

use super::handle::Collection;
use super::index_keys::Index;
use super::locked::{OpenCollection, Turn};
use super::partial_filter::PartialFilter;
use crate::bson::{document, text};
use crate::error::{Error, Reason, Result};
use crate::index::index_definition::{IndexDefinition, IndexKind};
use crate::index::index_spec::IndexSpec;
use crate::index::request_key::UNIQUE_HASHED;

/// An index as the catalogue describes it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct IndexInfo {
    /// Its name.
    pub name: String,
    /// Its specification as it is stored.
    pub specification: Document,
    /// The same as users are told: without the collection's name, and the version as MongoDB
    /// has counted since 3.4, which calls the form of these keys 2.
    pub shown: Document,
    /// Does some document have more than one key?
    pub is_multikey: bool,
}

/// What creating indexes came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CreatedIndexes {
    /// Names of the indexes that were asked for, those included that were there.
    pub names: Vec<String>,
    /// How many indexes the collection had.
    pub before: usize,
    /// How many it has.
    pub after: usize,
    /// Was the collection created for them?
    pub created_collection: bool,
}

impl Collection {
    /// Creates an index, unless it is there already, and fills it. Answers its name. The
    /// collection is created if it does not exist.
    ///
    /// While it is filled the collection can be read and written, unless the specification says
    /// `background: false`.
    ///
    /// # Errors
    /// [`Error::DuplicateKey`] if it is to be unique and cannot be; [`Error::KeyTooLong`];
    /// [`Reason::IndexOptionsConflict`] and [`Reason::IndexKeySpecsConflict`];
    /// [`Reason::CannotCreateIndex`] and others for a specification that is none. There is no such
    /// index then.
    pub fn create_index(&self, spec: IndexSpec) -> Result<String> {
        self.create_index_from(raw(&spec.to_bson()?)?)
    }

    /// As [`Collection::create_index`], from a specification as `createIndexes` takes it:
    /// `{key, name, …}`.
    ///
    /// # Errors
    /// As [`Collection::create_index`].
    pub fn create_index_from(&self, spec: impl AsRef<RawDocument>) -> Result<String> {
        let mut created = self.create_indexes_from([spec])?;
        created.names.pop().ok_or_else(none_asked_for)
    }

    /// Creates several indexes: all of them, or none.
    ///
    /// # Errors
    /// As [`Collection::create_index`], of the first that cannot be created.
    pub fn create_indexes(
        &self,
        specs: impl IntoIterator<Item = IndexSpec>,
    ) -> Result<CreatedIndexes> {
        let specs: Vec<_> = specs.into_iter().map(|spec| spec.to_bson()).collect::<Result<_>>()?;
        let specs = specs.iter().map(|spec| raw(spec)).collect::<Result<Vec<_>>>()?;
        self.create_indexes_from(specs)
    }

    /// As [`Collection::create_indexes`], from specifications as `createIndexes` takes them.
    ///
    /// # Errors
    /// As [`Collection::create_indexes`].
    pub fn create_indexes_from(
        &self,
        specs: impl IntoIterator<Item = impl AsRef<RawDocument>>,
    ) -> Result<CreatedIndexes> {
        let mut definitions = Vec::new();
        for spec in specs {
            let spec = spec.as_ref().as_bytes();
            document::check(spec)?;
            let definition = IndexDefinition::parse_new(spec, self.namespace().as_str())?;
            self.check_new(&definition)?;
            definitions.push(definition);
        }
        match definitions.is_empty() {
            true => Err(none_asked_for()),
            false => self.create_all(definitions),
        }
    }

    /// Creates an index by a specification that another collection has stored: options of older
    /// servers stay, and mean nothing.
    ///
    /// # Errors
    /// As [`Collection::create_index`].
    pub fn restore_index(&self, spec: impl AsRef<RawDocument>) -> Result<String> {
        let spec = spec.as_ref().as_bytes();
        document::check(spec)?;
        let definition = IndexDefinition::parse_restored(spec, self.namespace().as_str())?;
        self.check_new(&definition)?;
        let mut created = self.create_all(vec![definition])?;
        created.names.pop().ok_or_else(none_asked_for)
    }

    /// What can be said of a request before the collection is looked at.
    fn check_new(&self, definition: &IndexDefinition) -> Result<()> {
        let now = self.database.shared.clock.unix_ms() / 1000;
        if definition.expire_after_seconds().is_some_and(|seconds| seconds > now) {
            let message = format!(
                "TTL index 'expireAfterSeconds' option must be within an acceptable range, try a \
                 lower numberindex spec: {}",
                definition.describe()
            );
            return Err(Error::refused(Reason::CannotCreateIndex, message));
        }
        match definition.partial_filter() {
            None => Ok(()),
            Some(filter) => PartialFilter::parse(filter).map(|_| ()),
        }
    }

    fn create_all(&self, definitions: Vec<IndexDefinition>) -> Result<CreatedIndexes> {
        let mut created = CreatedIndexes {
            created_collection: !self.exists(),
            names: Vec::new(),
            ..CreatedIndexes::default()
        };
        if created.created_collection {
            definitions.iter().try_for_each(check_can_be_built)?;
        }
        self.database.create_if_missing(&self.core)?;
        let turn = self.core.turn();
        let new = {
            let guard = self.core.shared();
            let open = guard.open()?.ok_or_else(|| self.core.missing())?;
            created.before = open.indexes.len();
            new_ones(open, &definitions, &mut created.names)?
        };
        created.after = created.before + new.len();
        for (at, definition) in new.iter().enumerate() {
            if let Err(error) = self.build_index(&turn, definition) {
                // All or none. What cannot be dropped now has an error of its own, which is less
                // than this one.
                for built in new[..at].iter().rev() {
                    let _ = self.drop_built(&turn, built.name());
                }
                return Err(error);
            }
        }
        Ok(created)
    }

    fn drop_built(&self, turn: &Turn<'_>, name: &str) -> Result<()> {
        let mut held = self.database.hold_in_turn(&self.core, turn);
        self.drop_named(&mut held, &[name.to_owned()]).map(|_| ())
    }

    /// Its indexes, by slot; none if it does not exist.
    ///
    /// # Errors
    /// `Corrupt` only.
    pub fn indexes(&self) -> Result<Vec<IndexInfo>> {
        self.read(Vec::new(), |view, open| {
            let info = |index: &Index| {
                let stored = index.definition.to_stored(self.namespace().as_str());
                let rule = "an index specification is a document";
                let document = |bytes: &[u8]| {
                    let document = RawDocument::from_bytes(bytes).and_then(Document::try_from);
                    document.map_err(|_| Error::InvalidBson { at: 0, rule })
                };
                Ok(IndexInfo {
                    name: index.definition.name().to_owned(),
                    specification: document(&stored)?,
                    shown: document(&index.definition.to_shown())?,
                    is_multikey: index.is_multikey(view, open.details())?,
                })
            };
            open.indexes.iter().map(info).collect()
        })
    }
}

/// Those of `definitions` that the collection does not have; the names of all.
fn new_ones(
    open: &OpenCollection,
    definitions: &[IndexDefinition],
    names: &mut Vec<String>,
) -> Result<Vec<IndexDefinition>> {
    let mut new: Vec<IndexDefinition> = Vec::new();
    for definition in definitions {
        let existing = open.indexes.iter().map(|index| &*index.definition);
        if let Some(existing) = definition.find_in(existing)? {
            names.push(existing.name().to_owned());
            continue;
        }
        if let Some(twice) = definition.find_in(new.iter())? {
            let message = format!("Identical index already exists: {}", twice.name());
            return Err(Error::refused(Reason::IndexAlreadyExists, message));
        }
        names.push(definition.name().to_owned());
        new.push(definition.clone());
    }
    new.iter().try_for_each(check_can_be_built)?;
    Ok(new)
}

/// What is wrong with an index that is not there already.
fn check_can_be_built(definition: &IndexDefinition) -> Result<()> {
    match definition.kind() {
        IndexKind::Hashed if definition.is_unique() => {
            Err(Error::refused(Reason::Location(16764), UNIQUE_HASHED))
        }
        _ => Ok(()),
    }
}

fn none_asked_for() -> Error {
    Error::refused(Reason::BadValue, "Must specify at least one index to create")
}

/// Bytes that were made as a document.
fn raw(bytes: &[u8]) -> Result<&RawDocument> {
    let not = |_| Error::refused(Reason::InvalidBSON, text::document(bytes));
    RawDocument::from_bytes(bytes).map_err(not)
}
