//! The granularity of `$bucketAuto`: the series of preferred numbers that its boundaries are of.

use crate::bson::decimal::Decimal;
use crate::bson::element::{OwnedValue, Value};
use crate::bson::number::Number;
use crate::bson::ty;
use crate::error::Result;
use crate::expression::{Computed, decimal_of_number, decimal_of_stored, decimal_to_f64, location};

const R5: &[u16] = &[10, 16, 25, 40, 63];
const R10: &[u16] = &[100, 125, 160, 200, 250, 315, 400, 500, 630, 800];
const R20: &[u16] = &[
    100, 112, 125, 140, 160, 180, 200, 224, 250, 280, 315, 355, 400, 450, 500, 560, 630, 710, 800,
    900,
];
const R40: &[u16] = &[
    100, 106, 112, 118, 125, 132, 140, 150, 160, 170, 180, 190, 200, 212, 224, 236, 250, 265, 280,
    300, 315, 355, 375, 400, 425, 450, 475, 500, 530, 560, 600, 630, 670, 710, 750, 800, 850, 900,
    950,
];
const R80: &[u16] = &[
    103, 109, 115, 122, 128, 136, 145, 155, 165, 175, 185, 195, 206, 218, 230, 243, 258, 272, 290,
    307, 325, 345, 365, 387, 412, 437, 462, 487, 515, 545, 575, 615, 650, 690, 730, 775, 825, 875,
    925, 975,
];
const S1_2_5: &[u16] = &[10, 20, 50];
const E6: &[u16] = &[10, 15, 22, 33, 47, 68];
const E12: &[u16] = &[10, 12, 15, 18, 22, 27, 33, 39, 47, 56, 68, 82];
const E24: &[u16] = &[
    10, 11, 12, 13, 15, 16, 18, 20, 22, 24, 27, 30, 33, 36, 39, 43, 47, 51, 56, 62, 68, 75, 82, 91,
];
const E48: &[u16] = &[
    100, 105, 110, 115, 121, 127, 133, 140, 147, 154, 162, 169, 178, 187, 196, 205, 215, 226, 237,
    249, 261, 274, 287, 301, 316, 332, 348, 365, 383, 402, 422, 442, 464, 487, 511, 536, 562, 590,
    619, 649, 681, 715, 750, 787, 825, 866, 909, 953,
];
const E96: &[u16] = &[
    100, 102, 105, 107, 110, 113, 115, 118, 121, 124, 127, 130, 133, 137, 140, 143, 147, 150, 154,
    158, 162, 165, 169, 174, 178, 182, 187, 191, 196, 200, 205, 210, 215, 221, 226, 232, 237, 243,
    249, 255, 261, 267, 274, 280, 287, 294, 301, 309, 316, 324, 332, 340, 348, 357, 365, 374, 383,
    392, 402, 412, 422, 432, 442, 453, 464, 475, 487, 499, 511, 523, 536, 549, 562, 576, 590, 604,
    619, 634, 649, 665, 681, 698, 715, 732, 750, 768, 787, 806, 825, 845, 866, 887, 909, 931, 953,
    976,
];
const E192: &[u16] = &[
    100, 101, 102, 104, 105, 106, 107, 109, 110, 111, 113, 114, 115, 117, 118, 120, 121, 123, 124,
    126, 127, 129, 130, 132, 133, 135, 137, 138, 140, 142, 143, 145, 147, 149, 150, 152, 154, 156,
    158, 160, 162, 164, 165, 167, 169, 172, 174, 176, 178, 180, 182, 184, 187, 189, 191, 193, 196,
    198, 200, 203, 205, 208, 210, 213, 215, 218, 221, 223, 226, 229, 232, 234, 237, 240, 243, 246,
    249, 252, 255, 258, 261, 264, 267, 271, 274, 277, 280, 284, 287, 291, 294, 298, 301, 305, 309,
    312, 316, 320, 324, 328, 332, 336, 340, 344, 348, 352, 357, 361, 365, 370, 374, 379, 383, 388,
    392, 397, 402, 407, 412, 417, 422, 427, 432, 437, 442, 448, 453, 459, 464, 470, 475, 481, 487,
    493, 499, 505, 511, 517, 523, 530, 536, 542, 549, 556, 562, 569, 576, 583, 590, 597, 604, 612,
    619, 626, 634, 642, 649, 657, 665, 673, 681, 690, 698, 706, 715, 723, 732, 741, 750, 759, 768,
    777, 787, 796, 806, 816, 825, 835, 845, 856, 866, 876, 887, 898, 909, 920, 931, 942, 953, 965,
    976, 988,
];

