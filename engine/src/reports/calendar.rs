//! Days and minutes of a civil calendar: what a report counts by.
//!
//! A [`Minute`] is wall-clock time in whatever zone the caller counts in; it has no zone of its
//! own. Stored dates are midnight of the civil day, written as if that were UTC, as the
//! articles' `datetime.combine(d, time.min)` does.

use std::fmt;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::{Error, Reason, Result};

const MINUTES_PER_DAY: i64 = 1440;
/// The years whose dates have four digits: those that `_id`s like `20001010/…` can hold.
const YEARS: std::ops::RangeInclusive<i32> = 1..=9999;

/// A day of the proleptic Gregorian calendar.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day {
    /// Days since 1970-01-01.
    days: i32,
}

/// A minute of wall-clock time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Minute {
    /// Minutes since 1970-01-01T00:00.
    minutes: i64,
}

impl Day {
    /// The day `year`-`month`-`day`, if there is one. Years 1 to 9999.
    pub fn new(year: i32, month: u32, day: u32) -> Option<Day> {
        let fits = YEARS.contains(&year) && (1..=12).contains(&month) && day >= 1;
        (fits && day <= days_in_month(year, month))
            .then(|| Day { days: days_from_civil(year, month, day) })
    }

    /// Year, month (1–12) and day of the month (1–31).
    pub fn civil(self) -> (i32, u32, u32) {
        civil_from_days(self.days)
    }

    /// The first day of its month.
    pub fn first_of_month(self) -> Day {
        let (year, month, _) = self.civil();
        Day { days: days_from_civil(year, month, 1) }
    }

    /// Days in its month, 28–31.
    pub fn days_in_month(self) -> u32 {
        let (year, month, _) = self.civil();
        days_in_month(year, month)
    }

    /// The day `n` days later (or earlier).
    pub fn plus(self, n: i32) -> Day {
        Day { days: self.days + n }
    }

    /// Its first minute.
    pub fn start(self) -> Minute {
        Minute { minutes: i64::from(self.days) * MINUTES_PER_DAY }
    }

    /// Midnight as BSON stores it: milliseconds since the Unix epoch.
    pub fn date(self) -> bson::DateTime {
        bson::DateTime::from_millis(i64::from(self.days) * MINUTES_PER_DAY * 60_000)
    }
}

impl Minute {
    /// `hour`:`minute` on `day`, if there is such a time.
    pub fn new(day: Day, hour: u32, minute: u32) -> Option<Minute> {
        (hour < 24 && minute < 60).then(|| day.start().plus(i64::from(hour * 60 + minute)))
    }

    /// The minute in UTC that holds this instant, in milliseconds since the Unix epoch.
    pub fn from_unix_ms(ms: i64) -> Minute {
        Minute { minutes: ms.div_euclid(60_000) }
    }

    /// Its day.
    pub fn day(self) -> Day {
        Day { days: self.minutes.div_euclid(MINUTES_PER_DAY) as i32 }
    }

    /// Hour of the day, 0–23.
    pub fn hour(self) -> u32 {
        self.of_day() / 60
    }

    /// Minute of the hour, 0–59.
    pub fn minute(self) -> u32 {
        self.of_day() % 60
    }

    /// Minute of the day, 0–1439.
    pub fn of_day(self) -> u32 {
        self.minutes.rem_euclid(MINUTES_PER_DAY) as u32
    }

    /// The minute `n` minutes later (or earlier).
    pub fn plus(self, n: i64) -> Minute {
        Minute { minutes: self.minutes + n }
    }

    /// Minutes from `earlier` to here.
    pub fn since(self, earlier: Minute) -> i64 {
        self.minutes - earlier.minutes
    }
}

impl From<SystemTime> for Minute {
    /// The minute in UTC.
    fn from(at: SystemTime) -> Minute {
        let ms = match at.duration_since(UNIX_EPOCH) {
            Ok(after) => after.as_millis() as i64,
            Err(before) => -(before.duration().as_millis() as i64),
        };
        Minute::from_unix_ms(ms)
    }
}

impl From<bson::DateTime> for Minute {
    /// The minute in UTC.
    fn from(at: bson::DateTime) -> Minute {
        Minute::from_unix_ms(at.timestamp_millis())
    }
}

impl FromStr for Day {
    type Err = Error;

    /// Reads `2000-10-10`.
    fn from_str(text: &str) -> Result<Day> {
        let mut parts = text.splitn(3, '-').map(str::parse::<u32>);
        let mut next = || parts.next()?.ok();
        let day = (|| Day::new(next()? as i32, next()?, next()?))();
        day.ok_or_else(|| {
            Error::refused(Reason::BadValue, format!("'{text}' is not a day like 2000-10-10"))
        })
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Minute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:02}:{:02}", self.day(), self.hour(), self.minute())
    }
}

impl fmt::Debug for Minute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn days_in_month(year: i32, month: u32) -> u32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01. Years are counted from March, so that a leap day ends its year.
fn days_from_civil(year: i32, month: u32, day: u32) -> i32 {
    let march_year = year - i32::from(month <= 2);
    let era = march_year.div_euclid(400);
    let year_of_era = march_year.rem_euclid(400);
    let month_from_march = (month as i32 + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day as i32 - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The inverse of [`days_from_civil`].
fn civil_from_days(days: i32) -> (i32, u32, u32) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let leap_days = day_of_era / 1460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * month_from_march + 2) / 5 + 1) as u32;
    let month = ((month_from_march + 2) % 12 + 1) as u32;
    (year_of_era + era * 400 + i32::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_eight_centuries_follows_the_one_before() {
        let from = if cfg!(miri) { 2399 } else { 1600 };
        let mut day = Day::new(from, 1, 1).expect("a day");
        while day.civil().0 < 2400 {
            let (year, month, of_month) = day.civil();
            assert_eq!(Day::new(year, month, of_month), Some(day));
            let next = day.plus(1).civil();
            let expected = match (month, of_month == day.days_in_month()) {
                (12, true) => (year + 1, 1, 1),
                (_, true) => (year, month + 1, 1),
                (_, false) => (year, month, of_month + 1),
            };
            assert_eq!(next, expected);
            day = day.plus(1);
        }
    }

    #[test]
    fn known_instants() {
        let minute = Minute::from_unix_ms(971_211_336_000); // Tue 10 Oct 2000 20:55:36 UTC
        assert_eq!(minute.to_string(), "2000-10-10 20:55");
        assert_eq!(minute.day().date().timestamp_millis(), 971_136_000_000);
        assert_eq!((minute.hour(), minute.minute(), minute.of_day()), (20, 55, 1255));
        assert_eq!(Minute::from_unix_ms(-1).to_string(), "1969-12-31 23:59");
    }

    #[test]
    fn refuses_days_that_do_not_exist() {
        for text in ["2001-02-29", "2000-13-01", "2000-00-10", "2000-10-00", "x", "2000-10", ""] {
            assert!(text.parse::<Day>().is_err(), "{text}");
        }
        assert_eq!(
            "2000-02-29".parse::<Day>().map(|d| d.to_string()).ok().as_deref(),
            Some("2000-02-29")
        );
        assert_eq!(Minute::new(Day { days: 0 }, 24, 0), None);
    }
}
