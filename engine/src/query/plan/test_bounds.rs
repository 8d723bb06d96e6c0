//! Which values in an index can belong to documents that pass a test.
//!
//! B1. A document that passes has an entry with a value inside of the bounds, whatever its
//!     arrays. The converse holds where the bounds are [`Exactness::Exact`].

use super::interval::{Interval, Intervals, bare};
use super::type_range::type_range;
use crate::bson::decimal::Decimal;
use crate::bson::element::{Elements, Value};
use crate::bson::number::Number;
use crate::bson::ty;
use crate::query::filter::{InList, Pattern, Test};

/// What an entry within the bounds says of its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exactness {
    /// It passes the test.
    Exact,
    /// The value in the entry tells.
    ByKey,
    /// The document has to be read.
    ByDocument,
}

/// Bounds of a test.
#[derive(Debug, Clone)]
pub struct TestBounds {
    pub intervals: Intervals,
    pub exactness: Exactness,
}

impl TestBounds {
    pub(super) fn new(intervals: Intervals, exactness: Exactness) -> TestBounds {
        TestBounds { intervals, exactness }
    }

    fn exact(intervals: Intervals) -> TestBounds {
        TestBounds::new(intervals, Exactness::Exact)
    }

    fn by_document(intervals: Intervals) -> TestBounds {
        TestBounds::new(intervals, Exactness::ByDocument)
    }
}

/// The bounds of a test; none if it can be passed by any value.
pub fn bounds_of(test: &Test) -> Option<TestBounds> {
    Some(match test {
        Test::Eq(value) => equal(value.as_ref()),
        Test::Ne(value) => other_values(&equal(value.as_ref()))?,
        Test::Gt(value) => above(value.as_ref(), false)?,
        Test::Gte(value) => above(value.as_ref(), true)?,
        Test::Lt(value) => below(value.as_ref(), false)?,
        Test::Lte(value) => below(value.as_ref(), true)?,
        Test::In(list) => one_of(list),
        Test::Nin(list) => other_values(&one_of(list))?,
        Test::Not(tests) => match &tests[..] {
            [one] => other_than(&bounds_of(one)?)?,
            _ => return None,
        },
        Test::Exists(true) => TestBounds::by_document(Intervals::all()),
        Test::Exists(false) => TestBounds::by_document(Intervals::point(bare(ty::NULL))),
        Test::Type(types) => of_types(types)?,
        Test::Mod { .. } => TestBounds::new(Intervals::union_of([all_numbers()]), Exactness::ByKey),
        Test::Regex(pattern) => like(pattern),
        // Taken apart by whoever looks at conditions.
        Test::All(_) | Test::ElemMatchObject(_) | Test::ElemMatchValue(_) => return None,
        // Entries are in the order of bytes.
        Test::Size(_) | Test::Bits(_) | Test::Collated(_) => return None,
    })
}

/// Does no document pass that lacks the field?
pub fn needs_field(test: &Test) -> bool {
    match test {
        Test::Exists(exists) => *exists,
        Test::All(_) | Test::ElemMatchObject(_) | Test::ElemMatchValue(_) => true,
        Test::Size(_) | Test::Bits(_) => true,
        Test::Collated(test) => needs_field(&test.written),
        _ => bounds_of(test).is_some_and(|bounds| {
            !bounds.intervals.contains(bare(ty::NULL))
                && !bounds.intervals.contains(bare(ty::UNDEFINED))
        }),
    }
}

/// Whatever has no value within these bounds, if that is what failing the test means.
fn other_than(bounds: &TestBounds) -> Option<TestBounds> {
    let is_exact = bounds.exactness == Exactness::Exact;
    is_exact.then(|| TestBounds::exact(bounds.intervals.complement()))
}

/// Whatever is equal to none of the values with these bounds. Not null is what has only values
/// that are none; so has an empty array, whose entry is undefined.
fn other_values(bounds: &TestBounds) -> Option<TestBounds> {
    let points = bounds.intervals.as_slice();
    // Arrays are no values of entries.
    if points.iter().any(|one| !one.is_point() || one.low.ty == ty::ARRAY) {
        return None;
    }
    if bounds.exactness == Exactness::Exact {
        return other_than(bounds);
    }
    Some(TestBounds::by_document(Intervals::point(bare(ty::NULL)).complement()))
}

/// Values of one of these types. Of an array the entries are its elements.
fn of_types(types: &[u8]) -> Option<TestBounds> {
    if types.contains(&ty::ARRAY) {
        return None;
    }
    let mut all = vec![];
    for &one in types {
        all.push(match type_range(one).low.ty {
            ty::DOUBLE => all_numbers(),
            _ => type_range(one),
        });
        // An empty array has undefined in its place, and a missing field null.
        if one == ty::NULL || one == ty::UNDEFINED {
            all.push(Interval::point(bare(ty::UNDEFINED)));
        }
    }
    // Of what is missing a key says no more than of null.
    let exactness = match types.contains(&ty::NULL) || types.contains(&ty::UNDEFINED) {
        true => Exactness::ByDocument,
        false => Exactness::ByKey,
    };
    Some(TestBounds::new(Intervals::union_of(all), exactness))
}

