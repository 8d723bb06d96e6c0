//! The long form of the test `language`: any number of cases, against a MongoDB server.

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use tallymap_tests::language::case::{Case, Kind};
use tallymap_tests::language::dispatched::Dispatched;
use tallymap_tests::language::embedded::Embedded;
use tallymap_tests::language::naive::NaiveTarget;
use tallymap_tests::language::reference::Reference;
use tallymap_tests::language::run::{Outcome, Summary, run};
use tallymap_tests::language::target::Target;

/// Sends random documents, filters, updates, indexes and pipelines to the engine and to a MongoDB
/// server, and compares replies and stored documents. With --server they go to a server of ours,
/// and cursors and batches of writes are compared, too.
///
/// The server's database `tallymap_language` is dropped first.
#[derive(Parser)]
#[command(
    name = "language",
    after_help = "Example: cargo run -p tallymap-tests --features reference --bin language -- \
                  --uri mongodb://127.0.0.1:27017 --cases 20000"
)]
struct Options {
    /// How many cases
    #[arg(long, default_value_t = 20_000)]
    cases: u64,
    /// Seed of the cases
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The server
    #[arg(long, default_value = "mongodb://127.0.0.1:27017")]
    uri: String,
    /// A server of ours, instead of the engine in this process
    #[arg(long, conflicts_with_all = ["naive", "embedded"])]
    server: Option<String>,
    /// The server's database
    #[arg(long, default_value = "tallymap_language")]
    database: String,
    /// Only cases about this
    #[arg(long, value_parser = kind)]
    only: Option<Kind>,
    /// Only the case of this number
    #[arg(long)]
    case: Option<u64>,
    /// Compare the naive evaluator with the server instead of the engine
    #[arg(long)]
    naive: bool,
    /// Ask the engine through its Rust API instead of the server's commands
    #[arg(long)]
    embedded: bool,
    /// How many differences to print
    #[arg(long, default_value_t = 10)]
    show: usize,
}

fn kind(name: &str) -> Result<Kind, String> {
    let names = Kind::ALL.map(Kind::name).join(", ");
    let known = Kind::ALL.into_iter().find(|kind| kind.name() == name);
    known.ok_or_else(|| format!("one of {names}"))
}

fn ours(options: &Options) -> Result<Box<dyn Target>, String> {
    if let Some(uri) = &options.server {
        let server = Reference::new(uri, &options.database);
        return match server {
            Ok(server) => Ok(Box::new(server)),
            Err(error) => Err(format!("cannot reach {uri}: {error}; start `tallymap serve`")),
        };
    }
    Ok(match (options.naive, options.embedded) {
        (true, _) => Box::new(NaiveTarget::default()),
        (_, true) => Box::new(Embedded::new()),
        _ => Box::new(Dispatched::new()),
    })
}

fn main() -> ExitCode {
    let options = Options::parse();
    let mut theirs = match Reference::new(&options.uri, &options.database) {
        Ok(reference) => reference,
        Err(error) => {
            eprintln!(
                "cannot reach {}: {error}; start a mongod, or name one by --uri",
                options.uri
            );
            return ExitCode::FAILURE;
        }
    };
    let mut ours = match ours(&options) {
        Ok(ours) => ours,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::FAILURE;
        }
    };
    let kinds = match (&options.only, &options.server) {
        (Some(kind), _) => vec![*kind],
        (None, Some(_)) => Kind::ALL.to_vec(),
        (None, None) => Kind::LANGUAGE.to_vec(),
    };
    let started = Instant::now();
    let bar = ProgressBar::new(options.cases);
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} cases, {eta} left {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let mut summary = Summary::default();
    let numbers = match options.case {
        Some(case) => case..case + 1,
        None => 0..options.cases,
    };
    for number in numbers {
        let case = Case::new(options.seed, number, &kinds);
        let outcome = run(&case, ours.as_mut(), &mut theirs);
        if let (Some(_), Outcome::Equal) = (options.case, &outcome) {
            println!("{}", case.script());
        }
        summary.add(case.kind, outcome);
        bar.set_message(format!("({} different)", summary.differences.len()));
        bar.inc(1);
    }
    bar.finish_and_clear();
    for difference in summary.differences.iter().take(options.show) {
        println!("{}", difference.script());
    }
    println!("{}", summary.table());
    println!(
        "{} and {}, seed {}, {:.0} s",
        ours.name(),
        theirs.name(),
        options.seed,
        started.elapsed().as_secs_f64()
    );
    if summary.differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