/// Digits of a decimal power of two.
const POWER_DIGITS: usize = 34;

/// Which numbers boundaries may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Granularity {
    /// These by a power of ten.
    Series(&'static [u16]),
    PowersOfTwo,
}

use Granularity::{PowersOfTwo, Series};

impl Granularity {
    pub fn parse(value: Value<'_>) -> Result<Granularity> {
        let Some(name) = value.as_str() else {
            let found = ty::name(value.ty);
            let message = format!(
                "The $bucketAuto 'granularity' field must be a string, but found type: {found}"
            );
            return Err(location(40261, message));
        };
        Ok(match name {
            "R5" => Series(R5),
            "R10" => Series(R10),
            "R20" => Series(R20),
            "R40" => Series(R40),
            "R80" => Series(R80),
            "1-2-5" => Series(S1_2_5),
            "E6" => Series(E6),
            "E12" => Series(E12),
            "E24" => Series(E24),
            "E48" => Series(E48),
            "E96" => Series(E96),
            "E192" => Series(E192),
            "POWERSOF2" => PowersOfTwo,
            _ => {
                let message = format!("Unknown rounding granularity '{name}'");
                return Err(location(40257, message));
            }
        })
    }

    /// The next boundary above a value; zero and infinity are boundaries themselves.
    pub fn above(self, value: Value<'_>) -> OwnedValue {
        self.round(value, above, |power| power + 1)
    }

    /// The next boundary below a value.
    pub fn below(self, value: Value<'_>) -> OwnedValue {
        self.round(value, below, |power| power - 1)
    }

    fn round(
        self,
        value: Value<'_>,
        by_series: impl Fn(&[u16], f64) -> f64,
        by_power: impl Fn(i32) -> i32,
    ) -> OwnedValue {
        let number = as_f64(value);
        if number == 0.0 || !number.is_finite() {
            return value.to_owned();
        }
        let is_decimal = value.ty == ty::DECIMAL128;
        let rounded = match self {
            Series(series) => Number::Double(by_series(series, number)),
            PowersOfTwo => {
                let whole = log2(number);
                let is_power = 2f64.powi(whole) == number;
                // Below a number that is none is the power that it is above of.
                let up = by_power(0) > 0;
                power_of_two(if up || is_power { by_power(whole) } else { whole })
            }
        };
        match (is_decimal, rounded) {
            (true, number) if self == PowersOfTwo => long_decimal(number.to_f64()),
            (true, number) => Computed::decimal(decimal_of_number(number)).into_owned(),
            (false, number) => Computed::number(number).into_owned(),
        }
    }
}

/// Refuses what cannot be rounded.
pub(super) fn check(value: Value<'_>) -> Result<()> {
    const OPTION: &str = "$bucketAuto can specify a 'granularity' with";
    if !Computed::Borrowed(value).is_number() {
        let found = if value.ty == ty::UNDEFINED { "missing" } else { ty::name(value.ty) };
        let message =
            format!("{OPTION} numeric boundaries only, but found a value with type: {found}");
        return Err(location(40258, message));
    }
    let number = as_f64(value);
    if number.is_nan() {
        return Err(location(40259, format!("{OPTION} numeric boundaries only, but found a NaN")));
    }
    if number < 0.0 {
        let message = format!("{OPTION} non-negative numbers only, but found a negative number");
        return Err(location(40260, message));
    }
    Ok(())
}

/// Is it zero?
pub(super) fn is_zero(value: Value<'_>) -> bool {
    as_f64(value) == 0.0
}

fn as_f64(value: Value<'_>) -> f64 {
    match value.as_number() {
        Some(number) => number.to_f64(),
        None => Decimal::of(value).map_or(0.0, decimal_to_f64),
    }
}

fn above(series: &[u16], number: f64) -> f64 {
    let (Some(first), Some(last)) = (series.first(), series.last()) else { return number };
    let mut by = 1.0;
    while number >= f64::from(*last) * by && f64::is_finite(by) {
        by *= 10.0;
    }
    // The next power of ten, as it was on the way: powers are not exact.
    let mut next = by * 10.0;
    while number < f64::from(*first) * by {
        (next, by) = (by, by / 10.0);
    }
    let mut steps = series.iter().map(|step| f64::from(*step) * by);
    steps.find(|step| *step > number).unwrap_or(f64::from(*first) * next)
}

