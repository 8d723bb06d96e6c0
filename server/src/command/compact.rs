//! `tallymap compact`: a collection's documents together again, without holes.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use tallymap::{Collection, CompactReport, Engine};

use super::selection::{collection_names, existing_database, is_of_users};
use crate::cli::EXIT_CODES;
use crate::error::CliError;
use crate::numbers::{bytes, grouped};
use crate::output::{self, Output};
use crate::table::{Column, Table};
use crate::terminal::Terminal;

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

impl Compact {
    /// Runs the command.
    pub fn run(&self) -> Result<ExitCode, CliError> {
        if !self.dbpath.is_dir() {
            let message = format!("{} is not a directory", self.dbpath.display());
            return Err(CliError::Usage(message));
        }
        let engine = Engine::open(&self.dbpath)?;
        let database = existing_database(&engine, &self.db)?;
        let mut table = Table::new([
            Column::left("collection"),
            Column::right("documents"),
            Column::right("extents"),
            Column::right("after"),
            Column::right("indexes"),
            Column::right("after"),
        ]);
        for name in collection_names(&database, self.collection.as_deref(), is_of_users)? {
            let collection = database.collection(&name)?;
            // Asked for by name, the engine says why not.
            if self.collection.is_some() || collection.stats()?.capped.is_none() {
                table.row(compact(&collection)?);
            }
        }
        let (free, free_len) = database.stats()?.free_extents;
        engine.close()?;
        let mut output = Output::stdout();
        output.text(&table.draw(&Terminal::of_stdout()))?;
        let free_len = bytes(u64::try_from(free_len).unwrap_or(0));
        output.line(&format!("\n{} now has {free} free extents, {free_len}", self.db))?;
        output.finish()?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Compacts one collection, and says what changed.
fn compact(collection: &Collection) -> Result<Vec<String>, CliError> {
    let before = collection.stats()?;
    let CompactReport { invalid, .. } = collection.compact()?;
    let after = collection.stats()?;
    if invalid > 0 {
        let ns = collection.namespace();
        let invalid = grouped(invalid);
        output::say(&format!("tallymap: {ns}: {invalid} records held no document: dropped"));
    }
    let size = |n: i64| bytes(u64::try_from(n).unwrap_or(0));
    Ok(vec![
        collection.namespace().collection().to_owned(),
        grouped(u64::try_from(after.count).unwrap_or(0)),
        size(before.storage_size()),
        size(after.storage_size()),
        size(before.total_index_size()),
        size(after.total_index_size()),
    ])
}
