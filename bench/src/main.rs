//! `lab`: experiments whose answers are numbers, each verified before it is written down.

#![forbid(unsafe_code)]

mod awake;
mod bench;
mod case;
mod compare;
mod daily;
mod endure;
mod environment;
mod error;
mod experiments;
mod figures;
mod inequality;
mod load;
mod median;
mod memory;
mod rate;
mod report;
mod run;
mod stand;
mod tally;
mod workload;
mod zipf;

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};

use case::Case;
use error::{Error, Result};
use figures::{LeftOut, Results};

/// Puts claims about counters to the test.
///
/// Every round's counts are compared with a sum kept beside the engine; a wrong sum is an error,
/// not a figure. Rounds are interleaved, and each figure is the median of its rounds with the
/// least and the greatest. Build with `--release`.
#[derive(Parser)]
#[command(name = "lab", version)]
struct Lab {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// The cases, and about how long they take
    List,
    /// Runs cases, and writes results.json, results.csv and report.html
    Run(Run),
    /// Writes report.html and results.csv of a directory again, from its results.json
    Report {
        /// The directory
        results: PathBuf,
    },
    /// Two runs: the ratio and the spread of every figure that both have
    Compare(Compare),
    /// A mixed load for half an hour with little private memory: memory, files and the time of a
    /// hit, looked at every ten seconds; the counts verified at the end
    Endure(endure::Endure),
    /// A server, for the cases `wire-…`, which start it themselves
    #[command(hide = true)]
    Stand(stand::Stand),
}

#[derive(Args)]
struct Run {
    /// Names of cases, or case files
    #[arg(required = true)]
    names: Vec<String>,
    /// Small sizes: minutes become seconds
    #[arg(long, conflicts_with = "size")]
    quick: bool,
    /// Another size of the cases, by its name
    #[arg(long)]
    size: Option<String>,
    /// Where the results go
    #[arg(long, default_value = "results")]
    out: PathBuf,
    /// Where the databases lie while they are measured: the disk that is meant
    #[arg(long, default_value_os_t = std::env::temp_dir())]
    scratch: PathBuf,
    /// Keeps the databases in memory: figures without a disk
    #[arg(long)]
    ram: bool,
}

#[derive(Args)]
struct Compare {
    /// A directory of results, or its results.json
    before: PathBuf,
    /// Another
    after: PathBuf,
    /// Only figures whose "case variant figure" holds this
    #[arg(long, default_value = "")]
    only: String,
}

fn main() -> std::process::ExitCode {
    let outcome = match Lab::parse().task {
        Task::List => list().and_then(|text| say(&text)),
        Task::Run(run) => run.run(),
        Task::Report { results: out } => Results::read(&out).and_then(|it| write(&it, &out)),
        Task::Compare(compare) => compare.run(),
        Task::Stand(stand) => return stand.run(),
        Task::Endure(endure) => endure.run().map_err(Error::from),
    };
    match outcome {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lab: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}

/// The cases, as a text.
fn list() -> Result<String> {
    let mut text = String::new();
    for case in Case::built_in()? {
        let quick = case.clone().sized("quick")?;
        let (full, quick) = (run::minutes(case.seconds), run::minutes(quick.seconds));
        text += &format!("{:<14} {full:>6}, quick {quick:>5}   {}\n", case.name, case.title);
        wrapped(&case.claim, 80).iter().for_each(|line| text += &format!("    {line}\n"));
        if let Some(command) = case.needs_build() {
            text += &format!("    Not in this build: {command}\n");
        }
        text += "\n";
    }
    Ok(text + "`lab run NAME… --quick` runs some of them, small; `lab run --help` says more.\n")
}

/// Prints a text. Who reads it may stop before its end.
fn say(text: &str) -> Result<()> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::io(Path::new("the output"))(error))
        }
        _ => Ok(()),
    }
}

/// A text in lines of at most `width` letters, where its words let it.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last().map_or(0, |line| line.chars().count());
        if line > 0 && line + 1 + word.chars().count() > width {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            *line += if line.is_empty() { "" } else { " " };
            *line += word;
        }
    }
    lines
}

impl Run {
    fn run(self) -> Result<()> {
        let size = self.size.or_else(|| self.quick.then(|| "quick".to_owned()));
        let mut cases = Vec::new();
        for name in &self.names {
            let case = Case::find(name)?;
            let case = match &size {
                Some(size) => case.sized(size)?,
                None => case,
            };
            cases.push((name.clone(), case));
        }
        let place = run::Place { scratch: self.scratch, ram: self.ram };
        let request = run::Request { cases, size, place };
        let results = request.run()?;
        write(&results, &self.out)?;
        say(&format!("{}\n{}\n", findings(&results), self.out.join("report.html").display()))?;
        match results.not_held() {
            0 => Ok(()),
            count => Err(Error::NotHeld(count)),
        }
    }
}

impl Compare {
    fn run(self) -> Result<()> {
        let (before, after) = (Results::read(&self.before)?, Results::read(&self.after)?);
        say(&compare::table(&compare::changes(&before, &after), &self.only))
    }
}

/// Writes the three files of a run.
fn write(results: &Results, out: &Path) -> Result<()> {
    std::fs::create_dir_all(out).map_err(Error::io(out))?;
    let json = serde_json::to_string(results)
        .map_err(|source| Error::Results { file: out.to_owned(), source })?;
    for (name, text) in [
        ("results.json", json + "\n"),
        ("results.csv", results.csv()),
        ("report.html", report::page(results)),
    ] {
        let file = out.join(name);
        std::fs::write(&file, text).map_err(Error::io(&file))?;
    }
    Ok(())
}

/// The findings, as a text.
fn findings(results: &Results) -> String {
    let mut text = String::new();
    for case in &results.cases {
        text += &format!("{}: {} counts verified\n", case.case.name, case.verified);
        for LeftOut { variant, why } in &case.left_out {
            text += &format!("  left out   {variant}: {why}\n");
        }
        for finding in case.case.findings.iter().filter(|finding| case.is_left_out(finding)) {
            text += &format!("  NOT ASKED  {}\n             {}\n", finding.says, finding.holds);
        }
        for checked in &case.findings {
            let word = if checked.held { checked.finding.verdict.word() } else { "NOT HELD" };
            let (says, holds) = (&checked.finding.says, &checked.finding.holds);
            text +=
                &format!("  {word:<10} {says}\n             {holds}   [{}]\n", checked.numbers());
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_as_long_as_words_let_them() {
        assert_eq!(wrapped("", 5), [""]);
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("a verylongword b", 6), ["a", "verylongword", "b"]);
    }
}
