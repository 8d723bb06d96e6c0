//! How long a database takes to open, and the first read after that.
//!
//! Variants: `clean/cached` (closed before; the system still has its files in memory),
//! `clean/cold` (the system had to forget them); left by a crash, with a journal of hits on few
//! pages, of hits on all of them, of new documents: `recovery/hits`, `recovery/many` and
//! `recovery/inserts`. These lie on a disk in any case.

use std::path::{Path, PathBuf};
use std::time::Instant;

use rustix::fs::{Advice, fadvise};
use serde::Deserialize;
use tallymap::{Engine, EngineBuilder};

use super::Variant;
use crate::bench::Bench;
use crate::case::Case;
use crate::daily::{self, Choice, Daily, Hit};
use crate::error::{Error, Result};
use crate::figures::Round;
use crate::load;
use crate::memory;
use crate::workload;

const MIB: f64 = (1 << 20) as f64;
const LOCK: &str = "mongod.lock";
const JOURNAL: &str = "journal";

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Workload {
    pages: usize,
    /// Of `recovery/hits`.
    few_pages: usize,
    hits: usize,
    /// Hits of `recovery/hits`.
    recovered_hits: usize,
    /// Hits that one commit takes along.
    per_commit: usize,
}

/// Reads a case for one of its variants.
pub fn variant(case: &Case, name: &str) -> Result<Variant> {
    let workload: Workload = case.workload()?;
    let sizes = [workload.pages, workload.few_pages, workload.hits, workload.per_commit];
    if sizes.contains(&0) {
        return Err(Error::case(&case.name, "pages, hits and per_commit are at least 1"));
    }
    Ok(match name {
        "clean/cached" => Box::new(move |bench| clean(bench, workload, false)),
        "clean/cold" => Box::new(move |bench| clean(bench, workload, true)),
        "recovery/hits" => {
            let (pages, hits) = (workload.few_pages, workload.recovered_hits);
            let workload = Workload { pages, hits, ..workload };
            Box::new(move |bench| recovery(bench, workload, false))
        }
        "recovery/many" => Box::new(move |bench| recovery(bench, workload, false)),
        "recovery/inserts" => Box::new(move |bench| recovery(bench, workload, true)),
        _ => return Err(case.no_variant(name)),
    })
}

/// An engine on a disk, that commits when it is told to.
fn builder(bench: &Bench<'_>, folder: &Path) -> EngineBuilder {
    Bench { case: bench.case, folder, ram: false, seed: bench.seed }.builder().background(false)
}

/// Opens what has pages already. How long that takes, with the first read and the first hit.
fn open(builder: EngineBuilder, pages: usize, first: &Hit) -> Result<(Engine, Daily, [f64; 3])> {
    let start = Instant::now();
    let engine = builder.open()?;
    let opened = start.elapsed().as_secs_f64();
    let daily = Daily::of(engine.collection("stats.daily")?, workload::pages(pages))?;
    let start = Instant::now();
    let found = daily.collection.find_by_id(daily.pages[first.page as usize].as_str())?;
    let read = start.elapsed().as_secs_f64();
    if found.is_none() {
        return Err(Error::WrongSum("the first page is not there".to_owned()));
    }
    let start = Instant::now();
    daily.count(first)?;
    Ok((engine, daily, [opened, read, start.elapsed().as_secs_f64()]))
}

fn clean(bench: &Bench<'_>, workload: Workload, cold: bool) -> Result<Round> {
    let engine = builder(bench, bench.folder).open()?;
    let daily = Daily::empty(&engine.database("stats")?, workload.pages)?;
    daily.fill()?;
    let hits = daily::hits(workload.pages, workload.hits, Choice::Zipf, &mut bench.random());
    load::whole(bench.case.threads, &hits, 1, |hit| daily.count(hit))?;
    drop(daily);
    engine.close()?;
    if cold {
        files(bench.folder)?.iter().try_for_each(|file| forget(file))?;
    }
    let last = &hits[hits.len() - 1];
    let (engine, daily, seconds) = open(builder(bench, bench.folder), workload.pages, last)?;
    let touched = memory::of_maps(bench.folder).map_err(Error::io(bench.folder))?;
    let mut round = Round::new(daily.verify(&[(&hits, 1), (std::slice::from_ref(last), 1)])?);
    opening_figures(&mut round, seconds);
    round.figure("touched_mib", (touched.shared + touched.private) as f64 / MIB);
    round.figure("file_mib", bench.file_bytes()? as f64 / MIB);
    engine.close()?;
    Ok(round)
}