/// All numbers, and NaN, which is less than they.
fn all_numbers() -> Interval {
    let nan = f64::NAN.to_le_bytes();
    let low = Value { ty: ty::DOUBLE, bytes: &nan }.to_owned();
    Interval { low, ..type_range(ty::DOUBLE) }
}

/// Strings like a pattern, and the pattern itself.
fn like(pattern: &Pattern) -> TestBounds {
    let itself = Interval::point(pattern.value());
    let text = |text: &str| {
        let len = (text.len() as i32 + 1).to_le_bytes();
        [&len, text.as_bytes(), b"\0"].concat()
    };
    let prefix = pattern.prefix();
    let ends = prefix
        .as_ref()
        .and_then(|(prefix, exact)| Some((text(prefix), text(&successor(prefix)?), *exact)));
    match ends {
        Some((low, high, exact)) => {
            let value = |bytes| Value { ty: ty::STRING, bytes };
            let strings = Interval::new(value(&low), true, value(&high), false);
            let exactness = if exact { Exactness::Exact } else { Exactness::ByKey };
            TestBounds::new(Intervals::union_of([strings, itself]), exactness)
        }
        None => {
            let strings = type_range(ty::STRING);
            TestBounds::new(Intervals::union_of([strings, itself]), Exactness::ByKey)
        }
    }
}

/// The least text that is greater than all that begin with this one, its last character made the
/// next one.
fn successor(prefix: &str) -> Option<String> {
    let last = prefix.chars().next_back()?;
    let next = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32)?;
    let mut out = prefix[..prefix.len() - last.len_utf8()].to_owned();
    out.push(next);
    Some(out)
}

/// Values equal to this one. An array is indexed by its elements; a missing field as null, an
/// empty array as undefined.
pub fn equal(value: Value<'_>) -> TestBounds {
    match value.ty {
        ty::NULL => {
            let missing = [bare(ty::UNDEFINED), bare(ty::NULL)].map(Interval::point);
            TestBounds::by_document(Intervals::union_of(missing))
        }
        ty::ARRAY => {
            let first = Elements::new(value.bytes).ok().and_then(|mut all| all.next()?.ok());
            let first = first.map_or(bare(ty::UNDEFINED), |first| first.val());
            let points = [Interval::point(first), Interval::point(value)];
            TestBounds::by_document(Intervals::union_of(points))
        }
        _ => TestBounds::exact(Intervals::point(value)),
    }
}

fn one_of(list: &InList) -> TestBounds {
    let mut exactness = Exactness::Exact;
    let mut all = vec![];
    let values = list.values().iter().map(|value| equal(value.as_ref()));
    for bounds in values.chain(list.patterns().iter().map(like)) {
        exactness = exactness.max(bounds.exactness);
        all.extend(bounds.intervals.as_slice().iter().cloned());
    }
    TestBounds::new(Intervals::union_of(all), exactness)
}

/// Values greater than this one, of its type.
fn above(value: Value<'_>, inclusive: bool) -> Option<TestBounds> {
    ranged(value, inclusive, |range| Interval {
        low: value.to_owned(),
        with_low: inclusive,
        ..range
    })
}

/// Values less than this one, of its type.
fn below(value: Value<'_>, inclusive: bool) -> Option<TestBounds> {
    ranged(value, inclusive, |range| Interval {
        high: value.to_owned(),
        with_high: inclusive,
        ..range
    })
}

fn ranged(
    value: Value<'_>,
    inclusive: bool,
    cut: impl Fn(Interval) -> Interval,
) -> Option<TestBounds> {
    match value.ty {
        // Compared with everything: an array with what its elements are not less or greater than,
        // too.
        ty::MIN_KEY | ty::MAX_KEY => {
            let within = cut(Interval::all());
            let is_end = within.low_to(within.high.as_ref()).is_eq();
            let bounds = if is_end { Intervals::union_of([within]) } else { Intervals::all() };
            Some(TestBounds::by_document(bounds))
        }
        // Compared whole; entries have elements.
        ty::ARRAY => None,
        ty::NULL if inclusive => Some(equal(value)),
        ty::NULL => Some(TestBounds::by_document(Intervals::none())),
        _ if is_nan(value) => Some(TestBounds::exact(match inclusive {
            true => Intervals::point(value),
            false => Intervals::none(),
        })),
        _ => Some(TestBounds::exact(Intervals::union_of([cut(type_range(value.ty))]))),
    }
}

/// Is it not a number? Such compare with themselves alone.
pub fn is_nan(value: Value<'_>) -> bool {
    match value.ty {
        ty::DECIMAL128 => matches!(Decimal::of(value), Some(Decimal::NaN)),
        _ => matches!(value.as_number(), Some(Number::Double(number)) if number.is_nan()),
    }
}
