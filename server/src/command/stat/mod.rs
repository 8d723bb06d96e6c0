//! `tallymap stat`: what a server does, a line each second, as mongostat shows it.

mod columns;

use std::io::IsTerminal;
use std::process::ExitCode;

use bson::rawdoc;
use clap::Args;
use serde_json::{Map, Value};

use self::columns::{COLUMNS, Column, Interval};
use super::connect::{Asking, Connect, Rounds};
use crate::cli::EXIT_CODES;
use crate::error::CliError;
use crate::output::Output;
use crate::terminal::Terminal;

/// Lines between two headings on a terminal.
const HEADING_EVERY: u64 = 10;

/// Show what a server does, line by line
///
/// Asks serverStatus again and again and prints the difference, as mongostat did for MMAPv1:
/// operations, commits of the journal, memory and faults, who waits and who works (r|w), bytes,
/// connections. `moves` are documents that outgrew their place, `inplace` is the share of updates
/// that changed numbers where they lie. A dash is what a server does not tell. Works with mongod.
/// A terminal of less than 145 characters has fewer columns; a pipe, a file and JSON have all.
///
/// Examples:
///
///   tallymap stat
///   tallymap stat --port 27018 -n 10 5
///   tallymap stat --host mongodb://10.0.0.5/ --json | jq .
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_help = EXIT_CODES)]
pub struct Stat {
    #[command(flatten)]
    rounds: Rounds,
    #[command(flatten)]
    connect: Connect,
    /// No headings
    #[arg(long, visible_alias = "noheaders")]
    noheader: bool,
}

impl Stat {
    /// Runs the command, until it has printed enough lines.
    ///
    /// # Errors
    /// If the server is not there at the beginning, or refuses.
    pub fn run(&self) -> Result<ExitCode, CliError> {
        let mut asking = Asking::begin(&self.connect, "tallymap stat", &self.rounds)?;
        let question = rawdoc! { "serverStatus": 1, "$db": "admin" };
        let is_terminal = std::io::stdout().is_terminal();
        let mut before = None;
        let columns = columns::that_fit(is_terminal.then(|| Terminal::of_stdout().width));
        let mut widths: Vec<usize> = columns.iter().map(|column| column.width()).collect();
        let mut rows = 0;
        while self.rounds.rowcount == 0 || rows < self.rounds.rowcount {
            let now = asking.ask(&question)?;
            if let (Some(before), Some(now)) = (&before, &now) {
                let interval = Interval::new(before, now);
                let mut output = Output::stdout();
                if self.rounds.json {
                    output.json(&json(&asking.place().to_string(), &interval))?;
                } else {
                    let cells: Vec<_> = columns.iter().map(|it| it.show(&interval)).collect();
                    let is_due = rows == 0 || is_terminal && rows % HEADING_EVERY == 0;
                    for (width, cell) in widths.iter_mut().zip(&cells) {
                        *width = (*width).max(cell.chars().count());
                    }
                    if is_due && !self.noheader {
                        output.line(&headings(&columns, &widths))?;
                    }
                    output.line(&line(&cells, &widths))?;
                }
                // Whoever reads a pipe wants the line now.
                output.finish()?;
                rows += 1;
            }
            before = now;
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn headings(columns: &[Column], widths: &[usize]) -> String {
    let headings: Vec<_> = columns.iter().map(|column| column.heading.to_owned()).collect();
    line(&headings, widths)
}

fn line(cells: &[String], widths: &[usize]) -> String {
    let cells = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:>width$}"));
    cells.collect::<Vec<_>>().join(" ")
}

fn json(place: &str, interval: &Interval<'_>) -> Value {
    let mut cells = Map::new();
    for column in COLUMNS {
        cells.insert(column.heading.to_owned(), column.value(interval));
    }
    let mut out = Map::new();
    out.insert(place.to_owned(), Value::Object(cells));
    Value::Object(out)
}
