//! `$dateToString`.

use std::fmt::Write;

use super::computed::Computed;
use super::date::{default_text, four_digits, instant, zone};
use super::node::{Frame, Node};
use super::operator::{Names, Operator, Takes};
use super::parse::location;
use super::string::string;
use super::zone::{Civil, Zone};
use crate::bson::text;
use crate::error::Result;

pub(super) const OPERATORS: &[Operator] =
    &[Operator::all("$dateToString", Takes::Named(&NAMES), run)];

const NAMES: Names = Names {
    names: &["date", "format", "timezone", "onNull"],
    not_object: (18629, "% only supports an object as its argument", false),
    unknown: (18534, "Unrecognized argument to %: "),
    needed: &[(0, 18628, "Missing 'date' parameter to %")],
};

fn run<'a>(args: &'a [Node], frame: &mut Frame<'a>) -> Result<Computed<'a>> {
    let date = args[0].eval(frame)?;
    let format = args[1].eval(frame)?;
    if let Some(format) = string(&format).filter(|_| !args[1].is_absent()) {
        check_format(&format, "YmdHMSLjwuUVGzZ")?;
    } else if !args[1].is_absent() && !format.is_nullish() {
        let message = format!(
            "$dateToString requires that 'format' be a string, found: {} with value {}",
            format.type_name(),
            text::value(format.or_null())
        );
        return Err(location(18533, message));
    }
    let zone = zone(args.get(2), frame)?;
    if date.is_nullish() {
        return match &args[3] {
            node if node.is_absent() => Ok(Computed::null()),
            on_null => on_null.eval(frame),
        };
    }
    let Some(zone) = zone else { return Ok(Computed::null()) };
    if !args[1].is_absent() && format.is_nullish() {
        return Ok(Computed::null());
    }
    let Some(date) = instant(&date)? else { return Ok(Computed::null()) };
    let shown = match string(&format) {
        None => default_text(date, &zone)?,
        Some(format) => formatted(date, &zone, &format)?,
    };
    Ok(Computed::string(&shown))
}

/// Refuses a format with other letters, whatever the date.
pub(super) fn check_format(format: &str, letters: &str) -> Result<()> {
    let mut rest = format.chars();
    while let Some(c) = rest.next() {
        match (c, if c == '%' { rest.next() } else { None }) {
            ('%', None) => return Err(location(18535, "Unmatched '%' at end of format string")),
            ('%', Some(letter)) if letter != '%' && !letters.contains(letter) => {
                let message = format!("Invalid format character '%{letter}' in format string");
                return Err(location(18536, message));
            }
            _ => {}
        }
    }
    Ok(())
}

fn formatted(date: i64, zone: &Zone, format: &str) -> Result<String> {
    let at = Civil::of(zone.local(date));
    let offset = zone.offset_at(date) / 60_000;
    let mut out = String::new();
    let mut rest = format.chars();
    while let Some(c) = rest.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        // Writing to a string does not fail.
        let _ = match rest.next() {
            Some('%') => write!(out, "%"),
            Some('Y') => write!(out, "{:04}", four_digits(at.year)?),
            Some('m') => write!(out, "{:02}", at.month),
            Some('d') => write!(out, "{:02}", at.day),
            Some('H') => write!(out, "{:02}", at.hour()),
            Some('M') => write!(out, "{:02}", at.minute()),
            Some('S') => write!(out, "{:02}", at.second()),
            Some('L') => write!(out, "{:03}", at.millisecond()),
            Some('j') => write!(out, "{:03}", at.day_of_year()),
            Some('w') => write!(out, "{}", at.weekday() + 1),
            Some('u') => write!(out, "{}", at.iso_weekday()),
            Some('U') => write!(out, "{:02}", at.week()),
            Some('V') => write!(out, "{:02}", at.iso_week().1),
            Some('G') => write!(out, "{:04}", four_digits(at.iso_week().0)?),
            Some('z') => {
                let sign = if offset < 0 { '-' } else { '+' };
                write!(out, "{sign}{:02}{:02}", offset.abs() / 60, offset.abs() % 60)
            }
            Some('Z') => write!(out, "{offset}"),
            Some(other) => {
                let message = format!("Invalid format character '%{other}' in format string");
                return Err(location(18536, message));
            }
            None => return Err(location(18535, "Unmatched '%' at end of format string")),
        };
    }
    Ok(out)
}
