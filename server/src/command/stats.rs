//! `tallymap stats`: the figures of collStats and dbStats.

use std::path::PathBuf;
use std::process::ExitCode;

use bson::{Bson, Document};
use clap::Args;
use tallymap::{CollStats, Database, DbStats};

use super::selection::{collection_names, databases, is_of_users, open_read_only};
use crate::cli::EXIT_CODES;
use crate::error::CliError;
use crate::heap_map::within;
use crate::numbers::{bytes, grouped};
use crate::output::Output;
use crate::table::{Column, Table};
use crate::terminal::{Colour, Terminal};

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

impl Stats {
    /// Runs the command.
    pub fn run(&self) -> Result<ExitCode, CliError> {
        let engine = open_read_only(&self.dbpath)?;
        let terminal = Terminal::of_stdout();
        let mut output = Output::stdout();
        for (index, database) in databases(&engine, self.db.as_deref())?.iter().enumerate() {
            let collections = self.collections(database)?;
            if self.json {
                if self.collection.is_none() {
                    output.json(&relaxed(database.stats()?.to_document()))?;
                }
                for stats in &collections {
                    output.json(&relaxed(stats.to_document()))?;
                }
                continue;
            }
            if index > 0 {
                output.text("\n")?;
            }
            if self.collection.is_none() {
                output.text(&of_database(&database.stats()?, &terminal))?;
            }
            let prefix = if self.collection.is_none() { database.name() } else { "" };
            output.text(&of_collections(prefix, &collections, &terminal))?;
        }
        output.finish()?;
        engine.close()?;
        Ok(ExitCode::SUCCESS)
    }

    fn collections(&self, database: &Database) -> Result<Vec<CollStats>, CliError> {
        let names = collection_names(database, self.collection.as_deref(), is_of_users)?;
        names.iter().map(|name| Ok(database.collection(name)?.stats()?)).collect()
    }
}

fn relaxed(document: Document) -> serde_json::Value {
    Bson::Document(document).into_relaxed_extjson()
}

/// A count or a size, which are never negative in sound files.
fn unsigned(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

fn of_database(stats: &DbStats, terminal: &Terminal) -> String {
    let (free, free_len) = stats.free_extents;
    let title = terminal.paint(Colour::Title, &stats.database);
    let size = |n: i64| bytes(unsigned(n));
    format!(
        "{title}  {} documents in {} collections, {} indexes\n  \
         data {}, extents {}, indexes {}\n  data files {}, {free} free extents of {}\n",
        grouped(unsigned(stats.objects)),
        stats.collections,
        stats.indexes,
        size(stats.data_size),
        size(stats.storage_size),
        size(stats.index_size),
        size(stats.file_size),
        size(free_len),
    )
}

/// A row for each collection, named without `database`.
fn of_collections(database: &str, collections: &[CollStats], terminal: &Terminal) -> String {
    let mut table = Table::new([
        Column::left("collection"),
        Column::right("documents"),
        Column::right("size"),
        Column::right("average"),
        Column::right("storage"),
        Column::right("indexes"),
    ]);
    for stats in collections {
        let average = if stats.count > 0 { stats.size / stats.count } else { 0 };
        table.row(vec![
            within(database, stats.ns.as_str()).to_owned(),
            grouped(unsigned(stats.count)),
            bytes(unsigned(stats.size)),
            bytes(unsigned(average)),
            bytes(unsigned(stats.storage_size())),
            bytes(unsigned(stats.total_index_size())),
        ]);
    }
    table.draw(terminal)
}
