//! `$sqrt`, `$pow`, `$exp`, `$ln`, `$log`, `$log10`. Not of decimals, which would need more
//! digits than doubles have.

use super::arithmetic::{Numeric, numeric};
use super::computed::Computed;
use super::operator::Operator;
use super::parse::location;
use crate::bson::number::Number::{self, Double, Int64};
use crate::error::{Error, Reason, Result};

pub(super) const OPERATORS: &[Operator] = &[
    Operator::one("$sqrt", |value| {
        of_one("$sqrt", value, |number| match number {
            number if number < 0.0 => {
                let message = "$sqrt's argument must be greater than or equal to 0";
                Err(location(28714, message))
            }
            number => Ok(number.sqrt()),
        })
    }),
    Operator::two("$pow", pow),
    Operator::one("$exp", |value| of_one("$exp", value, |number| Ok(number.exp()))),
    Operator::one("$ln", |value| {
        of_one("$ln", value, |number| positive("$ln", 28766, number).map(f64::ln))
    }),
    Operator::one("$log10", |value| {
        of_one("$log10", value, |number| positive("$log10", 28761, number).map(f64::log10))
    }),
    Operator::two("$log", log),
];

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

pub(super) fn of_one<'a>(
    operator: &str,
    value: Computed<'a>,
    run: impl FnOnce(f64) -> Result<f64>,
) -> Result<Computed<'a>> {
    match numeric(operator, &value)? {
        None => Ok(Computed::null()),
        Some(Numeric::Number(number)) => run(number.to_f64()).map(Computed::double),
        Some(Numeric::Decimal(_)) => Err(no_decimals(operator)),
    }
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
