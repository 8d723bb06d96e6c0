//! `currentOp`, the stage `$currentOp`, and `killOp`.

use bson::{DateTime, RawDocumentBuf};
use tallymap::Reason;
use tallymap::bson::builder::Builder;
use tallymap::bson::element::{Elements, Value};
use tallymap::bson::number::Number;
use tallymap::bson::{text, ty};

use super::hello::now_ms;
use crate::dispatch::call::{Call, document};
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::fields::{as_f64, is_generic};
use crate::dispatch::operations::{Active, Snapshot};
use crate::dispatch::put::{Put, raw};

/// Which operations are asked for.
#[derive(Debug, Default, Clone, Copy)]
struct Wanted {
    idle: bool,
    own: bool,
    untruncated: bool,
}

/// Lists what is being done; further fields are a filter on it.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    let mut wanted = Wanted::default();
    let mut filter = Builder::new();
    for field in call.fields("currentOp")? {
        let field = field?;
        match field.name {
            "$all" => wanted.idle = field.value.is_true(),
            "$ownOps" => wanted.own = field.value.is_true(),
            "$truncateOps" => wanted.untruncated = !field.value.is_true(),
            name if is_generic(name) => {}
            name => drop(filter.value(name, field.value)),
        }
    }
    let mut stage = Builder::new();
    stage.document("$match", &filter.finish());
    let stage = stage.finish();
    let collection = call.collection_named("cmd.aggregate")?;
    let found = collection.aggregate([document(&stage)?]).run_over(all(call, wanted))?;
    let mut out = Builder::with_capacity(4096);
    let mut failed = None;
    out.put_array("inprog", |out| {
        for (at, one) in found.enumerate() {
            match one {
                Ok(one) => {
                    let at = tallymap::bson::builder::Index::new(at);
                    out.document(at, one.as_bytes());
                }
                Err(error) => failed = Some(error),
            }
        }
    });
    if call.gate().is_closed() {
        out.put_bool("fsyncLock", true);
        out.str("info", "use db.fsyncUnlock() to terminate the fsync write/snapshot lock");
    }
    failed.map_or(Ok(out), |error| Err(error.into()))
}

/// The documents of a stage `$currentOp`.
///
/// # Errors
/// For options that it has not.
pub fn stage(call: &Call<'_>, options: Value<'_>) -> Outcome<Vec<RawDocumentBuf>> {
    let mut wanted = Wanted { untruncated: true, ..Wanted::default() };
    if options.ty != ty::DOCUMENT {
        let message = format!(
            "$currentOp options must be specified in an object, but found: {}",
            ty::name(options.ty)
        );
        return Err(Failure::new(Reason::TypeMismatch, message));
    }
    let mut all_users = false;
    for option in Elements::new(options.bytes)? {
        let option = option?;
        let name = option.name_lossy();
        let place = match &*name {
            "allUsers" => &mut all_users,
            "idleConnections" => &mut wanted.idle,
            "truncateOps" => &mut wanted.untruncated,
            "idleCursors" | "idleSessions" | "localOps" | "backtrace" => &mut false,
            _ => {
                let message = format!("Unrecognized option '{name}' in $currentOp stage.");
                return Err(Failure::new(Reason::FailedToParse, message));
            }
        };
        if option.ty != ty::BOOL {
            let found = ty::name(option.ty);
            let message = format!(
                "The '{name}' parameter of the $currentOp stage must be a boolean value, but \
                 found: {found}"
            );
            return Err(Failure::new(Reason::TypeMismatch, message));
        }
        *place = option.val().is_true() != (name == "truncateOps");
    }
    wanted.own = call.auth().is_enabled() && !all_users;
    Ok(all(call, wanted))
}

fn all(call: &Call<'_>, wanted: Wanted) -> Vec<RawDocumentBuf> {
    let own = call.client.connection.user();
    let host = super::host_info::host(call);
    let is_wanted =
        |one: &Snapshot| (wanted.idle || one.active.is_some()) && (!wanted.own || one.user == own);
    let snapshots = call.operations().snapshots();
    snapshots.iter().filter(|one| is_wanted(one)).map(|one| describe(one, &host, wanted)).collect()
}