fn below(series: &[u16], number: f64) -> f64 {
    let (Some(first), Some(last)) = (series.first(), series.last()) else { return number };
    let mut by = 1.0;
    let mut before = None;
    while number > f64::from(*last) * by && f64::is_finite(by) {
        (before, by) = (Some(by), by * 10.0);
    }
    while number <= f64::from(*first) * by && by > 0.0 {
        by /= 10.0;
    }
    let mut steps = series.iter().rev().map(|step| f64::from(*step) * by);
    steps.find(|step| *step < number).unwrap_or(f64::from(*last) * before.unwrap_or(by / 10.0))
}

/// The power of the greatest power of two that is not above a number.
fn log2(number: f64) -> i32 {
    let mut power = number.log2().floor() as i32;
    while 2f64.powi(power) > number {
        power -= 1;
    }
    while 2f64.powi(power + 1) <= number {
        power += 1;
    }
    power
}

/// A power of two: whole numbers are integers, if they fit.
fn power_of_two(power: i32) -> Number {
    match power {
        0..=62 => Number::integer(1 << power),
        _ => Number::Double(2f64.powi(power)),
    }
}

/// A decimal of as many digits as there can be.
fn long_decimal(number: f64) -> OwnedValue {
    let text = format!("{number:.*e}", POWER_DIGITS - 1);
    let decimal = text.parse().map_or(Decimal::NaN, decimal_of_stored);
    Computed::decimal(decimal).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(name: &str) -> &'static [u16] {
        let value = Computed::string(name).into_owned();
        match Granularity::parse(value.as_ref()) {
            Ok(Series(series)) => series,
            other => panic!("{name}: {other:?}"),
        }
    }

    /// As MongoDB 5.0.4 has them, to the last bit.
    #[test]
    fn rounds_as_5_0() {
        let cases = [
            ("R5", 1.0, 0.63, 1.6),
            ("R5", 7.0, 6.300000000000001, 10.0),
            ("R5", 1e-10, 6.300000000000002e-11, 1.0000000000000003e-10),
            ("R10", 10.0, 8.0, 12.5),
            ("R20", 20.0, 18.0, 22.400000000000002),
            ("R40", 0.001, 0.0009500000000000001, 0.0010600000000000002),
            ("R80", 0.001, 0.0009750000000000002, 0.00103),
            ("1-2-5", 1e6, 500000.0, 2000000.0),
            ("E6", 3.3, 2.2, 3.3000000000000003),
            ("E6", 9.207090612188134e-05, 6.800000000000001e-05, 0.0001),
            ("E12", 12345678.0, 12000000.0, 15000000.0),
            ("E24", 0.3, 0.27, 0.33),
            ("E48", 0.3, 0.28700000000000003, 0.301),
            ("E96", 20.0, 19.6, 20.5),
            ("E192", 3.3, 3.2800000000000002, 3.3200000000000003),
        ];
        for (name, number, down, up) in cases {
            let found = (below(series(name), number), above(series(name), number));
            assert_eq!(found, (down, up), "{name} {number}");
        }
    }

    #[test]
    fn powers_of_two_are_integers_if_they_are_whole() {
        let cases = [
            (0.3, Number::Double(0.25), Number::Double(0.5)),
            (0.5, Number::Double(0.25), Number::Int32(1)),
            (1.0, Number::Double(0.5), Number::Int32(2)),
            (7.0, Number::Int32(4), Number::Int32(8)),
            (8.0, Number::Int32(4), Number::Int32(16)),
            (1e10, Number::Int64(1 << 33), Number::Int64(1 << 34)),
        ];
        for (number, down, up) in cases {
            let value = Computed::double(number).into_owned();
            let read = |value: OwnedValue| value.as_ref().as_number();
            assert_eq!(read(PowersOfTwo.below(value.as_ref())), Some(down), "{number}");
            assert_eq!(read(PowersOfTwo.above(value.as_ref())), Some(up), "{number}");
        }
    }

    #[test]
    fn extremes_end() {
        for number in [f64::MAX, f64::MIN_POSITIVE, 5e-324] {
            let value = Computed::double(number).into_owned();
            for granularity in [PowersOfTwo, Series(R5), Series(E192)] {
                granularity.above(value.as_ref());
                granularity.below(value.as_ref());
            }
        }
    }
}
