//! `tallymap demo`: the same day counted twice, into growing and into pre-allocated documents.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use jiff::civil::Date;
use tallymap::reports::{Growth, PageViews};
use tallymap::{Collection, Direction, Engine};

use super::chart;
use super::selection::check_empty_or_new;
use crate::chart::{Period, draw};
use crate::cli::EXIT_CODES;
use crate::cost::{Cost, table};
use crate::counter_sum::counter_sum;
use crate::counting::{Account, Counting};
use crate::error::{CliError, EXIT_DATA};
use crate::log::{LocalMinute, each_hit, open};
use crate::numbers::grouped;
use crate::output::Output;
use crate::progress;
use crate::recorded_hits::RecordedHits;
use crate::shell::{chart_line, program, quoted};
use crate::terminal::Terminal;
use crate::traffic::{SITE, Traffic};

/// Count a day of traffic twice, growing against pre-allocated, and chart it
///
/// Makes a day of believable traffic for a small site, or takes a web server's log, and counts it
/// two ways: into documents that grow as minutes come, and into documents that begin with all
/// their zeroes. Says what each way cost, in moves, bytes and skipped fields, draws the day, and
/// leaves the files for you to look into.
///
/// Examples:
///
///   tallymap demo
///   tallymap demo --log /var/log/apache2/access.log
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_help = EXIT_CODES)]
pub struct Demo {
    /// Count this log instead of made-up traffic (common or combined format; `-`: standard input)
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// Put the files here; the directory must be empty or new [default: a new one in the
    /// directory for temporary files]
    #[arg(long, value_name = "DIR")]
    pub dbpath: Option<PathBuf>,
    /// Hits of the made-up day
    #[arg(long, value_name = "N", default_value_t = 200_000, conflicts_with = "log",
          value_parser = clap::value_parser!(u32).range(1..=50_000_000))]
    pub hits: u32,
    /// Seed of the made-up day: the same seed makes the same day
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "log")]
    pub seed: u64,
}

/// The two ways of counting: the heading, the database, and how documents come to their counters.
const WAYS: [(&str, &str, Growth); 2] =
    [("growing", "growing", Growth::Grow), ("pre-allocated", "preallocated", Growth::Template)];
/// The made-up day.
const DAY: LocalMinute = LocalMinute { year: 2010, month: 10, day: 10, hour: 0, minute: 0 };

impl Demo {
    /// Runs the command.
    pub fn run(&self) -> Result<ExitCode, CliError> {
        let mut output = Output::stdout();
        let hits = self.hits(&mut output)?;
        let dbpath = self.directory()?;
        // Without what the engine remembers, each hit costs what it cost MongoDB.
        let engine = Engine::builder(&dbpath).memos(false).open()?;
        let mut costs = Vec::new();
        let mut sums_agree = true;
        for (heading, database, growth) in WAYS {
            let views = PageViews::builder(&engine, database).growth(growth).open()?;
            let mut counting = Counting::new(views, SITE);
            let cost = count(&engine, heading, &hits, &mut counting)?;
            let cost = sizes(&engine, database, counting.views(), cost)?;
            let sums = Sums::of(counting.views())?;
            sums_agree &= sums.are_all(counting.account.counted);
            output.line(&sums.report(heading, &counting.account))?;
            costs.push(cost);
        }
        let terminal = Terminal::of_stdout();
        output.text(&format!("\n{}{EXPLANATION}\n", table(&costs, &terminal)))?;
        let mut peak = None;
        if let Some((date, page)) = hits.busiest() {
            let views = PageViews::open(&engine, WAYS[1].1)?;
            if let Some(series) = chart::read(&views, SITE, page, Period::Day(date))? {
                output.text(&draw(&series, &terminal))?;
                peak = series.peak().map(|hour| (date, hour as u8, page));
            }
        }
        engine.close()?;
        output.text(&next_steps(&dbpath, peak))?;
        output.finish()?;
        Ok(ExitCode::from(if sums_agree { 0 } else { EXIT_DATA }))
    }

    fn hits(&self, output: &mut Output<impl std::io::Write>) -> Result<RecordedHits, CliError> {
        let mut hits = RecordedHits::default();
        let Some(log) = &self.log else {
            for hit in Traffic::of_a_day(self.seed, DAY, self.hits) {
                hits.push(hit.at, hit.page);
            }
            let made = grouped(hits.len() as u64);
            let pages = hits.pages();
            output.line(&format!("a day of a small site: {made} hits on {pages} pages\n"))?;
            return Ok(hits);
        };
        let input = open(log).map_err(CliError::file(log))?;
        let totals = each_hit(
            log,
            input,
            |_| {},
            |hit| {
                hits.push(hit.time.local, hit.page);
                Ok(())
            },
        )?;
        output.line(&totals.to_string())?;
        Ok(hits)
    }

