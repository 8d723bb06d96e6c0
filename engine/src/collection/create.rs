//! Creating, dropping and renaming what the catalogue names: each one unit of work, so that a
//! crash leaves all of it or nothing (format, §5.6).
//!
//! The callers hold the database and the collection exclusively.

use bson::{RawArrayBuf, RawDocument, RawDocumentBuf, rawdoc};

use super::catalog::{Catalog, document_at};
use super::index_keys::Index;
use super::options::CollectionOptions;
use crate::disk::Edit;
use crate::disk_loc::RecordLoc;
use crate::error::{Error, Reason, Result};
use crate::format::namespace::details::FLAG_POWER_OF_2;
use crate::index::index_definition::IndexDefinition;
use crate::index::index_request;
use crate::limits::{INDEXES_MAX, NAMESPACE_NAME_MAX};
use crate::namespace_string::NamespaceString;
use crate::store::{
    CappedExtents, IndexSlot, NamespaceDetails, NewNamespace, RecordStore, StoreOptions,
};

/// Capped sizes are multiples of this.
const CAPPED_GRAIN: i64 = 256;

impl CollectionOptions {
    /// Refuses options that contradict each other.
    pub(crate) fn check(&self) -> Result<()> {
        self.validation.check()?;
        self.check_engines()?;
        let bad = |message: &str| Err(Error::refused(Reason::InvalidOptions, message));
        match &self.capped {
            None => Ok(()),
            Some(capped) if capped.size <= 0 => bad("a capped collection needs a size above 0"),
            Some(capped) if !capped.extents.are_sane() => {
                bad("a capped collection has 1 to 1000 extents of at least 4096 bytes")
            }
            Some(capped) if capped.size > i64::from(i32::MAX) * 1000 => {
                bad("a capped collection cannot be that large")
            }
            Some(capped) if capped.max.is_some_and(|max| max >= i64::from(i32::MAX)) => {
                bad("max in a capped collection has to be less than 2^31")
            }
            Some(_) if self.template.is_some() => {
                bad("a capped collection takes no template: its documents cannot be upserted into")
            }
            Some(_) => Ok(()),
        }
    }

    fn check_engines(&self) -> Result<()> {
        let defaults = self.index_option_defaults.as_deref();
        let defaults = defaults.and_then(|it| it.get_document("storageEngine").ok());
        for options in [self.storage_engine.as_deref(), defaults].into_iter().flatten() {
            index_request::check_engines(options.as_bytes())?;
        }
        Ok(())
    }

    /// The options as the catalogue keeps them; `None` where all are default.
    fn catalogue_entry(&self) -> Option<RawDocumentBuf> {
        let mut entry = RawDocumentBuf::new();
        if let Some(capped) = &self.capped {
            entry.append(bson::cstr!("capped"), true);
            entry.append(bson::cstr!("size"), number(capped_size(capped.size)));
            match &capped.extents {
                CappedExtents::Whole => {}
                CappedExtents::Count(n) => {
                    entry.append(bson::cstr!("$nExtents"), number(*n as i64));
                }
                CappedExtents::Sizes(sizes) => {
                    let sizes: RawArrayBuf = sizes.iter().map(|size| number(*size)).collect();
                    entry.append(bson::cstr!("$nExtents"), sizes);
                }
            }
            if let Some(max) = capped.max.filter(|max| *max > 0) {
                entry.append(bson::cstr!("max"), number(max));
            }
        }
        if self.no_id_index {
            entry.append(bson::cstr!("autoIndexId"), false);
        }
        let flags = self.policy.user_flags();
        if flags != FLAG_POWER_OF_2 {
            entry.append(bson::cstr!("flags"), flags);
        }
        if let Some(options) = &self.storage_engine {
            entry.append(bson::cstr!("storageEngine"), options.clone());
        }
        if let Some(options) = &self.index_option_defaults {
            entry.append(bson::cstr!("indexOptionDefaults"), options.clone());
        }
        self.validation.append_to(&mut entry);
        (!entry.is_empty()).then_some(entry)
    }

    fn new_namespace(&self) -> NewNamespace {
        let capped = self.capped.as_ref();
        NewNamespace {
            user_flags: self.policy.user_flags(),
            is_capped: capped.is_some(),
            max_docs: capped.and_then(|c| c.max).filter(|max| *max > 0).map(|max| max as i32),
        }
    }
}

