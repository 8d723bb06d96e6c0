//! Endurance: a mixed load for as long as one likes, with little private memory. Does memory
//! stay within its bound, do the files stop growing, how long does a hit take?

mod curve;
mod load;
mod sample;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

use clap::Args;
use tallymap::{Engine, Error, Lengths, Result};

use crate::rate::micros;
use load::Hits;
use sample::{COLUMNS, Sample, io};

const MIB: u64 = 1 << 20;

/// Options of the experiment.
#[derive(Args)]
pub struct Endure {
    /// How long the load goes on
    #[arg(long, default_value_t = 30.0)]
    minutes: f64,
    /// Private memory above which clean pages are given back, MiB
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u64).range(1..))]
    private_budget: u64,
    /// Changed pages at which a commit begins before its time, MiB
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..))]
    dirty_max: u64,
    /// Seconds between two looks
    #[arg(long, default_value_t = 10.0)]
    every: f64,
    /// Seconds between syncs of the data files
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    sync_interval: u64,
    /// Numbers that choose pages and documents
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// An empty directory for the database; a temporary one unless told
    #[arg(long)]
    dbpath: Option<PathBuf>,
    /// Writes all samples as CSV
    #[arg(long)]
    csv: Option<PathBuf>,
    /// Draws their curves as SVG
    #[arg(long)]
    svg: Option<PathBuf>,
}

impl Endure {
    /// Runs it, prints a line per look and a summary.
    ///
    /// # Errors
    /// The engine's; a count that is wrong, memory beyond its bound, files that go on growing.
    pub fn run(&self) -> Result<()> {
        let folder = tempfile::tempdir().map_err(io(&std::env::temp_dir()))?;
        let dbpath = self.dbpath.as_deref().unwrap_or(folder.path());
        if fs::read_dir(dbpath).is_ok_and(|mut entries| entries.next().is_some()) {
            let problem = "is not empty: the load wants a directory of its own";
            return Err(Error::BadFile { file: dbpath.to_owned(), problem });
        }
        let open = || {
            let builder = Engine::builder(dbpath).ns_size_mib(1).dirty_max(self.dirty_max * MIB);
            let builder = builder.sync_interval(Duration::from_secs(self.sync_interval));
            builder.private_budget(self.private_budget * MIB).open()
        };
        let engine = open()?;
        load::prepare(&engine)?;
        println!(
            "{:>7} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}",
            "second",
            "private",
            "files",
            "journal",
            "hits/s",
            "p50 µs",
            "p99 µs",
            "p99.9 µs",
            "max µs"
        );
        let hits = Hits::default();
        let stop = AtomicBool::new(false);
        let (samples, counted, counters) = std::thread::scope(|scope| {
            let hitting =
                scope.spawn(|| stopping(&stop, load::hit(&engine, self.seed, &hits, &stop)));
            let churning = scope.spawn(|| stopping(&stop, load::churn(&engine, self.seed, &stop)));
            let reading = scope.spawn(|| stopping(&stop, load::read(&engine, &stop)));
            let samples = stopping(&stop, self.look(&engine, &hits, &stop));
            stop.store(true, Relaxed);
            let (counted, counters) = (join(hitting), join(churning));
            join(reading)?;
            Ok::<_, Error>((samples?, counted?, counters?))
        })?;
        load::verify(&engine, &counted, &counters)?;
        engine.close()?;
        let again = open()?;
        load::verify(&again, &counted, &counters)?;
        again.close()?;
        self.write(&samples)?;
        self.judge(&samples, counted.iter().sum())
    }

    /// Takes a sample every so often until the time is over.
    fn look(&self, engine: &Engine, hits: &Hits, stop: &AtomicBool) -> Result<Vec<Sample>> {
        let start = Instant::now();
        let end = Duration::from_secs_f64(self.minutes * 60.0);
        let mut samples = Vec::new();
        let mut last = start;
        while start.elapsed() < end && !stop.load(Relaxed) {
            std::thread::sleep(Duration::from_secs_f64(self.every).min(end));
            let now = Instant::now();
            let times = std::mem::take(&mut *hits.lock());
            let interval = (now - last).as_secs_f64();
            let sample = Sample::take(engine, start.elapsed().as_secs_f64(), interval, times)?;
            println!("{sample}");
            samples.push(sample);
            last = now;
        }
        Ok(samples)
    }

    fn write(&self, samples: &[Sample]) -> Result<()> {
        if let Some(path) = &self.csv {
            let mut text = COLUMNS.join(",") + "\n";
            for sample in samples {
                let row: Vec<_> = sample.row().iter().map(f64::to_string).collect();
                text += &(row.join(",") + "\n");
            }
            fs::write(path, text).map_err(io(path))?;
        }
        if let Some(path) = &self.svg {
            let drawn = curve::draw(samples, self.bound());
            fs::write(path, drawn).map_err(io(path))?;
        }
        Ok(())
    }

    /// The most private memory there may be, bytes: a commit gives clean pages back down to the
    /// budget, and operations wait for one at four times the dirty pages that call for it.
    fn bound(&self) -> u64 {
        (self.private_budget + 4 * self.dirty_max) * MIB
    }

    /// Says what came out.
    fn judge(&self, samples: &[Sample], hits: u64) -> Result<()> {
        let mut times = Lengths::default();
        samples.iter().for_each(|sample| times.absorb(&sample.hits));
        let most = samples.iter().map(|sample| sample.private).max().unwrap_or(0);
        let budget = self.private_budget * MIB;
        let within = samples.iter().filter(|sample| sample.private <= budget).count();
        let Some((half, last)) = samples.get(samples.len() / 2).zip(samples.last()) else {
            return Ok(());
        };
        let share_of = |share| micros(times.quantile(share));
        println!(
            "\n{hits} hits, verified twice; a hit took p50 {:.2}, p99 {:.2}, p99.9 {:.2} µs, \
             at most {:.0} µs",
            share_of(0.5),
            share_of(0.99),
            share_of(0.999),
            micros(times.max())
        );
        println!(
            "private memory: at most {:.1} MiB, in {within} of {} samples within the budget of \
             {} MiB; bound {} MiB",
            most as f64 / MIB as f64,
            samples.len(),
            self.private_budget,
            self.bound() / MIB
        );
        println!(
            "data files: {} MiB in the middle, {} MiB at the end; events in {:.1} and {:.1} MiB of \
             extents; {} moves, {} commits, {} syncs of data files",
            half.files / MIB,
            last.files / MIB,
            half.storage as f64 / MIB as f64,
            last.storage as f64 / MIB as f64,
            last.moves,
            last.commits,
            last.syncs
        );
        let failed = |name: &str| Err(Error::NotFound { what: "bound", name: name.to_owned() });
        if most > self.bound() {
            return failed("private memory exceeds it");
        }
        if last.files > half.files {
            return failed("the data files still grow in the second half");
        }
        Ok(())
    }
}

/// Lets all stop if this one failed.
fn stopping<T>(stop: &AtomicBool, outcome: Result<T>) -> Result<T> {
    if outcome.is_err() {
        stop.store(true, Relaxed);
    }
    outcome
}

fn join<T>(thread: ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    match thread.join() {
        Ok(outcome) => outcome,
        Err(_) => Err(Error::BadFile {
            file: Path::new("load").to_owned(),
            problem: "a thread of it panicked",
        }),
    }
}
