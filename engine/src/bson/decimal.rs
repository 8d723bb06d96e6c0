//! Decimal128 as far as the canonical order needs it: read one, compare it with any number.
//!
//! Comparison is exact but for doubles that need more than 34 digits, which are rounded to 34
//! first. Arithmetic is that of expressions; MMAPv1's time had no decimals, later files may hold
//! them.

use std::cmp::Ordering;

use super::element::Value;
use super::number::Number;

/// Most digits of a coefficient.
pub const DIGITS_MAX: u32 = 34;
const COEFFICIENT_MAX: u128 = 10u128.pow(DIGITS_MAX) - 1;
const EXPONENT_BIAS: i32 = 6176;

/// A number of base ten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decimal {
    /// Not a number; below every number.
    NaN,
    /// An infinity.
    Infinite {
        /// Below zero?
        negative: bool,
    },
    /// `coefficient · 10^exponent`, with its sign.
    Finite {
        /// Below zero? Zero itself has no sign here.
        negative: bool,
        /// At most 34 digits.
        coefficient: u128,
        /// Power of ten.
        exponent: i32,
    },
}

use Decimal::{Finite, Infinite, NaN};

impl Decimal {
    /// The value as a decimal, if it is any kind of number.
    pub fn of(value: Value<'_>) -> Option<Decimal> {
        if let Some(number) = value.as_number() {
            return Some(Decimal::of_number(number));
        }
        Some(Decimal::read(u128::from_le_bytes(*value.bytes.first_chunk()?)))
    }

    /// Reads the binary integer encoding.
    fn read(bits: u128) -> Decimal {
        let negative = bits >> 127 == 1;
        let combination = (bits >> 122) & 0x1f;
        match combination {
            0x1f => return NaN,
            0x1e => return Infinite { negative },
            _ => {}
        }
        // Two leading ones shift the exponent; such coefficients exceed 34 digits and mean 0.
        let (exponent, coefficient) = match combination >> 3 {
            3 => ((bits >> 111) & 0x3fff, 0),
            _ => ((bits >> 113) & 0x3fff, bits & ((1 << 113) - 1)),
        };
        let coefficient = if coefficient > COEFFICIENT_MAX { 0 } else { coefficient };
        Decimal::finite(negative, coefficient, exponent as i32 - EXPONENT_BIAS)
    }

    /// Zero.
    pub const ZERO: Decimal = Finite { negative: false, coefficient: 0, exponent: 0 };

    /// Is it zero?
    pub fn is_zero(&self) -> bool {
        matches!(self, Finite { coefficient: 0, .. })
    }

    /// Its bytes in the binary integer encoding. The exponent is one that can be stored.
    pub fn to_bytes(self) -> [u8; 16] {
        let sign = |negative: bool| u128::from(negative) << 127;
        let bits = match self {
            NaN => 0x1f << 122,
            Infinite { negative } => sign(negative) | 0x1e << 122,
            Finite { negative, coefficient, exponent } => {
                let biased = exponent.saturating_add(EXPONENT_BIAS).clamp(0, 0x2fff) as u128;
                sign(negative) | biased << 113 | coefficient
            }
        };
        bits.to_le_bytes()
    }

    /// The number as a decimal.
    pub fn of_number(number: Number) -> Decimal {
        match number {
            Number::Double(value) => Decimal::of_double(value),
            Number::Int32(value) => Decimal::of_integer(value.into()),
            Number::Int64(value) => Decimal::of_integer(value),
        }
    }

    fn of_integer(value: i64) -> Decimal {
        Decimal::finite(value < 0, value.unsigned_abs().into(), 0)
    }

    fn of_double(value: f64) -> Decimal {
        if value.is_nan() {
            return NaN;
        }
        if value.is_infinite() {
            return Infinite { negative: value < 0.0 };
        }
        if let Some((coefficient, exponent)) = exact_digits(value) {
            return Decimal::finite(value < 0.0, coefficient, exponent);
        }
        // Digits of the exact value, correctly rounded: "d.ddd…e±x".
        let text = format!("{:.*e}", DIGITS_MAX as usize - 1, value.abs());
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let coefficient = digits.bytes().filter(u8::is_ascii_digit);
        let coefficient = coefficient.fold(0u128, |sum, digit| sum * 10 + u128::from(digit - b'0'));
        let exponent = exponent.parse().unwrap_or(0) - (DIGITS_MAX as i32 - 1);
        Decimal::finite(value < 0.0, coefficient, exponent)
    }

    fn finite(negative: bool, coefficient: u128, exponent: i32) -> Decimal {
        Finite { negative: negative && coefficient != 0, coefficient, exponent }
    }

