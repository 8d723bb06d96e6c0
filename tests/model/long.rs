//! The long form of the test `model`: as many operations as one likes.

use std::panic::catch_unwind;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use tallymap_tests::random_run::{POLICIES, Run};

/// Does random operations on collections and on their models, in runs of `--run` operations, each
/// on a new collection: under every sizing policy, with the memos and without, in turn.
///
/// Every result is compared, and every three hundred operations every document, index entry and
/// figure. The first difference ends it, with what repeats its run.
#[derive(Parser)]
#[command(
    name = "model",
    after_help = "Example: cargo run --release -p tallymap-tests --bin model -- --operations 100000"
)]
struct Options {
    /// How many operations, at least
    #[arg(long, default_value_t = 1_000_000)]
    operations: u64,
    /// How many in one run
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(2_000..))]
    run: u64,
    /// Seed of the first run; the others follow it
    #[arg(long, default_value_t = 1_000)]
    seed: u64,
    /// Only this run, counted from 0
    #[arg(long)]
    only: Option<u64>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let started = Instant::now();
    let runs = options.operations.div_ceil(options.run);
    let bar = ProgressBar::new(runs * options.run);
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} operations, {eta} left");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let mut done = 0;
    for number in (0..runs).filter(|number| options.only.is_none_or(|only| only == *number)) {
        let policy = POLICIES[number as usize % POLICIES.len()];
        let memos = (number as usize / POLICIES.len()).is_multiple_of(2);
        let run = || Run::new(policy, memos, options.seed + number).steps(options.run as usize);
        if catch_unwind(run).is_err() {
            bar.finish_and_clear();
            eprintln!(
                "run {number} ({policy:?}, memos: {memos}) differs: repeat with \
                 --seed {} --run {} --only {number}",
                options.seed, options.run
            );
            return ExitCode::FAILURE;
        }
        done += options.run;
        bar.inc(options.run);
    }
    bar.finish_and_clear();
    println!(
        "{done} operations in runs of {} (seeds {} and up), no difference, in {:.0} s",
        options.run,
        options.seed,
        started.elapsed().as_secs_f64()
    );
    ExitCode::SUCCESS
}
