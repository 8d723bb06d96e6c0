//! `$sin`, `$cos`, `$tan`, their inverses and hyperbolic ones, `$atan2`, `$degreesToRadians`,
//! `$radiansToDegrees`: in doubles. Of decimals only the last
//! two: the others would need more digits.

use std::ops::RangeInclusive;

use super::arithmetic::{Numeric, numeric};
use super::computed::Computed;
use super::decimal::multiply;
use super::operator::Operator;
use super::parse::location;
use super::powers::no_decimals;
use super::types::general;
use crate::bson::decimal::Decimal;
use crate::error::Result;

const ANY: RangeInclusive<f64> = f64::NEG_INFINITY..=f64::INFINITY;
const UNIT: RangeInclusive<f64> = -1.0..=1.0;

pub(super) const OPERATORS: &[Operator] = &[
    Operator::one("$sin", |value| finite("$sin", value, f64::sin)),
    Operator::one("$cos", |value| finite("$cos", value, f64::cos)),
    Operator::one("$tan", |value| finite("$tan", value, f64::tan)),
    Operator::one("$asin", |value| within("$asin", value, UNIT, f64::asin)),
    Operator::one("$acos", |value| within("$acos", value, UNIT, f64::acos)),
    Operator::one("$atan", |value| within("$atan", value, ANY, f64::atan)),
    Operator::two("$atan2", atan2),
    Operator::one("$sinh", |value| within("$sinh", value, ANY, f64::sinh)),
    Operator::one("$cosh", |value| within("$cosh", value, ANY, f64::cosh)),
    Operator::one("$tanh", |value| within("$tanh", value, ANY, f64::tanh)),
    Operator::one("$asinh", |value| within("$asinh", value, ANY, f64::asinh)),
    Operator::one("$acosh", |value| within("$acosh", value, 1.0..=f64::INFINITY, f64::acosh)),
    Operator::one("$atanh", |value| within("$atanh", value, UNIT, f64::atanh)),
    Operator::one("$degreesToRadians", |value| {
        scaled("$degreesToRadians", value, f64::to_radians, RADIANS)
    }),
    Operator::one("$radiansToDegrees", |value| {
        scaled("$radiansToDegrees", value, f64::to_degrees, DEGREES)
    }),
];

/// A degree, and a radian, to 34 digits.
const RADIANS: Decimal = Decimal::Finite {
    negative: false,
    coefficient: 1_745_329_251_994_329_576_923_690_768_488_613,
    exponent: -35,
};
const DEGREES: Decimal = Decimal::Finite {
    negative: false,
    coefficient: 5_729_577_951_308_232_087_679_815_481_410_517,
    exponent: -32,
};

fn scaled<'a>(
    operator: &str,
    value: Computed<'a>,
    of_double: fn(f64) -> f64,
    by: Decimal,
) -> Result<Computed<'a>> {
    match numeric(operator, &value)? {
        Some(Numeric::Decimal(number)) => Ok(Computed::decimal(multiply(number, by))),
        _ => within(operator, value, ANY, of_double),
    }
}

/// The number, of which there may be none; a decimal is refused.
fn double(operator: &str, value: &Computed<'_>) -> Result<Option<f64>> {
    match numeric(operator, value)? {
        None => Ok(None),
        Some(Numeric::Number(number)) => Ok(Some(number.to_f64())),
        Some(Numeric::Decimal(_)) => Err(no_decimals(operator)),
    }
}

fn refused<'a>(operator: &str, number: f64, range: &str) -> Result<Computed<'a>> {
    let shown = match number {
        f64::INFINITY => "inf".to_owned(),
        f64::NEG_INFINITY => "-inf".to_owned(),
        number => general(number),
    };
    let message = format!("cannot apply {operator} to {shown}, value must be in {range}");
    Err(location(50989, message))
}

fn finite<'a>(operator: &str, value: Computed<'a>, run: fn(f64) -> f64) -> Result<Computed<'a>> {
    match double(operator, &value)? {
        None => Ok(Computed::null()),
        Some(number) if number.is_infinite() => refused(operator, number, "(-inf,inf)"),
        Some(number) => Ok(Computed::double(run(number))),
    }
}

fn within<'a>(
    operator: &str,
    value: Computed<'a>,
    range: RangeInclusive<f64>,
    run: fn(f64) -> f64,
) -> Result<Computed<'a>> {
    match double(operator, &value)? {
        None => Ok(Computed::null()),
        Some(number) if number.is_nan() || range.contains(&number) => {
            Ok(Computed::double(run(number)))
        }
        Some(number) => refused(operator, number, &format!("[{},{}]", range.start(), range.end())),
    }
}

fn atan2<'a>(y: Computed<'a>, x: Computed<'a>) -> Result<Computed<'a>> {
    for (value, code) in [(&y, 51044), (&x, 51045)] {
        if value.is_nullish() {
            return Ok(Computed::null());
        }
        if !value.is_number() {
            let name = value.type_name();
            return Err(location(code, format!("$atan2 only supports numeric types, not {name}")));
        }
    }
    match (double("$atan2", &y)?, double("$atan2", &x)?) {
        (Some(y), Some(x)) => Ok(Computed::double(y.atan2(x))),
        _ => Ok(Computed::null()),
    }
}
