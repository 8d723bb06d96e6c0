//! `$convert` and its short forms `$toInt`, `$toString` ….

use super::computed::Computed;
use super::date_parse;
use super::decimal::{self, Rounding};
use super::node::{Frame, Node};
use super::operator::{Names, Operator, Takes};
use super::string::string;
use super::types::{date_text, general};
use crate::bson::number::Number;
use crate::bson::{text, ty};
use crate::error::{Error, Reason, Result};

const ONE: Takes = Takes::OneOr(50723, " requires a single argument, got ");

pub(super) const OPERATORS: &[Operator] = &[
    Operator::all("$convert", Takes::Named(&NAMES), run),
    Operator::all("$toBool", ONE, |args, frame| short(args, frame, ty::BOOL)),
    Operator::all("$toDate", ONE, |args, frame| short(args, frame, ty::DATE)),
    Operator::all("$toDecimal", ONE, |args, frame| short(args, frame, ty::DECIMAL128)),
    Operator::all("$toDouble", ONE, |args, frame| short(args, frame, ty::DOUBLE)),
    Operator::all("$toInt", ONE, |args, frame| short(args, frame, ty::INT32)),
    Operator::all("$toLong", ONE, |args, frame| short(args, frame, ty::INT64)),
    Operator::all("$toObjectId", ONE, |args, frame| short(args, frame, ty::OBJECT_ID)),
    Operator::all("$toString", ONE, |args, frame| short(args, frame, ty::STRING)),
];

const FAILED_TO_PARSE: i32 = 9;

const NAMES: Names = Names {
    names: &["input", "to", "onError", "onNull"],
    not_object: (FAILED_TO_PARSE, "% expects an object of named arguments but found: ", true),
    unknown: (FAILED_TO_PARSE, "% found an unknown argument: "),
    needed: &[
        (0, FAILED_TO_PARSE, "Missing 'input' parameter to %"),
        (1, FAILED_TO_PARSE, "Missing 'to' parameter to %"),
    ],
};

/// Where messages say it was.
const PLACE: &str = "in $convert with no onError value";

fn short<'a>(args: &'a [Node], frame: &mut Frame<'a>, to: u8) -> Result<Computed<'a>> {
    let value = args[0].eval(frame)?;
    if value.is_nullish() { Ok(Computed::null()) } else { convert(value, to) }
}

fn run<'a>(args: &'a [Node], frame: &mut Frame<'a>) -> Result<Computed<'a>> {
    let to = target(&args[1].eval(frame)?)?;
    let value = args[0].eval(frame)?;
    if value.is_nullish() {
        return match &args[3] {
            node if node.is_absent() => Ok(Computed::null()),
            on_null => on_null.eval(frame),
        };
    }
    let Some(to) = to else { return Ok(Computed::null()) };
    match convert(value, to) {
        Err(_) if !args[2].is_absent() => args[2].eval(frame),
        converted => converted,
    }
}

/// The type of no field at all, which nothing can be made.
const MISSING: u8 = 0;
/// What can be made of what is of the same type.
const TYPES: [u8; 8] = [
    ty::DOUBLE,
    ty::STRING,
    ty::OBJECT_ID,
    ty::BOOL,
    ty::DATE,
    ty::INT32,
    ty::INT64,
    ty::DECIMAL128,
];

/// The type to convert to; `None` if it is null.
fn target(to: &Computed<'_>) -> Result<Option<u8>> {
    let refused = |message: String| Err(Error::refused(Reason::FailedToParse, message));
    if to.is_nullish() {
        return Ok(None);
    }
    let all = (0..=u8::MAX).filter(|ty| ty::name(*ty) != "unknown");
    if let Some(name) = string(to) {
        if name == "missing" {
            return Ok(Some(MISSING));
        }
        let Some(found) = all.into_iter().find(|ty| ty::name(*ty) == name) else {
            return Err(Error::refused(Reason::BadValue, format!("Unknown type name: {name}")));
        };
        return Ok(Some(found));
    }
    if !to.is_number() {
        let name = to.type_name();
        return refused(format!(
            "$convert's 'to' argument must be a string or number, but is {name}"
        ));
    }
    let Some(number) = super::array::as_i32(to) else {
        return refused("In $convert, numeric 'to' argument is not an integer".into());
    };
    if number == 0 {
        return Ok(Some(MISSING));
    }
    let found = all.into_iter().find(|ty| match *ty {
        ty::MIN_KEY => number == -1,
        ty => i32::from(ty) == number,
    });
    match found {
        Some(ty) => Ok(Some(ty)),
        None => refused(format!(
            "In $convert, numeric value for 'to' does not correspond to a BSON type: {number}"
        )),
    }
}

