//! Options of `serve` about its options.

use std::path::PathBuf;

use clap::Args;

/// Options of the rest.
#[derive(Debug, Args)]
#[command(next_help_heading = "General")]
pub struct General {
    /// A TOML file with options: a key for each, without the dashes
    #[arg(short = 'f', long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}
