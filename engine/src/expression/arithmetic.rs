//! `$add`, `$subtract`, `$multiply`, `$divide`, `$mod`, `$abs`: integers widen where they must,
//! dates take milliseconds.

use super::computed::Computed;
use super::decimal::{self, Rounding};
use super::node::{Frame, Node};
use super::operator::{Operator, Takes};
use super::parse::location;
use super::sum::Sum;
use crate::bson::decimal::Decimal;
use crate::bson::number::Number::{self, Double, Int32, Int64};
use crate::bson::ty;
use crate::error::{Error, Reason, Result};

pub(super) const OPERATORS: &[Operator] = &[
    Operator::all("$add", Takes::Any, add),
    Operator::two("$subtract", subtract),
    Operator::all("$multiply", Takes::Any, multiply),
    Operator::two("$divide", divide),
    Operator::two("$mod", remainder),
    Operator::one("$abs", abs),
];

fn mismatch(message: String) -> Error {
    Error::refused(Reason::TypeMismatch, message)
}

/// The number as a decimal, if it is any.
pub(super) fn to_decimal(value: &Computed<'_>) -> Option<Decimal> {
    match value.as_number() {
        Some(number) => Some(decimal::of_number(number)),
        None if value.is_number() => Decimal::of(value.or_null()),
        None => None,
    }
}

fn add<'a>(args: &'a [Node], frame: &mut Frame<'a>) -> Result<Computed<'a>> {
    let mut sum = Sum::default();
    let mut date = None;
    for arg in args {
        let value = arg.eval(frame)?;
        if value.is_nullish() {
            return Ok(Computed::null());
        }
        if let Some(ms) = value.as_date() {
            if date.replace(ms).is_some() {
                return Err(location(16612, "only one date allowed in an $add expression"));
            }
        } else if !sum.add(&value) {
            let name = value.type_name();
            let message = format!("$add only supports numeric or date types, not {name}");
            return Err(location(16554, message));
        }
    }
    match date {
        Some(ms) => date_plus(ms, &sum),
        None => Ok(sum.value()),
    }
}

fn date_plus<'a>(ms: i64, sum: &Sum) -> Result<Computed<'a>> {
    let more = match (sum.decimals(), sum.as_double()) {
        (Some(more), _) => decimal::to_i64(more, Rounding::HalfEven),
        (None, Some(more)) => {
            // The whole that is nearest to the sum; from the middle, the one that is nearer to 0.
            let whole = ms as f64 + more.trunc();
            let rest = more.fract();
            let beyond = rest.abs() > 0.5 || rest.abs() == 0.5 && (rest < 0.0) != (whole < 0.0);
            let step = if beyond { rest.signum() } else { 0.0 };
            Double(more.trunc() + step).to_i64()
        }
        (None, None) => sum.as_i64(),
    };
    let date = more.and_then(|more| ms.checked_add(more));
    date.map(Computed::date)
        .ok_or_else(|| Error::refused(Reason::Overflow, "date overflow in $add"))
}

fn subtract<'a>(a: Computed<'a>, b: Computed<'a>) -> Result<Computed<'a>> {
    if a.is_nullish() || b.is_nullish() {
        return Ok(Computed::null());
    }
    if let Some(ms) = a.as_date() {
        return subtract_from_date(ms, &b);
    }
    if let (Some(x), Some(y)) = (a.as_number(), b.as_number()) {
        return Ok(integers_or_doubles(x, y, i64::checked_sub, |x, y| x - y));
    }
    match (to_decimal(&a), to_decimal(&b)) {
        (Some(x), Some(y)) => Ok(Computed::decimal(decimal::add(x, decimal::negate(y)))),
        _ => Err(cannot_subtract(&b, a.type_name())),
    }
}

fn cannot_subtract(b: &Computed<'_>, from: &str) -> Error {
    mismatch(format!("can't $subtract {} from {from}", b.type_name()))
}

fn subtract_from_date<'a>(ms: i64, b: &Computed<'_>) -> Result<Computed<'a>> {
    let overflow = || Error::refused(Reason::DurationOverflow, "date overflow in $subtract");
    if let Some(other) = b.as_date() {
        return ms.checked_sub(other).map(Computed::long).ok_or_else(overflow);
    }
    let less = match b.as_number() {
        Some(number) => match number {
            Double(value) => Double(value.trunc()).to_i64(),
            integer => integer.to_i64(),
        },
        None if b.is_number() => {
            to_decimal(b).and_then(|less| decimal::to_i64(less, Rounding::HalfEven))
        }
        None => return Err(cannot_subtract(b, "Date")),
    };
    let Some(less) = less else {
        return Err(location(31109, "Can't coerce out of range value to long"));
    };
    ms.checked_sub(less).map(Computed::date).ok_or_else(overflow)
}

