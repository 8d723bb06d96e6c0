//! The commands, one file each: its options, and what it does.

mod chart;
mod compact;
mod connect;
mod demo;
mod dump;
mod ingest;
mod inspect;
mod known_pages;
mod password;
mod repair;
mod selection;
mod serve;
mod stat;
mod stats;
mod top;
mod validate;

use std::process::ExitCode;

use clap::Subcommand;

use crate::error::CliError;

/// One variant for each command; its help is that of the options it holds.
#[derive(Debug, Subcommand)]
pub enum Command {
    #[expect(missing_docs, reason = "the doc would replace the help of the options")]
    Demo(demo::Demo),
    #[expect(missing_docs, reason = "as above")]
    Ingest(ingest::Ingest),
    #[expect(missing_docs, reason = "as above")]
    Chart(chart::Chart),
    #[expect(missing_docs, reason = "as above")]
    Dump(dump::Dump),
    #[expect(missing_docs, reason = "as above")]
    Validate(validate::Validate),
    #[expect(missing_docs, reason = "as above")]
    Stats(stats::Stats),
    #[expect(missing_docs, reason = "as above")]
    Inspect(inspect::Inspect),
    #[expect(missing_docs, reason = "as above")]
    Compact(compact::Compact),
    #[expect(missing_docs, reason = "as above")]
    Repair(repair::Repair),
    #[expect(missing_docs, reason = "as above")]
    Serve(Box<serve::Serve>),
    #[expect(missing_docs, reason = "as above")]
    Stat(stat::Stat),
    #[expect(missing_docs, reason = "as above")]
    Top(top::Top),
}

impl Command {
    /// Runs the command. The answer is its exit code.
    ///
    /// # Errors
    /// Why it stopped.
    pub fn run(&self) -> Result<ExitCode, CliError> {
        match self {
            Command::Demo(demo) => demo.run(),
            Command::Ingest(ingest) => ingest.run(),
            Command::Chart(chart) => chart.run(),
            Command::Dump(dump) => dump.run(),
            Command::Validate(validate) => validate.run(),
            Command::Stats(stats) => stats.run(),
            Command::Inspect(inspect) => inspect.run(),
            Command::Compact(compact) => compact.run(),
            Command::Repair(repair) => repair.run(),
            Command::Serve(serve) => serve.run(),
            Command::Stat(stat) => stat.run(),
            Command::Top(top) => top.run(),
        }
    }
}
