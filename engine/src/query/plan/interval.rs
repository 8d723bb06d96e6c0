//! Intervals of values, and sorted lists of them.
//!
//! L1. The intervals of a list ascend, are not empty, and do not touch each other.

use std::cmp::Ordering;

use crate::bson::compare::compare_values;
use crate::bson::element::{OwnedValue, Value};
use crate::bson::ty;

/// All values between two, in the canonical order.
#[derive(Debug, Clone, PartialEq)]
pub struct Interval {
    pub low: OwnedValue,
    /// Does `low` belong to it?
    pub with_low: bool,
    pub high: OwnedValue,
    /// Does `high` belong to it?
    pub with_high: bool,
}

/// A set of values (L1).
#[derive(Debug, Clone, PartialEq)]
pub struct Intervals(Vec<Interval>);

/// A value without bytes.
pub const fn bare(ty: u8) -> Value<'static> {
    Value { ty, bytes: &[] }
}

impl Interval {
    /// Between two values.
    pub fn new(low: Value<'_>, with_low: bool, high: Value<'_>, with_high: bool) -> Interval {
        Interval { low: low.to_owned(), with_low, high: high.to_owned(), with_high }
    }

    /// One value alone.
    pub fn point(value: Value<'_>) -> Interval {
        Interval::new(value, true, value, true)
    }

    /// All values.
    pub fn all() -> Interval {
        Interval::new(bare(ty::MIN_KEY), true, bare(ty::MAX_KEY), true)
    }

    /// Is it one value alone?
    pub fn is_point(&self) -> bool {
        self.with_low && self.with_high && self.low_to(self.high.as_ref()).is_eq()
    }

    /// Does it hold every value?
    pub fn is_all(&self) -> bool {
        self.low.ty == ty::MIN_KEY && self.high.ty == ty::MAX_KEY && self.with_low && self.with_high
    }

    /// Where its lower end is.
    pub(super) fn low_to(&self, value: Value<'_>) -> Ordering {
        compare_values(self.low.as_ref(), value)
    }

    fn is_empty(&self) -> bool {
        match self.low_to(self.high.as_ref()) {
            Ordering::Less => false,
            Ordering::Equal => !(self.with_low && self.with_high),
            Ordering::Greater => true,
        }
    }

    /// Is the value before it, in it, or behind it?
    pub fn locate(&self, value: Value<'_>) -> Ordering {
        match compare_values(value, self.low.as_ref()) {
            Ordering::Less => return Ordering::Less,
            Ordering::Equal if !self.with_low => return Ordering::Less,
            _ => {}
        }
        match compare_values(value, self.high.as_ref()) {
            Ordering::Greater => Ordering::Greater,
            Ordering::Equal if !self.with_high => Ordering::Greater,
            _ => Ordering::Equal,
        }
    }
}

/// Which of two lower ends comes first.
fn compare_lows(a: &Interval, b: &Interval) -> Ordering {
    a.low_to(b.low.as_ref()).then_with(|| b.with_low.cmp(&a.with_low))
}

/// Which of two upper ends comes first.
fn compare_highs(a: &Interval, b: &Interval) -> Ordering {
    compare_values(a.high.as_ref(), b.high.as_ref()).then_with(|| a.with_high.cmp(&b.with_high))
}

impl Intervals {
    /// Every value.
    pub fn all() -> Intervals {
        Intervals(vec![Interval::all()])
    }

    /// No value.
    pub fn none() -> Intervals {
        Intervals(vec![])
    }

    /// The values of all of these.
    pub fn union_of(intervals: impl IntoIterator<Item = Interval>) -> Intervals {
        let mut sorted: Vec<_> = intervals.into_iter().filter(|one| !one.is_empty()).collect();
        sorted.sort_by(compare_lows);
        let mut out: Vec<Interval> = Vec::with_capacity(sorted.len());
        for next in sorted {
            match out.last_mut() {
                Some(last) if touches(last, &next) => {
                    if compare_highs(last, &next).is_lt() {
                        (last.high, last.with_high) = (next.high, next.with_high);
                    }
                }
                _ => out.push(next),
            }
        }
        Intervals(out)
    }

    /// One value.
    pub fn point(value: Value<'_>) -> Intervals {
        Intervals(vec![Interval::point(value)])
    }

    /// The values that are in both.
    pub fn intersection(&self, other: &Intervals) -> Intervals {
        let (mut a, mut b) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut out = vec![];
        while let (Some(x), Some(y)) = (a.peek(), b.peek()) {
            let low = if compare_lows(x, y).is_lt() { *y } else { *x };
            let high = if compare_highs(x, y).is_lt() { *x } else { *y };
            let both = Interval {
                low: low.low.clone(),
                with_low: low.with_low,
                high: high.high.clone(),
                with_high: high.with_high,
            };
            if !both.is_empty() {
                out.push(both);
            }
            let ends_first = compare_highs(x, y);
            if ends_first.is_le() {
                a.next();
            }
            if ends_first.is_ge() {
                b.next();
            }
        }
        Intervals(out)
    }

