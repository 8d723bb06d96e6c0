//! `aggregate: 1`: pipelines over what the server knows of itself.

use bson::RawDocumentBuf;
use tallymap::Reason;
use tallymap::bson::builder::Builder;
use tallymap::bson::element::{Elements, Value};
use tallymap::bson::ty;

use super::hello::now_ms;
use crate::dispatch::call::{Call, document};
use crate::dispatch::cursors::Source;
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::put::{Put, raw};

/// The documents of a pipeline whose first stage makes them.
///
/// # Errors
/// If the first stage makes none.
pub fn run(call: &Call<'_>, stages: &[&[u8]]) -> Outcome<Source> {
    let refused = |message: String| Err(Failure::new(Reason::InvalidNamespace, message));
    let Some((first, rest)) = stages.split_first() else {
        return refused("{aggregate: 1} is not valid for an empty pipeline.".to_owned());
    };
    let documents = match stage_name(first)?.as_str() {
        "$listLocalSessions" => sessions(call),
        "$currentOp" if call.common.database == "admin" => vec![this_operation(call)],
        "$currentOp" => {
            let message = "$currentOp must be run against the 'admin' database with {aggregate: 1}";
            return refused(message.to_owned());
        }
        other => {
            let message =
                format!("{{aggregate: 1}} is not valid for '{other}'; a collection is required.");
            return refused(message);
        }
    };
    through(call, documents, rest)
}

fn stage_name(stage: &[u8]) -> Outcome<String> {
    let mut fields = Elements::new(stage)?;
    match (fields.next().transpose()?, fields.next()) {
        (Some(only), None) => Ok(only.name_lossy().into_owned()),
        _ => {
            let message = "A pipeline stage specification object must contain exactly one field.";
            Err(Failure::new(Reason::Location(40323), message))
        }
    }
}

/// The sessions that clients named lately.
fn sessions(call: &Call<'_>) -> Vec<RawDocumentBuf> {
    let listed = |id: crate::dispatch::sessions::SessionId| {
        let mut out = Builder::new();
        out.put_document("_id", |out| {
            out.value("id", Value { ty: ty::BINARY, bytes: &id.to_binary() });
        });
        out.put_date("lastUse", now_ms());
        raw(out)
    };
    call.sessions().known().into_iter().map(listed).collect()
}

/// The operation that asks.
fn this_operation(call: &Call<'_>) -> RawDocumentBuf {
    let mut out = Builder::new();
    out.str("type", "op");
    out.str("host", &super::host_info::host(call));
    out.str("desc", &format!("conn{}", call.client.id));
    out.put_i32("connectionId", call.client.id);
    out.str("client", &call.client.address);
    out.put_bool("active", true);
    out.str("op", "command");
    out.str("ns", "admin.$cmd.aggregate");
    out.document("command", call.request.body());
    raw(out)
}

/// What further stages make of these documents.
fn through(call: &Call<'_>, documents: Vec<RawDocumentBuf>, stages: &[&[u8]]) -> Outcome<Source> {
    let stages: Vec<_> = stages.iter().map(|stage| document(stage)).collect::<Outcome<_>>()?;
    // The name says only in which database stages look for other collections.
    let collection = call.collection_named("cmd.aggregate")?;
    Ok(Source::Engine(collection.aggregate(stages).run_over(documents)?))
}
