//! `$dateAdd`, `$dateSubtract`, `$dateDiff`, `$dateTrunc`: in units of the calendar, in a time
//! zone. Bins of `$dateTrunc` are counted from the year 2000.

use super::computed::Computed;
use super::date::{instant, zone};
use super::node::{Frame, Node};
use super::operator::{Names, Operator, Takes};
use super::parse::location;
use super::string::string;
use super::zone::{Civil, DAY, Zone, days_of};
use crate::bson::text;
use crate::error::{Error, Result};

pub(super) const OPERATORS: &[Operator] = &[
    Operator::all("$dateAdd", Takes::Named(&ADD_NAMES), |args, frame| {
        add("$dateAdd", args, frame, 1)
    }),
    Operator::all("$dateSubtract", Takes::Named(&ADD_NAMES), |args, frame| {
        add("$dateSubtract", args, frame, -1)
    }),
    Operator::all("$dateDiff", Takes::Named(&DIFF_NAMES), difference),
    Operator::all("$dateTrunc", Takes::Named(&TRUNC_NAMES), truncate),
];

const MISSING: &str = "% requires startDate, unit, and amount to be present";

const ADD_NAMES: Names = Names {
    names: &["startDate", "unit", "amount", "timezone"],
    not_object: (5_166_400, "% expects an object as its argument", false),
    unknown: (5_166_401, "Unrecognized argument to %: "),
    needed: &[(0, 5_166_402, MISSING), (1, 5_166_402, MISSING), (2, 5_166_402, MISSING)],
};

const DIFF_NAMES: Names = Names {
    names: &["startDate", "endDate", "unit", "timezone", "startOfWeek"],
    not_object: (5_166_301, "% only supports an object as its argument", false),
    unknown: (5_166_302, "Unrecognized argument to %: "),
    needed: &[
        (0, 5_166_303, "Missing 'startDate' parameter to %"),
        (1, 5_166_304, "Missing 'endDate' parameter to %"),
        (2, 5_166_305, "Missing 'unit' parameter to %"),
    ],
};

const TRUNC_NAMES: Names = Names {
    names: &["date", "unit", "binSize", "timezone", "startOfWeek"],
    not_object: (5_439_007, "% only supports an object as its argument", false),
    unknown: (5_439_008, "Unrecognized argument to %: "),
    needed: &[
        (0, 5_439_009, "Missing 'date' parameter to %"),
        (1, 5_439_010, "Missing 'unit' parameter to %"),
    ],
};

/// A unit: so many months, or so many milliseconds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Months(i64),
    /// Of the calendar: with the clocks of the zone.
    Days(i64),
    /// Of time that passes.
    Milliseconds(i64),
}

fn unit_of(name: &str) -> Option<Unit> {
    Some(match name {
        "year" => Unit::Months(12),
        "quarter" => Unit::Months(3),
        "month" => Unit::Months(1),
        "week" => Unit::Days(7),
        "day" => Unit::Days(1),
        "hour" => Unit::Milliseconds(3_600_000),
        "minute" => Unit::Milliseconds(60_000),
        "second" => Unit::Milliseconds(1000),
        "millisecond" => Unit::Milliseconds(1),
        _ => return None,
    })
}

/// An integer, whatever its type.
pub(super) fn whole(value: &Computed<'_>) -> Option<i64> {
    match value.as_number() {
        Some(number) => number.to_i64(),
        None => super::array::as_i32(value).map(i64::from),
    }
}

fn add<'a>(
    operator: &str,
    args: &'a [Node],
    frame: &mut Frame<'a>,
    sign: i64,
) -> Result<Computed<'a>> {
    let (date, unit, amount) = (args[0].eval(frame)?, args[1].eval(frame)?, args[2].eval(frame)?);
    let zone = zone(args.get(3), frame)?;
    if date.is_nullish() || unit.is_nullish() || amount.is_nullish() {
        return Ok(Computed::null());
    }
    let Some(zone) = zone else { return Ok(Computed::null()) };
    let Ok(Some(ms)) = instant(&date) else {
        let message = format!("{operator} requires startDate to be convertible to a date");
        return Err(location(5_166_403, message));
    };
    let Some(name) = string(&unit) else {
        return Err(location(
            5_166_404,
            format!("{operator} expects string defining the time unit"),
        ));
    };
    let Some(unit) = unit_of(&name) else {
        return Err(location(9, format!("unknown time unit value: {name}")));
    };
    let Some(amount) = whole(&amount) else {
        return Err(location(
            5_166_405,
            format!("{operator} expects integer amount of time units"),
        ));
    };
    let moved = amount.checked_mul(sign).and_then(|amount| plus(ms, unit, amount, &zone));
    moved.map(Computed::date).ok_or_else(|| {
        let message = format!("invalid dateAdd 'amount' parameter value: {amount} {name}");
        location(5_976_500, message)
    })
}

