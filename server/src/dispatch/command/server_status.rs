//! `serverStatus`: the server's own figures.

use tallymap::bson::builder::Builder;

use super::build_info::version;
use super::hello::now_ms;
use super::host_info::{host, kib_of};
use crate::dispatch::call::Call;
use crate::dispatch::failure::Outcome;
use crate::dispatch::put::Put;
use crate::wire::CONNECTIONS_MAX;

/// Describes it.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    let mut out = Builder::new();
    out.str("host", &host(call));
    out.str("version", &version());
    out.str("process", "mongod");
    out.put_i64("pid", i64::from(std::process::id()));
    out.put_f64("uptime", call.uptime().floor());
    out.put_i64("uptimeMillis", (call.uptime() * 1000.0) as i64);
    out.put_i64("uptimeEstimate", call.uptime() as i64);
    out.put_date("localTime", now_ms());
    put_clients(call, &mut out);
    out.put_document("storageEngine", |out| {
        out.str("name", "mmapv1");
        out.put_bool("supportsCommittedReads", false);
        out.put_bool("readOnly", call.engine().options().read_only);
        out.put_bool("persistent", true);
    });
    put_engine(call, &mut out);
    Ok(out)
}

fn put_clients(call: &Call<'_>, out: &mut Builder) {
    let counts = call.counts();
    out.put_document("connections", |out| {
        let current = counts.connections.get().saturating_sub(counts.closed.get());
        out.put_integer("current", current as i64);
        out.put_integer("available", CONNECTIONS_MAX.saturating_sub(current as usize) as i64);
        out.put_integer("totalCreated", counts.connections.get() as i64);
    });
    out.put_document("network", |out| {
        out.put_i64("bytesIn", counts.bytes_in.get() as i64);
        out.put_i64("bytesOut", counts.bytes_out.get() as i64);
        out.put_i64("numRequests", counts.requests.get() as i64);
    });
    out.put_document("opcounters", |out| {
        out.put_i64("insert", counts.inserts.get() as i64);
        out.put_i64("query", counts.queries.get() as i64);
        out.put_i64("update", counts.updates.get() as i64);
        out.put_i64("delete", counts.deletes.get() as i64);
        out.put_i64("getmore", counts.get_mores.get() as i64);
        out.put_i64("command", counts.commands.get() as i64);
    });
}

fn put_engine(call: &Call<'_>, out: &mut Builder) {
    let work = call.engine().counters();
    out.put_document("dur", |out| {
        out.put_i64("commits", work.commits.get() as i64);
        out.put_f64("journaledMB", work.journal_bytes.get() as f64 / f64::from(1 << 20));
        out.put_f64("writeToDataFilesMB", work.applied_bytes.get() as f64 / f64::from(1 << 20));
    });
    out.put_document("extra_info", |out| {
        out.str("note", "fields vary by platform");
    });
    out.put_document("mem", |out| {
        let mib = |name| kib_of("/proc/self/status", name) >> 10;
        out.put_i32("bits", usize::BITS as i32);
        out.put_integer("resident", mib("VmRSS:"));
        out.put_integer("virtual", mib("VmSize:"));
        out.put_bool("supported", true);
    });
    out.put_document("metrics", |out| {
        out.put_document("cursor", |out| {
            out.put_document("open", |out| out.put_i64("total", call.cursors().count() as i64));
        });
        out.put_document("record", |out| out.put_i64("moves", work.moves.get() as i64));
    });
}
