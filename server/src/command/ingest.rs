//! `tallymap ingest`: web server logs into counters.

use std::path::PathBuf;

use clap::Args;

use crate::cli::{EXIT_CODES, Growth, Layout, Policy};

/// Count web server logs into the documents of pages, days and months
///
/// Reads logs of Apache or nginx in common or combined format. Every request for a path is a hit:
/// it counts in the page's document of the day (hour and minute), in that of the month (day), and,
/// if the log has user agents, in the site's browser and platform document of the month. The
/// log's own time zone decides minute and day. Queries (`?…`) do not distinguish pages.
///
/// Malformed lines are counted, reported and skipped. Nothing remembers which files were read:
/// INGESTING A FILE TWICE COUNTS ITS HITS TWICE.
///
/// Examples:
///
///   tallymap ingest --dbpath data --site example.org access.log
///   zcat access.log.*.gz | tallymap ingest --dbpath data --site example.org -
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_help = EXIT_CODES)]
pub struct Ingest {
    /// The data directory; it is made if it does not exist
    #[arg(long, value_name = "DIR")]
    pub dbpath: PathBuf,
    /// The database to count into
    #[arg(long, default_value = "stats")]
    pub db: String,
    /// The site that the log is of: logs do not say
    #[arg(long, default_value = "site-1")]
    pub site: String,
    /// How the minutes of a day lie in its document
    #[arg(long, value_enum, default_value_t = Layout::Hierarchical)]
    pub layout: Layout,
    /// How documents get their size
    #[arg(long, value_enum, default_value_t = Growth::Template)]
    pub growth: Growth,
    /// How long records are made; of collections that are there already it changes nothing
    #[arg(long, value_enum, default_value_t = Policy::PowerOf2)]
    pub policy: Policy,
    /// Logs, read in this order; `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
}
