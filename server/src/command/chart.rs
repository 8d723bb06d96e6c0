//! `tallymap chart`: a page's hits over a day, an hour or a month.

use std::borrow::Cow;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use jiff::civil::Date;
use tallymap::reports::{Day, PageViews};

use super::known_pages::hint;
use super::selection::{existing_collection, existing_database, open_read_only};
use crate::chart::{Period, Series, draw};
use crate::cli::{EXIT_CODES, parse_day, parse_month};
use crate::error::CliError;
use crate::output::Output;
use crate::terminal::Terminal;

/// Draw the hits of a page: a day by hour, an hour by minute, a month by day
///
/// Reads one document and draws it in the terminal, as wide as that is (COLUMNS outranks it), in
/// colour unless NO_COLOR is set. Days and hours are those of the log that was counted. The
/// directory is opened read-only; not one byte of it changes.
///
/// Examples:
///
///   tallymap chart --dbpath data --site example.org --page / --day 2010-10-10
///   tallymap chart --dbpath data --site example.org --page / --day 2010-10-10 --hour 13
///   tallymap chart --dbpath data --site example.org --page / --month 2010-10 --json
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_help = EXIT_CODES)]
pub struct Chart {
    /// The data directory
    #[arg(long, value_name = "DIR")]
    pub dbpath: PathBuf,
    /// The database
    #[arg(long, default_value = "stats")]
    pub db: String,
    /// The site
    #[arg(long)]
    pub site: String,
    /// The page, as its path without a query
    #[arg(long, value_name = "PATH")]
    pub page: String,
    /// The day, by hour
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = parse_day,
          required_unless_present = "month")]
    pub day: Option<Date>,
    /// This hour of the day, 0 to 23, by minute
    #[arg(long, value_name = "H", value_parser = clap::value_parser!(u8).range(0..=23),
          requires = "day", conflicts_with = "month")]
    pub hour: Option<u8>,
    /// The whole month, by day
    #[arg(long, value_name = "YYYY-MM", value_parser = parse_month)]
    pub month: Option<Date>,
    /// Write the figures as JSON instead
    #[arg(long)]
    pub json: bool,
}

impl Chart {
    /// Runs the command.
    pub fn run(&self) -> Result<ExitCode, CliError> {
        let period = self.period()?;
        let engine = open_read_only(&self.dbpath)?;
        let database = existing_database(&engine, &self.db)?;
        let name = if matches!(period, Period::Month(_)) { "monthly" } else { "daily" };
        existing_collection(&database, name)?;
        let views = PageViews::open(&engine, &self.db)?;
        let (site, page) = (&self.site, with_slash(&self.page));
        let Some(series) = read(&views, site, &page, period)? else {
            let hint = hint(&views, site, &page)?;
            let message = format!("{site} {page} {period}: nothing is counted\n{hint}");
            return Err(CliError::NotThere(message));
        };
        let mut output = Output::stdout();
        match self.json {
            true => output.json(&series.to_json())?,
            false => output.text(&draw(&series, &Terminal::of_stdout()))?,
        }
        output.finish()?;
        engine.close()?;
        Ok(ExitCode::SUCCESS)
    }

    /// What is to be drawn.
    fn period(&self) -> Result<Period, CliError> {
        match (self.day, self.hour, self.month) {
            (Some(day), _, Some(month)) if day.first_of_month() != month => {
                let month = Period::Month(month);
                Err(CliError::Usage(format!("--day {day} is not in --month {month}")))
            }
            (_, _, Some(month)) => Ok(Period::Month(month)),
            (Some(day), Some(hour), None) => Ok(Period::Hour(day, hour)),
            (Some(day), None, None) => Ok(Period::Day(day)),
            (None, _, None) => Err(CliError::Usage("--day or --month is needed".to_owned())),
        }
    }
}

/// A page as it is counted: paths begin with a slash.
pub fn with_slash(page: &str) -> Cow<'_, str> {
    match page.starts_with('/') {
        true => Cow::Borrowed(page),
        false => Cow::Owned(format!("/{page}")),
    }
}

/// The figures of a page; `None` if it has no document of that time.
pub fn read(
    views: &PageViews,
    site: &str,
    page: &str,
    period: Period,
) -> Result<Option<Series>, CliError> {
    let (Period::Day(date) | Period::Hour(date, _) | Period::Month(date)) = period;
    let day = Day::new(date.year().into(), date.month() as u32, date.day() as u32);
    let day = day.ok_or_else(|| CliError::Usage(format!("{date} is not a day of our calendar")))?;
    let counts = match period {
        Period::Day(_) if views.has_day(day, site, page)? => {
            views.hourly(site, page, day.start()..day.plus(1).start())?
        }
        Period::Hour(_, hour) if views.has_day(day, site, page)? => {
            let start = day.start().plus(60 * i64::from(hour));
            views.minutes(site, page, start..start.plus(60))?
        }
        Period::Month(_) if views.has_month(day, site, page)? => {
            let first = day.first_of_month();
            views.by_day(site, page, first..first.plus(day.days_in_month() as i32))?
        }
        _ => return Ok(None),
    };
    let hits = counts.counts.iter().map(|count| u64::try_from(*count).unwrap_or(0)).collect();
    Ok(Some(Series::new(site, page, period, hits)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use jiff::civil::date;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        chart: Chart,
    }

    fn period(options: &str) -> Result<Period, String> {
        let line = format!("chart --dbpath d --site s --page / {options}");
        let line = Line::try_parse_from(line.split_whitespace()).map_err(|e| e.to_string())?;
        line.chart.period().map_err(|e| e.to_string())
    }

    #[test]
    fn a_day_an_hour_or_a_month() {
        let day = date(2010, 10, 10);
        assert_eq!(period("--day 2010-10-10"), Ok(Period::Day(day)));
        assert_eq!(period("--day 2010-10-10 --hour 13"), Ok(Period::Hour(day, 13)));
        assert_eq!(period("--month 2010-10"), Ok(Period::Month(date(2010, 10, 1))));
        let both = period("--day 2010-10-10 --month 2010-10");
        assert_eq!(both, Ok(Period::Month(date(2010, 10, 1))));
        let apart = period("--day 2010-11-10 --month 2010-10");
        assert_eq!(apart, Err("--day 2010-11-10 is not in --month 2010-10".to_owned()));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for options in ["", "--hour 3", "--day 2010-10-10 --hour 24", "--month 2010-10 --hour 3"] {
            assert!(period(options).is_err(), "{options}");
        }
    }
}
