//! Arithmetic of decimals: 34 digits, rounded half to even. Digit by digit, most significant
//! first: simple rather than fast, as counters are not decimals.

use std::cmp::Ordering;

use crate::bson::decimal::DIGITS_MAX;
use crate::bson::decimal::Decimal::{self, Finite, Infinite, NaN};
use crate::bson::number::Number;

const DIGITS: usize = DIGITS_MAX as usize;
const EXPONENT_MAX: i32 = 6111;
pub(super) const EXPONENT_MIN: i32 = -6176;
/// Digits beyond which a smaller number cannot show in a sum.
const APART_MAX: i32 = 80;

/// How digits that do not fit are dropped.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rounding {
    HalfEven,
    TowardsZero,
    Up,
    Down,
}

/// A number as a decimal: a double by its first 15 digits.
pub(crate) fn of_number(number: Number) -> Decimal {
    match number {
        Number::Double(value) if value.is_finite() && value != 0.0 => {
            format!("{value:.14e}").parse::<::bson::Decimal128>().map_or(NaN, of_stored)
        }
        number => Decimal::of_number(number),
    }
}

/// The decimal that is stored so.
pub(crate) fn of_stored(stored: ::bson::Decimal128) -> Decimal {
    let bytes = stored.bytes();
    let value = crate::bson::element::Value { ty: crate::bson::ty::DECIMAL128, bytes: &bytes };
    Decimal::of(value).unwrap_or(NaN)
}

/// As text.
pub(crate) fn text(value: Decimal) -> String {
    ::bson::Decimal128::from_bytes(value.to_bytes()).to_string()
}

/// The nearest double.
pub(crate) fn to_f64(value: Decimal) -> f64 {
    match value {
        NaN => f64::NAN,
        Infinite { negative } => {
            if negative {
                f64::NEG_INFINITY
            } else {
                f64::INFINITY
            }
        }
        finite => text(finite).parse().unwrap_or(f64::NAN),
    }
}

/// The integer, if it is one that fits.
pub(crate) fn to_i64(value: Decimal, rounding: Rounding) -> Option<i64> {
    let Finite { negative, coefficient, exponent } = quantize(value, 0, rounding) else {
        return None;
    };
    let scale = 10_u128.checked_pow(u32::try_from(exponent).ok()?)?;
    let size = i128::try_from(coefficient.checked_mul(scale)?).ok()?;
    i64::try_from(if negative { -size } else { size }).ok()
}

pub(crate) fn negate(value: Decimal) -> Decimal {
    match value {
        NaN => NaN,
        Infinite { negative } => Infinite { negative: !negative },
        Finite { negative, coefficient, exponent } => {
            Finite { negative: !negative && coefficient != 0, coefficient, exponent }
        }
    }
}

pub(crate) fn is_negative(value: Decimal) -> bool {
    matches!(value, Finite { negative: true, .. } | Infinite { negative: true })
}

pub(crate) fn add(a: Decimal, b: Decimal) -> Decimal {
    let (
        Finite { negative: a_negative, coefficient: a_size, exponent: a_exponent },
        Finite { negative: b_negative, coefficient: b_size, exponent: b_exponent },
    ) = (a, b)
    else {
        return match (a, b) {
            (Infinite { negative: x }, Infinite { negative: y }) if x != y => NaN,
            (NaN, _) | (_, NaN) => NaN,
            (Infinite { .. }, _) => a,
            _ => b,
        };
    };
    if a_size == 0 || b_size == 0 {
        let (value, other) = if a_size == 0 { (b, a_exponent) } else { (a, b_exponent) };
        return towards_exponent(value, other);
    }
    // Beyond APART_MAX the smaller one is as good as one digit far below.
    let top = a_exponent.max(b_exponent);
    let exponent = a_exponent.min(b_exponent).max(top - APART_MAX);
    let digits = |size: u128, own: i32| match own - exponent {
        shift @ 0.. => shifted(digits_of(size), shift as usize),
        _ => vec![1],
    };
    let (x, y) = (digits(a_size, a_exponent), digits(b_size, b_exponent));
    if a_negative == b_negative {
        return rounded(a_negative, plus(&x, &y), exponent, Rounding::HalfEven);
    }
    match compare(&x, &y) {
        Ordering::Equal => Finite { negative: false, coefficient: 0, exponent },
        Ordering::Greater => rounded(a_negative, minus(&x, &y), exponent, Rounding::HalfEven),
        Ordering::Less => rounded(b_negative, minus(&y, &x), exponent, Rounding::HalfEven),
    }
}

