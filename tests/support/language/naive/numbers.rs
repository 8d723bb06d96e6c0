//! Arithmetic of expressions, and sums.

use bson::{Bson, DateTime};

use super::expression::{Computed, Scope, all_operands, evaluate, is_null, operands};
use super::{NO_OPINION, Naive};
use crate::order::float;

/// An operation on integers.
pub type Whole = fn(i128, i128) -> i128;
/// The same on doubles.
pub type Real = fn(f64, f64) -> f64;

/// What two numbers make: typed by the wider of them.
///
/// # Errors
/// No opinion on decimals and on what an int64 cannot hold.
pub fn combine(a: &Bson, b: &Bson, whole: Whole, real: Real) -> Naive<Bson> {
    let int = |value: &Bson| match value {
        Bson::Int32(n) => Some(i128::from(*n)),
        Bson::Int64(n) => Some(i128::from(*n)),
        _ => None,
    };
    if matches!(a, Bson::Decimal128(_)) || matches!(b, Bson::Decimal128(_)) {
        return Err(NO_OPINION);
    }
    if let (Some(x), Some(y)) = (int(a), int(b)) {
        let result = whole(x, y);
        let narrow = matches!((a, b), (Bson::Int32(_), Bson::Int32(_)));
        return match (i32::try_from(result), i64::try_from(result)) {
            (Ok(n), _) if narrow => Ok(Bson::Int32(n)),
            (_, Ok(n)) => Ok(Bson::Int64(n)),
            _ => Err(NO_OPINION),
        };
    }
    let (x, y) = (float(a).ok_or(NO_OPINION)?, float(b).ok_or(NO_OPINION)?);
    Ok(Bson::Double(real(x, y)))
}

/// The arithmetic operators.
pub fn operator(name: &str, operand: &Bson, scope: &Scope) -> Option<Computed> {
    Some(match name {
        "$add" | "$multiply" => many(name, operand, scope),
        "$subtract" | "$divide" | "$mod" | "$pow" => {
            operands(operand, scope, 2).and_then(|both| two(name, &both[0], &both[1]))
        }
        "$abs" | "$ceil" | "$floor" | "$sqrt" | "$exp" | "$ln" | "$log10" | "$toInt"
        | "$toLong" | "$toDouble" => {
            operands(operand, scope, 1).and_then(|one| one_number(name, &one[0]))
        }
        "$round" | "$trunc" => rounded(name, operand, scope),
        "$sum" | "$avg" | "$min" | "$max" | "$stdDevPop" => {
            let items = match all_operands(operand, scope) {
                Ok(items) => items,
                Err(code) => return Some(Err(code)),
            };
            match (items.as_slice(), operand) {
                // One operand that is an array stands for its elements.
                ([Some(Bson::Array(items))], one)
                    if one.as_array().is_none_or(|a| a.len() <= 1) =>
                {
                    total(name, &items.iter().cloned().map(Some).collect::<Vec<_>>())
                }
                (items, _) => total(name, items),
            }
        }
        _ => return None,
    })
}

fn many(name: &str, operand: &Bson, scope: &Scope) -> Computed {
    let items = all_operands(operand, scope)?;
    if items.iter().any(|item| matches!(item, Some(Bson::DateTime(_)))) {
        return if items.iter().any(is_null) { Err(NO_OPINION) } else { date_sum(name, items) };
    }
    let numbers: Vec<Bson> = items.iter().flatten().cloned().collect();
    if items.iter().any(|item| !is_null(item) && item.as_ref().and_then(float).is_none()) {
        return Err(NO_OPINION);
    }
    if items.iter().any(is_null) {
        return Ok(Some(Bson::Null));
    }
    let (start, whole, real): (i32, Whole, Real) = match name {
        "$add" => (0, |a, b| a + b, |a, b| a + b),
        _ => (1, |a, b| a * b, |a, b| a * b),
    };
    let mut total = Bson::Int32(start);
    for number in numbers {
        total = combine(&total, &number, whole, real)?;
    }
    Ok(Some(total))
}

