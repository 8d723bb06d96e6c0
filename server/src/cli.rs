//! The command line: what `tallymap --help` says, and the values that options take.
//!
//! Each command's own options stand beside what it does, in `command/`.

use clap::{Parser, ValueEnum};
use jiff::civil::Date;
use tallymap::SizingPolicy;
use tallymap::reports::MinuteLayout;

use crate::command::Command;

/// What every `--help` ends with.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  the data is wrong or not there: damage was found, or nothing is counted of the page
  2  wrong usage, or no such database or collection
  3  a file cannot be read or written, the disk is full, the directory is in use, or a
     server or an address cannot be reached";

/// Counts in MongoDB's MMAPv1 files, in place; serves them to MongoDB's drivers; looks into them.
///
/// A hit on a page adds one to a few numbers inside a document that already has its final size:
/// the page's document of the day, 24 hours × 60 minutes of zeroes, and that of the month. The
/// files are those of mongod 2.4 – 4.0 with the MMAPv1 engine; any such directory, cleanly closed
/// or crashed, can be dumped, validated, inspected and repaired here. `serve` lets MongoDB's
/// drivers and tools use one as they use a standalone mongod 5.0.
///
/// Start with:
///
///   tallymap demo
///   tallymap serve --dbpath data
#[derive(Debug, Parser)]
#[command(
    name = "tallymap",
    version,
    verbatim_doc_comment,
    arg_required_else_help = true,
    after_help = EXIT_CODES
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// How the minutes of a day lie in its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Layout {
    /// 24 sub-documents of 60 minutes: at most 82 fields are skipped to reach one
    Hierarchical,
    /// 1440 fields side by side: up to 1439 are skipped
    Flat,
}

/// How a document gets its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Growth {
    /// The first hit makes the whole zeroed document, and counts, in one step
    Template,
    /// The zeroed document is inserted before the first hit, as the application would
    Preallocate,
    /// Fields are added as hits come; the document outgrows its record and moves
    Grow,
}

/// How long the record of a document is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Policy {
    /// The next size of the table of MongoDB 3.x: 32, 64, 128 …
    #[value(name = "power_of_2", alias = "power-of-2")]
    PowerOf2,
    /// As long as the document (noPadding)
    #[value(name = "exact")]
    Exact,
    /// The document times a factor that learns from moves, as in MongoDB 2.x
    #[value(name = "padding_factor", alias = "padding-factor")]
    PaddingFactor,
    /// The powers of two of MongoDB 2.4
    #[value(name = "power_of_2_v2_4", alias = "power-of-2-v2-4")]
    PowerOf2V24,
}

impl From<Layout> for MinuteLayout {
    fn from(layout: Layout) -> MinuteLayout {
        match layout {
            Layout::Hierarchical => MinuteLayout::Hierarchical,
            Layout::Flat => MinuteLayout::Flat,
        }
    }
}

impl From<Growth> for tallymap::reports::Growth {
    fn from(growth: Growth) -> tallymap::reports::Growth {
        match growth {
            Growth::Template => tallymap::reports::Growth::Template,
            Growth::Preallocate => tallymap::reports::Growth::Preallocate,
            Growth::Grow => tallymap::reports::Growth::Grow,
        }
    }
}

impl From<Policy> for SizingPolicy {
    fn from(policy: Policy) -> SizingPolicy {
        match policy {
            Policy::PowerOf2 => SizingPolicy::PowerOf2,
            Policy::Exact => SizingPolicy::Exact,
            Policy::PaddingFactor => SizingPolicy::PaddingFactor { quantized: true },
            Policy::PowerOf2V24 => SizingPolicy::PowerOf2V2_4,
        }
    }
}

/// Reads a day, `2010-10-31`.
///
/// # Errors
/// What was expected.
pub fn parse_day(text: &str) -> Result<Date, String> {
    let expected = || format!("'{text}' is not a day such as 2010-10-31");
    let shaped = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let day: Date = shaped.then(|| text.parse().ok()).flatten().ok_or_else(expected)?;
    if day.year() < 1 { Err(expected()) } else { Ok(day) }
}

/// Reads a month, `2010-10`; the answer is its first day.
///
/// # Errors
/// What was expected.
pub fn parse_month(text: &str) -> Result<Date, String> {
    parse_day(&format!("{text}-01")).map_err(|_| format!("'{text}' is not a month such as 2010-10"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use jiff::civil::date;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn days_and_months() {
        assert_eq!(parse_day("2010-10-31"), Ok(date(2010, 10, 31)));
        assert_eq!(parse_month("2010-02"), Ok(date(2010, 2, 1)));
        for text in ["2010-02-29", "2010-2-1", "20101010", "0000-01-01", "today", "", "+002010-10"]
        {
            assert!(parse_day(text).is_err(), "{text}");
        }
        for text in ["2010-13", "2010", "2010-1", "", "2010-10-01"] {
            assert!(parse_month(text).is_err(), "{text}");
        }
    }
}
