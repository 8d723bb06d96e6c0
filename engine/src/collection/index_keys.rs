//! One index of a collection, and keeping it one to one with the records.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::catalog::{Catalog, document_at};
use super::partial_filter::PartialFilter;
use crate::bson::builder::Builder;
use crate::bson::element::{Elements, Value};
use crate::bson::field::FieldPath;
use crate::bson::text;
use crate::disk::{Edit, View};
use crate::disk_loc::RecordLoc;
use crate::error::{Error, Result};
use crate::index::btree::{Btree, Inserted};
use crate::index::index_definition::{IndexDefinition, IndexKind};
use crate::index::key;
use crate::index::key_generator::{KeyGenerator, Keys};
use crate::namespace_string::NamespaceString;
use crate::query::Filter;
use crate::store::{NamespaceDetails, RecordStore};

/// A completed index, or one being built.
#[derive(Debug, Clone)]
pub struct Index {
    pub definition: Arc<IndexDefinition>,
    pub slot: usize,
    pub tree: Btree,
    generator: Arc<KeyGenerator>,
    notes_arrays: Arc<AtomicBool>,
    /// Of a partial index: which documents have entries, or why that cannot be said.
    partial: Option<Arc<Result<PartialFilter>>>,
    /// The records that hold the buckets.
    store: RecordStore,
}

impl Index {
    /// The index in `slot`.
    ///
    /// # Errors
    /// `Corrupt` if its specification or its namespace cannot be read.
    pub fn at_slot(
        catalog: &Catalog,
        view: &impl View,
        ns: &NamespaceString,
        details: NamespaceDetails,
        slot: usize,
    ) -> Result<Index> {
        let info = RecordLoc(details.index_slot(view, slot)?.info);
        let spec = document_at(&catalog.index_specs(view)?, view, info)?;
        let definition = IndexDefinition::parse_stored(spec.as_bytes(), ns.as_str(), info)?;
        let store = catalog.heap(view, &ns.index_namespace(definition.name()))?;
        let tree = definition.btree(details.index_slot_loc(view, slot)?);
        let generator = Arc::new(definition.key_generator());
        // Keys on `_id` are its values whatever they are.
        let notes_arrays = Arc::new(AtomicBool::new(definition.key().paths() == ["_id"]));
        let partial = definition.partial_filter().map(PartialFilter::parse).map(Arc::new);
        let definition = Arc::new(definition);
        Ok(Index { definition, slot, tree, notes_arrays, generator, partial, store })
    }

    /// Why it can be read but not kept up to date, if that is so.
    pub fn unmaintainable(&self) -> Option<String> {
        let (kind, name) = (self.definition.kind(), self.definition.name());
        let why = match (kind, self.partial.as_deref()) {
            (IndexKind::Plugin(plugin), _) => format!("{plugin} index '{name}'"),
            (_, Some(Err(error))) => format!("partial index '{name}', whose filter ({error}),"),
            _ => return None,
        };
        let advice = "can be read here but not kept up to date: drop it to write to the collection";
        Some(format!("{why} {advice}"))
    }

    /// What a document of a partial index matches.
    pub fn partial_filter(&self) -> Option<&Arc<Filter>> {
        self.partial_parts().map(PartialFilter::filter)
    }

    fn partial_parts(&self) -> Option<&PartialFilter> {
        self.partial.as_deref().and_then(|partial| partial.as_ref().ok())
    }

    /// The fields on which it depends what entries a document has.
    ///
    /// # Errors
    /// A path that is none.
    pub fn paths(&self) -> Result<Vec<FieldPath>> {
        let own = self.definition.key().paths().iter();
        let mut paths =
            own.map(|path| FieldPath::parse_for_filter(path)).collect::<Result<Vec<_>>>()?;
        paths.extend(self.partial_parts().into_iter().flat_map(PartialFilter::paths).cloned());
        Ok(paths)
    }

    /// Has a document entries, as far as the filter of a partial index says?
    fn covers(&self, document: &[u8]) -> Result<bool> {
        match self.partial.as_deref() {
            None => Ok(true),
            Some(Ok(partial)) => partial.filter().matches(document),
            Some(Err(error)) => Err(error.again()),
        }
    }

    /// The details of the namespace of its buckets.
    pub fn namespace_details(&self) -> NamespaceDetails {
        self.store.details()
    }

    /// The records that hold its buckets.
    pub fn store(&self) -> &RecordStore {
        &self.store
    }

    /// Makes the tree, empty.
    pub fn create_root(&self, edit: &mut impl Edit) -> Result<()> {
        self.tree.edit(edit, &mut self.store.clone()).create().map(|_| ())
    }

