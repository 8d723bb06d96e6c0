//! `tallymap repair`: what is readable, salvaged into fresh files.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use tallymap::{Collection, CollectionOptions, Database, Engine, Error, Salvage, Salvager};

use super::selection::check_empty_or_new;
use crate::cli::EXIT_CODES;
use crate::error::{CliError, EXIT_DATA};
use crate::numbers::grouped;
use crate::output::Output;
use crate::progress;
use crate::shell::{program, quoted};
use crate::table::{Column, Table};
use crate::terminal::{Colour, Terminal};

/// Salvage what is readable into a new directory
///
/// Finds the documents that the damage did not touch, by chains where they lead and by what
/// extents and records look like where they do not, and writes them into fresh files, with the
/// collections' options and indexes. The old directory, which need not be one that opens, stays
/// as it is: look at the new one, then swap them yourself. Says what was lost.
///
/// Example:
///
///   tallymap repair --dbpath data --into data-repaired
///   tallymap validate --dbpath data-repaired
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_help = EXIT_CODES)]
pub struct Repair {
    /// The damaged data directory
    #[arg(long, value_name = "DIR")]
    pub dbpath: PathBuf,
    /// The new directory; it must be empty or new
    #[arg(long, value_name = "DIR")]
    pub into: PathBuf,
    /// Only this database
    #[arg(long)]
    pub db: Option<String>,
}

/// Problems of one collection that are listed; more are counted.
const PROBLEMS_MAX: usize = 20;

/// What became of one collection.
struct Outcome {
    ns: String,
    recorded: u64,
    recovered: u64,
    lost: u64,
    indexes: u64,
    problems: Vec<String>,
}

impl Repair {
    /// Runs the command.
    pub fn run(&self) -> Result<ExitCode, CliError> {
        self.check()?;
        let salvager = Engine::builder(&self.dbpath).salvage()?;
        let names = self.names(&salvager)?;
        let apart = salvager.is_directory_per_db();
        let target = Engine::builder(&self.into).directory_per_db(apart).open()?;
        let (mut outcomes, mut problems) = (Vec::new(), salvager.problems().to_vec());
        for name in names {
            let salvaged = salvager.database(name)?;
            problems.extend(salvaged.problems);
            let fresh = target.database(name)?;
            for salvage in &salvaged.collections {
                outcomes.push(rescue(salvage, &fresh)?);
            }
        }
        target.close()?;
        let mut output = Output::stdout();
        output.text(&self.report(&outcomes, &problems, &Terminal::of_stdout()))?;
        output.finish()?;
        let is_whole = problems.is_empty() && outcomes.iter().all(|one| one.problems.is_empty());
        Ok(ExitCode::from(if is_whole { 0 } else { EXIT_DATA }))
    }

    /// The databases to salvage.
    fn names<'s>(&'s self, salvager: &'s Salvager) -> Result<Vec<&'s str>, CliError> {
        let found: Vec<&str> = salvager.database_names().iter().map(String::as_str).collect();
        let message = match &self.db {
            None if found.is_empty() => format!("{} holds no databases", self.dbpath.display()),
            None => return Ok(found),
            Some(name) if found.contains(&name.as_str()) => return Ok(vec![name]),
            Some(name) => {
                format!("there is no database '{name}'\nhint: there is {}", found.join(", "))
            }
        };
        Err(CliError::Usage(message))
    }

    fn check(&self) -> Result<(), CliError> {
        let damaged = self.dbpath.canonicalize().map_err(CliError::file(&self.dbpath))?;
        let into = std::path::absolute(&self.into).map_err(CliError::file(&self.into))?;
        // It may be new: then the directory counts that it will be in.
        let there = into.ancestors().find_map(|path| path.canonicalize().ok());
        if there.is_some_and(|path| path.starts_with(damaged)) {
            let message = "--into must not be in the damaged directory, which stays as it is";
            return Err(CliError::Usage(message.to_owned()));
        }
        check_empty_or_new(&self.into)
    }