    /// Compares by value: 1.0 equals 1.00.
    pub fn compare(&self, other: &Decimal) -> Ordering {
        let rank = |decimal: &Decimal| match decimal {
            NaN => 0,
            Infinite { negative: true } => 1,
            Finite { negative: true, .. } => 2,
            Finite { coefficient: 0, .. } => 3,
            Finite { negative: false, .. } => 4,
            Infinite { negative: false } => 5,
        };
        rank(self).cmp(&rank(other)).then_with(|| match (*self, *other) {
            (
                Finite { negative, coefficient: a, exponent: x },
                Finite { coefficient: b, exponent: y, .. },
            ) => {
                let order = magnitudes((a, x), (b, y));
                if negative { order.reverse() } else { order }
            }
            _ => Ordering::Equal,
        })
    }
}

/// Coefficient and power of ten of a finite double, if 34 digits are enough for it; an integer
/// has the power 0, anything else as few digits as there are.
fn exact_digits(value: f64) -> Option<(u128, i32)> {
    const FRACTION_BITS: i32 = 52;
    const BIAS: i32 = 1023;
    if value == 0.0 {
        return Some((0, 0));
    }
    let bits = value.to_bits();
    let biased = (bits >> FRACTION_BITS & 0x7ff) as i32;
    let fraction = bits & ((1 << FRACTION_BITS) - 1);
    let mantissa = if biased == 0 { fraction } else { fraction | 1 << FRACTION_BITS };
    // An odd number times a power of two.
    let zeros = mantissa.trailing_zeros() as i32;
    let odd = u128::from(mantissa >> zeros);
    let power = biased.max(1) - BIAS - FRACTION_BITS + zeros;
    let (coefficient, exponent) = match u32::try_from(power) {
        Ok(power) => (odd.checked_mul(2_u128.checked_pow(power)?)?, 0),
        // x / 2^n is x · 5^n / 10^n.
        Err(_) => (odd.checked_mul(5_u128.checked_pow(power.unsigned_abs())?)?, power),
    };
    (coefficient <= COEFFICIENT_MAX).then_some((coefficient, exponent))
}

/// Compares `a·10^x` with `b·10^y`.
fn magnitudes((a, x): (u128, i32), (b, y): (u128, i32)) -> Ordering {
    let digits = |coefficient: u128| coefficient.checked_ilog10().map_or(0, |log| log as i32);
    if a == 0 || b == 0 {
        return a.cmp(&b);
    }
    // Equal powers of the first digit mean that the shift is at most 34 digits.
    (digits(a) + x).cmp(&(digits(b) + y)).then_with(|| match x - y {
        shift @ 0.. => (a * 10u128.pow(shift as u32)).cmp(&b),
        shift => a.cmp(&(b * 10u128.pow(shift.unsigned_abs()))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bson::ty;

    fn decimal(text: &str) -> Decimal {
        let bytes = text.parse::<::bson::Decimal128>().unwrap().bytes();
        Decimal::of(Value { ty: ty::DECIMAL128, bytes: &bytes }).unwrap()
    }

    #[test]
    #[cfg_attr(miri, ignore = "bitvec, by which `bson` parses decimals, breaks stacked borrows")]
    fn ascending() {
        let ascending = [
            "NaN",
            "-Infinity",
            "-1E+6000",
            "-12.5",
            "-1E-6000",
            "0",
            "1E-6176",
            "0.1",
            "0.10000000000000000000000000000001",
            "1",
            "9.999999999999999999999999999999999",
            "10",
            "9999999999999999999999999999999999",
            "1E+34",
            "1E+6111",
            "Infinity",
        ];
        for (i, a) in ascending.iter().enumerate() {
            for (j, b) in ascending.iter().enumerate() {
                assert_eq!(decimal(a).compare(&decimal(b)), i.cmp(&j), "{a} and {b}");
            }
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "bitvec, by which `bson` parses decimals, breaks stacked borrows")]
    fn equal_values_of_other_forms() {
        for (a, b) in [("1", "1.000"), ("0", "-0E+10"), ("1E+3", "1000"), ("-5E-1", "-0.50")] {
            assert_eq!(decimal(a).compare(&decimal(b)), Ordering::Equal, "{a} and {b}");
        }
        let number = |n| Decimal::of_number(n);
        assert_eq!(decimal("0.5").compare(&number(Number::Double(0.5))), Ordering::Equal);
        assert_eq!(decimal("0.1").compare(&number(Number::Double(0.1))), Ordering::Less);
        let min = Number::Int64(i64::MIN);
        assert_eq!(decimal("-9223372036854775808").compare(&number(min)), Ordering::Equal);
        assert_eq!(number(min).compare(&number(Number::Double(i64::MIN as f64))), Ordering::Equal);
        assert_eq!(number(Number::Double(-0.0)).compare(&decimal("0")), Ordering::Equal);
    }
}
