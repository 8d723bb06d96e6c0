//! A collection as a map from `_id` to document: the oracle of the random tests.
//!
//! It does what the engine should do, or says how the engine should refuse; it knows nothing of
//! records, and so of natural order only what the engine shows it.

use std::collections::BTreeMap;

use bson::{Bson, Document, doc};
use tallymap::{Error, Reason};

use crate::evaluate::{Op, apply};
use crate::keys::ModelIndex;
use crate::order::{compare, compare_keys, float, raw};

/// How a change ends that is not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// A unique index has the key.
    Duplicate,
    /// Another reason.
    Refused(Reason),
}

impl Refusal {
    /// What an error of the engine is in these terms.
    pub fn of(error: &Error) -> Refusal {
        match error {
            Error::DuplicateKey { .. } => Refusal::Duplicate,
            Error::Refused { reason, .. } => Refusal::Refused(*reason),
            other => panic!("an error that the model does not know: {other}"),
        }
    }
}

/// The collection.
#[derive(Debug, Clone, Default)]
pub struct Model {
    /// Documents by `_id`: numbers of any type are one `_id` if they are equal.
    pub documents: BTreeMap<String, Document>,
    /// Its indexes beside `_id_`, in the order they were made.
    pub indexes: Vec<ModelIndex>,
}

/// The key of the map.
pub fn id_key(id: &Bson) -> String {
    match float(id) {
        Some(number) => format!("number {number}"),
        None => id.to_string(),
    }
}

/// Does the document match `{field: wanted}`?
pub fn matches(doc: &Document, field: &str, wanted: &Bson) -> bool {
    // Null stands for what is missing, and for what is undefined.
    let equals = |value: &Bson| {
        compare(value, wanted).is_eq() || (*wanted == Bson::Null && *value == Bson::Undefined)
    };
    match doc.get(field) {
        None => *wanted == Bson::Null,
        Some(Bson::Array(array)) => {
            array.iter().any(equals) || compare(&Bson::Array(array.clone()), wanted).is_eq()
        }
        Some(value) => equals(value),
    }
}

/// The document with `_id` moved to the front.
pub fn id_first(doc: &Document) -> Document {
    let mut out = doc! { "_id": doc.get("_id").cloned().expect("has an _id") };
    out.extend(doc.clone().into_iter().filter(|(name, _)| name != "_id"));
    out
}

impl Model {
    /// May `doc` stand there, `replaced` being gone? Notes which indexes are multikey by it.
    fn admit(&mut self, doc: &Document, replaced: Option<&str>) -> Result<(), Refusal> {
        let key = id_key(doc.get("_id").expect("has an _id"));
        if replaced != Some(key.as_str()) && self.documents.contains_key(&key) {
            return Err(Refusal::Duplicate);
        }
        let mut multikey = Vec::new();
        for index in &self.indexes {
            let parallel = Refusal::Refused(Reason::CannotIndexParallelArrays);
            let keys = index.keys(doc).map_err(|_| parallel)?;
            multikey.push(index.meets_array(doc));
            let others = self.documents.iter().filter(|(id, _)| Some(id.as_str()) != replaced);
            if index.unique && others.clone().any(|(_, other)| share_key(index, &keys, other)) {
                return Err(Refusal::Duplicate);
            }
        }
        for (index, multikey) in self.indexes.iter_mut().zip(multikey) {
            index.multikey |= multikey;
        }
        Ok(())
    }

    /// Inserts a document that has an `_id`.
    ///
    /// # Errors
    /// How the engine should refuse.
    pub fn insert(&mut self, doc: &Document) -> Result<(), Refusal> {
        self.admit(doc, None)?;
        self.documents.insert(id_key(&doc["_id"]), id_first(doc));
        Ok(())
    }

    /// Applies operators to the document with this key. Answers whether it changed.
    ///
    /// # Errors
    /// How the engine should refuse.
    pub fn update(&mut self, key: &str, ops: &[Op]) -> Result<bool, Refusal> {
        let (new, changed) = apply(&self.documents[key], ops, false).map_err(Refusal::Refused)?;
        if changed {
            self.put(key, new)?;
        }
        Ok(changed)
    }

    /// Replaces the document with this key, whose `_id` stays.
    ///
    /// # Errors
    /// How the engine should refuse.
    pub fn replace(&mut self, key: &str, replacement: &Document) -> Result<bool, Refusal> {
        let mut new = doc! { "_id": self.documents[key]["_id"].clone() };
        new.extend(replacement.clone());
        let changed = raw(&new) != raw(&self.documents[key]);
        if changed {
            self.put(key, new)?;
        }
        Ok(changed)
    }

    fn put(&mut self, key: &str, new: Document) -> Result<(), Refusal> {
        self.admit(&new, Some(key))?;
        self.documents.insert(key.to_owned(), new);
        Ok(())
    }

    /// The document that an upsert makes of the filter's fields and the operators; without `_id`
    /// if neither gives one.
    ///
    /// # Errors
    /// How the engine should refuse.
    pub fn upserted(&self, filter: &Document, ops: &[Op]) -> Result<Document, Refusal> {
        apply(filter, ops, true).map(|(doc, _)| doc).map_err(Refusal::Refused)
    }

    /// Adds an index.
    ///
    /// # Errors
    /// How the engine should refuse.
    pub fn create_index(&mut self, mut index: ModelIndex) -> Result<(), Refusal> {
        let mut all: Vec<Vec<Bson>> = Vec::new();
        for doc in self.documents.values() {
            let parallel = Refusal::Refused(Reason::CannotIndexParallelArrays);
            let keys = index.keys(doc).map_err(|_| parallel)?;
            index.multikey |= index.meets_array(doc);
            all.extend(keys);
        }
        let directions = index.directions();
        all.sort_by(|a, b| compare_keys(a, b, &directions));
        let twice = |pair: &[Vec<Bson>]| compare_keys(&pair[0], &pair[1], &directions).is_eq();
        if index.unique && all.windows(2).any(twice) {
            return Err(Refusal::Duplicate);
        }
        self.indexes.push(index);
        Ok(())
    }

    /// After the indexes were built anew: multikey by the documents that are there.
    pub fn rebuild_indexes(&mut self) {
        for index in &mut self.indexes {
            index.multikey = self.documents.values().any(|doc| index.meets_array(doc));
        }
    }
}

fn share_key(index: &ModelIndex, keys: &[Vec<Bson>], other: &Document) -> bool {
    let directions = index.directions();
    let theirs = index.keys(other).expect("was admitted");
    keys.iter().any(|a| theirs.iter().any(|b| compare_keys(a, b, &directions).is_eq()))
}
