//! Sums of numbers of any type, with the rounding of MongoDB: integers are exact, doubles are
//! added with a compensation, decimals apart.

use super::computed::Computed;
use super::decimal;
use crate::bson::decimal::Decimal;
use crate::bson::number::Number;

/// A sum so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sum {
    integers: i128,
    /// The same and the doubles.
    total: f64,
    /// What is not in `total` for want of digits.
    rest: f64,
    /// Without compensation: what it is if it is no finite number.
    plain: f64,
    decimals: Option<Decimal>,
    has_long: bool,
    has_double: bool,
}

impl Sum {
    /// Adds a value if it is a number, and says whether it is.
    pub fn add(&mut self, value: &Computed<'_>) -> bool {
        match value.as_number() {
            Some(number) => self.add_number(number),
            None if value.is_number() => {
                let more = Decimal::of(value.or_null()).unwrap_or(Decimal::NaN);
                let sum = self.decimals.unwrap_or(Decimal::ZERO);
                self.decimals = Some(decimal::add(sum, more));
            }
            None => return false,
        }
        true
    }

    /// Adds a number.
    pub fn add_number(&mut self, number: Number) {
        match number {
            Number::Int32(value) => {
                self.integers += i128::from(value);
                self.add_double(f64::from(value));
            }
            Number::Int64(value) => {
                self.has_long = true;
                self.integers += i128::from(value);
                // A double may not hold it: in two halves.
                let low = value & 0xffff_ffff;
                self.add_double((value - low) as f64);
                self.add_double(low as f64);
            }
            Number::Double(value) => {
                self.has_double = true;
                self.add_double(value);
            }
        }
    }

    fn add_double(&mut self, value: f64) {
        self.plain += value;
        let (value, lost) = two_sum(value, self.rest);
        let (total, more) = two_sum(self.total, value);
        self.total = total;
        self.rest = lost + more;
    }

    fn double(&self) -> f64 {
        match self.plain.is_finite() && self.total.is_finite() {
            true => self.total,
            false => self.plain,
        }
    }

    /// The sum: of the widest type that was added, or a double where it exceeds that.
    pub fn value<'a>(&self) -> Computed<'a> {
        if let Some(decimals) = self.decimals {
            return Computed::decimal(decimal::add(self.as_decimal(), decimals));
        }
        if self.has_double {
            return Computed::double(self.double());
        }
        match i64::try_from(self.integers) {
            Ok(sum) if self.has_long => Computed::long(sum),
            Ok(sum) => Computed::number(Number::integer(sum)),
            Err(_) => Computed::double(self.integers as f64),
        }
    }

    /// The integer, if nothing else was added and it is a long.
    pub fn as_i64(&self) -> Option<i64> {
        i64::try_from(self.integers).ok()
    }

    /// What the doubles among the numbers come to, if there were any.
    pub fn as_double(&self) -> Option<f64> {
        self.has_double.then(|| self.double())
    }

    /// The decimals that were added.
    pub fn decimals(&self) -> Option<Decimal> {
        self.decimals.map(|sum| decimal::add(self.as_decimal(), sum))
    }

    /// The nearest double.
    pub fn to_f64(&self) -> f64 {
        if self.has_double { self.double() } else { self.integers as f64 }
    }

    /// All but the decimals.
    fn as_decimal(&self) -> Decimal {
        match (self.has_double, i64::try_from(self.integers)) {
            (false, Ok(sum)) => Decimal::of_number(Number::Int64(sum)),
            _ if self.plain.is_finite() && self.total.is_finite() => {
                let of_double = |value| Decimal::of_number(Number::Double(value));
                decimal::add(of_double(self.total), of_double(self.rest))
            }
            _ => Decimal::of_number(Number::Double(self.to_f64())),
        }
    }
}

/// A sum and what it lacks.
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let of_b = sum - a;
    (sum, (a - (sum - of_b)) + (b - of_b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(values: &[f64]) -> f64 {
        let mut sum = Sum::default();
        values.iter().for_each(|value| sum.add_number(Number::Double(*value)));
        sum.double()
    }

    #[test]
    fn doubles_are_compensated() {
        for (values, expected) in [
            (&[0.1, 0.2, 0.3][..], 0.6),
            (&[1e16, 1.0, -1e16], 0.0),
            (&[1e16, 1.0, 1.0, -1e16], 2.0),
            (&[1e16, 3.0, -1e16], 4.0),
            (&[1e16, 1.5, -1e16, 0.0], 1.5),
            (&[f64::INFINITY, 1.0], f64::INFINITY),
        ] {
            assert_eq!(sum(values), expected, "{values:?}");
        }
        assert!(sum(&[f64::INFINITY, f64::NEG_INFINITY]).is_nan());
    }
}
