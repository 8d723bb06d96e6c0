//! `tallymap inspect`: a readable map of the files.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use tallymap::{Database, ExtentOwner, FileMap};

use super::selection::{databases, existing_collection, open_read_only};
use crate::cli::EXIT_CODES;
use crate::error::{CliError, EXIT_DATA};
use crate::heap_map::{LEGEND, draw_file, draw_namespace};
use crate::output::Output;
use crate::terminal::{Colour, Terminal};

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

impl Inspect {
    /// Runs the command.
    pub fn run(&self) -> Result<ExitCode, CliError> {
        let engine = open_read_only(&self.dbpath)?;
        let terminal = Terminal::of_stdout();
        let mut output = Output::stdout();
        output.line(&terminal.paint(Colour::Axis, LEGEND))?;
        let mut is_whole = true;
        for database in databases(&engine, self.db.as_deref())? {
            let (text, whole) = self.database(&database, &terminal)?;
            output.text(&text)?;
            is_whole &= whole;
        }
        output.finish()?;
        engine.close()?;
        Ok(ExitCode::from(if is_whole { 0 } else { EXIT_DATA }))
    }

    /// The map of one database, and whether all of it could be read.
    fn database(
        &self,
        database: &Database,
        terminal: &Terminal,
    ) -> Result<(String, bool), CliError> {
        if let Some(name) = &self.collection {
            existing_collection(database, name)?;
        }
        let map = database.map()?;
        let wanted = self.collection.as_ref().map(|name| format!("{}.{name}", database.name()));
        // An index belongs to its collection: `stats.daily.$_id_`.
        let is_wanted = |ns: &str| match &wanted {
            None => true,
            Some(wanted) => ns
                .strip_prefix(wanted)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(".$")),
        };
        let mut text = String::new();
        for file in &map.files {
            let of_wanted = |extent: &tallymap::ExtentMap| match &extent.owner {
                ExtentOwner::Namespace(ns) => is_wanted(ns),
                ExtentOwner::Free | ExtentOwner::Unknown => wanted.is_none(),
            };
            let mut shown = FileMap { extents: Vec::new(), ..file.clone() };
            shown.extents =
                file.extents.iter().filter(|extent| of_wanted(extent)).cloned().collect();
            text += &format!("\n{}", draw_file(database.name(), &shown, terminal));
        }
        for namespace in map.namespaces.iter().filter(|namespace| is_wanted(&namespace.ns)) {
            let picture =
                draw_namespace(&namespace.ns, &namespace.usage, &namespace.holes, terminal);
            text += &format!("\n{picture}");
        }
        if !map.problems.is_empty() {
            text += "\n";
        }
        for problem in &map.problems {
            text += &format!("{}\n", terminal.paint(Colour::Bad, &format!("damaged: {problem}")));
        }
        Ok((text, map.problems.is_empty()))
    }
}
