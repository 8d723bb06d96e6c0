//! `$collStats` and `$indexStats`: documents with figures.

use bson::{Bson, Document, RawDocumentBuf, doc};

use crate::aggregate::{CollStatsParts, Kind};
use crate::bson::element::Elements;
use crate::bson::ty;
use crate::collection::Collection;
use crate::error::{Error, Reason, Result};

/// Do these stages begin with the figures of a collection's records, which no view has?
pub fn asks_for_figures<'s>(mut stages: impl Iterator<Item = &'s [u8]>) -> Result<bool> {
    let Some(first) = stages.next() else { return Ok(false) };
    let Some(stage) = Elements::new(first)?.next().transpose()? else { return Ok(false) };
    let is_asked = |part: &[u8]| part == b"storageStats" || part == b"count";
    Ok(stage.name == b"$collStats"
        && stage.ty == ty::DOCUMENT
        && Elements::new(stage.value)?.flatten().any(|part| is_asked(part.name)))
}

/// The documents that a stage makes.
pub fn documents(collection: &Collection, stage: &Kind) -> Result<Vec<Vec<u8>>> {
    let docs = match stage {
        Kind::CollStats(parts) => vec![coll_stats(collection, *parts)?],
        _ => index_stats(collection)?,
    };
    docs.iter()
        .map(|doc| {
            RawDocumentBuf::try_from(doc)
                .map(RawDocumentBuf::into_bytes)
                .map_err(|_| Error::invalid_bson(0, "figures are a document"))
        })
        .collect()
}

fn now(collection: &Collection) -> Bson {
    Bson::DateTime(bson::DateTime::from_millis(collection.database.shared.clock.unix_ms()))
}

fn coll_stats(collection: &Collection, parts: CollStatsParts) -> Result<Document> {
    let ns = collection.namespace().as_str();
    let mut out = doc! { "ns": ns, "localTime": now(collection) };
    if parts != CollStatsParts::default() && !collection.exists() {
        let message = format!(
            "Unable to retrieve figures in $collStats stage :: caused by :: Collection [{ns}] not \
             found."
        );
        return Err(Error::refused(Reason::NamespaceNotFound, message));
    }
    if let Some(scale) = parts.storage_scale {
        let mut stats = collection.stats()?.to_document();
        stats.remove("ns");
        let size = |name| stats.get(name).and_then(whole).unwrap_or(0);
        let total = size("storageSize") + size("totalIndexSize");
        stats.insert("totalSize", i32::try_from(total).map_or(Bson::Int64(total), Bson::Int32));
        if scale > 1.0 {
            scaled(&mut stats, scale);
        }
        stats.insert("scaleFactor", scale as i32);
        out.insert("storageStats", stats);
    }
    if parts.count {
        let count = collection.count()?;
        out.insert("count", i32::try_from(count).map_or(Bson::Int64(count as i64), Bson::Int32));
    }
    Ok(out)
}

fn whole(size: &Bson) -> Option<i64> {
    match size {
        Bson::Int32(size) => Some(i64::from(*size)),
        Bson::Int64(size) => Some(*size),
        Bson::Double(size) => Some(*size as i64),
        _ => None,
    }
}

/// Divides the sizes.
fn scaled(stats: &mut Document, scale: f64) {
    const SIZES: [&str; 6] =
        ["size", "storageSize", "lastExtentSize", "totalIndexSize", "totalSize", "maxSize"];
    let divided = |value: &Bson| match value {
        Bson::Int32(size) => Some(Bson::Int32((f64::from(*size) / scale) as i32)),
        Bson::Int64(size) => Some(Bson::Int64((*size as f64 / scale) as i64)),
        Bson::Double(size) => Some(Bson::Double((size / scale).trunc())),
        _ => None,
    };
    for name in SIZES {
        if let Some(value) = stats.get(name).and_then(divided) {
            stats.insert(name, value);
        }
    }
    if let Ok(sizes) = stats.get_document_mut("indexSizes") {
        for (_, value) in sizes.iter_mut() {
            if let Some(size) = divided(value) {
                *value = size;
            }
        }
    }
}

fn index_stats(collection: &Collection) -> Result<Vec<Document>> {
    let stat = |index: crate::collection::IndexInfo| {
        let specification = index.shown;
        let key = specification.get("key").cloned().unwrap_or(Bson::Null);
        // Accesses are not counted.
        let accesses = doc! { "ops": 0_i64, "since": now(collection) };
        doc! { "name": index.name, "key": key, "accesses": accesses, "spec": specification }
    };
    Ok(collection.indexes()?.into_iter().map(stat).collect())
}
