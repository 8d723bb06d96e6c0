//! `fsync` and `fsyncUnlock`: everything into the data files; and nothing written until it is
//! unlocked, so that they can be copied.

use tallymap::bson::builder::Builder;

use crate::dispatch::call::Call;
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::put::Put;

/// Syncs. With `lock`, commands that write wait from now on; neither does the server write by
/// itself: what expires stays, and the profiler is silent.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    let mut out = Builder::new();
    if !call.request.field("lock").is_some_and(|lock| lock.is_true()) {
        call.engine().sync()?;
        out.put_i32("numFiles", call.engine().database_names().len() as i32);
        return Ok(out);
    }
    let engine = call.engine();
    let times = call.gate().close(|| engine.write_by_itself(false))?;
    if let Err(error) = engine.sync() {
        unlocked(call);
        return Err(error.into());
    }
    out.str("info", "now locked against writes, use db.fsyncUnlock() to unlock");
    out.put_i64("lockCount", i64::from(times));
    out.str("seeAlso", "http://dochub.mongodb.org/core/fsynccommand");
    Ok(out)
}

/// Takes one lock back.
pub fn unlock(call: &Call<'_>) -> Outcome<Builder> {
    let Some(left) = unlocked(call) else {
        return Err(Failure::unnumbered("fsyncUnlock called when not locked"));
    };
    let mut out = Builder::new();
    out.str("info", "fsyncUnlock completed");
    out.put_i64("lockCount", i64::from(left));
    Ok(out)
}

fn unlocked(call: &Call<'_>) -> Option<u32> {
    call.gate().open(|| call.engine().write_by_itself(true))
}
