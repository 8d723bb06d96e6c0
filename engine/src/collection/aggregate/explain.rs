//! What an aggregation would do, in the form of MongoDB 5.0: the find's explanation if that is
//! all, and stages behind a `$cursor` otherwise.

use bson::{RawArrayBuf, RawBson, RawBsonRef, RawDocumentBuf, cstr, rawdoc};

use super::{Aggregate, Parsed, Pushed};
use crate::aggregate::Stage;
use crate::bson::builder::Builder;
use crate::bson::element::{Elements, Value};
use crate::collection::Verbosity;
use crate::error::{Error, Result};

pub fn explain(
    aggregate: &Aggregate,
    parsed: &Parsed,
    verbosity: Verbosity,
) -> Result<RawDocumentBuf> {
    let stages = parsed.pipeline.stages();
    let source = aggregate.source();
    let mut shown = RawArrayBuf::new();
    let rest = if stages.first().is_some_and(Stage::is_source) {
        stages
    } else {
        let pushed = Pushed::of(&[5, 0, 0, 0, 0], stages);
        let find = source.find(&pushed, &parsed.vars, &parsed.deadline)?;
        let found = find.explain(verbosity)?;
        if pushed.stages == stages.len() {
            return Ok(found);
        }
        let mut cursor = RawDocumentBuf::new();
        let mut returned = None;
        for part in found.iter() {
            let (name, value) =
                part.map_err(|_| Error::invalid_bson(0, "an explanation is a document"))?;
            if let ("executionStats", RawBsonRef::Document(stats)) = (name.as_str(), value) {
                returned = stats.get("nReturned").ok().flatten().map(RawBson::from);
            }
            if matches!(name.as_str(), "queryPlanner" | "executionStats") {
                cursor.append(name, RawBson::from(value));
            }
        }
        let mut stage = rawdoc! { "$cursor": cursor };
        if let Some(returned) = returned {
            stage.append(cstr!("nReturned"), long(returned));
            stage.append(cstr!("executionTimeMillisEstimate"), 0_i64);
        }
        shown.push(stage);
        &stages[pushed.stages..]
    };
    for stage in rest {
        shown.push(as_given(aggregate, stage)?);
    }
    let mut out = RawDocumentBuf::new();
    out.append(cstr!("explainVersion"), "1");
    out.append(cstr!("stages"), RawBson::Array(shown));
    Ok(out)
}

/// A count of 64 bits, as behind a stage.
fn long(count: RawBson) -> RawBson {
    match count {
        RawBson::Int32(count) => RawBson::Int64(count.into()),
        other => other,
    }
}

/// The stage as it was given.
fn as_given(aggregate: &Aggregate, stage: &Stage) -> Result<RawDocumentBuf> {
    let mut out = Builder::new();
    for given in &aggregate.pipeline {
        let element = Elements::new(given.as_bytes())?.next().transpose()?;
        if let Some(element) = element
            && element.name == stage.name().as_bytes()
            && element.value == stage.source()
        {
            out.value(element.name, Value { ty: element.ty, bytes: element.value });
            break;
        }
    }
    RawDocumentBuf::from_bytes(out.finish())
        .map_err(|_| Error::invalid_bson(0, "a stage is a document"))
}
