//! `setParameter`: settings that can be changed while the server runs.

use tallymap::Reason;
use tallymap::bson::builder::Builder;
use tallymap::bson::element::Value;
use tallymap::bson::text;

use super::log_levels;
use crate::dispatch::call::Call;
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::fields::{is_generic, truncated};
use crate::dispatch::put::Put;
use crate::logging::levels::WHOLE;

/// Those that can only be given when the server is started.
const FIXED: [&str; 10] = [
    "authSchemaVersion",
    "authenticationMechanisms",
    "enableTestCommands",
    "featureCompatibilityVersion",
    "journalCommitInterval",
    "maxBSONDepth",
    "notablescan",
    "requireApiVersion",
    "syncdelay",
    "ttlMonitorSleepSecs",
];

/// Sets what is named; answers with what the first of it was.
pub fn set(call: &Call<'_>) -> Outcome<Builder> {
    let mut named = Vec::new();
    for field in call.fields("setParameter")? {
        let field = field?;
        if !is_generic(field.name) {
            check(field.name, field.value)?;
            named.push((field.name, field.value));
        }
    }
    if named.is_empty() {
        let message = "no option found to set, use help:true to see options ";
        return Err(Failure::unnumbered(message));
    }
    let mut first = None;
    for (name, value) in named {
        let mut was = Builder::new();
        put(call, name, value, &mut was);
        first.get_or_insert(was);
    }
    Ok(first.unwrap_or_else(Builder::new))
}

/// Refuses a parameter that is none, that cannot be changed, or another type of value (Q2).
fn check(name: &str, value: Value<'_>) -> Outcome<()> {
    let number = truncated(value);
    match name {
        "ttlMonitorEnabled" | "quiet" => Ok(()),
        "logLevel" if number.is_none_or(|level| level < 0) => {
            let shown = text::named(b"logLevel", value);
            let message = format!("Invalid value for logLevel: {shown}");
            Err(Failure::new(Reason::BadValue, message))
        }
        "cursorTimeoutMillis" if number.is_none() => {
            let message = format!("Failed to parse value for parameter {name}");
            Err(Failure::new(Reason::BadValue, message))
        }
        "logLevel" | "cursorTimeoutMillis" => Ok(()),
        "logComponentVerbosity" => log_levels::parse(value).map(drop),
        _ if FIXED.contains(&name) => {
            Err(Failure::unnumbered(format!("not allowed to change [{name}] at runtime")))
        }
        _ => {
            let message = format!(
                "attempted to set unrecognized parameter [{name}], use help:true to see options "
            );
            Err(Failure::unnumbered(message))
        }
    }
}

fn put(call: &Call<'_>, name: &str, value: Value<'_>, was: &mut Builder) {
    let parameters = call.parameters();
    let number = truncated(value).unwrap_or(0);
    match name {
        "ttlMonitorEnabled" => {
            let before = call.engine().expire_by_itself(value.is_true());
            parameters.expires.set(u64::from(value.is_true()));
            was.put_bool("was", before);
        }
        "quiet" => {
            was.put_bool("was", parameters.log.is_quiet());
            parameters.log.set(&[], Some(value.is_true()));
        }
        "logLevel" => {
            was.put_i32("was", i32::from(parameters.log.get(WHOLE)));
            parameters.log.set(&[(WHOLE, number)], None);
        }
        "logComponentVerbosity" => {
            log_levels::put(&parameters.log, was, "was");
            // It was checked.
            parameters.log.set(&log_levels::parse(value).unwrap_or_default(), None);
        }
        _ => {
            let before = call.cursors().set_timeout_ms(number.max(0) as u64);
            was.put_i64("was", before as i64);
        }
    }
}
