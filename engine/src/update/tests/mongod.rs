//! What mongod 5.0.4 makes of updates, operator by operator: each line of the files is a
//! document, an update, and what came of it. A line with neither result nor error left the
//! document as it was, and counted it as not modified.

use ::bson::{Bson, Document};

use crate::error::Error;
use crate::expression::Scope;
use crate::query::Filter;
use crate::update::upsert::Upsert;
use crate::update::{Context, FieldOrder, IndexedPaths, Mutation, Pipeline, Update};

fn bytes(document: &Document) -> Vec<u8> {
    ::bson::serialize_to_vec(document).expect("valid")
}

/// What an upsert that finds nothing makes.
fn upsert(filter: &Document, update: &Update) -> Result<(Document, bool), Error> {
    let filter = Filter::parse(&bytes(filter))?;
    let equalities = match filter.equalities() {
        Err(_) if update.is_replacement() => vec![],
        equalities => equalities?,
    };
    let (field_order, variables) = (FieldOrder::Numeric, &[]);
    let (equalities, template, new_id, timestamp, now_ms) = (&*equalities, None, [9; 12], 1, 0);
    let upsert =
        Upsert { equalities, update, template, new_id, timestamp, now_ms, field_order, variables };
    let made = upsert.document()?;
    Ok((::bson::deserialize_from_slice(&made).expect("valid"), true))
}

fn run(case: &Document) -> Result<(Document, bool), Error> {
    let mut update = match case.get("update") {
        Some(Bson::Document(update)) => Update::parse(&bytes(update))?,
        Some(Bson::Array(stages)) => {
            let stages = stages.iter().map(|stage| bytes(stage.as_document().expect("a stage")));
            let stages: Vec<_> = stages.collect();
            let stages = stages.iter().map(Vec::as_slice);
            Update::Pipeline(Pipeline::parse(stages, &Scope::default())?)
        }
        other => panic!("{other:?} is no update"),
    };
    if let Ok(filters) = case.get_array("array_filters") {
        let filters = filters.iter().map(|filter| filter.as_document().expect("a filter"));
        let filters: Vec<_> = filters.map(bytes).collect();
        update = update.with_array_filters(filters.iter().map(Vec::as_slice))?;
    }
    update.check_array_filters()?;
    if let Ok(filter) = case.get_document("filter") {
        return upsert(filter, &update);
    }
    let doc = bytes(case.get_document("on").expect("a document"));
    let position = case.get_i32("position").ok().map(|position| position as u32);
    assert!(position.is_none() || update.needs_match());
    let indexed = IndexedPaths::NONE;
    let context = Context { position, ..Context::new(&indexed) };
    let mutation = update.apply(&doc, &context)?.mutation;
    let is_modified = mutation != Mutation::Nothing;
    let new = mutation.into_document(doc);
    crate::bson::document::check(&new)?;
    Ok((::bson::deserialize_from_slice(&new).expect("valid"), is_modified))
}

/// What of a message must be in ours: not the update or document that some repeat, nor advice.
fn essence(message: &str) -> &str {
    let rest = message.split(" in the update {").next().unwrap_or_default();
    let rest = rest.split(". If you have a field name").next().unwrap_or_default();
    rest.split(" Input document: ").next().unwrap_or_default()
}

#[track_caller]
fn check_all(lines: &str) {
    let mut wrong = vec![];
    for line in lines.lines() {
        let case: Document = serde_json::from_str(line).expect("extended JSON");
        let found = run(&case);
        let is_right = match (&found, case.get("code")) {
            (Err(Error::Refused { reason, message }), Some(Bson::Int32(code))) => {
                let expected = essence(case.get_str("message").expect("a text"));
                reason.code() == *code && message.contains(expected)
            }
            (Ok((new, is_modified)), None) => match case.get_document("gives") {
                Ok(expected) => *is_modified && new == expected,
                Err(_) => !is_modified && new == case.get_document("on").expect("a document"),
            },
            _ => false,
        };
        if !is_right {
            wrong.push(format!("{line}\n    {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

macro_rules! operators {
    ($($name:ident,)*) => {$(
        #[test]
        fn $name() {
            check_all(include_str!(concat!("mongod/", stringify!($name), ".jsonl")));
        }
    )*};
}

operators! {
    arithmetic, rename, bit, current_date, pop, pull_all, add_to_set, push, pull, positional,
    array_filters, names, pipeline, upsert_of_nothing,
}
