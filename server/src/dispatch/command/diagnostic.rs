//! Small commands that tools ask at their start: `getCmdLineOpts`, `getLog`, `listCommands`.

use bson::RawDocumentBuf;
use tallymap::Reason;
use tallymap::bson::builder::{Builder, Index};
use tallymap::bson::{text, ty};

use super::help;
use crate::dispatch::call::Call;
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::put::Put;
use crate::logging::ring::{self, Recent};

/// How the server was started.
pub fn command_line(call: &Call<'_>) -> Outcome<Builder> {
    let mut out = Builder::new();
    out.put_array("argv", |out| {
        for (at, argument) in std::env::args_os().enumerate() {
            out.str(Index::new(at), &argument.to_string_lossy());
        }
    });
    // What it was told is no document that could not be one.
    let parsed = RawDocumentBuf::try_from(&call.server.options).unwrap_or_default();
    out.document("parsed", parsed.as_bytes());
    Ok(out)
}

/// The latest lines of the server's log.
pub fn log(call: &Call<'_>) -> Outcome<Builder> {
    let mut out = Builder::new();
    match call.target().as_str() {
        Some("*") => out.put_array("names", |out| {
            out.str("0", "global").str("1", "startupWarnings");
        }),
        Some("global") => put_lines(&mut out, &ring::lines()),
        Some("startupWarnings") => put_lines(&mut out, &ring::startup_warnings()),
        Some(other) => return Err(Failure::unnumbered(format!("no RamLog named: {other}"))),
        None => {
            let value = call.target();
            let message = format!(
                "Argument to getLog must be of type String; found {} of type {}",
                text::value(value),
                ty::name(value.ty)
            );
            return Err(Failure::new(Reason::TypeMismatch, message));
        }
    }
    Ok(out)
}

/// What a replica set would answer on its primary alone, unless told; what writes is so anyway.
const OF_A_PRIMARY: [&str; 13] = [
    "appendOplogNote",
    "count",
    "distinct",
    "explain",
    "find",
    "listCollections",
    "listDatabases",
    "listIndexes",
    "planCacheClear",
    "planCacheClearFilters",
    "planCacheListFilters",
    "planCacheSetFilter",
    "splitVector",
];

/// What one may ask before one has logged in.
const WITHOUT_LOGIN: [&str; 12] = [
    "buildInfo",
    "connectionStatus",
    "getLastError",
    "getnonce",
    "hello",
    "isMaster",
    "ismaster",
    "listCommands",
    "ping",
    "saslContinue",
    "saslStart",
    "whatsmyuri",
];

fn put_lines(out: &mut Builder, recent: &Recent) {
    out.put_integer("totalLinesWritten", recent.total as i64);
    out.put_array("log", |out| {
        for (at, line) in recent.lines.iter().enumerate() {
            out.str(Index::new(at), line);
        }
    });
}

/// Every command.
pub fn commands(call: &Call<'_>) -> Outcome<Builder> {
    let mut out = Builder::new();
    out.put_document("commands", |out| {
        for (command, _) in call.commands().all() {
            out.put_document(command.name, |out| {
                out.str("help", help::of(command.name).unwrap_or_default());
                out.put_bool("requiresAuth", !WITHOUT_LOGIN.contains(&command.name));
                let needs_primary = command.is_write || OF_A_PRIMARY.contains(&command.name);
                out.put_bool("secondaryOk", !needs_primary);
                out.put_bool("adminOnly", command.is_admin);
                out.put_array("apiVersions", |out| {
                    if command.is_in_api {
                        out.str("0", "1");
                    }
                });
                out.put_array("deprecatedApiVersions", |_| {});
            });
        }
    });
    Ok(out)
}
