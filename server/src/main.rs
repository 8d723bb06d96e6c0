//! The `tallymap` command: reads its line, runs one command, ends with its exit code.

use clap::Parser;
use tallymap_server::cli::Cli;

fn main() {
    let Cli { command: _ } = Cli::parse();
}
