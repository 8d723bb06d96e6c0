//! `aggregate: 1`: pipelines over what the server knows of itself.

use bson::RawDocumentBuf;
use tallymap::Reason;
use tallymap::bson::builder::Builder;
use tallymap::bson::element::{Elements, Value, get};
use tallymap::bson::ty;

use super::aggregate::Pipeline;
use super::current_op;
use super::hello::now_ms;
use crate::dispatch::call::{Call, document};
use crate::dispatch::cursors::Source;
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::fields::Fields;
use crate::dispatch::put::{Put, raw};

/// The documents of a pipeline whose first stage makes them.
///
/// # Errors
/// If the first stage makes none.
pub fn run(call: &Call<'_>, pipeline: &Pipeline<'_>) -> Outcome<Source> {
    let refused = |message: String| Err(Failure::new(Reason::InvalidNamespace, message));
    let Some((first, rest)) = pipeline.stages.split_first() else {
        return refused("{aggregate: 1} is not valid for an empty pipeline.".to_owned());
    };
    let (name, value) = stage_of(first)?;
    let documents = match name.as_str() {
        "$listLocalSessions" => {
            check_list(value)?;
            sessions(call, value)?
        }
        "$currentOp" if call.common.database == "admin" => current_op::stage(call, value)?,
        "$currentOp" => {
            let message = "$currentOp must be run against the 'admin' database with {aggregate: 1}";
            return refused(message.to_owned());
        }
        "$changeStream" => {
            let message = "The $changeStream stage is only supported on replica sets";
            return Err(Failure::new(Reason::Location(40573), message));
        }
        "$documents" => {
            let message = "$documents' is not allowed in user requests";
            return Err(Failure::new(Reason::Location(5_491_300), message));
        }
        other => {
            let message =
                format!("{{aggregate: 1}} is not valid for '{other}'; a collection is required.");
            return refused(message);
        }
    };
    through(call, documents, rest, pipeline.target_elsewhere(call.common.database)?)
}

fn stage_of(stage: &[u8]) -> Outcome<(String, Value<'_>)> {
    let mut fields = Elements::new(stage)?;
    match (fields.next().transpose()?, fields.next()) {
        (Some(only), None) => Ok((only.name_lossy().into_owned(), only.val())),
        _ => {
            let message = "A pipeline stage specification object must contain exactly one field.";
            Err(Failure::new(Reason::Location(40323), message))
        }
    }
}

/// Refuses what is no option of a list of sessions.
fn check_list(options: Value<'_>) -> Outcome<()> {
    if options.ty != ty::DOCUMENT {
        let message = format!(
            "$listLocalSessions options must be specified in an object, but found: {}",
            ty::name(options.ty)
        );
        return Err(Failure::new(Reason::TypeMismatch, message));
    }
    for field in Fields::of("$listLocalSessions", options.bytes)? {
        let field = field?;
        match field.name {
            "allUsers" => drop(field.bool()?),
            "users" => drop(field.documents()?),
            _ => return field.unknown(),
        }
    }
    Ok(())
}

/// The sessions that clients named lately: one's own, if everybody has to log in.
fn sessions(call: &Call<'_>, options: Value<'_>) -> Outcome<Vec<RawDocumentBuf>> {
    let option = options.as_document().map(|options| get(options, "allUsers")).transpose()?;
    let of_all =
        !call.auth().is_enabled() || option.flatten().is_some_and(|option| option.val().is_true());
    let uid = call.uid()?;

    let listed = |id: crate::dispatch::sessions::SessionId| {
        let mut out = Builder::new();
        out.put_document("_id", |out| {
            out.value("id", Value { ty: ty::BINARY, bytes: &id.to_binary() });
            let uid = [&32_i32.to_le_bytes()[..], &[0], id.uid()].concat();
            out.value("uid", Value { ty: ty::BINARY, bytes: &uid });
        });
        out.put_date("lastUse", now_ms());
        raw(out)
    };
    let known = call.sessions().known().into_iter();
    Ok(known.filter(|id| of_all || *id.uid() == uid).map(listed).collect())
}

/// What further stages make of these documents.
fn through(
    call: &Call<'_>,
    documents: Vec<RawDocumentBuf>,
    stages: &[&[u8]],
    elsewhere: Option<String>,
) -> Outcome<Source> {
    let stages: Vec<_> = stages.iter().map(|stage| document(stage)).collect::<Outcome<_>>()?;
    // The name says only in which database stages look for other collections.
    let mut aggregate = call.collection_named("cmd.aggregate")?.aggregate(stages);
    if let Some(ns) = elsewhere {
        aggregate = aggregate.writes_to(call.engine().collection(&ns)?);
    }
    Ok(Source::Engine(aggregate.run_over(documents)?))
}
