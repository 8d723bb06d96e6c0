//! `aggregate`: a pipeline over a collection, its first batch, and a cursor for the rest; or over
//! what the server knows of itself.

use tallymap::bson::builder::Builder;
use tallymap::bson::element::{Element, Elements, Value, get};
use tallymap::bson::ty;
use tallymap::{Aggregate, Collection, Reason};

use super::{explain, strict_pipeline};
use crate::dispatch::call::{Call, check_not_system, document, hint, namespace};
use crate::dispatch::cursors::{FIRST_BATCH, OpenCursor, Source, put_first};
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::fields::{Fields, missing, truncated};

const PATH: &str = "aggregate";

/// Stages that look at all documents before they give one. A sort may be done by an index.
const COLLECTING: [&[u8]; 8] = [
    b"$bucket",
    b"$bucketAuto",
    b"$collStats",
    b"$count",
    b"$facet",
    b"$group",
    b"$indexStats",
    b"$sortByCount",
];

/// The fields of an aggregation.
#[derive(Debug, Default)]
pub struct Pipeline<'a> {
    /// The stages.
    pub stages: Vec<&'a [u8]>,
    hint: Option<Value<'a>>,
    variables: Option<&'a [u8]>,
    collation: Option<&'a [u8]>,
    /// The cursor's batch size, if a cursor is asked for.
    cursor: Option<Option<u64>>,
    is_explained: bool,
    bypasses_validation: bool,
}

/// Runs an aggregation.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    let pipeline = Pipeline::parse(call.fields(PATH)?)?;
    if call.common.is_strict {
        strict_pipeline::check(&pipeline.stages, pipeline.is_explained)?;
    }
    if pipeline.is_explained {
        return explain::aggregation(call, &pipeline);
    }
    let Some(batch_size) = pipeline.cursor else {
        let message =
            "The 'cursor' option is required, except for aggregate with the explain argument";
        return Err(Failure::new(Reason::FailedToParse, message));
    };
    let count = batch_size.unwrap_or(FIRST_BATCH);
    let Some(collection) = target(call)? else {
        let ns = namespace(call.common.database, "$cmd.aggregate");
        let source = super::aggregate_server::run(call, &pipeline)?;
        let cursor = OpenCursor::new(source, ns, 0, call.common.session);
        return put_first(call.cursors(), cursor, count, false);
    };
    let figures = super::coll_stats_stage::run(call, &collection, &pipeline.stages);
    if let Some(source) = figures.map_err(while_it_writes)? {
        let ns = collection.namespace().to_string();
        let mut cursor = OpenCursor::new(source, ns, 0, call.common.session);
        cursor.follows = false;
        return put_first(call.cursors(), cursor, count, false);
    }
    let mut aggregate = pipeline.aggregate(&collection)?;
    if let Some(ns) = pipeline.target_elsewhere(call.common.database)? {
        aggregate = aggregate.writes_to(call.engine().collection(&ns)?);
    }
    if let Some(max_time) = call.common.max_time {
        aggregate = aggregate.max_time(max_time);
    }
    let ns = collection.namespace().to_string();
    let source = aggregate.run().map_err(|error| while_it_writes(error.into()))?;
    let limit = pipeline.limit()?;
    let mut cursor = OpenCursor::new(Source::Engine(source), ns, limit, call.common.session);
    cursor.ends_later = true;
    cursor.follows = !pipeline.collects()?;
    put_first(call.cursors(), cursor, count, false).map_err(|failure| match failure.code() {
        // Views are looked at before.
        167 => failure,
        73 if failure.message().starts_with("Collection names cannot start") => failure,
        _ => failure.during(RUNNING),
    })
}

/// Does a `$sort` follow the index on `_id`?
fn is_id(sort: &Element<'_>) -> Outcome<bool> {
    let mut fields = Elements::new(sort.value)?;
    let first = fields.next().transpose()?;
    Ok(first.is_some_and(|first| first.name == b"_id") && fields.next().is_none())
}