    fn report(&self, outcomes: &[Outcome], problems: &[String], terminal: &Terminal) -> String {
        let mut table = Table::new([
            Column::left("collection"),
            Column::right("recorded"),
            Column::right("recovered"),
            Column::right("lost"),
            Column::right("indexes"),
        ]);
        let mut findings = String::new();
        let mut find = |ns: &str, problems: &[String]| {
            if problems.is_empty() {
                return;
            }
            findings += &format!("\n{}\n", terminal.paint(Colour::Title, ns));
            problems.iter().take(PROBLEMS_MAX).for_each(|one| findings += &format!("  {one}\n"));
            if problems.len() > PROBLEMS_MAX {
                findings += &format!("  and {} more\n", problems.len() - PROBLEMS_MAX);
            }
        };
        find("catalogue", problems);
        for one in outcomes {
            let numbers = [one.recorded, one.recovered, one.lost, one.indexes].map(grouped);
            table.row([one.ns.clone()].into_iter().chain(numbers).collect());
            find(&one.ns, &one.problems);
        }
        let into = quoted(&self.into.to_string_lossy());
        let lost: u64 = outcomes.iter().map(|one| one.lost).sum();
        let is_sound = problems.is_empty() && outcomes.iter().all(|one| one.problems.is_empty());
        let summary = match lost {
            0 if is_sound => "every document was recovered".to_owned(),
            0 => "no document is known to be lost".to_owned(),
            n => terminal.paint(Colour::Bad, &format!("lost {} documents", grouped(n))),
        };
        table.draw(terminal)
            + &findings
            + &format!("\n{summary}; {} is as it was\n", self.dbpath.display())
            + &format!("\nTry:  {} validate --dbpath {into}\n", program())
    }
}

/// Copies what is readable of a collection into a fresh one, then builds its indexes.
fn rescue(salvage: &Salvage, into: &Database) -> Result<Outcome, CliError> {
    let name = salvage.ns.collection();
    let mut problems = salvage.problems.clone();
    let fresh = match into.create_collection(name, salvage.options.clone()) {
        Ok(fresh) => fresh,
        Err(error) => {
            problems.push(format!("it gets default options, not those that were found: {error}"));
            into.create_collection(name, CollectionOptions::default())?
        }
    };
    let mut refused = 0;
    for loc in &salvage.unreadable {
        problems.push(format!("the record at {loc} holds no readable document"));
    }
    let bar = progress::documents("copying", salvage.count() as u64);
    for located in salvage.documents() {
        bar.inc(1);
        let located = located?;
        if let Err(error) = fresh.insert_one(&located.document) {
            problems.push(format!("the document at {}: {}", located.loc, one_document(error)?));
            refused += 1;
        }
    }
    bar.finish_and_clear();
    let recovered = fresh.count()?;
    let met = salvage.unreadable.len() as u64 + refused;
    let lost = salvage.recorded.saturating_sub(recovered).max(met);
    if salvage.recorded != recovered && problems.is_empty() {
        let recorded = grouped(salvage.recorded);
        problems.push(format!("{recorded} documents are recorded, {} found", grouped(recovered)));
    }
    let indexes = index(salvage, &fresh, &mut problems)?;
    let (ns, recorded) = (salvage.ns.to_string(), salvage.recorded);
    Ok(Outcome { ns, recorded, recovered, lost, indexes, problems })
}

/// Builds the indexes. Answers how many the collection has.
fn index(
    salvage: &Salvage,
    fresh: &Collection,
    problems: &mut Vec<String>,
) -> Result<u64, CliError> {
    for spec in &salvage.indexes {
        if let Err(error) = fresh.restore_index(spec) {
            let name = spec.get_str("name").unwrap_or("without a name");
            problems.push(format!("index {name} is not built: {}", one_document(error)?));
        }
    }
    Ok(fresh.indexes()?.len() as u64)
}

/// The error, if it is the fault of one document or index and the others can go on.
fn one_document(error: Error) -> Result<Error, CliError> {
    match error.class() {
        tallymap::Class::Caller => Ok(error),
        _ => Err(error.into()),
    }
}