    /// The values that are not in it.
    pub fn complement(&self) -> Intervals {
        let mut out = vec![];
        let (mut low, mut with_low) = (bare(ty::MIN_KEY).to_owned(), true);
        for one in &self.0 {
            let (high, with_high) = (one.low.clone(), !one.with_low);
            let before = Interval { low, with_low, high, with_high };
            if !before.is_empty() {
                out.push(before);
            }
            (low, with_low) = (one.high.clone(), !one.with_high);
        }
        let last = Interval { low, with_low, high: bare(ty::MAX_KEY).to_owned(), with_high: true };
        if !last.is_empty() {
            out.push(last);
        }
        Intervals(out)
    }

    /// Is every value of it in `other`?
    pub fn is_within(&self, other: &Intervals) -> bool {
        self.intersection(&other.complement()).0.is_empty()
    }

    /// Is the value in it?
    pub fn contains(&self, value: Value<'_>) -> bool {
        self.0.iter().any(|one| one.locate(value).is_eq())
    }

    /// Its intervals, in order.
    pub fn as_slice(&self) -> &[Interval] {
        &self.0
    }

    /// Does it hold every value?
    pub fn is_all(&self) -> bool {
        matches!(&self.0[..], [one] if one.is_all())
    }

    /// Is it one value alone?
    pub fn is_point(&self) -> bool {
        matches!(&self.0[..], [one] if one.is_point())
    }

    /// Is it some single values?
    pub fn are_points(&self) -> bool {
        self.0.iter().all(Interval::is_point)
    }
}

/// Has `next`, which begins no earlier, a value in common with `last`, or none between them?
fn touches(last: &Interval, next: &Interval) -> bool {
    match compare_values(next.low.as_ref(), last.high.as_ref()) {
        Ordering::Less => true,
        Ordering::Equal => last.with_high || next.with_low,
        Ordering::Greater => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bson::number::Number;
    use crate::rounds::rounds;

    fn int(value: i32) -> OwnedValue {
        OwnedValue { ty: ty::INT32, bytes: value.to_le_bytes().into() }
    }

    fn random(rng: &mut oorandom::Rand32) -> Intervals {
        let one = |rng: &mut oorandom::Rand32| {
            let (a, b) = (rng.rand_range(0..10) as i32, rng.rand_range(0..10) as i32);
            let (with_low, with_high) = (rng.rand_range(0..2) == 0, rng.rand_range(0..2) == 0);
            Interval { low: int(a), with_low, high: int(b), with_high }
        };
        let count = rng.rand_range(0..4);
        Intervals::union_of((0..count).map(|_| one(rng)).collect::<Vec<_>>())
    }

    /// Every value that a test tells apart: integers, and what is between them.
    fn probes() -> Vec<OwnedValue> {
        let double = |half: i32| {
            let number = Number::Double(f64::from(half) / 2.0);
            OwnedValue { ty: ty::DOUBLE, bytes: number.to_bytes().into() }
        };
        let mut probes: Vec<_> = (-2..22).map(double).collect();
        probes.extend([bare(ty::MIN_KEY).to_owned(), bare(ty::MAX_KEY).to_owned()]);
        probes
    }

    #[test]
    fn sets_by_their_members() {
        let mut rng = oorandom::Rand32::new(71);
        for round in 0..rounds(2_000) {
            let (a, b) = (random(&mut rng), random(&mut rng));
            let (both, either, not) = (
                a.intersection(&b),
                Intervals::union_of(a.0.iter().chain(&b.0).cloned()),
                a.complement(),
            );
            let mut within = true;
            for probe in probes() {
                let probe = probe.as_ref();
                let (in_a, in_b) = (a.contains(probe), b.contains(probe));
                assert_eq!(both.contains(probe), in_a && in_b, "{round}");
                assert_eq!(either.contains(probe), in_a || in_b, "{round}");
                assert_eq!(not.contains(probe), !in_a, "{round}");
                within &= !in_a || in_b;
            }
            assert_eq!(a.is_within(&b), within, "{round}: {a:?} {b:?}");
            for list in [&both, &either, &not] {
                for pair in list.0.windows(2) {
                    assert!(
                        !touches(&pair[0], &pair[1]) && compare_lows(&pair[0], &pair[1]).is_lt()
                    );
                }
            }
        }
        assert!(Intervals::all().is_all() && Intervals::none().complement().is_all());
        assert!(Intervals::point(int(1).as_ref()).is_point());
    }
}
