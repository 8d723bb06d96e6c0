//! The long form of the test `crash`: as many scripts as one likes.

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use tallymap_tests::crash::{Tally, crash_everywhere};

/// Runs scripts of random operations, lets the power fail before every change that they make to
/// the disk, and checks what is recovered each time.
///
/// A violation is printed with the options that show it again.
#[derive(Parser)]
#[command(
    name = "crash",
    after_help = "Example: cargo run --release -p tallymap-tests --bin crash -- --seeds 1000"
)]
struct Options {
    /// How many scripts
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Only this crash point of each script
    #[arg(long)]
    point: Option<u64>,
    /// Stop beginning scripts after so many crash points
    #[arg(long)]
    pairs: Option<u64>,
    /// Scripts at a time
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=64))]
    jobs: u64,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let started = Instant::now();
    let bar = ProgressBar::new(options.seeds);
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} scripts, {msg}, {eta} left");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    // What is caught is reported with its seed.
    std::panic::set_hook(Box::new(|_| {}));
    let (next, pairs) = (AtomicU64::new(0), AtomicU64::new(0));
    let work = || {
        let mut tally = Tally::default();
        loop {
            let number = next.fetch_add(1, Relaxed);
            let enough = options.pairs.is_some_and(|most| pairs.load(Relaxed) >= most);
            if number >= options.seeds || enough {
                return tally;
            }
            let of_seed = crash_everywhere(options.from + number, None, options.point);
            let done = pairs.fetch_add(of_seed.pairs, Relaxed) + of_seed.pairs;
            for violation in &of_seed.violations {
                bar.suspend(|| eprintln!("{violation}"));
            }
            tally.absorb(of_seed);
            bar.set_message(format!("{done} crash points"));
            bar.inc(1);
        }
    };
    let mut tally = Tally::default();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..options.jobs).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            match worker.join() {
                Ok(of_worker) => tally.absorb(of_worker),
                Err(_) => tally.violations.push("a worker panicked".into()),
            }
        }
    });
    bar.finish_and_clear();
    for (kind, n) in &tally.operations {
        println!("{n:>9}  {kind}");
    }
    println!("work of the engines:");
    for (name, n) in &tally.work {
        println!("{n:>9}  {name}");
    }
    println!("crash points by what the disk was about to do:");
    for (kind, n) in &tally.changes {
        println!("{n:>9}  {kind}");
    }
    let seconds = started.elapsed().as_secs_f64();
    println!("{tally}, in {seconds:.0} s (seeds {} and up)", options.from);
    if tally.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
