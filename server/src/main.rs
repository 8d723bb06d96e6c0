//! The `tallymap` command: reads its line, runs one command, ends with its exit code.

use std::process::ExitCode;

use tallymap_server::config;

fn main() -> ExitCode {
    match config::parse(std::env::args_os()) {
        Ok(told) => told.command.run().unwrap_or_else(|error| error.report()),
        Err(stop) => stop.report(),
    }
}
