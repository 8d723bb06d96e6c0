//! `$sqrt`, `$exp`, `$ln` and `$log10` of decimals, rounded correctly to 34 digits.
//!
//! Numbers are whole parts below 10⁹ and 90 digits behind them, so that even what all but
//! cancels has digits to spare. mongod 5.0 has 113 bits, and its last digit is often one off.

use std::cmp::Ordering;

use super::decimal::{
    EXPONENT_MIN, Rounding, compare, digits_of, minus, plus, rounded, shifted, times,
};
use crate::bson::decimal::DIGITS_MAX;
use crate::bson::decimal::Decimal::{self, Finite, Infinite, NaN};

/// One of a billion: nine digits.
const LIMB: u64 = 1_000_000_000;
const LIMB_DIGITS: i32 = 9;
/// The whole part and those behind it.
const LIMBS: usize = 11;
const FRACTION_DIGITS: i32 = (LIMBS as i32 - 1) * LIMB_DIGITS;
/// Powers of ten beyond which `$exp` is no number, or none.
const EXPONENT_APART: i32 = 5;
/// The natural logarithm of ten.
const LN_10: Fixed = Fixed([
    2,
    302_585_092,
    994_045_684,
    17_991_454,
    684_364_207,
    601_101_488,
    628_772_976,
    33_327_900,
    967_572_609,
    677_352_480,
    235_997_205,
]);
/// One divided by that.
const LOG_10_OF_E: Fixed = Fixed([
    0,
    434_294_481,
    903_251_827,
    651_128_918,
    916_605_082,
    294_397_005,
    803_666_566,
    114_453_783,
    165_864_649,
    208_870_774,
    729_224_949,
]);

/// A number that is not negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Fixed([u64; LIMBS]);

impl Fixed {
    fn whole(number: u64) -> Fixed {
        let mut out = Fixed([0; LIMBS]);
        out.0[0] = number;
        out
    }

    /// `coefficient · 10^exponent`, which is below a billion; digits too far behind are lost.
    fn of(coefficient: u128, exponent: i32) -> Fixed {
        let digits = digits_of(coefficient);
        let mut out = Fixed([0; LIMBS]);
        let first = digits.len() as i32 - 1 + exponent;
        for (at, digit) in digits.iter().enumerate() {
            // The power of ten in its limb, and which that is.
            let place = first - at as i32;
            let (limb, power) = (-place.div_euclid(LIMB_DIGITS), place.rem_euclid(LIMB_DIGITS));
            let limb = usize::try_from(limb).ok().and_then(|limb| out.0.get_mut(limb));
            limb.into_iter().for_each(|limb| *limb += u64::from(*digit) * 10_u64.pow(power as u32));
        }
        out
    }

    fn near(number: f64) -> Fixed {
        let whole = number.trunc();
        let behind = (number - whole) * LIMB as f64;
        let mut out = Fixed::whole(whole as u64);
        out.0[1] = behind as u64;
        out.0[2] = (behind.fract() * LIMB as f64) as u64;
        out
    }

    fn to_f64(self) -> f64 {
        self.0.iter().take(3).rev().fold(0.0, |sum, limb| sum / LIMB as f64 + *limb as f64)
    }

    fn plus(self, other: Fixed) -> Fixed {
        let (mut out, mut carry) = (self, 0);
        for at in (0..LIMBS).rev() {
            let sum = out.0[at] + other.0[at] + carry;
            carry = if at > 0 { sum / LIMB } else { 0 };
            out.0[at] = sum - carry * LIMB;
        }
        out
    }

    /// Less a number that is no greater.
    fn minus(self, other: Fixed) -> Fixed {
        let (mut out, mut borrow) = (self, 0);
        for at in (0..LIMBS).rev() {
            let take = other.0[at] + borrow;
            borrow = u64::from(at > 0 && out.0[at] < take);
            out.0[at] = (out.0[at] + borrow * LIMB).saturating_sub(take);
        }
        out
    }

    fn times(self, other: Fixed) -> Fixed {
        // Eleven products of less than 10^18 fit into each sum.
        let mut sums = [0_u64; 2 * LIMBS];
        for (i, a) in self.0.iter().enumerate() {
            for (j, b) in other.0.iter().enumerate() {
                sums[i + j] += a * b;
            }
        }
        for at in (1..sums.len()).rev() {
            sums[at - 1] += sums[at] / LIMB;
            sums[at] %= LIMB;
        }
        let mut out = Fixed([0; LIMBS]);
        out.0.copy_from_slice(&sums[..LIMBS]);
        out
    }

    fn times_small(self, by: u64) -> Fixed {
        let (mut out, mut carry) = (self, 0);
        for at in (0..LIMBS).rev() {
            let product = out.0[at] * by + carry;
            carry = if at > 0 { product / LIMB } else { 0 };
            out.0[at] = product - carry * LIMB;
        }
        out
    }

    fn over_small(self, by: u64) -> Fixed {
        let (mut out, mut left) = (self, 0);
        for limb in &mut out.0 {
            let value = left * LIMB + *limb;
            (*limb, left) = (value / by, value % by);
        }
        out
    }

    /// One divided by it, which is from 2 to 20: each round doubles the digits that are right.
    fn inverse(self) -> Fixed {
        let two = Fixed::whole(2);
        (0..3).fold(Fixed::near(1.0 / self.to_f64()), |near, _| {
            near.times(two.minus(self.times(near)))
        })
    }

    /// The exponential, by its series.
    fn exp(self) -> Fixed {
        let (mut term, mut sum) = (Fixed::whole(1), Fixed::whole(1));
        for n in 1.. {
            term = term.times(self).over_small(n);
            if term == Fixed::whole(0) {
                break;
            }
            sum = sum.plus(term);
        }
        sum
    }

