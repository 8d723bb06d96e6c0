//! The figures of a server as Prometheus takes them: those of `serverStatus`, under names of their
//! own and in base units, and the sizes of collections.

use bson::RawDocument;
use tallymap::Engine;

use super::exposition::{Exposition, Kind};
use crate::client::figures::{number, of};
use crate::dispatch::Dispatcher;
use crate::dispatch::top::Latencies;

/// Collections whose sizes are shown; there may be many thousands, and each is a series.
const COLLECTIONS_MAX: usize = 200;

/// A figure of `serverStatus`.
struct Figure {
    name: &'static str,
    kind: Kind,
    help: &'static str,
    /// The label that tells it from others of its name, and its value.
    label: Option<(&'static str, &'static str)>,
    path: &'static str,
    /// How many of its units make a second or a byte.
    per: f64,
}

const fn counter(name: &'static str, path: &'static str, help: &'static str) -> Figure {
    Figure { name, kind: Kind::Counter, help, label: None, path, per: 1.0 }
}

const fn gauge(name: &'static str, path: &'static str, help: &'static str) -> Figure {
    Figure { name, kind: Kind::Gauge, help, label: None, path, per: 1.0 }
}

impl Figure {
    const fn per(mut self, per: f64) -> Figure {
        self.per = per;
        self
    }

    /// Another of the same name.
    const fn labelled(mut self, label: &'static str, value: &'static str) -> Figure {
        self.label = Some((label, value));
        self
    }
}

/// Mebibytes in a byte.
const MIB: f64 = 1.0 / (1 << 20) as f64;
/// Microseconds in a second.
const MICROSECONDS: f64 = 1e6;

const OPERATIONS: &str = "Operations by kind; a batch counts as many as it has statements.";
const DOCUMENTS: &str = "Documents by what was done with them.";
const MEMOS: &str = "Lookups by what is remembered: records by _id, fields by layout.";

const fn operations(kind: &'static str, path: &'static str) -> Figure {
    counter("tallymap_operations_total", path, OPERATIONS).labelled("op", kind)
}

const fn documents(action: &'static str, path: &'static str) -> Figure {
    counter("tallymap_documents_total", path, DOCUMENTS).labelled("action", action)
}

const fn memos(result: &'static str, path: &'static str) -> Figure {
    counter("tallymap_memo_lookups_total", path, MEMOS).labelled("result", result)
}

/// Those of one name are together.
const FIGURES: &[Figure] = &[
    gauge("tallymap_uptime_seconds", "uptimeMillis", "Time since the start.").per(1e3),
    gauge("tallymap_connections", "connections.current", "Open connections."),
    gauge("tallymap_connections_available", "connections.available", "Connections that may come."),
    gauge("tallymap_connections_active", "connections.active", "Connections with a command."),
    counter("tallymap_connections_total", "connections.totalCreated", "Connections opened."),
    counter("tallymap_received_bytes_total", "network.bytesIn", "Bytes of messages that came."),
    counter("tallymap_sent_bytes_total", "network.bytesOut", "Bytes of messages that went."),
    counter("tallymap_requests_total", "network.numRequests", "Messages that came."),
    operations("insert", "opcounters.insert"),
    operations("query", "opcounters.query"),
    operations("update", "opcounters.update"),
    operations("delete", "opcounters.delete"),
    operations("getmore", "opcounters.getmore"),
    operations("command", "opcounters.command"),
    documents("inserted", "metrics.document.inserted"),
    documents("returned", "metrics.document.returned"),
    documents("updated", "metrics.document.updated"),
    documents("deleted", "metrics.document.deleted"),
    documents("expired", "metrics.ttl.deletedDocuments"),
    counter(
        "tallymap_updates_in_place_total",
        "tallymap.updates.inPlace",
        "Updates that changed values where they lie.",
    ),
    counter("tallymap_moves_total", "metrics.record.moves", "Documents that outgrew their place."),
    counter(
        "tallymap_fields_skipped_total",
        "tallymap.updates.fieldsSkipped",
        "Fields that updates stepped over to reach theirs.",
    ),
    memos("record_hit", "tallymap.recordMemo.hits"),
    memos("record_miss", "tallymap.recordMemo.misses"),
    memos("layout_hit", "tallymap.layoutMemo.hits"),
    memos("layout_miss", "tallymap.layoutMemo.misses"),
    counter("tallymap_keys_examined_total", "metrics.queryExecutor.scanned", "Keys looked at."),
    counter(
        "tallymap_documents_examined_total",
        "metrics.queryExecutor.scannedObjects",
        "Documents looked at.",
    ),
    counter(
        "tallymap_collection_scans_total",
        "metrics.queryExecutor.collectionScans.total",
        "Queries that looked at a whole collection.",
    ),
    counter(
        "tallymap_journal_commits_total",
        "tallymap.journal.groupCommits",
        "Group commits that wrote a section.",
    ),
    counter(
        "tallymap_journal_early_commits_total",
        "tallymap.journal.earlyCommits",
        "Group commits before their time: somebody waited, or much was dirty.",
    ),
    counter("tallymap_journal_syncs_total", "tallymap.journal.syncs", "Syncs of journal files."),
    counter("tallymap_journal_bytes_total", "tallymap.journal.bytes", "Bytes of the journal."),
    counter("tallymap_file_syncs_total", "tallymap.files.syncs", "Syncs of data files."),
    counter("tallymap_files_created_total", "tallymap.files.created", "Data files made."),
    counter(
        "tallymap_extents_allocated_total",
        "tallymap.files.extentsAllocated",
        "Extents taken.",
    ),
    gauge("tallymap_mapped_bytes", "mem.mapped", "Length of the mapped data files.").per(MIB),
    gauge(
        "tallymap_private_bytes",
        "tallymap.files.privateBytes",
        "Pages of data files that are memory of our own.",
    ),
    gauge("tallymap_resident_bytes", "mem.resident", "Memory in use.").per(MIB),
    gauge("tallymap_virtual_bytes", "mem.virtual", "Addresses in use.").per(MIB),
    counter("tallymap_page_faults_total", "extra_info.page_faults", "Pages read from the disk."),
    counter("tallymap_cpu_seconds_total", "extra_info.user_time_us", "Processor time.")
        .labelled("mode", "user")
        .per(MICROSECONDS),
    counter("tallymap_cpu_seconds_total", "extra_info.system_time_us", "Processor time.")
        .labelled("mode", "system")
        .per(MICROSECONDS),
    gauge("tallymap_cursors", "metrics.cursor.open.total", "Open cursors."),
    counter("tallymap_cursors_opened_total", "metrics.cursor.totalOpened", "Cursors opened."),
    counter("tallymap_cursors_timed_out_total", "metrics.cursor.timedOut", "Cursors forgotten."),
    gauge(
        "tallymap_sessions",
        "logicalSessionRecordCache.activeSessionsCount",
        "Sessions that were named lately.",
    ),
];

