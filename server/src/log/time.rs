//! The time column, `10/Oct/2000:13:55:36 -0700`: wall clock of the log, and the instant.
//!
//! T1: minute, hour and day are those that the log shows. Its own zone decides; converting them
//! to another zone is a matter of reading, not of counting.

use std::fmt;

use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::cursor::{Cursor, Malformed};

/// A minute of the calendar, in the zone of whoever counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalMinute {
    /// 1 to 9999.
    pub year: i16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
}

impl fmt::Display for LocalMinute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LocalMinute { year, month, day, hour, minute } = self;
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}")
    }
}

/// When a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogTime {
    /// The minute that the log shows (T1).
    pub local: LocalMinute,
    /// Seconds east of UTC of the clock that the log shows.
    pub offset_s: i32,
    /// Seconds since 1970-01-01 00:00:00 UTC.
    pub utc_s: i64,
}

const MONTHS: [&[u8]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

/// Reads the time between the brackets; the cursor is on the first digit of the day.
pub fn parse_time(cursor: &mut Cursor<'_>) -> Result<LogTime, Malformed> {
    let start = *cursor;
    let day = cursor.digits(2, "a day of two digits")? as i8;
    cursor.byte(b'/', "'/' after the day")?;
    let month = parse_month(cursor)?;
    cursor.byte(b'/', "'/' after the month")?;
    let year = cursor.digits(4, "a year of four digits")? as i16;
    cursor.byte(b':', "':' after the year")?;
    let hour = cursor.digits(2, "an hour of two digits")? as i8;
    cursor.byte(b':', "':' after the hour")?;
    let minute = cursor.digits(2, "a minute of two digits")? as i8;
    cursor.byte(b':', "':' after the minute")?;
    let second = cursor.digits(2, "a second of two digits")? as i8;
    cursor.byte(b' ', "a space before the zone")?;
    let offset_s = parse_offset(cursor)?;

    // A leap second is written as 60, and belongs to the minute that it ends.
    let second = if second == 60 { 59 } else { second };
    let impossible = |_| start.malformed("a time that exists");
    let wall = DateTime::new(year, month, day, hour, minute, second, 0).map_err(impossible)?;
    let offset = Offset::from_seconds(offset_s).map_err(impossible)?;
    let utc_s = offset.to_timestamp(wall).map_err(impossible)?.as_second();
    let local = LocalMinute {
        year,
        month: month as u8,
        day: day as u8,
        hour: hour as u8,
        minute: minute as u8,
    };
    Ok(LogTime { local, offset_s, utc_s })
}

/// The month's English abbreviation, as both servers write it in every locale; 1 to 12.
fn parse_month(cursor: &mut Cursor<'_>) -> Result<i8, Malformed> {
    const EXPECTED: &str = "a month: Jan, Feb … Dec";
    let start = *cursor;
    let name = cursor.until(b"/", EXPECTED)?;
    let index = MONTHS.iter().position(|month| *month == name);
    index.map(|index| index as i8 + 1).ok_or_else(|| start.malformed(EXPECTED))
}

/// `+0530` or `-0700`, as seconds east of UTC.
fn parse_offset(cursor: &mut Cursor<'_>) -> Result<i32, Malformed> {
    const EXPECTED: &str = "a zone such as +0200";
    let start = *cursor;
    let sign = match cursor.rest().first() {
        Some(b'-') => -1,
        _ => 1,
    };
    cursor.byte(if sign < 0 { b'-' } else { b'+' }, EXPECTED)?;
    let hours = cursor.digits(2, EXPECTED)? as i32;
    let minutes = cursor.digits(2, EXPECTED)? as i32;
    if hours > 15 || minutes > 59 {
        return Err(start.malformed(EXPECTED));
    }
    Ok(sign * (hours * 3600 + minutes * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<LogTime, Malformed> {
        parse_time(&mut Cursor::new(text.as_bytes()))
    }

    #[test]
    fn the_zone_of_the_log_decides_the_minute() {
        let local = LocalMinute { year: 2000, month: 10, day: 10, hour: 13, minute: 55 };
        let time = parse("10/Oct/2000:13:55:36 -0700").expect("valid");
        assert_eq!(time, LogTime { local, offset_s: -25_200, utc_s: 971_211_336 });
        let kathmandu = parse("10/Oct/2000:13:55:36 +0545").expect("valid");
        assert_eq!(kathmandu.local, local);
        assert_eq!(kathmandu.utc_s, time.utc_s - (7 * 60 + 5 * 60 + 45) * 60);
        assert_eq!(local.to_string(), "2000-10-10 13:55");
    }

    #[test]
    fn days_that_exist_only_sometimes() {
        assert!(parse("29/Feb/2000:00:00:00 +0000").is_ok());
        let never = Err(Malformed { column: 1, expected: "a time that exists" });
        assert_eq!(parse("29/Feb/1900:00:00:00 +0000"), never);
        assert_eq!(parse("00/Jan/2000:00:00:00 +0000"), never);
        assert_eq!(parse("10/Oct/2000:24:00:00 +0000"), never);
        assert_eq!(parse("10/Oct/2000:23:60:00 +0000"), never);
        assert_eq!(parse("10/Oct/2000:23:59:61 +0000"), never);
        let leap = parse("31/Dec/2016:23:59:60 +0000").expect("a leap second");
        assert_eq!((leap.local.minute, leap.utc_s), (59, 1_483_228_799));
    }

    #[test]
    fn says_what_is_missing_where() {
        let at = |text: &str| parse(text).expect_err(text);
        assert_eq!(at("1/Oct/2000:13:55:36 -0700").expected, "a day of two digits");
        assert_eq!(at("10/Okt/2000:13:55:36 -0700").column, 4);
        assert_eq!(at("10/Oct/2000:13:55:36").column, 21);
        assert_eq!(at("10/Oct/2000:13:55:36 UTC").expected, "a zone such as +0200");
        assert_eq!(at("10/Oct/2000:13:55:36 +9900").column, 22);
        assert_eq!(at("31/Dec/9999:23:59:59 -1200").expected, "a time that exists");
    }
}
