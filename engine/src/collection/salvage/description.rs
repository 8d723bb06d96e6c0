//! What a collection was created with, as far as the catalogue still says it.

use bson::{RawBsonRef, RawDocument, RawDocumentBuf};

use crate::collection::options::{Capped, CollectionOptions};
use crate::collection::stored_options::StoredOptions;
use crate::disk::View;
use crate::format::namespace::details::FLAG_NO_PADDING;
use crate::namespace_string::NamespaceString;
use crate::store::{CappedExtents, NamespaceDetails, SizingPolicy};

/// The specification in `spec` if it is one of collection `ns`, without what only a stored one
/// has: the version may be one that is no longer made.
pub fn index_of(spec: &RawDocument, ns: &NamespaceString) -> Option<RawDocumentBuf> {
    let is_own = spec.get_str("ns").is_ok_and(|found| found == ns.as_str());
    if !is_own || spec.get_str("name").is_ok_and(|name| name == "_id_") {
        return None;
    }
    let mut request = RawDocumentBuf::new();
    for (name, value) in spec.iter().flatten().filter(|(name, _)| *name != "v") {
        request.append(name, value);
    }
    Some(request)
}

/// What the catalogue's `entries`, the options that are `stored` beside it, and the details say,
/// in that order. A capped collection whose size is lost gets the `bytes` of its extents.
pub fn options(
    view: &impl View,
    details: Option<NamespaceDetails>,
    ns: &NamespaceString,
    entries: &[RawDocumentBuf],
    stored: &[RawDocumentBuf],
    bytes: i64,
) -> CollectionOptions {
    let of_details = |says: &dyn Fn(NamespaceDetails) -> bool| details.is_some_and(says);
    let mut options = CollectionOptions::default();
    if of_details(&|d| d.user_flags(view).is_ok_and(|flags| flags & FLAG_NO_PADDING != 0)) {
        options.policy = SizingPolicy::Exact;
    }
    let named = |documents: &'_ [RawDocumentBuf], field: &str, name: &str| {
        let is_named = |d: &&RawDocumentBuf| d.get_str(field).is_ok_and(|found| found == name);
        documents.iter().find(is_named).cloned()
    };
    let own = named(stored, "_id", ns.collection());
    if let Some(Ok(own)) = own.map(|own| StoredOptions::parse(&own)) {
        options.policy = own.policy.unwrap_or(options.policy);
        options.template = own.template;
    }
    let entry = named(entries, "name", ns.as_str());
    let listed = entry.as_ref().and_then(|entry| entry.get_document("options").ok());
    let listed_capped = listed.is_some_and(|listed| listed.get_bool("capped").unwrap_or(false));
    if listed_capped || of_details(&|d| d.is_capped(view).unwrap_or(false)) {
        let number = |name| listed.and_then(|listed| integer(listed, name));
        let max = details.and_then(|d| d.max_docs(view).ok().flatten()).map(i64::from);
        options.template = None;
        options.capped = Some(Capped {
            size: number("size").unwrap_or(bytes).max(1),
            max: number("max").or(max),
            extents: CappedExtents::Whole,
        });
    }
    options
}

fn integer(document: &RawDocument, name: &str) -> Option<i64> {
    match document.get(name).ok()?? {
        RawBsonRef::Int32(n) => Some(n.into()),
        RawBsonRef::Int64(n) => Some(n),
        RawBsonRef::Double(n) => Some(n as i64),
        _ => None,
    }
}