fn date_sum(name: &str, items: Vec<Option<Bson>>) -> Computed {
    let mut ms = 0i64;
    for item in items.iter().flatten() {
        ms += match item {
            Bson::DateTime(date) => date.timestamp_millis(),
            Bson::Int32(n) => i64::from(*n),
            Bson::Int64(n) if n.abs() < 1 << 53 => *n,
            _ => return Err(NO_OPINION),
        };
    }
    let dates = items.iter().filter(|item| matches!(item, Some(Bson::DateTime(_)))).count();
    match name == "$add" && dates == 1 {
        true => Ok(Some(Bson::DateTime(DateTime::from_millis(ms)))),
        false => Err(NO_OPINION),
    }
}

fn two(name: &str, a: &Option<Bson>, b: &Option<Bson>) -> Computed {
    if is_null(a) || is_null(b) {
        return Ok(Some(Bson::Null));
    }
    let (Some(a), Some(b)) = (a, b) else { return Err(NO_OPINION) };
    let zero = float(b) == Some(0.0);
    let value = match (name, a, b) {
        ("$subtract", Bson::DateTime(a), Bson::DateTime(b)) => {
            Bson::Int64(a.timestamp_millis() - b.timestamp_millis())
        }
        ("$subtract", Bson::DateTime(a), Bson::Int32(b)) => {
            Bson::DateTime(DateTime::from_millis(a.timestamp_millis() - i64::from(*b)))
        }
        ("$subtract", a, b) => combine(a, b, |a, b| a - b, |a, b| a - b)?,
        ("$divide" | "$mod", _, _) if zero => return Err(NO_OPINION),
        ("$divide", Bson::Decimal128(_), _) | ("$divide", _, Bson::Decimal128(_)) => {
            return Err(NO_OPINION);
        }
        ("$divide", a, b) => {
            Bson::Double(float(a).ok_or(NO_OPINION)? / float(b).ok_or(NO_OPINION)?)
        }
        // A double that is whole is taken for an integer there.
        ("$mod", a, b) if [a, b].iter().any(|n| is_whole_double(n)) => return Err(NO_OPINION),
        ("$mod", a, b) => combine(a, b, |a, b| a % b, |a, b| a % b)?,
        (_, a, b) => power(a, b)?,
    };
    Ok(Some(value))
}

fn is_whole_double(value: &Bson) -> bool {
    matches!(value, Bson::Double(n) if n.fract() == 0.0)
}

fn power(a: &Bson, b: &Bson) -> Naive<Bson> {
    match (a, b) {
        (Bson::Decimal128(_), _) | (_, Bson::Decimal128(_)) => Err(NO_OPINION),
        (Bson::Int32(_) | Bson::Int64(_), Bson::Int32(_) | Bson::Int64(_)) => {
            let (x, y) = (float(a).ok_or(NO_OPINION)?, float(b).ok_or(NO_OPINION)?);
            let result = x.powf(y);
            let narrow = matches!((a, b), (Bson::Int32(_), Bson::Int32(_)));
            match result {
                _ if x == 0.0 && y < 0.0 => Err(NO_OPINION),
                result if y < 0.0 && x.abs() != 1.0 => Ok(Bson::Double(result)),
                result if result.abs() > 9e15 => Err(NO_OPINION),
                result if narrow && result.abs() < 2_147_483_648.0 => {
                    Ok(Bson::Int32(result as i32))
                }
                result => Ok(Bson::Int64(result as i64)),
            }
        }
        (a, b) => {
            let (x, y) = (float(a).ok_or(NO_OPINION)?, float(b).ok_or(NO_OPINION)?);
            if x == 0.0 && y < 0.0 {
                return Err(NO_OPINION);
            }
            Ok(Bson::Double(x.powf(y)))
        }
    }
}

