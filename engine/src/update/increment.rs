//! The hot path: adds to a few counters that are there, without allocating.
//!
//! Everything unusual (a field that is missing, indexed or no number, an int32 that would
//! overflow) is left to the general path, which does it or says what is wrong.
//!
//! I1. A plan is complete: nothing has been written, and every write lies inside of the
//!     document, over a number of the same type.

use super::indexed_paths::IndexedPaths;
use crate::bson::document::doc_len;
use crate::bson::field::{FieldPath, Skips, locate};
use crate::bson::number::Number;
use crate::bson::shape::Shape;
use crate::error::{Error, Reason, Result};

/// Most counters of one plan.
pub const COUNTERS_MAX: usize = 8;

/// How a few increments are done.
#[derive(Debug, Clone, Copy)]
pub enum Plan {
    /// By these writes.
    InPlace(CounterWrites),
    /// By [`super::Update::increments`].
    General,
}

/// Writes of one plan.
#[derive(Debug, Clone, Copy, Default)]
pub struct CounterWrites {
    writes: [CounterWrite; COUNTERS_MAX],
    count: usize,
    /// What scans passed over.
    pub skips: Skips,
    /// How many counters the shape found; the others were scanned for.
    pub by_shape: u32,
}

/// New bytes of one counter.
#[derive(Debug, Clone, Copy, Default)]
pub struct CounterWrite {
    /// Offset of the value in the document.
    pub ofs: u32,
    len: u32,
    bytes: [u8; 8],
}

impl CounterWrite {
    /// The bytes.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len as usize]
    }
}

impl CounterWrites {
    /// The writes; none for an amount of zero.
    #[inline]
    pub fn writes(&self) -> &[CounterWrite] {
        &self.writes[..self.count]
    }
}

/// Plans the addition of an amount to each path in the document at the start of `doc`; what
/// follows it, such as a record's padding, is ignored. A `shape` given must be one that the
/// document has.
#[inline]
pub fn plan(
    doc: &[u8],
    amounts: &[(&FieldPath, i64)],
    indexed: &IndexedPaths,
    shape: Option<&Shape>,
) -> Result<Plan> {
    if amounts.len() > COUNTERS_MAX {
        return Ok(Plan::General);
    }
    check_conflicts(amounts)?;
    let doc = &doc[..doc_len(doc)?];
    let mut plan = CounterWrites::default();
    for &(path, by) in amounts {
        let Some((ofs, old)) = counter(doc, path, shape, &mut plan)? else {
            return Ok(Plan::General);
        };
        let is_special = path.component(0) == "_id" || indexed.might_be_indexed(path);
        let Some(new) = old.plus(Number::integer(by)).filter(|new| new.ty() == old.ty()) else {
            return Ok(Plan::General);
        };
        if new.is_identical(old) {
            continue;
        }
        if is_special {
            return Ok(Plan::General);
        }
        plan.writes[plan.count] =
            CounterWrite { ofs, len: new.width() as u32, bytes: new.to_bytes() };
        plan.count += 1;
    }
    Ok(Plan::InPlace(plan))
}

/// Two increments of one field, or of a field and one inside of it, exclude each other.
#[inline]
fn check_conflicts(amounts: &[(&FieldPath, i64)]) -> Result<()> {
    for (i, (path, _)) in amounts.iter().enumerate() {
        if let Some((other, _)) = amounts[..i].iter().find(|(other, _)| other.overlaps(path)) {
            return Err(conflict(path, other));
        }
    }
    Ok(())
}

#[cold]
fn conflict(path: &FieldPath, other: &FieldPath) -> Error {
    let at = path.prefix(path.depth().min(other.depth()));
    let message = format!("Updating the path '{path}' would create a conflict at '{at}'");
    Error::refused(Reason::ConflictingUpdateOperators, message)
}

