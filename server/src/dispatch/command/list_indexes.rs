//! `listIndexes`: the indexes of a collection as they were asked for.

use std::collections::VecDeque;

use bson::RawDocumentBuf;
use tallymap::bson::builder::Builder;
use tallymap::bson::element::Elements;
use tallymap::{IndexInfo, Reason};

use crate::dispatch::call::Call;
use crate::dispatch::cursors::{OpenCursor, Source, put_first};
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::fields::Fields;
use crate::dispatch::put::raw;

/// Lists.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    let mut count = u64::MAX;
    for field in call.fields("listIndexes")? {
        let field = field?;
        match field.name {
            "cursor" => count = batch_size("listIndexes.cursor", field.object()?)?,
            "includeBuildUUIDs" | "includeIndexBuildInfo" => drop(field.bool()?),
            _ => return field.unknown(),
        }
    }
    let collection = call.collection()?;
    let ns = collection.namespace().to_string();
    collection.check_no_view()?;
    if !collection.exists() {
        let message = format!("ns does not exist: {ns}");
        return Err(Failure::new(Reason::NamespaceNotFound, message));
    }
    let mut listed = VecDeque::new();
    for index in collection.indexes()? {
        let mut out = Builder::new();
        put_specification(&mut out, &index)?;
        listed.push_back(raw(out));
    }
    // With the last of it the list is over.
    let all = listed.len() as u64;
    let cursor = OpenCursor::new(Source::Ready(listed), ns, all, call.common.session);
    put_first(call.cursors(), cursor, count, false)
}

/// Writes an index's specification, without the name of the collection that it stands in.
pub fn put_specification(out: &mut Builder, index: &IndexInfo) -> Outcome<()> {
    let specification = RawDocumentBuf::try_from(&index.specification).map_err(|error| {
        Failure::new(Reason::InternalError, format!("index '{}': {error}", index.name))
    })?;
    for element in Elements::new(specification.as_bytes())? {
        let element = element?;
        if element.name != b"ns" {
            out.element(&element);
        }
    }
    Ok(())
}

/// The first batch of a list: everything, unless told.
pub fn batch_size(path: &'static str, cursor: Option<&[u8]>) -> Outcome<u64> {
    let mut size = None;
    let Some(cursor) = cursor else { return Ok(u64::MAX) };
    for field in Fields::of(path, cursor)? {
        let field = field?;
        match field.name {
            "batchSize" => size = field.non_negative()?,
            _ => return field.unknown(),
        }
    }
    Ok(size.unwrap_or(u64::MAX))
}
