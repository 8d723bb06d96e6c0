//! `metrics` of `serverStatus`.

use tallymap::bson::builder::Builder;

use crate::dispatch::call::Call;
use crate::dispatch::put::Put;

/// Writes them.
pub fn metrics(call: &Call<'_>, out: &mut Builder) {
    let (work, counts) = (call.engine().counters(), call.counts());
    out.put_document("commands", |out| commands(call, out));
    out.put_document("cursor", |out| cursors(call, out));
    out.put_document("document", |out| {
        out.put_i64("deleted", counts.removed.get() as i64);
        out.put_i64("inserted", counts.inserts.get() as i64);
        out.put_i64("returned", call.cursors().counts.returned.get() as i64);
        out.put_i64("updated", counts.updated.get() as i64);
    });
    out.put_document("getLastError", |out| {
        out.put_document("wtime", |out| {
            out.put_i32("num", 0);
            out.put_i32("totalMillis", 0);
        });
        out.put_i64("wtimeouts", 0);
    });
    out.put_document("operation", |out| {
        out.put_i64("scanAndOrder", work.sorts_in_memory.get() as i64);
        out.put_i64("writeConflicts", 0);
    });
    out.put_document("queryExecutor", |out| {
        // Documents are found by their _id without a query, by the memo without an entry.
        let (remembered, walked) = (work.record_memo_hits.get(), work.record_memo_misses.get());
        let documents = work.documents_examined.get() + remembered + walked;
        out.put_i64("scanned", (work.keys_examined.get() + walked) as i64);
        out.put_i64("scannedObjects", documents as i64);
        out.put_document("collectionScans", |out| {
            let (total, tailable) = (work.collection_scans.get(), work.tailable_scans.get());
            out.put_i64("nonTailable", total.saturating_sub(tailable) as i64);
            out.put_i64("total", total as i64);
        });
    });
    out.put_document("record", |out| out.put_i64("moves", work.moves.get() as i64));
    out.put_document("ttl", |out| {
        out.put_i64("deletedDocuments", work.ttl_deleted.get() as i64);
        out.put_i64("passes", work.ttl_passes.get() as i64);
    });
}

fn commands(call: &Call<'_>, out: &mut Builder) {
    out.put_i64("<UNKNOWN>", call.counts().unknown.get() as i64);
    for (command, runs) in call.commands().all() {
        out.put_document(command.name, |out| {
            out.put_i64("failed", runs.failed.get() as i64);
            out.put_i64("total", runs.total.get() as i64);
        });
    }
}

fn cursors(call: &Call<'_>, out: &mut Builder) {
    let (counts, open) = (&call.cursors().counts, call.cursors().open());
    out.put_i64("moreThanOneBatch", counts.more_than_one_batch.get() as i64);
    out.put_i64("timedOut", counts.timed_out.get() as i64);
    out.put_i64("totalOpened", counts.opened.get() as i64);
    out.put_document("open", |out| {
        out.put_i64("noTimeout", open.no_timeout as i64);
        out.put_i64("pinned", open.pinned as i64);
        out.put_i64("total", open.total as i64);
    });
}
