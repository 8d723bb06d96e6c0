//! The hot path: adds to a few counters that are there, without allocating.
//!
//! Everything unusual (a field that is missing, indexed or no number, an int32 that would
//! overflow) is left to the general path, which does it or says what is wrong.
//!
//! I1. A plan is complete: nothing has been written, and every write lies inside of the
//!     document, over a number of the same type.

use super::indexed_paths::IndexedPaths;
use crate::bson::element::read_i32;
use crate::bson::field::{FieldPath, Skips, locate};
use crate::bson::number::Number;
use crate::bson::shape::Shape;
use crate::bson::ty;
use crate::error::{Error, Reason, Result};

/// Most counters of one plan.
pub const COUNTERS_MAX: usize = 8;

/// How a few increments are done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// By the writes of the plan.
    InPlace,
    /// By [`super::Update::increments`].
    General,
}

/// Writes of one plan. It stays where it is made: copies of it would cost as much as the hit.
#[derive(Debug)]
pub struct Plan {
    writes: [CounterWrite; COUNTERS_MAX],
    count: usize,
    /// What scans passed over.
    pub skips: Skips,
    /// How many counters the shape found; the others were scanned for.
    pub by_shape: u32,
}

/// The new value of one counter.
#[derive(Debug, Clone, Copy)]
pub struct CounterWrite {
    /// Offset of the value in the document.
    pub ofs: u32,
    /// The new value, of the width of the old one.
    pub value: Number,
}

impl Default for Plan {
    #[inline]
    fn default() -> Plan {
        let none = CounterWrite { ofs: 0, value: Number::Int32(0) };
        Plan { writes: [none; COUNTERS_MAX], count: 0, skips: Skips::default(), by_shape: 0 }
    }
}

impl Plan {
    /// The writes; none for an amount of zero.
    #[inline]
    pub fn writes(&self) -> &[CounterWrite] {
        &self.writes[..self.count]
    }
}

/// Plans the addition of an amount to each path in the document `doc`. A `shape` given must be
/// one that the document has. The `plan` is a new one.
#[inline]
pub fn make(
    plan: &mut Plan,
    doc: &[u8],
    amounts: &[(&FieldPath, i64)],
    indexed: &IndexedPaths,
    shape: Option<&Shape>,
) -> Result<How> {
    if amounts.len() > COUNTERS_MAX {
        return Ok(How::General);
    }
    for (i, &(path, by)) in amounts.iter().enumerate() {
        if amounts[..i].iter().any(|(other, _)| other.may_share_first(path)) {
            check_conflict(path, &amounts[..i])?;
        }
        let Some((ofs, ty)) = place(doc, path, shape, plan)? else { return Ok(How::General) };
        let Some(new) = sum(doc, ofs, ty, by) else { return Ok(How::General) };
        let Some(value) = new.changed else { continue };
        if path.is_id() || indexed.might_be_indexed(path) {
            return Ok(How::General);
        }
        plan.writes[plan.count] = CounterWrite { ofs, value };
        plan.count += 1;
    }
    Ok(How::InPlace)
}

/// Two increments of one field, or of a field and one inside of it, exclude each other.
fn check_conflict(path: &FieldPath, others: &[(&FieldPath, i64)]) -> Result<()> {
    match others.iter().find(|(other, _)| other.overlaps(path)) {
        Some((other, _)) => Err(conflict(path, other)),
        None => Ok(()),
    }
}

/// A sum of the type of the counter; none if it is the counter as it was.
struct Sum {
    changed: Option<Number>,
}

/// The sum of the counter at `ofs` and an integer, if it is a number and the sum has its type.
#[inline(always)]
fn sum(doc: &[u8], ofs: u32, ty: u8, by: i64) -> Option<Sum> {
    let value = doc.get(ofs as usize..)?;
    if ty == ty::INT32 {
        // The common case, without the matches of the others.
        let new = read_i32(value)?.checked_add(i32::try_from(by).ok()?)?;
        return Some(Sum { changed: (by != 0).then_some(Number::Int32(new)) });
    }
    let old = Number::read(ty, value)?;
    let new = old.plus_within_type(by)?;
    // No NaN is equal to another.
    Some(Sum { changed: (!new.is_identical(old) || new.to_f64().is_nan()).then_some(new) })
}

#[cold]
fn conflict(path: &FieldPath, other: &FieldPath) -> Error {
    let at = path.prefix(path.depth().min(other.depth()));
    let message = format!("Updating the path '{path}' would create a conflict at '{at}'");
    Error::refused(Reason::ConflictingUpdateOperators, message)
}