/// A result of two integers as wide as it must be, of doubles otherwise.
fn integers_or_doubles<'a>(
    a: Number,
    b: Number,
    integers: fn(i64, i64) -> Option<i64>,
    doubles: fn(f64, f64) -> f64,
) -> Computed<'a> {
    let whole = |number| match number {
        Int32(value) => i64::from(value),
        Int64(value) => value,
        Double(_) => 0,
    };
    let is_double = matches!(a, Double(_)) || matches!(b, Double(_));
    let is_long = matches!(a, Int64(_)) || matches!(b, Int64(_));
    match integers(whole(a), whole(b)) {
        Some(result) if !is_double && is_long => Computed::long(result),
        Some(result) if !is_double => Computed::number(Number::integer(result)),
        _ => Computed::double(doubles(a.to_f64(), b.to_f64())),
    }
}

fn multiply<'a>(args: &'a [Node], frame: &mut Frame<'a>) -> Result<Computed<'a>> {
    let mut product: Computed<'a> = Computed::int(1);
    for arg in args {
        let value = arg.eval(frame)?;
        if value.is_nullish() {
            return Ok(Computed::null());
        }
        product = match (product.as_number(), value.as_number()) {
            (Some(x), Some(y)) => integers_or_doubles(x, y, i64::checked_mul, |x, y| x * y),
            _ => match (to_decimal(&product), to_decimal(&value)) {
                (Some(x), Some(y)) => Computed::decimal(decimal::multiply(x, y)),
                _ => {
                    let name = value.type_name();
                    let message = format!("$multiply only supports numeric types, not {name}");
                    return Err(mismatch(message));
                }
            },
        };
    }
    Ok(product)
}

fn divide<'a>(a: Computed<'a>, b: Computed<'a>) -> Result<Computed<'a>> {
    let by_zero = || Err(Error::refused(Reason::BadValue, "can't $divide by zero"));
    if let (Some(x), Some(y)) = (a.as_number(), b.as_number()) {
        return match y.to_f64() {
            0.0 => by_zero(),
            divisor => Ok(Computed::double(x.to_f64() / divisor)),
        };
    }
    match (to_decimal(&a), to_decimal(&b)) {
        (Some(_), Some(y)) if y.is_zero() => by_zero(),
        (Some(x), Some(y)) => Ok(Computed::decimal(decimal::divide(x, y))),
        _ if a.is_nullish() || b.is_nullish() => Ok(Computed::null()),
        _ => {
            let (a, b) = (a.type_name(), b.type_name());
            Err(mismatch(format!("$divide only supports numeric types, not {a} and {b}")))
        }
    }
}

fn remainder<'a>(a: Computed<'a>, b: Computed<'a>) -> Result<Computed<'a>> {
    let by_zero = || Err(location(16610, "can't $mod by zero"));
    if let (Some(x), Some(y)) = (a.as_number(), b.as_number()) {
        if y.to_f64() == 0.0 {
            return by_zero();
        }
        return Ok(match (x, y.to_i64()) {
            (Int32(value), Some(by)) if !matches!(y, Int64(_)) => {
                Computed::number(Number::integer(i64::from(value).wrapping_rem(by)))
            }
            (Int32(_) | Int64(_), Some(by)) => {
                Computed::long(x.to_i64().unwrap_or(0).wrapping_rem(by))
            }
            _ => Computed::double(x.to_f64() % y.to_f64()),
        });
    }
    match (to_decimal(&a), to_decimal(&b)) {
        (Some(_), Some(y)) if y.is_zero() => by_zero(),
        (Some(x), Some(y)) => Ok(Computed::decimal(decimal::remainder(x, y))),
        _ if a.is_nullish() || b.is_nullish() => Ok(Computed::null()),
        _ => {
            let (a, b) = (a.type_name(), b.type_name());
            Err(location(16611, format!("$mod only supports numeric types, not {a} and {b}")))
        }
    }
}

fn abs<'a>(value: Computed<'a>) -> Result<Computed<'a>> {
    match numeric("$abs", &value)? {
        None => Ok(Computed::null()),
        Some(Numeric::Number(Int32(n))) => {
            Ok(Computed::number(Number::integer(i64::from(n).abs())))
        }
        Some(Numeric::Number(Int64(n))) => match n.checked_abs() {
            Some(size) => Ok(Computed::long(size)),
            None => Err(location(28680, "can't take $abs of long long min")),
        },
        Some(Numeric::Number(Double(n))) => Ok(Computed::double(n.abs())),
        Some(Numeric::Decimal(n)) if decimal::is_negative(n) => {
            Ok(Computed::decimal(decimal::negate(n)))
        }
        Some(Numeric::Decimal(n)) => Ok(Computed::decimal(n)),
    }
}

/// A number of any type.
pub(super) enum Numeric {
    Number(Number),
    Decimal(Decimal),
}

/// The argument of an operator on one number; `None` for null.
pub(super) fn numeric(operator: &str, value: &Computed<'_>) -> Result<Option<Numeric>> {
    if let Some(number) = value.as_number() {
        return Ok(Some(Numeric::Number(number)));
    }
    match value.ty() {
        Some(ty::DECIMAL128) => {
            Ok(Some(Numeric::Decimal(Decimal::of(value.or_null()).unwrap_or(Decimal::NaN))))
        }
        None | Some(ty::NULL | ty::UNDEFINED) => Ok(None),
        Some(other) => {
            let name = ty::name(other);
            Err(location(28765, format!("{operator} only supports numeric types, not {name}")))
        }
    }
}