pub(crate) fn multiply(a: Decimal, b: Decimal) -> Decimal {
    match (a, b) {
        (NaN, _) | (_, NaN) => NaN,
        (Infinite { .. }, other) | (other, Infinite { .. }) => match other.is_zero() {
            true => NaN,
            false => Infinite { negative: is_negative(a) != is_negative(b) },
        },
        (
            Finite { negative: x, coefficient: a_size, exponent: a_exponent },
            Finite { negative: y, coefficient: b_size, exponent: b_exponent },
        ) => {
            let digits = times(&digits_of(a_size), &digits_of(b_size));
            rounded(x != y, digits, a_exponent + b_exponent, Rounding::HalfEven)
        }
    }
}

/// Their quotient. Zero is no divisor.
pub(crate) fn divide(a: Decimal, b: Decimal) -> Decimal {
    let negative = is_negative(a) != is_negative(b);
    match (a, b) {
        (NaN, _) | (_, NaN) | (Infinite { .. }, Infinite { .. }) => NaN,
        (Infinite { .. }, _) => Infinite { negative },
        (_, Infinite { .. }) => Decimal::ZERO,
        (
            Finite { coefficient: x, exponent: a_exponent, .. },
            Finite { coefficient: y, exponent: b_exponent, .. },
        ) => {
            if y == 0 {
                return NaN;
            }
            // One digit after the other; whatever is left counts as a digit that is not zero.
            let mut digits = digits_of(x / y);
            let (mut left, mut exponent) = (x % y, a_exponent - b_exponent);
            while left != 0 && digits.len() < DIGITS + 2 {
                left *= 10;
                digits.push((left / y) as u8);
                left %= y;
                exponent -= 1;
                // Digits count from the first that is not zero.
                if digits[0] == 0 {
                    digits.remove(0);
                }
            }
            if left != 0 {
                digits.push(1);
                exponent -= 1;
            }
            rounded(negative, digits, exponent, Rounding::HalfEven)
        }
    }
}

/// What is left of `a` after whole multiples of `b`, with the sign of `a`.
pub(crate) fn remainder(a: Decimal, b: Decimal) -> Decimal {
    match (a, b) {
        (NaN, _) | (_, NaN) | (Infinite { .. }, _) => NaN,
        (_, Infinite { .. }) => a,
        _ => {
            let whole = quantize(divide(a, b), 0, Rounding::TowardsZero);
            add(a, negate(multiply(whole, b)))
        }
    }
}

/// The value with its last digit at `10^exponent`, if that many digits can be had.
pub(crate) fn quantize(value: Decimal, exponent: i32, rounding: Rounding) -> Decimal {
    let Finite { negative, coefficient, exponent: own } = value else { return value };
    if own >= exponent {
        return towards_exponent(value, exponent);
    }
    let mut digits = digits_of(coefficient);
    drop_digits(&mut digits, (exponent - own) as usize, negative, rounding);
    rounded(negative, digits, exponent, rounding)
}

/// The same value with its exponent as near to a lower one as its digits allow.
fn towards_exponent(value: Decimal, exponent: i32) -> Decimal {
    let Finite { negative, mut coefficient, exponent: mut own } = value else { return value };
    if coefficient == 0 {
        return Finite { negative, coefficient, exponent: own.min(exponent) };
    }
    while own > exponent && coefficient < 10_u128.pow(DIGITS_MAX - 1) {
        coefficient *= 10;
        own -= 1;
    }
    Finite { negative, coefficient, exponent: own }
}

