//! `tallymap dump`: documents out of a data directory, with no server.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::EXIT_CODES;
use crate::error::CliError;

/// Write documents as extended JSON or as BSON, in natural order
///
/// Opens the directory read-only: not one byte of it changes, and if it crashed its journal is
/// replayed in memory alone. JSON is canonical extended JSON, one document a line, fields in
/// their order. BSON is the documents' own bytes, back to back, as mongorestore and bsondump
/// read them.
///
/// Without --collection, every collection of users is written, one after the other in the order
/// of their names, and standard error says where each ends. The catalogue (`system.…`) is
/// written only when it is asked for by name.
///
/// Examples:
///
///   tallymap dump --dbpath data --db stats --collection daily
///   tallymap dump --dbpath data --db stats --collection daily --locations | head -1
///   tallymap dump --dbpath data --db stats --collection daily --format bson > daily.bson
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_help = EXIT_CODES)]
pub struct Dump {
    /// The data directory
    #[arg(long, value_name = "DIR")]
    pub dbpath: PathBuf,
    /// Only this database
    #[arg(long)]
    pub db: Option<String>,
    /// Only this collection of the database
    #[arg(long, requires = "db")]
    pub collection: Option<String>,
    /// How documents are written
    #[arg(long, value_enum, default_value_t = Format::Json)]
    pub format: Format,
    /// Say where each record lies, file and hexadecimal offset: `{"loc":"0:5000","doc":{…}}`
    #[arg(long)]
    pub locations: bool,
}

/// How documents are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Canonical extended JSON, one document a line
    Json,
    /// The bytes of the documents, back to back
    Bson,
}

impl Dump {
    /// Refuses what cannot be written.
    fn check(&self) -> Result<(), CliError> {
        match (self.format, self.locations) {
            (Format::Bson, true) => Err(CliError::Usage(
                "--locations has no place in --format bson, which is the documents' own bytes: \
                 use --format json"
                    .to_owned(),
            )),
            _ => Ok(()),
        }
    }
}
