//! `tallymap dump`: documents out of a data directory, with no server.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use tallymap::{Database, Direction, Located};

use super::selection::{collection_names, databases, is_of_users, open_read_only};
use crate::cli::EXIT_CODES;
use crate::error::{CliError, EXIT_DATA};
use crate::extjson::{canonical, canonical_at};
use crate::numbers::grouped;
use crate::output::{self, Output};

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
    /// Runs the command.
    pub fn run(&self) -> Result<ExitCode, CliError> {
        self.check()?;
        let engine = open_read_only(&self.dbpath)?;
        let mut output = Output::stdout();
        let mut complaints = 0_u64;
        for database in databases(&engine, self.db.as_deref())? {
            let names = collection_names(&database, self.collection.as_deref(), is_of_users)?;
            for name in names {
                complaints += self.collection(&database, &name, &mut output)?;
            }
        }
        output.finish()?;
        engine.close()?;
        Ok(ExitCode::from(if complaints > 0 { EXIT_DATA } else { 0 }))
    }

    /// Writes one collection. Answers how many things in it could not be written; they are named
    /// on standard error.
    fn collection(
        &self,
        database: &Database,
        name: &str,
        output: &mut Output<impl Write>,
    ) -> Result<u64, CliError> {
        let ns = format!("{}.{name}", database.name());
        let (mut written, mut complaints) = (0_u64, 0_u64);
        let mut complain = |what: String| {
            complaints += 1;
            output::say(&format!("tallymap: {ns}: {what}"));
        };
        match database.collection(name).and_then(|found| found.scan(Direction::Forward)) {
            Err(error) => complain(error.to_string()),
            Ok(scan) => {
                for located in scan {
                    match located.map(|located| self.document(&located, output)) {
                        Ok(Ok(None)) => written += 1,
                        Ok(Ok(Some(problem))) => complain(problem),
                        Ok(Err(error)) => return Err(error),
                        Err(error) => complain(format!("the rest is not readable: {error}")),
                    }
                }
            }
        }
        if self.collection.is_none() || complaints > 0 {
            output::say(&format!("{ns}: {} documents", grouped(written)));
        }
        Ok(complaints)
    }

    /// Writes one document. Answers why it cannot be written, if it cannot.
    fn document(
        &self,
        located: &Located,
        output: &mut Output<impl Write>,
    ) -> Result<Option<String>, CliError> {
        let document = &located.document;
        if self.format == Format::Bson {
            return output.bytes(document.as_bytes()).map(|()| None);
        }
        let line = match self.locations {
            true => canonical_at(&located.loc.to_string(), document),
            false => canonical(document),
        };
        match line {
            Ok(line) => output.line(&line).map(|()| None),
            Err(problem) => Ok(Some(format!("the document at {}: {problem}", located.loc))),
        }
    }

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
