//! `tallymap validate`: is every structure of a directory as the format demands?

use std::path::PathBuf;
use std::process::ExitCode;

use bson::Bson;
use clap::Args;
use tallymap::{Database, Validation};

use super::selection::{databases, open_read_only};
use crate::cli::EXIT_CODES;
use crate::error::{CliError, EXIT_DATA};
use crate::numbers::{bytes, grouped};
use crate::output::Output;
use crate::table::{Column, Table};
use crate::terminal::{Colour, Terminal};

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

/// Findings of one collection that are listed; more are counted.
const LISTED_MAX: usize = 10;

/// What validating one collection answered; a collection that cannot be opened has an error.
type Checked = (String, Result<Validation, tallymap::Error>);

impl Validate {
    /// Runs the command.
    pub fn run(&self) -> Result<ExitCode, CliError> {
        let engine = open_read_only(&self.dbpath)?;
        let mut checked = Vec::new();
        for database in databases(&engine, self.db.as_deref())? {
            for name in database.collection_names()? {
                checked.push(check(&database, &name));
            }
        }
        let mut output = Output::stdout();
        match self.json {
            true => checked.iter().try_for_each(|one| output.json(&document(one)))?,
            false => output.text(&report(&checked, &Terminal::of_stdout()))?,
        }
        output.finish()?;
        engine.close()?;
        let is_valid = checked.iter().all(|(_, found)| found.as_ref().is_ok_and(|v| v.is_valid()));
        Ok(ExitCode::from(if is_valid { 0 } else { EXIT_DATA }))
    }
}

fn check(database: &Database, name: &str) -> Checked {
    let found = database.collection(name).and_then(|collection| collection.validate(true));
    (format!("{}.{name}", database.name()), found)
}

/// As mongod replies; in its manner also where a collection cannot be opened.
fn document((ns, found): &Checked) -> serde_json::Value {
    let document = match found {
        Ok(validation) => validation.to_document(),
        Err(error) => bson::doc! { "ns": ns, "valid": false, "errors": [error.to_string()] },
    };
    Bson::Document(document).into_relaxed_extjson()
}

fn report(checked: &[Checked], terminal: &Terminal) -> String {
    let mut table = Table::new([
        Column::left("collection"),
        Column::right("documents"),
        Column::right("extents"),
        Column::right("holes"),
        Column::right("of bytes"),
        Column::right("keys"),
        Column::left(""),
    ]);
    let mut findings = String::new();
    for (ns, found) in checked {
        let (cells, problems, notes) = match found {
            Ok(validation) => {
                (figures(validation), validation.findings().to_vec(), validation.notes().to_vec())
            }
            Err(error) => (Default::default(), vec![error.to_string()], vec![]),
        };
        let verdict = match problems.len() {
            0 => "valid".to_owned(),
            1 => terminal.paint(Colour::Bad, "1 problem"),
            n => terminal.paint(Colour::Bad, &format!("{n} problems")),
        };
        let cells = [ns.clone()].into_iter().chain(cells).chain([verdict]);
        table.row(cells.collect());
        if !problems.is_empty() || !notes.is_empty() {
            findings.push_str(&format!("\n{}\n", terminal.paint(Colour::Title, ns)));
        }
        list(&mut findings, "", &problems);
        list(&mut findings, "note: ", &notes);
    }
    let wrong = checked.iter().filter(|(_, found)| !found.as_ref().is_ok_and(|v| v.is_valid()));
    let wrong = wrong.count();
    let summary = match wrong {
        0 => format!("\nall {} collections are valid\n", checked.len()),
        n => {
            terminal
                .paint(Colour::Bad, &format!("\n{n} of {} collections are damaged", checked.len()))
                + "\nhint: see `tallymap repair --help`\n"
        }
    };
    table.draw(terminal) + &findings + &summary
}

/// Adds the first few findings, each on its line.
fn list(text: &mut String, prefix: &str, findings: &[String]) {
    for finding in findings.iter().take(LISTED_MAX) {
        text.push_str(&format!("  {prefix}{finding}\n"));
    }
    if findings.len() > LISTED_MAX {
        text.push_str(&format!("  and {} more: see --json\n", findings.len() - LISTED_MAX));
    }
}

fn figures(validation: &Validation) -> [String; 5] {
    let records = validation.records();
    let keys = validation.keys_per_index().iter().map(|(_, keys)| keys).sum();
    [
        grouped(validation.objects_found()),
        grouped(records.extents.len() as u64),
        grouped(records.deleted_count),
        bytes(records.deleted_size),
        grouped(keys),
    ]
}
