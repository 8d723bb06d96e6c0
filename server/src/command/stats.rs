//! `tallymap stats`: the figures of collStats and dbStats.

use std::path::PathBuf;

use clap::Args;

use crate::cli::EXIT_CODES;

/// Show the sizes of databases and collections, as collStats and dbStats do
///
/// Opens the directory read-only. Without --json a table: documents, their bytes, the bytes of
/// their extents, indexes. With --json the very documents that MongoDB 3.2 answers, dbStats of
/// each database and then collStats of each of its collections, one a line.
///
/// Examples:
///
///   tallymap stats --dbpath data
///   tallymap stats --dbpath data --db stats --collection daily --json
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_help = EXIT_CODES)]
pub struct Stats {
    /// The data directory
    #[arg(long, value_name = "DIR")]
    pub dbpath: PathBuf,
    /// Only this database
    #[arg(long)]
    pub db: Option<String>,
    /// Only collStats of this collection of the database
    #[arg(long, requires = "db")]
    pub collection: Option<String>,
    /// Write the documents as JSON, one a line
    #[arg(long)]
    pub json: bool,
}