/// The page: what `serverStatus` says, how long commands took, and how large collections are.
pub fn page(dispatcher: &Dispatcher) -> String {
    let status = dispatcher.server_status();
    let status = &status;
    let mut page = Exposition::default();
    let version = env!("CARGO_PKG_VERSION");
    if page.begin("tallymap_info", Kind::Gauge, "What runs.") {
        page.sample("tallymap_info", &[("version", version)], 1.0);
    }
    let mut last = "";
    for figure in FIGURES {
        let Some(value) = number(status, figure.path) else { continue };
        if figure.name != last {
            page.begin(figure.name, figure.kind, figure.help);
            last = figure.name;
        }
        page.sample(figure.name, figure.label.as_slice(), value / figure.per);
    }
    put_commands(&mut page, status);
    put_latencies(&mut page, dispatcher.latencies());
    put_collections(&mut page, dispatcher.engine());
    page.finish()
}

/// Commands by name, those that were ever run.
fn put_commands(page: &mut Exposition, status: &RawDocument) {
    let commands = status.get_document("metrics").and_then(|it| it.get_document("commands"));
    let Ok(commands) = commands else { return };
    for (what, name, help) in [
        ("total", "tallymap_commands_total", "Commands by name."),
        ("failed", "tallymap_commands_failed_total", "Commands that were refused, by name."),
    ] {
        page.begin(name, Kind::Counter, help);
        for (command, counts) in commands.iter().filter_map(Result::ok) {
            let count = match counts.as_document() {
                Some(counts) => counts.get(what).ok().flatten().and_then(of),
                None => None,
            };
            if let Some(count) = count.filter(|count| *count > 0.0) {
                page.sample(name, &[("command", command.as_str())], count);
            }
        }
    }
}

/// How long commands took: by powers of two, from two microseconds to half a minute.
fn put_latencies(page: &mut Exposition, latencies: &Latencies) {
    const NAME: &str = "tallymap_command_duration_seconds";
    page.begin(NAME, Kind::Histogram, "Time that commands took, by what they did.");
    let kinds = [
        ("read", &latencies.reads),
        ("write", &latencies.writes),
        ("command", &latencies.commands),
    ];
    for (kind, latency) in kinds {
        let counts: Vec<(u64, u64)> = latency.histogram().collect();
        let at_most = |end: u64| {
            counts.iter().take_while(|(from, _)| *from < end).map(|(_, count)| count).sum()
        };
        let ends = (1..=25).map(|power| 1_u64 << power);
        let buckets: Vec<_> = ends.map(|end| (end as f64 / MICROSECONDS, at_most(end))).collect();
        // Of one moment: what is counted meanwhile must not make the sum smaller than a part.
        let count = counts.iter().map(|(_, count)| count).sum();
        let sum = latency.usage.time.get() as f64 / MICROSECONDS;
        page.histogram(NAME, &[("kind", kind)], &buckets, sum, count);
    }
}