/// Where the counter's value lies, and what it is; `None` if there is no such counter.
#[inline]
fn counter(
    doc: &[u8],
    path: &FieldPath,
    shape: Option<&Shape>,
    plan: &mut CounterWrites,
) -> Result<Option<(u32, Number)>> {
    if let Some(slot) = shape.and_then(|shape| shape.find(path)) {
        plan.by_shape += 1;
        let ofs = slot.value_ofs(doc.len()).unwrap_or(doc.len());
        return Ok(Number::read(slot.ty, &doc[ofs..]).map(|number| (ofs as u32, number)));
    }
    let Some(span) = locate(doc, path, &mut plan.skips)?.found() else {
        return Ok(None);
    };
    Ok(Number::read(span.ty, span.value(doc)).map(|number| (span.value_ofs, number)))
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

    fn in_place(plan: Plan) -> CounterWrites {
        match plan {
            Plan::InPlace(writes) => writes,
            Plan::General => panic!("not in place"),
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "too long")]
    fn adds_where_the_counters_lie() {
        let doc = hierarchical_day();
        let (hour, minute) = (path("hourly.13"), path("minute.13.37"));
        let amounts = [(&hour, 1), (&minute, 2)];
        let shape = Shape::of(&doc).unwrap().unwrap();
        let scanned = in_place(plan(&doc, &amounts, &IndexedPaths::NONE, None).unwrap());
        let mut padded = doc.clone();
        padded.resize(doc.len() + 100, 0);
        let found = in_place(plan(&padded, &amounts, &IndexedPaths::NONE, Some(&shape)).unwrap());
        assert_eq!((scanned.by_shape, found.by_shape), (0, 2));
        assert_eq!((scanned.skips.fields, found.skips.fields), (2 + 13 + 3 + 13 + 37, 0));
        let writes = |plan: &CounterWrites| -> Vec<_> {
            plan.writes().iter().map(|write| (write.ofs, write.bytes().to_vec())).collect()
        };
        assert_eq!(writes(&scanned), writes(&found));
        assert_eq!(scanned.writes()[1].bytes(), [2, 0, 0, 0]);
    }

    #[test]
    fn the_unusual_is_left_to_the_general_path() {
        let doc = rawdoc! { "_id": 1, "i": i32::MAX, "l": i64::MAX, "s": "x", "d": 1.5, "k": 1 };
        let indexed = IndexedPaths::new([path("k")]);
        let general = |text: &str, by| {
            let plan = plan(doc.as_bytes(), &[(&path(text), by)], &indexed, None).unwrap();
            matches!(plan, Plan::General)
        };
        assert!(general("i", 1) && general("l", 1) && general("s", 1) && general("k", 1));
        assert!(general("missing", 1) && general("i.x", 1) && general("_id", 1));
        assert!(general("i", -(1 << 40)));
        assert!(!general("i", -1) && !general("l", -1) && !general("d", 7) && !general("k", 0));
        let paths: Vec<_> = (0..9).map(|i| path(&format!("p{i}"))).collect();
        let many: Vec<_> = paths.iter().map(|path| (path, 1)).collect();
        assert!(matches!(plan(doc.as_bytes(), &many, &indexed, None), Ok(Plan::General)));
    }

    #[test]
    fn one_field_twice_is_refused() {
        let doc = hierarchical_day();
        for (a, b) in [("hourly.1", "hourly.1"), ("minute.1", "minute.1.2"), ("a.b", "a")] {
            let refused = plan(&doc, &[(&path(a), 1), (&path(b), 1)], &IndexedPaths::NONE, None);
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
            let Plan::InPlace(writes) =
                plan(&doc, &amounts, &IndexedPaths::NONE, shape.as_ref()).unwrap()
            else {
                continue;
            };
            planned += 1;
            let mut new = doc.clone();
            for write in writes.writes() {
                let ofs = write.ofs as usize;
                new[ofs..ofs + write.bytes().len()].copy_from_slice(write.bytes());
            }
            let context = Context { indexed: &IndexedPaths::NONE, timestamp: 0, inserting: false };
            let applied = Update::increments(&amounts).unwrap().apply(&doc, &context).unwrap();
            assert!(!matches!(applied.mutation, Mutation::Regrow(_)));
            assert_eq!(applied.mutation.into_document(doc), new);
        }
        assert!(met_more_than(300, planned), "{planned}");
    }
}