    /// The keys of a document.
    ///
    /// # Errors
    /// A key that is too long, parallel arrays.
    pub fn keys_of(&self, document: &[u8]) -> Result<Keys> {
        match self.covers(document)? {
            true => self.generator.keys(document),
            false => Ok(Keys::default()),
        }
    }

    /// The keys of a stored document that the index can have: it has none of those that are too
    /// long, which older servers let pass.
    ///
    /// # Errors
    /// Parallel arrays, or damage: what no server stores.
    pub fn stored_keys_of(&self, document: &[u8]) -> Result<Keys> {
        match self.covers(document)? {
            true => self.generator.stored_keys(document),
            false => Ok(Keys::default()),
        }
    }

    /// Is it noted as multikey if any document's keys are of an array? Not if others may have
    /// written it: they note only documents with several keys (decision 0012).
    pub fn notes_arrays(&self) -> bool {
        self.notes_arrays.load(Ordering::Relaxed)
    }

    /// It is so from now on: what is written here is noted, and of what was there all is known.
    pub fn set_notes_arrays(&self) {
        self.notes_arrays.store(true, Ordering::Relaxed);
    }

    /// Notes that a document has these keys, if they are of an array.
    pub fn note_array(
        &self,
        edit: &mut impl Edit,
        details: NamespaceDetails,
        keys: &Keys,
    ) -> Result<()> {
        match !keys.met_array || details.is_multikey(edit, self.slot)? {
            true => Ok(()),
            false => details.set_multikey(edit, self.slot),
        }
    }

    /// Adds the entries of a document, or some of them. `details` are those of the collection.
    ///
    /// # Errors
    /// [`Error::DuplicateKey`], and the store's; the unit of work is to be rolled back.
    pub fn insert_keys(
        &self,
        edit: &mut impl Edit,
        ns: &NamespaceString,
        details: NamespaceDetails,
        keys: &Keys,
        loc: RecordLoc,
    ) -> Result<()> {
        self.note_array(edit, details, keys)?;
        let mut buckets = self.store.clone();
        for key in &keys.set {
            match self.tree.edit(edit, &mut buckets).insert(key, loc)? {
                Inserted::New => {}
                Inserted::Duplicate(_) => return Err(self.duplicate(ns, key)),
                Inserted::AlreadyPresent => {
                    let rule = "a record that is new to an index has no entry in it";
                    return Err(Error::corrupt(loc, "b-tree", rule, 0));
                }
            }
        }
        Ok(())
    }

    /// Removes the entries of a document. Entries that are not there are none too many: a
    /// server may have left them out for their length.
    pub fn remove_keys(&self, edit: &mut impl Edit, keys: &Keys, loc: RecordLoc) -> Result<()> {
        let mut buckets = self.store.clone();
        for key in &keys.set {
            self.tree.edit(edit, &mut buckets).delete(key, loc)?;
        }
        Ok(())
    }

    /// The keys of `old` that are not in `new`, and the other way round. Keys that are equal by
    /// value and not byte by byte, 1 and 1.0, are different ones. Though none may be new, those of
    /// an array are noted by whoever adds them.
    pub fn difference(old: Keys, new: Keys) -> (Keys, Keys) {
        // An array may have very many.
        let before: HashSet<&Vec<u8>> = old.set.iter().collect();
        let (stay, come): (Vec<_>, Vec<_>) =
            new.set.into_iter().partition(|key| before.contains(key));
        let stay: HashSet<Vec<u8>> = stay.into_iter().collect();
        let gone = old.set.into_iter().filter(|key| !stay.contains(key)).collect();
        (Keys { set: gone, ..old }, Keys { set: come, ..new })
    }

    /// The record of the first entry with a key of just this value.
    pub fn find_exact(&self, view: &impl View, value: Value<'_>) -> Result<Option<RecordLoc>> {
        let mut wanted = Vec::new();
        let encoded = key::encode(self.tree.version, &[value], self.definition.name(), &mut wanted);
        if let Err(Error::KeyTooLong { .. }) = encoded {
            return Ok(None);
        }
        encoded?;
        self.tree.find_one(view, &wanted)
    }

    /// The error for a key that a unique index has already.
    pub fn duplicate(&self, ns: &NamespaceString, key: &[u8]) -> Error {
        let mut named = Builder::new();
        let key = key::decode(self.tree.version, key);
        let fields = Elements::new(&key).into_iter().flatten().flatten();
        for (path, field) in self.definition.key().paths().iter().zip(fields) {
            named.value(path, field.val());
        }
        let value = named.finish();
        Error::DuplicateKey {
            ns: ns.to_string(),
            index: self.definition.name().to_owned(),
            key: text::document(&value),
            pattern: self.definition.key().as_bson().into(),
            value: value.into(),
        }
    }
}
