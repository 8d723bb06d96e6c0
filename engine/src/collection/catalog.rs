//! What a database says of itself: the documents of `system.namespaces`, one per namespace, and
//! the nodes of the `.ns` file that go with them (format, §5.5–§5.6).
//!
//! C1. Every document of `system.namespaces` names a live node, and the other way round, but for
//!     `system.namespaces` itself and for overflow nodes.
//! C2. All that is written here is written with the database held exclusively.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bson::{RawDocument, RawDocumentBuf, rawdoc};

use crate::bson::document::doc_len;
use crate::disk::{Edit, View};
use crate::disk_loc::RecordLoc;
use crate::error::{Error, Result};
use crate::store::new_database::{create_orphan_extent, ensure_system_namespaces};
use crate::store::upgrade::upgrade;
use crate::store::{
    Direction, NamespaceDetails, NamespaceIndex, NewNamespace, RecordScan, RecordStore,
    StoreOptions,
};

/// The catalogue of one database.
#[derive(Debug, Clone)]
pub struct Catalog {
    nodes: NamespaceIndex,
    /// How records of the catalogue and of indexes are placed.
    options: StoreOptions,
    database: Arc<str>,
    /// May some collection have a validator? Then its options are looked for when it is opened.
    may_validate: Arc<AtomicBool>,
}

impl Catalog {
    /// The catalogue of the database `database`, whose files are `view`.
    ///
    /// # Errors
    /// `Corrupt` if the `.ns` file is not one.
    pub fn open(view: &impl View, database: &str, options: StoreOptions) -> Result<Catalog> {
        let nodes = NamespaceIndex::open(view)?;
        let may_validate = Arc::default();
        let catalog = Catalog { nodes, options, database: database.into(), may_validate };
        if catalog.finds_validator(view) {
            catalog.may_validate.store(true, Ordering::Relaxed);
        }
        Ok(catalog)
    }

    /// Has some collection a validator? What cannot be read has none: that is for others to tell.
    fn finds_validator(&self, view: &impl View) -> bool {
        let Ok(heap) = self.heap(view, &self.namespaces_name()) else { return false };
        let mut scan = RecordScan::new(heap.details(), Direction::Forward);
        while let Ok(Some(loc)) = scan.next(view) {
            let options = document_at(&heap, view, loc).ok();
            let options = options.and_then(|entry| entry.get_document("options").ok());
            if options.is_some_and(has_validator) {
                return true;
            }
        }
        false
    }

    /// The options of a collection that is opened, if its documents may have to be validated.
    pub fn validation_of(&self, view: &impl View, name: &str) -> Option<RawDocumentBuf> {
        match self.may_validate.load(Ordering::Relaxed) {
            true => self.options_of(view, name).ok().flatten(),
            false => None,
        }
    }

    /// Makes what every database has, as far as it is missing: the extent that mongod forgets,
    /// the two system namespaces; and brings an older version's header up to date.
    pub fn prepare(&self, edit: &mut impl Edit) -> Result<()> {
        if self.nodes.find(edit, &self.namespaces_name())?.is_none() {
            create_orphan_extent(edit, self.options.file_sizes)?;
        }
        if upgrade(edit, &self.nodes, &self.database)? {
            self.remove_entry(edit, &format!("{}.$freelist", self.database))?;
        }
        if ensure_system_namespaces(edit, &self.nodes, &self.database)? {
            self.insert_entry(edit, &self.indexes_name(), None)?;
        }
        Ok(())
    }

    /// Name of the namespace of namespaces.
    pub fn namespaces_name(&self) -> String {
        format!("{}.system.namespaces", self.database)
    }

    /// Name of the namespace of index specifications.
    pub fn indexes_name(&self) -> String {
        format!("{}.system.indexes", self.database)
    }

    /// The details of namespace `name`, if there is one.
    pub fn find(&self, view: &impl View, name: &str) -> Result<Option<NamespaceDetails>> {
        self.nodes.find(view, name)
    }

