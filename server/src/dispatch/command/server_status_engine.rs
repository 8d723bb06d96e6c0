//! The sections of `serverStatus` that the engine fills: MMAPv1's `dur`, `backgroundFlushing` and
//! `mem`, and one of our own.
//!
//! Sums are since the engine was opened, and so is the time that `dur.timeMs.dt` names; mongod
//! had them of the last three seconds.

use tallymap::bson::builder::Builder;
use tallymap::{Durability, Lengths};

use super::host_info::kib_of;
use crate::dispatch::call::Call;
use crate::dispatch::put::Put;

/// A mebibyte.
const MIB: f64 = (1 << 20) as f64;

fn mib(bytes: u64) -> f64 {
    bytes as f64 / MIB
}

/// `dur`: the journal.
pub fn durability(call: &Call<'_>, out: &mut Builder) {
    let work = call.engine().counters();
    if call.engine().options().durability == Durability::None {
        return;
    }
    let (journal, raw) = (work.journal_bytes.get(), work.journaled_bytes.get());
    out.put_i64("commits", work.commits.get() as i64);
    out.put_f64("journaledMB", mib(journal));
    out.put_f64("writeToDataFilesMB", mib(work.applied_bytes.get()));
    out.put_f64("compression", if raw == 0 { 0.0 } else { journal as f64 / raw as f64 });
    // Writers are kept out while a commit gathers, and no longer.
    out.put_i64("commitsInWriteLock", 0);
    out.put_i64("earlyCommits", work.early_commits.get() as i64);
    out.put_document("timeMs", |out| {
        let (gather, journal) = (work.gather_us.get(), work.journal_us.get());
        let write_back = work.write_back_us.get();
        out.put_i64("dt", (call.uptime() * 1000.0) as i64);
        out.put_i64("prepLogBuffer", (gather / 1000) as i64);
        out.put_i64("writeToJournal", (journal / 1000) as i64);
        out.put_i64("writeToDataFiles", (write_back / 1000) as i64);
        out.put_i64("remapPrivateView", 0);
        out.put_i64("commits", ((gather + journal + write_back) / 1000) as i64);
        out.put_i64("commitsInWriteLock", 0);
    });
}

/// `backgroundFlushing`: the syncs of the data files, every sixty seconds unless told.
pub fn background_flushing(call: &Call<'_>, out: &mut Builder) {
    let work = call.engine().counters();
    let (flushes, total_us) = (work.flushes.get(), work.flush_us.get());
    out.put_i64("flushes", flushes as i64);
    out.put_i64("total_ms", (total_us / 1000) as i64);
    out.put_f64("average_ms", total_us as f64 / 1000.0 / flushes.max(1) as f64);
    out.put_i64("last_ms", (work.last_flush_us.get() / 1000) as i64);
    out.put_date("last_finished", work.last_flush_ms.get() as i64);
}

/// `mem`, MiB. All files are mapped once; changed pages of them are memory of our own until they
/// are written back, and count once more with the journal.
pub fn memory(call: &Call<'_>, out: &mut Builder) {
    let mib = |name| kib_of("/proc/self/status", name) >> 10;
    let mapped = call.engine().mapped();
    out.put_i32("bits", usize::BITS as i32);
    out.put_integer("resident", mib("VmRSS:"));
    out.put_integer("virtual", mib("VmSize:"));
    out.put_bool("supported", true);
    out.put_integer("mapped", (mapped.files >> 20) as i64);
    out.put_integer("mappedWithJournal", ((mapped.files + mapped.private) >> 20) as i64);
}

/// `tallymap`: what only this engine counts.
pub fn tallymap(call: &Call<'_>, out: &mut Builder) {
    let (work, holds) = (call.engine().counters(), call.engine().holds());
    out.str("version", env!("CARGO_PKG_VERSION"));
    out.put_document("updates", |out| {
        out.put_i64("inPlace", work.updates_in_place.get() as i64);
        out.put_i64("moves", work.moves.get() as i64);
        out.put_i64("fieldsSkipped", work.fields_skipped.get() as i64);
    });
    out.put_document("recordMemo", |out| {
        out.put_i64("hits", work.record_memo_hits.get() as i64);
        out.put_i64("misses", work.record_memo_misses.get() as i64);
    });
    out.put_document("layoutMemo", |out| {
        out.put_i64("hits", work.layout_memo_hits.get() as i64);
        out.put_i64("misses", work.layout_memo_misses.get() as i64);
    });
    out.put_document("journal", |out| {
        out.put_i64("groupCommits", work.commits.get() as i64);
        out.put_i64("earlyCommits", work.early_commits.get() as i64);
        out.put_i64("syncs", work.journal_syncs.get() as i64);
        out.put_i64("bytes", work.journal_bytes.get() as i64);
        out.put_i64("bytesBeforeCompression", work.journaled_bytes.get() as i64);
    });
    out.put_document("files", |out| {
        out.put_i64("created", work.files_created.get() as i64);
        out.put_i64("extentsAllocated", work.extents_allocated.get() as i64);
        out.put_i64("bucketSplits", work.bucket_splits.get() as i64);
        out.put_i64("syncs", work.data_file_syncs.get() as i64);
        out.put_i64("privateBytes", call.engine().mapped().private as i64);
        out.put_i64("pagesDropped", work.pages_dropped.get() as i64);
    });
    out.put_document("writersHeld", |out| {
        out.put_document("gathers", |out| lengths(out, &holds.gathers));
        out.put_document("slices", |out| lengths(out, &holds.slices));
    });
}

fn lengths(out: &mut Builder, lengths: &Lengths) {
    let us = |length: std::time::Duration| length.as_nanos() as f64 / 1000.0;
    out.put_i64("count", lengths.count() as i64);
    out.put_f64("p50us", us(lengths.quantile(0.5)));
    out.put_f64("p999us", us(lengths.quantile(0.999)));
    out.put_f64("maxUs", us(lengths.max()));
}
