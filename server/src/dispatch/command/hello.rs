//! `hello`, `isMaster`, `ismaster`: what a client has to know before it says anything else.

use std::time::{SystemTime, UNIX_EPOCH};

use tallymap::Reason;
use tallymap::bson::builder::{Builder, Index};
use tallymap::bson::element::Elements;
use tallymap::bson::ty;

use super::{client_metadata, sasl};
use crate::auth::scram::Mechanism;
use crate::dispatch::call::{Call, Client};
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::fields::Field;
use crate::dispatch::put::Put;
use crate::dispatch::sessions::TIMEOUT_MINUTES;
use crate::dispatch::topology::Awaited;
use crate::logging::CONNECTION;
use crate::wire::MESSAGE_LEN_MAX;
use crate::wire::compressor::Compressor;

/// The wire versions that are spoken: those of MongoDB up to 5.0.
pub const WIRE_VERSION_MAX: i32 = 13;
/// Most statements of a write.
pub const WRITE_BATCH_MAX: usize = 100_000;

/// Answers.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    let (mut is_hello_ok, mut mechanisms, mut begun) = (false, Vec::new(), None);
    let mut awaited = Awaited::default();
    for field in call.fields("hello")? {
        let field = field?;
        match field.name {
            "helloOk" => is_hello_ok = field.number_or_bool()?.unwrap_or(false),
            "client" => meet(call.client, &field)?,
            "compression" => {
                let wanted = wanted_compressors(&field, call.client.offers())?;
                *call.client.compressors.borrow_mut() = wanted;
            }
            "saslSupportedMechs" => mechanisms = sasl::supported(call, &field)?,
            "speculativeAuthenticate" => {
                let command = field.object()?;
                begun = command.map_or(Ok(None), |command| sasl::speculative(call, command))?;
            }
            "topologyVersion" => awaited.meet_version(&field)?,
            "maxAwaitTimeMS" => awaited.patience = field.non_negative()?,
            // What clients say here grows from release to release.
            _ => {}
        }
    }
    // Who has not said it in the first hello cannot say it any more.
    call.client.has_metadata.set(true);
    awaited.wait(call)?;
    let mut out = Builder::new();
    if is_hello_ok {
        out.put_bool("helloOk", true);
    }
    let is_primary = if call.name == "hello" { "isWritablePrimary" } else { "ismaster" };
    out.put_bool(is_primary, true);
    call.topology().put(&mut out);
    out.put_i32("maxBsonObjectSize", tallymap::limits::DOCUMENT_LEN_MAX as i32);
    out.put_i32("maxMessageSizeBytes", MESSAGE_LEN_MAX as i32);
    out.put_i32("maxWriteBatchSize", WRITE_BATCH_MAX as i32);
    out.put_date("localTime", now_ms());
    out.put_i32("logicalSessionTimeoutMinutes", TIMEOUT_MINUTES);
    out.put_i32("connectionId", call.client.id);
    out.put_i32("minWireVersion", 0);
    out.put_i32("maxWireVersion", WIRE_VERSION_MAX);
    out.put_bool("readOnly", call.engine().options().read_only);
    put_login(&mut out, &mechanisms, begun);
    // A hello that says nothing of it is told what was agreed on before.
    let compressors = call.client.compressors.borrow();
    if !compressors.is_empty() {
        out.put_array("compression", |out| {
            for (at, compressor) in compressors.iter().enumerate() {
                out.str(Index::new(at), compressor.name());
            }
        });
    }
    Ok(out)
}

/// Takes what a client says of itself, once.
fn meet(client: &Client, field: &Field<'_>) -> Outcome<()> {
    if client.has_metadata.get() {
        let message = "The client metadata document may only be sent in the first hello";
        return Err(Failure::numbered(186, "ClientMetadataCannotBeMutated", message));
    }
    let metadata = Some(field.value).filter(|value| value.ty == ty::DOCUMENT);
    let Some(metadata) = metadata.and_then(|value| value.as_document()) else {
        let message = "The client metadata document must be a document";
        return Err(Failure::new(Reason::TypeMismatch, message));
    };
    let app_name = client_metadata::check(metadata)?;
    client.connection.describe(metadata, app_name.clone());
    tell(client, metadata);
    client.asked_by.borrow_mut().app_name = app_name;
    Ok(())
}

/// How a user can log in, and what is said first of a login that was begun.
fn put_login(out: &mut Builder, mechanisms: &[Mechanism], begun: Option<Builder>) {
    if !mechanisms.is_empty() {
        out.put_array("saslSupportedMechs", |out| {
            for (at, mechanism) in mechanisms.iter().enumerate() {
                out.str(Index::new(at), mechanism.name());
            }
        });
    }
    if let Some(begun) = begun {
        out.document("speculativeAuthenticate", &begun.finish());
    }
}

/// The compressors that a client names, in its order, as far as they are offered. It can use any
/// that is offered all the same: what it says here is what it is told.
fn wanted_compressors(field: &Field<'_>, offers: &[Compressor]) -> Outcome<Vec<Compressor>> {
    let mut wanted = Vec::new();
    for element in Elements::new(field.array()?)? {
        let element = element?;
        let Some(name) = element.val().as_str() else {
            let message = format!(
                "BSON field 'hello.compression.{}' is the wrong type '{}', expected type 'string'",
                element.name_lossy(),
                ty::name(element.ty)
            );
            return Err(Failure::new(Reason::TypeMismatch, message));
        };
        let offered = offers.iter().find(|compressor| compressor.name() == name);
        // Each once, however often it is named.
        wanted.extend(offered.filter(|compressor| !wanted.contains(*compressor)).copied());
    }
    Ok(wanted)
}

/// Tells the log who it is.
fn tell(client: &Client, metadata: &[u8]) {
    if !tracing::enabled!(target: CONNECTION, tracing::Level::INFO) {
        return;
    }
    let document = bson::RawDocument::from_bytes(metadata).ok();
    let document = document.and_then(|document| bson::Document::try_from(document).ok());
    let document = bson::Bson::Document(document.unwrap_or_default()).into_relaxed_extjson();
    tracing::info!(
        target: CONNECTION, id = 51800, remote = client.address.as_str(),
        doc.json = document.to_string(), "client metadata"
    );
}

/// The time, in milliseconds since 1970.
pub fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
