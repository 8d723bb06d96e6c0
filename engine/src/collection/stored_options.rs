//! What a collection is created with beyond what MongoDB knows: its template, its policy, the
//! order of new fields.
//!
//! They live in a collection of our own, `<db>.tallymap.collections`, one document per
//! collection that has any: `{ _id: "daily", policy: "exact", template: { … } }`. MongoDB sees
//! ordinary documents there.

use std::sync::Arc;

use bson::spec::BinarySubtype;
use bson::{Binary, RawDocument, RawDocumentBuf, rawdoc};

use super::create::create_collection;
use super::database_core::{DatabaseCore, OpenDatabase};
use super::handle::Collection;
use super::id_key::IdKey;
use super::insert::insert_document;
use super::locate::{Holding, find_by_id};
use super::locked::OpenCollection;
use super::options::CollectionOptions;
use super::variables::collation_of;
use crate::bson::document;
use crate::error::{Error, Reason, Result};
use crate::journal::UnitOfWork;
use crate::namespace_string::{CATALOGUE, NamespaceString};
use crate::store::SizingPolicy;
use crate::update::{FieldOrder, template};

/// The policies by the names that stand in documents. Never rename.
const POLICIES: [(&str, SizingPolicy); 5] = [
    ("power_of_2", SizingPolicy::PowerOf2),
    ("exact", SizingPolicy::Exact),
    ("padding_factor", SizingPolicy::PaddingFactor { quantized: true }),
    ("padding_factor_v2_2", SizingPolicy::PaddingFactor { quantized: false }),
    ("power_of_2_v2_4", SizingPolicy::PowerOf2V2_4),
];

/// The orders of fields by the names that stand in documents. Never rename.
const FIELD_ORDERS: [(&str, FieldOrder); 3] = [
    ("document", FieldOrder::Document),
    ("lexicographic", FieldOrder::Lexicographic),
    ("numeric", FieldOrder::Numeric),
];

/// The options of one collection that the catalogue has no place for.
#[derive(Debug, Clone, Default)]
pub struct StoredOptions {
    pub policy: Option<SizingPolicy>,
    /// Expanded: a name like `$grid` may not stand in a stored document.
    pub template: Option<RawDocumentBuf>,
    /// The order in which updates create fields, if it is not that of the update.
    pub field_order: Option<FieldOrder>,
    /// What documents have to match, if 3.2 could not read it. It is stored as binary data, as it
    /// has names that no stored document may have.
    pub validator: Option<RawDocumentBuf>,
    /// By which collation texts are compared, written out.
    pub collation: Option<RawDocumentBuf>,
}

impl StoredOptions {
    /// The collection that holds them.
    pub const COLLECTION: &str = CATALOGUE[2];

    /// What of `options` is to be stored; `None` if MongoDB's catalogue says it all.
    ///
    /// # Errors
    /// If the template is not one.
    pub fn new(options: &CollectionOptions) -> Result<Option<StoredOptions>> {
        let template = match &options.template {
            None => None,
            Some(template) => {
                document::check(template.as_bytes())?;
                let bytes = template::expand(template.as_bytes())?;
                let broken = |_| Error::InvalidBson { at: 0, rule: "a template is a document" };
                Some(RawDocumentBuf::from_bytes(bytes).map_err(broken)?)
            }
        };
        let is_native = matches!(options.policy, SizingPolicy::PowerOf2 | SizingPolicy::Exact);
        let policy = (!is_native).then_some(options.policy);
        let field_order = Some(options.field_order).filter(|order| *order != FieldOrder::Document);
        let rules = &options.validation;
        let validator = rules.validator.clone().filter(|_| !rules.is_native());
        let collation = match collation_of(options.collation.as_deref())? {
            None => None,
            Some(collation) => {
                let broken = |_| Error::InvalidBson { at: 0, rule: "a collation is a document" };
                Some(RawDocumentBuf::from_bytes(collation.to_bson()).map_err(broken)?)
            }
        };
        let stored = StoredOptions { policy, template, field_order, validator, collation };
        Ok((!stored.is_empty()).then_some(stored))
    }

    /// Is nothing of it to be stored?
    pub fn is_empty(&self) -> bool {
        self.policy.is_none()
            && self.template.is_none()
            && self.field_order.is_none()
            && self.validator.is_none()
            && self.collation.is_none()
    }

    /// The options of collection `name`, if any are stored.
    ///
    /// # Errors
    /// [`Reason::InvalidOptions`] if what is stored was written by something else.
    pub fn load(database: &Arc<DatabaseCore>, name: &str) -> Result<Option<StoredOptions>> {
        let ns = NamespaceString::new(&database.name, StoredOptions::COLLECTION)?;
        let Some(document) = database.collection(ns)?.find_by_id(name)? else { return Ok(None) };
        StoredOptions::parse(&document).map(Some)
    }