/// The date `amount` units later. A day that a month lacks is its last.
fn plus(ms: i64, unit: Unit, amount: i64, zone: &Zone) -> Option<i64> {
    // So many that no date has them.
    const AMOUNT_MAX: i64 = 1 << 40;
    match unit {
        Unit::Milliseconds(len) => ms.checked_add(amount.checked_mul(len)?),
        _ if amount.abs() > AMOUNT_MAX => None,
        Unit::Days(days) => {
            Some(zone.instant(zone.local(ms).checked_add((amount * days).checked_mul(DAY)?)?))
        }
        Unit::Months(months) => {
            let at = Civil::of(zone.local(ms));
            let month = at.month.checked_add(amount.checked_mul(months)?)?;
            let first = days_of(at.year, month, 1);
            let len = days_of(at.year, month + 1, 1) - first;
            let days = first + at.day.min(len) - 1;
            Some(zone.instant(days.checked_mul(DAY)?.checked_add(at.clock)?))
        }
    }
}

/// The time zone of an operator that says whose it was.
fn named_zone<'a>(operator: &str, arg: &'a Node, frame: &mut Frame<'a>) -> Result<Option<Zone>> {
    zone(Some(arg), frame).map_err(|error| match error {
        Error::Refused { reason, message } => {
            let message = format!(
                "{operator} parameter 'timezone' value parsing failed :: caused by :: {message}"
            );
            Error::refused(reason, message)
        }
        error => error,
    })
}

fn unit_argument(operator: &str, unit: &Computed<'_>) -> Result<(Unit, bool)> {
    let Some(name) = string(unit) else {
        let message =
            format!("{operator} requires 'unit' to be a string, but got {}", unit.type_name());
        return Err(location(5_439_013, message));
    };
    match unit_of(&name) {
        Some(unit) => Ok((unit, name == "week")),
        None => {
            let message = format!(
                "{operator} parameter 'unit' value cannot be recognized as a time unit: {name}"
            );
            Err(location(5_439_014, message))
        }
    }
}

fn date_argument(operator: &str, code: i32, name: &str, value: &Computed<'_>) -> Result<i64> {
    match instant(value) {
        Ok(Some(ms)) => Ok(ms),
        _ => {
            let found = value.type_name();
            let message = format!("{operator} requires '{name}' to be a date, but got {found}");
            Err(location(code, message))
        }
    }
}

/// Is it in weeks that begin with null?
fn has_no_week(unit: &Computed<'_>, arg: &Node, week: &Computed<'_>) -> bool {
    !arg.is_absent() && week.is_nullish() && string(unit).is_some_and(|unit| unit == "week")
}

/// The day with which weeks begin, 0 being Sunday; `None` if it is null.
fn start_of_week(operator: &str, arg: &Node, value: &Computed<'_>) -> Result<Option<i64>> {
    const DAYS: [&str; 7] =
        ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
    if arg.is_absent() {
        return Ok(Some(0));
    }
    if value.is_nullish() {
        return Ok(None);
    }
    let Some(name) = string(value) else {
        let found = value.type_name();
        let message = format!("{operator} requires 'startOfWeek' to be a string, but got {found}");
        return Err(location(5_439_015, message));
    };
    let lower = name.to_ascii_lowercase();
    match DAYS.iter().position(|day| *day == lower || day[..3] == lower) {
        Some(day) => Ok(Some(day as i64)),
        None => {
            let message = format!(
                "{operator} parameter 'startOfWeek' value cannot be recognized as a day of a \
                 week: {name}"
            );
            Err(location(5_439_016, message))
        }
    }
}

