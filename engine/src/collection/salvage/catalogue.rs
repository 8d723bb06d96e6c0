//! What collections were created with, as far as the catalogue still says it.

use std::collections::HashMap;

use bson::{RawBsonRef, RawDocument, RawDocumentBuf};

use crate::collection::options::{Capped, CollectionOptions};
use crate::collection::stored_options::StoredOptions;
use crate::disk::View;
use crate::format::namespace::details::FLAG_NO_PADDING;
use crate::namespace_string::NamespaceString;
use crate::store::{CappedExtents, NamespaceDetails, SizingPolicy};

/// The documents of the catalogue, by the name of what they describe.
pub struct Catalogue<'d> {
    entries: HashMap<&'d str, &'d RawDocument>,
    specs: HashMap<&'d str, Vec<&'d RawDocument>>,
    stored: HashMap<&'d str, &'d RawDocument>,
}

impl<'d> Catalogue<'d> {
    /// Of these documents: entries, specifications of indexes, our own options.
    pub fn of(
        entries: &'d [RawDocumentBuf],
        specs: &'d [RawDocumentBuf],
        stored: &'d [RawDocumentBuf],
    ) -> Catalogue<'d> {
        fn by<'d>(
            field: &'static str,
            documents: &'d [RawDocumentBuf],
        ) -> impl Iterator<Item = (&'d str, &'d RawDocument)> {
            documents.iter().filter_map(move |one| Some((one.get_str(field).ok()?, &**one)))
        }
        let mut all_specs: HashMap<_, Vec<_>> = HashMap::new();
        by("ns", specs).for_each(|(ns, spec)| all_specs.entry(ns).or_default().push(spec));
        Catalogue {
            entries: by("name", entries).collect(),
            specs: all_specs,
            stored: by("_id", stored).collect(),
        }
    }

    /// All names that are listed.
    pub fn names(&self) -> impl Iterator<Item = &'d str> {
        self.entries.keys().copied()
    }

    /// Is a namespace of this name listed?
    pub fn has(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// Is the collection listed?
    pub fn lists(&self, ns: &NamespaceString) -> bool {
        self.has(ns.as_str())
    }

    /// The indexes of the collection as one would ask for them, that on `_id` excepted.
    pub fn indexes(&self, ns: &NamespaceString) -> Vec<RawDocumentBuf> {
        let own = self.specs.get(ns.as_str()).into_iter().flatten();
        let mut indexes: Vec<_> = own.filter_map(|spec| request(spec)).collect();
        indexes.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
        indexes
    }

    /// What the catalogue says; where it says nothing, the `details`. A capped collection whose
    /// size is lost gets the `bytes` of its extents.
    pub fn options(
        &self,
        view: &impl View,
        details: Option<NamespaceDetails>,
        ns: &NamespaceString,
        bytes: i64,
        problems: &mut Vec<String>,
    ) -> CollectionOptions {
        let of_details = |says: &dyn Fn(NamespaceDetails) -> bool| details.is_some_and(says);
        let mut options = CollectionOptions::default();
        if of_details(&|d| d.user_flags(view).is_ok_and(|flags| flags & FLAG_NO_PADDING != 0)) {
            options.policy = SizingPolicy::Exact;
        }
        match self.stored.get(ns.collection()).map(|own| StoredOptions::parse(own)) {
            Some(Ok(own)) => {
                options.policy = own.policy.unwrap_or(options.policy);
                options.template = own.template;
            }
            Some(Err(error)) => problems.push(format!("its options: {error}")),
            None => {}
        }
        let entry = self.entries.get(ns.as_str());
        let listed = entry.and_then(|entry| entry.get_document("options").ok());
        let says_capped = listed.is_some_and(|listed| listed.get_bool("capped").unwrap_or(false));
        let has_capped = of_details(&|d| d.is_capped(view).unwrap_or(false));
        if entry.is_some() && details.is_some() && says_capped != has_capped {
            problems.push("the catalogue and its node differ in whether it is capped".to_owned());
        }
        if says_capped || (entry.is_none() && has_capped) {
            let number = |name| listed.and_then(|listed| integer(listed, name)).filter(|n| *n > 0);
            let max = details.and_then(|d| d.max_docs(view).ok().flatten()).filter(|max| *max > 0);
            options.template = None;
            options.capped = Some(Capped {
                size: number("size").unwrap_or(bytes).max(1),
                max: number("max").or(max.map(i64::from)),
                extents: CappedExtents::Whole,
            });
        }
        options
    }
}

/// What one would ask for to get this index; nothing for that on `_id`.
fn request(spec: &RawDocument) -> Option<RawDocumentBuf> {
    if spec.get_str("name").is_ok_and(|name| name == "_id_") {
        return None;
    }
    let mut request = RawDocumentBuf::new();
    // The version may be one that is no longer made.
    for (name, value) in spec.iter().flatten().filter(|(name, _)| *name != "v") {
        request.append(name, value);
    }
    Some(request)
}

fn integer(document: &RawDocument, name: &str) -> Option<i64> {
    match document.get(name).ok()?? {
        RawBsonRef::Int32(n) => Some(n.into()),
        RawBsonRef::Int64(n) => Some(n),
        RawBsonRef::Double(n) => Some(n as i64),
        _ => None,
    }
}