fn failed(message: String) -> Error {
    Error::refused(Reason::ConversionFailure, message)
}

fn unsupported(value: &Computed<'_>, to: u8) -> Error {
    let (from, to) = (value.type_name(), if to == MISSING { "missing" } else { ty::name(to) });
    failed(format!("Unsupported conversion from {from} to {to} {PLACE}"))
}

fn unparsed(kind: &str, text: &str, why: &str) -> Error {
    failed(format!("Failed to parse {kind} '{text}' {PLACE}: {why}"))
}

fn convert<'a>(value: Computed<'a>, to: u8) -> Result<Computed<'a>> {
    if value.ty() == Some(to) && TYPES.contains(&to) {
        return Ok(value);
    }
    match to {
        ty::BOOL => Ok(Computed::bool(match value.ty() {
            Some(ty::INT32 | ty::INT64 | ty::DOUBLE | ty::DECIMAL128) => value.is_true(),
            Some(_) => true,
            None => return Err(unsupported(&value, to)),
        })),
        ty::INT32 => {
            let whole = integer(&value, to)?;
            i32::try_from(whole).map(Computed::int).map_err(|_| overflow(&value))
        }
        ty::INT64 => integer(&value, to).map(Computed::long),
        ty::DOUBLE => double(&value).map(Computed::double),
        ty::DECIMAL128 => to_decimal(&value),
        ty::STRING => to_string(&value),
        ty::DATE => date(&value),
        ty::OBJECT_ID => object_id(&value),
        _ => Err(unsupported(&value, to)),
    }
}

fn overflow(value: &Computed<'_>) -> Error {
    let shown = text::value(value.or_null());
    match string(value) {
        Some(text) => unparsed("number", &text, "Overflow"),
        None => failed(format!("Conversion would overflow target type {PLACE}: {shown}")),
    }
}

/// Cuts a double down to an integer.
fn truncated(value: &Computed<'_>, number: f64) -> Result<i64> {
    let what = match number {
        number if number.is_nan() => "NaN",
        number if number.is_infinite() => "infinity",
        number => return Number::Double(number.trunc()).to_i64().ok_or_else(|| overflow(value)),
    };
    Err(failed(format!("Attempt to convert {what} value to integer type {PLACE}")))
}

fn integer(value: &Computed<'_>, to: u8) -> Result<i64> {
    if let Some(text) = string(value) {
        if is_hexadecimal(&text) {
            return Err(failed(format!("Illegal hexadecimal input {PLACE}: {text}")));
        }
        return text.parse().map_err(|error: std::num::ParseIntError| {
            let why = match error.kind() {
                std::num::IntErrorKind::Empty => "No digits",
                std::num::IntErrorKind::InvalidDigit => "Did not consume whole string.",
                _ => "Overflow",
            };
            unparsed("number", &text, why)
        });
    }
    match (value.as_number(), value.as_decimal(), value.ty()) {
        (Some(Number::Double(number)), ..) => truncated(value, number),
        (Some(number), ..) => number.to_i64().ok_or_else(|| overflow(value)),
        (_, Some(number), _) => match decimal::to_i64(number, Rounding::TowardsZero) {
            Some(whole) => Ok(whole),
            None => truncated(value, decimal::to_f64(number)),
        },
        (_, _, Some(ty::BOOL)) => Ok(value.is_true().into()),
        (_, _, Some(ty::DATE)) if to == ty::INT64 => Ok(value.as_date().unwrap_or(0)),
        _ => Err(unsupported(value, to)),
    }
}

fn is_hexadecimal(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    text.starts_with("0x") || text.starts_with("0X")
}

