//! `getMore`: the next batch of a cursor.

use std::time::Instant;

use tallymap::Reason;
use tallymap::bson::builder::Builder;
use tallymap::bson::ty;

use crate::auth::action::Action;
use crate::auth::privilege::Resource;
use crate::dispatch::call::{Call, namespace};
use crate::dispatch::cursors::{Cursors, OpenCursor};
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::fields::{Field, missing, truncated};
use crate::dispatch::put::Put;
use crate::dispatch::waiting::Wait;

/// Where what goes wrong in fetching does.
const EXECUTOR: &str = "Executor error during getMore";
/// The number of the refusal to fetch from a collection that is gone.
const QUERY_PLAN_KILLED: i32 = 175;

/// Fetches.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    const PATH: &str = "getMore";
    let (mut name, mut batch_size) = (None, None);
    for field in call.fields(PATH)? {
        let field = field?;
        match field.name {
            "collection" => name = field.string()?,
            "batchSize" => batch_size = field.non_negative()?,
            // Of the servers of a replica set to each other.
            "term" => drop(long(field)?),
            _ => return field.unknown(),
        }
    }
    let id = Field::of_target(PATH, PATH, call.target());
    let id = long(id)?.ok_or_else(|| missing(PATH, PATH))?;
    let name = name.ok_or_else(|| missing(PATH, "collection"))?;
    if name.is_empty() {
        let message = "Collection names cannot be empty";
        return Err(Failure::new(Reason::InvalidNamespace, message));
    }
    let ns = namespace(call.common.database, name);
    let mut cursor = call.cursors().take(id, &ns, call.common.session)?;
    let may_go_on = may_go_on(call, name);
    if may_go_on != Ok(true) {
        call.cursors().put_back(id, cursor);
        return Err(may_go_on.err().unwrap_or_else(|| call.refused()));
    }
    let waits = cursor.tailable.is_some_and(|patience| !patience.is_zero());
    if call.common.max_time.is_some_and(|time| !time.is_zero()) && !waits {
        call.cursors().put_back(id, cursor);
        let message = "cannot set maxTimeMS on getMore command for a non-awaitData cursor";
        return Err(Failure::new(Reason::BadValue, message));
    }
    // 0 is as if it was not there.
    let count = batch_size.filter(|size| *size > 0).unwrap_or(u64::MAX);
    let mut out = Builder::with_capacity(4096);
    out.begin(ty::DOCUMENT, "cursor");
    match fetch(call, id, &mut cursor, &mut out, count) {
        Ok(given) => call.cursors().counts.returned.add_many(given),
        Err(failure) => {
            call.cursors().forget(id);
            // That there is no more to fetch from is found out before it is fetched from.
            return Err(match failure.code() {
                QUERY_PLAN_KILLED => failure,
                _ => failure.during(EXECUTOR),
            });
        }
    }
    if !std::mem::replace(&mut cursor.went_on, true) {
        call.cursors().counts.more_than_one_batch.add();
    }
    out.put_i64("id", if cursor.is_done() { 0 } else { id });
    out.str("ns", &ns);
    out.end();
    match cursor.is_done() {
        true => call.cursors().forget(id),
        false => call.cursors().put_back(id, cursor),
    }
    Ok(out)
}

/// May who opened it still look into its collection? His roles may have changed meanwhile.
fn may_go_on(call: &Call<'_>, name: &str) -> Outcome<bool> {
    // Lists, and what the server tells of itself, are of when they were asked for.
    if !call.auth().is_enabled() || name.starts_with("$cmd.") {
        return Ok(true);
    }
    let state = call.client.login.state(call.auth(), call.engine())?;
    let actions = state.privileges().actions_on(Resource::Collection(call.common.database, name));
    let looks = [Action::Find, Action::ListIndexes, Action::CollStats, Action::IndexStats];
    Ok(looks.into_iter().any(|look| actions.has(look)))
}

/// Writes the next batch; at the end of a capped collection it waits for one. Answers how many
/// documents it has.
fn fetch(
    call: &Call<'_>,
    id: i64,
    cursor: &mut OpenCursor,
    out: &mut Builder,
    count: u64,
) -> Outcome<u64> {
    let Some(patience) = cursor.tailable.filter(|patience| !patience.is_zero()) else {
        return cursor.put_batch(out, "nextBatch", count);
    };
    let cursors = call.cursors();
    let wait = cursors.waiting.begin(&cursor.ns);
    let until = Instant::now() + call.common.max_time.unwrap_or(patience);
    loop {
        let mut batch = Builder::new();
        let written = cursor.put_batch(&mut batch, "nextBatch", count)?;
        let now = Instant::now();
        if written > 0 || now >= until {
            out.put_fields_of(&batch.finish());
            return Ok(written);
        }
        tallymap::interrupt::check()?;
        check_wait(&cursors, id, &wait)?;
        wait.pause(until - now);
        call.client.waited.set(call.client.waited.get() + now.elapsed());
    }
}

/// Is there still something to wait for?
fn check_wait(cursors: &Cursors, id: i64, wait: &Wait<'_>) -> Outcome<()> {
    if cursors.is_killed(id) {
        return Err(Failure::numbered(237, "CursorKilled", "operation was interrupted"));
    }
    if cursors.waiting.is_over() {
        let message = "interrupted at shutdown";
        return Err(Failure::numbered(11600, "InterruptedAtShutdown", message));
    }
    match wait.gone() {
        // Here it was found out on the way.
        Some(why) => Err(Failure::new(Reason::QueryPlanKilled, why).during(EXECUTOR)),
        None => Ok(()),
    }
}

/// A number that has to be a long, as that of a cursor; null is as if it was not there.
fn long(field: Field<'_>) -> Outcome<Option<i64>> {
    match field.value.ty {
        ty::INT64 => Ok(truncated(field.value)),
        ty::NULL => Ok(None),
        _ => field.wrong_type("type 'long'"),
    }
}
