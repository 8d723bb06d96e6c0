//! `tallymap compact`: a collection's documents together again, without holes.

use std::path::PathBuf;

use clap::Args;

use crate::cli::EXIT_CODES;

/// Move the documents of a collection together and build its indexes anew
///
/// Holes that deleted and moved documents left are closed; extents that become empty can be used
/// by other collections. The files do not get shorter: to shrink them, `repair` into a new
/// directory. The directory must not be in use.
///
/// Example:
///
///   tallymap compact --dbpath data --db stats --collection daily
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_help = EXIT_CODES)]
pub struct Compact {
    /// The data directory
    #[arg(long, value_name = "DIR")]
    pub dbpath: PathBuf,
    /// The database
    #[arg(long)]
    pub db: String,
    /// The collection [default: every collection of users, capped ones excepted]
    #[arg(long)]
    pub collection: Option<String>,
}
