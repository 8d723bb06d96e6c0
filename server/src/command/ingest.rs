//! `tallymap ingest`: web server logs into counters.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use jiff::civil::Date;
use tallymap::reports::{PageViews, Technology};
use tallymap::{Class, Engine};

use crate::chart::Period;
use crate::cli::{EXIT_CODES, Growth, Layout, Policy};
use crate::counting::{Account, Counting, day_of};
use crate::error::CliError;
use crate::log::{LocalMinute, LogHit, LogTotals, each_hit, open};
use crate::numbers::grouped;
use crate::output::{self, Output};
use crate::progress;
use crate::shell::chart_line;
use crate::user_agent::{UserAgent, UserAgents};

/// Count web server logs into the documents of pages, days and months
///
/// Reads logs of Apache or nginx in common or combined format. Every request for a path is a hit:
/// it counts in the page's document of the day (hour and minute), in that of the month (day), and,
/// if the log has user agents, in the site's browser and platform document of the month. The
/// log's own time zone decides minute and day. Queries (`?…`) do not distinguish pages.
///
/// Malformed lines are counted, reported and skipped. Nothing remembers which files were read:
/// INGESTING A FILE TWICE COUNTS ITS HITS TWICE.
///
/// Examples:
///
///   tallymap ingest --dbpath data --site example.org access.log
///   zcat access.log.*.gz | tallymap ingest --dbpath data --site example.org -
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_help = EXIT_CODES)]
pub struct Ingest {
    /// The data directory; it is made if it does not exist
    #[arg(long, value_name = "DIR")]
    pub dbpath: PathBuf,
    /// The database to count into
    #[arg(long, default_value = "stats")]
    pub db: String,
    /// The site that the log is of: logs do not say
    #[arg(long, default_value = "site-1")]
    pub site: String,
    /// How the minutes of a day lie in its document
    #[arg(long, value_enum, default_value_t = Layout::Hierarchical)]
    pub layout: Layout,
    /// How documents get their size
    #[arg(long, value_enum, default_value_t = Growth::Template)]
    pub growth: Growth,
    /// How long records are made; of collections that are there already it changes nothing
    #[arg(long, value_enum, default_value_t = Policy::PowerOf2)]
    pub policy: Policy,
    /// Logs, read in this order; `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
}

/// Counters that hits go to, and what is remembered of the last one.
struct Tally {
    counting: Counting,
    technology: Technology,
    agents: UserAgents,
    site: String,
    last: Option<(LocalMinute, String)>,
}

impl Ingest {
    /// Runs the command.
    pub fn run(&self) -> Result<ExitCode, CliError> {
        self.check()?;
        let engine = Engine::open(&self.dbpath)?;
        let views = PageViews::builder(&engine, &self.db)
            .layout(self.layout.into())
            .growth(self.growth.into())
            .policy(self.policy.into())
            .open()?;
        let mut tally = Tally {
            counting: Counting::new(views, &self.site),
            technology: Technology::open(&engine, &self.db),
            agents: UserAgents::default(),
            site: self.site.clone(),
            last: None,
        };
        let mut output = Output::stdout();
        let start = Instant::now();
        for file in &self.files {
            output.text(&self.read(file, &mut tally)?.to_string())?;
        }
        engine.close()?;
        output.text(&self.summary(&tally, start.elapsed()))?;
        output.finish()?;
        Ok(ExitCode::SUCCESS)
    }

    /// Refuses what would fail half-way, when hits are counted already.
    fn check(&self) -> Result<(), CliError> {
        let (standard_input, files): (Vec<&PathBuf>, Vec<&PathBuf>) =
            self.files.iter().partition(|file| is_standard_input(file));
        if standard_input.len() > 1 {
            return Err(CliError::Usage("standard input can be read only once".to_owned()));
        }
        for file in files {
            File::open(file).map_err(CliError::file(file))?;
            if file.is_dir() {
                let message = format!("{} is a directory, not a log", file.display());
                return Err(CliError::Usage(message));
            }
        }
        Ok(())
    }

    fn read(&self, file: &Path, tally: &mut Tally) -> Result<LogTotals, CliError> {
        let input = open(file).map_err(CliError::file(file))?;
        let len = fs::metadata(file).ok().filter(|found| found.is_file()).map(|found| found.len());
        let bar = progress::bytes("counting", len);
        let before = tally.counting.account.counted;
        let totals = each_hit(file, input, |read| bar.set_position(read), |hit| tally.hit(hit));
        bar.finish_and_clear();
        totals.inspect_err(|error| {
            let counted = tally.counting.account.counted - before;
            let (kept, file) = (kept(counted, error), file.display());
            output::say(&format!("tallymap: {kept} hits of {file} stay counted"));
        })
    }

    fn summary(&self, tally: &Tally, elapsed: Duration) -> String {
        let Account { counted, refused, refused_samples, made, moves, .. } =
            &tally.counting.account;
        let rate = *counted as f64 / elapsed.as_secs_f64().max(1e-9);
        let mut text = format!(
            "\ncounted {} hits in {:.1} s ({} per second): {} documents made, {} moved\n",
            grouped(*counted),
            elapsed.as_secs_f64(),
            grouped(rate as u64),
            grouped(*made),
            grouped(*moves),
        );
        if *refused > 0 {
            let refused = grouped(*refused);
            text += &format!("refused {refused} hits: their page is longer than an index key\n");
        }
        for sample in refused_samples {
            text += &format!("  {sample}…\n");
        }
        text += "Reading a log again counts its hits again: nothing remembers it was counted.\n";
        if let Some((at, page)) = &tally.last
            && let Ok(date) = Date::new(at.year, at.month as i8, at.day as i8)
        {
            let period = Period::Day(date);
            let line = chart_line(&self.dbpath, &self.db, &self.site, page, period);
            text += &format!("\nTry:\n\n{line}\n");
        }
        text
    }
}

impl Tally {
    fn hit(&mut self, hit: &LogHit<'_>) -> Result<(), CliError> {
        let at = hit.time.local;
        if !self.counting.hit(at, hit.page)? {
            return Ok(());
        }
        if let Some(text) = hit.user_agent {
            let UserAgent { browser, version, platform } = self.agents.parse(text);
            self.technology.log(day_of(at), &self.site, browser, version, platform)?;
        }
        let (last_at, last_page) = self.last.get_or_insert_with(|| (at, String::new()));
        *last_at = at;
        hit.page.clone_into(last_page);
        Ok(())
    }
}

/// How many of `counted` hits stay so after `error`. What an engine that had to stop did not make
/// durable is lost, however much that is.
fn kept(counted: u64, error: &CliError) -> String {
    match error {
        CliError::Engine(error) if error.class() == Class::Stop => {
            format!("at most {}", grouped(counted))
        }
        _ => grouped(counted),
    }
}

fn is_standard_input(file: &Path) -> bool {
    file == Path::new("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stopped_engine_kept_is_not_known() {
        let full = tallymap::Error::DiskFull { file: PathBuf::from("stats.1"), len: 1 };
        assert_eq!(kept(1234, &CliError::Engine(full)), "1,234");
        let stopped = tallymap::Error::ReadOnly { why: "a sync failed".to_owned() };
        assert_eq!(kept(1234, &CliError::Engine(stopped)), "at most 1,234");
    }
}
