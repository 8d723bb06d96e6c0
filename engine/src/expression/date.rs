//! Parts of dates: `$year`, `$month`, `$hour` …, with a time zone if one is given.

use super::computed::Computed;
use super::node::{Frame, Node};
use super::operator::{Operator, Takes};
use super::parse::{Parser, location};
use super::string::string;
use super::zone::{Civil, Zone};
use crate::bson::element::{Elements, Value, read_i64};
use crate::bson::{text, ty};
use crate::error::{Error, Result};

macro_rules! part {
    ($name:literal, $part:expr) => {
        Operator::all($name, Takes::Date, |args, frame| part($name, args, frame, $part))
    };
}

pub(super) const OPERATORS: &[Operator] = &[
    part!("$year", |date| Computed::int(date.year as i32)),
    part!("$month", |date| Computed::int(date.month as i32)),
    part!("$dayOfMonth", |date| Computed::int(date.day as i32)),
    part!("$dayOfYear", |date| Computed::int(date.day_of_year() as i32)),
    part!("$dayOfWeek", |date| Computed::int(date.weekday() as i32 + 1)),
    part!("$hour", |date| Computed::int(date.hour() as i32)),
    part!("$minute", |date| Computed::int(date.minute() as i32)),
    part!("$second", |date| Computed::int(date.second() as i32)),
    part!("$millisecond", |date| Computed::int(date.millisecond() as i32)),
    part!("$week", |date| Computed::int(date.week() as i32)),
    part!("$isoWeek", |date| Computed::int(date.iso_week().1 as i32)),
    part!("$isoWeekYear", |date| Computed::long(date.iso_week().0)),
    part!("$isoDayOfWeek", |date| Computed::int(date.iso_weekday() as i32)),
];

fn part<'a>(
    operator: &str,
    args: &'a [Node],
    frame: &mut Frame<'a>,
    part: fn(&Civil) -> Computed<'static>,
) -> Result<Computed<'a>> {
    let Some(date) = instant(&args[0].eval(frame)?)? else { return Ok(Computed::null()) };
    let zone = zone_or(args.get(1), frame, |value| {
        let (found, shown) = (value.type_name(), text::value(value.or_null()));
        let message = format!(
            "{operator} requires a string for the timezone argument, but was given a {found} \
             ({shown})"
        );
        location(40533, message)
    })?;
    let Some(zone) = zone else { return Ok(Computed::null()) };
    Ok(part(&Civil::of(zone.local(date))))
}

/// The arguments `date` and `timezone`.
pub(super) fn named(
    parser: &mut Parser<'_>,
    operator: &str,
    value: Value<'_>,
) -> Result<Vec<Node>> {
    let (mut date, mut zone) = (None, Node::Missing);
    for element in Elements::new(value.bytes)? {
        let element = element?;
        match element.name {
            b"date" => date = Some(parser.operand(element.val())?),
            b"timezone" => zone = parser.operand(element.val())?,
            _ => {
                let name = element.name_lossy();
                let message = format!("unrecognized option to {operator}: \"{name}\"");
                return Err(location(40535, message));
            }
        }
    }
    match date {
        Some(date) => Ok(vec![date, zone]),
        None => {
            let shown = text::value(value);
            let message =
                format!("missing 'date' argument to {operator}, provided: {operator}: {shown}");
            Err(location(40539, message))
        }
    }
}

/// Milliseconds of a date, or of what says when it was made; `None` if it is null.
pub(super) fn instant(value: &Computed<'_>) -> Result<Option<i64>> {
    let found = value.or_null();
    match found.ty {
        ty::DATE => Ok(read_i64(found.bytes)),
        ty::TIMESTAMP => Ok(read_i64(found.bytes).map(|word| ((word as u64 >> 32) as i64) * 1000)),
        ty::OBJECT_ID => {
            let seconds = found.bytes.first_chunk().map_or(0, |four| u32::from_be_bytes(*four));
            Ok(Some(i64::from(seconds) * 1000))
        }
        ty::NULL | ty::UNDEFINED => Ok(None),
        other => {
            let name = ty::name(other);
            Err(location(16006, format!("can't convert from BSON type {name} to Date")))
        }
    }
}

/// The time zone of an argument, UTC if it was left out; `None` if it is null.
pub(super) fn zone<'a>(arg: Option<&'a Node>, frame: &mut Frame<'a>) -> Result<Option<Zone>> {
    zone_or(arg, frame, |value| {
        let found = value.type_name();
        location(40517, format!("timezone must evaluate to a string, found {found}"))
    })
}

/// The same, with what to say of a value that is no text.
fn zone_or<'a>(
    arg: Option<&'a Node>,
    frame: &mut Frame<'a>,
    refused: impl FnOnce(&Computed<'a>) -> Error,
) -> Result<Option<Zone>> {
    let Some(arg) = arg.filter(|arg| !arg.is_absent()) else { return Ok(Some(Zone::UTC)) };
    let value = arg.eval(frame)?;
    if value.is_nullish() {
        return Ok(None);
    }
    match string(&value) {
        Some(name) => Zone::parse(&name).map(Some),
        None => Err(refused(&value)),
    }
}

/// A year that can be written with four digits.
pub(super) fn four_digits(year: i64) -> Result<i64> {
    match year {
        0..=9999 => Ok(year),
        _ => Err(beyond(year)),
    }
}

fn beyond(year: i64) -> Error {
    let message = format!(
        "Could not convert date to string: date component was outside the supported range of \
         0-9999: {year}"
    );
    location(18537, message)
}

/// A date as `2000-10-10T20:55:36.000Z`, whatever the zone.
pub(super) fn default_text(ms: i64, zone: &Zone) -> Result<String> {
    let at = Civil::of(zone.local(ms));
    Ok(format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        four_digits(at.year)?,
        at.month,
        at.day,
        at.hour(),
        at.minute(),
        at.second(),
        at.millisecond()
    ))
}