fn capped_size(size: i64) -> i64 {
    (size + CAPPED_GRAIN - 1) / CAPPED_GRAIN * CAPPED_GRAIN
}

fn number(n: i64) -> bson::RawBson {
    match super::stats::number(n) {
        bson::Bson::Int32(n) => bson::RawBson::Int32(n),
        bson::Bson::Double(n) => bson::RawBson::Double(n),
        _ => bson::RawBson::Int64(n),
    }
}

/// Creates a collection, with its index on `_id` unless the options say otherwise.
///
/// # Errors
/// [`Error::NamespaceExists`], and the store's.
pub fn create_collection(
    catalog: &Catalog,
    edit: &mut impl Edit,
    ns: &NamespaceString,
    options: &CollectionOptions,
    store_options: StoreOptions,
) -> Result<NamespaceDetails> {
    let entry = options.catalogue_entry();
    let details = catalog.add(edit, ns.as_str(), entry.as_deref(), options.new_namespace())?;
    let store = RecordStore::new(details, ns.as_str(), store_options);
    match &options.capped {
        Some(capped) => {
            store.create_capped_extents(edit, capped_size(capped.size), &capped.extents)?;
        }
        None => store.create_first_extent(edit)?,
    }
    if !options.no_id_index {
        let (_, slot) = begin_index(catalog, edit, ns, details, &IndexDefinition::id())?;
        details.finish_index_build(edit, slot)?;
    }
    Ok(details)
}

/// Makes an empty index and takes a slot for it, as a build in progress.
///
/// # Errors
/// [`Reason::CannotCreateIndex`] for a name that is too long or one index too many.
pub fn begin_index(
    catalog: &Catalog,
    edit: &mut impl Edit,
    ns: &NamespaceString,
    details: NamespaceDetails,
    spec: &IndexDefinition,
) -> Result<(Index, usize)> {
    let index_ns = ns.index_namespace(spec.name());
    if index_ns.len() > NAMESPACE_NAME_MAX {
        let message = format!(
            "namespace name generated from index name \"{index_ns}\" is too long \
             ({NAMESPACE_NAME_MAX} byte max)"
        );
        return Err(Error::refused(Reason::CannotCreateIndex, message));
    }
    if details.index_counts(edit)?.total() >= INDEXES_MAX {
        let message = format!("add index fails, too many indexes for {ns}");
        return Err(Error::refused(Reason::CannotCreateIndex, message));
    }
    let info = catalog.index_specs(edit)?.insert(edit, &spec.to_stored(ns.as_str()))?;
    let slot = details.begin_index_build(edit, catalog.nodes(), ns.as_str(), info)?;
    catalog.add(edit, &index_ns, None, NewNamespace::default())?;
    let index = Index::at_slot(catalog, edit, ns, details, slot)?;
    index.create_root(edit)?;
    Ok((index, slot))
}

/// Drops the index in `slot`, finished or not.
pub fn drop_index(
    catalog: &Catalog,
    edit: &mut impl Edit,
    ns: &NamespaceString,
    details: NamespaceDetails,
    slot: usize,
) -> Result<()> {
    let IndexSlot { info, .. } = details.index_slot(edit, slot)?;
    let specs = catalog.index_specs(edit)?;
    let name = name_of_spec(document_at(&specs, edit, RecordLoc(info))?, RecordLoc(info))?;
    let index_ns = ns.index_namespace(&name);
    if let Some(details) = catalog.find(edit, &index_ns)? {
        RecordStore::new(details, index_ns.as_str(), StoreOptions::default()).drop_extents(edit)?;
    }
    catalog.remove(edit, &index_ns)?;
    details.remove_index_slot(edit, slot)?;
    specs.remove(edit, RecordLoc(info))
}

/// Puts another specification in the place of that of the index in `slot`: where it lies if that
/// has room, else elsewhere, and the slot leads there.
pub fn replace_spec(
    catalog: &Catalog,
    edit: &mut impl Edit,
    details: NamespaceDetails,
    slot: usize,
    spec: &[u8],
) -> Result<()> {
    let specs = catalog.index_specs(edit)?;
    let old = details.index_slot(edit, slot)?;
    if specs.fits(edit, RecordLoc(old.info), spec.len())? {
        return specs.rewrite(edit, RecordLoc(old.info), spec);
    }
    let info = specs.insert(edit, spec)?.0;
    details.put_index_slot(edit, slot, IndexSlot { info, ..old })?;
    specs.remove(edit, RecordLoc(old.info))
}