/// Makes a decimal of any number of digits.
pub(super) fn rounded(
    negative: bool,
    mut digits: Vec<u8>,
    exponent: i32,
    rounding: Rounding,
) -> Decimal {
    let mut exponent = exponent;
    let first = digits.iter().position(|digit| *digit != 0).unwrap_or(digits.len());
    digits.drain(..first);
    loop {
        let extra = digits.len().saturating_sub(DIGITS);
        let extra = extra.max((EXPONENT_MIN - exponent).max(0) as usize);
        if extra == 0 {
            break;
        }
        drop_digits(&mut digits, extra, negative, rounding);
        exponent += extra as i32;
    }
    let coefficient = digits.iter().fold(0_u128, |sum, digit| sum * 10 + u128::from(*digit));
    let value = Finite { negative: negative && coefficient != 0, coefficient, exponent };
    match towards_exponent(value, EXPONENT_MAX) {
        Finite { exponent: EXPONENT_MAX.., coefficient, .. }
            if exponent > EXPONENT_MAX && coefficient != 0 =>
        {
            match towards_exponent(value, EXPONENT_MAX) {
                fits @ Finite { exponent: EXPONENT_MAX, .. } => fits,
                _ => Infinite { negative },
            }
        }
        _ if exponent > EXPONENT_MAX => {
            Finite { negative: false, coefficient: 0, exponent: EXPONENT_MAX }
        }
        _ => value,
    }
}

fn drop_digits(digits: &mut Vec<u8>, count: usize, negative: bool, rounding: Rounding) {
    let kept = digits.len().saturating_sub(count);
    // Digits before the first are zeros.
    let half = if count > digits.len() { 0 } else { digits.get(kept).copied().unwrap_or(0) };
    let after = if count > digits.len() { kept } else { kept + 1 };
    let is_inexact = digits[kept..].iter().any(|digit| *digit != 0);
    let is_more = digits.get(after..).is_some_and(|rest| rest.iter().any(|digit| *digit != 0));
    digits.truncate(kept);
    let is_odd = digits.last().is_some_and(|digit| digit % 2 == 1);
    let up = match rounding {
        Rounding::HalfEven => half > 5 || half == 5 && (is_more || is_odd),
        Rounding::TowardsZero => false,
        Rounding::Up => is_inexact && !negative,
        Rounding::Down => is_inexact && negative,
    };
    if up {
        *digits = plus(digits, &[1]);
        if digits[0] == 0 {
            digits.remove(0);
        }
    }
}

pub(super) fn digits_of(size: u128) -> Vec<u8> {
    size.to_string().bytes().map(|digit| digit - b'0').collect()
}

pub(super) fn shifted(mut digits: Vec<u8>, zeros: usize) -> Vec<u8> {
    digits.resize(digits.len() + zeros, 0);
    digits
}

pub(super) fn compare(a: &[u8], b: &[u8]) -> Ordering {
    let strip = |digits: &[u8]| digits.iter().position(|digit| *digit != 0).unwrap_or(digits.len());
    let (a, b) = (&a[strip(a)..], &b[strip(b)..]);
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

pub(super) fn plus(a: &[u8], b: &[u8]) -> Vec<u8> {
    let len = a.len().max(b.len()) + 1;
    let mut out = vec![0; len];
    let mut carry = 0;
    for i in 0..len {
        let digit = |of: &[u8]| of.len().checked_sub(i + 1).map_or(0, |at| of[at]);
        let sum = digit(a) + digit(b) + carry;
        out[len - 1 - i] = sum % 10;
        carry = sum / 10;
    }
    out
}

/// The difference of a number and a smaller one.
pub(super) fn minus(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut out = a.to_vec();
    let mut borrow = 0;
    for i in 0..out.len() {
        let at = out.len() - 1 - i;
        let take = b.len().checked_sub(i + 1).map_or(0, |at| b[at]) + borrow;
        borrow = u8::from(out[at] < take);
        out[at] = out[at] + 10 * borrow - take;
    }
    out
}

pub(super) fn times(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut sums = vec![0_u32; a.len() + b.len()];
    for (i, x) in a.iter().enumerate() {
        for (j, y) in b.iter().enumerate() {
            sums[i + j + 1] += u32::from(*x) * u32::from(*y);
        }
    }
    for at in (1..sums.len()).rev() {
        sums[at - 1] += sums[at] / 10;
        sums[at] %= 10;
    }
    sums.into_iter().map(|digit| digit as u8).collect()
}

/// The text of a stored decimal, its zeros and all.
pub(crate) fn text_of(value: crate::bson::element::Value<'_>) -> String {
    match value.bytes.first_chunk() {
        Some(bytes) => ::bson::Decimal128::from_bytes(*bytes).to_string(),
        None => String::new(),
    }
}
