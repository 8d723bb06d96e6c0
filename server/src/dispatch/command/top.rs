//! `top`: how often something was done in each collection, and for how long.

use tallymap::bson::builder::Builder;

use crate::dispatch::call::Call;
use crate::dispatch::failure::Outcome;
use crate::dispatch::put::Put;
use crate::dispatch::top::{KINDS, Usage};

/// Lists them.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    let mut out = Builder::with_capacity(4096);
    out.put_document("totals", |out| {
        out.str("note", "all times in microseconds");
        for (ns, entry) in call.top().all() {
            out.put_document(&ns, |out| {
                let sums = [&entry.total(), entry.reads(), entry.writes()];
                ["total", "readLock", "writeLock"].iter().zip(sums).for_each(|(name, usage)| {
                    put(out, name, usage);
                });
                KINDS.iter().zip(&entry.kinds).for_each(|(name, usage)| put(out, name, usage));
            });
        }
    });
    Ok(out)
}

fn put(out: &mut Builder, name: &str, usage: &Usage) {
    out.put_document(name, |out| {
        out.put_integer("time", usage.time.get() as i64);
        out.put_integer("count", usage.count.get() as i64);
    });
}
