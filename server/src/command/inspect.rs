//! `tallymap inspect`: a readable map of the files.

use std::path::PathBuf;

use clap::Args;

use crate::cli::EXIT_CODES;

/// Show a map of the files: extents, records, padding, and holes by size
///
/// For each file its extents in order, and whose they are; for each collection how the bytes of
/// its extents divide into headers, documents, padding and holes, and how many holes wait in each
/// bucket of the deleted list. Opens the directory read-only.
///
/// Examples:
///
///   tallymap inspect --dbpath data
///   tallymap inspect --dbpath data --db stats --collection daily
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_help = EXIT_CODES)]
pub struct Inspect {
    /// The data directory
    #[arg(long, value_name = "DIR")]
    pub dbpath: PathBuf,
    /// Only this database
    #[arg(long)]
    pub db: Option<String>,
    /// Only this collection of the database
    #[arg(long, requires = "db")]
    pub collection: Option<String>,
}
