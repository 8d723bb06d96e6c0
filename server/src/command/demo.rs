//! `tallymap demo`: the same day counted twice, into growing and into pre-allocated documents.

use std::path::PathBuf;

use clap::Args;

use crate::cli::EXIT_CODES;

/// Count a day of traffic twice, growing against pre-allocated, and chart it
///
/// Makes a day of believable traffic for a small site, or takes a web server's log, and counts it
/// two ways: into documents that grow as minutes come, and into documents that begin with all
/// their zeroes. Says what each way cost, in moves, bytes and skipped fields, draws the day, and
/// leaves the files for you to look into.
///
/// Examples:
///
///   tallymap demo
///   tallymap demo --log /var/log/apache2/access.log
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_help = EXIT_CODES)]
pub struct Demo {
    /// Count this log instead of made-up traffic (common or combined format; `-`: standard input)
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// Put the files here; the directory must be empty or new [default: a new one in the
    /// directory for temporary files]
    #[arg(long, value_name = "DIR")]
    pub dbpath: Option<PathBuf>,
    /// Hits of the made-up day
    #[arg(long, value_name = "N", default_value_t = 200_000, conflicts_with = "log",
          value_parser = clap::value_parser!(u32).range(1..=50_000_000))]
    pub hits: u32,
    /// Seed of the made-up day: the same seed makes the same day
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "log")]
    pub seed: u64,
}
