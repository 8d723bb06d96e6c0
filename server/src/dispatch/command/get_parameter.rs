//! `getParameter`: the settings that clients ask for.

use tallymap::bson::builder::{Builder, Index};

use super::log_levels;
use crate::auth::scram::Mechanism;
use crate::auth::store::SCHEMA_VERSION;
use crate::dispatch::call::Call;
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::fields::is_generic;
use crate::dispatch::put::Put;
use crate::logging::levels::WHOLE;

/// Writes a parameter.
type Write = fn(&Call<'_>, &mut Builder, &str);

/// Every parameter that there is.
const PARAMETERS: [(&str, Write); 15] = [
    // By it tools know whether users and roles can be dumped and restored.
    ("authSchemaVersion", |_, out, name| out.put_i32(name, SCHEMA_VERSION)),
    ("authenticationMechanisms", |_, out, name| {
        out.put_array(name, |out| {
            for (at, mechanism) in Mechanism::ALL.into_iter().enumerate() {
                out.str(Index::new(at), mechanism.name());
            }
        });
    }),
    ("cursorTimeoutMillis", |call, out, name| {
        out.put_i64(name, call.cursors().timeout_ms() as i64);
    }),
    ("enableTestCommands", |_, out, name| out.put_bool(name, false)),
    ("featureCompatibilityVersion", |_, out, name| {
        out.put_document(name, |out| {
            out.str("version", "5.0");
        });
    }),
    ("journalCommitInterval", |call, out, name| {
        out.put_i32(name, call.engine().options().commit_interval.as_millis() as i32);
    }),
    ("logComponentVerbosity", |call, out, name| log_levels::put(&call.parameters().log, out, name)),
    ("logLevel", |call, out, name| {
        out.put_i32(name, i32::from(call.parameters().log.get(WHOLE)));
    }),
    ("maxBSONDepth", |_, out, name| out.put_i32(name, 200)),
    ("notablescan", |_, out, name| out.put_bool(name, false)),
    ("quiet", |call, out, name| out.put_bool(name, call.parameters().log.is_quiet())),
    ("requireApiVersion", |_, out, name| out.put_bool(name, false)),
    ("syncdelay", |call, out, name| {
        out.put_f64(name, call.engine().options().sync_interval.as_secs_f64());
    }),
    ("ttlMonitorEnabled", |call, out, name| {
        out.put_bool(name, call.parameters().expires.get() != 0);
    }),
    ("ttlMonitorSleepSecs", |call, out, name| {
        out.put_i32(name, call.engine().options().ttl_interval.as_secs() as i32);
    }),
];

/// Answers with those that are named, or all.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    let mut out = Builder::new();
    let wants_all = call.target().as_str() == Some("*");
    let mut named = Vec::new();
    for field in call.fields("getParameter")? {
        let field = field?;
        if !is_generic(field.name) {
            named.push(field.name);
        }
    }
    for (name, write) in PARAMETERS {
        if wants_all || named.contains(&name) {
            write(call, &mut out, name);
        }
    }
    match out.is_empty() {
        true => Err(Failure::unnumbered("no option found to get")),
        false => Ok(out),
    }
}