    fn directory(&self) -> Result<PathBuf, CliError> {
        if let Some(dbpath) = &self.dbpath {
            check_empty_or_new(dbpath)?;
            return Ok(dbpath.clone());
        }
        let made = tempfile::Builder::new().prefix("tallymap-demo-").tempdir();
        Ok(made.map_err(CliError::file(&std::env::temp_dir()))?.keep())
    }
}

const EXPLANATION: &str = "
 A document that grows outgrows its record, is copied to a longer one, and
 leaves a hole. A pre-allocated one is complete from its first hit on: its
 numbers change where they are. Skipped are the fields before a counter; the
 engine's memory of layouts, which saves most of that, is off here, so that
 the cost shows.
";

/// Counts all hits, until they are durable.
fn count(
    engine: &Engine,
    heading: &'static str,
    hits: &RecordedHits,
    counting: &mut Counting,
) -> Result<Cost, CliError> {
    let bar = progress::hits(heading, hits.len() as u64);
    let start = Instant::now();
    for (at, page) in hits.iter() {
        counting.hit(at, page)?;
        bar.inc(1);
    }
    engine.wait_durable()?;
    let elapsed = start.elapsed();
    bar.finish_and_clear();
    let Account { counted, moves, bytes_moved, fields_skipped, .. } = counting.account;
    let name = heading.to_owned();
    let hits = counted;
    Ok(Cost { name, hits, elapsed, moves, bytes_moved, fields_skipped, ..Cost::default() })
}

/// Adds what the documents take.
fn sizes(
    engine: &Engine,
    database: &str,
    views: &PageViews,
    mut cost: Cost,
) -> Result<Cost, CliError> {
    for collection in [views.daily(), views.monthly()] {
        let mut document_bytes = 0;
        for located in collection.scan(Direction::Forward)? {
            document_bytes += located?.document.as_bytes().len() as u64;
            cost.documents += 1;
        }
        let size = u64::try_from(collection.stats()?.size).unwrap_or(0);
        cost.document_bytes += document_bytes;
        cost.padding_bytes += size.saturating_sub(document_bytes);
    }
    let file_size = engine.database(database)?.stats()?.file_size;
    cost.file_bytes = u64::try_from(file_size).unwrap_or(0);
    Ok(cost)
}

/// The sums of all counters of a kind, read back from the documents.
struct Sums {
    hours: i64,
    minutes: i64,
    days: i64,
}

impl Sums {
    fn of(views: &PageViews) -> Result<Sums, CliError> {
        let sum = |collection: &Collection, field: &str| -> Result<i64, CliError> {
            collection
                .scan(Direction::Forward)?
                .try_fold(0, |sum, located| Ok(sum + counter_sum(&located?.document, field)))
        };
        Ok(Sums {
            hours: sum(views.daily(), "hourly")?,
            minutes: sum(views.daily(), "minute")?,
            days: sum(views.monthly(), "daily")?,
        })
    }

    fn are_all(&self, hits: u64) -> bool {
        [self.hours, self.minutes, self.days].iter().all(|sum| u64::try_from(*sum) == Ok(hits))
    }

    fn report(&self, heading: &str, account: &Account) -> String {
        let hits = grouped(account.counted);
        let verdict = match self.are_all(account.counted) {
            true => format!("hours, minutes and days each add up to the {hits} hits"),
            false => {
                let Sums { hours, minutes, days } = self;
                format!(
                    "WRONG: {hits} hits, but {hours} by hour, {minutes} by minute, {days} by day"
                )
            }
        };
        match account.refused {
            0 => format!("{heading}: {verdict}"),
            n => format!("{heading}: {verdict}; {} refused, their page is too long", grouped(n)),
        }
    }
}

/// What to try on the files; `peak` is the page of the chart with its highest hour.
fn next_steps(dbpath: &Path, peak: Option<(Date, u8, &str)>) -> String {
    let program = program();
    let dir = quoted(&dbpath.to_string_lossy());
    let mut text = format!("\nThe files are in {dir}. Try:\n\n");
    if let Some((date, hour, page)) = peak {
        let period = Period::Hour(date, hour);
        text += &(chart_line(dbpath, "preallocated", SITE, page, period) + "\n");
    }
    text + &format!(
        "  {program} inspect --dbpath {dir} \\\n    \
         --db growing --collection daily\n  \
         {program} dump --dbpath {dir} \\\n    \
         --db preallocated --collection monthly | head -1\n  \
         {program} validate --dbpath {dir}\n"
    )
}
