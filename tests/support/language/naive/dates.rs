//! Dates in expressions, in UTC and at fixed offsets. No opinion on zones with rules.

use bson::{Bson, Document};

use super::expression::{Computed, Scope, evaluate, is_null};
use super::{NO_OPINION, Naive};

/// The date operators.
pub fn operator(name: &str, operand: &Bson, scope: &Scope) -> Option<Computed> {
    const PARTS: [&str; 13] = [
        "$year",
        "$month",
        "$dayOfMonth",
        "$hour",
        "$minute",
        "$second",
        "$millisecond",
        "$dayOfWeek",
        "$dayOfYear",
        "$week",
        "$isoWeek",
        "$isoWeekYear",
        "$isoDayOfWeek",
    ];
    match name {
        "$dateToString" => Some(to_string(operand, scope)),
        name if PARTS.contains(&name) => Some(part(name, operand, scope)),
        _ => None,
    }
}

/// A moment, taken apart.
struct Moment {
    year: i64,
    month: i64,
    day: i64,
    day_of_year: i64,
    /// 0 is Sunday.
    weekday: i64,
    ms_of_day: i64,
}

fn days_of(year: i64) -> i64 {
    if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) { 366 } else { 365 }
}

impl Moment {
    fn new(ms: i64) -> Moment {
        let (mut days, ms_of_day) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
        let weekday = (days + 4).rem_euclid(7);
        let mut year = 1970;
        while days < 0 {
            year -= 1;
            days += days_of(year);
        }
        while days >= days_of(year) {
            days -= days_of(year);
            year += 1;
        }
        let day_of_year = days + 1;
        let mut month = 0;
        let lens = [31, days_of(year) - 337, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        while days >= lens[month] {
            days -= lens[month];
            month += 1;
        }
        let (month, day) = (month as i64 + 1, days + 1);
        Moment { year, month, day, day_of_year, weekday, ms_of_day }
    }

    /// Weeks from the first Sunday on.
    fn week(&self) -> i64 {
        (self.day_of_year + 6 - self.weekday) / 7
    }

    fn iso_weekday(&self) -> i64 {
        if self.weekday == 0 { 7 } else { self.weekday }
    }

    /// The year and week of the week's Thursday.
    fn iso_week(&self) -> (i64, i64) {
        let thursday = self.day_of_year + 4 - self.iso_weekday();
        match thursday {
            day if day < 1 => (self.year - 1, (day + days_of(self.year - 1) - 1) / 7 + 1),
            day if day > days_of(self.year) => (self.year + 1, 1),
            day => (self.year, (day - 1) / 7 + 1),
        }
    }
}

/// Minutes east of Greenwich.
fn offset(zone: &Bson) -> Naive<i64> {
    match zone.as_str().ok_or(NO_OPINION)? {
        "UTC" => Ok(0),
        text => {
            let sign = if text.starts_with('-') { -1 } else { 1 };
            let rest = text.strip_prefix(['+', '-']).ok_or(NO_OPINION)?.replace(':', "");
            let number = |part: &str| part.parse::<i64>().map_err(|_| NO_OPINION);
            match rest.len() {
                2 => Ok(sign * 60 * number(&rest)?),
                4 => Ok(sign * (60 * number(&rest[..2])? + number(&rest[2..])?)),
                _ => Err(NO_OPINION),
            }
        }
    }
}

/// Milliseconds of what has to be a date; `None` for nothing.
fn millis(value: &Option<Bson>) -> Naive<Option<i64>> {
    match value {
        Some(Bson::DateTime(date)) => Ok(Some(date.timestamp_millis())),
        value if is_null(value) => Ok(None),
        _ => Err(NO_OPINION),
    }
}

fn zoned(parts: &Document, scope: &Scope) -> Naive<(Option<i64>, i64)> {
    let date = millis(&evaluate(parts.get("date").ok_or(NO_OPINION)?, scope)?)?;
    let offset = parts.get("timezone").map_or(Ok(0), offset)?;
    Ok((date, offset))
}

fn part(name: &str, operand: &Bson, scope: &Scope) -> Computed {
    let (ms, offset) = match operand {
        Bson::Document(parts) if parts.contains_key("date") => zoned(parts, scope)?,
        Bson::Array(one) if one.len() == 1 => (millis(&evaluate(&one[0], scope)?)?, 0),
        operand => (millis(&evaluate(operand, scope)?)?, 0),
    };
    let Some(ms) = ms else { return Ok(Some(Bson::Null)) };
    let at = Moment::new(ms + offset * 60_000);
    let value = match name {
        "$year" => at.year,
        "$month" => at.month,
        "$dayOfMonth" => at.day,
        "$hour" => at.ms_of_day / 3_600_000,
        "$minute" => at.ms_of_day / 60_000 % 60,
        "$second" => at.ms_of_day / 1000 % 60,
        "$millisecond" => at.ms_of_day % 1000,
        "$dayOfWeek" => at.weekday + 1,
        "$dayOfYear" => at.day_of_year,
        "$week" => at.week(),
        "$isoWeek" => at.iso_week().1,
        "$isoWeekYear" => return Ok(Some(Bson::Int64(at.iso_week().0))),
        _ => at.iso_weekday(),
    };
    Ok(Some(Bson::Int32(value as i32)))
}

fn to_string(operand: &Bson, scope: &Scope) -> Computed {
    let parts = operand.as_document().ok_or(NO_OPINION)?;
    let (ms, offset) = zoned(parts, scope)?;
    let Some(ms) = ms else {
        return parts.get("onNull").map_or(Ok(Some(Bson::Null)), |value| evaluate(value, scope));
    };
    let at = Moment::new(ms + offset * 60_000);
    let mut out = String::new();
    let mut format = parts.get_str("format").map_err(|_| NO_OPINION)?.chars();
    while let Some(c) = format.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let (value, width) = match format.next() {
            Some('Y') => (at.year, 4),
            Some('m') => (at.month, 2),
            Some('d') => (at.day, 2),
            Some('H') => (at.ms_of_day / 3_600_000, 2),
            Some('M') => (at.ms_of_day / 60_000 % 60, 2),
            Some('S') => (at.ms_of_day / 1000 % 60, 2),
            Some('L') => (at.ms_of_day % 1000, 3),
            Some('j') => (at.day_of_year, 3),
            Some('u') => (at.iso_weekday(), 1),
            Some('w') => (at.weekday + 1, 1),
            Some('V') => (at.iso_week().1, 2),
            Some('G') => (at.iso_week().0, 4),
            Some('U') => (at.week(), 2),
            Some('Z') => {
                out += &if offset == 0 { "0".to_owned() } else { format!("{offset:+}") };
                continue;
            }
            Some('z') => {
                let sign = if offset < 0 { '-' } else { '+' };
                out += &format!("{sign}{:02}{:02}", offset.abs() / 60, offset.abs() % 60);
                continue;
            }
            Some('%') => {
                out.push('%');
                continue;
            }
            _ => return Err(NO_OPINION),
        };
        out += &format!("{value:0width$}");
    }
    Ok(Some(out.into()))
}
