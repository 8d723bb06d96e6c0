//! `serverStatus`: the server's own figures, in sections that can be switched on and off by name.
//! What the engine counts is in [`super::server_status_engine`].

use std::fs;

use tallymap::bson::builder::Builder;

use super::build_info::version;
use super::hello::now_ms;
use super::host_info::{host, kib_of};
use super::server_status_engine as engine;
use crate::dispatch::call::Call;
use crate::dispatch::counts::Count;
use crate::dispatch::failure::Outcome;
use crate::dispatch::operations::Streamed;
use crate::dispatch::put::Put;
use crate::wire::compressor::Compressor;

/// What writes a section.
type Write = fn(&Call<'_>, &mut Builder);

/// The sections, in the order of their names but for two, as mongod has them.
const SECTIONS: [(&str, Write); 15] = [
    ("asserts", asserts),
    ("backgroundFlushing", engine::background_flushing),
    ("connections", connections),
    ("dur", engine::durability),
    ("extra_info", extra_info),
    ("globalLock", global_lock),
    ("logicalSessionRecordCache", sessions),
    ("network", network),
    ("opLatencies", latencies),
    ("opcounters", operations),
    ("opcountersRepl", replicated_operations),
    ("storageEngine", storage_engine),
    ("tallymap", engine::tallymap),
    ("mem", engine::memory),
    ("metrics", super::server_status_metrics::metrics),
];

/// Describes it.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    let mut out = Builder::with_capacity(8192);
    out.str("host", &host(call));
    out.str("version", &version());
    out.str("process", "mongod");
    out.put_i64("pid", i64::from(std::process::id()));
    out.put_f64("uptime", call.uptime().floor());
    out.put_i64("uptimeMillis", (call.uptime() * 1000.0) as i64);
    out.put_i64("uptimeEstimate", call.uptime() as i64);
    out.put_date("localTime", now_ms());
    for (name, write) in SECTIONS {
        // Memory is told with the metrics, whatever is said of it.
        let switch = call.request.field(if name == "mem" { "metrics" } else { name });
        if switch.is_none_or(|switch| switch.is_true()) {
            out.put_document(name, |out| write(call, out));
        }
    }
    Ok(out)
}

fn asserts(call: &Call<'_>, out: &mut Builder) {
    for name in ["regular", "warning", "msg"] {
        out.put_i32(name, 0);
    }
    out.put_integer("user", call.counts().refused.get() as i64);
    out.put_i32("tripwire", 0);
    out.put_i32("rollovers", 0);
}

fn connections(call: &Call<'_>, out: &mut Builder) {
    let counts = call.counts();
    let current = counts.connections.get().saturating_sub(counts.closed.get());
    let connections = call.operations().snapshots();
    let active = connections.iter().filter(|it| it.active.is_some()).count();
    let streamed = |what| connections.iter().filter(|it| it.streamed == what).count();
    out.put_integer("current", current as i64);
    out.put_integer("available", call.connections_max().saturating_sub(current as usize) as i64);
    out.put_integer("totalCreated", counts.connections.get() as i64);
    out.put_integer("active", active as i64);
    out.put_integer("threaded", current as i64);
    out.put_integer("exhaustIsMaster", streamed(Streamed::IsMaster) as i64);
    out.put_integer("exhaustHello", streamed(Streamed::Hello) as i64);
    out.put_integer("awaitingTopologyChanges", call.operations().waiting() as i64);
}

/// What the kernel counts of this process.
fn extra_info(_: &Call<'_>, out: &mut Builder) {
    const STATUS: &str = "/proc/self/status";
    out.str("note", "fields vary by platform");
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name in brackets may have blanks.
    let fields: Vec<i64> = stat
        .rsplit_once(')')
        .map_or("", |(_, rest)| rest)
        .split_whitespace()
        .map(|field| field.parse().unwrap_or(0))
        .collect();
    let field = |number: usize| fields.get(number - 3).copied().unwrap_or(0);
    // The clock of these ticks 100 times a second wherever Linux runs.
    out.put_i64("user_time_us", field(14) * 10_000);
    out.put_i64("system_time_us", field(15) * 10_000);
    out.put_i64("maximum_resident_set_kb", kib_of(STATUS, "VmHWM:"));
    out.put_i64("input_blocks", kib_of("/proc/self/io", "read_bytes:") / 512);
    out.put_i64("output_blocks", kib_of("/proc/self/io", "write_bytes:") / 512);
    out.put_i64("page_reclaims", field(10));
    out.put_i64("page_faults", field(12));
    out.put_i64("voluntary_context_switches", kib_of(STATUS, "voluntary_ctxt_switches:"));
    out.put_i64("involuntary_context_switches", kib_of(STATUS, "nonvoluntary_ctxt_switches:"));
}

