//! Time zones, by name or by offset, and the civil calendar.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::parse::location;
use crate::error::{Error, Result};

/// A day, milliseconds.
pub(super) const DAY: i64 = 24 * 60 * 60 * 1000;
const MINUTE: i64 = 60 * 1000;

/// A time zone.
#[derive(Debug, Clone)]
pub(super) enum Zone {
    /// Milliseconds that its clocks are ahead of UTC.
    Offset(i64),
    /// One with rules.
    Named(TimeZone),
}

impl Zone {
    pub const UTC: Zone = Zone::Offset(0);

    /// The zone of this name, which is case-sensitive, or `+hh`, `+hhmm`, `+hh:mm`.
    pub fn parse(name: &str) -> Result<Zone> {
        if let Some(offset) = offset(name) {
            return Ok(Zone::Offset(offset));
        }
        match name {
            "UTC" | "GMT" => return Ok(Zone::UTC),
            "" => return Err(unknown(name)),
            _ => {}
        }
        let zone = TimeZone::get(name).map_err(|_| unknown(name))?;
        match zone.iana_name() == Some(name) {
            true => Ok(Zone::Named(zone)),
            false => Err(unknown(name)),
        }
    }

    /// Milliseconds that its clocks are ahead of UTC at an instant.
    pub fn offset_at(&self, ms: i64) -> i64 {
        match self {
            Zone::Offset(offset) => *offset,
            Zone::Named(zone) => {
                let ends = (Timestamp::MIN.as_millisecond(), Timestamp::MAX.as_millisecond());
                let at = Timestamp::from_millisecond(ms.clamp(ends.0, ends.1));
                at.map_or(0, |at| i64::from(zone.to_offset(at).seconds()) * 1000)
            }
        }
    }

    /// The local time at an instant, as milliseconds since the epoch on a clock there.
    pub fn local(&self, ms: i64) -> i64 {
        ms.saturating_add(self.offset_at(ms))
    }

    /// The instant at which clocks there show a local time: the first of two; of a time that is
    /// skipped, the one that would be without skipping.
    pub fn instant(&self, local: i64) -> i64 {
        match self {
            Zone::Offset(offset) => local.saturating_sub(*offset),
            Zone::Named(_) => {
                // The offsets a day before and after are those around any change.
                let before = self.offset_at(local.saturating_sub(DAY));
                let after = self.offset_at(local.saturating_add(DAY));
                let (early, late) = (local.saturating_sub(before), local.saturating_sub(after));
                match self.offset_at(early) == before {
                    true => early,
                    false if self.offset_at(late) == after => late,
                    false => early,
                }
            }
        }
    }
}

fn unknown(name: &str) -> Error {
    location(40485, format!("unrecognized time zone identifier: \"{name}\""))
}

fn offset(text: &str) -> Option<i64> {
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits = &text[1..];
    let (hours, minutes) = match digits.len() {
        2 => (digits, "0"),
        4 => digits.split_at_checked(2)?,
        5 => digits.split_once(':').filter(|(hours, _)| hours.len() == 2)?,
        _ => return None,
    };
    let number = |text: &str| {
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<i64>().ok().filter(|_| is_number)
    };
    Some(sign * (number(hours)? * 60 + number(minutes)?) * MINUTE)
}

/// A date and time on a calendar and a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Civil {
    pub year: i64,
    /// 1 to 12.
    pub month: i64,
    /// 1 to 31.
    pub day: i64,
    /// Milliseconds since midnight.
    pub clock: i64,
    /// Days since the epoch.
    pub days: i64,
}

impl Civil {
    /// That of local milliseconds since the epoch.
    pub fn of(local: i64) -> Civil {
        let (days, clock) = (local.div_euclid(DAY), local.rem_euclid(DAY));
        // Years begin in March here, so that leap days are last; 400 years repeat.
        let shifted = days + 719_468;
        let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Civil { year, month, day, clock, days }
    }

    pub fn hour(&self) -> i64 {
        self.clock / (60 * MINUTE)
    }

    pub fn minute(&self) -> i64 {
        self.clock / MINUTE % 60
    }

    pub fn second(&self) -> i64 {
        self.clock / 1000 % 60
    }

    pub fn millisecond(&self) -> i64 {
        self.clock % 1000
    }

    /// 1 to 366.
    pub fn day_of_year(&self) -> i64 {
        self.days - days_of(self.year, 1, 1) + 1
    }

    /// 0 is Sunday.
    pub fn weekday(&self) -> i64 {
        (self.days + 4).rem_euclid(7)
    }

    /// 1 is Monday, 7 Sunday.
    pub fn iso_weekday(&self) -> i64 {
        (self.days + 3).rem_euclid(7) + 1
    }

    /// Full weeks of the year that began with a Sunday.
    pub fn week(&self) -> i64 {
        (self.day_of_year() + 6 - self.weekday()) / 7
    }

    /// The year and the week that this day's Thursday is in.
    pub fn iso_week(&self) -> (i64, i64) {
        let thursday = self.days - self.iso_weekday() + 4;
        let year = Civil::of(thursday.saturating_mul(DAY)).year;
        (year, (thursday - days_of(year, 1, 1)) / 7 + 1)
    }
}

/// Days from the epoch to a date; months and days may be beyond their bounds.
pub(super) fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = (year + (month - 1).div_euclid(12), (month - 1).rem_euclid(12) + 1);
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468 + day - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_each_others_inverse() {
        for days in (-800_000..800_000).step_by(97) {
            let civil = Civil::of(days * DAY);
            assert_eq!(days_of(civil.year, civil.month, civil.day), days);
            let date = jiff::civil::date(1970, 1, 1).checked_add(jiff::Span::new().days(days));
            let date = date.unwrap();
            assert_eq!(i64::from(date.year()), civil.year);
            assert_eq!(i64::from(date.day_of_year()), civil.day_of_year());
            let week = date.iso_week_date();
            assert_eq!((week.year().into(), week.week().into()), civil.iso_week());
            assert_eq!(i64::from(week.weekday().to_monday_one_offset()), civil.iso_weekday());
        }
        assert_eq!(days_of(2020, 14, 1), days_of(2021, 2, 1));
        assert_eq!(days_of(2020, 0, -5), days_of(2019, 11, 25));
    }

    #[test]
    fn local_times_that_are_skipped_or_come_twice() {
        let zone = Zone::parse("America/New_York").unwrap();
        let local = |y, m, d, h: i64| days_of(y, m, d) * DAY + (h * 60 + 30) * MINUTE;
        assert_eq!(zone.instant(local(2021, 3, 14, 2)), 1_615_707_000_000);
        assert_eq!(zone.instant(local(2021, 11, 7, 1)), 1_636_263_000_000);
        for hour in [0, 12, 23] {
            let at = local(2021, 3, 14, hour);
            assert_eq!(zone.local(zone.instant(at)), at);
        }
    }
}