fn describe(one: &Snapshot, host: &str, wanted: Wanted) -> RawDocumentBuf {
    let mut out = Builder::new();
    out.str("type", "op");
    out.str("host", host);
    out.str("desc", &format!("conn{}", one.connection));
    out.put_i32("connectionId", one.connection);
    out.str("client", &one.address);
    if let Some(name) = &one.app_name {
        out.str("appName", name);
    }
    if let Some(metadata) = &one.metadata {
        out.document("clientMetadata", metadata);
    }
    out.put_bool("active", one.active.is_some());
    let now = DateTime::from_millis(now_ms()).try_to_rfc3339_string().unwrap_or_default();
    out.str("currentOpTime", &now.replace('Z', "+00:00"));
    if let Some((user, database)) = &one.user {
        out.put_array("effectiveUsers", |out| {
            out.put_document("0", |out| {
                out.str("user", user).str("db", database);
            });
        });
    }
    out.put_bool("threaded", true);
    if let Some(active) = &one.active {
        describe_active(&mut out, active, wanted);
    }
    raw(out)
}

fn describe_active(out: &mut Builder, active: &Active, wanted: Wanted) {
    out.put_i32("opid", active.number);
    if active.is_killed {
        out.put_bool("killPending", true);
    }
    if let Some(session) = active.session {
        out.put_document("lsid", |out| {
            out.value("id", Value { ty: ty::BINARY, bytes: &session.to_binary() });
        });
    }
    out.put_i64("secs_running", active.took.as_secs() as i64);
    out.put_i64("microsecs_running", active.took.as_micros() as i64);
    out.str("op", active.does.name());
    let collection = match (active.name, &*active.target) {
        ("aggregate" | "currentOp", "") => "$cmd.aggregate",
        (_, "") => "$cmd",
        (_, target) => target,
    };
    out.str("ns", &format!("{}.{collection}", active.database));
    match active.is_whole && (wanted.untruncated || active.command.len() <= TRUNCATED_LEN) {
        true => drop(out.document("command", &active.command)),
        false => out.put_document("command", |out| {
            let mut text = text::document(&active.command);
            let end =
                (0..=TRUNCATED_LEN.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
            text.truncate(end.unwrap_or(0));
            out.str("$truncated", &text);
        }),
    }
    out.put_i32("numYields", 0);
    out.put_document("locks", |_| {});
    out.put_bool("waitingForLock", false);
    out.put_document("lockStats", |_| {});
    out.put_bool("waitingForFlowControl", false);
    out.put_document("flowControlStats", |_| {});
}

/// Longest text of a command that is not told whole, bytes.
const TRUNCATED_LEN: usize = 1000;

/// Asks an operation to end.
pub fn kill(call: &Call<'_>) -> Outcome<Builder> {
    let Some(value) = call.request.field("op") else {
        return Err(Failure::new(Reason::NoSuchKey, "Missing expected field \"op\""));
    };
    if !matches!(value.ty, ty::INT32 | ty::INT64 | ty::DOUBLE | ty::DECIMAL128) {
        let found = ty::name(value.ty);
        let message = format!("Expected field \"op\" to have numeric type, but found {found}");
        return Err(Failure::new(Reason::TypeMismatch, message));
    }
    let whole = match value.as_number() {
        Some(number) => number.to_i64(),
        None => as_f64(value).and_then(|number| Number::Double(number).to_i64()),
    };
    let Some(number) = whole else {
        let message = format!(
            "Expected field \"op\" to have a value exactly representable as a 64-bit integer, but \
             found {}",
            text::named(b"op", value)
        );
        return Err(Failure::new(Reason::BadValue, message));
    };
    let Ok(number) = i32::try_from(number) else {
        let message = format!("invalid op : {number}. Op ID cannot be represented with 32 bits");
        return Err(Failure::new(Reason::Location(26823), message));
    };
    // Whether there is such an operation is not told.
    call.operations().kill(number);
    let mut out = Builder::new();
    out.str("info", "attempting to kill op");
    Ok(out)
}