/// The sizes of the first collections, and how many there are.
fn put_collections(page: &mut Exposition, engine: &Engine) {
    const SIZES: [(&str, &str); 4] = [
        ("tallymap_collection_documents", "Documents of a collection."),
        ("tallymap_collection_bytes", "Bytes of its records, padding included."),
        ("tallymap_collection_storage_bytes", "Bytes of its extents."),
        ("tallymap_collection_index_bytes", "Bytes of its indexes."),
    ];
    let (mut sizes, mut count) = (Vec::new(), 0);
    for database in engine.database_names() {
        // What was dropped meanwhile, or is damaged, has no sizes.
        let Ok(database) = engine.database(&database) else { continue };
        for name in database.collection_names().unwrap_or_default() {
            count += 1;
            if sizes.len() >= COLLECTIONS_MAX {
                continue;
            }
            let stats = database.collection(&name).and_then(|collection| collection.stats());
            if let Ok(stats) = stats {
                let [size, storage] = [stats.size, stats.storage_size()];
                let figures = [stats.count, size, storage, stats.total_index_size()];
                sizes.push((stats.ns.as_str().to_owned(), figures));
            }
        }
    }
    page.single("tallymap_collections", Kind::Gauge, "Collections.", f64::from(count));
    for (at, (name, help)) in SIZES.into_iter().enumerate() {
        page.begin(name, Kind::Gauge, help);
        for (ns, figures) in &sizes {
            page.sample(name, &[("ns", ns.as_str())], figures[at] as f64);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Arc;

    use bson::rawdoc;
    use tallymap::disk::HeapDisk;

    use super::*;

    /// What `promtool check metrics` looks at. Answers the names of all samples.
    fn check(page: &str) -> HashSet<String> {
        let (mut known, mut series) = (HashSet::new(), HashSet::new());
        let (mut help, mut current) = ("", "");
        assert!(page.ends_with('\n'), "{page}");
        for line in page.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, text) = rest.split_once(' ').expect("a text");
                assert!(!text.is_empty() && known.insert(name.to_owned()), "{line}");
                help = name;
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect("a type");
                assert_eq!(name, help, "{line}");
                assert_eq!(name.ends_with("_total"), kind == "counter", "{line}");
                current = name;
            } else {
                let (id, value) = line.rsplit_once(' ').expect("a value");
                let value: f64 = value.parse().expect("a number");
                assert!(value >= 0.0 && series.insert(id), "{line}");
                let name = id.split('{').next().expect("a name");
                let parts = ["_bucket", "_sum", "_count", ""];
                let is_part_of = |part| name.strip_suffix(part) == Some(current);
                assert!(parts.into_iter().any(is_part_of), "{line}");
                let is_part = |c: char| c.is_ascii_lowercase() || c == '_';
                assert!(name.chars().all(is_part), "{line}");
            }
        }
        known
    }

    #[test]
    fn a_server_s_page_is_what_prometheus_takes() {
        let engine = Engine::builder("heap").disk(Arc::new(HeapDisk::new())).ns_size_mib(1);
        let engine = engine.open().expect("opens");
        let dispatcher = Dispatcher::new(engine);
        dispatcher.run(&rawdoc! {
            "insert": "c\"quoted", "documents": [{ "_id": 1 }, { "_id": 2 }], "$db": "d",
        });
        dispatcher.run(&rawdoc! {
            "update": "c\"quoted", "updates": [{ "q": { "_id": 1 }, "u": { "$set": { "a": 1 } } }],
            "$db": "d",
        });
        let page = page(&dispatcher);
        let names = check(&page);
        for expected in [
            "tallymap_operations_total{op=\"insert\"} 2\n",
            "tallymap_operations_total{op=\"update\"} 1\n",
            "tallymap_collection_documents{ns=\"d.c\\\"quoted\"} 2\n",
            "tallymap_commands_total{command=\"insert\"} 1\n",
            "tallymap_command_duration_seconds_count{kind=\"write\"} 2\n",
            "tallymap_command_duration_seconds_bucket{kind=\"write\",le=\"+Inf\"} 2\n",
        ] {
            assert!(page.contains(expected), "{expected} is missing:\n{page}");
        }
        // Every figure is one that serverStatus has.
        let missing: Vec<_> = FIGURES.iter().filter(|it| !names.contains(it.name)).collect();
        assert!(missing.is_empty(), "{:?}", missing.iter().map(|it| it.name).collect::<Vec<_>>());
    }
}
