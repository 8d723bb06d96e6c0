//! `listIndexes`: the indexes of a collection as they were asked for.

use std::collections::VecDeque;

use bson::RawDocumentBuf;
use tallymap::bson::builder::Builder;
use tallymap::bson::element::Elements;
use tallymap::{IndexInfo, Reason};

use crate::dispatch::call::Call;
use crate::dispatch::cursors::{OpenCursor, Source, put_list};
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::fields::Fields;
use crate::dispatch::put::raw;

/// The order in which mongod 5.0 tells what is in a specification; what else there is follows.
const ORDER: [&str; 9] = [
    "v",
    "key",
    "name",
    "background",
    "unique",
    "hidden",
    "partialFilterExpression",
    "sparse",
    "expireAfterSeconds",
];

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
    put_list(call.cursors(), cursor, count, false)
}

/// Writes an index's specification.
pub fn put_specification(out: &mut Builder, index: &IndexInfo) -> Outcome<()> {
    let specification = RawDocumentBuf::try_from(&index.shown).map_err(|error| {
        Failure::new(Reason::InternalError, format!("index '{}': {error}", index.name))
    })?;
    put_in_order(out, specification.as_bytes())
}

fn put_in_order(out: &mut Builder, specification: &[u8]) -> Outcome<()> {
    let elements = Elements::new(specification)?.collect::<Result<Vec<_>, _>>()?;
    let mut elements: Vec<_> = elements.iter().collect();
    let rank = |name: &[u8]| ORDER.iter().position(|known| known.as_bytes() == name);
    elements.sort_by_key(|of| rank(of.name).unwrap_or(ORDER.len()));
    for element in elements {
        out.element(element);
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

#[cfg(test)]
mod tests {
    use bson::{RawDocument, rawdoc};

    use super::*;

    #[test]
    fn specifications_are_told_in_mongods_order() {
        let shown = rawdoc! {
            "v": 2, "unique": true, "key": { "a": 1 }, "name": "a_1", "sparse": true,
            "other": 1, "hidden": true, "background": true,
        };
        let mut out = Builder::new();
        put_in_order(&mut out, shown.as_bytes()).expect("a document");
        let told = out.finish();
        let told = RawDocument::from_bytes(&told).expect("a document");
        let names: Vec<_> = told.iter().map(|field| field.expect("an element").0).collect();
        let expected = ["v", "key", "name", "background", "unique", "hidden", "sparse", "other"];
        assert_eq!(names, expected);
    }
}