/// Does a `$project` name nothing but fields to be given, `_id` perhaps not?
fn includes(project: &Element<'_>) -> Outcome<bool> {
    for field in Elements::new(project.value)? {
        let field = field?;
        let is_flag = field.ty == ty::BOOL || field.val().as_number().is_some();
        if !is_flag || !(field.val().is_true() || field.name == b"_id") {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What errors call a pipeline that runs.
const RUNNING: &str = "PlanExecutor error during aggregation";

/// How refusals of what no collection can be called begin.
const NAMES: [&str; 2] = ["error with target namespace", "Invalid collection name"];

/// What is found out while a pipeline runs, and not when it is read: that a document is not valid,
/// or a collection a view.
fn while_it_writes(failure: Failure) -> Failure {
    match failure.code() {
        121 | 166 => failure.during(RUNNING),
        20 | 73 if NAMES.iter().any(|begin| failure.message().starts_with(begin)) => {
            failure.during(RUNNING)
        }
        _ => failure,
    }
}

/// The collection that it is about; none if it is about the server.
///
/// # Errors
/// If it is about neither.
pub fn target(call: &Call<'_>) -> Outcome<Option<Collection>> {
    let value = call.target();
    if let Some(number) = value.as_number() {
        return match number.to_f64() == 1.0 {
            true => Ok(None),
            false => Err(neither()),
        };
    }
    match value.as_str() {
        Some(name) => call.collection_named(name).map(Some),
        None if value.ty == ty::DECIMAL128 && truncated(value) == Some(1) => Ok(None),
        None if value.ty == ty::DECIMAL128 => Err(neither()),
        None => {
            let message = format!("collection name has invalid type: {}", ty::name(value.ty));
            Err(Failure::new(Reason::TypeMismatch, message))
        }
    }
}

fn neither() -> Failure {
    let message = "Invalid command format: the 'aggregate' field must specify a collection name \
                   or 1";
    Failure::new(Reason::FailedToParse, message)
}

impl<'a> Pipeline<'a> {
    /// Reads the fields of an aggregation.
    ///
    /// # Errors
    /// For what is no field of it, or of the wrong type.
    pub fn parse(fields: Fields<'a>) -> Outcome<Pipeline<'a>> {
        let mut pipeline = Pipeline::default();
        let mut stages = None;
        for field in fields {
            let field = field?;
            match field.name {
                "pipeline" => stages = Some(stages_of(field.value)?),
                "cursor" => pipeline.cursor = Some(batch_size(field.value)?),
                "explain" if field.value.ty == ty::BOOL => {
                    pipeline.is_explained = field.value.is_true();
                }
                "explain" => {
                    let message = "explain must be a boolean";
                    return Err(Failure::new(Reason::TypeMismatch, message));
                }
                "allowDiskUse" => drop(field.old_bool()?),
                "hint" => pipeline.hint = Some(field.hint()?),
                "let" => pipeline.variables = field.object()?,
                "collation" => pipeline.collation = field.object()?,
                "bypassDocumentValidation" => {
                    pipeline.bypasses_validation = field.number_or_bool()?.unwrap_or(false);
                }
                _ => return field.unknown(),
            }
        }
        pipeline.stages = stages.ok_or_else(|| missing(PATH, "pipeline"))?;
        Ok(pipeline)
    }

    /// Does some stage look at all documents before it gives one?
    fn collects(&self) -> Outcome<bool> {
        for stage in &self.stages {
            let first = Elements::new(stage)?.next().transpose()?;
            if first.is_some_and(|stage| COLLECTING.contains(&stage.name)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// How many documents it gives at most, if it is a find written as a pipeline; else 0.
    fn limit(&self) -> Outcome<u64> {
        let (mut limit, mut is_sorted, mut is_projected) = (None, false, false);
        for stage in &self.stages {
            let Some(stage) = Elements::new(stage)?.next().transpose()? else { return Ok(0) };
            let number = stage.val().as_number().map_or(0, |number| number.to_f64() as u64);
            match stage.name {
                b"$match" if limit.is_none() => {}
                b"$sort" if limit.is_none() && !is_sorted && !is_projected && is_id(&stage)? => {
                    is_sorted = true;
                }
                b"$project" if !is_projected && includes(&stage)? => is_projected = true,
                b"$limit" => limit = Some(limit.unwrap_or(number).min(number)),
                b"$skip" => limit = limit.map(|limit: u64| limit.saturating_sub(number)),
                _ => return Ok(0),
            }
        }
        Ok(limit.unwrap_or(0))
    }

    /// The collection of another database that its last stage writes to.
    pub fn target_elsewhere(&self, own: &str) -> Outcome<Option<String>> {
        let Some(last) = self.stages.last() else { return Ok(None) };
        let Some(stage) = Elements::new(last)?.next().transpose()? else { return Ok(None) };
        let target = match stage.name {
            b"$out" => Some(stage.val()),
            b"$merge" if stage.ty == ty::DOCUMENT => {
                get(stage.value, "into")?.map(|into| into.val())
            }
            _ => None,
        };
        let Some(target) = target.filter(|target| target.ty == ty::DOCUMENT) else {
            return Ok(None);
        };
        let text =
            |name| get(target.bytes, name).map(|found| found.and_then(|it| it.val().as_str()));
        Ok(match (text("db")?, text("coll")?) {
            (Some(database), Some(name)) if database != own => {
                check_not_system(database, name)?;
                Some(namespace(database, name))
            }
            _ => None,
        })
    }

    /// The aggregation of the engine.
    pub fn aggregate(&self, collection: &Collection) -> Outcome<Aggregate> {
        let stages: Vec<_> =
            self.stages.iter().map(|stage| document(stage)).collect::<Outcome<_>>()?;
        let collection = collection.clone().bypassing_validation(self.bypasses_validation);
        let mut aggregate = collection.aggregate(stages);
        if let Some(hint) = self.hint.and_then(hint) {
            aggregate = aggregate.hint(hint);
        }
        if let Some(variables) = self.variables {
            aggregate = aggregate.variables(document(variables)?);
        }
        if let Some(collation) = self.collation {
            aggregate = aggregate.collation(document(collation)?);
        }
        Ok(aggregate)
    }
}

fn stages_of(value: Value<'_>) -> Outcome<Vec<&[u8]>> {
    let refused = |message| Err(Failure::new(Reason::TypeMismatch, message));
    if value.ty != ty::ARRAY {
        return refused("'pipeline' option must be specified as an array");
    }
    let mut stages = Vec::new();
    for element in Elements::new(value.bytes)? {
        let element = element?;
        if element.ty != ty::DOCUMENT {
            return refused("Each element of the 'pipeline' array must be an object");
        }
        stages.push(element.value);
    }
    Ok(stages)
}

/// The size of the batches of a cursor that is asked for.
fn batch_size(value: Value<'_>) -> Outcome<Option<u64>> {
    if value.ty != ty::DOCUMENT {
        let message = "cursor field must be missing or an object";
        return Err(Failure::new(Reason::TypeMismatch, message));
    }
    let mut size = None;
    for field in Fields::of("cursor", value.bytes)? {
        let field = field?;
        match field.name {
            "batchSize" => size = field.non_negative()?,
            _ => return field.unknown(),
        }
    }
    Ok(size)
}
