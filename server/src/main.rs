//! The `tallymap` command: reads its line, runs one command, ends with its exit code.

use std::process::ExitCode;

use clap::Parser;
use tallymap_server::cli::Cli;

fn main() -> ExitCode {
    let Cli { command } = Cli::parse();
    command.run().unwrap_or_else(|error| error.report())
}
