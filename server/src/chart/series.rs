//! The figures of a chart: one count for each hour, minute or day of a period.
//!
//! S1: a series has exactly as many counts as its period has units.

use std::fmt;

use jiff::civil::Date;
use serde_json::{Map, Value, json};

/// What a chart spans, and by which unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// A day, by hour.
    Day(Date),
    /// An hour of a day, 0 to 23, by minute.
    Hour(Date, u8),
    /// The month that the date is in, by day.
    Month(Date),
}

impl Period {
    /// How many units it has: 24, 60, or the days of the month.
    pub fn units(self) -> usize {
        match self {
            Period::Day(_) => 24,
            Period::Hour(..) => 60,
            Period::Month(date) => date.days_in_month() as usize,
        }
    }

    /// The number by which people call its first unit: days begin at 1.
    pub fn first(self) -> usize {
        match self {
            Period::Month(_) => 1,
            Period::Day(_) | Period::Hour(..) => 0,
        }
    }

    /// The unit's name.
    pub fn unit(self) -> &'static str {
        match self {
            Period::Day(_) => "hour",
            Period::Hour(..) => "minute",
            Period::Month(_) => "day",
        }
    }

    /// Units between two labels of the axis.
    pub fn label_step(self) -> usize {
        match self {
            Period::Day(_) => 3,
            Period::Hour(..) => 10,
            Period::Month(_) => 5,
        }
    }

    /// Unit `index`, from 0, in full: `10:00–10:59`, `10:07`, `2010-10-07`.
    pub fn name_of(self, index: usize) -> String {
        match self {
            Period::Day(_) => format!("{index:02}:00–{index:02}:59"),
            Period::Hour(_, hour) => format!("{hour:02}:{index:02}"),
            Period::Month(date) => {
                format!("{:04}-{:02}-{:02}", date.year(), date.month(), index + 1)
            }
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Period::Day(date) => write!(f, "{date}"),
            Period::Hour(date, hour) => write!(f, "{date} {hour:02}h"),
            Period::Month(date) => write!(f, "{:04}-{:02}", date.year(), date.month()),
        }
    }
}

/// The hits of one page over a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    site: String,
    page: String,
    period: Period,
    hits: Vec<u64>,
}

impl Series {
    /// `hits` of `page`; cut or filled with zeroes to the length of the period (S1).
    pub fn new(site: &str, page: &str, period: Period, mut hits: Vec<u64>) -> Series {
        hits.resize(period.units(), 0);
        Series { site: site.to_owned(), page: page.to_owned(), period, hits }
    }

    /// The site.
    pub fn site(&self) -> &str {
        &self.site
    }

    /// The page.
    pub fn page(&self) -> &str {
        &self.page
    }

    /// What it spans.
    pub fn period(&self) -> Period {
        self.period
    }

    /// One count for each unit.
    pub fn hits(&self) -> &[u64] {
        &self.hits
    }

    /// The sum of the counts.
    pub fn total(&self) -> u64 {
        self.hits.iter().fold(0, |sum, hits| sum.saturating_add(*hits))
    }

    /// Index of the highest count, the earliest if there are several; `None` if all are zero.
    pub fn peak(&self) -> Option<usize> {
        let highest = self.hits.iter().copied().max().filter(|hits| *hits > 0)?;
        self.hits.iter().position(|hits| *hits == highest)
    }

    /// The figures as JSON: an object with `site`, `page`, `period`, `total`, `peak` and `hits`,
    /// the last an array of `{"hour": 0, "hits": 1}` (or `minute`, or `day`).
    pub fn to_json(&self) -> Value {
        let of = |index: usize| {
            let mut unit = Map::new();
            unit.insert(self.period.unit().to_owned(), json!(index + self.period.first()));
            unit.insert("hits".to_owned(), json!(self.hits[index]));
            Value::Object(unit)
        };
        json!({
            "site": self.site,
            "page": self.page,
            "period": self.period.to_string(),
            "total": self.total(),
            "peak": self.peak().map(of),
            "hits": (0..self.hits.len()).map(of).collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_period_decides_the_length() {
        let day = date(2000, 2, 10);
        for (period, units) in
            [(Period::Day(day), 24), (Period::Hour(day, 13), 60), (Period::Month(day), 29)]
        {
            assert_eq!(Series::new("s", "/", period, vec![1]).hits().len(), units);
            assert_eq!(Series::new("s", "/", period, vec![1; 99]).total(), units as u64);
        }
    }

    #[test]
    fn names_of_periods_and_units() {
        let day = date(2000, 2, 9);
        assert_eq!(Period::Day(day).to_string(), "2000-02-09");
        assert_eq!(Period::Day(day).name_of(7), "07:00–07:59");
        assert_eq!(Period::Hour(day, 7).to_string(), "2000-02-09 07h");
        assert_eq!(Period::Hour(day, 7).name_of(5), "07:05");
        assert_eq!(Period::Month(day).to_string(), "2000-02");
        assert_eq!(Period::Month(day).name_of(0), "2000-02-01");
    }

    #[test]
    fn json_says_everything() {
        let month = Period::Month(date(2000, 2, 9));
        let json = Series::new("site-1", "/a", month, vec![0, 7, 7]).to_json();
        assert_eq!(json["total"], 14);
        assert_eq!(json["peak"], json!({"day": 2, "hits": 7}));
        assert_eq!(json["hits"].as_array().map(Vec::len), Some(29));
        assert_eq!(json["hits"][0], json!({"day": 1, "hits": 0}));
        assert_eq!(Series::new("s", "/", month, vec![]).to_json()["peak"], Value::Null);
    }
}