    /// The options that a document of [`Self::COLLECTION`] holds.
    ///
    /// # Errors
    /// [`Reason::InvalidOptions`].
    pub fn parse(document: &RawDocument) -> Result<StoredOptions> {
        let bad = |what: &str| {
            let name = document.get_str("_id").unwrap_or("?");
            let message = format!(
                "{what} in {}, in the document of '{name}': salvage the database, or drop it",
                StoredOptions::COLLECTION
            );
            Error::refused(Reason::InvalidOptions, message)
        };
        let policy = match document.get("policy").map_err(|_| bad("invalid BSON"))? {
            None => None,
            Some(name) => {
                let known = POLICIES.iter().find(|(known, _)| Some(*known) == name.as_str());
                Some(known.ok_or_else(|| bad("unknown policy"))?.1)
            }
        };
        let template = match document.get("template").map_err(|_| bad("invalid BSON"))? {
            None => None,
            Some(template) => {
                let template = template.as_document().ok_or_else(|| bad("invalid template"))?;
                Some(template.to_owned())
            }
        };
        let field_order = match document.get("field_order").map_err(|_| bad("invalid BSON"))? {
            None => None,
            Some(name) => {
                let known = FIELD_ORDERS.iter().find(|(known, _)| Some(*known) == name.as_str());
                Some(known.ok_or_else(|| bad("unknown order of fields"))?.1)
            }
        };
        let validator = match document.get("validator").map_err(|_| bad("invalid BSON"))? {
            None => None,
            Some(validator) => {
                let bytes = validator.as_binary().map(|binary| binary.bytes.to_vec());
                let validator = bytes.and_then(|bytes| RawDocumentBuf::from_bytes(bytes).ok());
                Some(validator.ok_or_else(|| bad("invalid validator"))?)
            }
        };
        let collation = match document.get("collation").map_err(|_| bad("invalid BSON"))? {
            None => None,
            Some(collation) => {
                let collation = collation.as_document().ok_or_else(|| bad("invalid collation"))?;
                Some(collation.to_owned())
            }
        };
        Ok(StoredOptions { policy, template, field_order, validator, collation })
    }

    fn to_document(&self) -> RawDocumentBuf {
        let mut out = rawdoc! {};
        if let Some(policy) = self.policy {
            let name = POLICIES.iter().find(|(_, known)| *known == policy).map(|(name, _)| *name);
            out.append(bson::cstr!("policy"), name.unwrap_or_default());
        }
        if let Some(order) = self.field_order {
            let name =
                FIELD_ORDERS.iter().find(|(_, known)| *known == order).map(|(name, _)| *name);
            out.append(bson::cstr!("field_order"), name.unwrap_or_default());
        }
        if let Some(template) = &self.template {
            out.append(bson::cstr!("template"), template.clone());
        }
        if let Some(validator) = &self.validator {
            let (subtype, bytes) = (BinarySubtype::Generic, validator.as_bytes().to_vec());
            out.append(bson::cstr!("validator"), Binary { subtype, bytes });
        }
        if let Some(collation) = &self.collation {
            out.append(bson::cstr!("collation"), collation.clone());
        }
        out
    }
}

impl Collection {
    /// The document that an upsert of a missing `_id` starts from, expanded; if it has one.
    ///
    /// # Errors
    /// `Corrupt` only.
    pub fn template(&self) -> Result<Option<RawDocumentBuf>> {
        self.read(None, |_, open| Ok(open.stored().template))
    }
}

/// Stores `options` for collection `name`, or forgets what is stored, in the unit of work that
/// creates, drops or renames it. `there` is the collection of options; it is made if it is
/// missing and needed, and given back then.
///
/// # Errors
/// The store's.
pub fn put(
    core: &DatabaseCore,
    database: &OpenDatabase,
    there: Option<&OpenCollection>,
    unit: &mut UnitOfWork<'_>,
    name: &str,
    options: Option<&StoredOptions>,
) -> Result<Option<OpenCollection>> {
    let ns = &core.options_core().ns;
    let mut made = None;
    if there.is_none() {
        if options.is_none() {
            return Ok(None);
        }
        let (plain, store) = (CollectionOptions::default(), core.store_options(Default::default()));
        create_collection(&database.catalog, unit, ns, &plain, store)?;
        made = core.load(database, unit, ns, StoredOptions::default())?;
    }
    let Some(open) = there.or(made.as_ref()) else { return Ok(made) };
    let id = IdKey::new(name.into())?;
    let counters = &core.shared.counters;
    if let Some((place, _)) = find_by_id(Holding::WholeCollection, open, unit, &id, counters)? {
        open.remove(unit, place.loc)?;
    }
    if let Some(options) = options {
        let mut document = rawdoc! { "_id": name };
        for (field, value) in options.to_document().iter().flatten() {
            document.append(field, value);
        }
        insert_document(open, unit, ns, document.as_bytes())?;
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_and_back() {
        for (name, policy) in POLICIES {
            let template = Some(rawdoc! { "hourly": { "$grid": [24] } });
            let stored = StoredOptions { policy: Some(policy), template, ..Default::default() };
            let document = stored.to_document();
            assert_eq!(document.get_str("policy").ok(), Some(name));
            let again = StoredOptions::parse(&document).expect("its own document");
            assert_eq!(again.policy, Some(policy));
            assert!(again.template.is_some());
        }
        for (name, order) in FIELD_ORDERS {
            let stored = StoredOptions { field_order: Some(order), ..Default::default() };
            let document = stored.to_document();
            assert_eq!(document.get_str("field_order").ok(), Some(name));
            let again = StoredOptions::parse(&document).expect("its own document");
            assert_eq!(again.field_order, Some(order));
        }
        assert!(StoredOptions::parse(&rawdoc! { "field_order": "x" }).is_err());
        assert!(StoredOptions::parse(&rawdoc! { "policy": "x" }).is_err());
        assert!(StoredOptions::parse(&rawdoc! { "template": 1 }).is_err());
    }

    #[test]
    fn templates_are_stored_expanded() {
        let options = |template| CollectionOptions::default().template(template);
        let brief = options(rawdoc! { "hourly": { "$grid": [3] } });
        let stored = StoredOptions::new(&brief).expect("a template").expect("stored");
        let expanded = rawdoc! { "hourly": { "0": 0, "1": 0, "2": 0 } };
        assert_eq!(stored.template, Some(expanded));
        assert!(StoredOptions::new(&options(rawdoc! { "_id": 1 })).is_err());
        assert!(StoredOptions::new(&CollectionOptions::default()).expect("none").is_none());
    }
}