fn opening_figures(round: &mut Round, [opened, read, hit]: [f64; 3]) {
    round.figure("open_ms", opened * 1e3);
    round.figure("first_read_us", read * 1e6);
    round.figure("first_hit_us", hit * 1e6);
}

fn recovery(bench: &Bench<'_>, workload: Workload, inserts: bool) -> Result<Round> {
    let (living, crashed) = (bench.folder.join("living"), bench.folder.join("crashed"));
    let engine = builder(bench, &living).open()?;
    let daily = Daily::empty(&engine.database("stats")?, workload.pages)?;
    if !inserts {
        daily.fill()?;
    }
    // The data files of the crash are those of now: whatever comes is in its journal only.
    engine.sync()?;
    copy(&living, &crashed, |name| name != LOCK)?;
    let counters = engine.counters();
    let before = (counters.journal_bytes.get(), counters.journaled_bytes.get());
    let mut hits = Vec::new();
    if inserts {
        daily.fill()?;
        engine.wait_durable()?;
    } else {
        hits = daily::hits(workload.pages, workload.hits, Choice::Zipf, &mut bench.random());
        for some in hits.chunks(workload.per_commit) {
            load::whole(bench.case.threads, some, 1, |hit| daily.count(hit))?;
            engine.wait_durable()?;
        }
    }
    let journal = (counters.journal_bytes.get() - before.0) as f64;
    let lines = (counters.journaled_bytes.get() - before.1) as f64;
    copy(&living, &crashed, |name| name == LOCK)?;
    copy(&living.join(JOURNAL), &crashed.join(JOURNAL), |_| true)?;
    drop(daily);
    engine.close()?;
    std::fs::remove_dir_all(&living).map_err(Error::io(&living))?;
    let first = Hit { page: 0, minute: 0 };
    let (engine, daily, seconds) = open(builder(bench, &crashed), workload.pages, &first)?;
    let mut round = Round::new(daily.verify(&[(&hits, 1), (&[first], 1)])?);
    opening_figures(&mut round, seconds);
    round.figure("journal_mb", journal / 1e6);
    round.figure("journal_mb_per_s", journal / 1e6 / seconds[0]);
    round.figure("lines_mb", lines / 1e6);
    round.figure("lines_mb_per_s", lines / 1e6 / seconds[0]);
    engine.close()?;
    Ok(round)
}

/// The files of a folder, those of folders in it left out.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::io(folder))? {
        let path = entry.map_err(Error::io(folder))?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    Ok(files)
}

/// Copies the files whose names are wanted, and waits until the disk has them.
fn copy(from: &Path, to: &Path, wanted: impl Fn(&str) -> bool) -> Result<()> {
    std::fs::create_dir_all(to).map_err(Error::io(to))?;
    for file in files(from)? {
        let name = file.file_name().unwrap_or_default();
        if wanted(&name.to_string_lossy()) {
            let copy = to.join(name);
            std::fs::copy(&file, &copy).map_err(Error::io(&file))?;
            let synced = std::fs::File::open(&copy).and_then(|copy| copy.sync_all());
            synced.map_err(Error::io(&copy))?;
        }
    }
    Ok(())
}

/// Has the system forget what it keeps of a file in memory, which is on the disk already.
fn forget(path: &Path) -> Result<()> {
    let file = std::fs::File::open(path).map_err(Error::io(path))?;
    fadvise(&file, 0, None, Advice::DontNeed)
        .map_err(|error| Error::io(path)(std::io::Error::from(error)))
}
