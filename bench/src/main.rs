//! `lab`: experiments whose answers are numbers, each verified before it is printed.

#![forbid(unsafe_code)]

mod endure;
mod field_order;
mod histogram;
mod median;

use clap::{Parser, Subcommand};

/// Measures what the layout of a document costs.
///
/// Every experiment verifies the counts that it made; a wrong answer is not timed. Rounds are
/// interleaved, and each figure is the median of its rounds with the fastest and the slowest.
/// Build with `--release`.
#[derive(Parser)]
#[command(name = "lab", version)]
struct Lab {
    #[command(subcommand)]
    experiment: Experiment,
}

#[derive(Subcommand)]
enum Experiment {
    /// A mixed load for half an hour with little private memory: memory, files and the time of a
    /// hit, looked at every ten seconds; the counts verified at the end.
    Endure(endure::Endure),
    /// What a hit costs at each minute of the day: 1440 minutes in a row, 24 × 60, and with the
    /// layout remembered.
    FieldOrder(field_order::FieldOrder),
}

fn main() -> std::process::ExitCode {
    let outcome = match Lab::parse().experiment {
        Experiment::Endure(experiment) => experiment.run(),
        Experiment::FieldOrder(experiment) => experiment.run(),
    };
    match outcome {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lab: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}
