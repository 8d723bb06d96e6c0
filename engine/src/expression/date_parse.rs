//! `$dateFromString`: ISO 8601 and near it, or by a format.

use super::computed::Computed;
use super::date::zone;
use super::date_text::check_format;
use super::node::{Frame, Node};
use super::operator::{Names, Operator, Takes};
use super::parse::location;
use super::string::string;
use super::zone::{Civil, DAY, Zone, days_of};
use crate::bson::text;
use crate::error::{Error, Reason, Result};

pub(super) const OPERATORS: &[Operator] =
    &[Operator::all("$dateFromString", Takes::Named(&NAMES), run)];

const NAMES: Names = Names {
    names: &["dateString", "format", "timezone", "onError", "onNull"],
    not_object: (40540, "% only supports an object as an argument, found: ", true),
    unknown: (40541, "Unrecognized argument to %: "),
    needed: &[(0, 40542, "Missing 'dateString' parameter to %")],
};

fn run<'a>(args: &'a [Node], frame: &mut Frame<'a>) -> Result<Computed<'a>> {
    let date = args[0].eval(frame)?;
    let format = args[1].eval(frame)?;
    let shown = |value: &Computed<'_>| {
        format!("found: {} with value {}", value.type_name(), text::value(value.or_null()))
    };
    if !args[1].is_absent() && !format.is_nullish() && string(&format).is_none() {
        let found = shown(&format);
        let message = format!("$dateFromString requires that 'format' be a string, {found}");
        return Err(location(40684, message));
    }
    if let Some(format) = string(&format) {
        check_format(&format, "YmdHMSLjuVGzZ")?;
    }
    let given_zone = zone(args.get(2), frame)?;
    if date.is_nullish() {
        return match &args[4] {
            node if node.is_absent() => Ok(Computed::null()),
            on_null => on_null.eval(frame),
        };
    }
    let Some(given_zone) = given_zone else { return Ok(Computed::null()) };
    if !args[1].is_absent() && format.is_nullish() {
        return Ok(Computed::null());
    }
    let zone = (!args[2].is_absent()).then_some(&given_zone);
    let parsed = match string(&date) {
        Some(text) => parse(&text, string(&format).as_deref(), zone),
        None => {
            let found = shown(&date);
            let message =
                format!("$dateFromString requires that 'dateString' be a string, {found}");
            Err(failed(message))
        }
    };
    match parsed {
        Ok(ms) => Ok(Computed::date(ms)),
        Err(_) if !args[3].is_absent() => args[3].eval(frame),
        Err(error) => Err(error),
    }
}

fn failed(message: String) -> Error {
    Error::refused(Reason::ConversionFailure, message)
}

/// What was read so far.
#[derive(Debug, Default)]
struct Parts {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    iso_year: Option<i64>,
    iso_week: Option<i64>,
    iso_day: Option<i64>,
    day_of_year: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    millisecond: i64,
    zone: Option<Zone>,
}

/// Milliseconds since the epoch of a date as text.
pub(super) fn parse(text: &str, format: Option<&str>, zone: Option<&Zone>) -> Result<i64> {
    let unread =
        |at: usize, what: &str| failed(format!("Error parsing date string '{text}'; {at}: {what}"));
    if text.is_empty() {
        return Err(unread(0, "Empty string ' '"));
    }
    let mut reader = Reader { rest: text };
    let mut parts = Parts::default();
    let done = match format {
        Some(format) => by_format(&mut reader, format, &mut parts)?,
        None => by_iso(&mut reader, &mut parts),
    };
    let at = text.len() - reader.rest.len();
    if done.is_none() || !reader.rest.is_empty() {
        let is_unlike_a_date = !text.bytes().any(|byte| byte.is_ascii_digit());
        return Err(match is_unlike_a_date {
            true => incomplete(text),
            false => unread(at, "Unexpected character"),
        });
    }
    let Some(days) = parts.days() else { return Err(incomplete(text)) };
    let Some(days) = days else {
        return Err(unread(text.len(), "The parsed date was invalid ' '"));
    };
    if parts.hour > 23 || parts.minute > 59 || parts.second > 59 {
        return Err(unread(text.len(), "The parsed time was invalid ' '"));
    }
    let clock = ((parts.hour * 60 + parts.minute) * 60 + parts.second) * 1000 + parts.millisecond;
    let local = days * DAY + clock;
    match (&parts.zone, zone) {
        (Some(_), Some(_)) => {
            let message = "you cannot pass in a date/time string with time zone information \
                           together with a timezone argument";
            Err(failed(message.into()))
        }
        (Some(zone), None) | (None, Some(zone)) => Ok(zone.instant(local)),
        (None, None) => Ok(local),
    }
}

fn incomplete(text: &str) -> Error {
    failed(format!(
        "an incomplete date/time string has been found, with elements missing: \"{text}\""
    ))
}

