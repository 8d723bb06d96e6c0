//! `$ceil`, `$floor`, `$round`, `$trunc`.

use super::arithmetic::{Numeric, numeric};
use super::computed::Computed;
use super::decimal::{self, Rounding};
use super::node::{Frame, Node};
use super::operator::{Operator, Takes};
use super::parse::location;
use super::types::general;
use crate::bson::decimal::Decimal;
use crate::bson::number::Number;
use crate::error::{Error, Result};

pub(super) const OPERATORS: &[Operator] = &[
    Operator::one("$ceil", |value| whole("$ceil", value, f64::ceil, Rounding::Up)),
    Operator::one("$floor", |value| whole("$floor", value, f64::floor, Rounding::Down)),
    Operator::all("$round", Takes::Between(1, 2), |args, frame| {
        to_place("$round", args, frame, Rounding::HalfEven)
    }),
    Operator::all("$trunc", Takes::Between(1, 2), |args, frame| {
        to_place("$trunc", args, frame, Rounding::TowardsZero)
    }),
];

fn whole<'a>(
    operator: &str,
    value: Computed<'a>,
    double: fn(f64) -> f64,
    rounding: Rounding,
) -> Result<Computed<'a>> {
    Ok(match numeric(operator, &value)? {
        None => Computed::null(),
        Some(Numeric::Number(Number::Double(number))) => Computed::double(double(number)),
        Some(Numeric::Number(number)) => Computed::number(number),
        Some(Numeric::Decimal(number)) => Computed::decimal(decimal::quantize(number, 0, rounding)),
    })
}

fn to_place<'a>(
    operator: &str,
    args: &'a [Node],
    frame: &mut Frame<'a>,
    rounding: Rounding,
) -> Result<Computed<'a>> {
    let value = args[0].eval(frame)?;
    let place = match args.get(1) {
        Some(arg) => arg.eval(frame)?,
        None => Computed::int(0),
    };
    if value.is_nullish() {
        return Ok(Computed::null());
    }
    if !value.is_number() {
        let name = value.type_name();
        return Err(location(51081, format!("{operator} only supports numeric types, not {name}")));
    }
    if place.is_nullish() {
        return Ok(Computed::null());
    }
    let place = place_of(operator, &place)?;
    Ok(match numeric(operator, &value)? {
        Some(Numeric::Number(Number::Double(number))) => {
            Computed::double(round_double(number, place, rounding))
        }
        Some(Numeric::Number(number)) if place >= 0 => Computed::number(number),
        Some(Numeric::Number(number)) => {
            let exact = decimal::of_number(number);
            let rounded = decimal::quantize(exact, -place, rounding);
            match (decimal::to_i64(rounded, Rounding::TowardsZero), number) {
                (Some(whole), Number::Int64(_)) => Computed::long(whole),
                (Some(whole), _) => Computed::number(Number::integer(whole)),
                (None, _) => return Err(does_not_fit(operator)),
            }
        }
        Some(Numeric::Decimal(number)) => {
            Computed::decimal(decimal::quantize(number, -place, rounding))
        }
        None => Computed::null(),
    })
}

fn does_not_fit(operator: &str) -> Error {
    location(51080, format!("invalid conversion from Decimal128 result in {operator}"))
}

/// The least double that an int64 holds; what lies above is below its negation.
const MIN: f64 = i64::MIN as f64;

/// A double that an int64 can hold, cut down.
pub(super) fn in_range(number: f64) -> Result<f64> {
    if (MIN..-MIN).contains(&number) {
        return Ok(number);
    }
    let shown = if number.is_nan() { "nan".to_owned() } else { general(number) };
    Err(location(31109, format!("Can't coerce out of range value {shown} to long")))
}

fn place_of(operator: &str, place: &Computed<'_>) -> Result<i32> {
    let whole = match numeric(operator, place) {
        Ok(Some(Numeric::Number(Number::Double(number)))) => {
            Number::Double(in_range(number)?).to_i64()
        }
        Ok(Some(Numeric::Number(number))) => number.to_i64(),
        Ok(Some(Numeric::Decimal(number))) => {
            let whole = decimal::quantize(number, 0, Rounding::TowardsZero);
            let is_whole = whole.compare(&number).is_eq();
            decimal::to_i64(whole, Rounding::TowardsZero).filter(|_| is_whole)
        }
        _ => {
            let name = place.type_name();
            return Err(location(16004, format!("can't convert from BSON type {name} to long")));
        }
    };
    let Some(whole) = whole.and_then(|whole| i32::try_from(whole).ok()) else {
        let message = format!("precision argument to  {operator} must be a integral value");
        return Err(location(51082, message));
    };
    match whole {
        -20..=100 => Ok(whole),
        _ => {
            let message = format!(
                "cannot apply {operator} with precision value {whole} value must be in [-20, 100]"
            );
            Err(location(51083, message))
        }
    }
}

/// Rounds by the number's exact digits.
fn round_double(number: f64, place: i32, rounding: Rounding) -> f64 {
    if !number.is_finite() {
        return number;
    }
    if place == 0 {
        return match rounding {
            Rounding::HalfEven => number.round_ties_even(),
            _ => number.trunc(),
        };
    }
    let exact = Decimal::of_number(Number::Double(number));
    let rounded = decimal::to_f64(decimal::quantize(exact, -place, rounding));
    rounded.copysign(number)
}
