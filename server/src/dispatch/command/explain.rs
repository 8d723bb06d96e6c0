//! `explain`: how another command would be run, or was.

use tallymap::bson::builder::Builder;
use tallymap::bson::element::Elements;
use tallymap::{Reason, Verbosity};

use super::aggregate::{self, Pipeline};
use super::build_info::version;
use super::find::Query;
use super::find_and_modify::Change;
use super::host_info::host_name;
use super::{count, delete, distinct, update};
use crate::dispatch::call::Call;
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::fields::{Field, missing};
use crate::dispatch::put::Put;
use crate::dispatch::request::Request;

const PATH: &str = "explain";

/// Explains.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    let mut verbosity = Verbosity::AllPlansExecution;
    for field in call.fields(PATH)? {
        let field = field?;
        match field.name {
            "verbosity" => verbosity = verbosity_of(&field)?,
            _ => return field.unknown(),
        }
    }
    let target = Field::of_target(PATH, PATH, call.target());
    let command = target.object()?.ok_or_else(|| missing(PATH, PATH))?;
    let request = Request::new(command, Vec::new())?;
    let inner = call.within(&request)?;
    let explained = explain(&inner, verbosity)?;
    Ok(reply(&inner, &explained))
}

fn verbosity_of(field: &Field<'_>) -> Outcome<Verbosity> {
    match field.string()? {
        None | Some("allPlansExecution") => Ok(Verbosity::AllPlansExecution),
        Some("executionStats") => Ok(Verbosity::ExecutionStats),
        Some("queryPlanner") => Ok(Verbosity::QueryPlanner),
        Some(_) => field.not_one_of_them(),
    }
}

/// `aggregate` with `explain: true`.
pub fn aggregation(call: &Call<'_>, pipeline: &Pipeline<'_>) -> Outcome<Builder> {
    let explained = explain_aggregation(call, pipeline, Verbosity::QueryPlanner)?;
    Ok(reply(call, &explained))
}

/// The explanation of a command.
fn explain(call: &Call<'_>, verbosity: Verbosity) -> Outcome<Vec<u8>> {
    match call.name {
        "find" => {
            let query = Query::parse(call.fields("FindCommandRequest")?)?;
            Ok(query.find(&call.collection()?)?.explain(verbosity)?.into_bytes())
        }
        "count" => {
            let count = count::Request::parse(call.fields("count")?)?;
            let explained = count.count(&call.collection()?)?.explain(verbosity)?;
            Ok(explained.into_bytes())
        }
        "distinct" => {
            let distinct = distinct::Request::parse(call.fields("distinct")?)?;
            let explained = distinct.distinct(&call.collection()?)?.explain(verbosity)?;
            Ok(explained.into_bytes())
        }
        "update" => {
            let (_, variables) = update::options(call)?;
            let statement = update::parse(only_statement(call, "update.updates")?)?;
            let explained = statement.explain(&call.collection()?, variables)?.run(verbosity)?;
            Ok(explained.into_bytes())
        }
        "delete" => {
            let (_, variables) = delete::options(call)?;
            let statement = delete::parse(only_statement(call, "delete.deletes")?)?;
            let explained = statement.explain(&call.collection()?, variables)?.run(verbosity)?;
            Ok(explained.into_bytes())
        }
        "findAndModify" => {
            let change = Change::parse(call.fields("findAndModify")?)?;
            Ok(change.explain(&call.collection()?)?.run(verbosity)?.into_bytes())
        }
        "aggregate" => {
            let pipeline = Pipeline::parse(call.fields("aggregate")?)?;
            explain_aggregation(call, &pipeline, verbosity)
        }
        other => {
            let message = format!("explain is not supported for '{other}'");
            Err(Failure::new(Reason::IllegalOperation, message))
        }
    }
}

fn explain_aggregation(
    call: &Call<'_>,
    pipeline: &Pipeline<'_>,
    verbosity: Verbosity,
) -> Outcome<Vec<u8>> {
    let Some(collection) = aggregate::target(call)? else {
        let message = "explain of {aggregate: 1} is not supported";
        return Err(Failure::new(Reason::IllegalOperation, message));
    };
    Ok(pipeline.aggregate(&collection)?.explain(verbosity)?.into_bytes())
}

fn only_statement<'a>(call: &Call<'a>, path: &'static str) -> Outcome<&'a [u8]> {
    let mut statements = call.request.batch(path)?;
    match (statements.next().transpose()?, statements.next()) {
        (Some(only), None) => Ok(only),
        _ => {
            let message = "explained write batches must be of size 1";
            Err(Failure::new(Reason::InvalidLength, message))
        }
    }
}

/// The engine's explanation, and who says it.
fn reply(call: &Call<'_>, explained: &[u8]) -> Builder {
    let mut out = Builder::with_capacity(explained.len() + 256);
    for element in Elements::new(explained).into_iter().flatten().flatten() {
        if !matches!(element.name, b"command" | b"serverInfo" | b"ok") {
            out.element(&element);
        }
    }
    out.put_document("command", |out| {
        out.put_fields_of(call.request.body());
        if call.request.field("$db").is_none() {
            out.str("$db", call.common.database);
        }
    });
    out.put_document("serverInfo", |out| {
        out.str("host", &host_name());
        out.put_i32("port", i32::from(call.port()));
        out.str("version", &version());
        out.str("gitVersion", concat!("tallymap-", env!("CARGO_PKG_VERSION")));
    });
    out
}