fn double(value: &Computed<'_>) -> Result<f64> {
    if let Some(text) = string(value) {
        if is_hexadecimal(&text) {
            return Err(failed(format!("Illegal hexadecimal input {PLACE}: {text}")));
        }
        let says_infinity = text.to_ascii_lowercase().contains("inf");
        return match text.parse::<f64>() {
            Ok(number) if number.is_infinite() && !says_infinity => {
                Err(unparsed("number", &text, "Out of range"))
            }
            Ok(number) => Ok(number),
            Err(_) if text.starts_with(char::is_whitespace) => {
                Err(unparsed("number", &text, "Leading whitespace"))
            }
            Err(_) => Err(unparsed("number", &text, "Did not consume any digits")),
        };
    }
    match (value.as_number(), value.as_decimal(), value.ty()) {
        (Some(number), ..) => Ok(number.to_f64()),
        (_, Some(number), _) => match decimal::to_f64(number) {
            wide if wide.is_infinite()
                && !matches!(number, crate::bson::decimal::Decimal::Infinite { .. }) =>
            {
                Err(overflow(value))
            }
            number => Ok(number),
        },
        (_, _, Some(ty::BOOL)) => Ok(f64::from(u8::from(value.is_true()))),
        (_, _, Some(ty::DATE)) => Ok(value.as_date().unwrap_or(0) as f64),
        _ => Err(unsupported(value, ty::DOUBLE)),
    }
}

fn to_decimal<'a>(value: &Computed<'_>) -> Result<Computed<'a>> {
    if let Some(text) = string(value) {
        if text.is_empty() {
            return Err(unparsed("number", &text, "Empty string"));
        }
        return match text.parse::<::bson::Decimal128>() {
            Ok(number) => Ok(Computed::of(ty::DECIMAL128, number.bytes().to_vec())),
            Err(_) => Err(unparsed("number", &text, "Failed to parse string to decimal")),
        };
    }
    let number = match (value.as_number(), value.ty()) {
        (Some(number), _) => number,
        (None, Some(ty::BOOL)) => Number::Int32(value.is_true().into()),
        (None, Some(ty::DATE)) => Number::Int64(value.as_date().unwrap_or(0)),
        _ => return Err(unsupported(value, ty::DECIMAL128)),
    };
    Ok(Computed::decimal(decimal::of_number(number)))
}

fn to_string<'a>(value: &Computed<'_>) -> Result<Computed<'a>> {
    let found = value.or_null();
    let shown = match found.ty {
        ty::BOOL | ty::INT32 | ty::INT64 => text::value(found),
        ty::DOUBLE => general(found.as_number().map_or(0.0, Number::to_f64)),
        ty::DECIMAL128 => decimal::text_of(found),
        ty::DATE => date_text(value.as_date().unwrap_or(0))?,
        ty::OBJECT_ID => found.bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        _ => return Err(unsupported(value, ty::STRING)),
    };
    Ok(Computed::string(&shown))
}

fn date<'a>(value: &Computed<'_>) -> Result<Computed<'a>> {
    if let Some(text) = string(value) {
        return date_parse::parse(&text, None, None).map(Computed::date);
    }
    let found = value.or_null();
    match found.ty {
        ty::INT64 | ty::DOUBLE | ty::DECIMAL128 => integer(value, ty::INT64).map(Computed::date),
        ty::OBJECT_ID => {
            super::date::instant(value).map(|ms| ms.map_or(Computed::null(), Computed::date))
        }
        _ => Err(unsupported(value, ty::DATE)),
    }
}

fn object_id<'a>(value: &Computed<'_>) -> Result<Computed<'a>> {
    let Some(text) = string(value) else { return Err(unsupported(value, ty::OBJECT_ID)) };
    if text.len() != 24 {
        let why = format!(
            "Invalid string length for parsing to OID, expected 24 but found {}",
            text.len()
        );
        return Err(unparsed("objectId", &text, &why));
    }
    if let Some(bad) = text.chars().find(|c| !c.is_ascii_hexdigit()) {
        let why = format!("Invalid character found in hex string: {bad}");
        return Err(unparsed("objectId", &text, &why));
    }
    let digit =
        |at: usize| (text.as_bytes()[at] as char).to_digit(16).map_or(0, |digit| digit as u8);
    let bytes = (0..12).map(|i| digit(2 * i) << 4 | digit(2 * i + 1)).collect();
    Ok(Computed::of(ty::OBJECT_ID, bytes))
}