    /// The natural logarithm of a number from 1 to 10: a double's, and what that is off.
    fn ln(self) -> Fixed {
        let near = Fixed::near(self.to_f64().ln());
        let exp = near.exp();
        let (above, below) = if self >= exp { (self, exp) } else { (exp, self) };
        let z = above.minus(below).times(self.plus(exp).inverse());
        let square = z.times(z);
        let (cube, fifth) = (z.times(square), z.times(square).times(square));
        let off = z.plus(cube.over_small(3)).plus(fifth.over_small(5)).times_small(2);
        if self >= exp { near.plus(off) } else { near.minus(off) }
    }

    /// The decimal nearest to `self · 10^power`.
    fn to_decimal(self, negative: bool, power: i32) -> Decimal {
        let digits: String = self.0.iter().map(|limb| format!("{limb:09}")).collect();
        let digits = digits.bytes().map(|digit| digit - b'0').collect();
        rounded(negative, digits, power - FRACTION_DIGITS, Rounding::HalfEven)
    }
}

/// A positive number as one from 1 to 10, and the power of ten beside it.
fn scientific(coefficient: u128, exponent: i32) -> (Fixed, i32) {
    let power = digits_of(coefficient).len() as i32 - 1;
    (Fixed::of(coefficient, -power), exponent + power)
}

/// The root of a number that is not negative.
pub(super) fn sqrt(value: Decimal) -> Decimal {
    let Finite { coefficient, exponent, .. } = value else { return value };
    let ideal = exponent.div_euclid(2);
    if coefficient == 0 {
        return Finite { negative: false, coefficient, exponent: ideal };
    }
    // An even power of ten, and digits enough for 35 of the root, found one by one.
    let mut digits = shifted(digits_of(coefficient), exponent.rem_euclid(2) as usize);
    let odd = digits.len() % 2;
    digits.splice(..0, std::iter::repeat_n(0, odd));
    let zeros = 70_usize.saturating_sub(digits.len()) / 2;
    let digits = shifted(digits, zeros * 2);
    let (mut root, mut left) = (vec![], vec![]);
    for pair in digits.chunks(2) {
        left.extend_from_slice(pair);
        let twice = shifted(plus(&root, &root), 1);
        let product = |digit: u8| times(&plus(&twice, &[digit]), &[digit]);
        let fits = |digit: &u8| compare(&product(*digit), &left) != Ordering::Greater;
        let digit = (0..=9).rev().find(fits).unwrap_or(0);
        left = minus(&left, &product(digit));
        root.push(digit);
    }
    let is_exact = left.iter().all(|digit| *digit == 0);
    let mut power = ideal - zeros as i32;
    if is_exact {
        // As few zeros behind it as the number had.
        while power < ideal && root.last() == Some(&0) {
            root.pop();
            power += 1;
        }
    } else {
        root.push(1);
        power -= 1;
    }
    rounded(false, root, power, Rounding::HalfEven)
}

/// The exponential.
pub(super) fn exp(value: Decimal) -> Decimal {
    let zero = |exponent| Finite { negative: false, coefficient: 0, exponent };
    let (negative, coefficient, exponent) = match value {
        Infinite { negative: true } => return zero(0),
        NaN | Infinite { .. } => return value,
        Finite { negative, coefficient, exponent } => (negative, coefficient, exponent),
    };
    let one = Finite { negative: false, coefficient: 1, exponent: 0 };
    let first = digits_of(coefficient).len() as i32 - 1 + exponent;
    if coefficient == 0 || first < -(DIGITS_MAX as i32) - 1 {
        return one;
    }
    if first > EXPONENT_APART {
        return if negative { zero(EXPONENT_MIN) } else { Infinite { negative: false } };
    }
    let size = Fixed::of(coefficient, exponent);
    // So many tens, and what is left: from 0 to the logarithm of ten.
    let mut tens = (size.to_f64() / std::f64::consts::LN_10) as u64;
    if LN_10.times_small(tens) > size {
        tens -= 1;
    } else if LN_10.times_small(tens + 1) <= size {
        tens += 1;
    }
    let (power, rest) = match negative {
        false => (tens as i32, size.minus(LN_10.times_small(tens))),
        true => (-(tens as i32) - 1, LN_10.times_small(tens + 1).minus(size)),
    };
    rest.exp().to_decimal(false, power)
}

/// The natural logarithm of a positive number.
pub(super) fn ln(value: Decimal) -> Decimal {
    let Finite { coefficient, exponent, .. } = value else { return value };
    let (number, power) = scientific(coefficient, exponent);
    let (tens, rest) = (LN_10.times_small(power.unsigned_abs().into()), number.ln());
    logarithm(power, tens, rest)
}

/// The logarithm to the base ten of a positive number.
pub(super) fn log10(value: Decimal) -> Decimal {
    let Finite { coefficient, exponent, .. } = value else { return value };
    let (number, power) = scientific(coefficient, exponent);
    let rest = number.ln().times(LOG_10_OF_E);
    if number == Fixed::whole(1) {
        let coefficient = power.unsigned_abs().into();
        return Finite { negative: power < 0, coefficient, exponent: 0 };
    }
    logarithm(power, Fixed::whole(power.unsigned_abs().into()), rest)
}

/// That of a power of ten, and that of the number beside it, which is less.
fn logarithm(power: i32, tens: Fixed, rest: Fixed) -> Decimal {
    let sum = if power < 0 { tens.minus(rest) } else { tens.plus(rest) };
    if sum == Fixed::whole(0) {
        return Decimal::ZERO;
    }
    sum.to_decimal(power < 0, 0)
}
