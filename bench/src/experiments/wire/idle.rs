//! Connections that have said who they are and counted one hit, and then say nothing.

use std::time::Duration;

use bson::rawdoc;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::Deserialize;

use super::conn::{Conn, Speech};
use super::drive::Drive;
use super::encode::{DATABASE, Form, Script, Style};
use super::process::{Memory, Threads, kernel_stacks};
use super::system::{Server, System};
use super::{Variant, clients, documents};
use crate::bench::Bench;
use crate::case::Case;
use crate::daily::{self, Choice};
use crate::error::Result;
use crate::figures::Round;
use crate::rate::micros;
use crate::workload;

const MIB: f64 = (1 << 20) as f64;

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Workload {
    pages: usize,
    /// How long nothing is said.
    milliseconds: u64,
}

/// Reads a case for one of its variants.
pub fn variant(case: &Case, name: &str) -> Result<Variant> {
    let workload: Workload = case.workload()?;
    let (system, connections) = clients(case, name)?;
    if system.speech() == Speech::Resp {
        return Err(case.no_variant(name));
    }
    Ok(Box::new(move |bench| round(bench, workload, system, connections)))
}

fn round(
    bench: &Bench<'_>,
    workload: Workload,
    system: System,
    connections: usize,
) -> Result<Round> {
    raise_limit();
    let speech = system.speech();
    let pages = workload::pages(workload.pages);
    let hits = daily::hits(pages.len(), connections, Choice::Zipf, &mut bench.random());
    let style = Style { speech, form: Form::Sequence, per: 1, journaled: false };
    let script = Script::of(hits, &pages, style)?;
    let server = Server::start(system, bench.folder)?;
    let mut conn = server.connect()?;
    documents::fill(&mut conn, speech, &pages)?;
    // What one connection needs is there before the others come.
    hello(&mut conn, speech)?;
    let (before, stacks) = (Memory::of(server.id())?, kernel_stacks()?);
    let mut drive = Drive::of(&server, &script, connections)?;
    drive.each(|conn| hello(conn, speech))?;
    // Each says its first message, and no more.
    drive.run(Duration::ZERO)?;
    let threads = Threads::of(server.id())?;
    let time = Duration::from_millis(workload.milliseconds);
    // Nothing is waited for here: the time in which nothing happens is what is measured.
    std::thread::sleep(time);
    let (now, after) = (Memory::of(server.id())?, Threads::of(server.id())?);
    let stacks = kernel_stacks()?.saturating_sub(stacks);
    let mut round = Round::new(drive.verify(&pages)?);
    let mib = |bytes: u64| bytes as f64 / MIB;
    round.figure("resident_mib", mib(now.resident));
    round.figure("connections_mib", mib(now.resident.saturating_sub(before.resident)));
    let own = mib(now.anonymous.saturating_sub(before.anonymous));
    round.figure("connection_kib", own * 1024.0 / connections as f64);
    round.figure("page_tables_mib", mib(now.tables.saturating_sub(before.tables)));
    round.figure("kernel_stacks_mib", mib(stacks));
    round.figure("threads", after.count() as f64);
    round.figure("idle_cpu_us_per_s", micros(after.since(&threads)) / time.as_secs_f64());
    Ok(round)
}

/// Lets this process and the servers that it starts have as many open files as the system allows
/// them: 1024 are usual, and too few.
fn raise_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // If it is refused, the connections will be, too, and say so.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

fn hello(conn: &mut Conn, speech: Speech) -> Result<()> {
    if speech == Speech::OpMsg {
        conn.run(&rawdoc! {
            "hello": 1,
            "client": {
                "driver": { "name": "lab", "version": "1" },
                "os": { "type": "Linux" },
            },
            "$db": DATABASE,
        })?;
    }
    Ok(())
}
