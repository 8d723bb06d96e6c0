//! `tallymap repair`: what is readable, salvaged into fresh files.

use std::path::PathBuf;

use clap::Args;

use crate::cli::EXIT_CODES;

/// Salvage what is readable into a new directory
///
/// Reads every collection forward, and backward past damage, and writes what is a document into
/// fresh files, with the collections' options and indexes. The old directory is opened read-only
/// and stays as it is: look at the new one, then swap them yourself. Says what was lost.
///
/// Example:
///
///   tallymap repair --dbpath data --into data-repaired
///   tallymap validate --dbpath data-repaired
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_help = EXIT_CODES)]
pub struct Repair {
    /// The damaged data directory
    #[arg(long, value_name = "DIR")]
    pub dbpath: PathBuf,
    /// The new directory; it must be empty or new
    #[arg(long, value_name = "DIR")]
    pub into: PathBuf,
    /// Only this database
    #[arg(long)]
    pub db: Option<String>,
}