fn difference<'a>(args: &'a [Node], frame: &mut Frame<'a>) -> Result<Computed<'a>> {
    const NAME: &str = "$dateDiff";
    let (start, end) = (args[0].eval(frame)?, args[1].eval(frame)?);
    let unit = args[2].eval(frame)?;
    let week = args[4].eval(frame)?;
    let is_null = start.is_nullish() || end.is_nullish() || unit.is_nullish();
    if is_null || has_no_week(&unit, &args[4], &week) {
        return Ok(Computed::null());
    }
    let Some(zone) = named_zone(NAME, &args[3], frame)? else { return Ok(Computed::null()) };
    let start = date_argument(NAME, 5_166_307, "startDate", &start)?;
    let end = date_argument(NAME, 5_166_307, "endDate", &end)?;
    let (unit, is_week) = unit_argument(NAME, &unit)?;
    let week = if is_week { start_of_week(NAME, &args[4], &week)? } else { Some(0) };
    let Some(week) = week else { return Ok(Computed::null()) };
    let (from, to) = (Civil::of(zone.local(start)), Civil::of(zone.local(end)));
    let count = match unit {
        Unit::Months(len) => {
            let at = |date: &Civil| (date.year * 12 + date.month - 1).div_euclid(len);
            at(&to) - at(&from)
        }
        Unit::Days(1) => to.days - from.days,
        // The first of January 1970 was a Thursday.
        Unit::Days(_) => {
            let at = |date: &Civil| (date.days + 4 - week).div_euclid(7);
            at(&to) - at(&from)
        }
        Unit::Milliseconds(len) => {
            // Boundaries are those of the clocks; what the clocks were moved is no time.
            let shift = zone.offset_at(start).rem_euclid(len);
            let at = |ms: i64| i128::from(ms).wrapping_add(shift.into()).div_euclid(len.into());
            i64::try_from(at(end) - at(start))
                .map_err(|_| location(5_166_308, "dateDiff overflowed"))?
        }
    };
    Ok(Computed::long(count))
}

fn truncate<'a>(args: &'a [Node], frame: &mut Frame<'a>) -> Result<Computed<'a>> {
    const NAME: &str = "$dateTrunc";
    let (date, unit) = (args[0].eval(frame)?, args[1].eval(frame)?);
    let bins = args[2].eval(frame)?;
    let week = args[4].eval(frame)?;
    let is_null =
        date.is_nullish() || unit.is_nullish() || (bins.is_nullish() && !args[2].is_absent());
    if is_null || has_no_week(&unit, &args[4], &week) {
        return Ok(Computed::null());
    }
    let Some(zone) = named_zone(NAME, &args[3], frame)? else { return Ok(Computed::null()) };
    let ms = date_argument(NAME, 5_439_012, "date", &date)?;
    let (unit, is_week) = unit_argument(NAME, &unit)?;
    let week = if is_week { start_of_week(NAME, &args[4], &week)? } else { Some(0) };
    let Some(week) = week else { return Ok(Computed::null()) };
    let bins = if args[2].is_absent() { 1 } else { bin_size(&bins)? };
    truncated(ms, unit, bins, &zone, week).map(Computed::date)
}

fn bin_size(value: &Computed<'_>) -> Result<i64> {
    let Some(size) = whole(value) else {
        let message = format!(
            "$dateTrunc requires 'binSize' to be a 64-bit integer, but got value '{}' of type {}",
            text::value(value.or_null()),
            value.type_name()
        );
        return Err(location(5_439_017, message));
    };
    if size <= 0 {
        let message =
            format!("$dateTrunc requires 'binSize' to be greater than 0, but got value {size}");
        return Err(location(5_439_018, message));
    }
    Ok(size)
}

fn truncated(ms: i64, unit: Unit, bins: i64, zone: &Zone, week: i64) -> Result<i64> {
    // Of the calendar: so many that nothing else overflows.
    const BINS_MAX: i64 = 100_000_000_000;
    let origin = days_of(2000, 1, 1);
    let down = |value: i64, len: i64| value.div_euclid(len).checked_mul(len);
    let instant = |days: i64| {
        let local = days.checked_mul(DAY);
        let overflow = || location(5_166_406, "dateAdd overflowed");
        local.map(|local| zone.instant(local)).ok_or_else(overflow)
    };
    let overflow = |code| location(code, "dateTrunc overflowed");
    match unit {
        Unit::Milliseconds(len) => {
            let len = len.checked_mul(bins).ok_or_else(|| overflow(5_439_002))?;
            let start = zone.instant(origin * DAY);
            let passed = ms.checked_sub(start).and_then(|passed| down(passed, len));
            passed.and_then(|passed| start.checked_add(passed)).ok_or_else(|| overflow(5_439_000))
        }
        _ if bins > BINS_MAX => Err(location(5_439_006, "dateTrunc unsupported binSize value")),
        Unit::Months(len) => {
            let at = Civil::of(zone.local(ms));
            let months = (at.year - 2000) * 12 + at.month - 1;
            let len = len * bins;
            instant(days_of(2000, 1 + months.div_euclid(len) * len, 1))
        }
        Unit::Days(len) => {
            let at = Civil::of(zone.local(ms));
            // Weeks are counted from the first that begins in 2000.
            let origin = match len {
                7 => origin + (week - 6).rem_euclid(7),
                _ => origin,
            };
            let len = len * bins;
            instant(origin + (at.days - origin).div_euclid(len) * len)
        }
    }
}
