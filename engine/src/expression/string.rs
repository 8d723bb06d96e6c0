//! Strings as a whole: `$concat`, `$toLower`, `$toUpper`, `$strcasecmp`, lengths, `$trim`,
//! `$split`. Letters beyond ASCII have no case here.

use super::computed::{ArrayBuilder, Computed, check_len};
use super::decimal;
use super::node::{Frame, Node};
use super::operator::{Names, Operator, Takes};
use super::parse::location;
use super::types::{date_text, general};
use crate::bson::decimal::Decimal;
use crate::bson::element::{OwnedValue, Value, read_i64};
use crate::bson::number::Number;
use crate::bson::{text, ty};
use crate::error::Result;

pub(super) const OPERATORS: &[Operator] = &[
    Operator::all("$concat", Takes::Any, concat),
    Operator::one("$toLower", |value| Ok(Computed::string(&coerced(&value)?.to_ascii_lowercase()))),
    Operator::one("$toUpper", |value| Ok(Computed::string(&coerced(&value)?.to_ascii_uppercase()))),
    Operator::two("$strcasecmp", |a, b| {
        let (a, b) = (coerced(&a)?.to_ascii_uppercase(), coerced(&b)?.to_ascii_uppercase());
        Ok(Computed::int(a.cmp(&b) as i32))
    }),
    Operator::one("$strLenBytes", |value| length("$strLenBytes", 34473, &value, str::len)),
    Operator::one("$strLenCP", |value| {
        length("$strLenCP", 34471, &value, |text| text.chars().count())
    }),
    Operator::all("$trim", Takes::Named(&TRIM), |args, frame| {
        trim("$trim", args, frame, (true, true))
    }),
    Operator::all("$ltrim", Takes::Named(&TRIM), |args, frame| {
        trim("$ltrim", args, frame, (true, false))
    }),
    Operator::all("$rtrim", Takes::Named(&TRIM), |args, frame| {
        trim("$rtrim", args, frame, (false, true))
    }),
    Operator::two("$split", split),
];

const TRIM: Names = Names {
    names: &["input", "chars"],
    not_object: (50696, "% only supports an object as an argument, found ", true),
    unknown: (50694, "% found an unknown argument: "),
    needed: &[(0, 50695, "% requires an 'input' field")],
};

/// What counts as white space.
const BLANKS: &[char] = &[
    '\0', ' ', '\t', '\n', '\u{b}', '\u{c}', '\r', '\u{a0}', '\u{1680}', '\u{2000}', '\u{2001}',
    '\u{2002}', '\u{2003}', '\u{2004}', '\u{2005}', '\u{2006}', '\u{2007}', '\u{2008}', '\u{2009}',
    '\u{200a}',
];

/// The text of a value of a type that has one; of nothing it is empty.
pub(super) fn coerced(value: &Computed<'_>) -> Result<String> {
    let found = value.or_null();
    let text = match found.ty {
        ty::NULL | ty::UNDEFINED => String::new(),
        ty::STRING | ty::SYMBOL => value.as_text().unwrap_or_default().into_owned(),
        ty::CODE => {
            let code = OwnedValue { ty: ty::STRING, bytes: found.bytes.into() };
            Computed::Owned(code).as_text().unwrap_or_default().into_owned()
        }
        ty::INT32 | ty::INT64 => text::value(found),
        ty::DOUBLE => match found.as_number().map(Number::to_f64) {
            Some(number) if number.is_nan() => "nan".into(),
            Some(number) if number.is_infinite() => {
                if number > 0.0 { "inf" } else { "-inf" }.into()
            }
            number => general(number.unwrap_or(0.0)),
        },
        ty::DECIMAL128 => decimal::text_of(found),
        ty::DATE => date_text(read_i64(found.bytes).unwrap_or(0))?,
        ty::TIMESTAMP => timestamp(found)?,
        other => {
            let name = ty::name(other);
            let message = format!("can't convert from BSON type {name} to String");
            return Err(location(16007, message));
        }
    };
    Ok(text)
}

