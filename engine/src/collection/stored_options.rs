//! What a collection is created with beyond what MongoDB knows: its template and its policy.
//!
//! They live in a collection of our own, `<db>.tallymap.collections`, one document per
//! collection that has any: `{ _id: "daily", policy: "exact", template: { … } }`. MongoDB sees
//! ordinary documents there.

use std::sync::Arc;

use bson::{RawDocument, RawDocumentBuf, rawdoc};

use super::database_core::DatabaseCore;
use super::handle::Collection;
use super::options::CollectionOptions;
use crate::error::{Error, Reason, Result};
use crate::namespace_string::NamespaceString;
use crate::store::SizingPolicy;
use crate::update::template;

/// The policies by the names that stand in documents. Never rename.
const POLICIES: [(&str, SizingPolicy); 5] = [
    ("power_of_2", SizingPolicy::PowerOf2),
    ("exact", SizingPolicy::Exact),
    ("padding_factor", SizingPolicy::PaddingFactor { quantized: true }),
    ("padding_factor_v2_2", SizingPolicy::PaddingFactor { quantized: false }),
    ("power_of_2_v2_4", SizingPolicy::PowerOf2V2_4),
];

/// The options of one collection that the catalogue has no place for.
#[derive(Debug, Clone, Default)]
pub struct StoredOptions {
    pub policy: Option<SizingPolicy>,
    /// Expanded: a name like `$grid` may not stand in a stored document.
    pub template: Option<RawDocumentBuf>,
}

impl StoredOptions {
    /// The collection that holds them.
    pub const COLLECTION: &str = "tallymap.collections";

    /// What of `options` is to be stored; `None` if MongoDB's catalogue says it all.
    ///
    /// # Errors
    /// If the template is not one.
    pub fn new(options: &CollectionOptions) -> Result<Option<StoredOptions>> {
        let template = match &options.template {
            None => None,
            Some(template) => {
                let bytes = template::expand(template.as_bytes())?;
                let broken = |_| Error::InvalidBson { at: 0, rule: "a template is a document" };
                Some(RawDocumentBuf::from_bytes(bytes).map_err(broken)?)
            }
        };
        let is_native = matches!(options.policy, SizingPolicy::PowerOf2 | SizingPolicy::Exact);
        let policy = (!is_native).then_some(options.policy);
        let stored = StoredOptions { policy, template };
        Ok((stored.policy.is_some() || stored.template.is_some()).then_some(stored))
    }

    /// The options of collection `name`, if any are stored.
    ///
    /// # Errors
    /// [`Reason::InvalidOptions`] if what is stored was written by something else.
    pub fn load(database: &Arc<DatabaseCore>, name: &str) -> Result<Option<StoredOptions>> {
        let collection = StoredOptions::collection(database)?;
        let Some(document) = collection.find_by_id(name)? else { return Ok(None) };
        StoredOptions::parse(&document).map(Some)
    }

    /// Stores `options` for collection `name`, or forgets what is stored.
    ///
    /// # Errors
    /// Those of an upsert and of a delete.
    pub fn save(
        database: &Arc<DatabaseCore>,
        name: &str,
        options: Option<&StoredOptions>,
    ) -> Result<()> {
        let collection = StoredOptions::collection(database)?;
        let filter = rawdoc! { "_id": name };
        match options {
            Some(options) => {
                collection.replace_one(filter, options.to_document())?.upsert(true).run()?;
            }
            None if collection.exists() => {
                collection.delete_one(filter)?;
            }
            None => {}
        }
        Ok(())
    }

    fn collection(database: &Arc<DatabaseCore>) -> Result<Collection> {
        database.collection(NamespaceString::new(&database.name, StoredOptions::COLLECTION)?)
    }

    /// The options that a document of [`Self::COLLECTION`] holds.
    ///
    /// # Errors
    /// [`Reason::InvalidOptions`].
    pub fn parse(document: &RawDocument) -> Result<StoredOptions> {
        let bad = |what: &str| {
            let message = format!("{what} in {}: {document:?}", StoredOptions::COLLECTION);
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
        Ok(StoredOptions { policy, template })
    }

    fn to_document(&self) -> RawDocumentBuf {
        let mut out = rawdoc! {};
        if let Some(policy) = self.policy {
            let name = POLICIES.iter().find(|(_, known)| *known == policy).map(|(name, _)| *name);
            out.append(bson::cstr!("policy"), name.unwrap_or_default());
        }
        if let Some(template) = &self.template {
            out.append(bson::cstr!("template"), template.clone());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_and_back() {
        for (name, policy) in POLICIES {
            let template = Some(rawdoc! { "hourly": { "$grid": [24] } });
            let document = StoredOptions { policy: Some(policy), template }.to_document();
            assert_eq!(document.get_str("policy").ok(), Some(name));
            let again = StoredOptions::parse(&document).expect("its own document");
            assert_eq!(again.policy, Some(policy));
            assert!(again.template.is_some());
        }
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
