//! Commands with little to say: what a standalone answers to tools that look for more.

use tallymap::Reason;
use tallymap::bson::builder::Builder;

use crate::dispatch::call::Call;
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::put::Put;

/// `features`.
pub fn features(_: &Call<'_>) -> Outcome<Builder> {
    let mut out = Builder::new();
    out.put_document("js", |_| {});
    out.put_i32("oidMachine", std::process::id() as i32);
    Ok(out)
}

/// `availableQueryOptions`: the flags of the older wire protocol.
pub fn query_options(_: &Call<'_>) -> Outcome<Builder> {
    let mut out = Builder::new();
    out.put_i32("options", 246);
    Ok(out)
}

/// `connPoolStats`: there are no connections to other servers.
pub fn pools(_: &Call<'_>) -> Outcome<Builder> {
    let mut out = Builder::new();
    let counts = [
        "numClientConnections",
        "numAScopedConnections",
        "totalInUse",
        "totalAvailable",
        "totalCreated",
        "totalRefreshing",
    ];
    counts.iter().for_each(|name| out.put_i32(name, 0));
    out.put_document("pools", |_| {});
    out.put_document("hosts", |_| {});
    out.put_i32("numReplicaSetMonitorsCreated", 0);
    out.put_document("replicaSets", |_| {});
    Ok(out)
}

/// `lockInfo`: nobody holds a lock of everything.
pub fn locks(_: &Call<'_>) -> Outcome<Builder> {
    let mut out = Builder::new();
    out.put_array("lockInfo", |_| {});
    Ok(out)
}

/// `getDiagnosticData`: none is collected.
pub fn diagnostic_data(_: &Call<'_>) -> Outcome<Builder> {
    let mut out = Builder::new();
    out.put_document("data", |_| {});
    Ok(out)
}

/// `getFreeMonitoringStatus`: nothing is sent anywhere.
pub fn free_monitoring(_: &Call<'_>) -> Outcome<Builder> {
    let mut out = Builder::new();
    out.str("state", "disabled");
    Ok(out)
}

/// `shardingState`: not sharded.
pub fn sharding_state(_: &Call<'_>) -> Outcome<Builder> {
    let mut out = Builder::new();
    out.put_bool("enabled", false);
    Ok(out)
}

/// `connPoolSync`, and `logRotate` of a log that is not in files.
pub fn nothing(_: &Call<'_>) -> Outcome<Builder> {
    Ok(Builder::new())
}

/// `shutdown`: ends the server as SIGTERM does. From elsewhere only for who logged in.
pub fn shutdown(call: &Call<'_>) -> Outcome<Builder> {
    for field in call.fields("shutdown")? {
        let field = field?;
        match field.name {
            "force" => drop(field.number_or_bool()?),
            "timeoutSecs" => drop(field.integer()?),
            _ => return field.unknown(),
        }
    }
    if !call.client.is_local && !call.server.auth.is_enabled() {
        let message = "shutdown must run from localhost when running db without auth";
        return Err(Failure::new(Reason::Unauthorized, message));
    }
    tracing::info!(target: "COMMAND", remote = call.client.address, "Shutdown was asked for");
    match call.shut_down() {
        true => Ok(Builder::new()),
        false => Err(Failure::new(Reason::CommandNotSupported, "nobody can end this server")),
    }
}
