//! int32, int64 and double: read, write, add and multiply as `$inc` and `$mul` do
//! (format, §8.2). Decimals are not numbers here: MMAPv1's time had none.

use super::ty;

/// A number as it is stored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// 32-bit integer.
    Int32(i32),
    /// 64-bit integer.
    Int64(i64),
    /// Floating point.
    Double(f64),
}

use Number::{Double, Int32, Int64};

impl Number {
    /// Reads the value of type `ty`; `None` if it is no number of these three types.
    #[inline]
    pub fn read(ty: u8, bytes: &[u8]) -> Option<Number> {
        match ty {
            ty::INT32 => Some(Int32(i32::from_le_bytes(*bytes.first_chunk()?))),
            ty::INT64 => Some(Int64(i64::from_le_bytes(*bytes.first_chunk()?))),
            ty::DOUBLE => Some(Double(f64::from_le_bytes(*bytes.first_chunk()?))),
            _ => None,
        }
    }

    /// The narrowest integer type that holds `value`.
    #[inline]
    pub fn integer(value: i64) -> Number {
        i32::try_from(value).map_or(Int64(value), Int32)
    }

    /// Its element type.
    #[inline]
    pub fn ty(self) -> u8 {
        match self {
            Int32(_) => ty::INT32,
            Int64(_) => ty::INT64,
            Double(_) => ty::DOUBLE,
        }
    }

    /// Its bytes, in the first [`Number::width`] of these.
    #[inline]
    pub fn to_bytes(self) -> [u8; 8] {
        match self {
            Int32(value) => i64::from(value).to_le_bytes(),
            Int64(value) => value.to_le_bytes(),
            Double(value) => value.to_le_bytes(),
        }
    }

    /// Bytes of its stored form.
    #[inline]
    pub fn width(self) -> usize {
        if matches!(self, Int32(_)) { 4 } else { 8 }
    }

    /// The nearest double.
    pub fn to_f64(self) -> f64 {
        match self {
            Int32(value) => f64::from(value),
            Int64(value) => value as f64,
            Double(value) => value,
        }
    }

    /// The integer, if it is one exactly.
    pub fn to_i64(self) -> Option<i64> {
        const MIN: f64 = i64::MIN as f64;
        match self {
            Int32(value) => Some(i64::from(value)),
            Int64(value) => Some(value),
            // Both bounds are exact as doubles; the upper one is the first that does not fit.
            Double(value) => {
                ((MIN..-MIN).contains(&value) && value.fract() == 0.0).then_some(value as i64)
            }
        }
    }

    /// Their sum; `None` if it overflows int64.
    #[inline]
    pub fn plus(self, other: Number) -> Option<Number> {
        self.combine(other, i64::checked_add, |a, b| a + b)
    }

    /// The sum with an integer of the narrowest type that holds it; `None` unless that is of
    /// this number's type.
    #[inline]
    pub fn plus_within_type(self, by: i64) -> Option<Number> {
        match self {
            Int32(value) => value.checked_add(i32::try_from(by).ok()?).map(Int32),
            Int64(value) => value.checked_add(by).map(Int64),
            Double(value) => Some(Double(value + by as f64)),
        }
    }

    /// Their product; `None` if it overflows int64.
    pub fn times(self, other: Number) -> Option<Number> {
        self.combine(other, i64::checked_mul, |a, b| a * b)
    }

    /// Zero of the same type.
    pub fn zero(self) -> Number {
        match self {
            Int32(_) => Int32(0),
            Int64(_) => Int64(0),
            Double(_) => Double(0.0),
        }
    }

    /// Same type and same value: storing one over the other changes nothing that shows.
    #[inline]
    pub fn is_identical(self, other: Number) -> bool {
        match (self, other) {
            (Double(a), Double(b)) => a == b || a.to_bits() == b.to_bits(),
            _ => self == other,
        }
    }

    #[inline]
    fn combine(
        self,
        other: Number,
        integers: fn(i64, i64) -> Option<i64>,
        doubles: fn(f64, f64) -> f64,
    ) -> Option<Number> {
        match (self, other) {
            // Neither a sum nor a product of two int32 leaves int64.
            (Int32(a), Int32(b)) => integers(a.into(), b.into()).map(Number::integer),
            (Int32(a), Int64(b)) => integers(a.into(), b).map(Int64),
            (Int64(a), Int32(b)) => integers(a, b.into()).map(Int64),
            (Int64(a), Int64(b)) => integers(a, b).map(Int64),
            _ => Some(Double(doubles(self.to_f64(), other.to_f64()))),
        }
    }
}

impl std::fmt::Display for Number {
    /// As mongod's messages show it: `(NumberLong)5`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Int32(value) => write!(f, "(NumberInt){value}"),
            Int64(value) => write!(f, "(NumberLong){value}"),
            Double(value) => write!(f, "(NumberDouble){value}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_take_the_wider_type() {
        assert_eq!(Int32(1).plus(Int32(2)), Some(Int32(3)));
        assert_eq!(Int32(i32::MAX).plus(Int32(1)), Some(Int64(1 << 31)));
        assert_eq!(Int32(i32::MIN).plus(Int32(-1)), Some(Int64(-(1 << 31) - 1)));
        assert_eq!(Int32(1).plus(Int64(2)), Some(Int64(3)));
        assert_eq!(Int64(i64::MAX).plus(Int32(1)), None);
        assert_eq!(Int64(i64::MAX).plus(Double(1.0)), Some(Double(i64::MAX as f64)));
        assert_eq!(Int32(1).plus(Double(0.5)), Some(Double(1.5)));
    }

    #[test]
    fn a_sum_of_the_same_type_or_none() {
        let edges = [0, 1, -1, i64::from(i32::MAX), i64::from(i32::MIN), 1 << 31, 1 << 40];
        let edges = edges.into_iter().chain([i64::MAX, i64::MIN, -(1 << 31) - 1]);
        for by in edges.clone() {
            for number in
                edges.clone().flat_map(|n| [Number::integer(n), Int64(n), Double(n as f64)])
            {
                let sum = number.plus(Number::integer(by)).filter(|sum| sum.ty() == number.ty());
                assert_eq!(number.plus_within_type(by), sum, "{number} {by}");
            }
        }
    }

    #[test]
    fn products_take_the_wider_type() {
        assert_eq!(Int32(1 << 20).times(Int32(1 << 20)), Some(Int64(1 << 40)));
        assert_eq!(Int64(1 << 62).times(Int32(2)), None);
        assert_eq!(Int32(3).times(Double(0.5)), Some(Double(1.5)));
    }

    #[test]
    fn exact_integers_only() {
        assert_eq!(Double(3.0).to_i64(), Some(3));
        assert_eq!(Double(3.5).to_i64(), None);
        assert_eq!(Double(-(i64::MIN as f64)).to_i64(), None);
        assert_eq!(Double(i64::MIN as f64).to_i64(), Some(i64::MIN));
        assert_eq!(Double(f64::NAN).to_i64(), None);
    }
}
