//! `listCollections`: what there is in a database, with its options.

use std::collections::VecDeque;

use bson::RawDocumentBuf;
use tallymap::bson::builder::Builder;
use tallymap::bson::element::Elements;
use tallymap::{Collection, Filter, View};

use super::list_indexes::{batch_size, put_specification};
use crate::auth::privilege::Resource;
use crate::dispatch::call::{Call, namespace};
use crate::dispatch::cursors::{OpenCursor, Source, put_list};
use crate::dispatch::failure::Outcome;
use crate::dispatch::put::{Put, raw};

/// Lists.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    let (mut filter, mut name_only, mut count) = (None, false, u64::MAX);
    let mut only_own = false;
    for field in call.fields("listCollections")? {
        let field = field?;
        match field.name {
            "filter" => filter = field.object()?.map(Filter::parse).transpose()?,
            "nameOnly" => name_only = field.bool()?.unwrap_or(false),
            "authorizedCollections" => only_own = field.bool()?.unwrap_or(false),
            "includePendingDrops" => drop(field.bool()?),
            "cursor" => count = batch_size("listCollections.cursor", field.object()?)?,
            _ => return field.unknown(),
        }
    }
    let database = call.database()?;
    let (mut listed, views) = (VecDeque::new(), database.views()?);
    let matches = |entry: &RawDocumentBuf| {
        filter.as_ref().map_or(Ok(true), |filter| filter.matches(entry.as_bytes()))
    };
    let state = call.client.login.state(call.auth(), call.engine())?;
    let lists_all = !(call.auth().is_enabled() && only_own && name_only);
    for name in database.collection_names()? {
        let collection = Resource::Collection(call.common.database, &name);
        if !lists_all && state.privileges().actions_on(collection).is_empty() {
            continue;
        }
        let collection = database.collection(&name)?;
        // Dropped meanwhile, or the catalogue's own.
        if collection.namespace().is_catalogue() || !collection.exists() {
            continue;
        }
        let entry = entry(&collection, name_only)?;
        if matches(&entry)? {
            listed.push_back(entry);
        }
    }
    for view in &views {
        let resource = Resource::Collection(call.common.database, &view.name);
        if !lists_all && state.privileges().actions_on(resource).is_empty() {
            continue;
        }
        let entry = view_entry(view, name_only);
        if matches(&entry)? {
            listed.push_back(entry);
        }
    }
    let ns = namespace(call.common.database, "$cmd.listCollections");
    // With the last of it the list is over.
    let all = listed.len() as u64;
    let cursor = OpenCursor::new(Source::Ready(listed), ns, all, call.common.session);
    put_list(call.cursors(), cursor, count, false)
}

fn view_entry(view: &View, name_only: bool) -> RawDocumentBuf {
    let mut out = Builder::new();
    out.str("name", &view.name);
    out.str("type", "view");
    if !name_only {
        out.document("options", view.options().as_bytes());
        out.put_document("info", |out| out.put_bool("readOnly", true));
    }
    raw(out)
}

fn entry(collection: &Collection, name_only: bool) -> Outcome<RawDocumentBuf> {
    let mut out = Builder::new();
    out.str("name", collection.namespace().collection());
    out.str("type", "collection");
    if name_only {
        return Ok(raw(out));
    }
    let options = collection.all_options()?;
    out.put_document("options", |out| {
        for option in Elements::new(options.as_bytes()).into_iter().flatten().flatten() {
            // How it was asked for, long ago.
            if option.name != b"create" {
                out.element(&option);
            }
        }
    });
    out.put_document("info", |out| out.put_bool("readOnly", false));
    if let Some(index) = collection.indexes()?.iter().find(|index| index.name == "_id_") {
        let mut specification = Builder::new();
        put_specification(&mut specification, index)?;
        out.document("idIndex", &specification.finish());
    }
    Ok(raw(out))
}