/// Drops a collection with all its indexes.
pub fn drop_collection(
    catalog: &Catalog,
    edit: &mut impl Edit,
    ns: &NamespaceString,
    details: NamespaceDetails,
) -> Result<()> {
    // In slot order, so that the extents of _id_ are free first.
    for _ in 0..details.index_counts(edit)?.total() {
        drop_index(catalog, edit, ns, details, 0)?;
    }
    catalog.remove_entry(edit, ns.as_str())?;
    RecordStore::new(details, ns.as_str(), StoreOptions::default()).drop_extents(edit)?;
    catalog.nodes().kill(edit, ns.as_str())?;
    Ok(())
}

/// Gives a collection another name in the same database. Its records stay where they are.
///
/// # Errors
/// [`Error::NamespaceExists`]; [`Reason::CannotCreateIndex`] if an index's name would become
/// too long.
pub fn rename_collection(
    catalog: &Catalog,
    edit: &mut impl Edit,
    from: &NamespaceString,
    to: &NamespaceString,
    details: NamespaceDetails,
) -> Result<NamespaceDetails> {
    let specs = catalog.index_specs(edit)?;
    let options = catalog.options_of(edit, from.as_str())?;
    let details = details.rename(edit, catalog.nodes(), from.as_str(), to.as_str())?;
    catalog.insert_entry(edit, to.as_str(), kept_options(options).as_deref())?;
    catalog.remove_entry(edit, from.as_str())?;
    for slot in 0..details.index_counts(edit)?.total() {
        let old = details.index_slot(edit, slot)?;
        let spec = document_at(&specs, edit, RecordLoc(old.info))?;
        let name = name_of_spec(spec, RecordLoc(old.info))?;
        let to_ns = to.index_namespace(&name);
        if to_ns.len() > NAMESPACE_NAME_MAX {
            let message = format!("index name '{to_ns}' would be too long");
            return Err(Error::refused(Reason::InvalidNamespace, message));
        }
        let rewritten = with_namespace(spec, to.as_str(), RecordLoc(old.info))?;
        let info = specs.insert(edit, rewritten.as_bytes())?.0;
        details.put_index_slot(edit, slot, IndexSlot { info, ..old })?;
        rename_index_namespace(catalog, edit, &from.index_namespace(&name), &to_ns)?;
        specs.remove(edit, RecordLoc(old.info))?;
    }
    Ok(details)
}

fn rename_index_namespace(
    catalog: &Catalog,
    edit: &mut impl Edit,
    from: &str,
    to: &str,
) -> Result<()> {
    if let Some(details) = catalog.find(edit, from)? {
        details.rename(edit, catalog.nodes(), from, to)?;
    }
    catalog.insert_entry(edit, to, None)?;
    catalog.remove_entry(edit, from)
}

/// The options without `temp`, which a rename takes away.
fn kept_options(options: Option<RawDocumentBuf>) -> Option<RawDocumentBuf> {
    let mut kept = RawDocumentBuf::new();
    for (name, value) in options.iter().flat_map(|options| options.iter().flatten()) {
        if !matches!(name.as_str(), "temp" | "create") {
            kept.append(name, value);
        }
    }
    (!kept.is_empty()).then_some(kept)
}

/// A specification with another collection's name in `ns`.
fn with_namespace(spec: &RawDocument, ns: &str, loc: RecordLoc) -> Result<RawDocumentBuf> {
    let mut out = rawdoc! {};
    for field in spec.iter() {
        let (name, value) = field.map_err(|_| bad_spec(loc))?;
        match name.as_str() {
            "ns" => out.append(name, ns),
            _ => out.append(name, value),
        }
    }
    Ok(out)
}

fn name_of_spec(spec: &RawDocument, loc: RecordLoc) -> Result<String> {
    spec.get_str("name").map(str::to_owned).map_err(|_| bad_spec(loc))
}

fn bad_spec(loc: RecordLoc) -> Error {
    Error::corrupt(loc, "index specification", "is a document with a name", 0)
}