    /// Names of all collections, sorted; the catalogue's own included.
    pub fn collection_names(&self, view: &impl View) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for node in self.nodes.iter(view) {
            let (name, _) = node?;
            let local_oplog = name == "local.oplog.$main";
            if !name.contains('$') || local_oplog {
                names.push(name.to_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// The `.ns` nodes.
    pub fn nodes(&self) -> &NamespaceIndex {
        &self.nodes
    }

    /// The records of one of the catalogue's namespaces, or of an index.
    ///
    /// # Errors
    /// `Corrupt` if it is not there, or is capped.
    pub fn heap(&self, view: &impl View, name: &str) -> Result<RecordStore> {
        let details = self.nodes.find(view, name)?.ok_or_else(|| {
            let rule = "a namespace that the catalogue names has a node";
            Error::corrupt(crate::disk_loc::DiskLoc::NULL, "NamespaceIndex", rule, 0)
        })?;
        if details.is_capped(view)? {
            let rule = "the catalogue and the indexes are not capped";
            return Err(Error::corrupt(details.loc(), "NamespaceDetails", rule, 1));
        }
        Ok(RecordStore::new(details, name, self.options.clone()))
    }

    /// The specifications of all indexes.
    pub fn index_specs(&self, view: &impl View) -> Result<RecordStore> {
        self.heap(view, &self.indexes_name())
    }

    /// Adds a namespace: its document, then its node.
    ///
    /// # Errors
    /// [`Error::NamespaceExists`], [`Error::TooManyNamespaces`], and the store's.
    pub fn add(
        &self,
        edit: &mut impl Edit,
        name: &str,
        options: Option<&RawDocument>,
        new: NewNamespace,
    ) -> Result<NamespaceDetails> {
        if self.nodes.find(edit, name)?.is_some() {
            return Err(Error::NamespaceExists { ns: name.to_owned() });
        }
        self.insert_entry(edit, name, options)?;
        self.nodes.add(edit, name, new)
    }

    /// Removes a namespace whose extents were given back: its document, then its node.
    pub fn remove(&self, edit: &mut impl Edit, name: &str) -> Result<()> {
        self.remove_entry(edit, name)?;
        self.nodes.kill(edit, name)?;
        Ok(())
    }

    /// The options that a collection was created with.
    pub fn options_of(&self, view: &impl View, name: &str) -> Result<Option<RawDocumentBuf>> {
        let Some((_, entry)) = self.find_entry(view, name)? else { return Ok(None) };
        let options = entry.get_document("options").ok();
        Ok(options.map(RawDocument::to_owned))
    }

    /// Adds the document of a namespace.
    pub fn insert_entry(
        &self,
        edit: &mut impl Edit,
        name: &str,
        options: Option<&RawDocument>,
    ) -> Result<()> {
        let mut entry = rawdoc! { "name": name };
        if let Some(options) = options {
            if has_validator(options) {
                self.may_validate.store(true, Ordering::Relaxed);
            }
            entry.append(bson::cstr!("options"), options.to_owned());
        }
        self.heap(edit, &self.namespaces_name())?.insert(edit, entry.as_bytes())?;
        Ok(())
    }

    /// Puts other options into the document of a namespace, which may come to lie elsewhere.
    pub fn replace_entry(
        &self,
        edit: &mut impl Edit,
        name: &str,
        options: Option<&RawDocument>,
    ) -> Result<()> {
        self.remove_entry(edit, name)?;
        self.insert_entry(edit, name, options)
    }

    /// Removes the document of a namespace.
    pub fn remove_entry(&self, edit: &mut impl Edit, name: &str) -> Result<()> {
        if let Some((loc, _)) = self.find_entry(edit, name)? {
            self.heap(edit, &self.namespaces_name())?.remove(edit, loc)?;
        }
        Ok(())
    }

    /// What is wrong between documents and nodes, in words: each namespace has one of both,
    /// `system.namespaces` itself only a node (format, §5.7).
    ///
    /// # Errors
    /// `Corrupt` if they cannot be read.
    pub fn check(&self, view: &impl View) -> Result<Vec<String>> {
        let mut findings = Vec::new();
        let mut listed = BTreeSet::new();
        let heap = self.heap(view, &self.namespaces_name())?;
        let mut scan = RecordScan::new(heap.details(), Direction::Forward);
        while let Some(loc) = scan.next(view)? {
            let Ok(name) = document_at(&heap, view, loc)?.get_str("name") else {
                findings.push(format!("the document at {loc} names no namespace"));
                continue;
            };
            if self.nodes.find(view, name)?.is_none() {
                findings.push(format!("the document at {loc} names '{name}', which has no node"));
            }
            if !listed.insert(name) {
                findings.push(format!("the document at {loc} names '{name}' a second time"));
            }
        }
        for node in self.nodes.iter(view) {
            let (name, _) = node?;
            // Up to 2.4 the free extents had a node, not always with a document.
            let unlisted = name == self.namespaces_name() || name.ends_with(".$freelist");
            if has_extents(name) && !unlisted && !listed.contains(name) {
                findings.push(format!("'{name}' has a node, and no document names it"));
            }
        }
        Ok(findings)
    }

    /// The document of a namespace. One that cannot be read is another's, if there is one that
    /// can and has the name.
    fn find_entry<'v>(
        &self,
        view: &'v impl View,
        name: &str,
    ) -> Result<Option<(RecordLoc, &'v RawDocument)>> {
        let heap = self.heap(view, &self.namespaces_name())?;
        let mut scan = RecordScan::new(heap.details(), Direction::Forward);
        let mut unreadable = None;
        while let Some(loc) = scan.next(view)? {
            let named = document_at(&heap, view, loc).and_then(|entry| {
                let rule = "a document of system.namespaces has a name";
                let found =
                    entry.get_str("name").map_err(|_| Error::corrupt(loc, "document", rule, 0));
                Ok((entry, found?))
            });
            match named {
                Ok((entry, found)) if found == name => return Ok(Some((loc, entry))),
                Ok(_) => {}
                Err(error) => unreadable = Some(error),
            }
        }
        unreadable.map_or(Ok(None), Err)
    }
}

fn has_validator(options: &RawDocument) -> bool {
    ["validator", "validationLevel", "validationAction"]
        .iter()
        .any(|name| options.get(name).is_ok_and(|option| option.is_some()))
}

/// Is it the name of a collection or an index? Nodes with overflowing index slots have a `$`
/// that no dot precedes.
pub fn has_extents(name: &str) -> bool {
    !name.contains('$') || name.contains(".$")
}

/// The document in the record at `loc`.
///
/// # Errors
/// `Corrupt` if the record is not sound or its document is longer than it.
pub fn document_at<'v>(
    heap: &RecordStore,
    view: &'v impl View,
    loc: RecordLoc,
) -> Result<&'v RawDocument> {
    let record = heap.read(view, loc)?;
    document_in(record.data, loc)
}

/// The document that record data begin with.
///
/// # Errors
/// `Corrupt` if it is longer than the data, or none.
pub fn document_in(data: &[u8], loc: RecordLoc) -> Result<&RawDocument> {
    let bytes = document_bytes_in(data, loc)?;
    RawDocument::from_bytes(bytes).map_err(|_| no_document(loc, bytes.len()))
}

/// The same as bytes, of which only the length was looked at.
///
/// # Errors
/// As [`document_in`].
#[inline]
pub fn document_bytes_in(data: &[u8], loc: RecordLoc) -> Result<&[u8]> {
    match doc_len(data) {
        Ok(len) => Ok(&data[..len]),
        Err(_) => Err(no_document(loc, data.len())),
    }
}

#[cold]
fn no_document(loc: RecordLoc, found: usize) -> Error {
    Error::corrupt(loc, "Record", "its document fits in it", found as i64)
}
