//! The `tallymap` command: reads its line, runs one command, ends with its exit code.

use std::process::ExitCode;

use clap::Parser;
use tallymap_server::cli::Cli;
use tallymap_server::error::EXIT_FAILED;

fn main() -> ExitCode {
    let Cli { command } = Cli::parse();
    eprintln!("tallymap: built without the engine, so it cannot run {command:?}");
    ExitCode::from(EXIT_FAILED)
}