/// As C's `ctime` shows it, without the year: `Jan  1 00:00:05:1`.
fn timestamp(value: Value<'_>) -> Result<String> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let word = read_i64(value.bytes).unwrap_or(0) as u64;
    let date = date_text((word >> 32) as i64 * 1000)?;
    let part = |from: usize, to: usize| date.get(from..to).unwrap_or_default();
    let month = part(5, 7).parse::<usize>().unwrap_or(1).saturating_sub(1);
    let day = part(8, 10).trim_start_matches('0');
    let month = MONTHS.get(month).copied().unwrap_or_default();
    Ok(format!("{month} {day:>2} {}:{}", part(11, 19), word as u32))
}

fn concat<'a>(args: &'a [Node], frame: &mut Frame<'a>) -> Result<Computed<'a>> {
    let mut out = String::new();
    for arg in args {
        let value = arg.eval(frame)?;
        if value.is_nullish() {
            return Ok(Computed::null());
        }
        let Some(text) = string(&value) else {
            let name = value.type_name();
            return Err(location(16702, format!("$concat only supports strings, not {name}")));
        };
        check_len(out.len() + text.len())?;
        out.push_str(&text);
    }
    Ok(Computed::string(&out))
}

/// The text of a string, and of nothing else.
pub(super) fn string<'v>(value: &'v Computed<'_>) -> Option<std::borrow::Cow<'v, str>> {
    if value.ty() == Some(ty::STRING) { value.as_text() } else { None }
}

fn length<'a>(
    operator: &str,
    code: i32,
    value: &Computed<'_>,
    count: fn(&str) -> usize,
) -> Result<Computed<'a>> {
    match string(value) {
        Some(text) => Ok(Computed::int(count(&text) as i32)),
        None => {
            let name = value.type_name();
            Err(location(code, format!("{operator} requires a string argument, found: {name}")))
        }
    }
}

fn trim<'a>(
    operator: &str,
    args: &'a [Node],
    frame: &mut Frame<'a>,
    (left, right): (bool, bool),
) -> Result<Computed<'a>> {
    let input = args[0].eval(frame)?;
    if input.is_nullish() {
        return Ok(Computed::null());
    }
    let of_type = |value: &Computed<'_>| {
        format!("got {} (of type {}) instead.", text::value(value.or_null()), value.type_name())
    };
    let Some(text) = string(&input) else {
        let found = of_type(&input);
        let message = format!("{operator} requires its input to be a string, {found}");
        return Err(location(50699, message));
    };
    let given = args[1].eval(frame)?;
    let chars: Vec<char> = match string(&given) {
        Some(chars) => chars.chars().collect(),
        None if args[1].is_absent() => BLANKS.to_vec(),
        None if given.is_nullish() => return Ok(Computed::null()),
        None => {
            let found = of_type(&given);
            let message = format!("{operator} requires 'chars' to be a string, {found}");
            return Err(location(50700, message));
        }
    };
    let mut rest: &str = &text;
    if left {
        rest = rest.trim_start_matches(&chars[..]);
    }
    if right {
        rest = rest.trim_end_matches(&chars[..]);
    }
    Ok(Computed::string(rest))
}

fn split<'a>(value: Computed<'a>, separator: Computed<'a>) -> Result<Computed<'a>> {
    if value.is_nullish() || separator.is_nullish() {
        return Ok(Computed::null());
    }
    let needed = |value: &Computed<'_>, code, which| {
        let message = format!(
            "$split requires an expression that evaluates to a string as a {which} argument, \
             found: {}",
            value.type_name()
        );
        location(code, message)
    };
    let text = string(&value).ok_or_else(|| needed(&value, 40085, "first"))?;
    let separator = string(&separator).ok_or_else(|| needed(&separator, 40086, "second"))?;
    if separator.is_empty() {
        return Err(location(40087, "$split requires a non-empty separator"));
    }
    let mut parts = ArrayBuilder::default();
    text.split(&*separator).try_for_each(|part| parts.push(Computed::string(part).or_null()))?;
    Ok(parts.finish())
}

/// The text of a decimal.
impl super::computed::Computed<'_> {
    /// The decimal, if it is one.
    pub(crate) fn as_decimal(&self) -> Option<Decimal> {
        let value = self.as_value().filter(|value| value.ty == ty::DECIMAL128)?;
        Decimal::of(value)
    }
}