impl Parts {
    /// Days since the epoch: `None` if a part is missing, `Some(None)` if there is no such day.
    fn days(&self) -> Option<Option<i64>> {
        if let (Some(year), Some(week)) = (self.iso_year, self.iso_week) {
            let fourth = days_of(year, 1, 4);
            let monday = fourth - (Civil::of(fourth * DAY).iso_weekday() - 1);
            return Some(Some(monday + (week - 1) * 7 + self.iso_day.unwrap_or(1) - 1));
        }
        if let (Some(year), Some(day)) = (self.year, self.day_of_year) {
            return Some(Some(days_of(year, 1, 1) + day - 1));
        }
        let (year, month, day) = (self.year?, self.month?, self.day?);
        let days = days_of(year, month, day);
        let back = Civil::of(days * DAY);
        Some(((back.month, back.day) == (month, day)).then_some(days))
    }
}

struct Reader<'t> {
    rest: &'t str,
}

impl Reader<'_> {
    /// A number of `min` to `max` digits.
    fn number(&mut self, min: usize, max: usize) -> Option<i64> {
        let len = self.rest.bytes().take(max).take_while(u8::is_ascii_digit).count();
        if len < min {
            return None;
        }
        let (digits, rest) = self.rest.split_at(len);
        self.rest = rest;
        digits.parse().ok()
    }

    fn take(&mut self, sign: char) -> bool {
        match self.rest.strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// `Z`, a name such as `UTC`, or an offset.
    fn zone(&mut self) -> Option<Zone> {
        if self.take('Z') {
            return Some(Zone::UTC);
        }
        let zone = match Zone::parse(self.rest) {
            Ok(zone) => zone,
            Err(_) => return None,
        };
        self.rest = "";
        Some(zone)
    }
}

/// `2000-10-10T20:55:36.000Z`, less of it, `/` for `-`, a blank for `T`, or no signs at all.
fn by_iso(reader: &mut Reader<'_>, parts: &mut Parts) -> Option<()> {
    parts.year = Some(reader.number(4, 4)?);
    let sign = ['-', '/'].into_iter().find(|sign| reader.take(*sign));
    let width = if sign.is_some() { 1 } else { 2 };
    parts.month = Some(reader.number(width, 2).filter(|month| (1..=12).contains(month))?);
    if let Some(sign) = sign
        && !reader.take(sign)
    {
        return None;
    }
    parts.day = Some(reader.number(width, 2)?);
    if reader.rest.is_empty() {
        return Some(());
    }
    if !reader.take('T') {
        reader.take(' ').then_some(())?;
    }
    parts.hour = reader.number(1, 2)?;
    reader.take(':').then_some(())?;
    parts.minute = reader.number(2, 2)?;
    if reader.take(':') {
        parts.second = reader.number(2, 2)?;
        if reader.take('.') {
            parts.millisecond = fraction(reader)?;
        }
    }
    reader.take(' ');
    if !reader.rest.is_empty() {
        parts.zone = Some(reader.zone()?);
    }
    Some(())
}

/// Milliseconds of a decimal fraction; what is finer is cut off.
fn fraction(reader: &mut Reader<'_>) -> Option<i64> {
    let before = reader.rest.len();
    let number = reader.number(1, 9)?;
    let digits = (before - reader.rest.len()) as u32;
    Some(match digits {
        0..=3 => number * 10_i64.pow(3 - digits),
        _ => number / 10_i64.pow(digits - 3),
    })
}

fn by_format(reader: &mut Reader<'_>, format: &str, parts: &mut Parts) -> Result<Option<()>> {
    let mut signs = format.chars();
    while let Some(sign) = signs.next() {
        if sign != '%' {
            if !reader.take(sign) {
                return Ok(None);
            }
            continue;
        }
        let read = match signs.next() {
            Some('%') => reader.take('%').then_some(()),
            Some('Y') => set(&mut parts.year, reader.number(4, 4)),
            Some('m') => set(&mut parts.month, reader.number(1, 2)),
            Some('d') => set(&mut parts.day, reader.number(1, 2)),
            Some('j') => set(&mut parts.day_of_year, reader.number(1, 3)),
            Some('G') => set(&mut parts.iso_year, reader.number(4, 4)),
            Some('V') => set(&mut parts.iso_week, reader.number(1, 2)),
            Some('u') => set(&mut parts.iso_day, reader.number(1, 1)),
            Some('H') => reader.number(1, 2).map(|hour| parts.hour = hour),
            Some('M') => reader.number(1, 2).map(|minute| parts.minute = minute),
            Some('S') => reader.number(1, 2).map(|second| parts.second = second),
            Some('L') => fraction(reader).map(|part| parts.millisecond = part),
            Some('z') => reader.zone().map(|zone| parts.zone = Some(zone)),
            Some('Z') => minutes(reader).map(|zone| parts.zone = Some(zone)),
            Some(other) => {
                let message = format!("Invalid format character '%{other}' in format string");
                return Err(location(18536, message));
            }
            None => return Err(location(18535, "Unmatched '%' at end of format string")),
        };
        if read.is_none() {
            return Ok(None);
        }
    }
    Ok(Some(()))
}

fn set(part: &mut Option<i64>, number: Option<i64>) -> Option<()> {
    *part = Some(number?);
    Some(())
}

/// An offset in minutes.
fn minutes(reader: &mut Reader<'_>) -> Option<Zone> {
    let sign = if reader.take('-') { -1 } else { 1 };
    reader.take('+');
    Some(Zone::Offset(sign * reader.number(1, 4)? * 60_000))
}