/// Nobody queues for a lock of everything: there is none.
fn global_lock(call: &Call<'_>, out: &mut Builder) {
    let (readers, writers) = call.operations().busy();
    let three = |out: &mut Builder, readers: usize, writers: usize| {
        out.put_integer("total", (readers + writers) as i64);
        out.put_integer("readers", readers as i64);
        out.put_integer("writers", writers as i64);
    };
    out.put_i64("totalTime", (call.uptime() * 1e6) as i64);
    out.put_document("currentQueue", |out| three(out, 0, 0));
    out.put_document("activeClients", |out| three(out, readers, writers));
}

fn sessions(call: &Call<'_>, out: &mut Builder) {
    out.put_integer("activeSessionsCount", call.sessions().known().len() as i64);
}

fn network(call: &Call<'_>, out: &mut Builder) {
    let counts = call.counts();
    let (came, went) = (counts.bytes_in.get() as i64, counts.bytes_out.get() as i64);
    // What compression saved.
    let (mut saved_in, mut saved_out) = (0, 0);
    for it in &counts.compression {
        saved_in += it.came_plain.get() as i64 - it.came.get() as i64;
        saved_out += it.went_plain.get() as i64 - it.went.get() as i64;
    }
    out.put_i64("bytesIn", came + saved_in);
    out.put_i64("bytesOut", went + saved_out);
    out.put_i64("physicalBytesIn", came);
    out.put_i64("physicalBytesOut", went);
    out.put_i64("numRequests", counts.requests.get() as i64);
    out.put_document("compression", |out| {
        for compressor in Compressor::DEFAULT {
            let it = counts.compression(compressor);
            out.put_document(compressor.name(), |out| {
                two(out, "compressor", &it.went_plain, &it.went);
                two(out, "decompressor", &it.came, &it.came_plain);
            });
        }
    });
}

/// Bytes before and after.
fn two(out: &mut Builder, name: &str, before: &Count, after: &Count) {
    out.put_document(name, |out| {
        out.put_i64("bytesIn", before.get() as i64);
        out.put_i64("bytesOut", after.get() as i64);
    });
}

fn latencies(call: &Call<'_>, out: &mut Builder) {
    let latencies = &call.counts().latencies;
    let kinds = [
        ("reads", &latencies.reads),
        ("writes", &latencies.writes),
        ("commands", &latencies.commands),
    ];
    for (name, latency) in kinds {
        out.put_document(name, |out| {
            out.put_i64("latency", latency.usage.time.get() as i64);
            out.put_i64("ops", latency.usage.count.get() as i64);
        });
    }
    out.put_document("transactions", |out| {
        out.put_i64("latency", 0);
        out.put_i64("ops", 0);
    });
}

fn operations(call: &Call<'_>, out: &mut Builder) {
    let counts = call.counts();
    out.put_i64("insert", counts.inserts.get() as i64);
    out.put_i64("query", counts.queries.get() as i64);
    out.put_i64("update", counts.updates.get() as i64);
    out.put_i64("delete", counts.deletes.get() as i64);
    out.put_i64("getmore", counts.get_mores.get() as i64);
    out.put_i64("command", counts.commands.get() as i64);
}

/// Nobody is followed.
fn replicated_operations(_: &Call<'_>, out: &mut Builder) {
    for name in ["insert", "query", "update", "delete", "getmore", "command"] {
        out.put_i64(name, 0);
    }
}

fn storage_engine(call: &Call<'_>, out: &mut Builder) {
    out.str("name", "mmapv1");
    out.put_bool("supportsCommittedReads", false);
    out.put_bool("supportsSnapshotReadConcern", false);
    out.put_bool("readOnly", call.engine().options().read_only);
    out.put_bool("persistent", true);
}
