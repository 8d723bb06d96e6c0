//! `tallymap validate`: is every structure of a directory as the format demands?

use std::path::PathBuf;

use clap::Args;

use crate::cli::EXIT_CODES;

/// Check every structure of the files; exit code 1 if something is wrong
///
/// Walks extents, records, deleted records and indexes of every collection: each byte of an extent
/// is in exactly one record or deleted record, each deleted record is in the list of its size,
/// documents are BSON, and indexes and documents agree one to one. Opens the directory read-only;
/// not one byte of it changes.
///
/// Examples:
///
///   tallymap validate --dbpath data
///   tallymap validate --dbpath data --db stats --json
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_help = EXIT_CODES)]
pub struct Validate {
    /// The data directory
    #[arg(long, value_name = "DIR")]
    pub dbpath: PathBuf,
    /// Only this database
    #[arg(long)]
    pub db: Option<String>,
    /// Write the whole result of each collection as JSON, one a line
    #[arg(long)]
    pub json: bool,
}
