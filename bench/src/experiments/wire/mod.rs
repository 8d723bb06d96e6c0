//! The wire: the same hits sent to `tallymap serve`, to the reference, to Redis and to a bare
//! echo, each a process of its own, by one client that only writes and reads.
//!
//! Variants are `system/how`. Of the systems, `-tokio` is with tasks instead of threads. In
//! `wire-batch`, how is `sequence`, `array` (of 1000 updates in a command) or `pipeline`; in the
//! others it is the number of clients, or of connections.

mod conn;
mod documents;
mod drive;
mod encode;
mod idle;
mod process;
mod system;

use std::time::Duration;

use serde::Deserialize;

use super::Variant;
use crate::bench::Bench;
use crate::case::Case;
use crate::daily::{self, Choice};
use crate::error::{Error, Result};
use crate::figures::Round;
use crate::rate::micros;
use crate::workload;
use conn::Speech;
use drive::{Drive, Load};
use encode::{Form, Script, Style};
use system::{Server, System};

pub use idle::variant as idle;
pub use system::{MONGOD, REDIS};

/// Updates of a batch.
const BATCH: usize = 1000;
/// Most clients, and connections.
const CLIENTS_MAX: usize = 4096;

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Workload {
    pages: usize,
    /// Hits that are drawn, and then sent again and again.
    hits: usize,
    /// How long they are sent: first without, then with measuring.
    warm_up_milliseconds: u64,
    milliseconds: u64,
}

/// What is sent to whom.
#[derive(Debug, Clone, Copy)]
struct Plan {
    system: System,
    clients: usize,
    style: Style,
}

/// Batches of updates, one client.
pub fn batch(case: &Case, name: &str) -> Result<Variant> {
    let (system, how) = split(case, name)?;
    let form = match (system.speech(), how) {
        (Speech::Resp, "pipeline") | (Speech::OpMsg | Speech::Echo, "sequence") => Form::Sequence,
        (Speech::OpMsg, "array") => Form::Array,
        _ => return Err(case.no_variant(name)),
    };
    let style = Style { speech: system.speech(), form, per: BATCH, journaled: false };
    prepared(case, Plan { system, clients: 1, style })
}

/// An update in each message.
pub fn single(case: &Case, name: &str) -> Result<Variant> {
    one_each(case, name, false)
}

/// The same, each waiting for the journal.
pub fn journaled(case: &Case, name: &str) -> Result<Variant> {
    one_each(case, name, true)
}

fn one_each(case: &Case, name: &str, journaled: bool) -> Result<Variant> {
    let (system, clients) = clients(case, name)?;
    let speech = system.speech();
    if journaled && speech != Speech::OpMsg {
        return Err(case.no_variant(name));
    }
    let style = Style { speech, form: Form::Sequence, per: 1, journaled };
    prepared(case, Plan { system, clients, style })
}

fn split<'a>(case: &Case, name: &'a str) -> Result<(System, &'a str)> {
    let words = name.split_once('/');
    let of = words.and_then(|(system, how)| Some((System::named(system)?, how)));
    of.ok_or_else(|| case.no_variant(name))
}

/// The system and the number of clients.
fn clients(case: &Case, name: &str) -> Result<(System, usize)> {
    let (system, clients) = split(case, name)?;
    let clients = clients.parse().ok().filter(|clients| (1..=CLIENTS_MAX).contains(clients));
    Ok((system, clients.ok_or_else(|| case.no_variant(name))?))
}

fn prepared(case: &Case, plan: Plan) -> Result<Variant> {
    let workload: Workload = case.workload()?;
    if workload.pages == 0 || workload.hits < plan.style.per {
        return Err(Error::case(&case.name, "without pages or hits"));
    }
    Ok(Box::new(move |bench| round(bench, workload, plan)))
}

fn round(bench: &Bench<'_>, workload: Workload, plan: Plan) -> Result<Round> {
    let pages = workload::pages(workload.pages);
    let per = plan.style.per;
    let mut hits = daily::hits(pages.len(), workload.hits, Choice::Zipf, &mut bench.random());
    hits.truncate(hits.len() / per * per);
    let script = Script::of(hits, &pages, plan.style)?;
    let server = Server::start(plan.system, bench.folder)?;
    let mut conn = server.connect()?;
    documents::fill(&mut conn, plan.style.speech, &pages)?;
    let mut drive = Drive::of(&server, &script, plan.clients)?;
    drive.run(Duration::from_millis(workload.warm_up_milliseconds))?;
    let before = syncs(&mut conn, plan)?;
    let load = drive.run(Duration::from_millis(workload.milliseconds))?;
    let after = syncs(&mut conn, plan)?;
    let mut round = Round::new(drive.verify(&pages)?);
    load.figures(&mut round);
    round.figure("clients", plan.clients as f64);
    if let (Some(before), Some(after)) = (before, after) {
        round.figure("syncs_per_hit", (after - before) as f64 / load.hits as f64);
    }
    Ok(round)
}

fn syncs(conn: &mut conn::Conn, plan: Plan) -> Result<Option<i64>> {
    match plan.style.journaled {
        true => documents::syncs(conn, plan.system),
        false => Ok(None),
    }
}

impl Load {
    fn figures(&self, round: &mut Round) {
        let hits = self.hits.max(1) as f64;
        round.figure("hits_per_s", hits / self.wall.as_secs_f64());
        round.figure("server_cpu_us_per_hit", micros(self.server) / hits);
        round.figure("client_cpu_us_per_hit", micros(self.client) / hits);
        round.figure("wall_us_per_hit", micros(self.wall) / hits);
        for (name, share) in [("p50_us", 0.5), ("p99_us", 0.99), ("p999_us", 0.999)] {
            round.figure(name, micros(self.calls.quantile(share)));
        }
        round.figure("max_us", micros(self.calls.max()));
    }
}
