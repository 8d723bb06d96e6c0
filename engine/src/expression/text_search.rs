//! Looking for text in text: `$indexOfBytes`, `$indexOfCP`, `$replaceOne`, `$replaceAll`.

use super::array::index_argument;
use super::computed::{Computed, check_len};
use super::node::{Frame, Node};
use super::operator::{Names, Operator, Takes};
use super::parse::location;
use super::string::string;
use crate::bson::text;
use crate::error::{Error, Result};

pub(super) const OPERATORS: &[Operator] = &[
    Operator::all("$indexOfBytes", Takes::Between(2, 4), |args, frame| {
        index_of("$indexOfBytes", args, frame, Unit::Bytes)
    }),
    Operator::all("$indexOfCP", Takes::Between(2, 4), |args, frame| {
        index_of("$indexOfCP", args, frame, Unit::Characters)
    }),
    Operator::all("$replaceOne", Takes::Named(&REPLACE), |args, frame| {
        replace("$replaceOne", args, frame, 1)
    }),
    Operator::all("$replaceAll", Takes::Named(&REPLACE), |args, frame| {
        replace("$replaceAll", args, frame, usize::MAX)
    }),
];

const REPLACE: Names = Names {
    names: &["input", "find", "replacement"],
    not_object: (51751, "% requires an object as an argument, found: ", true),
    unknown: (51750, "% found an unknown argument: "),
    needed: &[
        (0, 51749, "% requires 'input' to be specified"),
        (1, 51748, "% requires 'find' to be specified"),
        (2, 51747, "% requires 'replacement' to be specified"),
    ],
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Bytes,
    Characters,
}

impl Unit {
    fn codes(self) -> (i32, i32) {
        match self {
            Unit::Bytes => (40091, 40092),
            Unit::Characters => (40093, 40094),
        }
    }

    fn len(self, text: &str) -> usize {
        match self {
            Unit::Bytes => text.len(),
            Unit::Characters => text.chars().count(),
        }
    }

    /// The byte at which a unit begins.
    fn place(self, text: &str, index: usize) -> usize {
        match self {
            Unit::Bytes => index.min(text.len()),
            Unit::Characters => {
                text.char_indices().nth(index).map_or(text.len(), |(place, _)| place)
            }
        }
    }
}

fn index_of<'a>(
    operator: &str,
    args: &'a [Node],
    frame: &mut Frame<'a>,
    unit: Unit,
) -> Result<Computed<'a>> {
    let needed = |value: &Computed<'_>, code, which| -> Error {
        let name = value.type_name();
        let message =
            format!("{operator} requires a string as the {which} argument, found: {name}");
        location(code, message)
    };
    let value = args[0].eval(frame)?;
    if value.is_nullish() {
        return Ok(Computed::null());
    }
    let text = string(&value).ok_or_else(|| needed(&value, unit.codes().0, "first"))?;
    let sought = args[1].eval(frame)?;
    let sought = string(&sought).ok_or_else(|| needed(&sought, unit.codes().1, "second"))?;
    let start = index_argument(operator, "starting", args.get(2), frame)?.unwrap_or(0);
    let end = index_argument(operator, "ending", args.get(3), frame)?;
    let len = unit.len(&text);
    let end = end.unwrap_or(len).min(len);
    // In characters, nothing is found at the end, but in the empty string.
    let beyond = unit == Unit::Characters && start == len && len > 0;
    if start > end || beyond {
        return Ok(Computed::int(-1));
    }
    let (from, to) = (unit.place(&text, start), unit.place(&text, end));
    let found = find(&text.as_bytes()[from..to], sought.as_bytes());
    Ok(Computed::int(match found {
        Some(place) => unit.len(&text[..from + place]) as i32,
        None => -1,
    }))
}

fn find(text: &[u8], sought: &[u8]) -> Option<usize> {
    match sought.len() {
        0 => Some(0),
        len => text.windows(len).position(|window| window == sought),
    }
}

fn replace<'a>(
    operator: &str,
    args: &'a [Node],
    frame: &mut Frame<'a>,
    count: usize,
) -> Result<Computed<'a>> {
    let values = [args[0].eval(frame)?, args[1].eval(frame)?, args[2].eval(frame)?];
    let kinds = [("input", 51746), ("find", 51745), ("replacement", 51744)];
    for (value, (name, code)) in values.iter().zip(kinds) {
        if !value.is_nullish() && string(value).is_none() {
            let found = text::value(value.or_null());
            let message = format!("{operator} requires that '{name}' be a string, found: {found}");
            return Err(location(code, message));
        }
    }
    let [Some(input), Some(sought), Some(with)] = values.each_ref().map(|value| string(value))
    else {
        return Ok(Computed::null());
    };
    let places = match sought.is_empty() {
        true => input.chars().count() + 1,
        false => input.matches(&*sought).count(),
    };
    check_len(input.len() + places.min(count).saturating_mul(with.len()))?;
    Ok(Computed::string(&input.replacen(&*sought, &with, count)))
}