fn one_number(name: &str, value: &Option<Bson>) -> Computed {
    if is_null(value) {
        return Ok(Some(Bson::Null));
    }
    let value = value.clone().ok_or(NO_OPINION)?;
    if !matches!(value, Bson::Int32(_) | Bson::Int64(_) | Bson::Double(_)) {
        return Err(NO_OPINION);
    }
    let n = float(&value).ok_or(NO_OPINION)?;
    let real = |f: f64| Ok(Some(Bson::Double(f)));
    match (name, &value) {
        ("$abs", Bson::Int32(n)) if *n != i32::MIN => Ok(Some(Bson::Int32(n.abs()))),
        ("$abs", Bson::Int64(n)) if *n != i64::MIN => Ok(Some(Bson::Int64(n.abs()))),
        ("$abs", Bson::Double(n)) => real(n.abs()),
        ("$ceil", Bson::Double(n)) => real(n.ceil()),
        ("$floor", Bson::Double(n)) => real(n.floor()),
        ("$ceil" | "$floor", value) => Ok(Some(value.clone())),
        ("$sqrt", _) if n >= 0.0 || n.is_nan() => real(n.sqrt()),
        ("$exp", _) => real(n.exp()),
        ("$ln", _) if n > 0.0 => real(n.ln()),
        ("$log10", _) if n > 0.0 => real(n.log10()),
        ("$toInt", _) if n.abs() < 2e9 => Ok(Some(Bson::Int32(n as i32))),
        ("$toLong", Bson::Int64(n)) => Ok(Some(Bson::Int64(*n))),
        ("$toLong", _) if n.abs() < 9e15 => Ok(Some(Bson::Int64(n as i64))),
        ("$toDouble", _) => real(n),
        _ => Err(NO_OPINION),
    }
}

fn rounded(name: &str, operand: &Bson, scope: &Scope) -> Computed {
    let operands = all_operands(operand, scope)?;
    let place = match operands.get(1) {
        None => 0,
        Some(Some(Bson::Int32(place))) => *place,
        _ => return Err(NO_OPINION),
    };
    let Some(value) = operands.first() else { return Err(NO_OPINION) };
    if is_null(value) {
        return Ok(Some(Bson::Null));
    }
    match value {
        Some(Bson::Double(n)) if place == 0 && name == "$round" => {
            Ok(Some(Bson::Double(n.round_ties_even())))
        }
        Some(Bson::Double(n)) if place == 0 => Ok(Some(Bson::Double(n.trunc()))),
        Some(value @ (Bson::Int32(_) | Bson::Int64(_))) if place >= 0 => Ok(Some(value.clone())),
        _ => Err(NO_OPINION),
    }
}

/// What an accumulator makes of values.
///
/// # Errors
/// No opinion on decimals and overflows.
pub fn total(name: &str, items: &[Option<Bson>]) -> Computed {
    let is_number = |item: &&Bson| float(item).is_some();
    let numbers: Vec<&Bson> = items.iter().flatten().filter(is_number).collect();
    if numbers.iter().any(|number| matches!(number, Bson::Decimal128(_)))
        && !matches!(name, "$min" | "$max")
    {
        return Err(NO_OPINION);
    }
    let reals: Vec<f64> = numbers.iter().filter_map(|number| float(number)).collect();
    let count = reals.len() as f64;
    let sum: f64 = reals.iter().sum();
    match name {
        "$sum" => {
            let mut total = Bson::Int32(0);
            for number in numbers {
                total = combine(&total, number, |a, b| a + b, |a, b| a + b)?;
            }
            Ok(Some(total))
        }
        "$avg" if reals.is_empty() => Ok(Some(Bson::Null)),
        "$avg" => Ok(Some(Bson::Double(sum / count))),
        "$stdDevPop" | "$stdDevSamp" => {
            let least = if name == "$stdDevPop" { 1 } else { 2 };
            if reals.len() < least {
                return Ok(Some(Bson::Null));
            }
            if reals.iter().any(|real| !real.is_finite() || real.abs() > 1e6) {
                return Err(NO_OPINION);
            }
            let mean = sum / count;
            let squares: f64 = reals.iter().map(|real| (real - mean).powi(2)).sum();
            Ok(Some(Bson::Double((squares / (count - (least - 1) as f64)).sqrt())))
        }
        _ => {
            let known = items.iter().flatten().filter(|item| !matches!(item, Bson::Null));
            let best = match name {
                // The first of equal ones.
                "$min" => {
                    known.reduce(|a, b| if crate::order::compare(b, a).is_lt() { b } else { a })
                }
                _ => known.reduce(|a, b| if crate::order::compare(b, a).is_gt() { b } else { a }),
            };
            Ok(Some(best.cloned().unwrap_or(Bson::Null)))
        }
    }
}

/// An expression that has to be an integer.
///
/// # Errors
/// No opinion on anything else.
pub fn integer(expression: &Bson, scope: &Scope) -> Naive<i64> {
    match evaluate(expression, scope)? {
        Some(Bson::Int32(n)) => Ok(i64::from(n)),
        _ => Err(NO_OPINION),
    }
}
