//! Where in a walk over an index an entry is: within the bounds, before the next part of them,
//! or behind the last.

use std::cmp::Ordering;

use crate::bson::element::{Elements, OwnedValue, Value};
use crate::bson::ty;
use crate::query::plan::{IndexScan, Interval};

/// The bounds of a walk, in its direction.
#[derive(Debug)]
pub struct BoundsCheck {
    fields: Vec<FieldBounds>,
}

/// The bounds of one field, in the walk's direction.
#[derive(Debug)]
struct FieldBounds {
    intervals: Vec<Interval>,
    /// Do values descend?
    descends: bool,
}

/// What an entry's place means for the walk.
#[derive(Debug)]
pub enum Verdict {
    Within,
    /// Nothing is within before this key.
    Seek(SeekKey),
    Done,
}

/// A key to go on from.
#[derive(Debug, PartialEq)]
pub struct SeekKey {
    pub values: Vec<OwnedValue>,
    /// Or behind all entries with this key?
    pub inclusive: bool,
}

impl BoundsCheck {
    /// The bounds of a scan.
    pub fn new(scan: &IndexScan) -> BoundsCheck {
        let fields = scan.fields.iter().zip(&scan.index.descending).map(|(field, descending)| {
            let descends = *descending != scan.backward;
            let mut intervals = field.as_slice().to_vec();
            if descends {
                intervals.reverse();
            }
            FieldBounds { intervals, descends }
        });
        BoundsCheck { fields: fields.collect() }
    }

    /// Where a walk begins; nowhere if nothing can be within.
    pub fn first(&self) -> Option<SeekKey> {
        let possible = self.fields.iter().all(|field| !field.intervals.is_empty());
        possible.then(|| self.seek_into(vec![], 0, 0))
    }

    /// The key behind which nothing is within, if all keys before it are: and whether it is
    /// within itself. So it is where single values are followed by one interval, and that by
    /// fields without bounds.
    pub fn end(&self) -> Option<SeekKey> {
        let points = self.fields.iter().take_while(|field| field.is_point()).count();
        let behind = self.fields.get(points + 1..).unwrap_or_default();
        if !behind.iter().all(FieldBounds::is_all) {
            return None;
        }
        let mut values: Vec<OwnedValue> =
            self.fields[..points].iter().map(|field| field.intervals[0].low.clone()).collect();
        let mut inclusive = true;
        if let Some(last) = self.fields.get(points) {
            let [interval] = &last.intervals[..] else { return None };
            let (value, with) = last.exit(interval);
            values.push(value.clone());
            inclusive = with;
        }
        self.fill(&mut values, inclusive);
        Some(SeekKey { values, inclusive })
    }

    /// Where the entry with this key is.
    pub fn check(&self, key: &[u8]) -> Verdict {
        let Ok(elements) = Elements::new(key) else { return Verdict::Within };
        let mut before: Vec<Value<'_>> = Vec::with_capacity(self.fields.len());
        for (i, (field, element)) in
            self.fields.iter().zip(elements.map_while(Result::ok)).enumerate()
        {
            let value = element.val();
            match field.place(value) {
                Place::Within => before.push(value),
                Place::Before(number) => {
                    let values = owned(&before);
                    return Verdict::Seek(self.seek_into(values, i, number));
                }
                Place::Behind if i == 0 => return Verdict::Done,
                Place::Behind => {
                    let mut values = owned(&before);
                    self.fill(&mut values, true);
                    return Verdict::Seek(SeekKey { values, inclusive: false });
                }
            }
        }
        Verdict::Within
    }

    /// The first key with these values that is in interval `number` of field `i`.
    fn seek_into(&self, mut values: Vec<OwnedValue>, i: usize, number: usize) -> SeekKey {
        for (k, field) in self.fields.iter().enumerate().skip(i) {
            let interval = &field.intervals[if k == i { number } else { 0 }];
            let (value, with) = field.entry(interval);
            values.push(value.clone());
            if !with {
                // Behind all that begin so.
                self.fill(&mut values, true);
                return SeekKey { values, inclusive: false };
            }
        }
        SeekKey { values, inclusive: true }
    }

    /// Completes a key by the last values of the fields that are missing, or by the first.
    fn fill(&self, values: &mut Vec<OwnedValue>, last: bool) {
        for field in &self.fields[values.len()..] {
            let ty = if field.descends == last { ty::MIN_KEY } else { ty::MAX_KEY };
            values.push(Value { ty, bytes: &[] }.to_owned());
        }
    }
}

fn owned(values: &[Value<'_>]) -> Vec<OwnedValue> {
    values.iter().map(|value| Value::to_owned(*value)).collect()
}

/// Where a value is among the intervals of a field.
enum Place {
    Within,
    /// Before the interval of this number.
    Before(usize),
    Behind,
}

impl FieldBounds {
    fn is_point(&self) -> bool {
        matches!(&self.intervals[..], [one] if one.is_point())
    }

    fn is_all(&self) -> bool {
        matches!(&self.intervals[..], [one] if one.is_all())
    }

    /// The end of an interval at which the walk comes in.
    fn entry<'i>(&self, interval: &'i Interval) -> (&'i OwnedValue, bool) {
        match self.descends {
            false => (&interval.low, interval.with_low),
            true => (&interval.high, interval.with_high),
        }
    }

    /// The end at which it goes out.
    fn exit<'i>(&self, interval: &'i Interval) -> (&'i OwnedValue, bool) {
        match self.descends {
            false => (&interval.high, interval.with_high),
            true => (&interval.low, interval.with_low),
        }
    }

    fn place(&self, value: Value<'_>) -> Place {
        let ahead = if self.descends { Ordering::Greater } else { Ordering::Less };
        let behind = ahead.reverse();
        let first = self.intervals.partition_point(|one| one.locate(value) == behind);
        match self.intervals.get(first).map(|one| one.locate(value)) {
            None => Place::Behind,
            Some(Ordering::Equal) => Place::Within,
            Some(_) => Place::Before(first),
        }
    }
}