/// Where the counter's value lies, and its type; `None` if there is no such field.
#[inline(always)]
fn place(
    doc: &[u8],
    path: &FieldPath,
    shape: Option<&Shape>,
    plan: &mut Plan,
) -> Result<Option<(u32, u8)>> {
    if let Some(slot) = shape.and_then(|shape| shape.find(path)) {
        plan.by_shape += 1;
        return Ok(slot.value_ofs(doc.len()).map(|ofs| (ofs as u32, slot.ty)));
    }
    let found = locate(doc, path, &mut plan.skips)?.found();
    Ok(found.map(|span| (span.value_ofs, span.ty)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bson::test_documents::{hierarchical_day, random_document};
    use crate::rounds::{met_more_than, rounds};
    use crate::update::{Context, Mutation, Update};
    use ::bson::rawdoc;

    fn path(text: &str) -> FieldPath {
        FieldPath::parse(text).unwrap()
    }

    /// The plan, if these are done in place.
    fn plan(
        doc: &[u8],
        amounts: &[(&FieldPath, i64)],
        indexed: &IndexedPaths,
        shape: Option<&Shape>,
    ) -> Result<Option<Plan>> {
        let mut plan = Plan::default();
        let how = make(&mut plan, doc, amounts, indexed, shape)?;
        Ok((how == How::InPlace).then_some(plan))
    }

    #[test]
    #[cfg_attr(miri, ignore = "too long")]
    fn adds_where_the_counters_lie() {
        let doc = hierarchical_day();
        let (hour, minute) = (path("hourly.13"), path("minute.13.37"));
        let amounts = [(&hour, 1), (&minute, 2)];
        let shape = Shape::of(&doc).unwrap().unwrap();
        let scanned = plan(&doc, &amounts, &IndexedPaths::NONE, None).unwrap().unwrap();
        let found = plan(&doc, &amounts, &IndexedPaths::NONE, Some(&shape)).unwrap().unwrap();
        assert_eq!((scanned.by_shape, found.by_shape), (0, 2));
        assert_eq!((scanned.skips.fields, found.skips.fields), (2 + 13 + 3 + 13 + 37, 0));
        let writes = |plan: &Plan| -> Vec<_> {
            plan.writes().iter().map(|write| (write.ofs, write.value)).collect()
        };
        assert_eq!(writes(&scanned), writes(&found));
        assert_eq!(scanned.writes()[1].value, Number::Int32(2));
    }

    #[test]
    fn the_unusual_is_left_to_the_general_path() {
        let doc = rawdoc! { "_id": 1, "i": i32::MAX, "l": i64::MAX, "s": "x", "d": 1.5, "k": 1 };
        let indexed = IndexedPaths::new([path("k")]);
        let general = |text: &str, by| {
            plan(doc.as_bytes(), &[(&path(text), by)], &indexed, None).unwrap().is_none()
        };
        assert!(general("i", 1) && general("l", 1) && general("s", 1) && general("k", 1));
        assert!(general("missing", 1) && general("i.x", 1) && general("_id", 1));
        assert!(general("i", -(1 << 40)));
        assert!(!general("i", -1) && !general("l", -1) && !general("d", 7) && !general("k", 0));
        let paths: Vec<_> = (0..9).map(|i| path(&format!("p{i}"))).collect();
        let many: Vec<_> = paths.iter().map(|path| (path, 1)).collect();
        assert!(plan(doc.as_bytes(), &many, &indexed, None).unwrap().is_none());
    }

    #[test]
    fn one_field_twice_is_refused() {
        let doc = hierarchical_day();
        let plan = |a: &str, b: &str| {
            plan(&doc, &[(&path(a), 1), (&path(b), 1)], &IndexedPaths::NONE, None)
        };
        assert!(matches!(
            plan("hourly.1", "hourly.1"),
            Err(Error::Refused { reason: Reason::ConflictingUpdateOperators, .. })
        ));
        // Of two where one lies in the other, one is no counter: the general path refuses them.
        for (a, b) in [("minute.1", "minute.1.2"), ("hourly.1.2", "hourly.1"), ("a.b", "a")] {
            assert!(plan(a, b).is_ok_and(|plan| plan.is_none()), "{a} {b}");
            let (a, b) = (path(a), path(b));
            let refused = Update::increments(&[(&a, 1), (&b, 1)]).map(|_| ());
            assert!(matches!(
                refused,
                Err(Error::Refused { reason: Reason::ConflictingUpdateOperators, .. })
            ));
        }
    }

    #[test]
    fn agrees_with_the_general_path() {
        let mut rng = oorandom::Rand32::new(9);
        let mut planned = 0;
        for _ in 0..rounds(10_000) {
            let doc = random_document(&mut rng);
            let shape = Shape::of(&doc).unwrap();
            let path = path(["a", "b", "c.0", "a.b", "0.1", "b.a"][rng.rand_range(0..6) as usize]);
            let by = i64::from(rng.rand_range(0..3)) - 1;
            let amounts = [(&path, by)];
            let Some(writes) = plan(&doc, &amounts, &IndexedPaths::NONE, shape.as_ref()).unwrap()
            else {
                continue;
            };
            planned += 1;
            let mut new = doc.clone();
            for write in writes.writes() {
                let (ofs, width) = (write.ofs as usize, write.value.width());
                new[ofs..ofs + width].copy_from_slice(&write.value.to_bytes()[..width]);
            }
            let none = IndexedPaths::NONE;
            let context = Context::new(&none);
            let applied = Update::increments(&amounts).unwrap().apply(&doc, &context).unwrap();
            assert!(!matches!(applied.mutation, Mutation::Regrow(_)));
            assert_eq!(applied.mutation.into_document(doc), new);
        }
        assert!(met_more_than(300, planned), "{planned}");
    }
}
