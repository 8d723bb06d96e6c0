//! `$sqrt`, `$pow`, `$exp`, `$ln`, `$log`, `$log10`. Not `$pow` and `$log` of decimals: mongod 5.0
//! has others than what they are (`$log` of 2 to the base 3 is 0.231), and refusing is safer.

use super::arithmetic::{Numeric, numeric};
use super::computed::Computed;
use super::decimal::{is_negative, to_f64};
use super::decimal_functions as decimals;
use super::operator::Operator;
use super::parse::location;
use crate::bson::decimal::Decimal;
use crate::bson::number::Number::{self, Double, Int64};
use crate::error::{Error, Reason, Result};

pub(super) const OPERATORS: &[Operator] = &[
    Operator::one("$sqrt", sqrt),
    Operator::two("$pow", pow),
    Operator::one("$exp", exp),
    Operator::one("$ln", |value| logarithm("$ln", 28766, value, f64::ln, decimals::ln)),
    Operator::one("$log10", |value| logarithm("$log10", 28761, value, f64::log10, decimals::log10)),
    Operator::two("$log", log),
];

fn sqrt(value: Computed<'_>) -> Result<Computed<'_>> {
    let refused = || location(28714, "$sqrt's argument must be greater than or equal to 0");
    match numeric("$sqrt", &value)? {
        None => Ok(Computed::null()),
        Some(Numeric::Number(number)) if number.to_f64() < 0.0 => Err(refused()),
        Some(Numeric::Number(number)) => Ok(Computed::double(number.to_f64().sqrt())),
        Some(Numeric::Decimal(number)) if is_negative(number) => Err(refused()),
        Some(Numeric::Decimal(number)) => Ok(Computed::decimal(decimals::sqrt(number))),
    }
}

fn exp(value: Computed<'_>) -> Result<Computed<'_>> {
    Ok(match numeric("$exp", &value)? {
        None => Computed::null(),
        Some(Numeric::Number(number)) => Computed::double(number.to_f64().exp()),
        Some(Numeric::Decimal(number)) => Computed::decimal(decimals::exp(number)),
    })
}

fn logarithm<'a>(
    operator: &str,
    code: i32,
    value: Computed<'a>,
    of_double: fn(f64) -> f64,
    of_decimal: fn(Decimal) -> Decimal,
) -> Result<Computed<'a>> {
    match numeric(operator, &value)? {
        None => Ok(Computed::null()),
        Some(Numeric::Number(number)) => positive(operator, code, number.to_f64())
            .map(|number| Computed::double(of_double(number))),
        Some(Numeric::Decimal(Decimal::NaN)) => Ok(Computed::double(f64::NAN)),
        Some(Numeric::Decimal(number)) if is_negative(number) || number.is_zero() => {
            positive(operator, code, to_f64(number)).map(Computed::double)
        }
        Some(Numeric::Decimal(number)) => Ok(Computed::decimal(of_decimal(number))),
    }
}

fn positive(operator: &str, code: i32, number: f64) -> Result<f64> {
    if number <= 0.0 {
        let message = format!("{operator}'s argument must be a positive number, but is {number}");
        return Err(location(code, message));
    }
    Ok(number)
}

pub(super) fn no_decimals(operator: &str) -> Error {
    let message = format!("{operator} of decimals is not supported");
    Error::refused(Reason::CommandNotSupported, message)
}

/// Two numbers; `None` if one is null.
fn two(
    operator: &str,
    (a, b): (&Computed<'_>, &Computed<'_>),
    (a_code, a_name): (i32, &str),
    (b_code, b_name): (i32, &str),
) -> Result<Option<(Number, Number)>> {
    if a.is_nullish() || b.is_nullish() {
        return Ok(None);
    }
    for (value, code, name) in [(a, a_code, a_name), (b, b_code, b_name)] {
        if !value.is_number() {
            let message = format!("{operator}'s {name} must be numeric, not {}", value.type_name());
            return Err(location(code, message));
        }
    }
    match (a.as_number(), b.as_number()) {
        (Some(a), Some(b)) => Ok(Some((a, b))),
        _ => Err(no_decimals(operator)),
    }
}

fn log<'a>(value: Computed<'a>, base: Computed<'a>) -> Result<Computed<'a>> {
    let both = two("$log", (&value, &base), (28756, "argument"), (28757, "base"))?;
    let Some((value, base)) = both else { return Ok(Computed::null()) };
    let value = positive("$log", 28758, value.to_f64())?;
    let base = base.to_f64();
    if base <= 0.0 || base == 1.0 {
        let message =
            format!("$log's base must be a positive number not equal to 1, but is {base}");
        return Err(location(28759, message));
    }
    Ok(Computed::double(value.ln() / base.ln()))
}

fn pow<'a>(base: Computed<'a>, exponent: Computed<'a>) -> Result<Computed<'a>> {
    let both = two("$pow", (&base, &exponent), (28762, "base"), (28763, "exponent"))?;
    let Some((base, exponent)) = both else { return Ok(Computed::null()) };
    if base.to_f64() == 0.0 && exponent.to_f64() < 0.0 {
        let message = "$pow cannot take a base of 0 and a negative exponent";
        return Err(location(28764, message));
    }
    let in_doubles = || Computed::double(base.to_f64().powf(exponent.to_f64()));
    let (x, y) = match (base, exponent) {
        (Double(_), _) | (_, Double(_)) => return Ok(in_doubles()),
        (base, exponent) => match (base.to_i64(), exponent.to_i64()) {
            (Some(x), Some(y)) => (x, y),
            _ => return Ok(in_doubles()),
        },
    };
    let result = match (x, y) {
        (1, _) => Some(1),
        (-1, y) => Some(if y % 2 == 0 { 1 } else { -1 }),
        (_, ..0) => None,
        (0, y) if y > 0 => Some(0),
        (x, y) => u32::try_from(y).ok().and_then(|y| x.checked_pow(y)),
    };
    let is_long = matches!(base, Int64(_)) || matches!(exponent, Int64(_));
    Ok(match result {
        Some(result) if is_long => Computed::long(result),
        Some(result) => Computed::number(Number::integer(result)),
        None => in_doubles(),
    })
}
