//! `$dateToParts` and `$dateFromParts`.

use super::computed::Computed;
use super::date::{instant, zone};
use super::date_arithmetic::whole;
use super::node::{Frame, Node};
use super::operator::{Names, Operator, Takes};
use super::parse::location;
use super::zone::{Civil, DAY, days_of};
use crate::bson::builder::Builder;
use crate::bson::number::Number;
use crate::bson::{text, ty};
use crate::error::{Error, Reason, Result};

pub(super) const OPERATORS: &[Operator] = &[
    Operator::all("$dateToParts", Takes::Named(&TO_NAMES), to_parts),
    Operator::all("$dateFromParts", Takes::Named(&FROM_NAMES), from_parts),
];

const TO_NAMES: Names = Names {
    names: &["date", "timezone", "iso8601"],
    not_object: (40524, "% only supports an object as its argument", false),
    unknown: (40520, "Unrecognized argument to %: "),
    needed: &[(0, 40522, "Missing 'date' parameter to %")],
};

const PARTS: [&str; 10] = [
    "year",
    "month",
    "day",
    "isoWeekYear",
    "isoWeek",
    "isoDayOfWeek",
    "hour",
    "minute",
    "second",
    "millisecond",
];

const FROM_NAMES: Names = Names {
    names: &[
        "year",
        "month",
        "day",
        "isoWeekYear",
        "isoWeek",
        "isoDayOfWeek",
        "hour",
        "minute",
        "second",
        "millisecond",
        "timezone",
    ],
    not_object: (40519, "% only supports an object as its argument", false),
    unknown: (40518, "Unrecognized argument to %: "),
    needed: &[],
};

fn to_parts<'a>(args: &'a [Node], frame: &mut Frame<'a>) -> Result<Computed<'a>> {
    let date = args[0].eval(frame)?;
    let zone = zone(args.get(1), frame)?;
    let iso = args[2].eval(frame)?;
    let iso = match iso.ty() {
        Some(ty::BOOL) => iso.is_true(),
        None if args[2].is_absent() => false,
        None | Some(ty::NULL | ty::UNDEFINED) => return Ok(Computed::null()),
        Some(other) => {
            let name = ty::name(other);
            return Err(location(40521, format!("iso8601 must evaluate to a bool, found {name}")));
        }
    };
    let (Some(date), Some(zone)) = (instant(&date)?, zone) else { return Ok(Computed::null()) };
    let at = Civil::of(zone.local(date));
    let (iso_year, iso_week) = at.iso_week();
    let first = match iso {
        true => {
            [("isoWeekYear", iso_year), ("isoWeek", iso_week), ("isoDayOfWeek", at.iso_weekday())]
        }
        false => [("year", at.year), ("month", at.month), ("day", at.day)],
    };
    let rest = [
        ("hour", at.hour()),
        ("minute", at.minute()),
        ("second", at.second()),
        ("millisecond", at.millisecond()),
    ];
    let mut out = Builder::new();
    for (name, part) in first.into_iter().chain(rest) {
        out.number(name, Number::Int32(part as i32));
    }
    Ok(Computed::of(ty::DOCUMENT, out.finish()))
}

fn from_parts<'a>(args: &'a [Node], frame: &mut Frame<'a>) -> Result<Computed<'a>> {
    let has = |place: usize| !args[place].is_absent();
    let is_iso = has(3);
    if !has(0) && !is_iso {
        let message = "$dateFromParts requires either 'year' or 'isoWeekYear' to be present";
        return Err(location(40516, message));
    }
    if is_iso && (has(0) || has(1) || has(2)) {
        let (code, mixed) = match has(0) {
            true => (40489, "natural dates with ISO dates"),
            false => (40525, "ISO dates with natural dates"),
        };
        return Err(location(code, format!("$dateFromParts does not allow mixing {mixed}")));
    }
    if !is_iso && (has(4) || has(5)) {
        let message = "$dateFromParts does not allow mixing natural dates with ISO dates";
        return Err(location(40489, message));
    }
    let zone = zone(args.get(10), frame)?;
    let mut parts = [1970, 1, 1, 1970, 1, 1, 0, 0, 0, 0];
    for (place, part) in parts.iter_mut().enumerate().filter(|(place, _)| has(*place)) {
        match part_of(PARTS[place], &args[place].eval(frame)?)? {
            Some(number) => *part = number,
            None => return Ok(Computed::null()),
        }
    }
    let Some(zone) = zone else { return Ok(Computed::null()) };
    let [year, month, day, iso_year, iso_week, iso_day, hour, minute, second, millisecond] = parts;
    let days = match is_iso {
        true => {
            let fourth = days_of(iso_year, 1, 4);
            let monday = fourth - (Civil::of(fourth * DAY).iso_weekday() - 1);
            monday + (iso_week - 1) * 7 + iso_day - 1
        }
        false => days_of(year, month, day),
    };
    let overflow = || {
        let message =
            "Overflow casting from a lower-precision duration to a higher-precision duration";
        Error::refused(Reason::DurationOverflow, message)
    };
    let whole = days * DAY + (hour * 60 + minute) * 60_000;
    let local = second.checked_mul(1000).ok_or_else(overflow)?.checked_add(millisecond);
    let local = local.and_then(|clock| clock.checked_add(whole)).ok_or_else(overflow)?;
    Ok(Computed::date(zone.instant(local)))
}

/// A part of a date; `None` if it is null.
fn part_of(name: &str, value: &Computed<'_>) -> Result<Option<i64>> {
    if value.is_nullish() {
        return Ok(None);
    }
    let Some(number) = whole(value) else {
        let message = format!(
            "'{name}' must evaluate to an integer, found {} with value {}",
            value.type_name(),
            text::value(value.or_null())
        );
        return Err(location(40515, message));
    };
    check_range(name, number)?;
    Ok(Some(number))
}

fn check_range(name: &str, number: i64) -> Result<(), Error> {
    let (min, max) = match name {
        "year" | "isoWeekYear" => {
            if (1..=9999).contains(&number) {
                return Ok(());
            }
            let code = if name == "year" { 40523 } else { 31095 };
            let message = format!(
                "'{name}' must evaluate to an integer in the range 1 to 9999, found {number}"
            );
            return Err(location(code, message));
        }
        "second" | "millisecond" => return Ok(()),
        _ => (i64::from(i16::MIN), i64::from(i16::MAX)),
    };
    if (min..=max).contains(&number) {
        return Ok(());
    }
    let message = format!(
        "'{name}' must evaluate to a value in the range [{min}, {max}]; value {number} is not in \
         range"
    );
    Err(location(31034, message))
}
