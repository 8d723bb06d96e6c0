//! Hits into the counters of a database: what `ingest` and `demo` do to each request.
//!
//! C1. `counted + refused` is the number of hits given. A hit is refused if its page is longer
//!     than an index key may be; nothing of it is counted then.

use tallymap::reports::{Day, HitReport, Minute, PageViews};
use tallymap::{Error, UpdateReport};

use crate::error::CliError;
use crate::log::LocalMinute;

/// Refused pages that are kept for the report.
const REFUSED_SAMPLES_MAX: usize = 3;
/// Characters of them that are kept.
const REFUSED_SAMPLE_LEN: usize = 60;

/// Counts hits of one site, and keeps account of what that costs.
#[derive(Debug)]
pub struct Counting {
    views: PageViews,
    site: String,
    /// The account.
    pub account: Account,
}

/// What counting cost.
#[derive(Debug, Clone, Default)]
pub struct Account {
    /// Hits that are counted.
    pub counted: u64,
    /// Hits that the database refused.
    pub refused: u64,
    /// How the pages of the first of them begin.
    pub refused_samples: Vec<String>,
    /// Documents made.
    pub made: u64,
    /// Documents that outgrew their record.
    pub moves: u64,
    /// Bytes of documents copied by moves.
    pub bytes_moved: u64,
    /// Fields stepped over to reach the counters.
    pub fields_skipped: u64,
}

impl Counting {
    /// Counts into `views` what `site` was asked for.
    pub fn new(views: PageViews, site: &str) -> Counting {
        Counting { views, site: site.to_owned(), account: Account::default() }
    }

    /// The counters.
    pub fn views(&self) -> &PageViews {
        &self.views
    }

    /// Counts one hit on `page`. Answers whether it is counted, not refused (C1).
    ///
    /// # Errors
    /// Those of an update, a key that is too long excepted.
    pub fn hit(&mut self, at: LocalMinute, page: &str) -> Result<bool, CliError> {
        match self.views.log_hit(minute_of(at), &self.site, page) {
            Ok(HitReport { daily, monthly }) => {
                self.account.counted += 1;
                self.account.add(&daily);
                self.account.add(&monthly);
                Ok(true)
            }
            Err(Error::KeyTooLong { .. }) => {
                self.account.refuse(page);
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl Account {
    fn add(&mut self, report: &UpdateReport) {
        self.made += u64::from(report.upserted.is_some());
        self.fields_skipped += u64::from(report.fields_skipped);
        if report.moved.is_some() {
            self.moves += 1;
            self.bytes_moved += u64::from(report.bytes_written);
        }
    }

    fn refuse(&mut self, page: &str) {
        self.refused += 1;
        if self.refused_samples.len() < REFUSED_SAMPLES_MAX {
            self.refused_samples.push(page.chars().take(REFUSED_SAMPLE_LEN).collect());
        }
    }
}

/// The day that `at` is in.
pub fn day_of(at: LocalMinute) -> Day {
    let day = Day::new(at.year.into(), at.month.into(), at.day.into());
    day.expect("a LocalMinute is a minute of the calendar")
}

fn minute_of(at: LocalMinute) -> Minute {
    let minute = Minute::new(day_of(at), at.hour.into(), at.minute.into());
    minute.expect("a LocalMinute is a minute of the calendar")
}
